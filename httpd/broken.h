/*
 * Handshakes that were begun by an address and not brought to their end, after
 * they had cost a signature: over all serving threads, a leaky bucket for each
 * address (httpd/peers.h says what counts as one). Whose bucket is full is
 * turned away until some of it has run out.
 *
 * Its memory is fixed, and does not grow with the number of addresses: where
 * there is no place, whoever owes least is forgotten. So very many addresses
 * are not told from one another; a few that do much are.
 *
 * Any thread. The clock is passed in.
 */
#ifndef HTTPD_BROKEN_H
#define HTTPD_BROKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "httpd/peers.h"

#define BROKEN_BURST 10	  /* seconds' worth of them may come at once */
#define BROKEN_SLOTS 4096 /* addresses that are known, at most */

struct broken;

/* So many a second from each address; 0: any number. `peers` is borrowed. */
struct broken *broken_new(unsigned per_second, const struct peers *peers);
void broken_free(struct broken *b);

void broken_add(struct broken *b, struct peer peer, int64_t now_ms);

/* Its bucket is full: that is told, once a minute. */
bool broken_turns_away(struct broken *b, const struct sockaddr *address,
		       int64_t now_ms);

#endif
