/*
 * May senders be told of a domain's policy? The one place where it is decided,
 * for whoever shows, recommends or publishes its `_mta-sts` TXT.
 *
 * Only once the policy can be fetched from outside with a certificate that
 * senders trust: before that they would look for what they cannot have. What
 * they were told of once is not taken back for this.
 *
 * Pure: rows come in, a verdict and words come out.
 */
#ifndef DAEMON_ANNOUNCE_H
#define DAEMON_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "store/ca.h"
#include "store/domain.h"
#include "store/reached.h"

enum announce {
	ANNOUNCE_NO_CERTIFICATE,
	ANNOUNCE_UNTRUSTED,	/* ... that any sender trusts */
	ANNOUNCE_UNSEEN,	/* not fetched from outside yet */
	ANNOUNCE_NOT_FROM_HERE, /* ... and this box cannot look, as it seems:
				   it may, and somebody else should look */
	ANNOUNCE_BY_HAND,	/* ... and somebody says that it is well */
	ANNOUNCE_OK
};

/* `ca` is where the certificate served is from, all zero if imported. */
enum announce announce_judge(const struct domain *d, bool has_cert,
			     const struct ca *ca, const struct reached *r);

const char *announce_name(enum announce is); /* "no-certificate" ... */
bool announce_may(enum announce is);

/*
 * Is there something for a hand to override? Only that this box has looked, and
 * did not get it. Else ERR_REFUSED with why not.
 */
bool announce_may_override(enum announce is, const struct domain *d,
			   const struct ca *ca, const struct reached *r,
			   struct err *err);

/* Does its record belong into DNS? As above, or senders know of it already. */
bool announce_stands(enum announce is, const struct domain *d,
		     const struct reached *r);

#define ANNOUNCE_WORDS (REACHED_WORDS + 160)

/*
 * What stands against it, or speaks against it all the same, and what to do:
 * one sentence each, without a full stop. Both empty: nothing.
 */
struct announce_words {
	char why[ANNOUNCE_WORDS];
	char todo[2 * ANNOUNCE_WORDS];
};
void announce_say(enum announce is, const struct domain *d, const struct ca *ca,
		  const struct reached *r, struct announce_words *out);

#endif
