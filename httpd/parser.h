/*
 * Bytes of a connection into requests (RFC 9112). The parsing is http-parser's;
 * this is what stands around it. It is fed, and stops at whatever is to be
 * answered: so nothing is called from within but what takes a body.
 *
 * Of a head only that is kept which routing looks at, and mostly it fits into
 * the parser itself. Owning thread only.
 */
#ifndef HTTPD_PARSER_H
#define HTTPD_PARSER_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "httpd/request.h"

#define HEAD_MAX     8192 /* request line and headers */
#define PARSER_SMALL 320  /* kept of them without memory of its own */
#define PARSER_NAME  16	  /* no header that is looked at has a longer name */

enum parser_text {
	PARSER_TARGET,
	PARSER_HOST,
	PARSER_AGENT,
	PARSER_TYPE,
	PARSER_EXPECT,
	PARSER_TEXTS,
	PARSER_NOTHING = PARSER_TEXTS
};

struct parser {
	http_parser http;
	unsigned short bytes; /* of the head, so far */
	bool has_begun, has_head, has_body, is_chunked, is_whole;
	bool is_in_name;     /* of a header */
	bool is_after_cr;    /* in its head */
	unsigned char hosts; /* Host headers; 2 are too many */
	unsigned char name_len;
	char name[PARSER_NAME];

	enum parser_text now;		 /* what is coming in */
	unsigned short at[PARSER_TEXTS]; /* one more than where; 0: none */
	unsigned short authority, path, query; /* the same, of the target */
	long length;			       /* Content-Length, or -1 */
	unsigned short len; /* of the texts, each with its NUL */
	char *large;	    /* owned: they are here, if they are not small */
	char small[PARSER_SMALL];

	/* Takes a piece of a body. False: it is given up. */
	bool (*body)(const char *data, size_t len, void *arg);
	void *arg;
};

void parser_init(struct parser *p,
		 bool (*body)(const char *data, size_t len, void *arg),
		 void *arg);
void parser_release(struct parser *p);

enum parsed {
	PARSED_PART,  /* more is to come, or to be eaten */
	PARSED_HEAD,  /* a head is there, and a body is to come */
	PARSED_WHOLE, /* a request is there */
	PARSED_LARGE, /* its head is longer than HEAD_MAX */
	PARSED_BAD    /* it is no request, or its body was given up */
};

/* *used bytes of them are eaten. After the last two it eats no more. */
enum parsed parser_eat(struct parser *p, const char *data, size_t len,
		       size_t *used);

/* After PARSED_WHOLE: on to the next one. What was read is gone. */
void parser_next(struct parser *p);

/* Of a head that is there; leaves door and sni to the caller. Borrowed. */
void parser_request(const struct parser *p, struct request *r);

/*
 * Another one may follow, by its version and its headers. Not behind a body in
 * chunks: http-parser does not look at all that stands between them, and a
 * proxy before us might read otherwise (RFC 9112, 11.2).
 */
bool parser_keeps_alive(const struct parser *p);

/* What it speaks is HTTP/1.0. */
bool parser_is_old(const struct parser *p);

/* Of one whose target has begun, at least; else REQUEST_OTHER. */
enum request_method parser_method(const struct parser *p);

/* What it waits for before it sends its body (RFC 9110, 10.1.1). */
enum expectation { EXPECTS_NOTHING, EXPECTS_CONTINUE, EXPECTS_OTHER };

enum expectation parser_expects(const struct parser *p);

#endif
