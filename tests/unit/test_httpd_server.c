/*
 * The whole server on loopback, asked by OpenSSL as any sender would.
 */
#include "httpd/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "httpd/listener.h"
#include "tests/sim/hosted.h"
#include "tests/sim/httpd_count.h"
#include "tests/sim/scratch.h"
#include "tests/sim/served.h"
#include "tests/sim/tls_client.h"

#define A	"mta-sts.a.test"
#define B	"mta-sts.b.test"
#define NO_CERT "mta-sts.new.test"
#define GET(host) "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " host "\r\n"
#define LAST	"Connection: close\r\n\r\n"

static struct hosted hosted;
static struct httpd *httpd;
static unsigned https_port, http_port;
static atomic_int wanted;
static atomic_int stall_ms; /* so long whoever is told keeps its thread */

static void note_wanted(const char *host, void *arg)
{
	(void)arg;
	if (strcmp(host, NO_CERT) == 0)
		atomic_fetch_add(&wanted, 1);
	usleep((useconds_t)atomic_load(&stall_ms) * 1000);
}

static void start(unsigned max_connections, unsigned max_per_address,
		  unsigned deadline_ms)
{
	struct httpd_options o = served_usual(hosted.dir);

	o.max_connections = max_connections;
	o.max_per_address = max_per_address;
	o.deadline_ms = deadline_ms;
	o.wanted = note_wanted;
	httpd = served_start(&o, &https_port, &http_port);
}

static int start_usual(void **state)
{
	(void)state;
	start(100, 100, 20000);
	return 0;
}

static int start_roomy(void **state)
{
	(void)state;
	start(1000, 1000, 20000);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	httpd_stop(httpd, 0);
	httpd = NULL;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_add(&hosted, "b.test");
	hosted_add(&hosted, "new.test");
	hosted_certify(&hosted, "a.test");
	hosted_certify(&hosted, "b.test");
	hosted_challenge(&hosted, "new.test", METHOD_HTTP_01, "token_1",
			 "token_1.thumb");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&hosted);
	return 0;
}

/* ---- a client ---- */

static void client_init(struct tls_client *c, const char *sni)
{
	tls_client_init(c, https_port, sni);
	tls_client_trust(c, hosted.ca.root, sni);
}

static void client_open(struct tls_client *c, const char *sni)
{
	client_init(c, sni);
	assert_int_equal(tls_client_shake(c), 0);
}

static long serial_of(const struct tls_client *c)
{
	X509 *x = SSL_get0_peer_certificate(c->ssl);

	return ASN1_INTEGER_get(X509_get0_serialNumber(x));
}

static char *fetch(const char *sni, const char *request)
{
	struct tls_client c;
	char *text;

	client_open(&c, sni);
	tls_client_say(&c, request);
	text = tls_client_hear(&c, NULL);
	tls_client_release(&c);
	return text;
}

static char *fetch_plain(const char *request)
{
	char *text = xcalloc(1, 65536);
	int fd = tls_client_dial(http_port);
	size_t len = 0;
	ssize_t n;

	assert_true(send(fd, request, strlen(request), 0) > 0);
	while (len < 60000 && (n = recv(fd, text + len, 4096, 0)) > 0)
		len += (size_t)n;
	close(fd);
	return text;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* ---- stories ---- */

static void a_policy_is_served(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	char *body = hosted_body(&hosted, "a.test"), *text;
	struct tls_client c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		client_init(&c, A);
		SSL_set_max_proto_version(c.ssl, versions[i]);
		assert_int_equal(tls_client_shake(&c), 0);
		assert_int_equal(SSL_version(c.ssl), versions[i]);
		tls_client_say(&c, GET(A) LAST);
		text = tls_client_hear(&c, NULL);
		assert_true(begins(text, "HTTP/1.1 200 OK\r\n"));
		assert_non_null(strstr(text, "\r\nContent-Length: "));
		assert_string_equal(strstr(text, "\r\n\r\n") + 4, body);
		assert_int_equal(SSL_get_shutdown(c.ssl),
				 SSL_RECEIVED_SHUTDOWN);
		free(text);
		tls_client_release(&c);
	}
	free(body);
	assert_true(count_comes_to(httpd, COUNT(policies), 2));
	assert_true(count_comes_to(httpd, COUNT(handshakes), 2));
	assert_true(count_comes_to(
		httpd, COUNT(shakes[SHAKE_FINISHED][VERSION_1_2]), 1));
	assert_true(count_comes_to(
		httpd, COUNT(shakes[SHAKE_FINISHED][VERSION_1_3]), 1));
	assert_true(count_comes_to(httpd, COUNT(answers[ROUTE_POLICY][2]), 2));
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

#define BIG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BIG1K BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG BIG
#define BIG10K BIG1K BIG1K BIG1K BIG1K BIG1K BIG1K BIG1K BIG1K BIG1K BIG1K

static const struct {
	const char *request, *answer, *also;
} exchanges[] = {
	{ "HEAD /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " A "\r\n" LAST,
	  "HTTP/1.1 200 ", "Content-Length: 63\r\n" },
	{ GET(B) LAST, "HTTP/1.1 421 ", NULL },
	{ GET(A) "Host: " A "\r\n" LAST, "HTTP/1.1 400 ", NULL },
	{ "GET / HTTP/1.1\r\nHost: " A "\r\n" LAST, "HTTP/1.1 404 ", NULL },
	{ "GET / HTTP/1.1\r\n" LAST, "HTTP/1.1 400 ", NULL },
	{ "DELETE /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " A "\r\n" LAST,
	  "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n" },
	{ "GET https://" A "/.well-known/mta-sts.txt HTTP/1.1\r\nHost: x\r\n"
	  LAST, "HTTP/1.1 200 ", NULL },
	{ GET(A) "X: " BIG10K "\r\n" LAST, "HTTP/1.1 431 ", NULL },
	{ "GET /" BIG10K " HTTP/1.1\r\nHost: " A "\r\n" LAST,
	  "HTTP/1.1 431 ", NULL },
	{ "POST / HTTP/1.1\r\nHost: " A "\r\nContent-Length: 10240\r\n\r\n"
	  BIG10K, "HTTP/1.1 413 ", NULL },
	{ "what?\r\n\r\n", "HTTP/1.1 400 ", NULL },
	{ GET(A) "\r\n" GET(A) LAST, "HTTP/1.1 200 ", "HTTP/1.1 200 " },
};

static void requests_have_their_answers(void **state)
{
	char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(exchanges); i++) {
		print_message("%.60s\n", exchanges[i].request);
		text = fetch(A, exchanges[i].request);
		assert_true(begins(text, exchanges[i].answer));
		if (exchanges[i].also)
			assert_non_null(strstr(text + 1, exchanges[i].also));
		free(text);
	}
	text = fetch(A, exchanges[0].request);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	free(text);
	assert_true(count_comes_to(httpd, COUNT(answers[ROUTE_POLICY][2]), 5));
	assert_true(count_comes_to(httpd, COUNT(answers[ROUTE_POLICY][4]), 1));
	/* each of them, also of what is no request */
	assert_true(count_comes_to(httpd, COUNT(answers[ROUTE_OTHER][4]), 8));
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

static void port_80_has_challenges_and_redirects(void **state)
{
	char *text = fetch_plain("GET /.well-known/acme-challenge/token_1 "
				 "HTTP/1.1\r\nHost: any.test\r\n" LAST);
	char location[64];

	(void)state;
	assert_true(begins(text, "HTTP/1.1 200 "));
	assert_string_equal(strstr(text, "\r\n\r\n") + 4, "token_1.thumb");
	free(text);
	text = fetch_plain(GET(A) LAST);
	snprintf(location, sizeof(location), "Location: https://" A ":%u/",
		 https_port);
	assert_true(begins(text, "HTTP/1.1 301 "));
	assert_non_null(strstr(text, location));
	free(text);
	text = fetch_plain(GET("any.test") LAST);
	assert_true(begins(text, "HTTP/1.1 404 "));
	free(text);
}

static void other_names_get_an_alert_and_no_certificate(void **state)
{
	static const char *const names[] = { NULL, "x.test", "a.test", NO_CERT,
					     "x.mta-sts.a.test" };
	struct tls_client c;

	(void)state;
	atomic_store(&wanted, 0);
	atomic_store(&stall_ms, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		client_init(&c, names[i]);
		assert_int_equal(tls_client_shake(&c), SSL_AD_UNRECOGNIZED_NAME);
		assert_null(SSL_get0_peer_certificate(c.ssl));
		tls_client_release(&c);
	}
	assert_true(count_comes_to(httpd, COUNT(handshakes_failed),
				   ARRAY_LEN(names)));
	assert_true(count_comes_to(
		httpd, COUNT(shakes[SHAKE_UNKNOWN_NAME][VERSION_NONE]),
		ARRAY_LEN(names)));
	assert_int_equal(atomic_load(&wanted), 1);
}

/* A loop that does not turn is found out by its silence. */
static void a_thread_that_is_stuck_is_silent(void **state)
{
	long longest = 0;
	struct tls_client c;

	(void)state;
	atomic_store(&stall_ms, 3500);
	client_init(&c, NO_CERT);
	assert_int_equal(httpd_silence_ms(httpd), 0);
	assert_int_equal(tls_client_shake(&c), SSL_AD_UNRECOGNIZED_NAME);
	longest = httpd_silence_ms(httpd);
	assert_true(longest >= 1000);
	tls_client_release(&c);
	atomic_store(&stall_ms, 0);
	for (int i = 0; i < 300 && httpd_silence_ms(httpd); i++)
		usleep(10000);
	assert_int_equal(httpd_silence_ms(httpd), 0);
}

static size_t make_hello(const char *host, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct tls_client c;
	int len;

	client_init(&c, host);
	SSL_set_connect_state(c.ssl);
	SSL_set0_wbio(c.ssl, bio);
	SSL_set0_rbio(c.ssl, BIO_new(BIO_s_mem()));
	SSL_do_handshake(c.ssl);
	len = BIO_read(bio, out, (int)size);
	assert_true(len > 0);
	tls_client_release(&c);
	return (size_t)len;
}

/* Each that comes costs something, and who is there waits for a few of them. */
static void others_have_their_turn_while_many_come(void **state)
{
	enum { MANY = 600 };
	char hello[1024], *text;
	size_t len = make_hello(NO_CERT, hello, sizeof(hello));
	struct tls_client c;
	int fds[MANY];

	(void)state;
	client_init(&c, A);
	assert_int_equal(tls_client_shake(&c), 0);
	atomic_store(&wanted, 0);
	atomic_store(&stall_ms, 5);
	for (size_t i = 0; i < MANY; i++) {
		fds[i] = tls_client_dial(https_port);
		assert_int_equal(send(fds[i], hello, len, MSG_NOSIGNAL), len);
	}
	tls_client_say(&c, GET(A) LAST);
	text = tls_client_hear(&c, NULL);
	assert_true(atomic_load(&wanted) < MANY * 2 / 3);
	atomic_store(&stall_ms, 0);
	assert_memory_equal(text, "HTTP/1.1 200 ", 13);
	free(text);
	tls_client_release(&c);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
}

static void old_tls_and_other_protocols_are_refused(void **state)
{
	struct tls_client c;

	(void)state;
	client_init(&c, A);
	SSL_set_min_proto_version(c.ssl, TLS1_1_VERSION);
	SSL_set_max_proto_version(c.ssl, TLS1_1_VERSION);
	SSL_set_cipher_list(c.ssl, "ALL:@SECLEVEL=0");
	assert_int_equal(tls_client_shake(&c), SSL_AD_PROTOCOL_VERSION);
	tls_client_release(&c);

	client_init(&c, A);
	SSL_set_alpn_protos(c.ssl, (const unsigned char *)"\2h2", 3);
	assert_int_equal(tls_client_shake(&c), SSL_AD_NO_APPLICATION_PROTOCOL);
	tls_client_release(&c);
	assert_true(count_comes_to(
		httpd, COUNT(shakes[SHAKE_FAILED][VERSION_NONE]), 1));
	assert_true(count_comes_to(
		httpd, COUNT(shakes[SHAKE_FAILED][VERSION_1_3]), 1));

	client_init(&c, A);
	SSL_set_alpn_protos(c.ssl, (const unsigned char *)"\2h2\10http/1.1",
			    12);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_release(&c);
}

/* The cheaper one, unless the client has no liking for it. */
static void aes_128_is_preferred(void **state)
{
	static const struct {
		const char *offered, *chosen;
	} cases[] = {
		{ "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
		  "TLS_AES_128_GCM_SHA256" },
		{ "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384" },
		{ "TLS_CHACHA20_POLY1305_SHA256",
		  "TLS_CHACHA20_POLY1305_SHA256" },
	};
	struct tls_client c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		client_init(&c, A);
		SSL_set_ciphersuites(c.ssl, cases[i].offered);
		assert_int_equal(tls_client_shake(&c), 0);
		assert_string_equal(SSL_get_cipher_name(c.ssl),
				    cases[i].chosen);
		tls_client_release(&c);
	}
}

static SSL_SESSION *session_of(const char *sni, int version)
{
	SSL_SESSION *session;
	struct tls_client c;

	client_init(&c, sni);
	SSL_set_max_proto_version(c.ssl, version);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_say(&c, GET(A) LAST);
	free(tls_client_hear(&c, NULL));
	session = SSL_get1_session(c.ssl);
	tls_client_release(&c);
	return session;
}

static void sessions_are_never_resumed(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static const char *const names[] = { A, B };
	struct tls_client c;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		SSL_SESSION *session = session_of(A, versions[i / 2]);

		client_init(&c, names[i % 2]);
		SSL_set_max_proto_version(c.ssl, versions[i / 2]);
		SSL_set_session(c.ssl, session);
		assert_int_equal(tls_client_shake(&c), 0);
		assert_false(SSL_session_reused(c.ssl));
		tls_client_release(&c);
		SSL_SESSION_free(session);
	}
}

static void a_new_certificate_is_presented_at_once(void **state)
{
	struct tls_client running, c;
	long old, new;
	char *text;

	(void)state;
	client_open(&running, A);
	old = serial_of(&running);
	new = hosted_certify(&hosted, "a.test");
	for (int i = 0; i < 10; i++) {
		client_open(&c, A);
		assert_int_equal(serial_of(&c), new);
		tls_client_release(&c);
	}
	assert_int_not_equal(old, new);
	tls_client_say(&running, GET(A) LAST);
	text = tls_client_hear(&running, NULL);
	assert_true(begins(text, "HTTP/1.1 200 "));
	free(text);
	tls_client_release(&running);
}

static void *fetch_many(void *failures)
{
	for (int i = 0; i < 100; i++) {
		struct tls_client c;
		char *text = NULL;
		bool ok;

		client_init(&c, i % 2 ? A : B);
		ok = tls_client_shake(&c) == 0;
		if (ok) {
			tls_client_say(&c, i % 2 ? GET(A) LAST : GET(B) LAST);
			text = tls_client_hear(&c, NULL);
			ok = begins(text, "HTTP/1.1 200 ");
		}
		free(text);
		tls_client_release(&c);
		if (!ok)
			atomic_fetch_add((atomic_int *)failures, 1);
	}
	return NULL;
}

static void certificates_change_under_load(void **state)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	atomic_int failures = 0;
	pthread_t threads[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, fetch_many, &failures);
	for (int i = 0; i < 30; i++) {
		hosted_certify(&hosted, i % 2 ? "a.test" : "b.test");
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	assert_true(count_comes_to(httpd, COUNT(policies), 300));
	assert_true(count_comes_to(httpd, COUNT(handshakes_failed), 0));
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

static bool is_closed_by_peer(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) <= 0 && errno != EAGAIN;
}

static void too_many_are_shed_at_once(void **state)
{
	int fds[6];
	char *text;

	(void)state;
	start(100, 4, 20000);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = tls_client_dial(i % 2 ? https_port : http_port);
		assert_true(count_comes_to(httpd, COUNT(connections), i + 1));
	}
	assert_true(count_comes_to(httpd, COUNT(shed), 2));
	assert_true(is_closed_by_peer(fds[4]));
	assert_true(is_closed_by_peer(fds[5]));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	text = fetch(A, GET(A) LAST);
	assert_true(begins(text, "HTTP/1.1 200 "));
	free(text);
	stop(NULL);

	start(2, 0, 20000);
	for (size_t i = 0; i < 3; i++) {
		fds[i] = tls_client_dial(https_port);
		assert_true(count_comes_to(httpd, COUNT(connections), i + 1));
	}
	assert_true(count_comes_to(httpd, COUNT(shed), 1));
	assert_true(is_closed_by_peer(fds[2]));
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	stop(NULL);
}

static const char *const stalls[] = {
	"",
	"GET / HT",
	"GET / HTTP/1.1\r\nHost: x\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow",
	"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1",
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",	/* answered, then idle */
};

static void nobody_stays_beyond_the_deadline(void **state)
{
	int fds[2 * ARRAY_LEN(stalls)];
	struct tls_client half;
	char rest[4096];

	(void)state;
	start(100, 100, 300);
	client_open(&half, A);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		const char *text = stalls[i / 2];

		fds[i] = tls_client_dial(i % 2 ? https_port : http_port);
		assert_true(send(fds[i], text, strlen(text), 0) >= 0);
	}
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		while (recv(fds[i], rest, sizeof(rest), 0) > 0)
			continue;
		assert_int_not_equal(errno, EAGAIN);
		close(fds[i]);
	}
	tls_client_release(&half);
	stop(NULL);
}

/* What a peer pours in beside a request must not pile up. */
static void floods_are_ended(void **state)
{
	static char flood[1 << 16];
	const char *head = "POST / HTTP/1.1\r\nHost: x\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n";
	int fd;

	(void)state;
	start(100, 100, 20000);
	memset(flood, '0', sizeof(flood));
	fd = tls_client_dial(http_port);
	send(fd, head, strlen(head), MSG_NOSIGNAL);
	for (int i = 0; i < 100; i++)
		if (send(fd, flood, sizeof(flood), MSG_NOSIGNAL) < 0)
			break;
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	close(fd);
	stop(NULL);
}

static void *stop_in_peace(void *arg)
{
	(void)arg;
	httpd_stop(httpd, 5000);
	return NULL;
}

/* The listening sockets close once every thread has done with them. */
static bool is_refused_soon(void)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (int i = 0; i < 200; i++) {
		int fd = tls_client_dial(https_port);

		if (fd < 0)
			return true;
		close(fd);
		nanosleep(&pause, NULL);
	}
	return false;
}

static void a_stop_lets_what_runs_finish(void **state)
{
	struct tls_client idle, running;
	pthread_t stopper;
	char *text, byte;

	(void)state;
	start(100, 100, 20000);
	client_open(&idle, A);
	tls_client_say(&idle, GET(A) "\r\n");
	free(tls_client_hear(&idle, "max_age: 604800\r\n"));
	client_open(&running, A);
	tls_client_say(&running, "GET /.well-known/mta-sts.txt HTTP/1.1\r\n");
	assert_int_equal(pthread_create(&stopper, NULL, stop_in_peace, NULL),
			 0);

	assert_true(SSL_read(idle.ssl, &byte, 1) <= 0);
	assert_true(is_refused_soon());
	tls_client_say(&running, "Host: " A "\r\n\r\n");
	text = tls_client_hear(&running, NULL);
	assert_true(begins(text, "HTTP/1.1 200 "));
	assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
	free(text);
	pthread_join(stopper, NULL);
	tls_client_release(&idle);
	tls_client_release(&running);
}

static void a_stop_ends_after_its_grace(void **state)
{
	struct timespec before, after;
	int fd;

	(void)state;
	start(100, 100, 20000);
	fd = tls_client_dial(https_port);
	assert_true(count_comes_to(httpd, COUNT(open), 1));
	clock_gettime(CLOCK_MONOTONIC, &before);
	httpd_stop(httpd, 200);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range((after.tv_sec - before.tv_sec) * 1000 +
			(after.tv_nsec - before.tv_nsec) / 1000000, 150, 5000);
	close(fd);
}

/* Connected and not yet accepted when the stop comes: answered still. */
static void a_stop_takes_the_accept_queue_along(void **state)
{
	char *text;

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct tls_client c;
		pthread_t stopper;

		start(100, 100, 20000);
		client_init(&c, A);
		pthread_create(&stopper, NULL, stop_in_peace, NULL);
		assert_int_equal(tls_client_shake(&c), 0);
		tls_client_say(&c, GET(A) "\r\n");
		text = tls_client_hear(&c, NULL);
		assert_true(begins(text, "HTTP/1.1 200 "));
		free(text);
		tls_client_release(&c);
		pthread_join(stopper, NULL);
	}
}

static void no_state_folder_no_server(void **state)
{
	struct httpd_options o = { .state_dir = "/nonexistent",
				   .https_count = 1 };
	struct err err = ERR_INIT;

	(void)state;
	o.https_fds[0] = listener_bind("127.0.0.1:0", &err);
	https_port = listener_port(o.https_fds[0]);
	assert_null(httpd_start(&o, &err));
	assert_int_not_equal(err.kind, ERR_NONE);
	assert_int_equal(tls_client_dial(https_port), -1);	/* the socket is closed */
	httpd_stop(NULL, 0);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start_usual, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_policy_is_served),
		SERVED(requests_have_their_answers),
		SERVED(port_80_has_challenges_and_redirects),
		SERVED(other_names_get_an_alert_and_no_certificate),
		SERVED(old_tls_and_other_protocols_are_refused),
		SERVED(aes_128_is_preferred),
		SERVED(a_thread_that_is_stuck_is_silent),
		cmocka_unit_test_setup_teardown(
			others_have_their_turn_while_many_come, start_roomy,
			stop),
		SERVED(sessions_are_never_resumed),
		SERVED(a_new_certificate_is_presented_at_once),
		SERVED(certificates_change_under_load),
		cmocka_unit_test(too_many_are_shed_at_once),
		cmocka_unit_test(nobody_stays_beyond_the_deadline),
		cmocka_unit_test(floods_are_ended),
		cmocka_unit_test(a_stop_lets_what_runs_finish),
		cmocka_unit_test(a_stop_ends_after_its_grace),
		cmocka_unit_test(a_stop_takes_the_accept_queue_along),
		cmocka_unit_test(no_state_folder_no_server),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
