/*
 * Certificates whose rows do not hold any more what was put into them: found
 * by the desk, and replaced by control, one name at a time.
 */
#ifndef STORE_CERT_CHECK_H
#define STORE_CERT_CHECK_H

#include <time.h>

#include "store/store.h"

#define CERT_CHECK_PART 100 /* names found, per call */

/*
 * Looks at each certificate that is served, in the order of the domains'
 * ids, from behind `*from` on: the leaf, its key, its dates. Ids of domains
 * whose are no good; *from moves on, and is 0 at the end. Any thread, with a
 * handle of its own. False if it did not come to an end, which it does not
 * either when `go_on` says no.
 */
bool cert_check(const struct store_options *options, int64_t *from,
		int64_t *ids, size_t *count, bool (*go_on)(void *arg),
		void *arg, struct err *err);

/*
 * These are due now, as if an admin had asked, with a line in the trail; what
 * is asked for already is left alone. Control thread; a transaction.
 */
bool cert_replace_damaged(struct store *s, const int64_t *ids, size_t count,
			  time_t now, struct err *err);

#endif
