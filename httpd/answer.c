#include "httpd/answer.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define RAW_MAX 4096 /* of an answer that evhttp does not write */

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 301, "Moved Permanently" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 503, "Service Unavailable" },
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

void answer_release(struct answer *a)
{
	free(a->location);
	free(a->body);
	*a = (struct answer){ 0 };
}

void answer_reason(struct answer *a, int status, const char *why)
{
	a->status = status;
	a->content_type = "text/plain; charset=utf-8";
	a->body = xasprintf("%d %s%s%s\n", status, reason_of(status),
			    why ? ": " : "", why ? why : "");
	a->body_len = strlen(a->body);
}

void answer_status(struct answer *a, int status)
{
	answer_reason(a, status, NULL);
}

void answer_text(struct answer *a, const char *content_type, char *text,
		 size_t len)
{
	a->status = 200;
	a->content_type = content_type;
	a->body = text;
	a->body_len = len;
}

static void add_headers(const struct answer *a, struct evkeyvalq *headers,
			bool is_last)
{
	char number[24];

	snprintf(number, sizeof(number), "%zu", a->body_len);
	evhttp_add_header(headers, "Content-Type", a->content_type);
	evhttp_add_header(headers, "Content-Length", number);
	if (a->allow)
		evhttp_add_header(headers, "Allow", a->allow);
	if (a->location)
		evhttp_add_header(headers, "Location", a->location);
	if (a->retry_after) {
		snprintf(number, sizeof(number), "%u", a->retry_after);
		evhttp_add_header(headers, "Retry-After", number);
	}
	if (is_last)
		evhttp_add_header(headers, "Connection", "close");
}

char *answer_raw(const struct answer *a)
{
	struct evkeyvalq headers = { .tqh_last = &headers.tqh_first };
	const struct evkeyval *h;
	struct buf b;
	char *text;

	buf_init(&b, RAW_MAX);
	buf_printf(&b, "HTTP/1.1 %d %s\r\n", a->status, reason_of(a->status));
	add_headers(a, &headers, true);
	for (h = headers.tqh_first; h; h = h->next.tqe_next)
		buf_printf(&b, "%s: %s\r\n", h->key, h->value);
	evhttp_clear_headers(&headers);
	buf_puts(&b, "\r\n");
	buf_add(&b, a->body, a->body_len);
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

void answer_send(const struct answer *a, struct evhttp_request *to,
		 bool is_head, bool is_last)
{
	add_headers(a, evhttp_request_get_output_headers(to), is_last);
	if (!is_head)
		evbuffer_add(evhttp_request_get_output_buffer(to), a->body,
			     a->body_len);
	evhttp_send_reply(to, a->status, reason_of(a->status), NULL);
}
