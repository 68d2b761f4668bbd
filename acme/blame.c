/*
 * No single row may stop the engine. A tick is one transaction, so what fails
 * in it for the sake of one row fails for all. That row is remembered, and the
 * next tick begins by putting it off: for seconds at first, for an hour in the
 * end. Then an order is ended, and its domain is due for another one.
 *
 * What the disk does is no row's fault. Nor is it when many rows fail one tick
 * after the other: then all of them are left as they are, and it is only tried
 * again. How often a row has failed is known to this process only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/engine_parts.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/health.h"
#include "store/trail.h"

#define PAUSE_MIN 2 /* seconds; doubles, up to ... */
#define PAUSE_MAX WHEN_HOUR
#define FORGIVEN  WHEN_DAY /* what failed no tick for so long is new */

/* ---- who is to blame ---- */

static struct blamed *find(struct engine *e, const struct row_at *row)
{
	for (size_t i = 0; i < BLAMED_MAX; i++)
		if (e->blamed[i].row.kind == row->kind &&
		    e->blamed[i].row.id == row->id)
			return &e->blamed[i];
	return NULL;
}

/* A free place, or that of who was blamed longest ago; NULL: all fail now. */
static struct blamed *find_place(struct engine *e)
{
	struct blamed *best = NULL;

	for (size_t i = 0; i < BLAMED_MAX; i++) {
		struct blamed *b = &e->blamed[i];

		if (!b->is_due && (!best || b->at < best->at))
			best = b;
	}
	return best;
}

static void blame(struct engine *e, struct blamed *b)
{
	bool is_known = b->row.kind == e->culprit.kind &&
			b->row.id == e->culprit.id &&
			engine_now(e) - b->at < FORGIVEN;

	b->times = is_known ? b->times + 1 : 1;
	b->row = e->culprit;
	b->at = engine_now(e);
	b->is_due = true;
	str_copy(b->why, sizeof(b->why), e->failure.text);
}

static void blame_nobody(struct engine *e)
{
	for (size_t i = 0; i < BLAMED_MAX; i++)
		e->blamed[i].is_due = false;
}

void blame_failed(struct engine *e)
{
	struct blamed *b = find(e, &e->culprit);

	if (e->culprit.kind == ROW_NONE || e->is_blameless ||
	    store_has_failed(e->store)) {
		blame_nobody(e);
		return;
	}
	if (!b)
		b = find_place(e);
	e->is_blameless = !b;
	if (!b) {
		blame_nobody(e);
		return;
	}
	blame(e, b);
	if (e->taking)
		e->taking->is_spoilt = true;
	e->failures = 0; /* the next tick will do better */
}

void blame_committed(struct engine *e)
{
	blame_nobody(e);
	e->is_blameless = false;
}

/* ---- what becomes of it ---- */

static long pause_of(const struct blamed *b)
{
	long pause = PAUSE_MIN;

	for (unsigned n = b->times; n > 1 && pause < PAUSE_MAX; n--)
		pause *= 2;
	return pause < PAUSE_MAX ? pause : PAUSE_MAX;
}

static bool put_off_ca(struct engine *e, const struct blamed *b, time_t until)
{
	struct authority *a = authority_by_id(e, b->row.id);

	if (a && b->row.kind == ROW_CANARY) {
		a->row.canary_at = until;
		a->row.canary_failures++; /* another name's turn */
	} else if (a) {
		authority_put_off(a, (int64_t)until * 1000);
	}
	return true;
}

/* Patience with an order ends where the pauses do not grow any more. */
static bool is_given_up(const struct blamed *b)
{
	return b->row.kind == ROW_ORDER && pause_of(b) == PAUSE_MAX;
}

static bool put_off(struct engine *e, const struct blamed *b, time_t until,
		    struct err *err)
{
	int64_t id = b->row.id;

	switch (b->row.kind) {
	case ROW_DOMAIN:
		return domain_set_aside(e->store, id, until, err);
	case ROW_TRIAL:
		return domain_forget_trial(e->store, id, err);
	case ROW_ORDER:
		return is_given_up(b)
			       ? order_set_aside(e->store, id, engine_now(e),
						 err)
			       : order_put_off(e->store, id,
					       (int64_t)until * 1000, err);
	case ROW_CERT:
		return cert_put_off(e->store, id, until, err);
	case ROW_CANARY:
	case ROW_CA:
		return put_off_ca(e, b, until);
	case ROW_NONE:
		break;
	}
	return true;
}

/* The name that the row is about, if it can be told. */
static void name_of(struct engine *e, const struct row_at *row,
		    struct domain *d)
{
	int64_t id = row->id;
	struct order o;
	struct cert c;

	d->name[0] = '\0';
	if (row->kind == ROW_ORDER)
		id = order_by_id(e->store, id, &o, NULL) ? o.domain_id : 0;
	else if (row->kind == ROW_CERT)
		id = cert_by_id(e->store, id, &c, NULL) ? c.domain_id : 0;
	else if (row->kind != ROW_DOMAIN && row->kind != ROW_TRIAL)
		return;
	if (!domain_by_id(e->store, id, d, NULL))
		d->name[0] = '\0';
}

/* The caller frees. */
static char *what_follows(const struct blamed *b)
{
	char pause[DURATION_TEXT];

	if (is_given_up(b))
		return xstrdup("it is given up");
	if (b->row.kind == ROW_TRIAL)
		return xstrdup("there will be none");
	return xasprintf("it is left alone for %s",
			 duration_rough(pause_of(b), pause));
}

static void tell(struct engine *e, const struct blamed *b)
{
	static const char *const words[] = {
		[ROW_DOMAIN] = "domain",       [ROW_TRIAL] = "trial of domain",
		[ROW_CANARY] = "canary at CA", [ROW_ORDER] = "order",
		[ROW_CERT] = "certificate",    [ROW_CA] = "CA",
	};
	struct domain d;
	char *then = what_follows(b);
	char *text = xasprintf("%s %lld cannot be worked on: %s; %s",
			       words[b->row.kind], (long long)b->row.id, b->why,
			       then);

	name_of(e, &b->row, &d);
	engine_event(e, &(struct trail){ .level = TRAIL_WARNING,
					 .kind = "row.put-off",
					 .domain = d.name,
					 .text = text });
	free(text);
	free(then);
}

void blame_stage(struct engine *e)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < BLAMED_MAX && !e->has_failed; i++) {
		struct blamed *b = &e->blamed[i];
		time_t until = engine_now(e) + pause_of(b);

		if (b->is_due && engine_ok(e, put_off(e, b, until, &err), &err))
			tell(e, b);
	}
}
