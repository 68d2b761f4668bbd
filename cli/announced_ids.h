/*
 * Which policy does DNS announce of a domain that is to be added? An id that
 * was never made here is another host's, which senders hold: the daemon
 * refuses to add such a domain beside it, unless it is told to.
 *
 * Looks go on beside the command, many at once; each is short, and a resolver
 * that does not answer at all is not waited for again.
 */
#ifndef CLI_ANNOUNCED_IDS_H
#define CLI_ANNOUNCED_IDS_H

#include "cli/command.h"

struct announced_ids;
struct announced_id; /* of one domain, once it has been seen */

struct announced_ids *announced_ids_new(struct cli *cli);

/* Begins a look; NULL if there is none to be had. */
struct announced_id *announced_ids_ask(struct announced_ids *l,
				       const char *name);

/*
 * Waits for it, and puts it into the body of an addition (or, with NULL, only
 * ends it). `one` may be NULL, and is gone.
 */
void announced_id_take(struct announced_id *one, json_t *body);

/* Every look has been taken. */
void announced_ids_free(struct announced_ids *l);

#endif
