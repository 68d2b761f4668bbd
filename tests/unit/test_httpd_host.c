#include "httpd/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define L10 "abcdefghij"
#define L50 L10 L10 L10 L10 L10
#define L253 L50 "." L50 "." L50 "." L50 "." L10 L10 L10 L10 "abcdefghi"

/* NULL: no host. */
static const struct {
	const char *value, *host;
} headers[] = {
	{ "mta-sts.example.org", "mta-sts.example.org" },
	{ "MTA-STS.Example.ORG", "mta-sts.example.org" },
	{ "mta-sts.example.org.", "mta-sts.example.org" },
	{ "mta-sts.example.org:443", "mta-sts.example.org" },
	{ "mta-sts.example.org.:8443", "mta-sts.example.org" },
	{ "192.0.2.1:80", "192.0.2.1" },
	{ L253, L253 },
	{ "a" L253, NULL },
	{ "", NULL },
	{ ".", NULL },
	{ ":80", NULL },
	{ "a.b:", NULL },
	{ "a.b:http", NULL },
	{ "a.b:65536", NULL },
	{ "a.b:1:2", NULL },
	{ "a.b..", "a.b." },	/* a name, though nobody's */
	{ "[2001:db8::1]:80", NULL },
	{ "a.b/c", NULL },
	{ "a b", NULL },
	{ "a.b\r\nX: y", NULL },
	{ "m\xc3\xbcnchen.de", NULL },
	{ "user@a.b", NULL },
	{ "%61.b", NULL },
};

static void host_headers(void **state)
{
	char out[DOMAIN_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		const char *host = headers[i].host;

		print_message("\"%s\"\n", headers[i].value);
		memset(out, 'x', sizeof(out));
		assert_int_equal(host_of_header(headers[i].value, out),
				 host != NULL);
		assert_string_equal(out, host ? host : "");
	}
}

#define EXT(bytes) (const unsigned char *)(bytes), sizeof(bytes) - 1

static const struct {
	const char *what;
	const unsigned char *ext;
	size_t len;
	const char *host;
} snis[] = {
	{ "a name", EXT("\0\6\0\0\3a.b"), "a.b" },
	{ "upper case", EXT("\0\6\0\0\3A.B"), "a.b" },
	{ "trailing dot", EXT("\0\7\0\0\4a.b."), "a.b" },
	{ "nothing", EXT(""), NULL },
	{ "cut in the head", EXT("\0\6\0\0"), NULL },
	{ "empty name", EXT("\0\3\0\0\0"), NULL },
	{ "list too long", EXT("\0\7\0\0\3a.b"), NULL },
	{ "list too short", EXT("\0\5\0\0\3a.b"), NULL },
	{ "name too long", EXT("\0\6\0\0\4a.b"), NULL },
	{ "name too short", EXT("\0\6\0\0\2a.b"), NULL },
	{ "two names", EXT("\0\14\0\0\3a.b\0\0\3c.d"), NULL },
	{ "another type", EXT("\0\6\1\0\3a.b"), NULL },
	{ "a NUL in it", EXT("\0\6\0\0\3a\0b"), NULL },
	{ "length 65535", EXT("\377\377\0\377\377a.b"), NULL },
};

static void server_name_extensions(void **state)
{
	char out[DOMAIN_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(snis); i++) {
		/* In memory of just its size: reading on would be noticed. */
		unsigned char *ext = xmemdup(snis[i].ext, snis[i].len);
		const char *host = snis[i].host;

		print_message("%s\n", snis[i].what);
		assert_int_equal(host_of_sni(ext, snis[i].len, out),
				 host != NULL);
		assert_string_equal(out, host ? host : "");
		free(ext);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_headers),
		cmocka_unit_test(server_name_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
