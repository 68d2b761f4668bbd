#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/clean.h"

#define JOINED_MAX 65536

void say_failure(const char *name, const struct err *err)
{
	char *text = clean_text(err->text), *hint = clean_text(err->hint);
	char *safe = clean_text(name ? name : "");

	fflush(stdout);
	fprintf(stderr, "mtastsctl: ");
	if (*safe && !strstr(text, safe))
		fprintf(stderr, "%s: ", safe);
	fputs(text, stderr);
	if (*hint)
		fprintf(stderr, " (%s)", hint);
	fputc('\n', stderr);
	free(text);
	free(hint);
	free(safe);
}

void say_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT);
	putchar('\n');
}

const json_t *value_at(const json_t *value, const char *path)
{
	while (*path && value) {
		size_t len = strcspn(path, ".");
		char *key = xstrndup(path, len);

		value = json_object_get(value, key);
		free(key);
		path += len + (path[len] == '.');
	}
	return value;
}

const char *text_at(const json_t *value, const char *path)
{
	const char *text = json_string_value(value_at(value, path));

	return text ? text : "";
}

char *joined_at(const json_t *value, const char *path, const char *separator)
{
	const json_t *list = value_at(value, path), *item;
	struct buf b;
	char *text;
	size_t i;

	buf_init(&b, JOINED_MAX);
	json_array_foreach(list, i, item) {
		if (json_is_string(item))
			buf_printf(&b, "%s%s", i ? separator : "",
				   json_string_value(item));
	}
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

long age_at(const json_t *value, const char *path, time_t now)
{
	time_t at;

	return instant_parse(text_at(value, path), &at) ? (long)(now - at) : 0;
}

const char *when_at(const json_t *value, const char *path, time_t now,
		    char out[static WHEN_TEXT])
{
	const char *text = text_at(value, path);
	long age = age_at(value, path, now);
	char rough[DURATION_TEXT];

	duration_rough(labs(age), rough);
	if (!*text)
		out[0] = '\0';
	else if (age >= 0)
		snprintf(out, WHEN_TEXT, "%.30s (%s ago)", text, rough);
	else
		snprintf(out, WHEN_TEXT, "%.30s (in %s)", text, rough);
	return out;
}

char *title_of(const json_t *domain)
{
	const char *name = text_at(domain, "name");
	const char *display = text_at(domain, "display");

	if (!*display || streq(name, display))
		return xstrdup(name);
	return xasprintf("%s (%s)", display, name);
}

/* What waits for a hand that publishes, not for this box. */
static bool is_seen_in_dns(const char *id)
{
	static const char *const kinds[] = { "txt.", "id.", "host.", "mx." };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_starts(id, kinds[i]))
			return true;
	return false;
}

const json_t *own_trouble(const json_t *domain)
{
	const json_t *list = value_at(domain, "findings"), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (!is_seen_in_dns(text_at(one, "id")))
			return one;
	}
	return NULL;
}
