/* What a serving thread reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/policy_version.h"
#include "store/serve.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static struct serve *serve;
static struct domain live;
static struct cert cert;

static void add_challenge(void)
{
	struct domain d = rows_domain(fix.store, "new.example.org");
	struct order o = rows_order(fix.store, &d);
	struct err err = ERR_INIT;

	memset(o.token, 't', sizeof(o.token) - 1);
	memset(o.key_auth, 'k', sizeof(o.key_auth) - 1);
	must(order_update(fix.store, &o, &err), &err);
}

/* Another order of `name`, which has presented this token. */
static struct order add_alpn(const char *name, const char *token,
			     bool is_trial)
{
	struct order o = { .is_trial = is_trial, .created_at = ROWS_NOW,
			   .method = METHOD_TLS_ALPN_01 };
	struct account a = rows_account(fix.store);
	struct err err = ERR_INIT;
	struct domain d;
	struct p256 key;

	o.ca_id = a.ca_id;
	o.account_id = a.id;
	must(domain_by_name(fix.store, name, &d, &err) &&
	     p256_generate(&key, &err) &&
	     key_insert(fix.store, d.id, &key, ROWS_NOW, &o.key_id, &err),
	     &err);
	o.domain_id = d.id;
	must(order_insert(fix.store, &o, &err), &err);
	snprintf(o.token, sizeof(o.token), "%s", token);
	snprintf(o.key_auth, sizeof(o.key_auth), "%s.thumb", token);
	must(order_update(fix.store, &o, &err), &err);
	return o;
}

/* One with a certificate, one with a challenge. */
static int set_up(void **state)
{
	struct err err = ERR_INIT;

	fixture_begin_with_domain(state);
	live = fix.domain;
	cert = rows_cert(fix.store, &live, "the leaf", "the issuers");
	add_challenge();
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	serve = serve_open(fix.dir, NULL, &err);
	must(serve, &err);
	return 0;
}

static int tear_down(void **state)
{
	serve_close(serve);
	return fixture_close(state);
}

static const struct {
	const char *host;
	enum serve_found found;
} hosts[] = {
	{ "mta-sts.example.org", SERVE_FOUND },
	{ "mta-sts.new.example.org", SERVE_NO_CERT },
	{ "mta-sts.example.com", SERVE_UNKNOWN },
	{ "example.org", SERVE_UNKNOWN },
	{ "", SERVE_UNKNOWN },
	{ "mta-sts.example.org' OR 1=1 --", SERVE_UNKNOWN },
};

static void hosts_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct err err = ERR_INIT;
		struct serve_cert c;
		int64_t id;

		assert_int_equal(serve_cert_id(serve, hosts[i].host, &id,
					       &err),
				 hosts[i].found);
		assert_int_equal(id, hosts[i].found == SERVE_FOUND ? cert.id
								   : 0);
		assert_int_equal(serve_cert(serve, hosts[i].host, &c, &err),
				 hosts[i].found);
		assert_int_equal(err.kind, ERR_NONE);
		serve_cert_release(&c);
		assert_int_equal(serve_hosts(serve, hosts[i].host),
				 hosts[i].found != SERVE_UNKNOWN);
	}
}

static void a_site_comes_with_its_certificate(void **state)
{
	struct err err = ERR_INIT;
	struct serve_site site;
	struct serve_cert c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		bool is_there = hosts[i].found == SERVE_FOUND;

		assert_int_equal(
			serve_site(serve, hosts[i].host, 0, &site, &c, &err),
			hosts[i].found);
		assert_int_equal(err.kind, ERR_NONE);
		assert_int_equal(c.cert_id, is_there ? cert.id : 0);
		assert_int_equal(c.cert_id, site.cert_id);
		assert_int_equal(site.policy != NULL,
				 hosts[i].found != SERVE_UNKNOWN);
		if (is_there)
			assert_memory_equal(c.leaf, "the leaf", 8);
		serve_site_release(&site);
		serve_cert_release(&c);
	}
	assert_int_equal(serve_site(serve, "mta-sts.example.org", cert.id,
				    &site, &c, &err),
			 SERVE_FOUND);
	assert_int_equal(site.cert_id, cert.id);
	assert_int_equal(c.cert_id, 0);
	assert_null(c.leaf);
	serve_site_release(&site);
}

static void a_certificate_comes_whole(void **state)
{
	struct err err = ERR_INIT;
	struct serve_cert c;
	struct p256 key;
	unsigned char *issuers;
	size_t len;

	(void)state;
	assert_int_equal(serve_cert(serve, "mta-sts.example.org", &c, &err),
			 SERVE_FOUND);
	assert_int_equal(c.cert_id, cert.id);
	assert_int_equal(c.leaf_len, 8);
	assert_memory_equal(c.leaf, "the leaf", 8);
	must(key_by_id(fix.store, cert.key_id, &key, &err), &err);
	assert_memory_equal(&c.key, &key, sizeof(key));
	issuers = serve_issuer(serve, c.issuer_id, &len, &err);
	assert_int_equal(len, 11);
	assert_memory_equal(issuers, "the issuers", 11);
	free(issuers);
	serve_cert_release(&c);
	assert_null(serve_issuer(serve, 4711, &len, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void the_policy_is_byte_for_byte(void **state)
{
	struct policy_version v;
	struct err err = ERR_INIT;
	int64_t policy_id = 0;
	size_t len;
	char *body;

	(void)state;
	must(policy_version_current(fix.store, &live, &v, &err), &err);
	body = serve_policy(serve, "mta-sts.example.org", &len, &policy_id);
	assert_string_equal(body, v.body);
	assert_int_equal(policy_id, v.id);
	assert_int_equal(len, strlen(v.body));
	free(body);
	policy_version_release(&v);
	body = serve_policy(serve, "mta-sts.new.example.org", &len, &policy_id);
	assert_non_null(body);		/* with or without a certificate */
	free(body);
	assert_null(serve_policy(serve, "mta-sts.example.com", &len,
				 &policy_id));
}

static void the_longest_challenge_fits(void **state)
{
	char token[ORDER_TOKEN_SIZE], answer[SERVE_CHALLENGE_SIZE];

	(void)state;
	memset(token, 't', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	assert_true(serve_challenge(serve, token, answer));
	assert_int_equal(strlen(answer), ORDER_KEY_AUTH_SIZE - 1);
	token[5] = 'x';
	assert_false(serve_challenge(serve, token, answer));
	assert_false(serve_challenge(serve, "", answer));
	assert_false(serve_challenge(serve, "%", answer));
}

static void begin(void)
{
	struct err err = ERR_INIT;

	must(store_begin(fix.store, &err), &err);
}

static void finish(void)
{
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err) && store_project(fix.store, &err),
	     &err);
}

#define LIVE "mta-sts.example.org"

/* A token is for port 80, a host for port 443, and neither for the other. */
static void each_method_has_its_own_door(void **state)
{
	char answer[SERVE_CHALLENGE_SIZE];

	(void)state;
	assert_false(serve_alpn_challenge(serve, LIVE, answer));
	assert_false(serve_alpn_challenge(serve, "mta-sts.new.example.org",
					  answer));
	begin();
	add_alpn("example.org", "alpn", false);
	finish();
	assert_true(serve_alpn_challenge(serve, LIVE, answer));
	assert_string_equal(answer, "alpn.thumb");
	assert_false(serve_challenge(serve, "alpn", answer));
	assert_false(serve_alpn_challenge(serve, "mta-sts.new.example.org",
					  answer));
	assert_false(serve_alpn_challenge(serve, "example.org", answer));
	assert_false(serve_alpn_challenge(serve, "", answer));
	assert_false(serve_alpn_challenge(serve, "%", answer));
}

static void end_order(struct order *o)
{
	struct err err = ERR_INIT;

	begin();
	o->state = ORDER_DEAD;
	o->ended_at = ROWS_NOW;
	must(order_update(fix.store, o, &err), &err);
	finish();
}

/* Whichever token sorts first, and until the order has come to its end. */
static void the_newest_order_is_answered_for(void **state)
{
	char answer[SERVE_CHALLENGE_SIZE];
	struct order older, newer;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin();
		older = add_alpn("example.org", i ? "a" : "z", i);
		newer = add_alpn("example.org", "m", !i);
		finish();
		assert_true(serve_alpn_challenge(serve, LIVE, answer));
		assert_string_equal(answer, "m.thumb");
		end_order(&newer);
		assert_true(serve_alpn_challenge(serve, LIVE, answer));
		assert_string_equal(answer, i ? "a.thumb" : "z.thumb");
		end_order(&older);
		assert_false(serve_alpn_challenge(serve, LIVE, answer));
	}
}

/* ---- where TLS reports are posted ---- */

static void a_token_is_good_for_its_own_host(void **state)
{
	struct err err = ERR_INIT;
	struct domain other;
	char most[DOMAIN_TOKEN_SIZE], *more;
	const struct {
		const char *host, *token;
		int64_t id;
	} cases[] = {
		{ LIVE, live.report_token, live.id },
		{ "mta-sts.new.example.org", other.report_token, 0 },
		{ "mta-sts.new.example.org", live.report_token, 0 },
		{ LIVE, other.report_token, 0 },
		{ LIVE, "", 0 },
		{ LIVE, most, 0 },
		{ LIVE, more = xasprintf("%s0", live.report_token), 0 },
		{ "mta-sts.example.com", live.report_token, 0 },
		{ "", "", 0 },
	};

	(void)state;
	must(domain_by_name(fix.store, "new.example.org", &other, &err), &err);
	snprintf(most, sizeof(most), "%.31s", live.report_token);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t expected = i == 1 ? other.id : cases[i].id, id = -1;

		print_message("%s %s\n", cases[i].host, cases[i].token);
		assert_int_equal(serve_takes_report(serve, cases[i].host,
						    cases[i].token, &id, &err),
				 expected ? SERVE_FOUND : SERVE_UNKNOWN);
		if (expected)
			assert_int_equal(id, expected);
	}
	free(more);
}

/* A row without one takes none, and least of all an empty one. */
static void a_host_without_a_token_takes_none(void **state)
{
	struct err err = ERR_INIT;
	int64_t id;

	(void)state;
	scratch_sql(fix.dir, "serve.db", "UPDATE site SET report_token = ''");
	assert_int_equal(serve_takes_report(serve, LIVE, "", &id, &err),
			 SERVE_UNKNOWN);
	assert_int_equal(
		serve_takes_report(serve, LIVE, live.report_token, &id, &err),
		SERVE_UNKNOWN);
	scratch_sql(fix.dir, "serve.db", "DROP TABLE site");
	assert_int_equal(
		serve_takes_report(serve, LIVE, live.report_token, &id, &err),
		SERVE_FAILED);
}

static void a_change_is_seen_at_once(void **state)
{
	struct err err = ERR_INIT;
	int64_t id;

	(void)state;
	must(store_begin(fix.store, &err), &err);
	must(domain_by_id(fix.store, live.id, &live, &err), &err);
	cert = rows_cert(fix.store, &live, "the next leaf", "the issuers");
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	assert_int_equal(serve_cert_id(serve, "mta-sts.example.org", &id,
				       &err), SERVE_FOUND);
	assert_int_equal(id, cert.id);
}

static const char *const damages[] = {
	"UPDATE site SET scalar = x'00'",
	"UPDATE site SET point = x'00'",
	"UPDATE site SET scalar = NULL",
};

static void a_damaged_row_is_no_certificate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct err err = ERR_INIT;
		struct serve_site site;
		struct serve_cert c;
		unsigned long before;

		scratch_sql(fix.dir, "serve.db", damages[i]);
		assert_int_equal(serve_cert(serve, "mta-sts.example.org", &c,
					    &err), SERVE_NO_CERT);
		assert_int_equal(err.kind, ERR_INTERNAL);
		serve_cert_release(&c);
		err = (struct err)ERR_INIT;
		before = serve_failures(serve);
		assert_int_equal(serve_site(serve, "mta-sts.example.org", 0,
					    &site, &c, &err),
				 SERVE_FOUND);
		assert_int_equal(err.kind, ERR_INTERNAL);
		assert_int_equal(serve_failures(serve), before + 1);
		assert_true(str_starts(site.policy, "version: STSv1"));
		assert_null(c.leaf);
		serve_site_release(&site);
	}
}

static void serving_writes_nothing(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(serve_open("/nonexistent", NULL, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_BOTH(hosts_are_found),
		WITH_BOTH(a_site_comes_with_its_certificate),
		WITH_BOTH(a_certificate_comes_whole),
		WITH_BOTH(the_policy_is_byte_for_byte),
		WITH_BOTH(the_longest_challenge_fits),
		WITH_BOTH(each_method_has_its_own_door),
		WITH_BOTH(the_newest_order_is_answered_for),
		WITH_BOTH(a_token_is_good_for_its_own_host),
		WITH_BOTH(a_host_without_a_token_takes_none),
		WITH_BOTH(a_change_is_seen_at_once),
		WITH_BOTH(a_damaged_row_is_no_certificate),
		WITH_BOTH(serving_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
