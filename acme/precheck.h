/*
 * A look before the leap: may an order for this name succeed at all?
 *
 * Three looks are put together: does the name lead here (A and AAAA), does
 * CAA let a CA issue, does our own port 80 answer under the name. A renewal
 * is at most put off, and never for long; a first certificate waits.
 *
 * What we know to be wrong (an address that is not ours, a CAA record that
 * forbids) keeps a first certificate waiting without limit. What we only
 * failed to find out (no answer about CAA; a probe that did not come through,
 * perhaps because a router leads nobody back to its own address) does so for
 * PRECHECK_PATIENCE: then the CA's own look decides.
 *
 * A name whose certificate ended days ago (schedule_is_gone()) is looked at
 * each hour, and ordered when all is well again. If it is not, the CA's own
 * look is asked for once a day; after a month (schedule_is_dormant()) no more,
 * for as long as we know what is wrong.
 *
 * Pure: no I/O, no clock.
 */
#ifndef ACME_PRECHECK_H
#define ACME_PRECHECK_H

#include "policy/caa.h"
#include "acme/engine.h"
#include "base/dns.h"
#include "base/when.h"

#define PRECHECK_PROBES	  4
#define PRECHECK_DELAY_MAX (6 * WHEN_HOUR)	/* of a renewal, in all */
#define PRECHECK_PATIENCE (10 * WHEN_MINUTE)	/* of a first certificate */
#define PRECHECK_GONE	   WHEN_HOUR		 /* between looks at one gone */

enum precheck_look { PRECHECK_ADDRESSES, PRECHECK_CAA, PRECHECK_PROBE,
		     PRECHECK_LOOKS };

enum precheck_finding {
	PRECHECK_FINE,		/* or not looked at */
	PRECHECK_DOUBT,
	PRECHECK_WRONG
};

/* What was seen of one name; zero to begin with. */
struct precheck {
	struct {
		enum precheck_finding finding;
		struct err problem;	/* unless it is fine */
	} look[PRECHECK_LOOKS];

	/* Addresses of ours that the name leads to: those to probe. */
	char target[PRECHECK_PROBES][DNS_ADDRESS_TEXT];
	size_t target_count;

	/* By the order in which they were taken. */
	enum caa_verdict caa[ENGINE_CA_LIMIT];
	size_t ca_count;
};

/* What came of each look, in any order. */
void precheck_take_addresses(struct precheck *p, const char *host,
			     const struct dns_answer *answer,
			     const struct engine_settings *settings);

/*
 * Once for each CA that might be asked, at most ENGINE_CA_LIMIT times. One
 * that may issue is enough; which one is in p->caa.
 */
void precheck_take_caa(struct precheck *p, const struct dns_caa_answer *answer,
		       const struct caa_asker *asker);

/* Once for each target; `problem` as world.probe gives it. */
void precheck_take_probe(struct precheck *p, const struct err *problem);

/* How such looks went of late, this one included: of all names together. */
struct precheck_mood {
	unsigned asked, failed;
};

/* So many that it is not the name. */
bool precheck_is_many(const struct precheck_mood *mood);

/*
 * How long an order has been waited for that was put off `times` times by a
 * doubt. The pauses follow from one another, so that their number is all that
 * must be kept; time in which nobody looked does not count.
 */
long precheck_waited(bool is_first, long times);

struct precheck_case {
	bool is_first;		/* no certificate yet */
	long left, life;	/* seconds of the certificate's; else 0 */
	long since;		/* from the first look that kept this order */
				/* from being made until now; 0: this is it */
	bool was_delayed;	/* and so was the renewal before this one */
	struct precheck_mood mood[PRECHECK_LOOKS];
};

enum precheck_verdict {
	PRECHECK_GO,
	PRECHECK_DELAY, /* a renewal: look again after again_in */
	PRECHECK_WAIT	/* a first certificate, or one gone: the same */
};

struct precheck_result {
	enum precheck_verdict verdict;
	enum precheck_look look;	/* that `problem` is of */
	struct err problem;	/* ERR_NONE: there is none, and it is GO */
	const char *despite;	/* GO with a problem: why; else NULL */
	long again_in;		/* seconds; 0: at the pace of DNS looks */
};

void precheck_judge(const struct precheck *p, const struct precheck_case *c,
		    struct precheck_result *result);

#endif
