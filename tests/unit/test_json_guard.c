/* The size of JSON, counted; and jansson's trees to compare it with. */
#include "base/json_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct json_size no_limit = { SIZE_MAX, SIZE_MAX, SIZE_MAX };

static const struct {
	const char *text;
	size_t values, containers, depth;
} sizes[] = {
	{ "1", 1, 0, 0 },
	{ "\"\"", 1, 0, 0 },
	{ "{}", 1, 1, 1 },
	{ "[]", 1, 1, 1 },
	{ " \t\r\n[ \t\r\n] \t\r\n", 1, 1, 1 },
	{ "[1,2.5,-3e7,true,false,null,\"x\"]", 8, 1, 1 },
	{ "[1 ,2\n,3\t,4\r]", 5, 1, 1 },
	{ "{\"a\":1}", 3, 1, 1 },
	{ "{\"a\":1,\"b\":[2]}", 6, 2, 2 },
	{ "[[],[],[[]]]", 5, 5, 3 },
	{ "[[[[]]]]", 4, 4, 4 },
	{ "{\"a\":{\"b\":{\"c\":null}}}", 7, 3, 3 },

	/* in strings nothing counts */
	{ "\"[[[{{{,,,:::\"", 1, 0, 0 },
	{ "[\"]\"]", 2, 1, 1 },
	{ "[\"\\\"[\"]", 2, 1, 1 },
	{ "[\"\\\\\",[]]", 3, 2, 2 },
	{ "[\"\\\\\\\"[\"]", 2, 1, 1 },
	{ "[\"\\u005b\"]", 2, 1, 1 },
	{ "[\"\xc3\xa9[\"]", 2, 1, 1 },

	/* no JSON, but no larger than it looks: the parser says so */
	{ "[1 2]", 3, 1, 1 },
	{ "[1\"a\"]", 3, 1, 1 },
	{ "[}", 1, 1, 1 },
	{ "nonsense, here", 2, 0, 0 },
	{ "[\x01\x80]", 2, 1, 1 },
};

static void values_containers_and_depth_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct json_size seen = { 99, 99, 99 };

		print_message("%s\n", sizes[i].text);
		assert_true(json_guard(sizes[i].text, strlen(sizes[i].text),
				       &no_limit, &seen, NULL));
		assert_int_equal(seen.values, sizes[i].values);
		assert_int_equal(seen.containers, sizes[i].containers);
		assert_int_equal(seen.depth, sizes[i].depth);
	}
}

static void a_limit_may_be_reached_and_not_passed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct json_size limit = { sizes[i].values, sizes[i].containers,
					   sizes[i].depth };
		size_t *const each[] = { &limit.values, &limit.containers,
					 &limit.depth };
		const char *text = sizes[i].text;
		struct err err = ERR_INIT;

		print_message("%s\n", text);
		assert_true(json_guard(text, strlen(text), &limit, NULL, &err));
		for (size_t k = 0; k < ARRAY_LEN(each); k++) {
			if (!*each[k])
				continue;
			--*each[k];
			assert_false(json_guard(text, strlen(text), &limit,
						NULL, &err));
			assert_int_equal(err.kind, ERR_REFUSED);
			++*each[k];
		}
	}
}

static const struct {
	const char *text;
	size_t values, containers, depth;
	const char *says;
} refusals[] = {
	{ "[1,2,3]", 3, 9, 9, "the JSON has more than 3 values" },
	{ "[[],[],[]]", 9, 3, 9,
	  "the JSON has more than 3 arrays and objects" },
	{ "[[[[]]]]", 9, 9, 3, "the JSON is nested deeper than 3" },
};

static void a_refusal_names_the_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct json_size limit = { refusals[i].values,
					   refusals[i].containers,
					   refusals[i].depth };
		struct err err = ERR_INIT;

		assert_false(json_guard(refusals[i].text,
					strlen(refusals[i].text), &limit, NULL,
					&err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_string_equal(err.text, refusals[i].says);
	}
}

static const struct {
	const char *text, *says;
} unended[] = {
	{ "", "the JSON is empty" },
	{ " \n", "the JSON is empty" },
	{ "[", "the JSON ends before what it has begun" },
	{ "[[]", "the JSON ends before what it has begun" },
	{ "{\"a\":", "the JSON ends before what it has begun" },
	{ "\"", "the JSON ends within a string" },
	{ "[\"a]", "the JSON ends within a string" },
	{ "\"a\\", "the JSON ends within a string" },
	{ "\"a\\\"", "the JSON ends within a string" },
	{ "]", "the JSON closes more than it opens" },
	{ "[]}", "the JSON closes more than it opens" },
};

static void what_does_not_end_is_no_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unended); i++) {
		/* On the heap, so that a read behind it is seen. */
		size_t len = strlen(unended[i].text);
		char *text = xmemdup(unended[i].text, len);
		struct err err = ERR_INIT;

		print_message("%s\n", unended[i].text);
		assert_false(json_guard(text, len, &no_limit, NULL, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, unended[i].says);
		free(text);
	}
}

#define LARGE 5000000

static void five_megabytes_of_arrays_cost_nothing(void **state)
{
	struct json_size limit = { 80000, 8000, 16 }, seen;
	char *text = xmalloc(LARGE);
	struct err err = ERR_INIT;

	(void)state;
	memset(text, '[', LARGE);
	assert_false(json_guard(text, LARGE, &limit, &seen, &err));
	assert_int_equal(seen.depth, 17); /* it looked no further */
	assert_false(json_guard(text, LARGE, &no_limit, &seen, &err));
	assert_int_equal(seen.depth, LARGE);
	free(text);
}

/* ---- jansson's opinion ---- */

static void measure(const json_t *value, size_t depth, struct json_size *size)
{
	const char *key;
	json_t *inner;
	size_t i;

	size->values++;
	if (!json_is_array(value) && !json_is_object(value))
		return;
	size->containers++;
	if (++depth > size->depth)
		size->depth = depth;
	json_array_foreach(value, i, inner)
	{
		measure(inner, depth, size);
	}
	json_object_foreach((json_t *)value, key, inner)
	{
		size->values++;
		measure(inner, depth, size);
	}
}

/* True if it was JSON. */
static bool agrees_with_jansson(const char *text, size_t len)
{
	json_t *tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
				  NULL);
	json_t *same = json_loadb(text, len,
				  JSON_DECODE_ANY | JSON_ALLOW_NUL |
					  JSON_REJECT_DUPLICATES,
				  NULL);
	struct json_size seen, real = { 0 };
	bool is_json = tree != NULL;

	if (json_guard(text, len, &no_limit, &seen, NULL) && tree) {
		measure(tree, 0, &real);
		assert_true(seen.values >= real.values);
		assert_int_equal(seen.values == real.values, same != NULL);
		assert_true(seen.containers >= real.containers);
		assert_true(seen.depth >= real.depth);
	} else {
		assert_null(tree); /* what it refuses nobody takes */
	}
	json_decref(tree);
	json_decref(same);
	return is_json;
}

static void it_counts_what_jansson_builds(void **state)
{
	static const char letters[] = "[[]]{{}},,::\"\"\"\\1a \n";
	unsigned seed = 20261128, json = 0;
	char text[16];

	(void)state;
	for (int n = 0; n < 400000; n++) {
		size_t len = (size_t)(rand_r(&seed) % (int)sizeof(text));

		for (size_t i = 0; i < len; i++)
			text[i] = letters[(size_t)rand_r(&seed) %
					  (sizeof(letters) - 1)];
		json += agrees_with_jansson(text, len);
	}
	print_message("%u of them JSON\n", json);
	assert_true(json > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_containers_and_depth_are_counted),
		cmocka_unit_test(a_limit_may_be_reached_and_not_passed),
		cmocka_unit_test(a_refusal_names_the_limit),
		cmocka_unit_test(what_does_not_end_is_no_json),
		cmocka_unit_test(five_megabytes_of_arrays_cost_nothing),
		cmocka_unit_test(it_counts_what_jansson_builds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
