#include "httpd/broken.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/network.h"
#include "httpd/complain.h"

#define WAYS	 8 /* slots that an address may be in */
#define SETS	 (BROKEN_SLOTS / WAYS)
#define BURST_US (BROKEN_BURST * 1000000LL)

struct slot {
	struct peer peer;
	int64_t even_us; /* when all of it will have run out */
};

struct broken {
	int64_t each_us; /* 0: no limit */
	const struct peers *peers;
	pthread_mutex_t lock; /* guards the slots */
	struct slot slot[SETS][WAYS];
};

struct broken *broken_new(unsigned per_second, const struct peers *peers)
{
	struct broken *b = xcalloc(1, sizeof(*b));

	b->each_us = per_second ? 1000000 / per_second : 0;
	b->peers = peers;
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void broken_free(struct broken *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* The slot of the peer; or NULL, and *least is the one that owes least. */
static struct slot *find(struct broken *b, struct peer peer,
			 struct slot **least)
{
	struct slot *set = b->slot[peers_hash(b->peers, peer) % SETS];

	*least = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (peer_is(set[i].peer, peer))
			return &set[i];
		if (set[i].even_us < (*least)->even_us)
			*least = &set[i];
	}
	return NULL;
}

static bool has_limit(const struct broken *b, struct peer peer)
{
	return b->each_us && peer.family;
}

void broken_add(struct broken *b, struct peer peer, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;
	struct slot *s, *least;

	if (!has_limit(b, peer))
		return;
	pthread_mutex_lock(&b->lock);
	s = find(b, peer, &least);
	if (!s) {
		s = least;
		*s = (struct slot){ .peer = peer };
	}
	if (s->even_us < now_us)
		s->even_us = now_us;
	s->even_us += b->each_us;
	pthread_mutex_unlock(&b->lock);
}

static bool is_full(struct broken *b, struct peer peer, int64_t now_ms)
{
	struct slot *s, *least;
	bool is;

	if (!has_limit(b, peer))
		return false;
	pthread_mutex_lock(&b->lock);
	s = find(b, peer, &least);
	is = s && s->even_us - now_ms * 1000 >= BURST_US;
	pthread_mutex_unlock(&b->lock);
	return is;
}

bool broken_turns_away(struct broken *b, const struct sockaddr *address,
		       int64_t now_ms)
{
	static atomic_long silent_until;
	char text[IP_TEXT];

	if (!is_full(b, peer_of(address), now_ms))
		return false;
	if (complain_now(&silent_until))
		log_warn("mtastsd: %s breaks off one TLS handshake after the "
			 "other: what else comes from there is turned away "
			 "for a while (max_broken_per_address in "
			 "mtastsd.conf(5))",
			 ip_to_text(address, text));
	return true;
}
