/*
 * What is agreed on in a handshake, and how much of one a peer may ask for.
 */
#include "httpd/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/loop.h"
#include "base/mem.h"
#include "httpd/listener.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"
#include "tests/sim/tls_client.h"

#define A "mta-sts.a.test"

static struct hosted hosted;
static struct httpd *httpd;
static unsigned port;

static int set_up(void **state)
{
	struct httpd_options o = {
		.https_count = 1,
		.workers = 1,
		.max_connections = 100,
		.max_per_address = 100,
		.deadline_ms = 20000,
		.cache_bytes = 1 << 20,
	};
	struct err err = ERR_INIT;

	(void)state;
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	o.state_dir = hosted.dir;
	o.https_fds[0] = listener_bind("127.0.0.1:0", &err);
	port = o.https_port = listener_port(o.https_fds[0]);
	httpd = httpd_start(&o, &err);
	must(httpd, &err);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_curves_are_agreed_on),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
