#include "cli/fleet_entry.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/say.h"
#include "cli/words.h"
#include "policy/domain_name.h"

#define BLANKS	" \t\r\n"
#define BETWEEN BLANKS ";," /* the entries of a list */

enum form {
	FORM_TEXT,
	FORM_LIST,
	FORM_AGE, /* seconds, or a duration such as 7d */
	FORM_YES  /* yes or no; true or false in JSON */
};

static const struct column {
	const char *name;
	enum form form;
	bool may_be_none; /* an empty cell says so */
} columns[] = {
	{ "name", FORM_TEXT, false },	 { "mx", FORM_LIST, false },
	{ "preset", FORM_TEXT, false },	 { "mode", FORM_TEXT, false },
	{ "max_age", FORM_AGE, false },	 { "label", FORM_TEXT, true },
	{ "rua", FORM_LIST, true },	 { "track_mx", FORM_YES, false },
	{ "template", FORM_TEXT, true },
};

static bool unknown(const char *what, const char *word, struct err *err)
{
	const char *names[ARRAY_LEN(columns)], *nearest;
	char *shown = str_quoted(word, 40);

	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		names[i] = columns[i].name;
	nearest = words_nearest(word, names, ARRAY_LEN(columns));
	err_set(err, ERR_INPUT, "unknown %s %s", what, shown);
	free(shown);
	if (nearest)
		return err_hint(err, "did you mean %s?", nearest);
	return err_hint(err, "there are name, mx, preset, mode, max_age, "
			     "label, rua, track_mx and template");
}

/* ARRAY_LEN(columns): there is none. */
static size_t column_named(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(columns) && !streq_case(columns[i].name, name))
		i++;
	return i;
}

/* ---- forms ---- */

static char *trimmed(const char *text)
{
	size_t len;

	text += strspn(text, BLANKS);
	len = strlen(text);
	while (len && strchr(BLANKS, text[len - 1]))
		len--;
	return xstrndup(text, len);
}

static bool not_utf8(const char *name, struct err *err)
{
	err_set(err, ERR_INPUT, "%s is not UTF-8", name);
	return err_hint(err, "save the file as UTF-8 text");
}

static json_t *list_of(const char *text)
{
	json_t *list = json_array();

	while (*(text += strspn(text, BETWEEN))) {
		size_t len = strcspn(text, BETWEEN);

		json_array_append_new(list, json_stringn(text, len));
		text += len;
	}
	return list;
}

static json_t *age_of(const char *text, struct err *err)
{
	long seconds;

	if (str_to_long(text, strlen(text), LONG_MAX, &seconds) ||
	    duration_parse(text, &seconds, err))
		return json_integer(seconds);
	err_prefix(err, "max_age");
	return NULL;
}

/* From text. NULL with err, or without: nothing is said. */
static json_t *value_of(const struct column *c, const char *text,
			struct err *err)
{
	json_t *utf8 = json_string(text);

	json_decref(utf8);
	if (!utf8) {
		not_utf8(c->name, err);
		return NULL;
	}
	if (!text[strspn(text, BLANKS)] && !c->may_be_none)
		return NULL;
	switch (c->form) {
	case FORM_TEXT:
	case FORM_YES:
		return json_string(text);
	case FORM_LIST:
		return list_of(text);
	case FORM_AGE:
		return age_of(text, err);
	}
	return NULL;
}

static bool is_list(const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach(value, i, item)
	{
		if (!json_is_string(item))
			return false;
	}
	return json_is_array(value);
}

static bool fits(const struct column *c, const json_t *value)
{
	if (c->form == FORM_LIST)
		return is_list(value);
	return c->form == FORM_AGE && json_is_integer(value) &&
	       json_integer_value(value) >= 0;
}

/* From JSON: as it is, or as text. */
static bool read_value(const struct column *c, json_t *value, json_t *entry,
		       struct err *err)
{
	static const char *const wanted[] = {
		[FORM_TEXT] = "a text",
		[FORM_LIST] = "a list of texts, or one",
		[FORM_AGE] = "a number of seconds, or a text such as 7d",
		[FORM_YES] = "true or false",
	};

	if (json_is_null(value))
		return true;
	if (c->form == FORM_YES && json_is_boolean(value))
		value = json_string(json_is_true(value) ? "yes" : "no");
	else if (json_is_string(value))
		value = value_of(c, json_string_value(value), err);
	else if (fits(c, value))
		json_incref(value);
	else
		return err_set(err, ERR_INPUT, "%s must be %s", c->name,
			       wanted[c->form]);
	if (value)
		json_object_set_new(entry, c->name, value);
	return err->kind == ERR_NONE;
}

/* ---- whole entries ---- */

/* The name in its one form; what else was wrong is told with it. */
static json_t *checked(json_t *entry, struct err *err)
{
	const char *given = json_string_value(json_object_get(entry, "name"));
	char name[DOMAIN_NAME_SIZE];
	struct err why = ERR_INIT;
	bool ok;

	if (!given)
		ok = err->kind == ERR_NONE &&
		     err_set(err, ERR_INPUT, "it names no domain");
	else if (!domain_name_normalise(given, name, &why))
		ok = false;
	else
		ok = err->kind == ERR_NONE || err_prefix(err, "%s", name);
	if (why.kind != ERR_NONE)
		*err = why;
	if (ok) {
		json_object_set_new(entry, "name", json_string(name));
		return entry;
	}
	json_decref(entry);
	return NULL;
}

static bool read_cell(const struct column *c, const char *cell, bool is_exact,
		      json_t *entry, struct err *err)
{
	char *text = is_exact ? xstrdup(cell) : trimmed(cell);
	json_t *value = value_of(c, text, err);

	free(text);
	if (value)
		json_object_set_new(entry, c->name, value);
	return err->kind == ERR_NONE;
}

json_t *fleet_entry_from_csv(const struct fleet_header *h,
			     const struct csv *record, struct err *err)
{
	json_t *entry;
	bool ok = true;

	if (record->count != h->count) {
		err_set(err, ERR_INPUT,
			"it has %zu field%s, and the header "
			"names %zu",
			record->count, record->count == 1 ? "" : "s", h->count);
		err_hint(err, "a field with a comma in it stands in quotation "
			      "marks");
		return NULL;
	}
	entry = json_object();
	for (size_t i = 0; i < h->count && ok; i++)
		ok = read_cell(&columns[h->column[i]], record->field[i],
			       record->quoted >> i & 1, entry, err);
	return checked(entry, err);
}

json_t *fleet_entry_from_json(const json_t *object, struct err *err)
{
	json_t *entry, *value;
	const char *key;
	bool ok = true;

	if (!json_is_object(object)) {
		err_set(err, ERR_INPUT, "it is no object");
		err_hint(err, "such as {\"name\": \"example.org\", \"mx\": "
			      "[\"mx.example.org\"]}");
		return NULL;
	}
	entry = json_object();
	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = column_named(key);

		ok = i < ARRAY_LEN(columns) && streq(columns[i].name, key)
			     ? read_value(&columns[i], value, entry, err)
			     : unknown("field", key, err);
		if (!ok)
			break;
	}
	return checked(entry, err);
}

/* ---- the header ---- */

static bool known_column(const char *name, size_t *column, struct err *err)
{
	*column = column_named(name);
	if (*column < ARRAY_LEN(columns))
		return true;
	unknown("column", name, err);
	if (strchr(name, ';') || strchr(name, '\t'))
		err_hint(err, "columns are separated by commas");
	return false;
}

static bool add_column(struct fleet_header *h, const char *name, bool *has,
		       struct err *err)
{
	size_t column;

	if (!known_column(name, &column, err))
		return false;
	if (has[column])
		return err_set(err, ERR_INPUT, "there are two columns %s",
			       name);
	has[column] = true;
	h->column[h->count++] = (unsigned char)column;
	return true;
}

bool fleet_header_read(struct fleet_header *h, const struct csv *record,
		       struct err *err)
{
	bool has[ARRAY_LEN(columns)] = { false }, ok = true;

	*h = (struct fleet_header){ .count = 0 };
	for (size_t i = 0; i < record->count && ok; i++) {
		char *name = trimmed(record->field[i]);

		ok = add_column(h, name, has, err);
		free(name);
	}
	if (!ok || has[0])
		return ok || err_prefix(err, "the header");
	err_set(err, ERR_INPUT, "the header has no column name");
	return err_hint(err, "the first line says what the columns are, such "
			     "as name,mx,label");
}

/* ---- writing ---- */

/* What is its template's is not said: the template says it. */
static bool is_own(const json_t *domain, const char *field)
{
	const json_t *own = value_at(domain, "own"), *one;
	size_t i;

	json_array_foreach(own, i, one)
	{
		if (streq(json_string_value(one), field))
			return true;
	}
	return !json_is_array(own);
}

json_t *fleet_entry_of_domain(const json_t *domain)
{
	static const struct {
		const char *field, *from;
		bool may_be_templates;
	} fields[] = {
		{ "name", "name", false },
		{ "mx", "policy.mx", true },
		{ "mode", "policy.mode", false },
		{ "max_age", "policy.max_age", true },
		{ "label", "label", false },
		{ "rua", "rua", false },
		{ "track_mx", "track_mx", false },
	};
	json_t *entry = json_object();

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const json_t *value = value_at(domain, fields[i].from);

		if (value && (!fields[i].may_be_templates ||
			      is_own(domain, fields[i].field)))
			json_object_set(entry, fields[i].field,
					(json_t *)value);
	}
	json_object_set_new(entry, "template",
			    json_string(text_at(domain, "template")));
	return entry;
}

/* An export has no presets: the hosts are there. */
static const char *const written[] = { "name",	"mx",  "mode",	   "max_age",
				       "label", "rua", "track_mx", "template" };

void fleet_entry_csv_header(FILE *to)
{
	for (size_t i = 0; i < ARRAY_LEN(written); i++)
		fprintf(to, "%s%s", i ? "," : "", written[i]);
	fputs("\r\n", to);
}

static char *cell_of(const json_t *value)
{
	char age[DURATION_TEXT];

	if (json_is_array(value)) {
		json_t *holder = json_pack("{s:O}", "x", value);
		char *text = joined_at(holder, "x", " ");

		json_decref(holder);
		return text;
	}
	if (json_is_integer(value))
		return xstrdup(
			duration_format((long)json_integer_value(value), age));
	if (json_is_boolean(value))
		return xstrdup(json_is_true(value) ? "yes" : "no");
	return xstrdup(json_is_string(value) ? json_string_value(value) : "");
}

void fleet_entry_csv_line(const json_t *entry, FILE *to)
{
	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		char *cell = cell_of(json_object_get(entry, written[i]));
		char *safe = csv_quoted(cell);

		fprintf(to, "%s%s", i ? "," : "", safe);
		free(cell);
		free(safe);
	}
	fputs("\r\n", to);
}
