/*
 * A policy body read by the strictest of senders: each thing that some known
 * sender's parser stumbles over, and which senders these are.
 *
 * Where sts_policy_parse() ends at the first doubt, this one goes on, for a
 * policy of somebody else's that most senders can read.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_STS_LINT_H
#define POLICY_STS_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sts_policy.h"

#define STS_LINT_MAX   16	/* of each kind the first one is told */
#define STS_LINT_WORDS 80
#define STS_CLIENTS    256	/* room for the names of all of them */

enum sts_fault_kind {
	FAULT_VERSION,	    /* no "version: STSv1" */
	FAULT_VERSION_LATE, /* not the first line */
	FAULT_MODE,
	FAULT_MODE_REPORT, /* of an old draft */
	FAULT_MAX_AGE,
	FAULT_MAX_AGE_SHORT, /* of less than a day */
	FAULT_NO_MX,
	FAULT_NONE_WITHOUT_MX,
	FAULT_MX,
	FAULT_MX_UNICODE,
	FAULT_MX_MANY, /* more than STS_MX_LIMIT */
	FAULT_BLANK_LINE,
	FAULT_BAD_LINE,
	FAULT_COLON, /* one more within a value */
	FAULT_TWICE,
	FAULT_UNKNOWN_FIELD,
	FAULT_NOT_ASCII,
	FAULT_LINE_ENDINGS, /* LF and CRLF */
	FAULT_LARGE,	    /* over 10 KB */
	FAULT_KINDS
};

struct sts_fault {
	enum sts_fault_kind kind;
	int line;		/* 0: the policy as a whole */
	unsigned rejected_by;	/* for sts_fault_clients() */
	char given[STS_LINT_WORDS];	/* quoted, or "" */
};

struct sts_lint {
	struct sts_policy policy;	/* as a lenient sender understands it */
	bool has_mode, has_max_age;
	struct sts_fault fault[STS_LINT_MAX + FAULT_KINDS];
	size_t count;
};

void sts_lint(struct sts_lint *l, const char *body, size_t len);
void sts_lint_release(struct sts_lint *l);

/*
 * The senders that reject a policy for this: "mox, chasquid", "every sender",
 * "every sender but mox", or "".
 */
const char *sts_fault_clients(const struct sts_fault *f,
			      char out[static STS_CLIENTS]);

#endif
