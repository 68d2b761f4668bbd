/*
 * The process and its loop: what there is without any store.
 */
#include "base/lag.h"
#include "daemon/metrics_parts.h"

static void add_build(struct metrics *m)
{
	const char *labels[] = { "version", MTASTSD_VERSION, NULL };

	exposition_family(&m->out, "mtastsd_build_info", METRIC_GAUGE,
			  "Always 1; the version is its label.");
	exposition_value(&m->out, labels, 1);
	exposition_one(&m->out, "mtastsd_orders_possible", METRIC_GAUGE,
		       "0: state.db is not open, so it serves and orders "
		       "nothing.",
		       m->parts->store != NULL);
}

/* Only a box without a store, which has no meter, looks here and now. */
static void add_process(struct metrics *m)
{
	const struct process_figures *p = m->reading.process;
	struct process_figures here;

	if (!p) {
		process_figures_read(&here);
		p = &here;
	}
	exposition_one(&m->out, "process_start_time_seconds", METRIC_GAUGE,
		       "When the process was started, since 1970.",
		       (double)m->parts->started_at);
	exposition_one(&m->out, "process_cpu_seconds_total", METRIC_COUNTER,
		       "Processor time used.", p->cpu_seconds);
	exposition_one(&m->out, "process_resident_memory_bytes", METRIC_GAUGE,
		       "Memory in use.", p->resident_bytes);
	exposition_one(&m->out, "process_virtual_memory_bytes", METRIC_GAUGE,
		       "Address space in use.", p->virtual_bytes);
	exposition_one(&m->out, "process_open_fds", METRIC_GAUGE,
		       "Open file descriptors.", p->open_fds);
	exposition_one(&m->out, "process_max_fds", METRIC_GAUGE,
		       "File descriptors that may be open.", p->max_fds);
}

static void add_lag(struct metrics *m)
{
	const struct lag_totals *t = lag_totals(m->parts->lag);
	double bounds[LAG_BOUNDS], counts[LAG_BOUNDS + 1];

	for (size_t i = 0; i < LAG_BOUNDS; i++)
		bounds[i] = lag_bounds_ms[i] / 1000.0;
	for (size_t i = 0; i <= LAG_BOUNDS; i++)
		counts[i] = (double)t->beats[i];
	exposition_family(&m->out, "mtastsd_loop_lag_seconds", METRIC_HISTOGRAM,
			  "How long whoever comes waits for the control "
			  "thread: the lateness of ten beats a second.");
	exposition_histogram(&m->out, bounds, counts, LAG_BOUNDS,
			     (double)t->late_ms / 1000);
	exposition_one(&m->out, "mtastsd_loop_lag_recent_max_seconds",
		       METRIC_GAUGE,
		       "The latest beat of the last five to ten minutes.",
		       lag_read(m->parts->lag).max_ms / 1000.0);
}

static void add_config(struct metrics *m)
{
	const struct config_state *s = m->parts->config_state;

	if (!s)
		return;
	exposition_one(&m->out, "mtastsd_config_last_reload_successful",
		       METRIC_GAUGE,
		       "0: the configuration was changed, and refused.",
		       s->refused_at == 0);
}

void metrics_box(struct metrics *m)
{
	add_build(m);
	add_process(m);
	if (m->parts->lag)
		add_lag(m);
	add_config(m);
}
