/*
 * What a peer may do to the whole server, on loopback: nothing of it crashes,
 * hangs or grows it, and whoever comes after is served.
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
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/hosted.h"
#include "tests/sim/httpd_count.h"
#include "tests/sim/scratch.h"
#include "tests/sim/served.h"
#include "tests/sim/tls_client.h"

#define A    "mta-sts.a.test"
#define GET  "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " A "\r\n"
#define LAST "Connection: close\r\n\r\n"
#define CONNECTIONS_MAX 100
#define TALK 5000 /* longest head in these tests that is fine, about */

static struct hosted hosted;
static struct httpd *httpd;
static unsigned https_port, http_port;
static char report_path[64]; /* of a.test */

static struct httpd_ticket ticket; /* of the last report */
static atomic_bool has_come;

static void on_report(struct httpd_report *report, void *arg)
{
	(void)arg;
	free(report->body);
	ticket = report->ticket;
	atomic_store(&has_come, true);
}

/* The one that has come waits for a while. */
static void answer_report(void)
{
	assert_true(count_comes_to(httpd, COUNT(reports), 1));
	do
		usleep(50000);
	while (!atomic_exchange(&has_come, false));
	httpd_report_answer(httpd, &ticket,
			    (struct httpd_verdict){ 200, 0, NULL });
}

static void start(unsigned deadline_ms)
{
	struct httpd_options o = served_usual(hosted.dir);

	o.workers = 1;
	o.max_connections = CONNECTIONS_MAX;
	o.max_per_address = 200;
	o.deadline_ms = deadline_ms;
	o.reported = on_report;
	httpd = served_start(&o, &https_port, &http_port);
}

static int start_usual(void **state)
{
	(void)state;
	start(20000);
	return 0;
}

/* Whatever was done: the next one is served, and nobody is left. */
static int stop(void **state)
{
	struct tls_client c;
	char *text;

	(void)state;
	tls_client_init(&c, https_port, A);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_say(&c, GET LAST);
	text = tls_client_hear(&c, NULL);
	assert_true(str_starts(text, "HTTP/1.1 200 "));
	free(text);
	tls_client_release(&c);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	httpd_stop(httpd, 0);
	return 0;
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;
	struct domain d;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	must(domain_by_name(hosted.store, "a.test", &d, &err), &err);
	snprintf(report_path, sizeof(report_path), "/tlsrpt/%s",
		 d.report_token);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&hosted);
	return 0;
}

/* ---- who speaks, plain or by TLS ---- */

struct rude {
	bool has_tls;
	struct tls_client c; /* of a plain one, the socket alone */
};

static void rude_open(struct rude *r, bool has_tls)
{
	r->has_tls = has_tls;
	if (has_tls) {
		tls_client_init(&r->c, https_port, A);
		assert_int_equal(tls_client_shake(&r->c), 0);
	} else {
		r->c.fd = tls_client_dial(http_port);
		assert_true(r->c.fd >= 0);
	}
}

static void rude_close(struct rude *r)
{
	if (r->has_tls)
		tls_client_release(&r->c);
	else
		close(r->c.fd);
}

static bool rude_say(struct rude *r, const char *text, size_t len)
{
	if (r->has_tls)
		return SSL_write(r->c.ssl, text, (int)len) == (int)len;
	return send(r->c.fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static char *rude_hear(struct rude *r)
{
	char *text;
	size_t len = 0;
	ssize_t n;

	if (r->has_tls)
		return tls_client_hear(&r->c, NULL);
	text = xcalloc(1, 65536);
	while (len < 60000 && (n = recv(r->c.fd, text + len, 4096, 0)) > 0)
		len += (size_t)n;
	return text;
}

static void hears(struct rude *r, const char *answer)
{
	char *text = rude_hear(r);

	if (!str_starts(text, answer))
		print_message("%.100s instead of %s\n", text, answer);
	assert_true(str_starts(text, answer));
	assert_true(*answer || !*text);
	free(text);
}

/* ---- stories of HTTP ---- */

static char *long_head(size_t len)
{
	return xasprintf(GET "X: %0*d\r\n\r\n", (int)len, 0);
}

static void a_long_head_is_refused_in_any_pieces(void **state)
{
	static const size_t steps[] = { 1000000, 1000, 7 };
	char *head = long_head(10000);
	size_t len = strlen(head);

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(steps); i++) {
		size_t step = steps[i / 2], n;
		struct rude r;

		rude_open(&r, i % 2);
		for (size_t at = 0; at < len; at += n) {
			n = len - at < step ? len - at : step;
			if (!rude_say(&r, head + at, n))
				break;
		}
		hears(&r, "HTTP/1.1 431 ");
		rude_close(&r);
	}
	free(head);
}

/* One behind the other, many at once, whose answers nobody reads before. */
static void many_requests_at_once_have_as_many_answers(void **state)
{
	enum { MANY = 150 };
	const char *one = GET "\r\n";
	char *all = xcalloc(1, MANY * strlen(one) + 1), *text;
	struct tls_client c;
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(all + i * strlen(one), one, strlen(one) + 1);
	tls_client_init(&c, https_port, A);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_say(&c, all);
	tls_client_say(&c, GET LAST);
	text = tls_client_hear(&c, NULL);
	for (char *at = text; (at = strstr(at, "HTTP/1.1 200 ")); at++)
		found++;
	assert_int_equal(found, MANY + 1);
	assert_true(count_comes_to(httpd, COUNT(policies), MANY + 1));
	free(text);
	free(all);
	tls_client_release(&c);
}

/* It asks and asks, and reads nothing: then it is not read from. */
static void who_reads_no_answer_is_not_heard_any_more(void **state)
{
	const char *one = GET "\r\n";
	struct httpd_counts counts;
	int size = 4096;

	(void)state;
	for (int has_tls = 0; has_tls < 2; has_tls++) {
		struct rude r;
		unsigned long said = 0;

		rude_open(&r, has_tls);
		setsockopt(r.c.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(r.c.fd, SOL_SOCKET, SO_SNDTIMEO,
			   &(struct timeval){ .tv_usec = 300000 },
			   sizeof(struct timeval));
		while (said < 200000 && rude_say(&r, one, strlen(one)))
			said++;
		assert_in_range(said, 1, 199999); /* it was stopped */
		httpd_count(httpd, &counts);
		assert_true(
			counts.answers[has_tls ? ROUTE_POLICY : ROUTE_REDIRECT]
				      [has_tls ? 2 : 3] < said);
		httpd_count(httpd, &counts);
		assert_int_equal(counts.open, 1); /* it is not thrown out */
		rude_close(&r);
		assert_true(count_comes_to(httpd, COUNT(open), 0));
	}
}

/* It has said all, and waits for what it asked for. */
static void who_half_closes_is_answered(void **state)
{
	static const char *const answers[] = { "HTTP/1.1 301 ",
					       "HTTP/1.1 200 " };
	struct tls_client c;
	char *head, *text;

	(void)state;
	for (int has_tls = 0; has_tls < 2; has_tls++) {
		struct rude r;

		rude_open(&r, has_tls);
		rude_say(&r, GET "\r\n", strlen(GET "\r\n"));
		if (has_tls)
			SSL_shutdown(r.c.ssl);
		shutdown(r.c.fd, SHUT_WR);
		hears(&r, answers[has_tls]);
		rude_close(&r);
	}
	tls_client_init(&c, https_port, A);
	assert_int_equal(tls_client_shake(&c), 0);
	head = xasprintf("POST %s HTTP/1.1\r\nHost: " A "\r\n"
			 "Content-Length: 2\r\n\r\n{}",
			 report_path);
	tls_client_say(&c, head);
	shutdown(c.fd, SHUT_WR);
	answer_report();
	text = tls_client_hear(&c, NULL);
	assert_true(str_starts(text, "HTTP/1.1 200 "));
	assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
	free(text);
	free(head);
	tls_client_release(&c);
}

/* A report waits for its answer, and what comes behind it waits, too. */
static void who_goes_on_while_it_waits_is_answered_in_turn(void **state)
{
	enum { MANY = 600 }; /* more than is kept meanwhile */
	char *head = xasprintf("POST %s HTTP/1.1\r\nHost: " A "\r\n"
			       "Content-Length: 2\r\n\r\n{}",
			       report_path);
	char text[16384] = "";
	struct tls_client c;
	int found = 0;

	(void)state;
	tls_client_init(&c, https_port, A);
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_say(&c, head);
	for (int i = 0; i < MANY; i++)
		tls_client_say(&c, GET "\r\n");
	tls_client_say(&c, GET LAST);
	answer_report();
	while (SSL_read(c.ssl, text, sizeof(text) - 1) > 0) {
		assert_true(str_starts(text, "HTTP/1.1 200 "));
		found++; /* each is a record */
	}
	assert_int_equal(found, MANY + 2);
	free(head);
	tls_client_release(&c);
}

static const struct {
	const char *said, *answer, *also;
} manners[] = {
	{ "GET / HTTP/1.0\r\nHost: " A "\r\n\r\n", "HTTP/1.1 404 ",
	  "\r\nConnection: close\r\n" },
	{ "GET / HTTP/1.0\r\nHost: " A "\r\nConnection: keep-alive\r\n\r\n"
	  "GET / HTTP/1.0\r\nHost: " A "\r\n\r\n",
	  "HTTP/1.1 404 ", "\r\nConnection: keep-alive\r\n" },
	{ "POST / HTTP/1.1\r\nHost: " A "\r\nContent-Length: 2\r\n"
	  "Expect: 100-continue\r\n" LAST "{}",
	  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 ", "\r\nDate: " },
	{ "POST / HTTP/1.1\r\nHost: " A "\r\nContent-Length: 2\r\n"
	  "Expect: tea\r\n\r\n",
	  "HTTP/1.1 417 ", NULL },
	{ "POST / HTTP/1.1\r\nHost: " A "\r\nContent-Length: 4097\r\n\r\n",
	  "HTTP/1.1 413 ", NULL },
	{ "POST / HTTP/1.1\r\nHost: " A "\r\nTransfer-Encoding: chunked\r\n"
	  "\r\n4\r\nabcd\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: " A "\r\n" LAST,
	  "HTTP/1.1 404 ", "\r\nConnection: close\r\n" },
	{ "POST / HTTP/1.1\r\nHost: " A "\r\nTransfer-Encoding: chunked\r\n"
	  "\r\nx\r\n",
	  "HTTP/1.1 400 ", "\r\nConnection: close\r\n" },
	{ "HEAD / HTTP/1.1\r\nHost: " A "\r\n\r\nnonsense\r\n\r\n",
	  "HTTP/1.1 404 ", "\r\n\r\n400 Bad Request\n" },
	{ "CONNECT " A ":443 HTTP/1.1\r\nHost: " A "\r\n\r\nmore",
	  "HTTP/1.1 404 ", "\r\nConnection: close\r\n" },
	{ "GET / HTTP/1.1\r\nHost: " A "\r\nConnection: upgrade\r\n"
	  "Upgrade: h2c\r\n\r\nGET / HTTP/1.1\r\nHost: " A "\r\n" LAST,
	  "HTTP/1.1 404 ", "HTTP/1.1 404 " },
};

static void manners_are_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(manners); i++) {
		struct tls_client c;
		char *text;

		print_message("%zu\n", i);
		tls_client_init(&c, https_port, A);
		assert_int_equal(tls_client_shake(&c), 0);
		tls_client_say(&c, manners[i].said);
		text = tls_client_hear(&c, NULL);
		assert_true(str_starts(text, manners[i].answer));
		if (manners[i].also)
			assert_non_null(strstr(text + 1, manners[i].also));
		free(text);
		tls_client_release(&c);
	}
}

/* A chunk for each byte is much to read for little. */
static void a_body_of_tiny_chunks_is_over_its_limit(void **state)
{
	const char *head = "POST / HTTP/1.1\r\nHost: " A "\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n";

	(void)state;
	for (int has_tls = 0; has_tls < 2; has_tls++) {
		struct rude r;

		rude_open(&r, has_tls);
		rude_say(&r, head, strlen(head));
		for (int i = 0; i < TALK; i++)
			if (!rude_say(&r, "1\r\nx\r\n", 6))
				break;
		hears(&r, "HTTP/1.1 413 ");
		rude_close(&r);
	}
}

/* ---- stories of TLS ---- */

static void garbage_is_no_handshake(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} garbage[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\x16\x03\x01\xff\xff much too long", 19 },
		{ "\x15\x03\x01\x00\x02\x02\x28", 7 }, /* an alert */
		{ "\x17\x03\x03\x00\x02\x00\x00", 7 }, /* data */
		{ "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10 },
		{ "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 10 },
	};
	char rest[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		int fd = tls_client_dial(https_port);

		print_message("%zu\n", i);
		send(fd, garbage[i].text, garbage[i].len, 0);
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			continue;
		close(fd);
		assert_true(
			count_comes_to(httpd, COUNT(handshakes_failed), i + 1));
	}
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

/* What `ssl` says next goes out byte by byte. */
static void trickle(SSL *ssl, BIO *out, int fd)
{
	unsigned char text[4096];
	int n;

	SSL_do_handshake(ssl);
	ERR_clear_error();
	n = BIO_read(out, text, sizeof(text));
	for (int i = 0; i < n; i++) {
		must(send(fd, text + i, 1, 0) == 1, NULL);
		usleep(200);
	}
}

static void a_hello_may_come_in_single_bytes(void **state)
{
	BIO *out = BIO_new(BIO_s_mem());
	struct tls_client c;

	(void)state;
	tls_client_init(&c, https_port, A);
	SSL_set_connect_state(c.ssl);
	BIO_up_ref(out);
	SSL_set0_wbio(c.ssl, out);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO,
		   &(struct timeval){ .tv_usec = 300000 },
		   sizeof(struct timeval));
	for (int i = 0; i < 4 && !SSL_is_init_finished(c.ssl); i++)
		trickle(c.ssl, out, c.fd);
	trickle(c.ssl, out, c.fd);
	assert_true(SSL_is_init_finished(c.ssl));
	assert_true(count_comes_to(httpd, COUNT(handshakes), 1));
	BIO_free(out);
	tls_client_release(&c);
}

static void a_goodbye_in_the_middle_is_one(void **state)
{
	static const char *const said[] = { "", "GET / HT",
					    "POST / HTTP/1.1\r\nHost: " A "\r\n"
					    "Content-Length: 9\r\n\r\nslow" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct rude r;

		rude_open(&r, true);
		if (*said[i])
			rude_say(&r, said[i], strlen(said[i]));
		SSL_shutdown(r.c.ssl);
		hears(&r, "");
		assert_int_equal(SSL_get_shutdown(r.c.ssl),
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		rude_close(&r);
		assert_true(count_comes_to(httpd, COUNT(open), 0));
	}
}

/* Under TLS 1.2: it is not done, and does no harm. */
static void a_renegotiation_is_refused(void **state)
{
	struct tls_client c;
	char byte;

	(void)state;
	tls_client_init(&c, https_port, A);
	SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
	assert_int_equal(tls_client_shake(&c), 0);
	assert_int_equal(SSL_renegotiate(c.ssl), 1);
	assert_true(SSL_do_handshake(c.ssl) <= 0);
	assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
	ERR_clear_error();
	tls_client_release(&c);
	assert_true(count_comes_to(httpd, COUNT(handshakes), 1));
}

/* Each of them wants an answer of its own. */
static void a_flood_of_key_updates_is_borne(void **state)
{
	struct rude r;

	(void)state;
	rude_open(&r, true);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(
			SSL_key_update(r.c.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(r.c.ssl), 1);
	}
	rude_say(&r, GET LAST, strlen(GET LAST));
	hears(&r, "HTTP/1.1 200 ");
	rude_close(&r);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
}

/* It has the answer and neither closes nor says so. */
static void an_answer_cut_off_in_a_record_is_no_matter(void **state)
{
	struct rude r;

	(void)state;
	rude_open(&r, true);
	rude_say(&r, GET "\r\n", strlen(GET "\r\n"));
	send(r.c.fd, "\x17\x03\x03\x40\x00half", 9, 0);
	assert_true(count_comes_to(httpd, COUNT(policies), 1));
	rude_close(&r);
}

/* Its head is all there is of it: no body may follow. */
static void a_refused_head_request_has_no_body(void **state)
{
	static const char *const texts[] = {
		"HEAD / HTTP/1.1\r\nno header\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: " A "\r\nHost: b\r\n" LAST,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct rude r;
		char *text;

		rude_open(&r, true);
		rude_say(&r, texts[i], strlen(texts[i]));
		text = rude_hear(&r);
		assert_true(str_starts(text, "HTTP/1.1 400 "));
		assert_true(str_ends(text, "\r\n\r\n"));
		free(text);
		rude_close(&r);
	}
}

/* OpenSSL has read what says how long it is, and no byte of it. */
static void a_record_may_come_in_pieces(void **state)
{
	static const char *const texts[] = { GET "\r\n", GET LAST };
	char record[512];
	struct tls_client c;
	int len;

	(void)state;
	for (size_t cut = 4; cut <= 6; cut++) {
		tls_client_init(&c, https_port, A);
		assert_int_equal(tls_client_shake(&c), 0);
		SSL_set0_wbio(c.ssl, BIO_new(BIO_s_mem()));
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			tls_client_say(&c, texts[i]);
			len = BIO_read(SSL_get_wbio(c.ssl), record,
				       sizeof(record));
			assert_true(len > 6);
			send(c.fd, record, cut, MSG_NOSIGNAL);
			usleep(30000); /* and it is read */
			send(c.fd, record + cut, (size_t)len - cut,
			     MSG_NOSIGNAL);
		}
		free(tls_client_hear(&c, NULL));
		tls_client_release(&c);
	}
	assert_true(count_comes_to(httpd, COUNT(policies), 6));
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start_usual, stop)

/* One connection in, as many as there may be: has it had its answer? */
static bool newcomer_is_served(void)
{
	struct tls_client c;
	bool is_served;
	char *text;

	tls_client_init(&c, https_port, A);
	is_served = tls_client_shake(&c) == 0;
	if (is_served) {
		tls_client_say(&c, GET LAST);
		text = tls_client_hear(&c, NULL);
		is_served = str_starts(text, "HTTP/1.1 200 ");
		free(text);
	}
	tls_client_release(&c);
	return is_served;
}

static void is_served_again(struct tls_client *c)
{
	char *text;

	tls_client_say(c, GET "\r\n");
	text = tls_client_hear(c, "max_age");
	assert_true(str_starts(text, "HTTP/1.1 200 "));
	free(text);
}

static void who_asks_for_nothing_makes_room(void **state)
{
	struct rude silent[CONNECTIONS_MAX - 1];
	struct tls_client known;
	struct httpd_counts counts;

	(void)state;
	tls_client_init(&known, https_port, A);
	assert_int_equal(tls_client_shake(&known), 0);
	is_served_again(&known);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		rude_open(&silent[i], i % 2);
	assert_true(count_comes_to(httpd, COUNT(open), CONNECTIONS_MAX));
	assert_false(newcomer_is_served()); /* they have just come */
	sleep(2);
	usleep(100000);
	is_served_again(&known);
	assert_true(newcomer_is_served());
	hears(&silent[0], "");
	httpd_count(httpd, &counts);
	assert_int_equal(counts.shed, 2);
	is_served_again(&known);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		rude_close(&silent[i]);
	tls_client_release(&known);
}

/* Who was answered is no better than who has just come. */
static void who_asks_for_nothing_more_makes_room(void **state)
{
	struct tls_client known[CONNECTIONS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		tls_client_init(&known[i], https_port, A);
		assert_int_equal(tls_client_shake(&known[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		is_served_again(&known[i]);
	assert_false(newcomer_is_served()); /* they have just been answered */
	sleep(2);
	usleep(100000);
	for (size_t i = 1; i < ARRAY_LEN(known); i++)
		is_served_again(&known[i]);
	assert_true(newcomer_is_served());
	assert_true(SSL_read(known[0].ssl, &(char){ 0 }, 1) <= 0);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (i > 0)
			is_served_again(&known[i]);
		tls_client_release(&known[i]);
	}
}

/* What it waits for may take its time. */
static void who_waits_for_an_answer_makes_none(void **state)
{
	char *head = xasprintf("POST %s HTTP/1.1\r\nHost: " A "\r\n"
			       "Content-Length: 0\r\n\r\n",
			       report_path);
	struct tls_client waiting, silent[CONNECTIONS_MAX - 1];
	char *text;

	(void)state;
	tls_client_init(&waiting, https_port, A);
	assert_int_equal(tls_client_shake(&waiting), 0);
	tls_client_say(&waiting, head);
	assert_true(count_comes_to(httpd, COUNT(reports), 1));
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		tls_client_init(&silent[i], https_port, A);
	sleep(2);
	usleep(100000);
	assert_true(newcomer_is_served());
	answer_report();
	text = tls_client_hear(&waiting, "\r\n\r\n");
	assert_true(str_starts(text, "HTTP/1.1 200 "));
	free(text);
	free(head);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		tls_client_release(&silent[i]);
	tls_client_release(&waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_long_head_is_refused_in_any_pieces),
		SERVED(many_requests_at_once_have_as_many_answers),
		SERVED(who_reads_no_answer_is_not_heard_any_more),
		SERVED(who_half_closes_is_answered),
		SERVED(who_goes_on_while_it_waits_is_answered_in_turn),
		SERVED(manners_are_kept),
		SERVED(a_body_of_tiny_chunks_is_over_its_limit),
		SERVED(garbage_is_no_handshake),
		SERVED(a_hello_may_come_in_single_bytes),
		SERVED(a_goodbye_in_the_middle_is_one),
		SERVED(a_renegotiation_is_refused),
		SERVED(a_flood_of_key_updates_is_borne),
		SERVED(an_answer_cut_off_in_a_record_is_no_matter),
		SERVED(a_record_may_come_in_pieces),
		SERVED(a_refused_head_request_has_no_body),
		SERVED(who_asks_for_nothing_makes_room),
		SERVED(who_asks_for_nothing_more_makes_room),
		SERVED(who_waits_for_an_answer_makes_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
