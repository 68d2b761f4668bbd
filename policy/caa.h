/*
 * May a CA issue for a name? The judgement on the name's CAA records, as the
 * CA will make it (RFC 8659, with the parameters of RFC 8657).
 *
 * Pure: what the resolvers said and who would ask come in, a verdict with a
 * reason in words goes out. For plain names only: no wildcards.
 */
#ifndef POLICY_CAA_H
#define POLICY_CAA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/dns.h"
#include "base/err.h"

/* Who would ask, and how. */
struct caa_asker {
	/*
	 * The CA's names in CAA records ("caaIdentities" of its directory). A
	 * CA that gives none is not told from others: then any issuer's record
	 * will do.
	 */
	const char *const *identities;
	size_t identity_count;
	const char *account_url;	/* ours at this CA; or NULL */
	const char *method;		/* "http-01" */
};

/*
 * By this set, which was found or is known to be empty, and is not cut. If
 * not, err (ERR_REFUSED) names the record that is in the way, and what to
 * publish.
 */
bool caa_allows(const struct dns_caa_set *set, const struct caa_asker *asker,
		struct err *err);

enum caa_verdict {
	CAA_ALLOWS,
	CAA_FORBIDS,	/* says a server at least, with ERR_REFUSED */
	CAA_UNKNOWN	/* no server said anything to go by: ERR_AGAIN */
};

enum caa_verdict caa_judge(const struct dns_caa_answer *answer,
			   const struct caa_asker *asker, struct err *err);

#endif
