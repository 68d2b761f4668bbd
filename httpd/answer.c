#include "httpd/answer.h"

#include <event2/util.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DATE_SIZE 32

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
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
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

static bool write_start(const struct answer *a, time_t now, struct buf *out)
{
	char date[DATE_SIZE];
	struct tm tm;

	gmtime_r(&now, &tm);
	evutil_date_rfc1123(date, sizeof(date), &tm);
	return buf_printf(out,
			  "HTTP/1.1 %d %s\r\n"
			  "Date: %s\r\n"
			  "Content-Type: %s\r\n"
			  "Content-Length: %zu\r\n",
			  a->status, reason_of(a->status), date,
			  a->content_type, a->body_len);
}

/* Headers that most answers do not have. */
static bool write_more(const struct answer *a, struct buf *out)
{
	return (!a->allow || buf_printf(out, "Allow: %s\r\n", a->allow)) &&
	       (!a->location ||
		buf_printf(out, "Location: %s\r\n", a->location)) &&
	       (!a->retry_after ||
		buf_printf(out, "Retry-After: %u\r\n", a->retry_after));
}

bool answer_write(const struct answer *a, bool is_head, enum answer_then then,
		  time_t now, struct buf *out)
{
	static const char *const ends[] = {
		[ANSWER_THEN_MORE] = "\r\n",
		[ANSWER_THEN_MORE_TOO] = "Connection: keep-alive\r\n\r\n",
		[ANSWER_THEN_NOTHING] = "Connection: close\r\n\r\n",
	};

	return write_start(a, now, out) && write_more(a, out) &&
	       buf_puts(out, ends[then]) &&
	       (is_head || buf_add(out, a->body, a->body_len));
}
