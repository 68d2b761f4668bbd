/* Rows of certificates, keys and issuers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"
#include "tests/sim/tiny_ca.h"

static long count(const char *what)
{
	char sql[200];
	struct err err = ERR_INIT;
	long n;

	must(store_commit(fix.store, &err), &err);
	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s", what);
	n = scratch_number(fix.dir, "state.db", sql);
	must(store_begin(fix.store, &err), &err);
	return n;
}

static void a_new_one_retires_the_old(void **state)
{
	struct cert first = rows_cert(fix.store, &fix.domain, "leaf 1", "issuer");
	struct cert second, now;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fix.domain.cert_id, first.id);
	second = rows_cert(fix.store, &fix.domain, "leaf 2", "issuer");
	assert_int_equal(fix.domain.cert_id, second.id);
	assert_true(cert_current(fix.store, &fix.domain, &now, &err));
	assert_memory_equal(&now, &second, sizeof(now));
	assert_int_equal(count("cert WHERE state = 0"), 1);
	assert_int_equal(count("cert WHERE state = 1"), 1);
	assert_int_equal(count("issuer"), 1);	/* stored once */
}

/* What DNS was seen to say while it waited is not what it says now. */
static void the_first_has_dns_looked_at(void **state)
{
	struct watch w = { .domain_id = fix.domain.id,
			   .due_at = ROWS_NOW + 3600 };

	(void)state;
	must(watch_write(fix.store, &w, NULL), NULL);
	rows_cert(fix.store, &fix.domain, "leaf 1", "issuer");
	must(watch_of(fix.store, &fix.domain, &w, NULL), NULL);
	assert_int_equal(w.due_at, ROWS_NOW);
	assert_int_equal(w.news_at, 0);
	w.due_at = ROWS_NOW + 3600;
	must(watch_write(fix.store, &w, NULL), NULL);
	rows_cert(fix.store, &fix.domain, "leaf 2", "issuer");
	must(watch_of(fix.store, &fix.domain, &w, NULL), NULL);
	assert_int_equal(w.due_at, ROWS_NOW + 3600);
}

static void a_domain_without_one_says_so(void **state)
{
	struct err err = ERR_INIT;
	struct cert c;

	(void)state;
	assert_false(cert_current(fix.store, &fix.domain, &c, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "example.org"));
	assert_int_equal(cert_nearest_expiry(fix.store), 0);
}

static void the_last_few_are_kept_with_their_keys(void **state)
{
	struct cert c;
	struct p256 key;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 20; i++)
		c = rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	assert_in_range(count("cert"), 4, 8);
	assert_in_range(count("key"), 4, 12);
	assert_int_equal(count("cert LEFT JOIN key ON key.id = key_id"
			       " WHERE key.id IS NULL"), 0);
	assert_true(key_by_id(fix.store, c.key_id, &key, &err));
}

/* It is a renewal there, which the CA's limits do not count. */
static void the_last_one_of_another_ca_is_kept(void **state)
{
	struct err err = ERR_INIT;
	struct cert first;
	struct ca other;

	(void)state;
	first = rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	must(ca_ensure(fix.store, "other", "https://other.test/dir", &other,
		       &err),
	     &err);
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db", "UPDATE cert SET ca_id = 2");
	must(store_begin(fix.store, &err), &err);
	for (int i = 0; i < 20; i++)
		rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	assert_int_equal(other.id, 2);
	assert_true(
		cert_is_known_to(fix.store, fix.domain.id, other.id, ROWS_NOW));
	assert_true(cert_is_known_to(fix.store, fix.domain.id, first.ca_id,
				     ROWS_NOW));
	assert_in_range(count("cert"), 5, 9);
}

static struct cert install_bad(void)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct cert c = { .domain_id = fix.domain.id, .ca_id = o.ca_id,
			  .key_id = o.key_id, .order_id = o.id,
			  .state = CERT_BAD };
	struct cert_chain chain = { .leaf = (const unsigned char *)"bad",
				    .leaf_len = 3 };
	struct err err = ERR_INIT;

	must(cert_install(fix.store, &fix.domain, &c, &chain, &err), &err);
	o.state = ORDER_DEAD;
	o.ended_at = 1;
	must(order_update(fix.store, &o, &err), &err);
	return c;
}

static void a_bad_one_changes_nothing_else(void **state)
{
	struct cert good = rows_cert(fix.store, &fix.domain, "leaf", "issuer"), now;
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 20; i++)
		install_bad();
	assert_true(cert_current(fix.store, &fix.domain, &now, &err));
	assert_int_equal(now.id, good.id);
	assert_in_range(count("cert WHERE state = 2"), 3, 7);
	assert_int_equal(count("cert WHERE state = 0"), 1);
}

/* "Exactly one certificate for one order" is the database's word too. */
static void an_order_gives_one_certificate(void **state)
{
	struct cert c = rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	struct cert_chain chain = { .leaf = (const unsigned char *)"leaf",
				    .leaf_len = 4 };
	struct err err = ERR_INIT;

	(void)state;
	assert_false(cert_install(fix.store, &fix.domain, &c, &chain, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void a_stale_domain_installs_nothing(void **state)
{
	struct domain stale = fix.domain;
	struct order o = rows_order(fix.store, &fix.domain);
	struct cert c = { .domain_id = fix.domain.id, .ca_id = o.ca_id,
			  .key_id = o.key_id, .order_id = o.id };
	struct cert_chain chain = { .leaf = (const unsigned char *)"leaf",
				    .leaf_len = 4 };
	struct err err = ERR_INIT;

	(void)state;
	must(domain_update(fix.store, &fix.domain, &err), &err);
	assert_false(cert_install(fix.store, &stale, &c, &chain, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
}

/* ---- lists ---- */

struct seen {
	int64_t ids[9];
	size_t count, limit;
};

static bool note(const struct cert *c, void *arg)
{
	struct seen *seen = arg;

	seen->ids[seen->count++] = c->id;
	return seen->count < seen->limit;
}

static void they_are_listed_newest_first(void **state)
{
	struct cert first = rows_cert(fix.store, &fix.domain, "leaf 1", "issuer");
	struct cert second = rows_cert(fix.store, &fix.domain, "leaf 2", "issuer");
	struct seen seen = { .limit = 9 };
	struct err err = ERR_INIT;

	(void)state;
	assert_true(cert_each(fix.store, fix.domain.id, note, &seen, &err));
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.ids[0], second.id);
	assert_int_equal(seen.ids[1], first.id);
	seen = (struct seen){ .limit = 1 };
	assert_true(cert_each(fix.store, fix.domain.id, note, &seen, &err));
	assert_int_equal(seen.count, 1);
}

static void a_damaged_row_is_skipped(void **state)
{
	struct cert first = rows_cert(fix.store, &fix.domain, "leaf 1", "issuer");
	struct seen seen = { .limit = 9 };
	struct err err = ERR_INIT;

	(void)state;
	rows_cert(fix.store, &fix.domain, "leaf 2", "issuer");
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db", "UPDATE cert SET serial ="
				     " hex(zeroblob(90)) WHERE state = 0");
	assert_true(cert_each(fix.store, fix.domain.id, note, &seen, &err));
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.ids[0], first.id);
}

static void the_nearest_expiry_is_known(void **state)
{
	struct domain other = rows_domain(fix.store, "example.com");

	(void)state;
	rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	rows_cert(fix.store, &other, "leaf", "issuer");
	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db", "UPDATE cert SET not_after = 4000"
				     " WHERE domain_id = 2");
	assert_int_equal(cert_nearest_expiry(fix.store), 4000);
}

/* ---- PEM ---- */

static size_t der_of(X509 *x, unsigned char *out)
{
	int len = i2d_X509(x, &out);

	must(len > 0, NULL);
	return (size_t)len;
}

static struct cert install_real(const struct tiny_ca *ca, EVP_PKEY *key)
{
	X509 *x = tiny_ca_issue(ca, &(struct tiny_leaf){
		.host = "mta-sts.example.org", .key = key, .from = ROWS_NOW,
		.until = ROWS_NOW + 99, .serial = 5 });
	unsigned char leaf[2000], issuers[4000];
	struct order o = rows_order(fix.store, &fix.domain);
	struct cert c = { .domain_id = fix.domain.id, .ca_id = o.ca_id,
			  .key_id = o.key_id, .order_id = o.id };
	struct cert_chain chain = { .leaf = leaf, .issuers = issuers };
	struct err err = ERR_INIT;

	chain.leaf_len = der_of(x, leaf);
	chain.issuers_len = der_of(ca->cert, issuers);
	chain.issuers_len += der_of(ca->root, issuers + chain.issuers_len);
	must(cert_install(fix.store, &fix.domain, &c, &chain, &err), &err);
	X509_free(x);
	return c;
}

static void the_chain_comes_out_as_pem(void **state)
{
	struct tiny_ca ca;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct err err = ERR_INIT;
	struct cert c;
	char *pem, *after;
	int n = 0;

	(void)state;
	tiny_ca_init(&ca, "Tiny", ROWS_NOW, ROWS_NOW + 999);
	c = install_real(&ca, key);
	pem = cert_pem(fix.store, c.id, &err);
	assert_non_null(pem);
	for (after = pem; (after = strstr(after, "-----BEGIN CERT")); after++)
		n++;
	assert_int_equal(n, 3);
	free(pem);
	tiny_ca_release(&ca);
	EVP_PKEY_free(key);
}

static void what_is_no_certificate_has_no_pem(void **state)
{
	struct cert c = rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	struct err err = ERR_INIT;

	(void)state;
	assert_null(cert_pem(fix.store, c.id, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_null(cert_pem(fix.store, 4711, &err));
}

/* ---- keys ---- */

static void a_key_comes_back_as_it_was(void **state)
{
	struct p256 key, again;
	struct err err = ERR_INIT;
	int64_t id;

	(void)state;
	must(p256_generate(&key, &err), &err);
	assert_true(key_insert(fix.store, fix.domain.id, &key, 1, &id, &err));
	assert_true(key_by_id(fix.store, id, &again, &err));
	assert_memory_equal(&again, &key, sizeof(key));
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db", "UPDATE key SET point = x'04'");
	assert_false(key_by_id(fix.store, id, &again, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void a_compromised_key_never_comes_back(void **state)
{
	struct cert c = rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	struct err err = ERR_INIT;
	struct p256 key;
	int64_t id;

	(void)state;
	assert_true(key_by_id(fix.store, c.key_id, &key, &err));
	assert_false(key_is_compromised(fix.store, key.point));
	assert_true(key_compromise(fix.store, c.key_id, ROWS_NOW, &err));
	assert_true(key_compromise(fix.store, c.key_id, ROWS_NOW + 1, &err));
	assert_true(key_is_compromised(fix.store, key.point));
	assert_false(key_insert(fix.store, fix.domain.id, &key, 1, &id, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_true(domain_delete(fix.store, &fix.domain, ROWS_NOW, &err));
	assert_true(key_is_compromised(fix.store, key.point));
}

/* ---- revocation ---- */

static int64_t revocation_due(time_t now)
{
	struct err err = ERR_INIT;
	int64_t id = 0;

	cert_revoke_due(fix.store, now, &id, 1, &err);
	assert_int_equal(err.kind, ERR_NONE);
	return id;
}

static size_t to_judge(time_t now, int64_t *id)
{
	struct err err = ERR_INIT;
	size_t n = cert_judge_due(fix.store, now, id, 1, &err);

	assert_int_equal(err.kind, ERR_NONE);
	return n;
}

static void it_is_judged_when_it_was_to_be(void **state)
{
	struct cert c = rows_cert(fix.store, &fix.domain, "leaf", "issuer");
	struct err err = ERR_INIT;
	int64_t id = 0;

	(void)state;
	assert_int_equal(to_judge(1, &id), 1); /* at once */
	assert_int_equal(id, c.id);
	must(cert_judge_at(fix.store, c.id, 1000, &err), &err);
	assert_int_equal(to_judge(999, &id), 0);
	assert_int_equal(to_judge(1000, &id), 1);
	c = rows_cert(fix.store, &fix.domain, "leaf 2", "issuer");
	assert_int_equal(to_judge(999, &id), 1); /* not the old one */
	assert_int_equal(id, c.id);
}

static void its_revocation_waits_for_the_next_one(void **state)
{
	struct cert first = rows_cert(fix.store, &fix.domain, "a", "issuer");
	struct err err = ERR_INIT;

	(void)state;
	first.revoke_due_at = CERT_REVOKE_ONCE_REPLACED;
	assert_true(cert_update(fix.store, &first, &err));
	assert_int_equal(revocation_due(ROWS_NOW + 100), 0);
	rows_cert(fix.store, &fix.domain, "b", "issuer");
	assert_int_equal(revocation_due(ROWS_NOW - 1), 0);
	assert_int_equal(revocation_due(ROWS_NOW), first.id);
	assert_int_equal(cert_next_revoke(fix.store), ROWS_NOW);
}

static void what_is_to_be_revoked_is_not_forgotten(void **state)
{
	struct cert first = rows_cert(fix.store, &fix.domain, "a", "issuer");
	struct err err = ERR_INIT;
	struct buf der;

	(void)state;
	first.revoke_due_at = CERT_REVOKE_ONCE_REPLACED;
	assert_true(cert_update(fix.store, &first, &err));
	for (int i = 0; i < 9; i++)
		rows_cert(fix.store, &fix.domain, "b", "issuer");
	buf_init(&der, 65536);
	assert_true(cert_leaf(fix.store, first.id, &der, &err));
	assert_string_equal(der.data, "a");
	assert_true(cert_by_id(fix.store, first.id, &first, &err));
	first.revoke_due_at = 0;
	assert_true(cert_update(fix.store, &first, &err));
	rows_cert(fix.store, &fix.domain, "c", "issuer");
	assert_false(cert_leaf(fix.store, first.id, &der, &err));
	buf_release(&der);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_new_one_retires_the_old),
		WITH_A_DOMAIN(the_first_has_dns_looked_at),
		WITH_A_DOMAIN(a_domain_without_one_says_so),
		WITH_A_DOMAIN(the_last_few_are_kept_with_their_keys),
		WITH_A_DOMAIN(the_last_one_of_another_ca_is_kept),
		WITH_A_DOMAIN(a_bad_one_changes_nothing_else),
		WITH_A_DOMAIN(an_order_gives_one_certificate),
		WITH_A_DOMAIN(a_stale_domain_installs_nothing),
		WITH_A_DOMAIN(they_are_listed_newest_first),
		WITH_A_DOMAIN(a_damaged_row_is_skipped),
		WITH_A_DOMAIN(the_nearest_expiry_is_known),
		WITH_A_DOMAIN(the_chain_comes_out_as_pem),
		WITH_A_DOMAIN(what_is_no_certificate_has_no_pem),
		WITH_A_DOMAIN(a_key_comes_back_as_it_was),
		WITH_A_DOMAIN(a_compromised_key_never_comes_back),
		WITH_A_DOMAIN(it_is_judged_when_it_was_to_be),
		WITH_A_DOMAIN(its_revocation_waits_for_the_next_one),
		WITH_A_DOMAIN(what_is_to_be_revoked_is_not_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
