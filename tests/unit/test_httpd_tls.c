/*
 * What is agreed on in a handshake, and how often a peer may begin one for
 * nothing.
 */
#include "httpd/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"
#include "tests/sim/served.h"
#include "tests/sim/tls_client.h"

#define A "mta-sts.a.test"

static struct hosted hosted;
static struct httpd *httpd;
static unsigned port;

static int set_up(void **state)
{
	struct httpd_options o;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	o = served_usual(hosted.dir);
	o.workers = 1;
	o.max_broken_per_address = 1;
	httpd = served_start(&o, &port, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	httpd_stop(httpd, 0);
	hosted_release(&hosted);
	return 0;
}

/* A finite field costs us a hundred times what the hello costs its sender. */
static const struct {
	const char *groups, *ciphers; /* NULL: any, and TLS 1.3 */
	int alert;
} offers[] = {
	{ "X25519", NULL, 0 },
	{ "P-256", NULL, 0 },
	{ "X448", NULL, 0 },
	{ "P-521", NULL, 0 },
	{ "P-384", NULL, 0 },
	{ "ffdhe2048", NULL, SSL_AD_HANDSHAKE_FAILURE },
	{ "ffdhe3072", NULL, SSL_AD_HANDSHAKE_FAILURE },
	{ "ffdhe8192", NULL, SSL_AD_HANDSHAKE_FAILURE },
	{ "ffdhe8192:P-256", NULL, 0 }, /* if asked again */
	{ "X25519:P-256", "ECDHE", 0 }, /* the certificate's curve, too */
	{ "P-384:P-256", "ECDHE", 0 },
	{ "X25519:P-256", "kDHE", SSL_AD_HANDSHAKE_FAILURE },
};

static void only_curves_are_agreed_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct tls_client c;

		print_message("%s\n", offers[i].groups);
		tls_client_init(&c, port, A);
		must(SSL_set1_groups_list(c.ssl, offers[i].groups) == 1, NULL);
		if (offers[i].ciphers) {
			SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
			must(SSL_set_cipher_list(c.ssl, offers[i].ciphers) == 1,
			     NULL);
		}
		assert_int_equal(tls_client_shake(&c), offers[i].alert);
		tls_client_release(&c);
	}
}

/* It does not trust whoever issued our certificate, and says so. */
static int break_off(int version)
{
	struct tls_client c;
	int alert;

	tls_client_init(&c, port, A);
	SSL_set_max_proto_version(c.ssl, version);
	SSL_set_verify(c.ssl, SSL_VERIFY_PEER, NULL);
	alert = tls_client_shake(&c);
	assert_int_not_equal(alert, 0);
	tls_client_release(&c);
	return alert;
}

static bool is_let_in(void)
{
	struct tls_client c;
	bool is_in;

	tls_client_init(&c, port, A);
	is_in = tls_client_shake(&c) == 0;
	tls_client_release(&c);
	return is_in;
}

static unsigned long shed(void)
{
	struct httpd_counts counts;

	httpd_count(httpd, &counts);
	return counts.shed;
}

/* Ten at once are borne, and one a second; some may be counted a bit late. */
static void breaks_off_till_turned_away(int version)
{
	unsigned long before = shed();
	int times = 0;

	while (shed() == before && times++ < 40)
		break_off(version);
	assert_in_range(times, 11, 39);
}

static void who_breaks_off_too_often_is_turned_away(void **state)
{
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(versions); i++) {
		tls_client_be(10 + i);
		breaks_off_till_turned_away(versions[i]);
		assert_false(is_let_in());
		tls_client_be(20);
		assert_true(is_let_in());
		tls_client_be(10 + i);
		for (int waits = 0; !is_let_in(); waits++) {
			assert_true(waits < 40);
			usleep(100000);
		}
	}
}

/* Nothing was signed for them. */
static void who_cannot_be_served_is_not_counted(void **state)
{
	unsigned long before = shed();
	struct tls_client c;

	(void)state;
	tls_client_be(30);
	for (int i = 0; i < 60; i++) {
		tls_client_init(&c, port, i % 3 ? "mta-sts.b.test" : A);
		if (i % 3 == 0)
			SSL_set1_groups_list(c.ssl, "ffdhe2048");
		else if (i % 3 == 1)
			SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
		assert_int_not_equal(tls_client_shake(&c), 0);
		tls_client_release(&c);
	}
	for (int i = 0; i < 20; i++)
		assert_true(is_let_in());
	assert_int_equal(shed(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_curves_are_agreed_on),
		cmocka_unit_test(who_breaks_off_too_often_is_turned_away),
		cmocka_unit_test(who_cannot_be_served_is_not_counted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
