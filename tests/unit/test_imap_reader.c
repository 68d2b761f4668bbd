#include "cli/imap_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define ROOM 64
#define SIXTY_FIVE                                                             \
	"0123456789abcde\n0123456789abcde\n0123456789abcde\n0123456789abcde\n" \
	"x"

/* Responses as "line|", a literal as "line<literal>|", "!" where it breaks. */
static const struct {
	const char *text, *seen;
} cases[] = {
	{ "", "" },
	{ "* OK hi\r\n", "* OK hi|" },
	{ "* OK hi\n* BYE\r\n\r\n", "* OK hi|* BYE||" },
	{ "* OK not yet", "" },
	{ "* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\nM1 OK\r\n",
	  "* 1 FETCH (BODY[] {5})<ab\r\nc>|M1 OK|" },
	/* A message that plays the server. */
	{ "* 1 FETCH (BODY[] {14}\r\nM1 OK x\r\n)\r\nM\r\n)\r\nM1 OK\r\n",
	  "* 1 FETCH (BODY[] {14}<M1 OK x\r\n)\r\nM\r>|)|M1 OK|" },
	{ "* 1 FETCH (BODY[] {0}\r\n UID 7)\r\n",
	  "* 1 FETCH (BODY[] {0} UID 7)<>|" },
	{ "* LIST () NIL {2}\r\n{9\r\n* OK\r\n",
	  "* LIST () NIL {2}<{9>|* OK|" },
	{ "* 1 FETCH (A {1}\r\nx B {2}\r\nyz)\r\n",
	  "* 1 FETCH (A {1} B {2})<yz>|" },
	{ "* 1 FETCH (BODY[] {64}\r\n", "" },
	{ "* 1 FETCH (BODY[] {65}\r\n", "" },
	{ "* 1 FETCH (BODY[] {65}\r\n" SIXTY_FIVE " UID 7)\r\nM1 OK\r\n",
	  "* 1 FETCH (BODY[] {65} UID 7)<too large>|M1 OK|" },
	{ "* 1 FETCH (BODY[] {99999999999999999999}\r\n",
	  "* 1 FETCH (BODY[] {99999999999999999999}|" },
	{ "* NO {x}\r\n* NO {}\r\n* NO }\r\n", "* NO {x}|* NO {}|* NO }|" },
};

static void read_all(const char *text, size_t step, struct buf *seen)
{
	struct imap_reader r;
	struct err err = ERR_INIT;
	enum imap_step got;
	size_t left = strlen(text);

	imap_reader_init(&r, ROOM);
	while ((got = imap_reader_next(&r, &err)) != IMAP_BROKEN) {
		size_t n = left < step ? left : step;

		if (got == IMAP_RESPONSE) {
			buf_puts(seen, r.line.data);
			if (r.has_literal)
				buf_printf(seen, "<%s>",
					   r.is_too_large ? "too large"
							  : r.literal.data);
			buf_puts(seen, "|");
			continue;
		}
		if (!n)
			break;
		imap_reader_feed(&r, text, n);
		text += n;
		left -= n;
	}
	if (got == IMAP_BROKEN)
		buf_puts(seen, "!");
	imap_reader_release(&r);
}

/* The same, in whatever pieces it comes. */
static void responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step <= 40; step++) {
			struct buf seen;

			buf_init(&seen, 1000);
			read_all(cases[i].text, step, &seen);
			print_message("%zu: %s\n", step, cases[i].text);
			assert_string_equal(seen.data, cases[i].seen);
			buf_release(&seen);
		}
	}
}

static void a_line_has_an_end(void **state)
{
	struct err err = ERR_INIT;
	struct imap_reader r;
	char piece[4096];
	size_t fed = 0;

	(void)state;
	memset(piece, 'a', sizeof(piece));
	imap_reader_init(&r, ROOM);
	while (imap_reader_next(&r, &err) == IMAP_MORE) {
		assert_true(fed <= IMAP_LINE_MAX);
		imap_reader_feed(&r, piece, sizeof(piece));
		fed += sizeof(piece);
	}
	assert_non_null(strstr(err.text, "without an end"));
	imap_reader_release(&r);
}

static const struct {
	const char *line, *word;
	long number; /* -1: there is none */
} numbers[] = {
	{ "3 FETCH (UID 17 RFC822.SIZE 9)", "UID", 17 },
	{ "3 FETCH (UID 17 RFC822.SIZE 9)", "rfc822.size", 9 },
	{ "3 FETCH (RFC822.SIZE 9 UID 17)", "UID", 17 },
	{ "OK [UIDVALIDITY 1795874712] x", "UIDVALIDITY", 1795874712 },
	{ "OK [UIDVALIDITY 1] x", "UID", -1 },
	{ "3 FETCH (XUID 4 UID 5)", "UID", 5 },
	{ "3 FETCH (UID x)", "UID", -1 },
	{ "3 FETCH (UID 99999999999)", "UID", -1 },
	{ "", "UID", -1 },
};

static void numbers_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		long number = -1;

		print_message("%s\n", numbers[i].line);
		assert_int_equal(
			imap_number(numbers[i].line, numbers[i].word, &number),
			numbers[i].number >= 0);
		assert_int_equal(number, numbers[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses),
		cmocka_unit_test(a_line_has_an_end),
		cmocka_unit_test(numbers_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
