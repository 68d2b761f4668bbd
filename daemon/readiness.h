/*
 * Is a domain ready for mode enforce? From then on senders refuse to deliver
 * to a host that the policy does not name, or whose certificate is not good.
 *
 * Pure: what is known comes in, reasons against it go out, each with a stable
 * id and what to do.
 */
#ifndef DAEMON_READINESS_H
#define DAEMON_READINESS_H

#include <jansson.h>

#include "daemon/config.h"
#include "daemon/domain_facts.h"
#include "store/checked.h"
#include "store/report_recent.h"

#define READINESS_MAX	 24
#define READINESS_FRESH                                                        \
	900L /* seconds that a look counts, from outside or at
				   the MX */
#define READINESS_REPORTS (7 * 86400L) /* and TLS reports */

struct readiness_reason {
	char id[40];
	char text[300], hint[300];
};

struct readiness {
	struct readiness_reason reason[READINESS_MAX];
	size_t count;
	json_t *notes;		/* owned; texts: what does not speak against
				   it, and is good to know */
	time_t ready_at;	/* by the time in testing; 0: not known */
	bool needs_look;	/* it was not looked at lately */
};

struct readiness_facts {
	const struct domain_facts *domain;
	const struct checked *checked;
	const struct report_recent *reports; /* of the last days */
	const struct sts_policy *meant;	     /* of its template, or NULL */
	time_t testing_since;	/* 0: not announced yet */
	long testing_time;
	long report_share;	/* percent of sessions that may fail */
	bool without_reports;	/* nobody knows of any, and that is fine */
	bool keep_stale;	/* what is in no MX is meant to be named */
	bool any_age;		/* an old look will do: for the alert */
};

/* To be released. */
void readiness_judge(const struct readiness_facts *f, time_t now,
		     struct readiness *r);
void readiness_release(struct readiness *r);

/*
 * ERR_REFUSED with what speaks against it: the first reasons, each of them whole,
 * and how many more there are.
 */
bool readiness_refuse(const struct readiness *r, const char *name,
		      struct err *err);

/* All of it at once, from the store; false with err if it cannot be read. */
bool readiness_of(struct store *s, const struct domain_facts *f,
		  const struct config *config, bool without_reports,
		  bool keep_stale, bool any_age, time_t now,
		  struct readiness *r, struct err *err);

/* What TLS reports told of it lately; and whether more failed than may. Only
   what they tell of by MTA-STS says how it would go in mode enforce. */
bool readiness_reports(struct store *s, int64_t domain_id, time_t now,
		       struct report_recent *out, struct err *err);
bool readiness_is_failing(const struct report_told *t, long share);

/*
 * The next step of max_age for a domain that has enforced so long without
 * trouble: 0 if it is too soon, or max_age is long enough.
 */
long readiness_next_max_age(long max_age, long enforced_for);

#endif
