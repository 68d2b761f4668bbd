/*
 * The figures of the store (store/figures.h) and of the process, for whoever
 * scrapes: read by a thread of its own, at most once in ten seconds and for a
 * twentieth of the time, however often they are asked for.
 *
 * Owned by control, which makes all the calls.
 */
#ifndef DAEMON_METER_H
#define DAEMON_METER_H

#include "base/loop.h"
#include "base/process_figures.h"
#include "store/figures.h"

#define METER_FRESH_MS	  10000
#define METER_SHARE	  20   /* of the time, at most one in so much */
#define METER_PATIENCE_MS 2000 /* a disk may not answer: old figures will do */
#define METER_WAITING	  64

struct meter;

struct meter *meter_start(struct loop *control, const char *state_dir,
			  struct err *err);

/* Whoever waits is told. */
void meter_stop(struct meter *m);

/*
 * True: `done` will be called, once, and not within this call; within
 * METER_PATIENCE_MS, and at the latest within meter_stop(). False: what
 * there is is fresh, or too many wait already, and it never is.
 */
typedef void meter_done(void *arg);
bool meter_refresh(struct meter *m, time_t now, meter_done *done, void *arg);

/* Those that were read last. */
struct meter_reading {
	const struct figures *figures;	       /* NULL: none yet */
	const struct process_figures *process; /* the same */
	double age;			       /* seconds; of these */
	double took;			       /* seconds; to read them */
	unsigned long failures; /* readings that came to nothing */
};
struct meter_reading meter_read(const struct meter *m);

#endif
