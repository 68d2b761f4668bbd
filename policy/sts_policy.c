#include "policy/sts_policy.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/grammar.h"

#define BODY_LIMIT     10240 /* of ours: one sender reads no further */
#define MAX_AGE_DIGITS 10

static const char *const mode_names[] = {
	[STS_NONE] = "none",
	[STS_TESTING] = "testing",
	[STS_ENFORCE] = "enforce",
};

const char *sts_mode_name(enum sts_mode mode)
{
	return mode_names[mode];
}

bool sts_mode_parse(const char *text, enum sts_mode *mode, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(mode_names); i++)
		if (streq(text, mode_names[i])) {
			*mode = (enum sts_mode)i;
			return true;
		}
	return grammar_refuse(text, "is not a mode",
			      "write none, testing or enforce, in lower case",
			      err);
}

bool sts_policy_has_mx(const struct sts_policy *p, const char *pattern)
{
	for (size_t i = 0; i < p->mx_count; i++)
		if (streq(p->mx[i], pattern))
			return true;
	return false;
}

static bool normalise_mx(const char *text, char out[static STS_MX_SIZE],
			 struct err *err)
{
	char host[DOMAIN_NAME_SIZE];
	bool is_wild;

	text += strspn(text, GRAMMAR_SPACE);
	is_wild = str_starts(text, "*.");
	if (!host_name_normalise(is_wild ? text + 2 : text, host, err))
		return err_prefix(err, "mx");
	snprintf(out, STS_MX_SIZE, "%s%s", is_wild ? "*." : "", host);
	return true;
}

/* `pattern` is in our form already. */
static bool append_mx(struct sts_policy *p, const char *pattern,
		      struct err *err)
{
	if (sts_policy_has_mx(p, pattern))
		return true;
	if (p->mx_count == STS_MX_LIMIT) {
		err_set(err, ERR_INPUT,
			"mx: \"%s\" is one too many for a policy of %d",
			pattern, STS_MX_LIMIT);
		return err_hint(err, "write one \"*.\" pattern for hosts that "
				     "differ in the first label only");
	}
	p->mx[p->mx_count++] = xstrdup(pattern);
	return true;
}

bool sts_policy_add_mx(struct sts_policy *p, const char *pattern,
		       struct err *err)
{
	char mx[STS_MX_SIZE];

	if (!normalise_mx(pattern, mx, err))
		return false;
	if (streq(mx, "*.mx.microsoft"))
		return grammar_refuse(
			mx,
			"matches no host of Microsoft's: \"*\" stands "
			"for one label, and theirs have one more",
			"write the host that the domain's MX record names "
			"(such as contoso-com.a-v1.mx.microsoft) or "
			"*.a-v1.mx.microsoft, with the letter of that host",
			err);
	return append_mx(p, mx, err);
}

/* The bytes that sts_policy_format will write. */
static bool is_within_body_limit(const struct sts_policy *p)
{
	size_t len = strlen("version: STSv1\r\nmode: testing\r\n"
			    "max_age: 31557600\r\n");

	for (size_t i = 0; i < p->mx_count; i++)
		len += strlen("mx: \r\n") + strlen(p->mx[i]);
	return len <= BODY_LIMIT;
}

bool sts_policy_validate(const struct sts_policy *p, struct err *err)
{
	if (p->mx_count == 0) {
		err_set(err, ERR_INPUT, "the policy names no mx");
		return err_hint(err,
				"name the domain's mail hosts, in mode none "
				"too: some senders reject a policy without");
	}
	if (!is_within_body_limit(p)) {
		err_set(err, ERR_INPUT,
			"the policy would be longer than %d bytes", BODY_LIMIT);
		return err_hint(err,
				"name fewer mx hosts, or one \"*.\" pattern "
				"for several");
	}
	if (p->max_age < STS_MAX_AGE_MIN || p->max_age > STS_MAX_AGE_MAX) {
		err_set(err, ERR_INPUT, "a max_age of %ld s is out of bounds",
			p->max_age);
		return err_hint(err,
				"write %ld to %ld seconds (1 day to 1 year); "
				"7d is good to begin with",
				STS_MAX_AGE_MIN, STS_MAX_AGE_MAX);
	}
	return true;
}

char *sts_policy_format(const struct sts_policy *p)
{
	struct buf out;

	assert(sts_policy_validate(p, NULL));
	buf_init(&out, BODY_LIMIT);
	buf_printf(&out, "version: STSv1\r\nmode: %s\r\n",
		   sts_mode_name(p->mode));
	for (size_t i = 0; i < p->mx_count; i++)
		buf_printf(&out, "mx: %s\r\n", p->mx[i]);
	buf_printf(&out, "max_age: %ld\r\n", p->max_age);
	return buf_take(&out);
}

/* "*." stands for exactly one label, and a whole one (RFC 8461, 4.1). */
static bool pattern_allows(const char *pattern, const char *host)
{
	if (str_starts(pattern, "*.")) {
		pattern++;
		host += strcspn(host, ".");
		return streq_case(pattern, host);
	}
	return streq_case(pattern, host);
}

bool sts_policy_allows(const struct sts_policy *p, const char *host)
{
	if (*host == '.')
		return false; /* no label for "*" to stand for */
	for (size_t i = 0; i < p->mx_count; i++)
		if (pattern_allows(p->mx[i], host))
			return true;
	return false;
}

bool sts_policy_equal(const struct sts_policy *a, const struct sts_policy *b)
{
	if (a->mode != b->mode || a->max_age != b->max_age ||
	    a->mx_count != b->mx_count)
		return false;
	for (size_t i = 0; i < a->mx_count; i++)
		if (!sts_policy_has_mx(b, a->mx[i])) /* no pattern is there twice */
			return false;
	return true;
}

void sts_policy_copy(struct sts_policy *to, const struct sts_policy *from)
{
	*to = *from;
	for (size_t i = 0; i < from->mx_count; i++)
		to->mx[i] = xstrdup(from->mx[i]);
}

void sts_policy_release(struct sts_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->mx_count; i++)
		free(p->mx[i]);
	*p = (struct sts_policy){ 0 };
}

/* Reading: one taker for each field, and a loop that hands out the lines. */

static bool take_version(struct sts_policy *p, const char *value,
			 struct err *err)
{
	(void)p;
	return streq(value, "STSv1") ||
	       grammar_refuse(value, "is not a version", "write version: STSv1",
			      err);
}

static bool take_mode(struct sts_policy *p, const char *value, struct err *err)
{
	return sts_mode_parse(value, &p->mode, err);
}

static bool take_max_age(struct sts_policy *p, const char *value,
			 struct err *err)
{
	size_t len = strlen(value);

	/* Zero is within the grammar, but senders differ about it. */
	return (len <= MAX_AGE_DIGITS &&
		str_to_long(value, len, STS_MAX_AGE_MAX, &p->max_age) &&
		p->max_age > 0) ||
	       grammar_refuse(value, "is not a max_age",
			      "write seconds in digits, 1 to 31557600", err);
}

static bool take_mx(struct sts_policy *p, const char *value, struct err *err)
{
	char mx[STS_MX_SIZE];
	size_t len = strlen(value);

	if (value[len - 1] == '.' || strpbrk(value, GRAMMAR_SPACE))
		return grammar_refuse(value,
				      "has a space in it or a dot at the end",
				      "write the mx host without it", err);
	return normalise_mx(value, mx, err) && append_mx(p, mx, err);
}

static const struct field {
	const char *name;
	bool (*take)(struct sts_policy *p, const char *value, struct err *err);
	bool is_list; /* may stand there several times, or never */
} fields[] = {
	{ "version", take_version, false },
	{ "mode", take_mode, false },
	{ "mx", take_mx, true },
	{ "max_age", take_max_age, false },
};

struct reader {
	const char *at, *end;
	int line;
	bool seen[ARRAY_LEN(fields)];
};

/* ERR_INPUT if a field of ours is there twice, or in the wrong case. */
static bool take_field(struct reader *r, struct sts_policy *p, const char *name,
		       const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!streq_case(name, fields[i].name))
			continue;
		if (!streq(name, fields[i].name))
			return grammar_refuse(name, "is not in lower case",
					      "write field names in lower case",
					      err);
		if (r->seen[i] && !fields[i].is_list)
			return grammar_refuse(name, "is there twice",
					      "keep one of the two lines", err);
		r->seen[i] = true;
		return fields[i].take(p, value, err);
	}
	return true;
}

/* Splits "name: value" where it stands. */
static bool take_line(struct reader *r, struct sts_policy *p, char *line,
		      struct err *err)
{
	char *value = strchr(line, ':');
	size_t len = strlen(line);

	if (len == 0)
		return grammar_refuse(line, "is a blank line", "remove it",
				      err);
	while (strchr(GRAMMAR_SPACE, line[len - 1]) && --len)
		line[len] = '\0';
	if (!value)
		return grammar_refuse(line, "is not \"field: value\"",
				      "write one such field a line", err);
	*value++ = '\0';
	value += strspn(value, GRAMMAR_SPACE);
	if (!grammar_is_field_name(line) || !*value)
		return grammar_refuse(line,
				      "is no name of a field, or has no value",
				      "write name, colon and value", err);
	if (r->line == 1 && !streq(line, "version"))
		return grammar_refuse(line, "stands first, where version must",
				      "begin with version: STSv1", err);
	return take_field(r, p, line, value, err);
}

static bool check_bytes(const char *line, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c > 0x7e) {
			err_set(err, ERR_INPUT,
				"byte 0x%02x is not plain ASCII", c);
			return err_hint(err, "write ASCII text with CRLF or LF "
					     "ends, names as A-labels (xn--)");
		}
	}
	return true;
}

static bool read_line(struct reader *r, struct sts_policy *p, struct err *err)
{
	const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
	const char *next = end ? end + 1 : r->end;
	size_t len = (size_t)((end ? end : r->end) - r->at);
	char *line;
	bool ok;

	r->line++;
	if (end && len && r->at[len - 1] == '\r')
		len--;
	line = xstrndup(r->at, len);
	ok = check_bytes(r->at, len, err) && take_line(r, p, line, err);
	free(line);
	r->at = next;
	return ok || err_prefix(err, "line %d", r->line);
}

/* What can only be said once the whole text was read. */
static bool check_complete(const struct reader *r, const struct sts_policy *p,
			   struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!r->seen[i] &&
		    (!fields[i].is_list || p->mode != STS_NONE)) {
			err_set(err, ERR_INPUT, "the policy has no %s line",
				fields[i].name);
			return err_hint(err, "write one \"%s: ...\" line",
					fields[i].name);
		}
	return true;
}

bool sts_policy_parse(struct sts_policy *p, const char *text, size_t len,
		      struct err *err)
{
	struct reader r = { .at = text, .end = text + len };
	bool ok = true;

	*p = (struct sts_policy){ 0 };
	if (len > STS_BODY_MAX) {
		err_set(err, ERR_INPUT, "the policy has more than %d bytes",
			STS_BODY_MAX);
		return err_hint(err, "senders read no further: name fewer mx");
	}
	while (ok && r.at < r.end)
		ok = read_line(&r, p, err);
	ok = ok && check_complete(&r, p, err);
	if (!ok)
		sts_policy_release(p);
	return ok;
}
