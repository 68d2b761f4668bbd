/*
 * The CAs of the configuration: how they do, what our account may still do
 * there, and our orders. The label is the name that they have in mtastsd.conf.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/metrics_parts.h"
#include "store/figures.h"

/* Each family lists all of them, so what they say is asked once. */
struct cas {
	struct engine_ca_status of[ENGINE_CA_LIMIT];
	size_t count;
};

static void add(struct metrics *m, const struct cas *cas, const char *name,
		enum metric_type type, const char *help,
		double (*value)(const struct metrics *m,
				const struct engine_ca_status *ca))
{
	exposition_family(&m->out, name, type, help);
	for (size_t i = 0; i < cas->count; i++) {
		const char *labels[] = { "ca", cas->of[i].name, NULL };

		exposition_value(&m->out, labels, value(m, &cas->of[i]));
	}
}

static double is_open(const struct metrics *m,
		      const struct engine_ca_status *ca)
{
	(void)m;
	return ca->is_open;
}

static double down_for(const struct metrics *m,
		       const struct engine_ca_status *ca)
{
	return ca->down_since && m->now > ca->down_since
		       ? (double)(m->now - ca->down_since)
		       : 0;
}

static double has_problem(const struct metrics *m,
			  const struct engine_ca_status *ca)
{
	(void)m;
	return ca->problem[0] != '\0';
}

static double in_flight(const struct metrics *m,
			const struct engine_ca_status *ca)
{
	(void)m;
	return ca->in_flight;
}

static double proven_at(const struct metrics *m,
			const struct engine_ca_status *ca)
{
	(void)m;
	return (double)ca->proven_at;
}

static void add_standing(struct metrics *m, const struct cas *cas)
{
	add(m, cas, "mtastsd_ca_breaker_open", METRIC_GAUGE,
	    "1: the CA has failed so often that it is only probed.", is_open);
	add(m, cas, "mtastsd_ca_down_seconds", METRIC_GAUGE,
	    "For how long the CA has not answered as it should; 0: it does.",
	    down_for);
	add(m, cas, "mtastsd_ca_problem", METRIC_GAUGE,
	    "1: something stands between us and an order there.", has_problem);
	add(m, cas, "mtastsd_ca_requests_in_flight", METRIC_GAUGE,
	    "Orders with a request under way.", in_flight);
	add(m, cas, "mtastsd_ca_last_issued_timestamp_seconds", METRIC_GAUGE,
	    "When the CA last gave a certificate, since 1970; 0: never.",
	    proven_at);
}

/* ---- limits of our account ---- */

static const struct limits *limits_of(const struct metrics *m, const char *name)
{
	const struct engine_settings *s = &m->parts->config->engine;

	for (size_t i = 0; i < s->ca_count; i++)
		if (streq(s->ca[i].name, name))
			return &s->ca[i].limits;
	return NULL;
}

/* False: it counts by name, or there is no such limit there. */
static bool budget(const struct metrics *m, const char *ca,
		   enum limit_kind kind, double *left, double *most)
{
	const struct limits *limits = limits_of(m, ca);
	struct bucket b;

	if (!limits || !limits->of[kind].burst ||
	    (kind != LIMIT_NEW_ORDERS && kind != LIMIT_ARI &&
	     kind != LIMIT_POSTS) ||
	    !engine_ca_bucket(m->parts->engine, ca, kind, &b))
		return false;
	*left = (double)bucket_level_at(&b, limits->of[kind],
					(int64_t)m->now * 1000) /
		1000;
	*most = (double)limits->of[kind].burst;
	return true;
}

static void add_budget(struct metrics *m, const struct cas *cas,
		       const char *name, const char *help, bool is_most)
{
	exposition_family(&m->out, name, METRIC_GAUGE, help);
	for (size_t i = 0; i < cas->count; i++)
		for (int k = 0; k < LIMIT_KINDS; k++) {
			const char *labels[] = { "ca", cas->of[i].name, "limit",
						 limit_name((enum limit_kind)k),
						 NULL };
			double left, most;

			if (budget(m, cas->of[i].name, (enum limit_kind)k,
				   &left, &most))
				exposition_value(&m->out, labels,
						 is_most ? most : left);
		}
}

/* ---- orders ---- */

static long live_orders(const struct figures *f, int64_t ca_id,
			enum order_state state)
{
	long n = 0;

	for (size_t i = 0; i < f->order_count; i++)
		if (f->orders[i].ca_id == ca_id && f->orders[i].state == state)
			n += f->orders[i].count;
	return n;
}

static void add_live(struct metrics *m, const struct cas *cas)
{
	const struct figures *f = m->reading.figures;

	exposition_family(&m->out, "mtastsd_orders", METRIC_GAUGE,
			  "Orders under way, by state.");
	for (size_t i = 0; i < cas->count; i++) {
		const char *ca = cas->of[i].name;
		int64_t id = engine_ca_id(m->parts->engine, ca);

		for (int s = 0; s < ORDER_DONE; s++) {
			enum order_state state = (enum order_state)s;
			const char *labels[] = { "ca", ca, "state",
						 order_state_name(state),
						 NULL };

			exposition_value(&m->out, labels,
					 (double)live_orders(f, id, state));
		}
	}
}

static void add_ended(struct metrics *m, const struct cas *cas)
{
	exposition_family(&m->out, "mtastsd_orders_ended_total", METRIC_COUNTER,
			  "Orders that ended: with a certificate, or dead.");
	for (size_t i = 0; i < cas->count; i++) {
		const struct engine_ca_status *ca = &cas->of[i];
		const char *done[] = { "ca", ca->name, "result",
				       order_state_name(ORDER_DONE), NULL };
		const char *dead[] = { "ca", ca->name, "result",
				       order_state_name(ORDER_DEAD), NULL };

		exposition_value(&m->out, done, (double)ca->ended.done);
		exposition_value(&m->out, dead, (double)ca->ended.dead);
	}
}

void metrics_cas(struct metrics *m)
{
	struct cas *cas = xcalloc(1, sizeof(*cas));

	cas->count = engine_ca_count(m->parts->engine);
	for (size_t i = 0; i < cas->count; i++)
		engine_ca_status(m->parts->engine, i, &cas->of[i]);
	add_standing(m, cas);
	add_budget(m, cas, "mtastsd_ca_budget_left",
		   "What our account may still ask of the CA before its limit; "
		   "below 0 is a debt.",
		   false);
	add_budget(m, cas, "mtastsd_ca_budget_burst",
		   "The same, when all of it is there.", true);
	if (m->reading.figures)
		add_live(m, cas);
	add_ended(m, cas);
	free(cas);
}
