#include "httpd/peers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/network.h"

#define BUCKETS 4096	/* a power of two */

struct count {
	struct count *next;
	struct peer peer;
	unsigned open;
	size_t held;
};

struct peers {
	unsigned limit;
	uint64_t secret;	/* nobody can aim at one bucket */
	pthread_mutex_t lock;	/* guards the buckets and what hangs on them */
	struct count *bucket[BUCKETS];
};

struct peers *peers_new(unsigned limit)
{
	struct peers *p = xcalloc(1, sizeof(*p));

	p->limit = limit;
	if (getrandom(&p->secret, sizeof(p->secret), 0) < 0)
		p->secret = (uintptr_t)p;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void peers_free(struct peers *p)
{
	struct count *c, *next;

	if (!p)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (c = p->bucket[i]; c; c = next) {
			next = c->next;
			free(c);
		}
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct peer peer_of(const struct sockaddr *address)
{
	struct ip ip = ip_of(address);
	struct peer peer = { .family = ip.family };
	uint32_t v4;

	memcpy(&v4, ip.bytes, sizeof(v4));
	if (ip.family == AF_INET6)
		memcpy(&peer.net, ip.bytes, sizeof(peer.net));
	else
		peer.net = v4;
	return peer;
}

bool peer_is(struct peer a, struct peer b)
{
	return a.net == b.net && a.family == b.family;
}

uint64_t peers_hash(const struct peers *p, struct peer peer)
{
	uint64_t h = (peer.net ^ p->secret) * 0x9e3779b97f4a7c15u;

	return h ^ h >> 32;
}

/* Where the peer's count hangs, or where a new one is to be hung. */
static struct count **find(struct peers *p, struct peer peer)
{
	struct count **at = &p->bucket[peers_hash(p, peer) & (BUCKETS - 1)];

	while (*at && !peer_is((*at)->peer, peer))
		at = &(*at)->next;
	return at;
}

static bool enter(struct peers *p, struct peer peer)
{
	struct count **at = find(p, peer);

	if (!*at) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->peer = peer;
	}
	if (p->limit && (*at)->open >= p->limit)
		return false;
	(*at)->open++;
	return true;
}

bool peers_enter(struct peers *p, struct peer peer)
{
	bool ok;

	if (!peer.family)
		return true;
	pthread_mutex_lock(&p->lock);
	ok = enter(p, peer);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static void leave(struct peers *p, struct peer peer)
{
	struct count **at = find(p, peer), *gone = *at;

	if (!gone || --gone->open)
		return;
	*at = gone->next;
	free(gone);
}

void peers_leave(struct peers *p, struct peer peer)
{
	if (!peer.family)
		return;
	pthread_mutex_lock(&p->lock);
	leave(p, peer);
	pthread_mutex_unlock(&p->lock);
}

bool peers_hold(struct peers *p, struct peer peer, size_t bytes, size_t most)
{
	struct count *c;
	bool ok;

	if (!peer.family)
		return true;
	pthread_mutex_lock(&p->lock);
	c = *find(p, peer);
	ok = c && c->held + bytes <= most;
	if (ok)
		c->held += bytes;
	pthread_mutex_unlock(&p->lock);
	return ok;
}

void peers_let_go(struct peers *p, struct peer peer, size_t bytes)
{
	struct count *c;

	if (!peer.family || !bytes)
		return;
	pthread_mutex_lock(&p->lock);
	c = *find(p, peer);
	if (c)
		c->held -= bytes;
	pthread_mutex_unlock(&p->lock);
}
