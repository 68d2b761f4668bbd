/*
 * Domains by state, and what is left of their certificates.
 */
#include "daemon/metrics_parts.h"
#include "store/cert.h"
#include "store/figures.h"

static void add_states(struct metrics *m, const struct figures *f)
{
	exposition_family(&m->out, "mtastsd_domains", METRIC_GAUGE,
			  "Domains, each in one state.");
	for (int s = 0; s < FIGURES_STATES; s++) {
		const char *labels[] = {
			"state", figures_state_name((enum figures_state)s), NULL
		};

		exposition_value(&m->out, labels, (double)f->domains[s]);
	}
	exposition_one(&m->out, "mtastsd_domains_with_problem", METRIC_GAUGE,
		       "Domains of which something is wrong.",
		       (double)f->with_problem);
}

static void add_life(struct metrics *m, const struct figures *f)
{
	double counts[FIGURES_LIFE_BOUNDS + 1];

	for (size_t i = 0; i <= FIGURES_LIFE_BOUNDS; i++)
		counts[i] = (double)f->life[i];
	exposition_family(&m->out, "mtastsd_certificate_life_left_ratio",
			  METRIC_HISTOGRAM,
			  "Certificates that are served and to be renewed, by "
			  "the share of their life that is left. It is what stands, and no count "
			  "of what was: no rate() of it.");
	exposition_histogram(&m->out, figures_life_bounds, counts,
			     FIGURES_LIFE_BOUNDS, f->life_sum);
}

/* An index: it is asked here and now. */
static void add_expiry(struct metrics *m)
{
	time_t nearest = cert_nearest_expiry(m->parts->store);

	if (nearest)
		exposition_one(&m->out, "mtastsd_certificate_expiry_seconds",
			       METRIC_GAUGE,
			       "Until the next certificate expires that is to "
			       "be renewed; below 0: one has.",
			       (double)(nearest - m->now));
}

void metrics_domains(struct metrics *m)
{
	const struct figures *f = m->reading.figures;

	if (f) {
		add_states(m, f);
		add_life(m, f);
	}
	add_expiry(m);
}
