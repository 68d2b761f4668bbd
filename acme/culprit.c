#include "acme/culprit.h"

/* NULL: it is none. */
static const struct culprit *find(const struct culprits *c, int64_t domain_id)
{
	for (size_t i = 0; i < CULPRITS_MAX; i++)
		if (c->name[i].domain_id == domain_id)
			return &c->name[i];
	return NULL;
}

/* One that is free, or else that of the oldest error. */
static struct culprit *place(struct culprits *c)
{
	struct culprit *oldest = &c->name[0];

	for (size_t i = 0; i < CULPRITS_MAX; i++) {
		struct culprit *one = &c->name[i];

		if (!one->domain_id)
			return one;
		if (one->at < oldest->at)
			oldest = one;
	}
	return oldest;
}

static bool is_recent(const struct culprit *one, time_t now)
{
	return one->at <= now && now - one->at < CULPRIT_FOR;
}

unsigned culprit_failed(struct culprits *c, int64_t domain_id, int depth,
			time_t now)
{
	struct culprit *one = (struct culprit *)find(c, domain_id);
	bool others_work;

	if (!one || !is_recent(one, now)) {
		one = one ? one : place(c);
		*one = (struct culprit){ .domain_id = domain_id, .since = now };
	}
	others_work = one->others_work;
	one->others_work = false;
	one->alone += others_work;
	one->at = now;
	if (depth > one->depth)
		one->depth = depth;
	return others_work ? one->alone : 0;
}

void culprit_worked(struct culprits *c, int64_t domain_id, int depth)
{
	for (size_t i = 0; i < CULPRITS_MAX; i++) {
		struct culprit *one = &c->name[i];

		if (depth < one->depth)
			continue;
		if (one->domain_id == domain_id)
			*one = (struct culprit){ .domain_id = 0 };
		else
			one->others_work = true;
	}
}

time_t culprit_since(const struct culprits *c, int64_t domain_id, time_t now)
{
	const struct culprit *one = find(c, domain_id);

	return one && is_recent(one, now) ? one->since : 0;
}
