#include "httpd/fetches.h"

/* Where it is, or the free slot where it would be. */
static struct served_count *find(struct fetches *f, int64_t policy_id)
{
	size_t at = (size_t)((uint64_t)policy_id * 0x9e3779b97f4a7c15u >> 32);

	for (;; at++) {
		struct served_count *c = &f->slot[at & (FETCHES_SLOTS - 1)];

		if (!c->policy_id || c->policy_id == policy_id)
			return c;
	}
}

bool fetches_add(struct fetches *f, int64_t policy_id)
{
	struct served_count *c = find(f, policy_id);

	if (!c->policy_id) {
		if (f->used == FETCHES_MAX)
			return false;
		c->policy_id = policy_id;
		f->used++;
	}
	c->fetches++;
	return true;
}

size_t fetches_take(struct fetches *f,
		    struct served_count out[static FETCHES_MAX])
{
	size_t n = 0;

	if (!f->used)
		return 0;
	for (size_t i = 0; i < FETCHES_SLOTS; i++)
		if (f->slot[i].policy_id)
			out[n++] = f->slot[i];
	*f = (struct fetches){ .used = 0 };
	return n;
}
