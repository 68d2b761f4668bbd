/*
 * A thread that looks through the stored TLS reports for whoever asks: sums of
 * millions of rows are nothing for the loop. It has a read-only handle for the
 * moment that it needs one, and sees what is committed.
 *
 * Owned by control, which makes all the calls.
 */
#ifndef DAEMON_REPORT_DESK_H
#define DAEMON_REPORT_DESK_H

#include "base/err.h"
#include "base/loop.h"
#include "store/report_reader.h"

#define REPORT_DESK_WAITING 32 /* questions; more are turned away */

struct report_desk;

struct report_desk *report_desk_start(struct loop *control,
				      const char *state_dir, struct err *err);

/* What is being read is ended in the middle; whoever waits is told so. */
void report_desk_stop(struct report_desk *d);

/* On the thread. */
typedef bool report_work(struct report_reader *r, void *arg, struct err *err);

/* On control: how the work ended, ERR_NONE if it is done. Borrowed. */
typedef void report_worked(const struct err *err, void *arg);

/*
 * `worked` is called once, and not within this call; at the latest within
 * report_desk_stop(). False with ERR_AGAIN: too many wait, and it never is.
 */
bool report_desk_ask(struct report_desk *d, report_work *work,
		     report_worked *worked, void *arg, struct err *err);

#endif
