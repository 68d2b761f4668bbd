/*
 * The policy itself: what it says, and who can read it.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "policy/findings_parts.h"

#define MAX_AGE_GOOD  (14 * WHEN_DAY)	/* in mode enforce */
#define TESTING_LONG  (30 * WHEN_DAY)

/* ---- once ---- */

static const struct check_https *answer(const struct bench *b)
{
	const struct check_https *h = b->f->https;

	while (h->outcome != HTTPS_ANSWERED || h->status != 200)
		h++; /* there is one: it has a body to read */
	return h;
}

static bool is_too_big(struct bench *b)
{
	for (size_t i = 0; i < ARRAY_LEN(b->f->https); i++)
		if (b->f->https[i].outcome == HTTPS_TOO_BIG)
			return true;
	return false;
}

static bool is_not_ours(struct bench *b)
{
	const char *ours = b->f->expected.body;

	return b->lint && ours &&
	       (strlen(ours) != answer(b)->body_len ||
		memcmp(ours, answer(b)->body, strlen(ours)) != 0);
}

static bool is_low(struct bench *b)
{
	char text[DURATION_TEXT];

	return bench_has_mode(b, STS_ENFORCE) && b->lint->has_max_age &&
	       b->lint->policy.max_age >= STS_MAX_AGE_MIN &&
	       b->lint->policy.max_age < MAX_AGE_GOOD &&
	       bench_say(b, "%s",
			 duration_format(b->lint->policy.max_age, text));
}

static bool is_testing(struct bench *b)
{
	return bench_has_mode(b, STS_TESTING);
}

static bool is_testing_long(struct bench *b)
{
	time_t since = b->f->expected.policy_since;
	char text[DURATION_TEXT];

	return bench_has_mode(b, STS_TESTING) && since &&
	       b->now - since > TESTING_LONG &&
	       bench_say(b, "%s", duration_rough((long)(b->now - since), text));
}

static bool is_none(struct bench *b)
{
	return bench_has_mode(b, STS_NONE);
}

static bool is_good(struct bench *b)
{
	char text[DURATION_TEXT];

	if (!b->lint || b->lint->count)
		return false;
	return bench_say(b, "mode %s, max_age %s, %zu mx",
			 sts_mode_name(b->lint->policy.mode),
			 duration_format(b->lint->policy.max_age, text),
			 b->lint->policy.mx_count);
}

static const struct rule once[] = {
	{ "policy.too-big", CHECK_ERROR, is_too_big, 0,
	  "the answer of mta-sts.{domain} is over 64 KB: senders read no "
	  "further",
	  "serve the policy and nothing else" },
	{ "policy.not-ours", CHECK_ERROR, is_not_ours, 0,
	  "the policy fetched is not the one that this box serves: something "
	  "else answers, or keeps an old copy",
	  "lead mta-sts.{domain} here directly, or clear the proxy's cache" },
	{ "policy.max-age-low", CHECK_WARNING, is_low, 0,
	  "max_age is {}: a sender that writes less often is not protected",
	  "in mode enforce, set a max_age of 1209600 (14d) or more" },
	{ "policy.testing", CHECK_NOTE, is_testing, 0,
	  "the policy is in mode testing: senders report, and refuse nothing",
	  "read the reports, then go on to enforce" },
	{ "policy.testing-long", CHECK_NOTE, is_testing_long, 0,
	  "the policy has been in mode testing for {}",
	  "if reports are clean: mtastsctl policy enforce {domain}" },
	{ "policy.none", CHECK_NOTE, is_none, 0,
	  "the policy is in mode none: senders treat {domain} as without one",
	  "" },
	{ "policy.ok", CHECK_GOOD, is_good, 0,
	  "every sender's parser that is known takes the policy: {}", "" },
};

/* ---- each fault ---- */

static bool is_fault(struct bench *b)
{
	char clients[STS_CLIENTS], line[24] = "", by[STS_CLIENTS + 20] = "";

	if ((int)b->fault->kind != b->arg)
		return false;
	sts_fault_clients(b->fault, clients);
	if (b->fault->line)
		snprintf(line, sizeof(line), "line %d", b->fault->line);
	if (*clients)
		snprintf(by, sizeof(by), "%srejected by %s",
			 *line || *b->fault->given ? "; " : "", clients);
	return bench_say(b, "%s%s%s%s", line,
			 *line && *b->fault->given ? ", " : "", b->fault->given,
			 by);
}

static bool is_short(struct bench *b)
{
	if (bench_has_mode(b, STS_ENFORCE))
		b->severity = CHECK_ERROR;
	return is_fault(b);
}

static const struct rule each[] = {
	{ "policy.version", CHECK_ERROR, is_fault, FAULT_VERSION,
	  "the policy has no line \"version: STSv1\" ({})",
	  "write it as the first line" },
	{ "policy.version-late", CHECK_WARNING, is_fault, FAULT_VERSION_LATE,
	  "the version is not the policy's first line ({})", "put it first" },
	{ "policy.mode", CHECK_ERROR, is_fault, FAULT_MODE,
	  "the policy has no good mode ({})",
	  "write \"mode: testing\", enforce or none" },
	{ "policy.mode-report", CHECK_ERROR, is_fault, FAULT_MODE_REPORT,
	  "the policy has mode report, of an old draft ({})",
	  "write \"mode: testing\"" },
	{ "policy.max-age", CHECK_ERROR, is_fault, FAULT_MAX_AGE,
	  "the policy has no good max_age ({})",
	  "write it in seconds, 86400 to 31557600" },
	{ "policy.max-age-short", CHECK_WARNING, is_short, FAULT_MAX_AGE_SHORT,
	  "max_age is less than a day, and some senders ignore that ({})",
	  "set a max_age of 604800 or more, or 86400 in mode none" },
	{ "policy.no-mx", CHECK_ERROR, is_fault, FAULT_NO_MX,
	  "the policy names no mx ({})",
	  "write an mx line for each mail host" },
	{ "policy.none-without-mx", CHECK_WARNING, is_fault,
	  FAULT_NONE_WITHOUT_MX, "the policy names no mx ({})",
	  "keep the mx lines in mode none, too" },
	{ "policy.mx", CHECK_ERROR, is_fault, FAULT_MX,
	  "an mx is no host name, nor \"*.\" and one ({})",
	  "write names without port, address or dot at the end; \"*\" only as "
	  "the whole first label" },
	{ "policy.mx-unicode", CHECK_ERROR, is_fault, FAULT_MX_UNICODE,
	  "an mx is not written in A-labels ({})", "write it with xn--" },
	{ "policy.mx-many", CHECK_WARNING, is_fault, FAULT_MX_MANY,
	  "the policy has more than 50 mx lines ({})",
	  "name fewer, or one \"*.\" pattern for several" },
	{ "policy.blank-line", CHECK_WARNING, is_fault, FAULT_BLANK_LINE,
	  "the policy has a blank line ({})", "remove it" },
	{ "policy.bad-line", CHECK_ERROR, is_fault, FAULT_BAD_LINE,
	  "the policy has a line that is not \"field: value\" ({})",
	  "remove it" },
	{ "policy.colon", CHECK_WARNING, is_fault, FAULT_COLON,
	  "the policy has a value with a colon in it ({})",
	  "write values without" },
	{ "policy.twice", CHECK_WARNING, is_fault, FAULT_TWICE,
	  "the policy has a field twice, and senders differ about which one "
	  "counts ({})",
	  "keep one of the two lines" },
	{ "policy.unknown-field", CHECK_WARNING, is_fault, FAULT_UNKNOWN_FIELD,
	  "the policy has a field that no sender knows ({})",
	  "remove it, or write it in lower case if it is meant to be known" },
	{ "policy.not-ascii", CHECK_WARNING, is_fault, FAULT_NOT_ASCII,
	  "the policy is not plain ASCII ({})",
	  "write ASCII, names with xn--, and no byte order mark" },
	{ "policy.line-endings", CHECK_WARNING, is_fault, FAULT_LINE_ENDINGS,
	  "some lines of the policy end in CRLF and some in LF",
	  "end all lines in CRLF" },
	{ "policy.large", CHECK_WARNING, is_fault, FAULT_LARGE,
	  "the policy is over 10 KB ({})", "name fewer mx" },
};

const struct rule_set rules_policy = { GROUP_POLICY, ONCE, once,
				       ARRAY_LEN(once) };
const struct rule_set rules_policy_each = { GROUP_POLICY, EACH_FAULT, each,
					    ARRAY_LEN(each) };
