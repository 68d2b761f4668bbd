/*
 * A TLS report: what one sender tells of one day's sessions (RFC 8460, 4.4).
 *
 * Anybody may have written it: nothing in it is proven, everything is bounded.
 * Reporters differ, and what can be read of a report is taken: what is missing,
 * null or of another type is empty or 0, and what is unknown is passed over.
 * Only what has no window, or is no JSON object at all, is no report.
 *
 * All texts are valid UTF-8, of one line where nothing else is said, without
 * controls (base/utf8.h), cut at their bound, and never NULL. To a terminal or
 * a page they still go escaped.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_TLS_REPORT_H
#define POLICY_TLS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "policy/domain_name.h"
#include "policy/tls_result.h"

/*
 * What a report may be. Within these, with every field of every failure
 * given, it takes less than 16 MB to read one; a tree of 10,000 failures alone
 * would be that.
 */
#define TLS_REPORT_JSON_MAX	2097152 /* bytes, inflated */
#define TLS_REPORT_RATIO_MAX	400	/* of inflated to gzip */
#define TLS_REPORT_POLICIES_MAX 1000
#define TLS_REPORT_FAILURES_MAX 5000	       /* of all policies together */
#define TLS_REPORT_COUNT_MAX	1000000000000L /* sessions: more is this */
#define TLS_REPORT_DAYS_MAX	31	       /* from begin to end */

enum tls_policy_type {
	TLS_POLICY_STS,
	TLS_POLICY_TLSA,
	TLS_POLICY_NONE_FOUND,
	TLS_POLICY_OTHER
};

/* One session may be told of in several of these: their sum says nothing. */
struct tls_failure {
	enum tls_result result;
	char *result_text;  /* as written, if it is TLS_RESULT_OTHER */
	char *sending_ip;   /* addresses as inet_ntop writes them, */
	char *receiving_ip; /* ... or the text that is none */
	char *mx_host;	    /* a lower-case A-label name, or the text */
	char *mx_helo;
	long sessions;	  /* 0 if it is not said */
	char *additional; /* often a URL */
	char *reason;	  /* failure-reason-code */
};

struct tls_report_policy {
	enum tls_policy_type type;
	char *type_text; /* as written, if it is TLS_POLICY_OTHER */

	/*
	 * policy-domain, normalised; "" if it is missing, as it is with some
	 * for no-policy-found, or no name: domain_text then has what was
	 * given. For tlsa some reporters name the mail host here.
	 */
	char domain[DOMAIN_NAME_SIZE];
	char *domain_text;

	char *policy;		 /* policy-string, lines: policy_lines.h */
	char *mx;		 /* mx-host, lines, lower case */
	long successful, failed; /* sessions, from the summary only */
	struct tls_failure *failure;
	size_t failure_count;
};

/* A report of no policies says that nothing was sent: it is fine. */
struct tls_report {
	char *organization;
	char *id; /* unique per organization, if it is given */
	char *contact;
	time_t begin, end; /* the end is often one second short of a day */
	struct tls_report_policy *policy;
	size_t policy_count;
	size_t failure_count; /* of all policies */
};

/*
 * On failure *r is left empty, and the same text will never be taken:
 *
 *	ERR_INPUT	it is no report: the text says why
 *	ERR_REFUSED	it is over a limit: the text says which
 */
bool tls_report_parse(struct tls_report *r, const char *json, size_t len,
		      struct err *err);

/* The same for what was posted or attached: JSON, or gzip of it. */
bool tls_report_read(struct tls_report *r, const void *data, size_t len,
		     struct err *err);

void tls_report_release(struct tls_report *r);

/* "sts", "tlsa", "no-policy-found", "other". */
const char *tls_policy_type_name(enum tls_policy_type type);

#endif
