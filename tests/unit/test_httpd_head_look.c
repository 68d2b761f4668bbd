#include "httpd/head_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define LONGEST "9223372036854775807"

/* `path` NULL: it is nothing to be looked at. */
static const struct {
	const char *head;
	const char *path, *host, *type;
	long length;
} cases[] = {
	{ "POST /a HTTP/1.1\r\nHost: X.test:443\r\nContent-Length: 12\r\n"
	  "Content-Type:  a/b; c \r\n\r\n",
	  "/a", "x.test", "a/b; c", 12 },
	{ "POST /a?b=c HTTP/1.1\nhost:x.test\n\n", "/a", "x.test", NULL, -1 },
	{ "POST http://y.test/a HTTP/1.1\r\nHost: x.test\r\n\r\n", "/a",
	  "y.test", NULL, -1 },
	{ "POST //y.test/a HTTP/1.1\r\nHost: x.test\r\n\r\n", "", "x.test",
	  NULL, -1 },
	{ "POST /a HTTP/1.1\r\nContent-Length: " LONGEST "0\r\n\r\n", "/a", "",
	  NULL, -1 },
	{ "POST /a HTTP/1.1\r\nContent-Length: " LONGEST "\r\n\r\n", "/a", "",
	  NULL, INT64_MAX },
	{ "POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "/a", "", NULL,
	  -1 },
	{ "POST /a HTTP/1.1\r\nno colon\r\n:\r\n\r\n", "/a", "", NULL, -1 },
	{ "POST /a HTTP/1.1\r\nHost: a b\r\n\r\n", "/a", "", NULL, -1 },
	{ "POST /a", "/a", "", NULL, -1 },
	{ "POST  HTTP/1.1\r\n\r\n", "", "", NULL, -1 },
	{ "POST /\x01\xff HTTP/1.1\r\n\r\n", "/\x01\xff", "", NULL, -1 },
	{ "GET /a HTTP/1.1\r\n\r\n", NULL, NULL, NULL, 0 },
	{ "POSTX /a HTTP/1.1\r\n\r\n", NULL, NULL, NULL, 0 },
	{ "post /a HTTP/1.1\r\n\r\n", NULL, NULL, NULL, 0 },
	{ "\r\n\r\n", NULL, NULL, NULL, 0 },
	{ "", NULL, NULL, NULL, 0 },
};

static void a_head_is_looked_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct request *r;
		struct head_look l;
		bool is = head_look(&l, cases[i].head, strlen(cases[i].head));

		print_message("%zu\n", i);
		assert_int_equal(is, cases[i].path != NULL);
		if (!is)
			continue;
		r = &l.request;
		assert_int_equal(r->method, REQUEST_POST);
		assert_string_equal(r->path, cases[i].path);
		assert_string_equal(r->host, cases[i].host);
		assert_int_equal(r->length, cases[i].length);
		assert_int_equal(r->content_type != NULL,
				 cases[i].type != NULL);
		if (cases[i].type)
			assert_string_equal(r->content_type, cases[i].type);
		head_look_release(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
