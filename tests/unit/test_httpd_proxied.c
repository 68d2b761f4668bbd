#include "httpd/proxied.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "base/str.h"

#define V2    "\r\n\r\n\0\r\nQUIT\n"
#define ENDS4 "\xc0\0\x02\x07\xc0\0\x02\x08\x01\x02\x01\xbb"
#define ENDS6                                                                  \
	"\x20\x01\x0d\xb8"                                                     \
	"\0\0\0\0\0\0\0\0\0\0\0\x05"                                           \
	"\x20\x01\x0d\xb8"                                                     \
	"\0\0\0\0\0\0\0\0\0\0\0\x06\x01\x02\x01\xbb"

#define OF(text) text, sizeof(text) - 1

/* Bytes, with no NUL behind them. */
static void put(char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
}

/* NULL: it speaks for nobody. */
static const struct {
	const char *data;
	size_t len;
	const char *from;
} good[] = {
	{ OF("PROXY TCP4 192.0.2.7 192.0.2.8 258 443\r\n"), "192.0.2.7" },
	{ OF("PROXY TCP6 2001:db8::5 2001:db8::6 1 2\r\n"), "2001:db8::5" },
	{ OF("PROXY UNKNOWN\r\n"), NULL },
	{ OF("PROXY UNKNOWN ffff::f ffff::e 1 2\r\n"), NULL },
	{ OF(V2 "\x21\x11\0\x0c" ENDS4), "192.0.2.7" },
	{ OF(V2 "\x21\x11\0\x10" ENDS4 "\x04\0\x01x"), "192.0.2.7" },
	{ OF(V2 "\x21\x21\0\x24" ENDS6), "2001:db8::5" },
	{ OF(V2 "\x20\0\0\0"), NULL },
	{ OF(V2 "\x20\x11\0\x0c" ENDS4), NULL },
	{ OF(V2 "\x21\0\0\0"), NULL },
	{ OF(V2 "\x21\x12\0\x0c" ENDS4), NULL }, /* by UDP */
};

static void reads_as(const struct sockaddr_storage *from, const char *expected)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
	char text[64] = "";

	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	else if (from->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	assert_string_equal(text, expected ? expected : "");
}

/* In memory of just its length, for whoever would read beyond. */
static enum proxied read_exactly(const char *data, size_t len, size_t *used,
				 struct sockaddr_storage *from)
{
	char *copy = xmalloc(len + 1);
	enum proxied how;

	memcpy(copy + 1, data, len);
	how = proxied_read(copy + 1, len, used, from);
	free(copy);
	return how;
}

static void a_header_is_read_in_any_pieces(void **state)
{
	struct sockaddr_storage from;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		for (size_t n = 0; n < good[i].len; n++)
			assert_int_equal(
				read_exactly(good[i].data, n, &used, &from),
				PROXIED_PART);
		assert_int_equal(
			read_exactly(good[i].data, good[i].len, &used, &from),
			PROXIED_WHOLE);
		assert_int_equal(used, good[i].len);
		reads_as(&from, good[i].from);
	}
}

static void what_comes_behind_is_no_part_of_it(void **state)
{
	struct sockaddr_storage from;
	char data[256];
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		memcpy(data, good[i].data, good[i].len);
		put(data + good[i].len, "\x16\x03\x01\r\n", 5);
		assert_int_equal(
			read_exactly(data, good[i].len + 5, &used, &from),
			PROXIED_WHOLE);
		assert_int_equal(used, good[i].len);
	}
}

static const struct {
	const char *data;
	size_t len;
} bad[] = {
	{ OF("GET / HTTP/1.1\r\n") },
	{ OF("\x16\x03\x01") },
	{ OF("PROXX") },
	{ OF("PROXY \r\n") },
	{ OF("PROXY TCP4\r\n") },
	{ OF("PROXY TCP4 192.0.2.7 192.0.2.8 258 443\n") },
	{ OF("PROXY TCP4 192.0.2.7 192.0.2.8 258 443 \r\n") },
	{ OF("PROXY TCP4  192.0.2.7 192.0.2.8 258 443\r\n") },
	{ OF("PROXY TCP4 192.0.2.7 192.0.2.8 258 65536\r\n") },
	{ OF("PROXY TCP4 192.0.2.7 192.0.2.8 +1 443\r\n") },
	{ OF("PROXY TCP4 2001:db8::5 192.0.2.8 258 443\r\n") },
	{ OF("PROXY TCP6 192.0.2.7 2001:db8::6 258 443\r\n") },
	{ OF("PROXY TCP4 192.0.2.7\0 192.0.2.8 258 443\r\n") },
	{ OF("PROXY UDP4 192.0.2.7 192.0.2.8 258 443\r\n") },
	{ OF("\r\n\r\n\0\r\nQUIT\r") },
	{ OF(V2 "\x11\x11\0\x0c" ENDS4) }, /* version 1 */
	{ OF(V2 "\x22\x11\0\x0c" ENDS4) }, /* no such command */
	{ OF(V2 "\x21\x11\0\x0b" ENDS4) }, /* a byte too few */
	{ OF(V2 "\x21\x11\0\0") },
	{ OF(V2 "\x21\x21\0\x23" ENDS6) },
	{ OF(V2 "\x21\x11\x10\0") }, /* PROXIED_MAX, and its head */
	{ OF(V2 "\x21\x11\xff\xff") },
};

static void what_is_none_is_found_out(void **state)
{
	struct sockaddr_storage from;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		print_message("%zu\n", i);
		assert_int_equal(
			read_exactly(bad[i].data, bad[i].len, &used, &from),
			PROXIED_BAD);
	}
}

static void a_line_has_an_end(void **state)
{
	struct sockaddr_storage from;
	char data[200];
	size_t used;

	(void)state;
	memset(data, 'x', sizeof(data));
	put(data, "PROXY UNKNOWN ", 14);
	assert_int_equal(read_exactly(data, 106, &used, &from), PROXIED_PART);
	assert_int_equal(read_exactly(data, 107, &used, &from), PROXIED_BAD);
	put(data + 105, "\r\n", 2);
	assert_int_equal(read_exactly(data, 107, &used, &from), PROXIED_WHOLE);
	assert_int_equal(used, 107);
}

/* The longest that is taken. */
static void bytes_have_a_cap(void **state)
{
	struct sockaddr_storage from;
	char data[PROXIED_MAX];
	size_t used;

	(void)state;
	memset(data, 0, sizeof(data));
	put(data, V2 "\x21\x11\x0f\xf0" ENDS4, 28);
	assert_int_equal(read_exactly(data, PROXIED_MAX - 1, &used, &from),
			 PROXIED_PART);
	assert_int_equal(read_exactly(data, PROXIED_MAX, &used, &from),
			 PROXIED_WHOLE);
	assert_int_equal(used, PROXIED_MAX);
	data[15] = (char)0xf1;
	assert_int_equal(read_exactly(data, PROXIED_MAX, &used, &from),
			 PROXIED_BAD);
}

static void its_beginning_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(proxied_begins(good[i].data, good[i].len));
	assert_false(proxied_begins("", 0));
	assert_false(proxied_begins("PROXY", 5));
	assert_false(proxied_begins("GET / HTTP/1.1\r\n", 16));
}

static void only_those_that_are_listed_are_believed(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct proxies p = { .count = 0 };

	(void)state;
	inet_pton(AF_INET, "192.0.2.7", &v4.sin_addr);
	assert_false(proxies_have(&p, (struct sockaddr *)&v4));
	assert_true(network_parse("2001:db8::/32", &p.network[p.count++]));
	assert_false(proxies_have(&p, (struct sockaddr *)&v4));
	assert_true(network_parse("192.0.2.0/24", &p.network[p.count++]));
	assert_true(proxies_have(&p, (struct sockaddr *)&v4));
	assert_false(proxies_have(&p, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_read_in_any_pieces),
		cmocka_unit_test(what_comes_behind_is_no_part_of_it),
		cmocka_unit_test(what_is_none_is_found_out),
		cmocka_unit_test(a_line_has_an_end),
		cmocka_unit_test(bytes_have_a_cap),
		cmocka_unit_test(its_beginning_is_known),
		cmocka_unit_test(only_those_that_are_listed_are_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
