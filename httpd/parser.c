#include "httpd/parser.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define LARGE_SIZE (HEAD_MAX + PARSER_TEXTS)

static const char *const names[PARSER_TEXTS] = {
	[PARSER_HOST] = "Host",
	[PARSER_AGENT] = "User-Agent",
	[PARSER_TYPE] = "Content-Type",
	[PARSER_EXPECT] = "Expect",
};

/* ---- what is kept ---- */

static char *texts(struct parser *p)
{
	return p->large ? p->large : p->small;
}

/* It never needs more than this: the head's bytes, and a NUL for each text. */
static void make_room(struct parser *p, size_t len)
{
	if (p->large || p->len + len <= sizeof(p->small))
		return;
	p->large = xmalloc(LARGE_SIZE);
	memcpy(p->large, p->small, p->len);
}

static void begin_text(struct parser *p, enum parser_text which)
{
	p->now = which;
	make_room(p, 1);
	p->len++;
	p->at[which] = p->len;
	texts(p)[p->len - 1] = '\0';
}

/* A piece of the one that was begun last. */
static void add_text(struct parser *p, const char *piece, size_t len)
{
	char *end;

	make_room(p, len);
	end = texts(p) + p->len - 1;
	memcpy(end, piece, len);
	end[len] = '\0';
	p->len = (unsigned short)(p->len + len);
}

static char *text_at(const struct parser *p, unsigned short at)
{
	const char *all = p->large ? p->large : p->small;

	return at ? (char *)all + at - 1 : NULL;
}

static const char *text_of(const struct parser *p, enum parser_text which)
{
	return text_at(p, p->at[which]);
}

/* ---- what http-parser finds ---- */

static int on_begin(http_parser *http)
{
	struct parser *p = http->data;

	p->has_begun = true;
	return 0;
}

static int on_target(http_parser *http, const char *piece, size_t len)
{
	struct parser *p = http->data;

	if (!p->at[PARSER_TARGET])
		begin_text(p, PARSER_TARGET);
	add_text(p, piece, len);
	return 0;
}

/* Debian's http-parser lets spaces in; RFC 9112, 5.1 does not. */
static int on_name(http_parser *http, const char *piece, size_t len)
{
	struct parser *p = http->data;

	if (memchr(piece, ' ', len))
		return -1;
	if (!p->is_in_name)
		p->name_len = 0;
	p->is_in_name = true;
	if (len > (size_t)(PARSER_NAME - p->name_len))
		len = (size_t)(PARSER_NAME - p->name_len);
	memcpy(p->name + p->name_len, piece, len);
	p->name_len = (unsigned char)(p->name_len + len);
	return 0;
}

/* A header's value begins: is it one that is kept? Of a kind, the first is. */
static void begin_value(struct parser *p)
{
	size_t i = PARSER_HOST;

	p->is_in_name = false;
	p->now = PARSER_NOTHING;
	if (p->has_head)
		return; /* behind a body, nothing counts */
	while (i < PARSER_TEXTS &&
	       (strlen(names[i]) != p->name_len ||
		strncasecmp(names[i], p->name, p->name_len) != 0))
		i++;
	if (i == PARSER_HOST && p->hosts < 2)
		p->hosts++;
	if (i < PARSER_TEXTS && !p->at[i])
		begin_text(p, (enum parser_text)i);
}

static int on_value(http_parser *http, const char *piece, size_t len)
{
	struct parser *p = http->data;

	if (p->is_in_name)
		begin_value(p);
	if (p->now == PARSER_NOTHING)
		return 0;
	if (memchr(piece, '\0', len))
		return -1; /* the text would end there */
	add_text(p, piece, len);
	return 0;
}

static void trim(struct parser *p, enum parser_text which)
{
	char *text = text_at(p, p->at[which]), *end;

	if (!text)
		return;
	end = text + strlen(text);
	while (end > text && strchr(" \t", end[-1]))
		*--end = '\0';
}

/* Where a part of the target begins; it ends there with a NUL. */
static unsigned short cut(struct parser *p, const struct http_parser_url *url,
			  enum http_parser_url_fields part)
{
	unsigned short from = p->at[PARSER_TARGET];

	if (!(url->field_set & 1u << part))
		return 0;
	from = (unsigned short)(from + url->field_data[part].off);
	text_at(p, from)[url->field_data[part].len] = '\0';
	return from;
}

/* Of "http://name/path": moved by one, or its NUL would be the path's "/". */
static unsigned short cut_authority(struct parser *p,
				    const struct http_parser_url *url)
{
	size_t off = url->field_data[UF_HOST].off;
	size_t len = url->field_data[UF_HOST].len;
	char *target = text_at(p, p->at[PARSER_TARGET]);

	if (!(url->field_set & 1u << UF_HOST) || !off)
		return 0;
	memmove(target + off - 1, target + off, len);
	target[off - 1 + len] = '\0';
	return (unsigned short)(p->at[PARSER_TARGET] + off - 1);
}

/* RFC 9112, 3.2. What CONNECT says has no path. */
static bool split_target(struct parser *p)
{
	const char *target = text_of(p, PARSER_TARGET);
	struct http_parser_url url;

	if (p->http.method == HTTP_CONNECT)
		return true;
	http_parser_url_init(&url);
	if (!target ||
	    http_parser_parse_url(target, strlen(target), 0, &url) != 0)
		return false;
	if (str_starts(target, "//"))
		return true; /* "//name/path" is no path of ours */
	p->authority = cut_authority(p, &url);
	p->path = cut(p, &url, UF_PATH);
	p->query = cut(p, &url, UF_QUERY);
	return true;
}

static bool has_body(const http_parser *http)
{
	return http->flags & F_CHUNKED ||
	       (http->content_length > 0 && http->content_length != UINT64_MAX);
}

/* http-parser counts it down later. */
static long length_of(const http_parser *http)
{
	if (http->content_length == UINT64_MAX)
		return -1;
	return http->content_length > LONG_MAX ? LONG_MAX
					       : (long)http->content_length;
}

static int on_head(http_parser *http)
{
	struct parser *p = http->data;

	if (http->http_major != 1 || !split_target(p))
		return -1;
	for (int i = PARSER_HOST; i < PARSER_TEXTS; i++)
		trim(p, (enum parser_text)i);
	p->has_head = true;
	p->has_body = has_body(http);
	p->is_chunked = http->flags & F_CHUNKED;
	p->length = length_of(http);
	if (p->has_body)
		http_parser_pause(http, 1);
	return 0;
}

static int on_body(http_parser *http, const char *piece, size_t len)
{
	struct parser *p = http->data;

	return p->body(piece, len, p->arg) ? 0 : -1;
}

static int on_whole(http_parser *http)
{
	struct parser *p = http->data;

	p->is_whole = true;
	http_parser_pause(http, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_whole,
};

/* ---- from outside ---- */

static void clear(struct parser *p)
{
	free(p->large);
	p->large = NULL;
	p->len = p->bytes = 0;
	p->authority = p->path = p->query = 0;
	p->has_begun = p->has_head = p->has_body = p->is_whole = false;
	p->is_chunked = false;
	p->is_in_name = p->is_after_cr = false;
	p->hosts = 0;
	p->now = PARSER_NOTHING;
	memset(p->at, 0, sizeof(p->at));
}

void parser_init(struct parser *p,
		 bool (*body)(const char *data, size_t len, void *arg),
		 void *arg)
{
	p->large = NULL;
	clear(p);
	http_parser_init(&p->http, HTTP_REQUEST);
	p->http.data = p;
	p->body = body;
	p->arg = arg;
}

void parser_release(struct parser *p)
{
	free(p->large);
	p->large = NULL;
}

void parser_next(struct parser *p)
{
	clear(p);
}

static enum parsed outcome(const struct parser *p)
{
	switch (HTTP_PARSER_ERRNO(&p->http)) {
	case HPE_OK:
		return PARSED_PART;
	case HPE_PAUSED:
		return p->is_whole ? PARSED_WHOLE : PARSED_HEAD;
	default:
		return PARSED_BAD;
	}
}

static enum parsed spoil(struct parser *p)
{
	p->http.http_errno = HPE_LF_EXPECTED;
	return PARSED_BAD;
}

/*
 * Each CR in a head has its LF (RFC 9112, 2.2): http-parser takes whatever
 * follows the last CR for one.
 */
static bool has_lone_cr(struct parser *p, const char *data, size_t len)
{
	const char *end = data + len, *at = data;

	if (len && p->is_after_cr && *data != '\n')
		return true;
	if (len)
		p->is_after_cr = end[-1] == '\r';
	while ((at = memchr(at, '\r', (size_t)(end - at))) != NULL)
		if (++at < end && *at != '\n')
			return true;
	return false;
}

enum parsed parser_eat(struct parser *p, const char *data, size_t len,
		       size_t *used)
{
	bool is_head = !p->has_head;

	*used = 0;
	if (outcome(p) == PARSED_BAD)
		return PARSED_BAD;
	if (is_head && p->bytes == HEAD_MAX)
		return PARSED_LARGE;
	if (is_head && len > (size_t)(HEAD_MAX - p->bytes))
		len = (size_t)(HEAD_MAX - p->bytes);
	http_parser_pause(&p->http, 0);
	*used = http_parser_execute(&p->http, &settings, data, len);
	if (is_head)
		p->bytes = (unsigned short)(p->bytes + *used);
	return is_head && has_lone_cr(p, data, *used) ? spoil(p) : outcome(p);
}

enum request_method parser_method(const struct parser *p)
{
	if (!p->at[PARSER_TARGET])
		return REQUEST_OTHER;
	switch (p->http.method) {
	case HTTP_GET:
		return REQUEST_GET;
	case HTTP_HEAD:
		return REQUEST_HEAD;
	case HTTP_POST:
		return REQUEST_POST;
	default:
		return REQUEST_OTHER;
	}
}

void parser_request(const struct parser *p, struct request *r)
{
	const char *path = text_at(p, p->path);

	*r = (struct request){
		.method = parser_method(p),
		.path = path ? path : "",
		.query = text_at(p, p->query),
		.has_host = p->hosts == 1,
		.agent = text_of(p, PARSER_AGENT),
		.content_type = text_of(p, PARSER_TYPE),
		.length = p->length,
	};
	if (r->has_host)
		host_of_header(text_of(p, PARSER_HOST), r->host);
	if (p->authority)
		host_of_header(text_at(p, p->authority), r->host);
}

bool parser_keeps_alive(const struct parser *p)
{
	return p->http.method != HTTP_CONNECT && !p->is_chunked &&
	       http_should_keep_alive(&p->http);
}

bool parser_is_old(const struct parser *p)
{
	return p->http.http_minor == 0;
}

/* Under HTTP/1.0 there is none. */
enum expectation parser_expects(const struct parser *p)
{
	const char *what = text_of(p, PARSER_EXPECT);

	if (!what || parser_is_old(p))
		return EXPECTS_NOTHING;
	return streq_case(what, "100-continue") ? EXPECTS_CONTINUE
						: EXPECTS_OTHER;
}
