/*
 * The senders and their ways, as read in their sources; "RFC" stands for all
 * that keep to the grammar of RFC 8461, 3.2.
 */
#include "policy/sts_lint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/grammar.h"

#define MAX_AGE_DIGITS 10
#define FEW	       3 /* names after "every sender but" */

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
	MIMECAST = 1 << 8,
	MAILAUTH = 1 << 9,
	CHECKDMARC = 1 << 10,
	EVERYBODY = (1 << 11) - 1
};

static const char *const clients[] = {
	"mox",
	"chasquid",
	"postfix-mta-sts-resolver",
	"postfix-tlspol",
	"maddy",
	"Stalwart",
	"KumoMTA",
	"Google",
	"Mimecast",
	"mailauth",
	"checkdmarc",
};

#define GRAMMAR	   (MOX | TLSPOL) /* keep to it by the letter */
#define ONE_YEAR   (CHASQUID | RESOLVER | GOOGLE | MAILAUTH | CHECKDMARC)
#define NEED_COLON (EVERYBODY & ~(CHASQUID | RESOLVER | STALWART | MAILAUTH))

/* Of a field that is there twice: the last counts, or each has to be good. */
#define LAST_COUNTS (CHASQUID | RESOLVER | MAILAUTH)
#define EACH_COUNTS (MOX | MADDY | STALWART)

/* As a rule; where it depends, found_by() is told. */
static const unsigned rejected_by[FAULT_KINDS] = {
	[FAULT_VERSION] = EVERYBODY,
	[FAULT_VERSION_LATE] = GOOGLE,
	[FAULT_MODE] = EVERYBODY,
	[FAULT_MODE_REPORT] = EVERYBODY,
	[FAULT_MAX_AGE] = EVERYBODY & ~STALWART,
	[FAULT_MAX_AGE_SHORT] = GOOGLE,
	[FAULT_NO_MX] = EVERYBODY,
	[FAULT_NONE_WITHOUT_MX] = CHASQUID | STALWART,
	[FAULT_MX_UNICODE] = MOX | RESOLVER | TLSPOL,
	[FAULT_BLANK_LINE] = MOX | TLSPOL | MADDY,
	[FAULT_BAD_LINE] = GRAMMAR,
	[FAULT_COLON] = MADDY | MIMECAST | CHECKDMARC,
	[FAULT_TWICE] = KUMOMTA | CHECKDMARC,
	[FAULT_UNKNOWN_FIELD] = CHECKDMARC,
	[FAULT_NOT_ASCII] = RESOLVER | TLSPOL,
};

/* Who reads no more than so much. */
static const struct {
	size_t most;
	unsigned by;
} sizes[] = {
	{ 10240, CHASQUID },
	{ 64000, MIMECAST },
	{ 65536, MOX | RESOLVER | TLSPOL | GOOGLE },
};

static void add_names(char out[static STS_CLIENTS], unsigned who)
{
	const char *before = "";

	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		size_t used = strlen(out);

		if (!(who & 1U << i))
			continue;
		snprintf(out + used, STS_CLIENTS - used, "%s%s", before,
			 clients[i]);
		before = ", ";
	}
}

const char *sts_fault_clients(const struct sts_fault *f,
			      char out[static STS_CLIENTS])
{
	unsigned others = EVERYBODY & ~f->rejected_by;

	if (__builtin_popcount(others) > FEW) {
		out[0] = '\0';
		add_names(out, f->rejected_by);
		return out;
	}
	str_copy(out, STS_CLIENTS, "every sender");
	if (others) {
		str_copy(out, STS_CLIENTS, "every sender but ");
		add_names(out, others);
	}
	return out;
}

/* ---- reading ---- */

enum { VERSION, MODE, MAX_AGE, MX, FIELDS };

struct linter {
	struct sts_lint *lint;
	int line;
	unsigned readers; /* of the line; EVERYBODY, but for a repeated one */
	struct sts_fault *seen[FAULT_KINDS];
	bool given[FIELDS];
	bool has_lf, has_crlf;
};

static void quote(const char *given, char out[static STS_LINT_WORDS])
{
	char *quoted = str_quoted(given, 16); /* 64 bytes, if all are escaped */

	str_copy(out, STS_LINT_WORDS, quoted);
	free(quoted);
}

/* The first one of a kind is enough, with all whom the later ones trouble. */
static void found_by(struct linter *t, unsigned by, enum sts_fault_kind kind,
		     int line, const char *given)
{
	struct sts_fault *f = t->seen[kind];

	if (f) {
		f->rejected_by |= by;
		return;
	}
	f = t->seen[kind] = &t->lint->fault[t->lint->count++];
	*f = (struct sts_fault){ .kind = kind,
				 .line = line,
				 .rejected_by = by };
	if (given)
		quote(given, f->given);
}

static void found(struct linter *t, enum sts_fault_kind kind, int line,
		  const char *given)
{
	found_by(t, rejected_by[kind], kind, line, given);
}

/* In the value of a field: nothing, if nobody who would mind looks at it. */
static void found_in_value(struct linter *t, unsigned by,
			   enum sts_fault_kind kind, const char *given)
{
	if (by & t->readers)
		found_by(t, by & t->readers, kind, t->line, given);
}

static void take_version(struct linter *t, const char *value)
{
	if (!streq(value, "STSv1"))
		found_in_value(t, EVERYBODY, FAULT_VERSION, value);
	else if (t->line > 1)
		found_in_value(t, GOOGLE, FAULT_VERSION_LATE, NULL);
}

static void take_mode(struct linter *t, const char *value)
{
	enum sts_mode mode;

	if (streq(value, "report"))
		found_in_value(t, EVERYBODY, FAULT_MODE_REPORT, NULL);
	else if (!sts_mode_parse(value, &mode, NULL))
		found_in_value(t, EVERYBODY, FAULT_MODE, value);
	else if (!t->given[MODE]) {
		t->lint->policy.mode = mode;
		t->lint->has_mode = true;
	}
}

/* What there is to say of so many seconds, and who minds. */
static void judge_max_age(struct linter *t, long n, const char *value)
{
	if (n > STS_MAX_AGE_MAX)
		found_in_value(t, ONE_YEAR, FAULT_MAX_AGE, value);
	else if (!n)
		found_in_value(t, CHASQUID | GOOGLE, FAULT_MAX_AGE, value);
	else if (n < STS_MAX_AGE_MIN)
		found_in_value(t, GOOGLE, FAULT_MAX_AGE_SHORT, value);
	if (!n || n > STS_MAX_AGE_MAX || t->given[MAX_AGE])
		return;
	t->lint->policy.max_age = n;
	t->lint->has_max_age = true;
}

static void take_max_age(struct linter *t, const char *value)
{
	size_t len = strlen(value);
	long n;

	if (len <= MAX_AGE_DIGITS && str_to_long(value, len, LONG_MAX, &n))
		judge_max_age(t, n, value);
	else
		found_in_value(t, rejected_by[FAULT_MAX_AGE], FAULT_MAX_AGE,
			       value);
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return !*text;
}

/* Labels with dots between, as RFC 5321 has it: an address is that, too. */
static bool is_by_grammar(const char *host)
{
	do {
		size_t len = strspn(host, GRAMMAR_ALNUM "-");

		if (!len || *host == '-')
			return false;
		host += len;
	} while (*host++ == '.');
	return !host[-1];
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
		found_by(t, is_by_grammar(host) ? TLSPOL : GRAMMAR, FAULT_MX,
			 t->line, value);
	else if (p->mx_count == STS_MX_LIMIT)
		found(t, FAULT_MX_MANY, t->line, NULL);
	else
		p->mx[p->mx_count++] = xasprintf(
			"%s%s", host == value ? "" : "*.", name);
}

static const struct {
	const char *name;
	void (*take)(struct linter *t, const char *value);
	enum sts_fault_kind kinds[2]; /* that its value can have */
} fields[FIELDS] = {
	[VERSION] = { "version",
		      take_version,
		      { FAULT_VERSION, FAULT_VERSION_LATE } },
	[MODE] = { "mode", take_mode, { FAULT_MODE, FAULT_MODE_REPORT } },
	[MAX_AGE] = { "max_age",
		      take_max_age,
		      { FAULT_MAX_AGE, FAULT_MAX_AGE_SHORT } },
	[MX] = { .name = "mx", .take = take_mx },
};

/* The first value is not what counts for all; nor is this, but for some. */
static void take_again(struct linter *t, size_t i, const char *value)
{
	found(t, FAULT_TWICE, t->line, fields[i].name);
	for (size_t k = 0; k < ARRAY_LEN(fields[i].kinds); k++) {
		struct sts_fault *f = t->seen[fields[i].kinds[k]];

		if (f)
			f->rejected_by &= ~(unsigned)LAST_COUNTS;
	}
	t->readers = LAST_COUNTS | EACH_COUNTS;
	fields[i].take(t, value);
	t->readers = EVERYBODY;
}

static void take_field(struct linter *t, const char *name, const char *value)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (!streq(name, fields[i].name))
			continue;
		if (t->given[i] && i != MX)
			take_again(t, i, value);
		else
			fields[i].take(t, value);
		t->given[i] = true;
		return;
	}
	found(t, FAULT_UNKNOWN_FIELD, t->line, name);
}

static void take_line(struct linter *t, char *line)
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
		found_by(t, NEED_COLON, FAULT_BAD_LINE, t->line, line);
		return;
	}
	*value++ = '\0';
	value += strspn(value, GRAMMAR_SPACE);
	if (strchr(value, ':'))
		found(t, FAULT_COLON, t->line, value);
	if (grammar_is_field_name(line) && *value)
		take_field(t, line, value);
	else
		found(t, FAULT_BAD_LINE, t->line, line);
}

/* A control byte, such as a lone CR or a NUL: it is found once in a line. */
static void check_bytes(struct linter *t, const char *line, size_t len)
{
	bool is_mx = str_starts(line, "mx:");

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			found(t, FAULT_BAD_LINE, t->line, line);
			return;
		}
		if (c > 0x7f && !is_mx)
			found(t, FAULT_NOT_ASCII, t->line, NULL);
	}
}

static void read_lines(struct linter *t, const char *at, const char *end)
{
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf ? lf : end) - at);
		bool has_cr = lf && len && at[len - 1] == '\r';
		char *line;

		t->line++;
		t->has_crlf |= has_cr;
		t->has_lf |= lf && !has_cr;
		line = xstrndup(at, len - has_cr);
		check_bytes(t, line, len - has_cr);
		take_line(t, line);
		free(line);
		at = lf ? lf + 1 : end;
	}
}

static void check_missing(struct linter *t)
{
	struct sts_lint *l = t->lint;

	if (!t->given[VERSION])
		found_by(t, EVERYBODY & ~STALWART, FAULT_VERSION, 0, NULL);
	if (!t->given[MODE])
		found_by(t, EVERYBODY & ~(STALWART | MAILAUTH), FAULT_MODE, 0,
			 NULL);
	if (!t->given[MAX_AGE])
		found(t, FAULT_MAX_AGE, 0, NULL);
	if (t->given[MX])
		return;
	found(t,
	      l->has_mode && l->policy.mode == STS_NONE ? FAULT_NONE_WITHOUT_MX
							: FAULT_NO_MX,
	      0, NULL);
}

/* What can only be said once the whole text was read. */
static void check_whole(struct linter *t, size_t len)
{
	check_missing(t);
	if (t->has_lf && t->has_crlf)
		found(t, FAULT_LINE_ENDINGS, 0, NULL);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (len > sizes[i].most)
			found_by(t, sizes[i].by, FAULT_LARGE, 0, NULL);
}

void sts_lint(struct sts_lint *l, const char *body, size_t len)
{
	struct linter t = { .lint = l, .readers = EVERYBODY };

	*l = (struct sts_lint){ .count = 0 };
	read_lines(&t, body, body + len);
	check_whole(&t, len);
}

void sts_lint_release(struct sts_lint *l)
{
	sts_policy_release(&l->policy);
}
