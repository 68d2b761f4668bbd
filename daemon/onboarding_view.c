/*
 * Two limits stand in the way of many new domains: that of new orders, which
 * all of them share, and that of new certificates under one registered domain,
 * which only hurts where many of them have the same. The last one can be
 * ordered when the slower of the two lets it.
 *
 * Of many thousands only a part is looked at, for others wait for this thread.
 * A registered domain that has so few of them that it may be missed there
 * waits less long for its own limit than all do for that of new orders.
 */
#include "daemon/onboarding_view.h"

#include <stdlib.h>
#include <string.h>

#include "acme/budget.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/json_view.h"
#include "store/domain.h"

#define LOOKED_AT 2000

struct sample {
	char **names; /* registered domains; owned */
	size_t count;
	long all; /* domains that it stands for */
};

/* ---- looking ---- */

static void add_name(const char *name, void *arg)
{
	struct sample *sample = arg;
	char host[DOMAIN_NAME_SIZE];

	domain_name_policy_host(name, host);
	sample->names = xrealloc_array(sample->names, sample->count + 1,
				       sizeof(*sample->names));
	sample->names[sample->count++] = xstrdup(
		budget_registered_domain(host));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sample_release(struct sample *sample)
{
	for (size_t i = 0; i < sample->count; i++)
		free(sample->names[i]);
	free(sample->names);
}

static size_t same_from(const struct sample *sample, size_t first)
{
	size_t end = first + 1;

	while (end < sample->count &&
	       streq(sample->names[end], sample->names[first]))
		end++;
	return end - first;
}

/*
 * How many there are if so many were seen. Of a part, no more than that there
 * are for sure: some domain always happens to be seen too often.
 */
static long stands_for(const struct sample *sample, size_t seen)
{
	size_t off = 0;

	if ((size_t)sample->all <= sample->count)
		return (long)seen;
	while ((off + 1) * (off + 1) <= 4 * seen)
		off++;
	return seen <= off ? 0
			   : (long)((double)(seen - off) * (double)sample->all /
				    (double)sample->count);
}

/* ---- reckoning ---- */

struct reckoning {
	struct store *store;
	int64_t ca_id;
	const struct limits *limits;
	int64_t now_ms;
};

static long seconds_by(const struct reckoning *r, enum limit_kind kind,
		       const char *subject, long count)
{
	struct bucket b;

	if (!bucket_read(r->store, r->ca_id, (int)kind, subject, &b, NULL))
		return 0;
	return budget_estimate(r->limits->of[kind], &b, count, r->now_ms);
}

static long slowest_of(const struct reckoning *r, const struct sample *sample)
{
	long worst = 0;
	size_t n;

	for (size_t i = 0; i < sample->count; i += n) {
		long seconds;

		n = same_from(sample, i);
		seconds = seconds_by(r, LIMIT_PER_DOMAIN, sample->names[i],
				     stands_for(sample, n));
		worst = seconds > worst ? seconds : worst;
	}
	return worst;
}

/* When the last of them can be ordered; null: there is none. */
static json_t *view_last(const struct reckoning *r, struct sample *sample)
{
	long all = seconds_by(r, LIMIT_NEW_ORDERS, "", sample->all);
	long slowest;

	if (!sample->all)
		return json_null();
	if (sample->count)
		qsort(sample->names, sample->count, sizeof(*sample->names),
		      by_name);
	slowest = slowest_of(r, sample);
	return view_instant(r->now_ms / 1000 + (slowest > all ? slowest : all));
}

static bool look(const struct reckoning *r, struct sample *sample,
		 enum domain_state state, long count, long all)
{
	sample->all += count;
	return !count || !r->limits->of[LIMIT_PER_DOMAIN].burst ||
	       domain_each_sampled(r->store, state, all, LOOKED_AT, add_name,
				   sample, NULL);
}

json_t *onboarding_view(struct store *s, int64_t ca_id,
			const struct limits *limits, time_t now)
{
	const struct reckoning r = { s, ca_id, limits, (int64_t)now * 1000 };
	struct sample ready = { .count = 0 }, both = { .count = 0 };
	json_t *view = NULL;
	struct domain_counts n;
	long all;

	if (!domain_count(s, &n, NULL))
		return json_null();
	all = n.issuing + n.waiting;
	if (look(&r, &ready, DOMAIN_ISSUING, n.issuing, n.issuing) &&
	    look(&r, &both, DOMAIN_ISSUING, n.issuing, all) &&
	    look(&r, &both, DOMAIN_WAITING_FOR_DNS, n.waiting, all))
		view = json_pack("{s:I, s:o, s:I, s:o}", "waiting",
				 (json_int_t)n.issuing, "last_ordered",
				 view_last(&r, &ready), "waiting_for_dns",
				 (json_int_t)n.waiting, "last_if_all_came_now",
				 view_last(&r, &both));
	sample_release(&ready);
	sample_release(&both);
	return view ? view : json_null();
}
