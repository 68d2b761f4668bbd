/*
 * Alerts that are open, and the outbox of events that are to be told.
 */
#include "daemon/metrics_parts.h"
#include "store/figures.h"

static void add_open(struct metrics *m, const struct figures *f)
{
	exposition_family(&m->out, "mtastsd_alerts_open", METRIC_GAUGE,
			  "Alerts that are open, by level.");
	for (int i = ALERT_INFO; i <= ALERT_CRITICAL; i++) {
		const char *labels[] = { "level",
					 alert_level_name((enum alert_level)i),
					 NULL };

		exposition_value(&m->out, labels, (double)f->alerts[i]);
	}
}

static void add_outbox(struct metrics *m, const char *name, const char *help,
		       double (*value)(const struct alerts_sink *s, time_t now))
{
	exposition_family(&m->out, name, METRIC_GAUGE, help);
	for (int i = 0; i < SINK_COUNT; i++) {
		struct alerts_sink sink;
		const char *labels[] = { "sink", NULL, NULL };

		alerts_sink(m->parts->alerts, (enum alert_sink)i, &sink);
		labels[1] = sink.name;
		if (sink.is_used)
			exposition_value(&m->out, labels, value(&sink, m->now));
	}
}

static double waiting(const struct alerts_sink *s, time_t now)
{
	(void)now;
	return (double)s->waiting;
}

static double oldest(const struct alerts_sink *s, time_t now)
{
	return s->oldest && now > s->oldest ? (double)(now - s->oldest) : 0;
}

void metrics_alerts(struct metrics *m)
{
	if (m->reading.figures)
		add_open(m, m->reading.figures);
	if (!m->parts->alerts)
		return;
	add_outbox(m, "mtastsd_outbox_events",
		   "Events that wait to be told, by who is told.", waiting);
	add_outbox(m, "mtastsd_outbox_oldest_age_seconds",
		   "How long the oldest of them has waited; 0: none waits.",
		   oldest);
}
