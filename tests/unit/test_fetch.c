/*
 * base/fetch.c against small TLS servers on loopback, on the same loop: what
 * they answer stands in one table, byte for byte.
 */
#include "base/fetch.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/guarded.h"

/* --- What the servers say. --- */

struct page {
	const char *path, *head;
	size_t filler;		/* so many 'x' between head and tail */
	const char *tail;
	bool closes;
};

static const struct page pages[] = {
	{ "/ok", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		 "Replay-Nonce:  abc \r\nRetry-After: 7\r\n"
		 "Link: <a>;rel=\"up\"\r\nlink: <b>;rel=\"index\"\r\n"
		 "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
		 "Location: https://ca.example/order/1\r\n"
		 "Content-Length: 4\r\n\r\nbody", 0, "", false },
	{ "/lower", "HTTP/1.1 201 Created\r\nreplay-nonce: low\r\n"
		    "location: /x\r\ncontent-length: 0\r\n\r\n", 0, "", false },
	{ "/problem", "HTTP/1.1 400 Bad\r\nContent-Type: "
		      "application/problem+json\r\nContent-Length: 11\r\n\r\n"
		      "{\"type\":\"x\"", 0, "", false },
	{ "/empty", "HTTP/1.1 204 None\r\n\r\n", 0, "", false },
	{ "/moved", "HTTP/1.1 302 Found\r\nLocation: /ok\r\n"
		    "Content-Length: 0\r\n\r\n", 0, "", false },
	{ "/hints", "HTTP/1.1 103 Early\r\nLink: <early>\r\n"
		    "Replay-Nonce: early\r\n\r\nHTTP/1.1 200 OK\r\n"
		    "Link: <late>\r\nContent-Length: 0\r\n\r\n", 0, "", false },
	{ "/trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "2\r\nhi\r\n0\r\nReplay-Nonce: late\r\n\r\n", 0, "",
		       false },
	{ "/twice", "HTTP/1.1 200 OK\r\nReplay-Nonce: one\r\n"
		    "Replay-Nonce: two\r\nX-Replay-Nonce: three\r\n"
		    "Content-Length: 0\r\n\r\n", 0, "", false },
	{ "/full", "HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n",
	  FETCH_BODY_MAX, "", false },
	{ "/fuller", "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n",
	  FETCH_BODY_MAX + 1, "", false },
	{ "/endless", "HTTP/1.1 200 OK\r\n\r\n", 4 * FETCH_BODY_MAX, "", false },
	{ "/line", "HTTP/1.1 200 OK\r\nX-Pad: ", FETCH_HEADER_MAX, "\r\n\r\n",
	  true },
	{ "/longline", "HTTP/1.1 200 OK\r\nX-Pad: ", 8 * FETCH_HEADER_MAX,
	  "\r\n\r\n", true },
	{ "/last", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "",
	  true },	/* it does not say so */
	{ "/gone", "", 0, "", true },
	{ "/reset", "", 0, "", true },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", 0, "",
	  true },
	{ "/cuthead", "HTTP/1.1 200 OK\r\nContent-Le", 0, "", true },
	{ "/ssh", "SSH-2.0-OpenSSH_9.2\r\n", 0, "", true },
	{ "/silent", "", 0, "", false },
};

/* --- One server: a listener, a certificate, the table above. --- */

struct server {
	struct evconnlistener *listener;
	SSL_CTX *ctx;		/* NULL: speaks no TLS */
	bool speaks_http;	/* if it speaks no TLS */
	char pem[256];		/* its own certificate, as a trust file */
	unsigned port;
	unsigned connections, open, requests;
	char request[4096];	/* the last one, whole */
};

static struct loop *loop;
static struct fetcher *fetcher;
static char folder[] = "/tmp/test_fetch.XXXXXX";

static struct server good, other, expired, misnamed, ancient, plain, deaf;

static const struct page *page_of(const char *request)
{
	const char *path = strchr(request, ' ');

	for (size_t i = 0; path && i < ARRAY_LEN(pages); i++) {
		size_t len = strlen(pages[i].path);

		if (!strncmp(path + 1, pages[i].path, len) &&
		    path[1 + len] == ' ')
			return &pages[i];
	}
	fail_msg("a request for no page: %s", request);
	return NULL;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct server *s = arg;

	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		ERR_clear_error();
		s->open--;
		bufferevent_free(bev);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	on_event(bev, BEV_EVENT_EOF, arg);
}

static void answer(struct bufferevent *bev, const struct page *page,
		   struct server *s)
{
	struct evbuffer *out = bufferevent_get_output(bev);
	char *filler = xmalloc(page->filler);

	memset(filler, 'x', page->filler);
	evbuffer_add(out, page->head, strlen(page->head));
	if (strncmp(s->request, "HEAD ", 5) != 0)
		evbuffer_add(out, filler, page->filler);
	evbuffer_add(out, page->tail, strlen(page->tail));
	free(filler);
	if (streq(page->path, "/reset"))
		setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_LINGER,
			   &(struct linger){ .l_onoff = 1 },
			   sizeof(struct linger));
	if (page->closes && !evbuffer_get_length(out))
		on_written(bev, s);
	else if (page->closes)
		bufferevent_setcb(bev, NULL, on_written, on_event, s);
}

/* Requests are small and come whole, but not necessarily in one piece. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct server *s = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	char text[sizeof(s->request)] = "", *body, *length;

	if (!s->ctx && !s->speaks_http) {
		bufferevent_write(bev, "220 mail\r\n", 10);
		evbuffer_drain(in, len);
		return;
	}
	assert_true(len < sizeof(text));
	evbuffer_copyout(in, text, len);
	body = strstr(text, "\r\n\r\n");
	length = strstr(text, "Content-Length: ");
	if (!body || (length && strlen(body + 4) < strtoul(length + 16, NULL, 10)))
		return;
	evbuffer_drain(in, len);
	s->requests++;
	memcpy(s->request, text, sizeof(text));
	answer(bev, page_of(text), s);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *peer, int len, void *arg)
{
	struct server *s = arg;
	struct event_base *base = evconnlistener_get_base(l);
	struct bufferevent *bev;

	(void)peer;
	(void)len;
	s->connections++;
	s->open++;
	if (s->ctx)
		bev = bufferevent_openssl_socket_new(base, fd, SSL_new(s->ctx),
						     BUFFEREVENT_SSL_ACCEPTING,
						     BEV_OPT_CLOSE_ON_FREE);
	else
		bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_read, NULL, on_event, s);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static X509 *make_cert(EVP_PKEY *key, const char *san, long from, long until)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *ext;

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), from + 1000000);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), until);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)san, -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void make_tls(struct server *s, const char *file, const char *san,
		     long from, long until)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_cert(key, san, from, until);
	FILE *out;

	snprintf(s->pem, sizeof(s->pem), "%s/%s", folder, file);
	out = fopen(s->pem, "w");
	assert_non_null(out);
	PEM_write_X509(out, cert);
	fclose(out);
	s->ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(s->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void listen_on_loopback(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	s->listener = evconnlistener_new_bind(loop_base(loop), on_accept, s,
					      LEV_OPT_CLOSE_ON_FREE, -1,
					      (struct sockaddr *)&at, sizeof(at));
	assert_non_null(s->listener);
	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&at,
		    &len);
	s->port = ntohs(at.sin_port);
}

static void server_release(struct server *s)
{
	if (s->listener)
		evconnlistener_free(s->listener);
	SSL_CTX_free(s->ctx);
	unlink(s->pem);
	*s = (struct server){ 0 };
}

/* --- One request, and what came of it. --- */

struct outcome {
	unsigned calls;
	long status;
	char *body, *content_type, *location, *nonce, *retry_after, *link, *date;
	size_t body_len;
	struct err error;
};

static bool starting;	/* no callback may come while this is so */
static unsigned waiting;

static void outcome_release(struct outcome *o)
{
	char *owned[] = { o->body, o->content_type, o->location, o->nonce,
			  o->retry_after, o->link, o->date };

	for (size_t i = 0; i < ARRAY_LEN(owned); i++)
		free(owned[i]);
	*o = (struct outcome){ 0 };
}

static void on_done(const struct fetch_reply *reply, void *arg)
{
	struct outcome *o = arg;

	assert_false(starting);
	o->calls++;
	o->status = reply->status;
	o->body = xmemdup(reply->body, reply->body_len + 1);
	o->body_len = reply->body_len;
	o->content_type = xstrdup(reply->content_type);
	o->location = xstrdup(reply->location);
	o->nonce = xstrdup(reply->replay_nonce);
	o->retry_after = xstrdup(reply->retry_after);
	o->link = xstrdup(reply->link);
	o->date = xstrdup(reply->date);
	o->error = reply->error;
	if (--waiting == 0)
		loop_stop(loop);
}

static void start(const struct fetch_request *request, struct outcome *o)
{
	waiting++;
	starting = true;
	fetch_start(fetcher, request, on_done, o);
	starting = false;
	assert_int_equal(o->calls, 0);
}

static const char *url_of(const struct server *s, const char *path)
{
	static char url[128];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u%s", s->port, path);
	return url;
}

static struct outcome get(const struct server *s, const char *path,
			  const char *ca_file)
{
	struct fetch_request request = { .method = FETCH_GET,
					 .url = url_of(s, path),
					 .ca_file = ca_file,
					 .timeout_ms = 5000 };
	struct outcome o = { 0 };

	start(&request, &o);
	guarded_run(loop);
	assert_int_equal(o.calls, 1);
	print_message("%s: %ld %s (%s)\n", path, o.status, o.error.text,
		      o.error.hint);
	return o;
}

/* --- The tests. --- */

static int set_up(void **state)
{
	struct err err;

	(void)state;
	loop = loop_new(&err);
	assert_non_null(loop);
	listen_on_loopback(&good);
	fetcher = fetcher_new(loop, "mtastsd-test/1", &err);
	assert_non_null(fetcher);
	make_tls(&good, "good.pem", "IP:127.0.0.1", -60, 3600);
	return 0;
}

static int tear_down(void **state)
{
	struct server *all[] = { &good, &other, &expired, &misnamed, &ancient,
				 &plain, &deaf };

	(void)state;
	fetcher_free(fetcher);
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);	/* EOFs */
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(all[i]->open, 0);
		server_release(all[i]);
	}
	loop_free(loop);
	return 0;
}

static void test_headers(void **state)
{
	struct outcome o = get(&good, "/ok", good.pem);

	(void)state;
	assert_int_equal(o.error.kind, ERR_NONE);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.body_len, 4);
	assert_string_equal(o.body, "body");
	assert_string_equal(o.content_type, "application/json");
	assert_string_equal(o.nonce, "abc");
	assert_string_equal(o.retry_after, "7");
	assert_string_equal(o.link, "<a>;rel=\"up\"\n<b>;rel=\"index\"");
	assert_string_equal(o.date, "Mon, 01 Jan 2024 00:00:00 GMT");
	assert_string_equal(o.location, "https://ca.example/order/1");
	assert_non_null(strstr(good.request, "User-Agent: mtastsd-test/1\r\n"));
	assert_non_null(strstr(good.request, "Cache-Control: no-cache\r\n"));
	outcome_release(&o);
}

static const struct {
	const char *path;
	long status;
	size_t body_len;
	const char *nonce, *location, *link;
} answers[] = {
	{ "/lower",    201, 0, "low", "/x", "" },
	{ "/problem",  400, 11, "", "", "" },
	{ "/empty",    204, 0, "", "", "" },
	{ "/moved",    302, 0, "", "/ok", "" },		/* not followed */
	{ "/hints",    200, 0, "", "", "<late>" },
	{ "/trailers", 200, 2, "", "", "" },
	{ "/twice",    200, 0, "one", "", "" },
	{ "/full",     200, FETCH_BODY_MAX, "", "", "" },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct outcome o = get(&good, answers[i].path, good.pem);

		assert_int_equal(o.error.kind, ERR_NONE);
		assert_int_equal(o.status, answers[i].status);
		assert_int_equal(o.body_len, answers[i].body_len);
		assert_string_equal(o.nonce, answers[i].nonce);
		assert_string_equal(o.location, answers[i].location);
		assert_string_equal(o.link, answers[i].link);
		outcome_release(&o);
	}
}

static const struct {
	const char *path, *text;
} broken[] = {
	{ "/fuller",   "sent an answer of more than 262144 bytes" },
	{ "/endless",  "sent an answer of more than 262144 bytes" },
	{ "/line",     "sent more than 65536 bytes of headers" },
	{ "/longline", "sent more than" },
	{ "/gone",     "closed the connection without an answer" },
	{ "/cut",      "closed the connection within its answer" },
	{ "/cuthead",  "closed the connection within its answer" },
	{ "/ssh",      "did not answer in HTTP" },
	{ "/silent",   "no answer in time from 127.0.0.1" },
};

static void test_broken_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct outcome o = { 0 };
		struct fetch_request request = {
			.url = url_of(&good, broken[i].path),
			.ca_file = good.pem, .timeout_ms = 1500,
		};

		start(&request, &o);
		guarded_run(loop);
		print_message("%s: %s\n", broken[i].path, o.error.text);
		assert_int_equal(o.error.kind, ERR_AGAIN);
		assert_non_null(strstr(o.error.text, broken[i].text));
		assert_int_equal(o.status, 0);
		assert_string_equal(o.body, "");
		assert_string_equal(o.nonce, "");
		outcome_release(&o);
	}
}

static void test_methods(void **state)
{
	struct outcome o = { 0 };
	struct fetch_request request = { .method = FETCH_POST,
					 .content_type = "application/jose+json",
					 .body = "{\"a\":1}", .body_len = 7,
					 .ca_file = good.pem };
	char url[128];

	(void)state;
	snprintf(url, sizeof(url), "%s", url_of(&good, "/ok"));
	request.url = url;
	start(&request, &o);
	memset(url, 'x', sizeof(url) - 1);	/* it was copied */
	guarded_run(loop);
	assert_int_equal(o.status, 200);
	assert_true(str_starts(good.request, "POST /ok "));
	assert_non_null(strstr(good.request, "application/jose+json\r\n"));
	assert_null(strstr(good.request, "Expect"));
	assert_true(str_ends(good.request, "\r\n\r\n{\"a\":1}"));
	outcome_release(&o);

	request = (struct fetch_request){ .method = FETCH_POST,
					  .url = url_of(&good, "/ok"),
					  .ca_file = good.pem };
	start(&request, &o);
	guarded_run(loop);
	assert_non_null(strstr(good.request, "Content-Length: 0\r\n"));
	outcome_release(&o);

	request.method = FETCH_HEAD;
	request.url = url_of(&good, "/full");
	start(&request, &o);
	guarded_run(loop);
	assert_int_equal(o.error.kind, ERR_NONE);
	assert_int_equal(o.status, 200);
	assert_int_equal(o.body_len, 0);
	assert_true(str_starts(good.request, "HEAD /full "));
	outcome_release(&o);
}

static void check_failure(const struct server *s, const char *ca_file,
			  enum err_kind kind, const char *text,
			  const char *hint)
{
	struct outcome o = get(s, "/ok", ca_file);

	assert_int_equal(o.error.kind, kind);
	assert_non_null(strstr(o.error.text, text));
	if (hint)
		assert_non_null(strstr(o.error.hint, hint));
	else
		assert_string_equal(o.error.hint, "");
	outcome_release(&o);
}

static void test_trust(void **state)
{
	(void)state;
	listen_on_loopback(&other);
	make_tls(&other, "other.pem", "IP:127.0.0.1", -60, 3600);
	listen_on_loopback(&expired);
	make_tls(&expired, "expired.pem", "IP:127.0.0.1", -7200, -3600);
	listen_on_loopback(&misnamed);
	make_tls(&misnamed, "misnamed.pem", "DNS:ca.example", -60, 3600);

	check_failure(&other, good.pem, ERR_REFUSED,
		      "the certificate of 127.0.0.1:", "\"trust\"");
	check_failure(&other, NULL, ERR_REFUSED, "is not trusted: ",
		      "\"trust\"");
	check_failure(&expired, expired.pem, ERR_REFUSED, "expired", "clock");
	check_failure(&misnamed, misnamed.pem, ERR_REFUSED, "is not trusted: ",
		      NULL);
	check_failure(&other, "/nonexistent/roots.pem", ERR_REFUSED,
		      "cannot read the trust file", "\"trust\"");
}

/* A live connection made under one trust file is none under another. */
static void test_trust_is_not_shared(void **state)
{
	struct outcome o;

	(void)state;
	for (int i = 0; i < 2; i++) {
		o = get(&good, "/ok", good.pem);
		assert_int_equal(o.error.kind, ERR_NONE);
		outcome_release(&o);
	}
	assert_int_equal(good.connections, 1);		/* it was live */
	listen_on_loopback(&other);
	make_tls(&other, "other.pem", "IP:127.0.0.1", -60, 3600);
	check_failure(&good, other.pem, ERR_REFUSED, "not trusted", "root");
	check_failure(&good, NULL, ERR_REFUSED, "not trusted", "root");
	o = get(&good, "/ok", good.pem);
	assert_int_equal(o.error.kind, ERR_NONE);
	outcome_release(&o);
}

static void test_no_tls(void **state)
{
	unsigned port;

	(void)state;
	listen_on_loopback(&ancient);
	make_tls(&ancient, "ancient.pem", "IP:127.0.0.1", -60, 3600);
	SSL_CTX_set_cipher_list(ancient.ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_max_proto_version(ancient.ctx, TLS1_1_VERSION);
	listen_on_loopback(&plain);
	check_failure(&ancient, ancient.pem, ERR_AGAIN, "no TLS connection",
		      NULL);
	check_failure(&plain, good.pem, ERR_AGAIN, "no TLS connection", NULL);

	listen_on_loopback(&deaf);
	port = deaf.port;
	server_release(&deaf);
	deaf.port = port;	/* nobody listens there now */
	check_failure(&deaf, good.pem, ERR_AGAIN, "could not connect to "
		      "127.0.0.1:", NULL);
	check_failure(&deaf, good.pem, ERR_AGAIN, ": Connection refused", NULL);
}

static void test_connect_timeout(void **state)
{
	struct fetch_request request = { .ca_file = good.pem,
					 .timeout_ms = 400 };
	struct outcome o = { 0 };

	(void)state;
	listen_on_loopback(&deaf);
	evconnlistener_disable(deaf.listener);	/* connects, never speaks */
	request.url = url_of(&deaf, "/ok");
	start(&request, &o);
	guarded_run(loop);
	assert_int_equal(o.error.kind, ERR_AGAIN);
	assert_non_null(strstr(o.error.text, "no answer in time from"));
	outcome_release(&o);
}

static const char *const bad_urls[] = {
	"", "/", "ca.example", "http://127.0.0.1/", "ftp://127.0.0.1/",
	"file:///etc/passwd", "https://",
	"https://me:secret@127.0.0.1/", "https://127.0.0.1:99999/",
	"https://127.0.0.1/a b", "https://127.0.0.1/\r\nX: y",
	"https://[::1/", "gopher://x", "\x1b[31mred",
};

static void test_bad_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_urls); i++) {
		struct fetch_request request = { .url = bad_urls[i] };
		struct outcome o = { 0 };

		start(&request, &o);
		guarded_run(loop);
		print_message("%s\n", o.error.text);
		assert_int_equal(o.calls, 1);
		assert_int_equal(o.error.kind, ERR_INPUT);
		assert_non_null(strstr(o.error.text, "not an https address"));
		assert_null(strchr(o.error.text, '\x1b'));
		outcome_release(&o);
	}
}

/* --- Plain http, at an address. --- */

static struct outcome get_plain(const char *host, const struct server *s,
				const char *path, const char *address)
{
	char url[128];
	struct fetch_request request = { .url = url, .plain_at = address,
					 .body_max = 1024,
					 .timeout_ms = 1500 };
	struct outcome o = { 0 };

	snprintf(url, sizeof(url), "http://%s:%u%s", host, s->port, path);
	start(&request, &o);
	memset(url, 'x', sizeof(url) - 1);	/* it was copied */
	guarded_run(loop);
	assert_int_equal(o.calls, 1);
	print_message("%s: %ld %s\n", path, o.status, o.error.text);
	return o;
}

/* The Host is the name's, the connection the address's, and a new one. */
static void test_plain_is_pinned(void **state)
{
	struct outcome o;

	(void)state;
	plain.speaks_http = true;
	listen_on_loopback(&plain);
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	for (unsigned i = 1; i <= 3; i++) {
		o = get_plain("mta-sts.name.invalid", &plain, "/ok",
			      "127.0.0.1");
		assert_int_equal(o.error.kind, ERR_NONE);
		assert_int_equal(o.status, 200);
		assert_string_equal(o.body, "body");
		assert_non_null(strstr(plain.request,
				       "\r\nHost: mta-sts.name.invalid:"));
		assert_int_equal(plain.connections, i);
		outcome_release(&o);
	}
	o = get_plain("127.0.0.1", &plain, "/ok", "127.0.0.1");
	assert_int_equal(o.status, 200);
	outcome_release(&o);
	unsetenv("http_proxy");
}

static const struct {
	const char *path;
	long status;
	const char *text;
} plain_answers[] = {
	{ "/moved",  302, "" },				/* not followed */
	{ "/empty",  204, "" },
	{ "/full",   0, "at 127.0.0.1 sent an answer of more than 1024 bytes" },
	{ "/endless", 0, "sent an answer of more than 1024 bytes" },
	{ "/line",   0, "sent more than 65536 bytes of headers" },
	{ "/gone",   0, "closed the connection without an answer" },
	{ "/ssh",    0, "did not answer in HTTP" },
	{ "/silent", 0, "no answer in time from a.invalid:" },
};

static void test_plain_answers(void **state)
{
	(void)state;
	plain.speaks_http = true;
	listen_on_loopback(&plain);
	for (size_t i = 0; i < ARRAY_LEN(plain_answers); i++) {
		struct outcome o = get_plain("a.invalid", &plain,
					     plain_answers[i].path,
					     "127.0.0.1");

		assert_int_equal(o.status, plain_answers[i].status);
		assert_int_equal(o.error.kind,
				 o.status ? ERR_NONE : ERR_AGAIN);
		assert_non_null(strstr(o.error.text, plain_answers[i].text));
		outcome_release(&o);
	}
}

static void test_plain_to_nobody(void **state)
{
	struct server gone = { 0 };
	struct outcome o;

	(void)state;
	listen_on_loopback(&deaf);
	gone.port = deaf.port;
	server_release(&deaf);
	o = get_plain("a.invalid", &gone, "/ok", "127.0.0.1");
	assert_int_equal(o.error.kind, ERR_AGAIN);
	assert_true(str_starts(o.error.text, "could not connect to a.invalid:"));
	assert_non_null(strstr(o.error.text, " at 127.0.0.1: Connection"));
	outcome_release(&o);

	o = get_plain("a.invalid", &gone, "/ok", "::1");
	assert_int_equal(o.error.kind, ERR_AGAIN);
	assert_non_null(strstr(o.error.text, " at ::1"));
	outcome_release(&o);
}

/* One does not slip into the other; a name is no address to be pinned to. */
static const struct {
	const char *url, *plain_at, *text;
} mixed_urls[] = {
	{ "https://127.0.0.1/", "127.0.0.1", "not an http address" },
	{ "ftp://127.0.0.1/", "127.0.0.1", "not an http address" },
	{ "http://127.0.0.1/", "localhost", "not an http address" },
	{ "http://127.0.0.1/", "", "not an http address" },
	{ "http://127.0.0.1/", "127.0.0.1:80", "not an http address" },
	{ "http://127.0.0.1/", "[::1]", "not an http address" },
	{ "http://a@127.0.0.1/", "127.0.0.1", "not an http address" },
	{ "http://127.0.0.1/", NULL, "not an https address" },
};

static void test_plain_and_https_are_apart(void **state)
{
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mixed_urls); i++) {
		struct fetch_request request = {
			.url = mixed_urls[i].url,
			.plain_at = mixed_urls[i].plain_at,
		};

		o = (struct outcome){ 0 };
		start(&request, &o);
		guarded_run(loop);
		assert_int_equal(o.error.kind, ERR_INPUT);
		assert_non_null(strstr(o.error.text, mixed_urls[i].text));
		outcome_release(&o);
	}
}

/* The handle of a plain request serves an https one after it. */
static void test_https_after_plain(void **state)
{
	struct outcome o;

	(void)state;
	plain.speaks_http = true;
	listen_on_loopback(&plain);
	o = get_plain("127.0.0.1", &plain, "/ok", "127.0.0.1");
	assert_int_equal(o.status, 200);
	outcome_release(&o);
	o = get(&good, "/ok", good.pem);
	assert_int_equal(o.status, 200);
	outcome_release(&o);
	o = get(&good, "/full", good.pem);
	assert_int_equal(o.body_len, FETCH_BODY_MAX);
	outcome_release(&o);
}

static unsigned chain_left;

static void on_chain(const struct fetch_reply *reply, void *arg)
{
	struct fetch_request request = { .url = url_of(&good, "/ok"),
					 .ca_file = good.pem };

	assert_int_equal(reply->error.kind, ERR_NONE);
	if (--chain_left)
		fetch_start(fetcher, &request, on_chain, arg);
	else
		loop_stop(loop);
}

static void test_start_from_callback(void **state)
{
	struct fetch_request request = { .url = url_of(&good, "/ok"),
					 .ca_file = good.pem };

	(void)state;
	chain_left = 20;
	fetch_start(fetcher, &request, on_chain, NULL);
	guarded_run(loop);
	assert_int_equal(chain_left, 0);
	assert_int_equal(good.connections, 1);	/* one, again and again */
}

/*
 * The server has a request, all of it, and closes the connection without a
 * word. On a connection that was used before, libcurl takes that for one that
 * had been closed already, and sends the request again; of a POST it may not.
 */
static const struct {
	const char *what, *path;
	struct fetch_request request;
	unsigned seen;
} dropped[] = {
	{ "a POST", "/gone",
	  { .method = FETCH_POST, .body = "{}", .body_len = 2 }, 1 },
	{ "a POST, and a reset", "/reset",
	  { .method = FETCH_POST, .body = "{}", .body_len = 2 }, 1 },
	{ "a POST of nothing", "/gone", { .method = FETCH_POST }, 1 },
	{ "a GET", "/gone", { .method = FETCH_GET }, 2 },
	{ "a HEAD", "/gone", { .method = FETCH_HEAD }, 2 },
};

static void test_a_post_is_sent_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
		struct fetch_request request = dropped[i].request;
		struct outcome o = get(&good, "/ok", good.pem);
		unsigned before = good.requests;

		outcome_release(&o);
		request.url = url_of(&good, dropped[i].path);
		request.ca_file = good.pem;
		start(&request, &o);
		guarded_run(loop);
		print_message("%s: seen %u times: %s\n", dropped[i].what,
			      good.requests - before, o.error.text);
		assert_int_equal(good.requests - before, dropped[i].seen);
		assert_int_equal(o.error.kind, ERR_AGAIN);
		assert_non_null(strstr(o.error.text, "closed the connection "
						     "without an answer"));
		assert_int_equal(o.status, 0);
		outcome_release(&o);
	}
}

/* One that the server has closed meanwhile is seen to be so, and not used. */
static void test_a_post_after_a_pause(void **state)
{
	struct fetch_request request = { .method = FETCH_POST,
					 .body = "{}",
					 .body_len = 2,
					 .ca_file = good.pem };
	struct outcome o = get(&good, "/last", good.pem);

	(void)state;
	outcome_release(&o);
	while (good.open)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	request.url = url_of(&good, "/ok");
	start(&request, &o);
	guarded_run(loop);
	assert_int_equal(o.status, 200);
	assert_int_equal(good.requests, 2);
	assert_int_equal(good.connections, 2);
	outcome_release(&o);
}

static void test_posts_reuse_connections(void **state)
{
	char body[3000];
	struct fetch_request request = { .method = FETCH_POST,
					 .body = body,
					 .body_len = sizeof(body),
					 .ca_file = good.pem };
	struct outcome o = { 0 };

	(void)state;
	memset(body, 'b', sizeof(body));
	for (int i = 0; i < 20; i++) {
		request.url = url_of(&good, "/ok");
		start(&request, &o);
		guarded_run(loop);
		assert_int_equal(o.status, 200);
		assert_int_equal(
			strspn(strstr(good.request, "\r\n\r\n") + 4, "b"),
			sizeof(body));
		outcome_release(&o);
	}
	assert_int_equal(good.connections, 1);
}

static void test_many_at_once(void **state)
{
	struct fetch_request request = { .url = url_of(&good, "/full"),
					 .ca_file = good.pem };
	struct outcome o[60] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(o); i++)
		start(&request, &o[i]);
	guarded_run(loop);
	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		assert_int_equal(o[i].calls, 1);
		assert_int_equal(o[i].status, 200);
		assert_int_equal(o[i].body_len, FETCH_BODY_MAX);
		outcome_release(&o[i]);
	}
	assert_in_range(good.connections, 2, 32);
}

static unsigned stopped, begun_while_stopping;

static void on_stopped(const struct fetch_reply *reply, void *arg)
{
	struct fetch_request request = { .url = "https://127.0.0.1/" };

	assert_int_equal(reply->error.kind, ERR_AGAIN);
	assert_non_null(strstr(reply->error.text, "broken off"));
	stopped++;
	if (arg) {
		begun_while_stopping++;
		fetch_start(fetcher, &request, on_stopped, NULL);
	}
}

static void stop_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_stop(loop);
}

/* Some are under way, some have just begun, one begins while we stop. */
static void test_free_under_way(void **state)
{
	struct fetch_request request = { .url = url_of(&good, "/silent"),
					 .ca_file = good.pem };
	struct timeval soon = { 0, 200000 };

	(void)state;
	stopped = begun_while_stopping = 0;
	for (int i = 0; i < 12; i++)
		fetch_start(fetcher, &request, on_stopped, NULL);
	event_base_once(loop_base(loop), -1, EV_TIMEOUT, stop_soon, NULL, &soon);
	guarded_run(loop);
	assert_true(str_starts(good.request, "GET /silent "));
	fetch_start(fetcher, &request, on_stopped, &stopped);
	request.url = "no URL";
	fetch_start(fetcher, &request, on_stopped, NULL);
	fetcher_free(fetcher);
	fetcher = NULL;
	assert_int_equal(stopped, 15);
	assert_int_equal(begun_while_stopping, 1);
}

/* A name that no resolver knows: the threaded resolver must not hold us. */
static void test_unknown_name(void **state)
{
	struct fetch_request request = { .url = "https://ca.invalid/",
					 .timeout_ms = 1000 };
	struct outcome o = { 0 };

	(void)state;
	start(&request, &o);
	guarded_run(loop);
	assert_int_equal(o.error.kind, ERR_AGAIN);
	assert_non_null(strstr(o.error.text, "ca.invalid:443"));
	outcome_release(&o);
}

static void keep_away_from_proxies(void)
{
	const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
				      "ALL_PROXY" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_headers),
		CASE(test_answers),
		CASE(test_broken_answers),
		CASE(test_methods),
		CASE(test_trust),
		CASE(test_trust_is_not_shared),
		CASE(test_no_tls),
		CASE(test_connect_timeout),
		CASE(test_bad_urls),
		CASE(test_start_from_callback),
		CASE(test_a_post_is_sent_once),
		CASE(test_a_post_after_a_pause),
		CASE(test_posts_reuse_connections),
		CASE(test_many_at_once),
		CASE(test_free_under_way),
		CASE(test_unknown_name),
		CASE(test_plain_is_pinned),
		CASE(test_plain_answers),
		CASE(test_plain_to_nobody),
		CASE(test_plain_and_https_are_apart),
		CASE(test_https_after_plain),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN);
	keep_away_from_proxies();
	loop_init_library();
	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
