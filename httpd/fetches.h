/*
 * How often each policy was fetched: what one serving thread counts until it
 * tells control. Owning thread only; of fixed size, whoever asks for what.
 */
#ifndef HTTPD_FETCHES_H
#define HTTPD_FETCHES_H

#include "store/served.h"

#define FETCHES_SLOTS 1024	/* a power of two */
#define FETCHES_MAX   768	/* policies in one batch */

/* All zero is empty. */
struct fetches {
	size_t used;
	struct served_count slot[FETCHES_SLOTS];	/* policy_id 0: free */
};

/* False: there is no room for another policy; take what is there first. */
bool fetches_add(struct fetches *f, int64_t policy_id);

/* Moves what was counted to `out`, in no order. Returns how many policies. */
size_t fetches_take(struct fetches *f,
		    struct served_count out[static FETCHES_MAX]);

#endif
