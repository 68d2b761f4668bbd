#include "httpd/peers.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SLOTS 65536	/* a power of two */

struct peers {
	uint64_t key;
	unsigned max;
	_Atomic unsigned open[SLOTS];
};

struct peers *peers_new(unsigned max_per_address)
{
	struct peers *p = xcalloc(1, sizeof(*p));

	p->max = max_per_address;
	if (RAND_bytes((unsigned char *)&p->key, sizeof(p->key)) != 1)
		p->key = (uintptr_t)p;	/* a poorer key, not a failure */
	return p;
}

void peers_free(struct peers *p)
{
	free(p);
}

/* What of an address counts: all of IPv4, the network half of IPv6. */
static uint64_t significant(const struct sockaddr *from)
{
	uint64_t bits = 0;

	if (from->sa_family == AF_INET6)
		memcpy(&bits, &((const struct sockaddr_in6 *)(const void *)from)
				       ->sin6_addr, sizeof(bits));
	else if (from->sa_family == AF_INET)
		bits = ((const struct sockaddr_in *)(const void *)from)
			       ->sin_addr.s_addr;
	return bits;
}

/* Keyed multiply and fold: cheap, and unguessable without the key. */
static int slot_of(const struct peers *p, const struct sockaddr *from)
{
	uint64_t x = significant(from) ^ p->key;

	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u ^ (p->key << 1);
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return (int)(x & (SLOTS - 1));
}

int peers_enter(struct peers *p, const struct sockaddr *from)
{
	int slot = slot_of(p, from);

	if (atomic_fetch_add(&p->open[slot], 1) < p->max)
		return slot;
	atomic_fetch_sub(&p->open[slot], 1);
	return -1;
}

void peers_leave(struct peers *p, int slot)
{
	if (slot >= 0)
		atomic_fetch_sub(&p->open[slot], 1);
}
