/*
 * A thread's event loop, and the only way to speak to it from outside.
 *
 * Each thread that waits owns one loop. Another thread gives it work by
 * loop_post(): a function and its argument, run once on the owning thread,
 * in order. What crosses is thus a message, never a shared object.
 *
 * Everything but loop_post() and loop_stop() is for the owning thread.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <event2/event.h>
#include <stdbool.h>

#include "base/err.h"

struct loop;

struct loop *loop_new(struct err *err);

/*
 * For many short connections: what is told to the kernel of a socket waits
 * until the loop does, so that the last word counts. Only where each socket is
 * the loop's own (none is a dup() of another) and leaves it before it is
 * closed; and if it is open elsewhere as well, a turn of the loop before.
 */
struct loop *loop_new_busy(struct err *err);
void loop_free(struct loop *loop);	/* runs what is still posted, first */

struct event_base *loop_base(struct loop *loop);

/* Returns when loop_stop() was called. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);	/* any thread */

/* Any thread. `run` gets `arg`, which it takes. */
void loop_post(struct loop *loop, void (*run)(void *arg), void *arg);

/*
 * As loop_post, from the owning thread itself: for what must not happen
 * inside the present callback, such as freeing the object that called it.
 */
void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg);

/* Runs what is posted, now: for a thread that was blocked, or does not run. */
void loop_drain(struct loop *loop);

/* Thread-safe libevent; to be called once before the first loop_new. */
void loop_init_library(void);

#endif
