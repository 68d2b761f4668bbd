/*
 * The senders and their ways, as read in their sources; "RFC" stands for all
 * that keep to the grammar of RFC 8461, 3.2.
 */
#include "policy/sts_lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/grammar.h"

#define LARGE	      10240	/* chasquid reads no further */
#define MAX_AGE_DIGITS 10

/* ---- senders ---- */

enum {
	MOX = 1 << 0,
	CHASQUID = 1 << 1,
	RESOLVER = 1 << 2,
	TLSPOL = 1 << 3,
	MADDY = 1 << 4,
	STALWART = 1 << 5,
	KUMOMTA = 1 << 6,
	GOOGLE = 1 << 7,
	EVERYBODY = (1 << 8) - 1
};

static const char *const clients[] = {
	"mox",	 "chasquid", "postfix-mta-sts-resolver", "postfix-tlspol",
	"maddy", "Stalwart", "KumoMTA",			 "Google",
};

static const int rejected_by[FAULT_KINDS] = {
	[FAULT_VERSION] = EVERYBODY,
	[FAULT_VERSION_LATE] = GOOGLE,
	[FAULT_MODE] = EVERYBODY,
	[FAULT_MODE_REPORT] = EVERYBODY,
	[FAULT_MAX_AGE] = EVERYBODY & ~STALWART,
	[FAULT_NO_MX] = EVERYBODY,
	[FAULT_NONE_WITHOUT_MX] = CHASQUID | STALWART,
	[FAULT_MX_UNICODE] = MOX,
	[FAULT_BLANK_LINE] = MOX | TLSPOL | MADDY,
	[FAULT_BAD_LINE] = MOX | TLSPOL | MADDY,
	[FAULT_COLON] = MADDY,
	[FAULT_TWICE] = KUMOMTA,
	[FAULT_NOT_ASCII] = RESOLVER | MOX,
	[FAULT_LARGE] = CHASQUID,
};

const char *sts_fault_clients(enum sts_fault_kind kind,
			      char out[static STS_CLIENTS])
{
	size_t used = 0;

	out[0] = '\0';
	if (rejected_by[kind] == EVERYBODY) {
		str_copy(out, STS_CLIENTS, "every sender");
		return out;
	}
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		if (rejected_by[kind] & 1 << i)
			used += (size_t)snprintf(out + used, STS_CLIENTS - used,
						 "%s%s", used ? ", " : "",
						 clients[i]);
	return out;
}

/* ---- reading ---- */

struct linter {
	struct sts_lint *lint;
	int line;
	bool seen[FAULT_KINDS];
	bool has_version, has_lf, has_crlf;
	char mode[16];
};

/* The first one of a kind is enough. */
static void found(struct linter *t, enum sts_fault_kind kind, int line,
		  const char *given)
{
	struct sts_fault *f = &t->lint->fault[t->lint->count];
	char *quoted;

	if (t->seen[kind])
		return;
	t->seen[kind] = true;
	t->lint->count++;
	*f = (struct sts_fault){ .kind = kind, .line = line };
	if (!given)
		return;
	quoted = str_quoted(given, 16);	/* 64 bytes, if all are escaped */
	str_copy(f->given, sizeof(f->given), quoted);
	free(quoted);
}

static void take_version(struct linter *t, const char *value)
{
	if (!streq(value, "STSv1"))
		found(t, FAULT_VERSION, t->line, value);
	else if (t->line > 1)
		found(t, FAULT_VERSION_LATE, t->line, NULL);
	t->has_version = true;
}

static void take_mode(struct linter *t, const char *value)
{
	struct sts_lint *l = t->lint;

	l->has_mode = sts_mode_parse(value, &l->policy.mode, NULL);
	if (streq(value, "report"))
		found(t, FAULT_MODE_REPORT, t->line, NULL);
	else if (!l->has_mode)
		found(t, FAULT_MODE, t->line, value);
	str_copy(t->mode, sizeof(t->mode), value);
}

static void take_max_age(struct linter *t, const char *value)
{
	struct sts_lint *l = t->lint;
	size_t len = strlen(value);

	l->has_max_age = len <= MAX_AGE_DIGITS &&
			 str_to_long(value, len, STS_MAX_AGE_MAX,
				     &l->policy.max_age) &&
			 l->policy.max_age > 0;
	if (!l->has_max_age)
		found(t, FAULT_MAX_AGE, t->line, value);
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return !*text;
}

static void take_mx(struct linter *t, const char *value)
{
	struct sts_policy *p = &t->lint->policy;
	const char *host = str_starts(value, "*.") ? value + 2 : value;
	char name[DOMAIN_NAME_SIZE];

	if (!is_ascii(value))
		found(t, FAULT_MX_UNICODE, t->line, value);
	else if (strpbrk(value, GRAMMAR_SPACE) || str_ends(value, ".") ||
		 !host_name_normalise(host, name, NULL))
		found(t, FAULT_MX, t->line, value);
	else if (p->mx_count == STS_MX_LIMIT)
		found(t, FAULT_MX_MANY, t->line, NULL);
	else
		p->mx[p->mx_count++] = xasprintf(
			"%s%s", host == value ? "" : "*.", name);
}

static const struct {
	const char *name;
	void (*take)(struct linter *t, const char *value);
	bool is_list;
} fields[] = {
	{ "version", take_version, false },
	{ "mode", take_mode, false },
	{ "max_age", take_max_age, false },
	{ "mx", take_mx, true },
};

static void take_field(struct linter *t, bool seen[], const char *name,
		       const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!streq(name, fields[i].name))
			continue;
		if (seen[i] && !fields[i].is_list)
			found(t, FAULT_TWICE, t->line, name);
		else
			fields[i].take(t, value);
		seen[i] = true;
		return;
	}
	found(t, FAULT_UNKNOWN_FIELD, t->line, name);
}

static void take_line(struct linter *t, bool seen[], char *line)
{
	char *value = strchr(line, ':');
	size_t len = strlen(line);

	while (len && strchr(GRAMMAR_SPACE, line[len - 1]))
		line[--len] = '\0';
	if (!len) {
		found(t, FAULT_BLANK_LINE, t->line, NULL);
		return;
	}
	if (!value) {
		found(t, FAULT_BAD_LINE, t->line, line);
		return;
	}
	*value++ = '\0';
	value += strspn(value, GRAMMAR_SPACE);
	if (!grammar_is_field_name(line) || !*value) {
		found(t, FAULT_BAD_LINE, t->line, line);
		return;
	}
	if (strchr(value, ':'))
		found(t, FAULT_COLON, t->line, value);
	take_field(t, seen, line, value);
}

/* A control byte, such as a lone CR or a NUL, breaks the line it is in. */
static bool check_bytes(struct linter *t, const char *line, size_t len)
{
	bool is_mx = len > 3 && memcmp(line, "mx:", 3) == 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			found(t, FAULT_BAD_LINE, t->line, line);
			return false;
		}
		if (c > 0x7f && !is_mx)
			found(t, FAULT_NOT_ASCII, t->line, NULL);
	}
	return true;
}

static void read_lines(struct linter *t, const char *at, const char *end)
{
	bool seen[ARRAY_LEN(fields)] = { false };

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf ? lf : end) - at);
		bool has_cr = lf && len && at[len - 1] == '\r';
		char *line;

		t->line++;
		t->has_crlf |= has_cr;
		t->has_lf |= lf && !has_cr;
		line = xstrndup(at, len - has_cr);
		if (check_bytes(t, line, len - has_cr))
			take_line(t, seen, line);
		free(line);
		at = lf ? lf + 1 : end;
	}
}

/* What can only be said once the whole text was read. */
static void check_whole(struct linter *t, size_t len)
{
	struct sts_lint *l = t->lint;

	if (!t->has_version)
		found(t, FAULT_VERSION, 0, NULL);
	if (!*t->mode && !l->has_mode)
		found(t, FAULT_MODE, 0, NULL);
	if (!l->has_max_age)
		found(t, FAULT_MAX_AGE, 0, NULL);
	if (!l->policy.mx_count && l->has_mode && l->policy.mode == STS_NONE)
		found(t, FAULT_NONE_WITHOUT_MX, 0, NULL);
	else if (!l->policy.mx_count)
		found(t, FAULT_NO_MX, 0, NULL);
	if (t->has_lf && t->has_crlf)
		found(t, FAULT_LINE_ENDINGS, 0, NULL);
	if (len > LARGE)
		found(t, FAULT_LARGE, 0, NULL);
}

void sts_lint(struct sts_lint *l, const char *body, size_t len)
{
	struct linter t = { .lint = l };

	*l = (struct sts_lint){ .count = 0 };
	read_lines(&t, body, body + len);
	check_whole(&t, len);
}

void sts_lint_release(struct sts_lint *l)
{
	sts_policy_release(&l->policy);
}
