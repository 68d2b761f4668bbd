/*
 * A thread that runs errands, one after the other: work that waits or takes
 * its time, away from the loop of whoever asks.
 *
 * All calls are for the owner of the `home` loop; only an errand itself runs
 * on the thread.
 */
#ifndef BASE_ERRANDS_H
#define BASE_ERRANDS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"

struct errands;

/* `name` is the thread's, at most 15 bytes. */
struct errands *errands_start(struct loop *home, const char *name,
			      struct err *err);

typedef void errand_run(void *arg);		   /* on the thread */
typedef void errand_done(bool was_run, void *arg); /* at home */

/*
 * `done` is called once, and never within this call; at the latest within
 * errands_stop(), and then perhaps for one that was not run. It may ask again.
 */
void errands_ask(struct errands *e, errand_run *run, errand_done *done,
		 void *arg);

/* Waits for the errand that is under way; begins no other. */
void errands_stop(struct errands *e);

#endif
