/*
 * How many connections each address has open, over all serving threads, and
 * how many bytes of bodies it holds with them.
 *
 * An IPv6 network hands a /64 to a single customer, so a /64 is what counts
 * as one address; an IPv4 address in IPv6 clothes counts as IPv4. Only
 * addresses with something open are remembered, so that the table is never
 * larger than the cap on connections. Any thread.
 */
#ifndef HTTPD_PEERS_H
#define HTTPD_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct peers;

/* Which counter an address belongs to. */
struct peer {
	int family;		/* 0: no internet address, thus not counted */
	uint64_t net;
};

struct peers *peers_new(unsigned limit); /* of open ones; 0: none */
void peers_free(struct peers *p);

struct peer peer_of(const struct sockaddr *address);
bool peer_is(struct peer a, struct peer b);

/* For tables of peers: which of them share one, nobody outside can know. */
uint64_t peers_hash(const struct peers *p, struct peer peer);

/* Counts one more; false, and nothing is counted, at the limit. */
bool peers_enter(struct peers *p, struct peer peer);

/* Gives back what peers_enter() counted. */
void peers_leave(struct peers *p, struct peer peer);

/*
 * So many bytes more of one that has entered; false, and nothing is counted, if
 * it would hold more than `most`. All are let go before it leaves.
 */
bool peers_hold(struct peers *p, struct peer peer, size_t bytes, size_t most);
void peers_let_go(struct peers *p, struct peer peer, size_t bytes);

#endif
