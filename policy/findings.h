/*
 * The judgement on a domain as it was seen: what is well, what is wrong, and
 * what to do about it.
 *
 * Pure: facts and the time come in, findings go out, in the order of their
 * groups. Each finding is a row of a table (findings_*.c) with an id that
 * stays the same for ever, for scripts.
 */
#ifndef POLICY_FINDINGS_H
#define POLICY_FINDINGS_H

#include <stddef.h>
#include <time.h>

#include "policy/check_facts.h"

enum check_severity {
	CHECK_GOOD,
	CHECK_NOTE,
	CHECK_WARNING,		/* protection is missing, or at risk */
	CHECK_ERROR		/* mail is or will be lost, or the policy is
				   of no use */
};

enum check_group {
	GROUP_RECORDS,
	GROUP_HOST,
	GROUP_CERTIFICATE,
	GROUP_POLICY,
	GROUP_MAIL,
	GROUP_REPORTS,
	GROUP_BOX
};

struct check_finding {
	const char *id;		/* "txt.duplicate" */
	enum check_group group;
	enum check_severity severity;
	char *text;		/* what is so: one sentence, no full stop */
	char *todo;		/* what to do, or "" */
	char *mx;		/* the mail host that it is about, or NULL */
};

struct check_findings {
	struct check_finding *item;	/* owned, with its texts */
	size_t count;
};

/* `out` is overwritten; at most a few for each thing that facts hold. */
void check_judge(const struct check_facts *facts, time_t now,
		 struct check_findings *out);
void check_findings_release(struct check_findings *f);

/* CHECK_GOOD if there is none. */
enum check_severity check_findings_worst(const struct check_findings *f);

const char *check_severity_name(enum check_severity severity);
const char *check_group_name(enum check_group group);	/* "mail servers" */

/* The id of the i-th row of the tables, or NULL past the last. */
const char *check_finding_id(size_t i);

#endif
