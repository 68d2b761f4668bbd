/*
 * A CA looks at port 443 (RFC 8737): what it is shown, and that nobody else
 * ever is.
 */
#include "httpd/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "tests/sim/hosted.h"
#include "tests/sim/httpd_count.h"
#include "tests/sim/scratch.h"
#include "tests/sim/served.h"
#include "tests/sim/tls_client.h"

#define LIVE	"mta-sts.live.test"	/* a certificate, and a challenge */
#define NEW	"mta-sts.new.test"	/* no certificate, but a challenge */
#define QUIET	"mta-sts.quiet.test"	/* a certificate, and no challenge */
#define HTTP	"mta-sts.http.test"	/* a certificate, and one of http-01 */
#define BARE	"mta-sts.bare.test"	/* neither */

#define ACME	  "\x0a" "acme-tls/1"
#define HTTP_1_1  "\x08" "http/1.1"
#define H2	  "\x02" "h2"

static struct hosted hosted;
static struct httpd *httpd;
static unsigned port;
static int64_t live_order;
static atomic_int wanted;

static void note_wanted(const char *host, void *arg)
{
	(void)host;
	(void)arg;
	atomic_fetch_add(&wanted, 1);
}

static int start(void **state)
{
	struct httpd_options o = served_usual(hosted.dir);

	(void)state;
	o.wanted = note_wanted;
	httpd = served_start(&o, &port, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	httpd_stop(httpd, 0);
	return 0;
}

static int set_up(void **state)
{
	static const char *const certified[] = { "live.test", "quiet.test",
						 "http.test" };

	(void)state;
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "new.test");
	hosted_add(&hosted, "bare.test");
	for (size_t i = 0; i < ARRAY_LEN(certified); i++) {
		hosted_add(&hosted, certified[i]);
		hosted_certify(&hosted, certified[i]);
	}
	hosted_challenge(&hosted, "new.test", METHOD_TLS_ALPN_01, "tok_new",
			 "tok_new.thumb");
	live_order = hosted_challenge(&hosted, "live.test", METHOD_TLS_ALPN_01,
				      "tok_live", "tok_live.thumb");
	hosted_challenge(&hosted, "http.test", METHOD_HTTP_01, "tok_http",
			 "tok_http.thumb");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&hosted);
	return 0;
}

/* ---- who asks, and what it gets ---- */

struct asked {
	int version;		/* TLS1_2_VERSION or TLS1_3_VERSION */
	const char *sni;	/* NULL: none */
	const char *alpn;	/* as on the wire; NULL: none */
};

static void ask(struct tls_client *c, const struct asked *a)
{
	tls_client_init(c, port, a->sni);
	SSL_set_min_proto_version(c->ssl, a->version);
	SSL_set_max_proto_version(c->ssl, a->version);
	if (a->alpn)
		SSL_set_alpn_protos(c->ssl, (const unsigned char *)a->alpn,
				    (unsigned)strlen(a->alpn));
}

static const char *protocol_of(const struct tls_client *c)
{
	static _Thread_local char name[32];
	const unsigned char *chosen;
	unsigned len;

	SSL_get0_alpn_selected(c->ssl, &chosen, &len);
	if (len)
		memcpy(name, chosen, len);
	name[len] = '\0';
	return name;
}

/* The acmeIdentifier is of this key authorization; NULL: there is none. */
static bool is_shown(const struct tls_client *c, const char *key_auth)
{
	X509 *x = SSL_get0_peer_certificate(c->ssl);
	ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	int at = x ? X509_get_ext_by_OBJ(x, id, -1) : -1;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	const ASN1_OCTET_STRING *value;

	ASN1_OBJECT_free(id);
	if (at < 0 || !key_auth)
		return at < 0 && !key_auth;
	SHA256((const unsigned char *)key_auth, strlen(key_auth), digest);
	value = X509_EXTENSION_get_data(X509_get_ext(x, at));
	return ASN1_STRING_length(value) == 2 + (int)sizeof(digest) &&
	       memcmp(ASN1_STRING_get0_data(value) + 2, digest,
		      sizeof(digest)) == 0;
}

/* ---- stories ---- */

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static const struct {
	const char *sni, *key_auth;
} validations[] = {
	{ NEW, "tok_new.thumb" },
	{ LIVE, "tok_live.thumb" },
	{ "MTA-STS.Live.TEST", "tok_live.thumb" },
};

static void a_validator_is_shown_the_challenge(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(validations); i++) {
		const struct asked a = { versions[i % 2],
					 validations[i / 2].sni, ACME };
		struct tls_client c;
		char *text;

		ask(&c, &a);
		assert_int_equal(tls_client_shake(&c), 0);
		assert_int_equal(SSL_version(c.ssl), a.version);
		assert_string_equal(protocol_of(&c), "acme-tls/1");
		assert_true(is_shown(&c, validations[i / 2].key_auth));
		assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(c.ssl)),
				 1);
		assert_int_equal(X509_check_host(
			SSL_get0_peer_certificate(c.ssl), a.sni, 0, 0, NULL), 1);
		text = tls_client_hear(&c, NULL);	/* it hangs up first */
		assert_string_equal(text, "");
		assert_int_equal(SSL_get_shutdown(c.ssl),
				 SSL_RECEIVED_SHUTDOWN);
		free(text);
		tls_client_release(&c);
	}
	assert_true(count_comes_to(httpd, COUNT(challenges),
				   2 * ARRAY_LEN(validations)));
	assert_true(count_comes_to(httpd, COUNT(handshakes),
				   2 * ARRAY_LEN(validations)));
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

/* It is closed though the client stays. */
static void a_validator_that_lingers_is_cut_off(void **state)
{
	const struct asked a = { TLS1_3_VERSION, NEW, ACME };
	struct tls_client c;

	(void)state;
	ask(&c, &a);
	assert_int_equal(tls_client_shake(&c), 0);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	tls_client_release(&c);
}

static void a_validator_gets_no_http(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		const struct asked a = { versions[i], LIVE, ACME };
		struct tls_client c;
		char *text;

		ask(&c, &a);
		assert_int_equal(tls_client_shake(&c), 0);
		tls_client_say(&c, "GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
				   "Host: " LIVE "\r\n\r\n");
		text = tls_client_hear(&c, NULL);
		assert_string_equal(text, "");
		free(text);
		tls_client_release(&c);
	}
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	assert_true(count_comes_to(httpd, COUNT(policies), 0));
}

static const struct {
	const char *sni;
	int alert;
} refusals[] = {
	{ QUIET, SSL_AD_NO_APPLICATION_PROTOCOL },
	{ HTTP, SSL_AD_NO_APPLICATION_PROTOCOL },
	{ BARE, SSL_AD_NO_APPLICATION_PROTOCOL },
	{ "new.test", SSL_AD_NO_APPLICATION_PROTOCOL },
	{ "mta-sts.stranger.test", SSL_AD_NO_APPLICATION_PROTOCOL },
	{ NULL, SSL_AD_UNRECOGNIZED_NAME },
	{ "127.0.0.1", SSL_AD_NO_APPLICATION_PROTOCOL },
};

/* Nor is a domain woken by it: anybody could. */
static void without_a_challenge_a_validator_sees_nothing(void **state)
{
	(void)state;
	atomic_store(&wanted, 0);
	for (size_t i = 0; i < 2 * ARRAY_LEN(refusals); i++) {
		const struct asked a = { versions[i % 2], refusals[i / 2].sni,
					 ACME };
		struct tls_client c;

		print_message("%s\n", a.sni ? a.sni : "(none)");
		ask(&c, &a);
		assert_int_equal(tls_client_shake(&c), refusals[i / 2].alert);
		assert_null(SSL_get0_peer_certificate(c.ssl));
		tls_client_release(&c);
	}
	assert_int_equal(atomic_load(&wanted), 0);
	assert_true(count_comes_to(httpd, COUNT(handshakes_failed),
				   2 * ARRAY_LEN(refusals)));
	assert_true(count_comes_to(httpd, COUNT(challenges), 0));
}

static const struct {
	const char *sni, *alpn;
	int alert;
	const char *protocol;
} clients[] = {
	{ LIVE, NULL, 0, "" },
	{ LIVE, HTTP_1_1, 0, "http/1.1" },
	{ LIVE, H2 HTTP_1_1, 0, "http/1.1" },
	{ LIVE, H2, SSL_AD_NO_APPLICATION_PROTOCOL, "" },

	/* acme-tls/1 among others is no validator's */
	{ LIVE, ACME HTTP_1_1, 0, "http/1.1" },
	{ LIVE, HTTP_1_1 ACME, 0, "http/1.1" },
	{ LIVE, ACME H2, SSL_AD_NO_APPLICATION_PROTOCOL, "" },
	{ LIVE, ACME ACME, SSL_AD_NO_APPLICATION_PROTOCOL, "" },
	{ NEW, ACME HTTP_1_1, SSL_AD_UNRECOGNIZED_NAME, "" },

	/* nearly acme-tls/1 is not it */
	{ LIVE, "\x0a" "ACME-TLS/1", SSL_AD_NO_APPLICATION_PROTOCOL, "" },
	{ LIVE, "\x09" "acme-tls/", SSL_AD_NO_APPLICATION_PROTOCOL, "" },
	{ LIVE, "\x0b" "acme-tls/1.", SSL_AD_NO_APPLICATION_PROTOCOL, "" },
};

/* What an ordinary client of the name gets, while a challenge is live. */
static void nobody_else_sees_a_challenge(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(clients); i++) {
		const struct asked a = { versions[i % 2], clients[i / 2].sni,
					 clients[i / 2].alpn };
		struct tls_client c;

		print_message("%zu\n", i / 2);
		ask(&c, &a);
		tls_client_trust(&c, hosted.ca.root, a.sni);
		assert_int_equal(tls_client_shake(&c), clients[i / 2].alert);
		assert_true(is_shown(&c, NULL));
		if (!clients[i / 2].alert)
			assert_string_equal(protocol_of(&c),
					    clients[i / 2].protocol);
		tls_client_release(&c);
	}
	assert_true(count_comes_to(httpd, COUNT(challenges), 0));
}

/* ---- a second hello, after a HelloRetryRequest ---- */

static void patch(unsigned char *hello, size_t len, const char *from,
		  const char *to, size_t n)
{
	unsigned char *at = memmem(hello, len, from, n);

	if (at)
		memcpy(at, to, n);
	must(at != NULL, NULL);
}

/* What `ssl` says next, with no socket of its own. */
static size_t next_flight(SSL *ssl, unsigned char *out, size_t size)
{
	int n;

	SSL_do_handshake(ssl);
	n = BIO_read(SSL_get_wbio(ssl), out, (int)size);
	must(n > 0, NULL);
	return (size_t)n;
}

static size_t read_record(int fd, unsigned char *out)
{
	size_t len;

	if (recv(fd, out, 5, MSG_WAITALL) != 5)
		return 0;
	len = (size_t)out[3] << 8 | out[4];
	must(recv(fd, out + 5, len, MSG_WAITALL) == (ssize_t)len, NULL);
	return 5 + len;
}

/* P-521 becomes a group that nobody knows: the server has to ask again. */
static void say_first(SSL *ssl, int fd)
{
	unsigned char text[20000];
	size_t len = next_flight(ssl, text, sizeof(text)), n;

	patch(text, len, "\0\x0a\0\x06\0\x04\0\x19\0\x17",
	      "\0\x0a\0\x06\0\x04\x7a\x7a\0\x17", 10);
	patch(text, len, "\0\x19\0\x85\x04", "\x7a\x7a\0\x85\x04", 5);
	must(send(fd, text, len, 0) == (ssize_t)len, NULL);
	for (int i = 0; i < 2; i++) {	/* and a ChangeCipherSpec */
		n = read_record(fd, text);
		must(n > 0, NULL);
		BIO_write(SSL_get_rbio(ssl), text, (int)n);
	}
}

static const struct {
	const char *alpn_first, *alpn_second, *sni_second;
	unsigned char record, alert;
} second_hellos[] = {
	{ ACME, ACME, LIVE, 22, 0 },
	{ HTTP_1_1, HTTP_1_1, LIVE, 22, 0 },
	{ ACME, "\x0a" "acme-tls/2", LIVE, 21, SSL_AD_UNRECOGNIZED_NAME },
	{ "\x01" "x" HTTP_1_1, ACME, LIVE, 21,
	  SSL_AD_NO_APPLICATION_PROTOCOL },
	{ ACME, ACME, "mta-sts.alive.tst", 21, SSL_AD_NO_APPLICATION_PROTOCOL },
	{ HTTP_1_1, HTTP_1_1, "mta-sts.alive.tst", 21,
	  SSL_AD_UNRECOGNIZED_NAME },
};

static void check_second_hello(size_t i, SSL *ssl, int fd)
{
	const char *first = second_hellos[i].alpn_first;
	unsigned char text[20000];
	size_t len;

	say_first(ssl, fd);
	len = next_flight(ssl, text, sizeof(text));
	patch(text, len, first, second_hellos[i].alpn_second, strlen(first));
	patch(text, len, LIVE, second_hellos[i].sni_second, strlen(LIVE));
	must(send(fd, text, len, 0) == (ssize_t)len, NULL);
	len = read_record(fd, text);
	assert_true(len > 5);
	assert_int_equal(text[0], second_hellos[i].record);
	if (text[0] == 21)
		assert_int_equal(text[6], second_hellos[i].alert);
}

/* What was chosen for the first is not for another to have. */
static void a_second_hello_must_be_the_same(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	(void)state;
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set1_groups_list(ctx, "P-521:P-256");
	for (size_t i = 0; i < ARRAY_LEN(second_hellos); i++) {
		const char *alpn = second_hellos[i].alpn_first;
		int fd = tls_client_dial(port);
		SSL *ssl = SSL_new(ctx);

		print_message("%zu\n", i);
		SSL_set_connect_state(ssl);
		SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
		SSL_set_tlsext_host_name(ssl, LIVE);
		SSL_set_alpn_protos(ssl, (const unsigned char *)alpn,
				    (unsigned)strlen(alpn));
		check_second_hello(i, ssl, fd);
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(ctx);
}

/* ---- over time, and many at once ---- */

/* The same certificate for those who come at once, and none once it is over. */
static void a_challenge_ends_with_its_order(void **state)
{
	const struct asked a = { TLS1_3_VERSION, LIVE, ACME };
	const struct asked usual = { TLS1_3_VERSION, LIVE, HTTP_1_1 };
	struct tls_client c;

	(void)state;
	ask(&c, &a);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_release(&c);
	hosted_end_order(&hosted, live_order);
	ask(&c, &a);
	assert_int_equal(tls_client_shake(&c), SSL_AD_NO_APPLICATION_PROTOCOL);
	tls_client_release(&c);

	live_order = hosted_challenge(&hosted, "live.test", METHOD_TLS_ALPN_01,
				      "tok_2", "tok_2.thumb");
	ask(&c, &a);
	assert_int_equal(tls_client_shake(&c), 0);
	assert_true(is_shown(&c, "tok_2.thumb"));
	tls_client_release(&c);
	ask(&c, &usual);
	tls_client_trust(&c, hosted.ca.root, LIVE);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_release(&c);
}

/* Each thread alternates; what the other one asks for must not show. */
static void *ask_in_turn(void *failures)
{
	for (int i = 0; i < 60; i++) {
		const struct asked a = { versions[i / 2 % 2],
					 i % 3 ? LIVE : NEW,
					 i % 3 == 1 ? HTTP_1_1 : ACME };
		const char *auth = i % 3 == 0 ? "tok_new.thumb"
				   : i % 3 == 1 ? NULL : "tok_2.thumb";
		struct tls_client c;

		ask(&c, &a);
		if (tls_client_shake(&c) != 0 || !is_shown(&c, auth))
			atomic_fetch_add((atomic_int *)failures, 1);
		tls_client_release(&c);
	}
	return NULL;
}

static void many_come_at_once(void **state)
{
	atomic_int failures = 0;
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, ask_in_turn, &failures);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	assert_true(count_comes_to(httpd, COUNT(challenges), 160));
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_validator_is_shown_the_challenge),
		SERVED(a_validator_that_lingers_is_cut_off),
		SERVED(a_validator_gets_no_http),
		SERVED(without_a_challenge_a_validator_sees_nothing),
		SERVED(nobody_else_sees_a_challenge),
		SERVED(a_second_hello_must_be_the_same),
		SERVED(a_challenge_ends_with_its_order),
		SERVED(many_come_at_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
