/*
 * TLS reports: what became of those that came, and what was not taken.
 */
#include "daemon/intake.h"
#include "daemon/metrics_parts.h"
#include "store/figures.h"

static void add_outcomes(struct metrics *m, const struct intake *intake)
{
	exposition_family(&m->out, "mtastsd_reports_total", METRIC_COUNTER,
			  "TLS reports that came, by what became of them.");
	for (int i = 0; i < INTAKE_OUTCOMES; i++) {
		enum intake_outcome how = (enum intake_outcome)i;
		const char *labels[] = { "outcome", intake_outcome_name(how),
					 NULL };

		exposition_value(&m->out, labels,
				 (double)intake_count(intake, how));
	}
}

static void add_drops(struct metrics *m, const struct report_figures *f)
{
	exposition_family(&m->out, "mtastsd_reports_dropped_total",
			  METRIC_COUNTER,
			  "What was not taken of TLS reports since the box was "
			  "set up, by reason.");
	for (int i = 0; i < REPORT_DROP_COUNT; i++) {
		const char *labels[] = { "reason",
					 report_drop_name((enum report_drop)i),
					 NULL };

		exposition_value(&m->out, labels, (double)f->dropped[i]);
	}
	exposition_one(&m->out, "mtastsd_reports_kept", METRIC_GAUGE,
		       "TLS reports in the store, one for each domain.",
		       (double)f->kept);
}

void metrics_reports(struct metrics *m)
{
	if (m->parts->intake)
		add_outcomes(m, m->parts->intake);
	if (m->reading.figures)
		add_drops(m, &m->reading.figures->reports);
}
