#include "httpd/site_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/mem.h"
#include "base/steady.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define ROOM (1 << 20)

static struct hosted hosted;
static struct serve *serve;

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_add(&hosted, "b.test");
	hosted_certify(&hosted, "a.test");
	serve = serve_open(hosted.dir, NULL, &err);
	must(serve, &err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	serve_close(serve);
	hosted_release(&hosted);
	return 0;
}

/* As whoever is shown this certificate sees it. */
static bool fits(const struct cert_pair *pair)
{
	unsigned char *der = NULL;
	int len = i2d_X509(pair->leaf, &der);
	const unsigned char *p = der;
	X509 *shown = d2i_X509(NULL, &p, len);
	bool ok = shown && X509_check_private_key(shown, pair->key) == 1;

	X509_free(shown);
	OPENSSL_free(der);
	return ok;
}

/* The serial number that the cache gives for the host; 0 for none. */
static long serial_of(struct site_cache *c, const char *host)
{
	const struct cert_pair *pair;
	struct err err = ERR_INIT;

	if (site_cache_cert(c, host, &pair, &err) != SERVE_FOUND)
		return 0;
	assert_true(fits(pair));
	assert_int_equal(sk_X509_num(pair->issuers), 1);
	return ASN1_INTEGER_get(X509_get0_serialNumber(pair->leaf));
}

static void says_what_there_is(void **state)
{
	struct site_cache *c = site_cache_new(serve, ROOM);
	const struct cert_pair *pair;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(site_cache_cert(c, "mta-sts.a.test", &pair, &err),
			 SERVE_FOUND);
	assert_non_null(pair);
	assert_int_equal(site_cache_cert(c, "mta-sts.b.test", &pair, &err),
			 SERVE_NO_CERT);
	assert_null(pair);
	assert_int_equal(site_cache_cert(c, "mta-sts.c.test", &pair, &err),
			 SERVE_UNKNOWN);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(site_cache_count(c), 1);
	site_cache_free(c);
	site_cache_free(NULL);
}

static void parses_once_and_follows_a_new_certificate(void **state)
{
	struct site_cache *c = site_cache_new(serve, ROOM);
	const struct cert_pair *pair;
	X509 *first;
	long serial;

	(void)state;
	site_cache_cert(c, "mta-sts.a.test", &pair, NULL);
	first = pair->leaf;
	X509_up_ref(first);
	site_cache_cert(c, "mta-sts.a.test", &pair, NULL);
	assert_ptr_equal(pair->leaf, first); /* not parsed again */

	serial = hosted_certify(&hosted, "a.test");
	assert_int_equal(serial_of(c, "mta-sts.a.test"), serial);
	assert_int_equal(site_cache_count(c), 1);
	assert_int_not_equal(ASN1_INTEGER_get(X509_get0_serialNumber(first)),
			     serial); /* a running handshake's own */
	X509_free(first);
	site_cache_free(c);
}

static void given(struct site_cache *c, unsigned long from_memory,
		  unsigned long from_store)
{
	assert_int_equal(site_cache_given(c, FROM_MEMORY), from_memory);
	assert_int_equal(site_cache_given(c, FROM_STORE), from_store);
}

/* A certificate that was read for its policy is ready for who comes next. */
static void counts_where_certificates_came_from(void **state)
{
	struct site_cache *c = site_cache_new(serve, ROOM);
	size_t len;
	int64_t id;

	(void)state;
	given(c, 0, 0);
	assert_true(serial_of(c, "mta-sts.a.test"));
	given(c, 0, 1);
	assert_true(serial_of(c, "mta-sts.a.test"));
	given(c, 1, 1);
	assert_false(serial_of(c, "mta-sts.b.test"));
	assert_false(serial_of(c, "mta-sts.c.test"));
	given(c, 1, 1);
	serve_has_changed();
	assert_true(serial_of(c, "mta-sts.a.test"));
	given(c, 2, 1);

	hosted_certify(&hosted, "a.test");
	assert_true(serial_of(c, "mta-sts.a.test"));
	given(c, 2, 2);
	hosted_certify(&hosted, "a.test");
	site_cache_policy(c, "mta-sts.a.test", &len, &id);
	given(c, 2, 2);
	assert_true(serial_of(c, "mta-sts.a.test"));
	given(c, 3, 2);
	site_cache_free(c);
}

static void keeps_the_most_recently_used(void **state)
{
	enum { HOSTS = 20 };
	struct site_cache *c = site_cache_new(serve, 35000);
	char name[32], host[48];

	(void)state;
	for (int i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof(name), "l%d.test", i);
		snprintf(host, sizeof(host), "mta-sts.%s", name);
		hosted_add(&hosted, name);
		hosted_certify(&hosted, name);
		assert_true(serial_of(c, host));
		assert_true(serial_of(c, "mta-sts.a.test"));
		assert_in_range(site_cache_count(c), 1, 6);
	}
	assert_in_range(site_cache_count(c), 3, 6);
	site_cache_free(c);
}

/* Borrowed, and held so that no other can have its address. */
static X509 *leaf_of(struct site_cache *c, const char *host)
{
	const struct cert_pair *pair;

	assert_int_equal(site_cache_cert(c, host, &pair, NULL), SERVE_FOUND);
	X509_up_ref(pair->leaf);
	return pair->leaf;
}

static void ask_for(struct site_cache *c, int from, int to)
{
	char host[48];

	for (int i = from; i < to; i++) {
		snprintf(host, sizeof(host), "mta-sts.v%d.test", i);
		X509_free(leaf_of(c, host));
	}
}

/* Who asks for each name once; but one who comes again stays. */
static void who_passes_by_takes_nothing_away(void **state)
{
	enum { HOSTS = 60, ROOM_OF = 8 * 7600 };
	struct site_cache *c = site_cache_new(serve, ROOM_OF);
	X509 *first, *again, *late;
	char name[32];

	(void)state;
	for (int i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof(name), "v%d.test", i);
		hosted_add(&hosted, name);
		hosted_certify(&hosted, name);
	}
	first = leaf_of(c, "mta-sts.v0.test");
	ask_for(c, 1, 4);
	ask_for(c, 0, 1);
	ask_for(c, 4, 40); /* the room of the first is that of visitors */
	again = leaf_of(c, "mta-sts.v0.test");
	assert_ptr_equal(first, again);
	assert_in_range(site_cache_count(c), 8, 10);

	late = leaf_of(c, "mta-sts.v39.test");
	ask_for(c, 40, HOSTS);
	X509_free(again);
	again = leaf_of(c, "mta-sts.v39.test");
	assert_ptr_equal(late, again);
	X509_free(first);
	X509_free(again);
	X509_free(late);
	site_cache_free(c);
}

static void keeps_one_however_little_room(void **state)
{
	struct site_cache *c = site_cache_new(serve, 0);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(serial_of(c, "mta-sts.a.test"));
	assert_int_equal(site_cache_count(c), 1);
	site_cache_free(c);
}

static const char *policy_of(struct site_cache *c, const char *host,
			     int64_t *id)
{
	size_t len = 0;
	const char *text = site_cache_policy(c, host, &len, id);

	if (text)
		assert_int_equal(len, strlen(text));
	return text;
}

/* Of a host with a certificate, without one, and of none of ours. */
static void has_the_policy_that_is_now(void **state)
{
	struct site_cache *c = site_cache_new(serve, ROOM);
	int64_t first = 0, id = 0;

	(void)state;
	assert_true(serial_of(c, "mta-sts.a.test"));
	assert_non_null(strstr(policy_of(c, "mta-sts.a.test", &first),
			       "version: STSv1"));
	assert_non_null(policy_of(c, "mta-sts.b.test", &id));
	assert_int_not_equal(id, first);
	assert_null(policy_of(c, "mta-sts.c.test", &id));
	hosted_remove(&hosted, "a.test");
	assert_null(policy_of(c, "mta-sts.a.test", &id));
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	assert_true(serial_of(c, "mta-sts.a.test"));
	assert_non_null(policy_of(c, "mta-sts.a.test", &id));
	assert_int_not_equal(id, first);
	site_cache_free(c);
}

/* Nobody should; but what is there is what is served. */
static void sees_what_another_process_wrote(void **state)
{
	struct site_cache *c = site_cache_new(serve, ROOM);
	int64_t id = 0, until = steady_ms() + 5000;

	(void)state;
	assert_true(serial_of(c, "mta-sts.a.test"));
	policy_of(c, "mta-sts.a.test", &id);
	scratch_sql(hosted.dir, "serve.db",
		    "UPDATE site SET body = 'theirs'"
		    " WHERE host = 'mta-sts.a.test'");
	while (strcmp(policy_of(c, "mta-sts.a.test", &id), "theirs") != 0) {
		assert_true(steady_ms() < until);
		usleep(10000);
	}
	site_cache_free(c);
}

/* The room is that of policies, too. */
static void counts_what_policies_take(void **state)
{
	struct site_cache *c = site_cache_new(serve, 60000);
	int64_t id;

	(void)state;
	hosted_add(&hosted, "long.test");
	hosted_certify(&hosted, "long.test");
	assert_true(serial_of(c, "mta-sts.long.test"));
	assert_true(serial_of(c, "mta-sts.a.test"));
	assert_int_equal(site_cache_count(c), 2);
	scratch_sql(hosted.dir, "serve.db",
		    "UPDATE site SET body = hex(zeroblob(30000))"
		    " WHERE host = 'mta-sts.long.test'");
	serve_has_changed();
	assert_int_equal(strlen(policy_of(c, "mta-sts.long.test", &id)), 60000);
	assert_int_equal(site_cache_count(c), 1);
	site_cache_free(c);
}

static void forgets_a_host_that_is_gone(void **state)
{
	struct site_cache *c = site_cache_new(serve, ROOM);

	(void)state;
	hosted_add(&hosted, "gone.test");
	hosted_certify(&hosted, "gone.test");
	assert_true(serial_of(c, "mta-sts.gone.test"));
	hosted_remove(&hosted, "gone.test");
	assert_false(serial_of(c, "mta-sts.gone.test"));
	assert_int_equal(site_cache_count(c), 0);
	hosted_add(&hosted, "gone.test");
	assert_false(serial_of(c, "mta-sts.gone.test"));
	site_cache_free(c);
}

#define DAMAGED " WHERE host = 'mta-sts.bad.test'"

static const char *const damages[] = {
	"UPDATE site SET leaf = x'30820101'" DAMAGED,
	"UPDATE site SET leaf = leaf || x'00'" DAMAGED,
	"UPDATE site SET leaf = NULL" DAMAGED,
	"UPDATE site SET scalar = x'01'" DAMAGED,
	"UPDATE site SET point = zeroblob(65)" DAMAGED,
	"UPDATE site SET point = (SELECT point FROM site"
	"  WHERE host = 'mta-sts.a.test'),"
	" scalar = (SELECT scalar FROM site"
	"  WHERE host = 'mta-sts.a.test')" DAMAGED,
	"UPDATE site SET issuer_id = 4711" DAMAGED,
};

/* With nothing better at hand it is an error; else the former one serves. */
static void damage_never_takes_a_certificate_away(void **state)
{
	struct err err = ERR_INIT;
	long serial;

	(void)state;
	hosted_add(&hosted, "bad.test");
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct site_cache *c = site_cache_new(serve, ROOM);
		struct site_cache *empty = site_cache_new(serve, ROOM);
		const struct cert_pair *pair;

		print_message("%s\n", damages[i]);
		serial = hosted_certify(&hosted, "bad.test");
		assert_int_equal(serial_of(c, "mta-sts.bad.test"), serial);
		hosted_certify(&hosted, "bad.test");
		scratch_sql(hosted.dir, "serve.db", damages[i]);
		assert_int_equal(serial_of(c, "mta-sts.bad.test"), serial);

		err = (struct err)ERR_INIT;
		assert_int_equal(
			site_cache_cert(empty, "mta-sts.bad.test", &pair, &err),
			SERVE_NO_CERT);
		assert_int_not_equal(err.kind, ERR_NONE);
		assert_int_equal(ERR_peek_error(), 0);

		serial = hosted_certify(&hosted, "bad.test");
		assert_int_equal(serial_of(c, "mta-sts.bad.test"), serial);
		assert_int_equal(serial_of(empty, "mta-sts.bad.test"), serial);
		site_cache_free(c);
		site_cache_free(empty);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_there_is),
		cmocka_unit_test(parses_once_and_follows_a_new_certificate),
		cmocka_unit_test(counts_where_certificates_came_from),
		cmocka_unit_test(keeps_the_most_recently_used),
		cmocka_unit_test(who_passes_by_takes_nothing_away),
		cmocka_unit_test(keeps_one_however_little_room),
		cmocka_unit_test(has_the_policy_that_is_now),
		cmocka_unit_test(sees_what_another_process_wrote),
		cmocka_unit_test(counts_what_policies_take),
		cmocka_unit_test(forgets_a_host_that_is_gone),
		cmocka_unit_test(damage_never_takes_a_certificate_away),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
