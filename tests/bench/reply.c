#include "tests/bench/reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *reply_room(struct reply *r, size_t *room)
{
	*room = sizeof(r->data) - 1 - r->len;
	return r->data + r->len;
}

static bool read_length(const char *head, const char *end, size_t *length)
{
	static const char field[] = "Content-Length:";
	const char *line = strstr(head, "\r\n");

	for (; line && line < end; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, field, sizeof(field) - 1) == 0) {
			*length = strtoul(line + 1 + sizeof(field), NULL, 10);
			return true;
		}
	return false;
}

static bool read_head(struct reply *r, const char *end)
{
	if (strncmp(r->data, "HTTP/1.1 ", 9) != 0 ||
	    !read_length(r->data, end, &r->body_len))
		return false;
	r->status = (int)strtol(r->data + 9, NULL, 10);
	r->body = end + 4;
	return r->status > 0;
}

enum reply_state reply_add(struct reply *r, size_t len)
{
	const char *end;
	size_t got;

	r->len += len;
	r->data[r->len] = '\0';
	if (!r->body) {
		end = strstr(r->data, "\r\n\r\n");
		if (!end)
			return REPLY_PART;
		if (!read_head(r, end))
			return REPLY_BROKEN;
	}
	got = r->len - (size_t)(r->body - r->data);
	if (got > r->body_len) /* who asked for nothing more is sent more */
		return REPLY_BROKEN;
	return got < r->body_len ? REPLY_PART : REPLY_WHOLE;
}

static bool takes(const char **at, size_t *left, const char *text, size_t len)
{
	if (len > *left || memcmp(*at, text, len) != 0)
		return false;
	*at += len;
	*left -= len;
	return true;
}

bool reply_says(const struct reply *r, const char *text, const char *host)
{
	static const char mark[] = "{host}";
	const char *at = r->body, *place;
	size_t left = r->body_len;

	if (!at || r->len != (size_t)(at - r->data) + left)
		return false;
	for (; (place = strstr(text, mark)); text = place + sizeof(mark) - 1)
		if (!takes(&at, &left, text, (size_t)(place - text)) ||
		    !takes(&at, &left, host, strlen(host)))
			return false;
	return takes(&at, &left, text, strlen(text)) && !left;
}

void reply_clear(struct reply *r)
{
	r->len = 0;
	r->status = 0;
	r->body = NULL;
	r->body_len = 0;
}
