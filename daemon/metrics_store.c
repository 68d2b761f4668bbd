/*
 * The store: how it stands, how large it is, how long the disk takes.
 */
#include "daemon/metrics_parts.h"

#include "daemon/archive.h"
#include "daemon/guard.h"
#include "store/box.h"
#include "store/figures.h"
#include "store/health.h"

static void add_health(struct metrics *m)
{
	struct err problem = ERR_INIT;
	enum store_health now = store_health(m->parts->store, &problem);

	exposition_family(&m->out, "mtastsd_store_health", METRIC_GAUGE,
			  "1 for how the store stands, 0 for the others.");
	for (int h = STORE_FINE; h <= STORE_BROKEN; h++) {
		const char *labels[] = {
			"state", store_health_name((enum store_health)h), NULL
		};

		exposition_value(&m->out, labels, h == (int)now);
	}
}

static void add_syncs(struct metrics *m)
{
	struct store_ages ages = store_ages(m->parts->store);

	if (ages.synced >= 0)
		exposition_one(&m->out, "mtastsd_store_last_sync_age_seconds",
			       METRIC_GAUGE,
			       "Since rows were made durable last; a box that "
			       "has nothing to write lets it grow.",
			       (double)ages.synced);
	exposition_one(&m->out, "mtastsd_store_sync_wait_seconds", METRIC_GAUGE,
		       "For how long the disk has been asked to make rows "
		       "durable, just now.",
		       (double)ages.waits);
}

static void add_sizes(struct metrics *m)
{
	exposition_family(&m->out, "mtastsd_database_size_bytes", METRIC_GAUGE,
			  "Sizes of the databases and their write-ahead logs.");
	for (int i = 0; i < FIGURES_FILES; i++) {
		const char *labels[] = {
			"file", figures_file_name((enum figures_file)i), NULL
		};

		exposition_value(&m->out, labels,
				 (double)m->reading.figures->bytes[i]);
	}
}

static void add_reading(struct metrics *m)
{
	exposition_one(&m->out, "mtastsd_figures_failures_total",
		       METRIC_COUNTER, "Times the store could not be counted.",
		       (double)m->reading.failures);
	if (!m->reading.figures)
		return;
	exposition_one(&m->out, "mtastsd_figures_age_seconds", METRIC_GAUGE,
		       "How old what is counted in the store is.",
		       m->reading.age);
	exposition_one(&m->out, "mtastsd_figures_duration_seconds",
		       METRIC_GAUGE, "How long it took to count it.",
		       m->reading.took);
}

/* Of those that are made by themselves, on the disk of the store. */
static void add_hourly(struct metrics *m)
{
	const struct guard *guard = m->parts->guard;

	exposition_one(&m->out, "mtastsd_hourly_backup_failing", METRIC_GAUGE,
		       "1: the last hourly backup could not be made.",
		       guard && guard->backup.kind != ERR_NONE);
	if (m->reading.figures)
		exposition_one(&m->out,
			       "mtastsd_hourly_backup_timestamp_seconds",
			       METRIC_GAUGE,
			       "When the newest hourly backup was made, since "
			       "1970; 0: there is none.",
			       (double)m->reading.figures->backup);
}

/* Of backup_folder; a box without has none of these. */
static void add_backups(struct metrics *m)
{
	struct archive_status s = { .is_on = false };

	if (m->parts->archive)
		archive_status(m->parts->archive, &s);
	if (!s.is_on)
		return;
	exposition_one(&m->out, "mtastsd_backup_failing", METRIC_GAUGE,
		       "1: the last backup by schedule has failed, or none is "
		       "made.",
		       s.problem.kind != ERR_NONE);
	if (s.newest)
		exposition_one(&m->out, "mtastsd_backup_timestamp_seconds",
			       METRIC_GAUGE,
			       "When the newest backup in backup_folder was "
			       "made, since 1970.",
			       (double)s.newest);
}

void metrics_store(struct metrics *m)
{
	add_health(m);
	add_syncs(m);
	if (m->reading.figures)
		add_sizes(m);
	add_hourly(m);
	add_backups(m);
	add_reading(m);
	exposition_one(&m->out, "mtastsd_frozen", METRIC_GAUGE,
		       "1: somebody has frozen the box, and no order is begun.",
		       box_is_frozen(m->parts->store));
}
