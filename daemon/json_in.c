#include "daemon/json_in.h"

#include <limits.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const type_names[] = {
	[JSON_IN_TEXT] = "a string",
	[JSON_IN_BOOL] = "true or false",
	[JSON_IN_COUNT] = "a whole number, not negative",
	[JSON_IN_TEXTS] = "an array of strings",
};

/* The end of the string that starts at text[i], or len. */
static size_t skip_string(const char *text, size_t len, size_t i)
{
	for (i++; i < len && text[i] != '"'; i++)
		if (text[i] == '\\')
			i++;
	return i;
}

/* An upper bound of what a tree of it would hold; the parser judges later. */
static bool is_modest(const char *text, size_t len)
{
	size_t values = 0, depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '"')
			i = skip_string(text, len, i);
		else if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth)
			depth--;
		if (c == '[' || c == '{' || c == ',')
			values++;
		if (depth > JSON_IN_DEPTH_MAX || values > JSON_IN_VALUES_MAX)
			return false;
	}
	return true;
}

json_t *json_in_parse(const char *text, size_t len, struct err *err)
{
	json_error_t where;
	json_t *object;

	if (!len)
		return json_object();
	if (!is_modest(text, len)) {
		err_set(err, ERR_INPUT, "the JSON is nested too deep or holds "
					"too many values");
		return NULL;
	}
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!object) {
		char *what = str_printable(where.text, sizeof(where.text));

		err_set(err, ERR_INPUT, "not JSON: line %d: %s", where.line,
			what);
		free(what);
		return NULL;
	}
	if (json_is_object(object))
		return object;
	json_decref(object);
	err_set(err, ERR_INPUT, "a JSON object is expected");
	return NULL;
}

static bool is_texts(const json_t *value)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, item) {
		if (!json_is_string(item))
			return false;
	}
	return true;
}

static bool is_count(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 &&
	       json_integer_value(value) <= LONG_MAX;
}

/* False if the value is of another type. */
static bool read_value(const json_t *value, enum json_in_type type, void *to)
{
	switch (type) {
	case JSON_IN_TEXT:
		*(const char **)to = json_string_value(value);
		return json_is_string(value);
	case JSON_IN_BOOL:
		*(bool *)to = json_is_true(value);
		return json_is_boolean(value);
	case JSON_IN_COUNT:
		*(long *)to = (long)json_integer_value(value);
		return is_count(value);
	case JSON_IN_TEXTS:
		*(const json_t **)to = value;
		return is_texts(value);
	}
	return false;
}

static bool names_hint(const struct json_in_field *fields, size_t count,
		       struct err *err)
{
	struct buf names;

	buf_init(&names, sizeof(err->hint) - 32);
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", fields[i].name);
	err_hint(err, "fields here: %s", count ? names.data : "none");
	buf_release(&names);
	return false;
}

static bool all_known(const json_t *object, const struct json_in_field *fields,
		      size_t count, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		size_t i = 0;
		char *name;

		while (i < count && !streq(fields[i].name, key))
			i++;
		if (i < count)
			continue;
		name = str_printable(key, 64);
		err_set(err, ERR_INPUT, "unknown field \"%s\"", name);
		free(name);
		return names_hint(fields, count, err);
	}
	return true;
}

bool json_in_read(const json_t *object, const struct json_in_field *fields,
		  size_t count, void *out, struct err *err)
{
	if (!all_known(object, fields, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct json_in_field *f = &fields[i];
		const json_t *value = json_object_get(object, f->name);

		if (!value && f->required)
			return err_set(err, ERR_INPUT, "\"%s\" is missing",
				       f->name);
		if (value &&
		    !read_value(value, f->type, (char *)out + f->offset))
			return err_set(err, ERR_INPUT, "\"%s\" must be %s",
				       f->name, type_names[f->type]);
	}
	return true;
}
