#include "acme/culprit.h"

/* CULPRIT_NAMES: it is none. */
static size_t find(const struct culprits *c, int64_t domain_id)
{
	size_t i = 0;

	while (i < CULPRIT_NAMES && c->name[i].domain_id != domain_id)
		i++;
	return i;
}

static struct culprit *place_of(struct culprits *c, int64_t domain_id)
{
	size_t i = find(c, domain_id);

	if (i == CULPRIT_NAMES) {
		i = c->next++ % CULPRIT_NAMES;
		c->name[i] = (struct culprit){ .domain_id = domain_id };
	}
	return &c->name[i];
}

/* Another that failed, and nobody has shown since that it was alone. */
static bool is_one_of_many(const struct culprits *c, const struct culprit *self)
{
	for (size_t i = 0; i < CULPRIT_NAMES; i++) {
		const struct culprit *other = &c->name[i];

		if (other != self && other->domain_id && !other->others_work)
			return true;
	}
	return false;
}

enum culprit_verdict culprit_failed(struct culprits *c, int64_t domain_id,
				    int depth)
{
	struct culprit *self = place_of(c, domain_id);
	bool others_work = self->others_work;

	self->others_work = false;
	if (depth > self->depth)
		self->depth = depth;
	if (c->is_ca || (!others_work && is_one_of_many(c, self))) {
		c->is_ca = true;
		return CULPRIT_CA;
	}
	if (!others_work)
		return CULPRIT_SUSPECTED;
	if (self->times < CULPRIT_TIMES)
		self->times++;
	return self->times < CULPRIT_TIMES ? CULPRIT_FOUND : CULPRIT_REFUSED;
}

void culprit_worked(struct culprits *c, int64_t domain_id, int depth)
{
	c->is_ca = false;
	for (size_t i = 0; i < CULPRIT_NAMES; i++) {
		struct culprit *other = &c->name[i];

		if (depth < other->depth)
			continue;
		if (other->domain_id == domain_id)
			*other = (struct culprit){ .domain_id = 0 };
		else
			other->others_work = true;
	}
}

bool culprit_is_suspect(const struct culprits *c, int64_t domain_id)
{
	return find(c, domain_id) < CULPRIT_NAMES;
}
