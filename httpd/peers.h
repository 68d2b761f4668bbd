/*
 * How many connections are open from each address, over all threads.
 *
 * A table of atomic counters that addresses are hashed into with a random
 * key: no lock, no allocation, nothing that a peer could make grow. Two
 * addresses may share a counter, which only makes the cap a little stricter
 * for them. An IPv6 peer is its /64. Any thread.
 */
#ifndef HTTPD_PEERS_H
#define HTTPD_PEERS_H

#include <stdbool.h>
#include <sys/socket.h>

struct peers;

struct peers *peers_new(unsigned max_per_address);
void peers_free(struct peers *p);

/*
 * Counts one more from this address. The slot it was counted in, for
 * peers_leave(); or -1, and nothing is counted, if that is one too many.
 */
int peers_enter(struct peers *p, const struct sockaddr *from);
void peers_leave(struct peers *p, int slot);

#endif
