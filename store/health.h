/*
 * How the store stands with the machine beneath it: is there room, can it be
 * written, is what it reads a database?
 *
 * Serving asks none of this. Who would begin something new asks
 * store_may_start(); what has begun goes on as far as it gets.
 *
 * Control thread only.
 */
#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include "store/store.h"

enum store_health {
	STORE_FINE,
	STORE_TIGHT,		/* little room: what is in flight may end */
	STORE_FULL,		/* the last write found none */
	STORE_READ_ONLY,
	STORE_BROKEN		/* errors of the disk, or damage */
};

const char *store_health_name(enum store_health health);

/* If it is not fine, `problem` says why, with what to do as its hint. */
enum store_health store_health(struct store *s, struct err *problem);

/*
 * Has the disk failed since something was last written? Then an error that
 * came back says nothing of the row that it was about.
 */
bool store_has_failed(const struct store *s);

/* Seconds: since rows were made durable last (-1: not yet), and for how long
   the disk has been asked to do so, just now. */
struct store_ages {
	long synced, waits;
};
struct store_ages store_ages(const struct store *s);

/*
 * May something new be begun that must be written to its end, such as an
 * order? False with ERR_AGAIN, and why. Damage alone does not forbid it:
 * as long as rows can be written, certificates are renewed.
 */
bool store_may_start(struct store *s, struct err *err);

/*
 * A check of state.db found this, or (NULL) nothing any more. Damage stays
 * the store's until then.
 */
void store_found_damage(struct store *s, const char *what);

/* Is the serve.db that is written the one that others find? */
bool store_has_serve(const struct store *s);

/* serve.db is made anew, beside the present one, and takes its place. */
bool store_renew_serve(struct store *s, struct err *err);

enum store_file { STORE_STATE_DB, STORE_SERVE_DB };

/*
 * Looks through a whole file, with a handle of its own: for the desk. Any
 * thread. ERR_DAMAGED with the first thing found; another kind if the check
 * did not come to its end, which it does not either when `go_on` says no.
 */
bool store_check(const struct store_options *options, enum store_file file,
		 bool (*go_on)(void *arg), void *arg, struct err *err);

#endif
