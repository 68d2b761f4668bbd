#include "daemon/json_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct {
	const char *text;
	const char *error;	/* contained in it; NULL: it is an object */
} texts[] = {
	{ "", NULL },
	{ "{}", NULL },
	{ " { \"a\" : [ 1, \"]\\\"{[\" ] } ", NULL },
	{ "{\"a\":[[[[[[[1]]]]]]]}", NULL },
	{ "{\"a\":[[[[[[[[1]]]]]]]]}", "too deep" },
	{ "[[[[[[[[[", "too deep" },
	{ "{", "not JSON" },
	{ "{\"a", "not JSON" },
	{ "{\"a\\", "not JSON" },
	{ "]]]]", "not JSON" },
	{ "{} {}", "not JSON" },
	{ "{'a': 1}", "not JSON" },
	{ "{\"a\": \"\xff\"}", "not JSON" },
	{ "{\"a\": \"\\u0000\"}", "not JSON" },
	{ "{\"a\": 1, \"a\": 2}", "not JSON" },
	{ "[]", "a JSON object" },
	{ "1", "not JSON" },
	{ "null", "not JSON" },
};

static void only_modest_objects_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct err err = ERR_INIT;
		json_t *got = json_in_parse(texts[i].text,
					    strlen(texts[i].text), &err);

		print_message("%zu: %s\n", i, err.text);
		assert_int_equal(got != NULL, texts[i].error == NULL);
		if (texts[i].error) {
			assert_int_equal(err.kind, ERR_INPUT);
			assert_non_null(strstr(err.text, texts[i].error));
		}
		json_decref(got);
	}
}

/* A megabyte of brackets must not become a hundred of memory. */
static void a_flood_of_values_is_refused(void **state)
{
	size_t len = 3UL * (JSON_IN_VALUES_MAX + 1);
	char *text = xmalloc(len);
	const char flood[3] = { '[', ']', ',' };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < len; i += sizeof(flood))
		memcpy(text + i, flood, sizeof(flood));
	assert_null(json_in_parse(text, len, &err));
	assert_non_null(strstr(err.text, "too many values"));
	free(text);
}

struct input {
	const char *name;
	bool flag;
	long count;
	const json_t *list;
};

static const struct json_in_field fields[] = {
	{ "name", JSON_IN_TEXT, offsetof(struct input, name), true },
	{ "flag", JSON_IN_BOOL, offsetof(struct input, flag), false },
	{ "count", JSON_IN_COUNT, offsetof(struct input, count), false },
	{ "list", JSON_IN_TEXTS, offsetof(struct input, list), false },
};

static const struct {
	const char *json;
	const char *error;	/* NULL: accepted */
} objects[] = {
	{ "{\"name\":\"x\"}", NULL },
	{ "{\"name\":\"\",\"flag\":false,\"count\":0,\"list\":[]}", NULL },
	{ "{\"name\":\"x\",\"count\":9223372036854775807}", NULL },
	{ "{}", "\"name\" is missing" },
	{ "{\"Name\":\"x\"}", "unknown field \"Name\"" },
	{ "{\"name\":\"x\",\"nmae\":\"y\"}", "unknown field \"nmae\"" },
	{ "{\"name\":\"x\",\"e\\u001b[\":1}", "unknown field \"e\\x1b[\"" },
	{ "{\"name\":1}", "\"name\" must be a string" },
	{ "{\"name\":null}", "\"name\" must be a string" },
	{ "{\"name\":\"x\",\"flag\":1}", "\"flag\" must be true or false" },
	{ "{\"name\":\"x\",\"flag\":\"true\"}", "\"flag\" must be true" },
	{ "{\"name\":\"x\",\"count\":-1}", "\"count\" must be a whole" },
	{ "{\"name\":\"x\",\"count\":1.0}", "\"count\" must be a whole" },
	{ "{\"name\":\"x\",\"count\":\"1\"}", "\"count\" must be a whole" },
	{ "{\"name\":\"x\",\"list\":\"a\"}", "\"list\" must be an array" },
	{ "{\"name\":\"x\",\"list\":[\"a\",1]}", "\"list\" must be an array" },
	{ "{\"name\":\"x\",\"list\":{}}", "\"list\" must be an array" },
};

static void fields_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		struct input in = { .count = -1 };
		struct err err = ERR_INIT;
		json_t *object = json_in_parse(objects[i].json,
					       strlen(objects[i].json), &err);
		bool ok = json_in_read(object, fields, ARRAY_LEN(fields), &in,
				       &err);

		print_message("%s\n", objects[i].json);
		assert_int_equal(ok, objects[i].error == NULL);
		if (objects[i].error) {
			assert_int_equal(err.kind, ERR_INPUT);
			assert_non_null(strstr(err.text, objects[i].error));
		}
		json_decref(object);
	}
}

static void values_arrive_and_absent_ones_stay(void **state)
{
	json_t *all = json_pack("{s:s, s:b, s:i, s:[s]}", "name", "x", "flag",
				1, "count", 7, "list", "a");
	json_t *one = json_pack("{s:s}", "name", "y");
	struct input in = { .count = -1 };

	(void)state;
	assert_true(json_in_read(one, fields, ARRAY_LEN(fields), &in, NULL));
	assert_string_equal(in.name, "y");
	assert_false(in.flag);
	assert_int_equal(in.count, -1);
	assert_null(in.list);
	assert_true(json_in_read(all, fields, ARRAY_LEN(fields), &in, NULL));
	assert_true(in.flag);
	assert_int_equal(in.count, 7);
	assert_int_equal(json_array_size(in.list), 1);
	json_decref(all);
	json_decref(one);
}

static void the_hint_lists_the_fields(void **state)
{
	json_t *object = json_pack("{s:i}", "x", 1);
	struct err err = ERR_INIT;
	struct input in;

	(void)state;
	assert_false(json_in_read(object, fields, ARRAY_LEN(fields), &in,
				  &err));
	assert_string_equal(err.hint, "fields here: name, flag, count, list");
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_modest_objects_are_parsed),
		cmocka_unit_test(a_flood_of_values_is_refused),
		cmocka_unit_test(fields_are_read_strictly),
		cmocka_unit_test(values_arrive_and_absent_ones_stay),
		cmocka_unit_test(the_hint_lists_the_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
