/* Answers, right and wrong, in one piece and byte by byte. */
#include "tests/bench/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: "

static const struct {
	const char *text;
	enum reply_state state;
	int status;
	const char *body;
} cases[] = {
	{ HEAD "5\r\n\r\nhello", REPLY_WHOLE, 200, "hello" },
	{ "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", REPLY_WHOLE,
	  404, "no" },
	{ "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length:0\r\n\r\n",
	  REPLY_WHOLE, 200, "" },
	{ HEAD "5\r\n\r\nhell", REPLY_PART, 200, NULL },
	{ HEAD "5\r\n", REPLY_PART, 0, NULL },
	{ HEAD "5\r\n\r\nhello!", REPLY_BROKEN, 200, NULL },
	{ "HTTP/1.1 200 OK\r\n\r\n", REPLY_BROKEN, 0, NULL },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", REPLY_BROKEN, 0,
	  NULL },
	{ "ICY 200 OK\r\nContent-Length: 0\r\n\r\n", REPLY_BROKEN, 0, NULL },
	{ "HTTP/1.1 200 OK\r\nX: y\r\n\r\nContent-Length: 1\r\n", REPLY_BROKEN,
	  0, NULL },
};

static enum reply_state feed(struct reply *r, const char *text, size_t piece)
{
	enum reply_state state = REPLY_PART;

	for (size_t len = strlen(text), n; len; text += n, len -= n) {
		size_t room;
		char *to = reply_room(r, &room);

		n = len < piece ? len : piece;
		assert_true(n <= room);
		memcpy(to, text, n);
		state = reply_add(r, n);
		if (state == REPLY_BROKEN)
			break;
	}
	return state;
}

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece <= 4096; piece *= 16) {
			struct reply r = { .len = 0 };

			print_message("%zu, %zu bytes at once\n", i, piece);
			assert_int_equal(feed(&r, cases[i].text, piece),
					 cases[i].state);
			assert_int_equal(r.status, cases[i].status);
			if (cases[i].body)
				assert_true(reply_says(&r, cases[i].body, ""));
		}
}

static const struct {
	const char *body, *text;
	bool is_it;
} bodies[] = {
	{ "mx: a.test\r\n", "mx: {host}\r\n", true },
	{ "a.test a.test", "{host} {host}", true },
	{ "plain", "plain", true },
	{ "mx: b.test\r\n", "mx: {host}\r\n", false },
	{ "mx: a.test\r\n\n", "mx: {host}\r\n", false },
	{ "mx: a.test\r", "mx: {host}\r\n", false },
	{ "", "mx: {host}\r\n", false },
	{ "a.tes", "{host}", false },
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		char *text = xasprintf(HEAD "%zu\r\n\r\n%s",
				       strlen(bodies[i].body), bodies[i].body);
		struct reply r = { .len = 0 };

		print_message("%zu\n", i);
		assert_int_equal(feed(&r, text, 4096), REPLY_WHOLE);
		assert_int_equal(reply_says(&r, bodies[i].text, "a.test"),
				 bodies[i].is_it);
		free(text);
	}
}

static void test_nothing_is_left_for_the_next(void **state)
{
	struct reply r = { .len = 0 };

	(void)state;
	assert_false(reply_says(&r, "", ""));
	assert_int_equal(feed(&r, cases[0].text, 4096), REPLY_WHOLE);
	reply_clear(&r);
	assert_int_equal(feed(&r, cases[1].text, 4096), REPLY_WHOLE);
	assert_int_equal(r.status, 404);
}

static void test_there_is_an_end_to_room(void **state)
{
	struct reply r = { .len = 0 };
	size_t room, before = SIZE_MAX;

	(void)state;
	for (char *to; to = reply_room(&r, &room), room; before = room) {
		assert_true(room < before);
		*to = 'x';
		assert_int_equal(reply_add(&r, 1), REPLY_PART);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_nothing_is_left_for_the_next),
		cmocka_unit_test(test_there_is_an_end_to_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
