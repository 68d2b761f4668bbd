#include "daemon/counting.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

struct batch {
	struct counting *counting;
	size_t n;
	struct served_count counts[];
};

static bool stage(struct counting *c, const struct served_count *counts,
		  size_t n, time_t now, struct err *err)
{
	return (c->is_begun || served_begin(c->store, now, err)) &&
	       (!c->lost_since ||
		served_gap(c->store, c->lost_since, now, err)) &&
	       served_add(c->store, counts, n, now, err);
}

static bool write_counts(struct counting *c, const struct served_count *counts,
			 size_t n, struct err *err)
{
	if (!c->store)
		return err_set(err, ERR_AGAIN, "there is no state.db");
	if (!store_begin(c->store, err))
		return false;
	if (stage(c, counts, n, c->now(c->arg), err))
		return store_commit(c->store, err);
	store_rollback(c->store);
	return false;
}

static void keep(struct counting *c, const struct served_count *counts,
		 size_t n)
{
	struct err err = ERR_INIT;

	if (write_counts(c, counts, n, &err)) {
		c->is_begun = true;
		c->lost_since = 0;
	} else if (!c->lost_since) {
		c->lost_since = c->now(c->arg) - SERVED_TOLD;
		log_warn("mtastsd: fetches of policies cannot be counted: %s"
			 "%s%s", err.text, *err.hint ? ": " : "", err.hint);
	}
}

static void on_batch(void *arg)
{
	struct batch *b = arg;

	keep(b->counting, b->counts, b->n);
	free(b);
}

void counting_hear(struct counting *c, const struct served_count *counts,
		   size_t n)
{
	struct batch *b = xmalloc(sizeof(*b) + n * sizeof(*counts));

	b->counting = c;
	b->n = n;
	memcpy(b->counts, counts, n * sizeof(*counts));
	loop_post(c->loop, on_batch, b);
}

void counting_begin(struct counting *c, struct store *s)
{
	c->store = s;
	c->is_begun = false;
	keep(c, NULL, 0);
}

void counting_leave(struct counting *c)
{
	c->store = NULL;
	c->is_begun = false;
}

/* What is not written leaves a gap at the next start. */
void counting_end(struct counting *c)
{
	loop_drain(c->loop);
	if (!c->is_begun || c->lost_since || !store_begin(c->store, NULL))
		return;
	if (!served_end(c->store, NULL))
		store_rollback(c->store);
	else
		store_commit(c->store, NULL);
	counting_leave(c);
}
