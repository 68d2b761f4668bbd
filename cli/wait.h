/*
 * --wait: what happens to domains, as it happens, until each is as wished.
 *
 * The trail is followed event by event; a CA that cannot be ordered from is
 * told at once. Who is not there when the time is up, or will not be tried
 * before, fails, with what stands in the way and what to do about it.
 */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_code.h"

struct cli;

struct waiting {
	char *name;		/* owned */
	char *serial;		/* of the certificate to be replaced, or NULL: */
				/* until it is live */
	char *ca;		/* owned: a trial with this CA; NULL: none */
	json_int_t after;	/* the last event told */
	json_t *outcome;	/* of a trial: the event that ended it */
	bool is_put_off;	/* nothing will come of it in time */
	bool is_done;
};

struct wait_list {
	struct waiting *item;
	size_t count;
};

/* What to wait for, from the answer to a change. `serial` as above. */
void wait_add(struct wait_list *list, const json_t *answer,
	      const char *serial);

/* The same for a trial: until the trail says what became of it. */
void wait_add_trial(struct wait_list *list, const json_t *answer,
		    const char *ca);

/*
 * Waits for all in cli->wait; EXIT_ERRORS if the time ran out or a trial
 * failed. With --json
 * progress goes to stderr, and each domain is printed as it is at its end.
 */
enum exit_code wait_for_all(struct cli *cli);
void wait_release(struct wait_list *list);

#endif
