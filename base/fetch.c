#include "base/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fetch_error.h"
#include "base/mem.h"
#include "base/network.h"
#include "base/str.h"
#include "base/transfers.h"

#define WHOLE_MS         60000L
#define CONNECT_MS       10000L
#define HOST_CONNECTIONS 32L /* to a CA without HTTP/2: each is one request */
#define TRUST_CACHE      60L	/* a trust file that changed is read by then */
#define SPARE_MAX        32
#define WORDS_MAX        160	/* of strangers' text in one error */

/*
 * Seconds. Servers close what is idle after a minute or more: whoever sends at
 * that moment gets no answer.
 */
#define IDLE_MAX 30L

/* What is kept of an answer's headers. */
enum { CONTENT_TYPE, LOCATION, REPLAY_NONCE, RETRY_AFTER, LINK, DATE, HEADERS };

static const struct {
	const char *name;
	bool joins;	/* may come several times, all of them count */
} kept[HEADERS] = {
	[CONTENT_TYPE] = { "content-type", false },
	[LOCATION]     = { "location",     false },
	[REPLAY_NONCE] = { "replay-nonce", false },
	[RETRY_AFTER]  = { "retry-after",  false },
	[LINK]         = { "link",         true  },
	[DATE]         = { "date",         false },
};

struct request {
	struct fetcher *fetcher;
	struct request *prev, *next;
	CURL *easy;			/* NULL: failed before it started */
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	fetch_done *done;
	void *arg;

	char *host;	/* the URL's */
	long port;
	CURLcode code;
	struct buf upload; /* what is posted */
	size_t uploaded;

	char *where;	/* "ca.example:443" ("... at ADDRESS"), or a bad URL */
	char says[CURL_ERROR_SIZE];
	struct err error;		/* what we know better than libcurl */

	struct buf body;
	struct buf header[HEADERS];
	size_t header_bytes;		/* seen so far, kept or not */
	bool in_headers;		/* false in trailers */
};

struct fetcher {
	struct transfers *transfers;
	struct event *late;		/* answers what failed at once */
	struct request *first;
	CURL *spare[SPARE_MAX];
	size_t spare_count;
	char *user_agent;
	fetch_proxied *is_proxied; /* or NULL */
	const void *proxied_arg;
	bool closing;
};

/* --- What libcurl hands us of an answer. --- */

static void keep_header(struct request *q, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value, *end = line + len;
	size_t name = colon ? (size_t)(colon - line) : 0;

	for (int i = 0; colon && i < HEADERS; i++) {
		if (name != strlen(kept[i].name) ||
		    strncasecmp(line, kept[i].name, name) != 0)
			continue;
		value = colon + 1;
		while (value < end && (*value == ' ' || *value == '\t'))
			value++;
		while (end > value && strchr(" \t\r\n", end[-1]))
			end--;
		if (value == end || (q->header[i].len && !kept[i].joins))
			return;
		if (q->header[i].len)
			buf_add(&q->header[i], "\n", 1);
		buf_add(&q->header[i], value, (size_t)(end - value));
		return;
	}
}

/*
 * A status line begins an answer anew: what came with a 103 before it does
 * not belong to it, and neither do trailers behind the body.
 */
static size_t take_header(char *line, size_t one, size_t len, void *arg)
{
	struct request *q = arg;

	(void)one;
	q->header_bytes += len;
	if (q->header_bytes > FETCH_HEADER_MAX) {
		err_set(&q->error, ERR_AGAIN,
			"%s sent more than %d bytes of headers", q->where,
			FETCH_HEADER_MAX);
		return 0;
	}
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		for (int i = 0; i < HEADERS; i++)
			buf_clear(&q->header[i]);
		q->in_headers = true;
	} else if (len && strchr("\r\n", line[0])) {
		q->in_headers = false;
	} else if (q->in_headers) {
		keep_header(q, line, len);
	}
	return len;
}

static size_t take_body(char *data, size_t one, size_t len, void *arg)
{
	struct request *q = arg;

	(void)one;
	if (buf_add(&q->body, data, len))
		return len;
	err_set(&q->error, ERR_AGAIN,
		"%s sent an answer of more than %zu bytes", q->where,
		q->body.max);
	return 0;
}

/* --- One request, from its options to its callback. --- */

static CURL *easy_take(struct fetcher *f)
{
	CURL *easy = f->spare_count ? f->spare[--f->spare_count] :
				      curl_easy_init();

	if (!easy)
		abort();	/* out of memory: the one cause there is */
	return easy;
}

/* It holds options of the last request, so it is reset before the next. */
static void drop_handle(struct request *q)
{
	struct fetcher *f = q->fetcher;

	if (!q->easy)
		return;
	transfers_remove(f->transfers, q->easy);
	if (f->spare_count < SPARE_MAX) {
		curl_easy_reset(q->easy);
		f->spare[f->spare_count++] = q->easy;
	} else {
		curl_easy_cleanup(q->easy);
	}
	q->easy = NULL;
}

static void request_free(struct request *q)
{
	curl_slist_free_all(q->headers);
	curl_slist_free_all(q->connect_to);
	for (int i = 0; i < HEADERS; i++)
		buf_release(&q->header[i]);
	buf_release(&q->body);
	buf_release(&q->upload);
	free(q->where);
	free(q->host);
	free(q);
}

static void unlink_request(struct request *q)
{
	if (q->next)
		q->next->prev = q->prev;
	if (q->prev)
		q->prev->next = q->next;
	else
		q->fetcher->first = q->next;
}

static struct request *request_new(struct fetcher *f, size_t body_max,
				   fetch_done *done, void *arg)
{
	struct request *q = xcalloc(1, sizeof(*q));

	q->fetcher = f;
	q->done = done;
	q->arg = arg;
	q->next = f->first;
	if (q->next)
		q->next->prev = q;
	f->first = q;
	buf_init(&q->body, body_max ? body_max : FETCH_BODY_MAX);
	for (int i = 0; i < HEADERS; i++)
		buf_init(&q->header[i], FETCH_HEADER_MAX);
	return q;
}

/*
 * The handle leaves the multi before the callback runs, which may start new
 * requests with it.
 */
static void request_end(struct request *q, const struct err *error)
{
	struct fetch_reply reply = {
		.body = "", .content_type = "", .location = "",
		.replay_nonce = "", .retry_after = "", .link = "", .date = "",
		.code = (int)q->code, .error = *error,
	};
	curl_off_t elapsed_us = 0;

	unlink_request(q);
	if (q->easy)
		curl_easy_getinfo(q->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
	reply.elapsed_ms = (long)(elapsed_us / 1000);
	if (error->kind == ERR_NONE) {
		curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE,
				  &reply.status);
		reply.body = q->body.data;
		reply.body_len = q->body.len;
		reply.content_type = q->header[CONTENT_TYPE].data;
		reply.location = q->header[LOCATION].data;
		reply.replay_nonce = q->header[REPLAY_NONCE].data;
		reply.retry_after = q->header[RETRY_AFTER].data;
		reply.link = q->header[LINK].data;
		reply.date = q->header[DATE].data;
	}
	drop_handle(q);
	q->done(&reply, q->arg);
	request_free(q);
}

static bool is_address(const char *text)
{
	struct ip ip;

	return ip_parse(text, &ip);
}

static char *where_of(const char *host, const char *port, const char *plain_at)
{
	return xasprintf("%s:%s%s%s", host, port, plain_at ? " at " : "",
			 plain_at ? plain_at : "");
}

/* Sets q->where. A URL comes from a CA's answer as often as from a person. */
static bool understand_url(struct request *q, const char *url,
			   const char *plain_at)
{
	const char *wanted = plain_at ? "http" : "https";
	char *scheme = NULL, *host = NULL, *port = NULL;
	CURLU *parts = curl_url();
	bool ok;

	ok = parts &&
	     !curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) &&
	     !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
	     !curl_url_get(parts, CURLUPART_HOST, &host, 0) &&
	     !curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	     streq(scheme, wanted) && (!plain_at || is_address(plain_at));
	if (ok) {
		q->where = where_of(host, port, plain_at);
		q->host = xstrdup(host);
		q->port = strtol(port, NULL, 10);
	} else {
		q->where = str_printable(url, WORDS_MAX);
		err_set(&q->error, ERR_INPUT, "\"%s\" is not an %s address",
			q->where, wanted);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return ok;
}

static void add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		abort();	/* out of memory: the one cause there is */
	*list = longer;
}

static void add_header(struct request *q, const char *line)
{
	add_line(&q->headers, line);
}

/* --- What is posted: once. --- */

static size_t give_upload(char *out, size_t one, size_t room, void *arg)
{
	struct request *q = arg;
	size_t left = q->upload.len - q->uploaded;
	size_t len = room < left ? room : left;

	(void)one;
	memcpy(out, q->upload.data + q->uploaded, len);
	q->uploaded += len;
	return len;
}

/*
 * On a connection that was used before and ends without an answer, libcurl
 * sends a request again, for that connection may have been closed before it
 * got there. But it may have got there as well. libcurl (7.88) has no option
 * against that; it wants the body from its beginning, though, if any of it
 * has been sent, and does not get it. (That a server of HTTP/2 has refused a
 * stream, after which nothing would be wrong with sending it again, cannot be
 * told apart: it is rare, and costs a look.)
 */
static int refuse_rewind(void *arg, curl_off_t offset, int origin)
{
	(void)arg;
	(void)offset;
	(void)origin;
	return CURL_SEEKFUNC_FAIL;
}

static void set_upload(struct request *q, const void *body, size_t len)
{
	buf_init(&q->upload, len);
	buf_add(&q->upload, body, len);
	curl_easy_setopt(q->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(q->easy, CURLOPT_READFUNCTION, give_upload);
	curl_easy_setopt(q->easy, CURLOPT_READDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
	if (!len) /* nothing to rewind: by no used connection, then */
		curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, 1L);
}

/* What is asked; libcurl copies every string. */
static void set_question(struct request *q, const struct fetch_request *r)
{
	add_header(q, "Cache-Control: no-cache");
	add_header(q, "Expect:");	/* one round trip, not two */
	if (r->method == FETCH_HEAD)
		curl_easy_setopt(q->easy, CURLOPT_NOBODY, 1L);
	if (r->method == FETCH_POST) {
		char *type = xasprintf("Content-Type: %s",
				       r->content_type ? r->content_type :
				       "application/octet-stream");

		add_header(q, type);
		free(type);
		set_upload(q, r->body, r->body_len);
	}
	curl_easy_setopt(q->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(q->easy, CURLOPT_USERAGENT, q->fetcher->user_agent);
	curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
}

/*
 * libcurl would trust a folder of roots beside the file that we name, and
 * parse all of them for each connection: one file, parsed once a while.
 */
static void set_trust(struct request *q, const char *ca_file)
{
	if (ca_file)
		curl_easy_setopt(q->easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(q->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(q->easy, CURLOPT_CA_CACHE_TIMEOUT, TRUST_CACHE);
	curl_easy_setopt(q->easy, CURLOPT_SSLVERSION,
			 (long)CURL_SSLVERSION_TLSv1_2);
}

static void set_limits(struct request *q, long timeout_ms)
{
	long whole = timeout_ms > 0 ? timeout_ms : WHOLE_MS;

	curl_easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, whole);
	curl_easy_setopt(q->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 whole < CONNECT_MS ? whole : CONNECT_MS);
	curl_easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(q->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(q->easy, CURLOPT_MAXAGE_CONN, IDLE_MAX);
	curl_easy_setopt(q->easy, CURLOPT_PIPEWAIT, 1L);
	/* A resolver that hangs must not hold up whoever ends the request. */
	curl_easy_setopt(q->easy, CURLOPT_QUICK_EXIT, 1L);
}

static void set_proxied(struct request *q, const char *address, long port)
{
	const struct fetcher *f = q->fetcher;

	if (f->is_proxied && f->is_proxied(address, port, f->proxied_arg))
		curl_easy_setopt(q->easy, CURLOPT_HAPROXYPROTOCOL, 1L);
}

/* After all else: what a request that speaks plainly does otherwise. */
static void set_plain(struct request *q, const char *address)
{
	char *to = xasprintf(strchr(address, ':') ? "::[%s]:" : "::%s:",
			     address);

	add_line(&q->connect_to, to);
	free(to);
	curl_easy_setopt(q->easy, CURLOPT_CONNECT_TO, q->connect_to);
	curl_easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(q->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(q->easy, CURLOPT_FORBID_REUSE, 1L);
}

/*
 * The same for one that is pinned, and speaks https as ever. It wants to be
 * shown the certificate each time.
 */
static void set_pin(struct request *q, const char *address, long port)
{
	bool is_v6 = strchr(address, ':');
	char *to = port ? xasprintf("::%s%s%s:%ld", is_v6 ? "[" : "", address,
				    is_v6 ? "]" : "", port)
			: xasprintf("::%s%s%s:", is_v6 ? "[" : "", address,
				    is_v6 ? "]" : "");

	add_line(&q->connect_to, to);
	free(to);
	curl_easy_setopt(q->easy, CURLOPT_CONNECT_TO, q->connect_to);
	curl_easy_setopt(q->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(q->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(q->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

static void set_receivers(struct request *q)
{
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
	curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->says);
	curl_easy_setopt(q->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(q->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(q->easy, CURLOPT_HEADERDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
}

/* Newer ones of libcurl pass on what OpenSSL says of an end without a word. */
static bool has_just_ended(CURLcode result, const struct request *q)
{
	return result == CURLE_RECV_ERROR && strstr(q->says, "unexpected eof");
}

/* It was not sent again: see refuse_rewind(). */
static bool has_no_answer(CURL *easy, CURLcode result)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return result == CURLE_SEND_FAIL_REWIND ||
	       (result == CURLE_OK && !status);
}

static CURLcode meant_by(CURL *easy, CURLcode result, struct request *q)
{
	bool has_ended = has_just_ended(result, q);

	if (!has_ended && !has_no_answer(easy, result))
		return result;
	q->says[0] = '\0';
	return has_ended && q->header_bytes ? CURLE_PARTIAL_FILE
					    : CURLE_GOT_NOTHING;
}

static void on_ended(CURL *easy, CURLcode result)
{
	struct err error = ERR_INIT;
	struct request *q = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &q);
	result = meant_by(easy, result, q);
	q->code = result;
	if (q->error.kind != ERR_NONE)
		error = q->error;
	else if (result != CURLE_OK)
		fetch_error(&error, result, easy, q->where, q->says);
	else if (q->in_headers)		/* a success to libcurl */
		fetch_error(&error, CURLE_PARTIAL_FILE, easy, q->where,
			    q->says);
	request_end(q, &error);
}

/* --- The fetcher. --- */

static void end_failed(evutil_socket_t fd, short what, void *arg)
{
	struct fetcher *f = arg;
	struct request *q;

	(void)fd;
	(void)what;
	do {	/* from the start each time: a callback changes the list */
		for (q = f->first; q && q->easy; q = q->next)
			;
		if (q)
			request_end(q, &q->error);
	} while (q);
}

static bool fetcher_init(struct fetcher *f, struct loop *loop,
			 struct err *err)
{
	f->transfers = transfers_new(loop, on_ended, err);
	if (!f->transfers)
		return false;
	curl_multi_setopt(transfers_multi(f->transfers),
			  CURLMOPT_MAX_HOST_CONNECTIONS, HOST_CONNECTIONS);
	f->late = event_new(loop_base(loop), -1, 0, end_failed, f);
	return f->late || err_set(err, ERR_INTERNAL, "libevent gave no event");
}

void fetcher_proxied(struct fetcher *f, fetch_proxied *is_proxied,
		     const void *arg)
{
	f->is_proxied = is_proxied;
	f->proxied_arg = arg;
}

struct fetcher *fetcher_new(struct loop *loop, const char *user_agent,
			    struct err *err)
{
	struct fetcher *f = xcalloc(1, sizeof(*f));

	f->user_agent = xstrdup(user_agent);
	if (fetcher_init(f, loop, err))
		return f;
	fetcher_free(f);
	return NULL;
}

void fetcher_free(struct fetcher *f)
{
	struct err stopped = ERR_INIT;

	if (!f)
		return;
	err_set(&stopped, ERR_AGAIN, "the request was broken off: stopping");
	f->closing = true;
	while (f->first)
		request_end(f->first, &stopped);
	while (f->spare_count)
		curl_easy_cleanup(f->spare[--f->spare_count]);
	transfers_free(f->transfers);
	if (f->late)
		event_free(f->late);
	free(f->user_agent);
	free(f);
}

void fetch_start(struct fetcher *f, const struct fetch_request *request,
		 fetch_done *done, void *arg)
{
	struct request *q = request_new(f, request->body_max, done, arg);

	if (f->closing)
		return;		/* fetcher_free() is about to answer it */
	if (!understand_url(q, request->url, request->plain_at)) {
		event_active(f->late, EV_TIMEOUT, 0);
		return;
	}
	q->easy = easy_take(f);
	set_question(q, request);
	set_trust(q, request->ca_file);
	set_limits(q, request->timeout_ms);
	set_receivers(q);
	if (request->plain_at)
		set_plain(q, request->plain_at);
	if (request->pin_at)
		set_pin(q, request->pin_at, request->pin_port);
	if (request->plain_at || request->pin_at)
		set_proxied(q,
			    request->plain_at ? request->plain_at
					      : request->pin_at,
			    request->pin_port ? request->pin_port : q->port);
	if (request->look)
		tls_look_at(q->easy, request->look, q->host);
	if (!transfers_add(f->transfers, q->easy)) {
		err_set(&q->error, ERR_AGAIN, "libcurl took no request for %s",
			q->where);
		drop_handle(q);
		event_active(f->late, EV_TIMEOUT, 0);
	}
}
