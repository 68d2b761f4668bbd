#include "daemon/mx_health.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_bad(const json_t *f)
{
	return str_starts(text_of(f, "id"), "smtp.") &&
	       streq(text_of(f, "severity"), "error");
}

/* Evidence that it is well; or, that there is no mail that could be lost. */
static bool is_well(const char *id)
{
	return streq(id, "smtp.ok") || streq(id, "mx.null");
}

static bool is_untested(const char *id)
{
	static const char *const ids[] = {
		"smtp.unreachable", "smtp.refused",	"smtp.not-tested",
		"smtp.untested",    "mx.not-tested",	"mx.unusable",
		"mx.timeout",	    "mx.server-failed", "mx.host-timeout",
		"mx.host-failed",   "mx.private",	"mx.missing",
		"mx.no-address",    "mx.bad-name",
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (streq(id, ids[i]))
			return true;
	return false;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ' ') &&
		    (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

/* A host that has several addresses may be found bad at each. */
static void name_other(struct mx_verdict *out, const char *host)
{
	size_t used = strlen(out->others);

	if (!*host || streq(host, out->first) || has_word(out->others, host) ||
	    used + 1 + strlen(host) >= sizeof(out->others))
		return;
	snprintf(out->others + used, sizeof(out->others) - used, "%s%s",
		 used ? " " : "", host);
}

static void take_bad(const json_t *f, struct mx_verdict *out)
{
	if (out->bad++) {
		name_other(out, text_of(f, "mx"));
		return;
	}
	str_copy(out->text, sizeof(out->text), text_of(f, "text"));
	str_copy(out->todo, sizeof(out->todo), text_of(f, "todo"));
	str_copy(out->first, sizeof(out->first), text_of(f, "mx"));
	out->is = MX_BAD;
}

static void take(const json_t *f, struct mx_verdict *out, bool *is_sure)
{
	if (is_well(text_of(f, "id")) && out->is == MX_UNTESTED)
		out->is = MX_WELL;
	*is_sure = *is_sure && !is_untested(text_of(f, "id"));
	if (is_bad(f))
		take_bad(f, out);
}

void mx_health_of(const char *findings, struct mx_verdict *out)
{
	json_t *list = json_loads(findings, 0, NULL), *one;
	bool is_sure = true;
	size_t i;

	*out = (struct mx_verdict){ .is = MX_UNTESTED };
	json_array_foreach(list, i, one)
	{
		take(one, out, &is_sure);
	}
	if (out->is == MX_WELL && !is_sure)
		out->is = MX_UNTESTED;
	json_decref(list);
}
