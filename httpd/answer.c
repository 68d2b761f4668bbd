#include "httpd/answer.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 301, "Moved Permanently" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 421, "Misdirected Request" },
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

void answer_status(struct answer *a, int status)
{
	a->status = status;
	a->content_type = "text/plain; charset=utf-8";
	a->body = xasprintf("%d %s\n", status, reason_of(status));
	a->body_len = strlen(a->body);
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
	char length[24];

	snprintf(length, sizeof(length), "%zu", a->body_len);
	evhttp_add_header(headers, "Content-Type", a->content_type);
	evhttp_add_header(headers, "Content-Length", length);
	if (a->allow)
		evhttp_add_header(headers, "Allow", a->allow);
	if (a->location)
		evhttp_add_header(headers, "Location", a->location);
	if (is_last)
		evhttp_add_header(headers, "Connection", "close");
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
