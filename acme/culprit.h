/*
 * Names that a CA meets with server errors, garbage or silence, and that it
 * perhaps fails alone. Nothing tells that from trouble of the CA's, only what becomes of others
 * meanwhile: once the order of another name has gone as deep as the one that
 * failed, the next error is taken for that name's own. So are those that follow,
 * as long as others have gone as deep of late.
 *
 * It says only who waits, and which CA is asked: nobody is charged by it, so
 * that a wrong guess does not matter for long. In memory only: after a restart
 * it is learned anew. No I/O.
 */
#ifndef ACME_CULPRIT_H
#define ACME_CULPRIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CULPRITS_MAX  1024  /* that are kept in mind */
#define CULPRIT_FOR  7200L /* s: an older error says nothing of now */
#define CULPRIT_STILL 120L  /* s, that others have worked: as of now */

struct culprit {
	int64_t domain_id; /* 0: none */
	int depth;	   /* of the exchange that failed, at least */
	bool others_work;  /* since it failed last, and as deep */
	time_t worked_at; /* of others, as deep; 0: not since its first error */
	unsigned alone;	   /* times that it failed while others worked */
	bool is_held;	   /* it was told to stay away for long */
	time_t left_until; /* it went to another CA; 0: or not */
	time_t since, at;  /* its first error, and its last */
};

/* Of one CA. All zero at first. */
struct culprits {
	struct culprit name[CULPRITS_MAX];
	size_t used; /* no place from here on ever was */
};

/*
 * Its order met an error, at a depth as of acme/engine_parts.h. Returns 0 if it
 * may be the CA's, else how often it has been its own now.
 */
unsigned culprit_failed(struct culprits *c, int64_t domain_id, int depth,
			time_t now);

/* And for longer than one that fails with others waits: it cannot show it. */
void culprit_held(struct culprits *c, int64_t domain_id);

/*
 * It was moved to another CA. If it had met an error here it counts as failing
 * alone for a while, or until any CA has certified it: a CA that answers others
 * again would have it back at once, and fail it, as long as others fail it, too.
 */
void culprit_left(struct culprits *c, int64_t domain_id, time_t until);
void culprit_certified(struct culprits *c, int64_t domain_id);

/* Its order went so deep. */
void culprit_worked(struct culprits *c, int64_t domain_id, int depth,
		    time_t now);

/* It has failed since then, and has not worked; 0: it has not failed. */
time_t culprit_since(const struct culprits *c, int64_t domain_id, time_t now);

/*
 * The same, if it was shown to fail alone: else its CA may have been down. Who is
 * held shows it if others work meanwhile.
 */
time_t culprit_alone_since(const struct culprits *c, int64_t domain_id,
			   time_t now);

#endif
