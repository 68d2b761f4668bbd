#include "base/json_guard.h"

struct scan {
	const char *at, *end;
	size_t depth;
	struct json_size size;
};

/* Over the string that begins here. False: it does not end. */
static bool take_string(struct scan *s)
{
	for (s->at++; s->at < s->end; s->at++) {
		if (*s->at == '"') {
			s->at++;
			return true;
		}
		if (*s->at == '\\' && s->at + 1 < s->end)
			s->at++;
	}
	return false;
}

static bool is_in_word(char c)
{
	switch (c) {
	case '[':
	case ']':
	case '{':
	case '}':
	case '"':
	case ',':
	case ':':
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return false;
	}
	return true;
}

/* A number, true, false, null: or what is none of them. */
static void take_word(struct scan *s)
{
	while (s->at < s->end && is_in_word(*s->at))
		s->at++;
}

static void open_one(struct scan *s)
{
	s->at++;
	s->size.containers++;
	if (++s->depth > s->size.depth)
		s->size.depth = s->depth;
}

static bool close_one(struct scan *s, struct err *err)
{
	s->at++;
	if (!s->depth)
		return err_set(err, ERR_INPUT,
			       "the JSON closes more than it opens");
	s->depth--;
	return true;
}

static bool take_value(struct scan *s, struct err *err)
{
	s->size.values++;
	if (*s->at == '[' || *s->at == '{')
		open_one(s);
	else if (*s->at != '"')
		take_word(s);
	else if (!take_string(s))
		return err_set(err, ERR_INPUT, "the JSON ends within a string");
	return true;
}

static bool take(struct scan *s, struct err *err)
{
	if (*s->at == ']' || *s->at == '}')
		return close_one(s, err);
	if (*s->at == '[' || *s->at == '{' || *s->at == '"' ||
	    is_in_word(*s->at))
		return take_value(s, err);
	s->at++;
	return true;
}

static bool is_within(const struct json_size *size,
		      const struct json_size *limit, struct err *err)
{
	if (size->depth > limit->depth)
		return err_set(err, ERR_REFUSED,
			       "the JSON is nested deeper than %zu",
			       limit->depth);
	if (size->containers > limit->containers)
		return err_set(err, ERR_REFUSED,
			       "the JSON has more than %zu arrays and objects",
			       limit->containers);
	if (size->values > limit->values)
		return err_set(err, ERR_REFUSED,
			       "the JSON has more than %zu values",
			       limit->values);
	return true;
}

static bool is_whole(const struct scan *s, struct err *err)
{
	if (s->depth)
		return err_set(err, ERR_INPUT,
			       "the JSON ends before what it has begun");
	if (!s->size.values)
		return err_set(err, ERR_INPUT, "the JSON is empty");
	return true;
}

bool json_guard(const char *text, size_t len, const struct json_size *limit,
		struct json_size *seen, struct err *err)
{
	struct scan s = { .at = text, .end = text + len };
	bool ok = true;

	while (ok && s.at < s.end)
		ok = take(&s, err) && is_within(&s.size, limit, err);
	if (seen)
		*seen = s.size;
	return ok && is_whole(&s, err);
}
