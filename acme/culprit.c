#include "acme/culprit.h"

/* NULL: it is none. */
static const struct culprit *find(const struct culprits *c, int64_t domain_id)
{
	for (size_t i = 0; i < c->used; i++)
		if (c->name[i].domain_id == domain_id)
			return &c->name[i];
	return NULL;
}

/* One that is free, or else that of the oldest error. */
static struct culprit *place(struct culprits *c)
{
	struct culprit *oldest = &c->name[0];

	for (size_t i = 0; i < c->used; i++) {
		struct culprit *one = &c->name[i];

		if (!one->domain_id)
			return one;
		if (one->at < oldest->at)
			oldest = one;
	}
	return c->used < CULPRITS_MAX ? &c->name[c->used++] : oldest;
}

static bool is_recent(const struct culprit *one, time_t now)
{
	return one->at <= now && now - one->at < CULPRIT_FOR;
}

/* Once it was shown, it need not be anew as long as others work. */
static bool is_alone(const struct culprit *one, time_t now)
{
	return one->others_work || (one->alone && one->worked_at <= now &&
				    now - one->worked_at < CULPRIT_STILL);
}

unsigned culprit_failed(struct culprits *c, int64_t domain_id, int depth,
			time_t now)
{
	struct culprit *one = (struct culprit *)find(c, domain_id);
	bool is_its_own;

	if (!one || !is_recent(one, now)) {
		one = one ? one : place(c);
		*one = (struct culprit){ .domain_id = domain_id, .since = now };
	}
	is_its_own = depth <= one->depth && is_alone(one, now);
	one->others_work = false;
	one->alone += is_its_own;
	one->at = now;
	if (depth > one->depth) {
		one->depth = depth;
		one->worked_at = 0; /* that was less deep */
	}
	return is_its_own ? one->alone : 0;
}

void culprit_held(struct culprits *c, int64_t domain_id)
{
	struct culprit *one = (struct culprit *)find(c, domain_id);

	if (one)
		one->is_held = true;
}

void culprit_left(struct culprits *c, int64_t domain_id, time_t until)
{
	struct culprit *one = (struct culprit *)find(c, domain_id);

	if (one)
		one->left_until = until;
}

void culprit_certified(struct culprits *c, int64_t domain_id)
{
	culprit_left(c, domain_id, 0);
}

void culprit_worked(struct culprits *c, int64_t domain_id, int depth,
		    time_t now)
{
	for (size_t i = 0; i < c->used; i++) {
		struct culprit *one = &c->name[i];

		if (depth < one->depth)
			continue;
		if (one->domain_id == domain_id) {
			*one = (struct culprit){ .domain_id = 0 };
		} else {
			one->others_work = true;
			one->worked_at = now;
		}
	}
}

time_t culprit_since(const struct culprits *c, int64_t domain_id, time_t now)
{
	const struct culprit *one = find(c, domain_id);

	return one && is_recent(one, now) ? one->since : 0;
}

time_t culprit_alone_since(const struct culprits *c, int64_t domain_id,
			   time_t now)
{
	const struct culprit *one = find(c, domain_id);

	if (!one || (!one->alone && now >= one->left_until &&
		     !(one->is_held && one->others_work)))
		return 0;
	return culprit_since(c, domain_id, now);
}
