#include "httpd/cert_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/mem.h"
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

/* The serial number that the cache gives for the host; 0 for none. */
static long serial_of(struct cert_cache *c, const char *host)
{
	const struct cert_pair *pair;
	struct err err = ERR_INIT;

	if (cert_cache_get(c, host, &pair, &err) != SERVE_FOUND)
		return 0;
	assert_int_equal(X509_check_private_key(pair->leaf, pair->key), 1);
	assert_int_equal(sk_X509_num(pair->issuers), 1);
	return ASN1_INTEGER_get(X509_get0_serialNumber(pair->leaf));
}

static void says_what_there_is(void **state)
{
	struct cert_cache *c = cert_cache_new(serve, ROOM);
	const struct cert_pair *pair;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(cert_cache_get(c, "mta-sts.a.test", &pair, &err),
			 SERVE_FOUND);
	assert_non_null(pair);
	assert_int_equal(cert_cache_get(c, "mta-sts.b.test", &pair, &err),
			 SERVE_NO_CERT);
	assert_null(pair);
	assert_int_equal(cert_cache_get(c, "mta-sts.c.test", &pair, &err),
			 SERVE_UNKNOWN);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(cert_cache_count(c), 1);
	cert_cache_free(c);
	cert_cache_free(NULL);
}

static void parses_once_and_follows_a_new_certificate(void **state)
{
	struct cert_cache *c = cert_cache_new(serve, ROOM);
	const struct cert_pair *pair;
	X509 *first;
	long serial;

	(void)state;
	cert_cache_get(c, "mta-sts.a.test", &pair, NULL);
	first = pair->leaf;
	X509_up_ref(first);
	cert_cache_get(c, "mta-sts.a.test", &pair, NULL);
	assert_ptr_equal(pair->leaf, first);	/* not parsed again */

	serial = hosted_certify(&hosted, "a.test");
	assert_int_equal(serial_of(c, "mta-sts.a.test"), serial);
	assert_int_equal(cert_cache_count(c), 1);
	assert_int_not_equal(ASN1_INTEGER_get(X509_get0_serialNumber(first)),
			     serial);	/* a running handshake's own */
	X509_free(first);
	cert_cache_free(c);
}

static void keeps_the_most_recently_used(void **state)
{
	enum { HOSTS = 20 };
	struct cert_cache *c = cert_cache_new(serve, 45000);
	char name[32], host[48];

	(void)state;
	for (int i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof(name), "l%d.test", i);
		snprintf(host, sizeof(host), "mta-sts.%s", name);
		hosted_add(&hosted, name);
		hosted_certify(&hosted, name);
		assert_true(serial_of(c, host));
		assert_true(serial_of(c, "mta-sts.a.test"));
		assert_in_range(cert_cache_count(c), 1, 6);
	}
	assert_in_range(cert_cache_count(c), 3, 6);
	cert_cache_free(c);
}

static void keeps_one_however_little_room(void **state)
{
	struct cert_cache *c = cert_cache_new(serve, 0);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(serial_of(c, "mta-sts.a.test"));
	assert_int_equal(cert_cache_count(c), 1);
	cert_cache_free(c);
}

static void forgets_a_host_that_is_gone(void **state)
{
	struct cert_cache *c = cert_cache_new(serve, ROOM);

	(void)state;
	hosted_add(&hosted, "gone.test");
	hosted_certify(&hosted, "gone.test");
	assert_true(serial_of(c, "mta-sts.gone.test"));
	hosted_remove(&hosted, "gone.test");
	assert_false(serial_of(c, "mta-sts.gone.test"));
	assert_int_equal(cert_cache_count(c), 0);
	hosted_add(&hosted, "gone.test");
	assert_false(serial_of(c, "mta-sts.gone.test"));
	cert_cache_free(c);
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
		struct cert_cache *c = cert_cache_new(serve, ROOM);
		struct cert_cache *empty = cert_cache_new(serve, ROOM);
		const struct cert_pair *pair;

		print_message("%s\n", damages[i]);
		serial = hosted_certify(&hosted, "bad.test");
		assert_int_equal(serial_of(c, "mta-sts.bad.test"), serial);
		hosted_certify(&hosted, "bad.test");
		scratch_sql(hosted.dir, "serve.db", damages[i]);
		assert_int_equal(serial_of(c, "mta-sts.bad.test"), serial);

		err = (struct err)ERR_INIT;
		assert_int_equal(cert_cache_get(empty, "mta-sts.bad.test",
						&pair, &err), SERVE_NO_CERT);
		assert_int_not_equal(err.kind, ERR_NONE);
		assert_int_equal(ERR_peek_error(), 0);

		serial = hosted_certify(&hosted, "bad.test");
		assert_int_equal(serial_of(c, "mta-sts.bad.test"), serial);
		assert_int_equal(serial_of(empty, "mta-sts.bad.test"), serial);
		cert_cache_free(c);
		cert_cache_free(empty);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_there_is),
		cmocka_unit_test(parses_once_and_follows_a_new_certificate),
		cmocka_unit_test(keeps_the_most_recently_used),
		cmocka_unit_test(keeps_one_however_little_room),
		cmocka_unit_test(forgets_a_host_that_is_gone),
		cmocka_unit_test(damage_never_takes_a_certificate_away),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
