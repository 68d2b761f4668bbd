/*
 * One name that a CA meets with server errors while it works for others: then
 * it is that name's trouble, and not the CA's. No status tells the two apart,
 * only what becomes of other names meanwhile.
 *
 * A name whose order meets an error is suspected; if another meets one before
 * any order has gone as far, it is the CA. Once the order of another has, the
 * next error of the suspect is its own. That is to be shown anew each time, so
 * that an outage which only one name sees is not held against it.
 *
 * In memory only: after a restart it is learned anew. No I/O, no clock.
 */
#ifndef ACME_CULPRIT_H
#define ACME_CULPRIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CULPRIT_NAMES 8 /* that are kept in mind */
#define CULPRIT_TIMES 8 /* errors of its own, and it is refused */

/* All zero at first. */
struct culprits {
	struct culprit {
		int64_t domain_id; /* 0: none */
		int depth;	   /* of the exchange that failed, at least */
		bool others_work;  /* since it failed last, and as deep */
		unsigned times;	   /* that they had when it failed again */
	} name[CULPRIT_NAMES];
	size_t next;
	bool is_ca; /* several failed, and none has worked since */
};

enum culprit_verdict {
	CULPRIT_CA,	   /* all wait */
	CULPRIT_SUSPECTED, /* others are to try before it */
	CULPRIT_FOUND,	   /* it waits alone */
	CULPRIT_REFUSED	   /* the CA refuses the name, in effect */
};

/* Its order met an error, at a depth as of acme/engine_parts.h. */
enum culprit_verdict culprit_failed(struct culprits *c, int64_t domain_id,
				    int depth);

/* Its order went so deep. */
void culprit_worked(struct culprits *c, int64_t domain_id, int depth);

/* Has it failed, and not worked since? */
bool culprit_is_suspect(const struct culprits *c, int64_t domain_id);

#endif
