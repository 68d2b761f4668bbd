/*
 * What senders see: connections, handshakes, answers. The serving threads
 * count for themselves (httpd/tally.h); here it is added up.
 */
#include "base/mem.h"
#include "daemon/metrics_parts.h"

static const char *const shakes[SHAKES] = {
	[SHAKE_FINISHED] = "finished",
	[SHAKE_UNKNOWN_NAME] = "unknown_name",
	[SHAKE_FAILED] = "failed",
};

static const char *const versions[VERSIONS] = {
	[VERSION_NONE] = "none",
	[VERSION_1_2] = "1.2",
	[VERSION_1_3] = "1.3",
};

static const char *const sources[SOURCES] = {
	[FROM_MEMORY] = "memory",
	[FROM_STORE] = "store",
};

static const char *const routes[ROUTES] = {
	[ROUTE_OTHER] = "other",       [ROUTE_POLICY] = "policy",
	[ROUTE_REPORT] = "report",     [ROUTE_CHALLENGE] = "challenge",
	[ROUTE_REDIRECT] = "redirect",
};

static const char *const classes[STATUS_CLASSES] = {
	[2] = "2xx",
	[3] = "3xx",
	[4] = "4xx",
	[5] = "5xx",
};

/* A name that is not ours ends before any version is chosen. */
static bool can_be(size_t how, size_t version)
{
	return how == SHAKE_FAILED ||
	       (how == SHAKE_FINISHED) == (version != VERSION_NONE);
}

static void add_handshakes(struct metrics *m, const struct httpd_counts *c)
{
	exposition_family(&m->out, "mtastsd_tls_handshakes_total",
			  METRIC_COUNTER,
			  "TLS handshakes, by the version agreed on and how "
			  "they ended.");
	for (size_t how = 0; how < SHAKES; how++)
		for (size_t v = 0; v < VERSIONS; v++) {
			const char *labels[] = { "version", versions[v],
						 "result", shakes[how], NULL };

			if (can_be(how, v) || c->shakes[how][v])
				exposition_value(&m->out, labels,
						 (double)c->shakes[how][v]);
		}
}

static void add_presented(struct metrics *m, const struct httpd_counts *c)
{
	exposition_family(&m->out, "mtastsd_certificates_presented_total",
			  METRIC_COUNTER,
			  "Certificates of domains that handshakes were given, "
			  "by where they were.");
	for (size_t from = 0; from < SOURCES; from++) {
		const char *labels[] = { "from", sources[from], NULL };

		exposition_value(&m->out, labels, (double)c->presented[from]);
	}
}

static void add_answers(struct metrics *m, const struct httpd_counts *c)
{
	exposition_family(&m->out, "mtastsd_http_responses_total",
			  METRIC_COUNTER,
			  "HTTP answers, by what was asked for and the class "
			  "of their status.");
	for (size_t r = 0; r < ROUTES; r++)
		for (size_t k = 0; k < STATUS_CLASSES; k++) {
			const char *labels[] = { "route", routes[r], "code",
						 classes[k], NULL };

			if (classes[k])
				exposition_value(&m->out, labels,
						 (double)c->answers[r][k]);
		}
}

static void add_connections(struct metrics *m, const struct httpd_counts *c)
{
	exposition_one(&m->out, "mtastsd_connections_total", METRIC_COUNTER,
		       "Connections accepted.", (double)c->connections);
	exposition_one(&m->out, "mtastsd_connections_shed_total",
		       METRIC_COUNTER,
		       "Connections closed: over a limit, or to make room.",
		       (double)c->shed);
	exposition_one(
		&m->out, "mtastsd_connections_left_total", METRIC_COUNTER,
		"Connections of peers that left before it was their turn.",
		(double)c->left);
	exposition_one(&m->out, "mtastsd_connections_unproxied_total",
		       METRIC_COUNTER,
		       "Connections of a proxy that did not say for whom.",
		       (double)c->unproxied);
	exposition_one(&m->out, "mtastsd_connections_open", METRIC_GAUGE,
		       "Connections that are open.", (double)c->open);
}

static void add_served(struct metrics *m, const struct httpd_counts *c)
{
	exposition_one(&m->out, "mtastsd_policy_fetches_total", METRIC_COUNTER,
		       "Policies that were fetched; our own looks apart.",
		       (double)c->policies);
	exposition_one(&m->out, "mtastsd_challenges_answered_total",
		       METRIC_COUNTER, "Challenges that CAs have fetched.",
		       (double)c->challenges);
	exposition_one(&m->out, "mtastsd_serve_read_failures_total",
		       METRIC_COUNTER, "Reads of serve.db that failed.",
		       (double)c->failures);
}

void metrics_serving(struct metrics *m)
{
	struct httpd_counts counts;

	if (!m->parts->httpd)
		return;
	httpd_count(m->parts->httpd, &counts);
	add_connections(m, &counts);
	add_handshakes(m, &counts);
	add_presented(m, &counts);
	add_answers(m, &counts);
	add_served(m, &counts);
	exposition_one(&m->out, "mtastsd_serving_threads", METRIC_GAUGE,
		       "Threads that serve.", httpd_threads(m->parts->httpd));
	exposition_one(&m->out, "mtastsd_serving_silence_seconds", METRIC_GAUGE,
		       "For how long the slowest serving thread has been "
		       "overdue with a sign of life.",
		       (double)httpd_silence_ms(m->parts->httpd) / 1000);
}
