/* Certificates that come along from elsewhere, and what is not let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/cert_import.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/reached.h"
#include "store/serve.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"
#include "tests/sim/tiny_ca.h"

#define HOST "mta-sts.example.org"

static struct tiny_ca ca;
static EVP_PKEY *our_key, *other_key;
static const char *roots; /* beside the system's, or NULL */

static int set_up(void **state)
{
	(void)state;
	tiny_ca_init(&ca, "Tiny CA", ROWS_NOW - WHEN_DAY,
		     ROWS_NOW + 1000 * WHEN_DAY);
	our_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	return our_key && other_key ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tiny_ca_release(&ca);
	EVP_PKEY_free(our_key);
	EVP_PKEY_free(other_key);
	return 0;
}

static char *key_pem(EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text, *pem;
	long len;

	must(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL),
	     NULL);
	len = BIO_get_mem_data(out, &text);
	pem = xstrndup(text, (size_t)len);
	BIO_free(out);
	return pem;
}

struct came {
	const char *host;
	EVP_PKEY *key;		/* certified */
	long from, until;	/* seconds from now */
	bool has_issuer;
};

static bool import_at(const struct came *came, EVP_PKEY *with, time_t now,
		      struct cert *c, bool *is_news, struct err *err)
{
	struct tiny_leaf leaf = { .host = came->host, .key = came->key,
				  .from = ROWS_NOW + came->from,
				  .until = ROWS_NOW + came->until,
				  .serial = 4711 };
	X509 *x = tiny_ca_issue(&ca, &leaf);
	char *pem = tiny_ca_pem((X509 *[]){
		x, came->has_issuer ? ca.cert : NULL, NULL });
	char *key = key_pem(with);
	struct cert_import in = { pem, key, now, 0, roots };
	bool ok = cert_import(fix.store, &fix.domain, &in, c, is_news, err);

	X509_free(x);
	free(pem);
	free(key);
	return ok;
}

static bool import(const struct came *came, EVP_PKEY *with, struct err *err)
{
	struct cert c;
	bool is_news;

	return import_at(came, with, ROWS_NOW, &c, &is_news, err) && is_news;
}

static struct came plain(void)
{
	return (struct came){ HOST, our_key, -30 * WHEN_DAY, 60 * WHEN_DAY,
			      true };
}

/* ---- let in ---- */

static void it_is_served_and_the_domain_is_live(void **state)
{
	struct came came = plain();
	struct err err = ERR_INIT;
	struct serve_cert served;
	struct serve *serve;
	struct cert c;
	bool is_news;

	(void)state;
	assert_true(import_at(&came, our_key, ROWS_NOW, &c, &is_news, &err));
	assert_true(is_news);
	assert_int_equal(c.ca_id, 0);
	assert_int_equal(c.not_after, ROWS_NOW + 60 * WHEN_DAY);
	assert_in_range(c.renew_at, ROWS_NOW + 27 * WHEN_DAY,
			ROWS_NOW + 33 * WHEN_DAY);
	assert_int_equal(fix.domain.state, DOMAIN_LIVE);
	assert_int_equal(fix.domain.due_at, c.renew_at);
	assert_int_equal(fix.domain.cert_id, c.id);
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	serve = serve_open(fix.dir, NULL, &err);
	must(serve, &err);
	assert_int_equal(serve_cert(serve, HOST, &served, &err), SERVE_FOUND);
	serve_cert_release(&served);
	serve_close(serve);
}

static void twice_is_no_news(void **state)
{
	struct came came = plain();
	struct err err = ERR_INIT;
	struct cert c, again;
	bool is_news;

	(void)state;
	assert_true(import_at(&came, our_key, ROWS_NOW, &c, &is_news, &err));
	assert_true(import_at(&came, our_key, ROWS_NOW + 9, &again, &is_news,
			      &err));
	assert_false(is_news);
	assert_int_equal(again.id, c.id);
}

static void an_order_under_way_goes_on(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct came came = plain();
	struct err err = ERR_INIT;

	(void)state;
	assert_true(import(&came, our_key, &err));
	assert_int_equal(fix.domain.due_at, 0);
	assert_true(order_by_id(fix.store, o.id, &o, &err));
	assert_true(order_is_live(&o));
}

/* ---- not let in ---- */

static void what_is_wrong_is_refused_in_words(void **state)
{
	const struct {
		struct came came;
		EVP_PKEY *with;
		const char *words;
	} cases[] = {
		{ { "mta-sts.example.com", our_key, 0, 99, true },
		  our_key,
		  "does not name" },
		{ { "example.org", our_key, 0, 99, true },
		  our_key,
		  "does not name" },
		{ { HOST, our_key, -99, -9, true }, our_key, "expired" },
		{ { HOST, our_key, WHEN_DAY, 9 * WHEN_DAY, true },
		  our_key,
		  "not valid yet" },
		{ { HOST, our_key, 0, 99, false },
		  our_key,
		  "intermediate certificates between it and its CA's root are "
		  "missing" },
		{ { HOST, our_key, 0, 99, true }, other_key, "another key" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		print_message("%s\n", cases[i].words);
		assert_false(import(&cases[i].came, cases[i].with, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_int_equal(strstr(err.hint, "fullchain.pem") != NULL,
				 !cases[i].came.has_issuer);
		assert_int_equal(fix.domain.cert_id, 0);
	}
}

static void rubbish_is_refused(void **state)
{
	static const char *const rubbish[] = { "", "PEM", "\n\n\n" };
	char *key = key_pem(our_key);
	struct cert c;
	bool is_news;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
		struct cert_import bad_key = { "", rubbish[i], ROWS_NOW, 0,
					       NULL };
		struct cert_import bad_chain = { rubbish[i], key, ROWS_NOW, 0,
						 NULL };
		struct err err = ERR_INIT;

		assert_false(cert_import(fix.store, &fix.domain, &bad_key, &c,
					 &is_news, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_false(cert_import(fix.store, &fix.domain, &bad_chain, &c,
					 &is_news, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
	}
	free(key);
}

static void a_compromised_key_stays_out(void **state)
{
	struct came came = plain();
	struct err err = ERR_INIT;
	struct cert c;
	bool is_news;

	(void)state;
	assert_true(import_at(&came, our_key, ROWS_NOW, &c, &is_news, &err));
	assert_true(key_compromise(fix.store, c.key_id, ROWS_NOW, &err));
	came.until += WHEN_DAY;
	assert_false(import(&came, our_key, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, "compromised"));
}

/* ... unless that is worth nothing any more. */
static void one_that_ends_before_ours_stays_out(void **state)
{
	struct came came = plain();
	struct err err = ERR_INIT;

	(void)state;
	assert_true(import(&came, our_key, &err));
	came.until -= WHEN_DAY;
	came.key = other_key;
	assert_false(import(&came, other_key, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, "lives longer"));
	fix.domain.revoked = true;
	assert_true(import(&came, other_key, &err));
	assert_false(fix.domain.revoked);
}

static void write_roots(const char *path)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(PEM_write_X509(out, ca.cert), 1);
	fclose(out);
}

static struct reached reached(void)
{
	struct reached r;

	must(reached_of(fix.store, &fix.domain, &r, NULL), NULL);
	return r;
}

/* It is served, and that nobody trusts it is known. */
static void who_trusts_it_is_known(void **state)
{
	char *path = scratch_path(fix.dir, "roots.pem");
	struct came came = plain();
	struct err err = ERR_INIT;

	(void)state;
	assert_true(import(&came, our_key, &err));
	assert_string_not_equal(reached().distrust, "");
	write_roots(path);
	roots = path;
	came.until += WHEN_DAY;
	assert_true(import(&came, our_key, &err));
	assert_string_equal(reached().distrust, "");
	assert_true(reached().due_at <= ROWS_NOW);
	roots = NULL;
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(it_is_served_and_the_domain_is_live),
		WITH_A_DOMAIN(twice_is_no_news),
		WITH_A_DOMAIN(who_trusts_it_is_known),
		WITH_A_DOMAIN(an_order_under_way_goes_on),
		WITH_A_DOMAIN(what_is_wrong_is_refused_in_words),
		WITH_A_DOMAIN(rubbish_is_refused),
		WITH_A_DOMAIN(a_compromised_key_stays_out),
		WITH_A_DOMAIN(one_that_ends_before_ours_stays_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
