/*
 * What a client of the admin API sends, read strictly.
 *
 * A request's fields are a table: name, type, and where the value goes. A
 * field that the table does not know, a value of another type, a key given
 * twice: each is refused by name, so that a misspelt setting never passes for
 * one that was not given. Text is counted before a tree is built of it, for
 * a megabyte of brackets would become seventy of memory.
 *
 * No I/O. Any thread.
 */
#ifndef DAEMON_JSON_IN_H
#define DAEMON_JSON_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define JSON_IN_DEPTH_MAX  8
#define JSON_IN_VALUES_MAX 20000	/* values, about */

/* An object, or ERR_INPUT. Empty text is an empty object. Caller decrefs. */
json_t *json_in_parse(const char *text, size_t len, struct err *err);

enum json_in_type {
	JSON_IN_TEXT,	/* const char *, borrowed from the object */
	JSON_IN_BOOL,	/* bool */
	JSON_IN_COUNT,	/* long: a whole number from 0 up */
	JSON_IN_TEXTS	/* const json_t *: an array that holds strings only */
};

struct json_in_field {
	const char *name;
	enum json_in_type type;
	size_t offset;		/* of the value in the caller's struct */
	bool required;
};

/* Fields that are absent leave their place in *out as it was. */
bool json_in_read(const json_t *object, const struct json_in_field *fields,
		  size_t count, void *out, struct err *err);

#endif
