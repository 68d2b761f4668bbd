/*
 * How many connections each address has open, over all serving threads.
 *
 * An IPv6 network hands a /64 to a single customer, so a /64 is what counts
 * as one address; an IPv4 address in IPv6 clothes counts as IPv4. Only
 * addresses with something open are remembered, so that the table is never
 * larger than the cap on connections. Any thread.
 */
#ifndef HTTPD_PEERS_H
#define HTTPD_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct peers;

/* Which counter an address belongs to. */
struct peer {
	int family;		/* 0: no internet address, thus not counted */
	uint64_t net;
};

struct peers *peers_new(unsigned limit);	/* 0: no limit */
void peers_free(struct peers *p);

struct peer peer_of(const struct sockaddr *address);

/* Counts one more; false, and nothing is counted, at the limit. */
bool peers_enter(struct peers *p, struct peer peer);

/* Gives back what peers_enter() counted. */
void peers_leave(struct peers *p, struct peer peer);

#endif
