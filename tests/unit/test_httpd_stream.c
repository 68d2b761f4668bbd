/*
 * Both ends of a socket pair: the stream on ours, and what a peer may do on
 * the other.
 */
#include "httpd/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/sim/scratch.h"

static struct streams *all;
static SSL_CTX *ours, *theirs;

/* A certificate that says nothing; nobody looks at it. */
static void certify(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	X509_set_pubkey(x, key);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	must(X509_sign(x, key, EVP_sha256()) > 0 &&
		     SSL_CTX_use_certificate(ctx, x) == 1 &&
		     SSL_CTX_use_PrivateKey(ctx, key) == 1,
	     NULL);
	X509_free(x);
	EVP_PKEY_free(key);
}

static int set_up(void **state)
{
	(void)state;
	all = streams_new();
	ours = SSL_CTX_new(TLS_server_method());
	theirs = SSL_CTX_new(TLS_client_method());
	certify(ours);
	SSL_CTX_set_num_tickets(ours, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	SSL_CTX_free(ours);
	SSL_CTX_free(theirs);
	streams_free(all);
	return 0;
}

/* ---- the two ends ---- */

struct ends {
	struct stream s;
	int fd;	  /* the peer's */
	SSL *ssl; /* the peer's, or NULL */
};

static void ends_init(struct ends *e, bool has_tls)
{
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0,
	     NULL);
	must(stream_init(&e->s, all, fds[0], has_tls ? SSL_new(ours) : NULL),
	     NULL);
	e->fd = fds[1];
	e->ssl = has_tls ? SSL_new(theirs) : NULL;
	if (e->ssl)
		SSL_set_fd(e->ssl, e->fd);
}

static void ends_release(struct ends *e)
{
	SSL_free(e->ssl);
	stream_release(&e->s);
	close(e->fd);
	assert_int_equal(ERR_peek_error(), 0);
}

/* One turn: what came, in one piece; the caller frees. */
static char *turn(struct stream *s)
{
	char *text = xcalloc(1, STREAM_IN_MAX + 1);
	const char *piece;
	size_t len = 0, n;

	stream_fill(s);
	while ((n = stream_read(s, &piece)) > 0) {
		memcpy(text + len, piece, n);
		len += n;
	}
	stream_flush(s);
	return text;
}

static void hears(struct stream *s, const char *what)
{
	char *text = turn(s);

	assert_string_equal(text, what);
	free(text);
}

static void shake(struct ends *e)
{
	for (int i = 0; i < 10 && SSL_connect(e->ssl) != 1; i++)
		hears(&e->s, "");
	ERR_clear_error();
	hears(&e->s, "");
	assert_true(SSL_is_init_finished(e->s.ssl));
}

static void say(struct ends *e, const char *text)
{
	if (e->ssl)
		must(SSL_write(e->ssl, text, (int)strlen(text)) > 0, NULL);
	else
		must(send(e->fd, text, strlen(text), 0) > 0, NULL);
}

/* ---- stories ---- */

static void bytes_go_both_ways(void **state)
{
	(void)state;
	for (int has_tls = 0; has_tls < 2; has_tls++) {
		struct ends e;
		char text[64] = "";

		ends_init(&e, has_tls);
		if (has_tls)
			shake(&e);
		hears(&e.s, ""); /* nothing yet, and nothing wrong */
		assert_false(e.s.is_over || e.s.is_broken);
		say(&e, "hello");
		hears(&e.s, "hello");
		stream_write(&e.s, "good", 4);
		stream_write(&e.s, "bye", 3);
		assert_int_equal(recv(e.fd, text, sizeof(text), 0), -1);
		stream_flush(&e.s);
		assert_int_equal(stream_unsent(&e.s), 0);
		if (has_tls)
			assert_int_equal(SSL_read(e.ssl, text, 64), 4);
		assert_int_equal(has_tls ? SSL_read(e.ssl, text + 4, 60)
					 : recv(e.fd, text, 64, 0),
				 has_tls ? 3 : 7);
		assert_string_equal(text, "goodbye");
		ends_release(&e);
	}
}

/* A ClientHello may come in single bytes, and so may all else. */
static void bytes_may_come_one_by_one(void **state)
{
	unsigned char text[4096];
	struct ends e;
	BIO *out = BIO_new(BIO_s_mem());
	int n;

	(void)state;
	ends_init(&e, true);
	BIO_up_ref(out);
	SSL_set0_wbio(e.ssl, out);
	for (int i = 0; i < 2; i++) {
		SSL_connect(e.ssl);
		ERR_clear_error();
		n = BIO_read(out, text, sizeof(text));
		assert_true(n > 0);
		for (int at = 0; at < n; at++) {
			must(send(e.fd, text + at, 1, 0) == 1, NULL);
			hears(&e.s, "");
		}
	}
	assert_true(SSL_is_init_finished(e.s.ssl));
	BIO_free(out);
	ends_release(&e);
}

/* It is at its end, and nothing was allocated for what is not there. */
static void breaks_it(struct ends *e, const char *data, size_t len)
{
	must(send(e->fd, data, len, 0) == (ssize_t)len, NULL);
	hears(&e->s, "");
	assert_true(e->s.is_broken);
}

static const char long_hello[] = "\x16\x03\x01\x00\x02\x01\x01"
				 "\x16\x03\x01\x00\x02\xff\xb8";

static void a_hello_that_will_be_long_breaks_it(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e, true);
	breaks_it(&e, long_hello, sizeof(long_hello) - 1);
	ends_release(&e);
}

/* The first one was short, and asked for another curve. */
static void a_second_hello_that_will_be_long_breaks_it(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e, true);
	SSL_set1_groups_list(e.s.ssl, "P-256");
	SSL_set1_groups_list(e.ssl, "X25519:P-256");
	SSL_connect(e.ssl);
	hears(&e.s, "");
	assert_false(e.s.is_broken);
	breaks_it(&e, long_hello, sizeof(long_hello) - 1);
	ends_release(&e);
}

/* And one that is as it should be does not. */
static void a_second_hello_is_taken(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e, true);
	SSL_set1_groups_list(e.s.ssl, "P-256");
	SSL_set1_groups_list(e.ssl, "X25519:P-256");
	shake(&e);
	say(&e, "hello");
	hears(&e.s, "hello");
	ends_release(&e);
}

/* A whole flight is one send(), and so are an answer and its good-bye. */
static void what_is_said_together_goes_out_together(void **state)
{
	char text[8192];
	struct ends e;
	ssize_t n;

	(void)state;
	ends_init(&e, true);
	shake(&e);
	stream_write(&e.s, "answer", 6);
	stream_say_goodbye(&e.s);
	assert_int_equal(recv(e.fd, text, sizeof(text), MSG_PEEK), -1);
	stream_flush(&e.s);
	assert_true(e.s.is_shut);
	n = recv(e.fd, text, sizeof(text), MSG_PEEK);
	assert_true(n > 6);
	assert_int_equal(SSL_read(e.ssl, text, sizeof(text)), 6);
	assert_int_equal(SSL_read(e.ssl, text, sizeof(text)), 0);
	assert_int_equal(SSL_get_shutdown(e.ssl), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(recv(e.fd, text, sizeof(text), 0), 0);
	ends_release(&e);
}

static void a_goodbye_is_the_end_of_it(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e, true);
	shake(&e);
	say(&e, "last");
	SSL_shutdown(e.ssl);
	hears(&e.s, "last");
	assert_true(e.s.is_over);
	assert_false(e.s.is_broken);
	ends_release(&e);

	ends_init(&e, false);
	say(&e, "last");
	shutdown(e.fd, SHUT_WR);
	hears(&e.s, "last");
	assert_false(e.s.is_over); /* there is no second look in a turn */
	hears(&e.s, "");
	assert_true(e.s.is_over);
	stream_write(&e.s, "more", 4); /* it may still hear */
	stream_flush(&e.s);
	assert_false(e.s.is_broken);
	ends_release(&e);
}

/* What is no TLS is broken off, with an alert where TLS has one. */
static void garbage_breaks_it(void **state)
{
	static const char *const garbage[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"\x80garbage that goes on and on",
		"\x16\x03\x01\x7f\xff and as much as that is too much",
		"\x15\x03\x01\x00\x02\x02\x28",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		struct ends e;

		ends_init(&e, true);
		must(send(e.fd, garbage[i], i == 3 ? 7 : strlen(garbage[i]),
			  0) > 0,
		     NULL);
		hears(&e.s, "");
		assert_true(e.s.is_broken);
		hears(&e.s, "");
		stream_write(&e.s, "x", 1);
		ends_release(&e);
	}
}

static void an_alert_goes_out(void **state)
{
	unsigned char text[16] = { 0 };
	struct ends e;

	(void)state;
	ends_init(&e, true);
	must(send(e.fd, "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10, 0) > 0,
	     NULL);
	hears(&e.s, "");
	assert_true(e.s.is_broken);
	assert_int_equal(recv(e.fd, text, sizeof(text), 0), 7);
	assert_int_equal(text[0], 21);
	ends_release(&e);
}

static size_t drain(int fd)
{
	static char text[65536];
	size_t all_of_it = 0;
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), 0)) > 0)
		all_of_it += (size_t)n;
	return all_of_it;
}

/* What the socket does not take waits, and no other stream gets it. */
static void who_does_not_read_keeps_nobody(void **state)
{
	static char much[700000];
	struct ends slow, other;
	size_t got = 0, kept;
	char text[8] = "";

	(void)state;
	ends_init(&slow, false);
	ends_init(&other, false);
	stream_write(&slow.s, much, sizeof(much));
	stream_flush(&slow.s);
	kept = stream_unsent(&slow.s);
	assert_in_range(kept, 1, sizeof(much) - 1);
	stream_write(&slow.s, "x", 1); /* behind it */
	stream_write(&other.s, "quick", 5);
	stream_flush(&other.s);
	assert_int_equal(recv(other.fd, text, 8, 0), 5);
	assert_string_equal(text, "quick");
	while (stream_unsent(&slow.s)) {
		got += drain(slow.fd);
		stream_flush(&slow.s);
	}
	assert_int_equal(got + drain(slow.fd), sizeof(much) + 1);

	stream_write(&slow.s, much, sizeof(much));
	stream_write(&slow.s, much, sizeof(much)); /* beyond all measure */
	assert_true(slow.s.is_broken);
	ends_release(&slow);
	ends_release(&other);
}

static void who_has_left_is_not_written_to(void **state)
{
	struct ends e;

	(void)state;
	ends_init(&e, false);
	close(e.fd);
	stream_write(&e.s, "x", 1);
	stream_flush(&e.s); /* and no signal */
	assert_true(e.s.is_broken);
	e.fd = -1;
	ends_release(&e);
}

/* What was not flushed is lost with its stream, and nobody else says it. */
static void what_was_not_flushed_is_lost(void **state)
{
	struct ends gone, other;
	char text[8];

	(void)state;
	ends_init(&gone, false);
	stream_write(&gone.s, "x", 1);
	ends_release(&gone);
	ends_init(&other, false);
	stream_flush(&other.s);
	assert_int_equal(recv(other.fd, text, 8, 0), -1);
	ends_release(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(bytes_may_come_one_by_one),
		cmocka_unit_test(a_hello_that_will_be_long_breaks_it),
		cmocka_unit_test(a_second_hello_that_will_be_long_breaks_it),
		cmocka_unit_test(a_second_hello_is_taken),
		cmocka_unit_test(what_is_said_together_goes_out_together),
		cmocka_unit_test(a_goodbye_is_the_end_of_it),
		cmocka_unit_test(garbage_breaks_it),
		cmocka_unit_test(an_alert_goes_out),
		cmocka_unit_test(who_does_not_read_keeps_nobody),
		cmocka_unit_test(who_has_left_is_not_written_to),
		cmocka_unit_test(what_was_not_flushed_is_lost),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
