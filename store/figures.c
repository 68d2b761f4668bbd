#include "store/figures.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "store/backup.h"
#include "store/internal.h"
#include "store/report_tally.h"

/* A quarter is what the promise is about; a third is when renewal is due. */
const double figures_life_bounds[FIGURES_LIFE_BOUNDS] = { 0,   0.05, 0.1,
							  0.2, 0.25, 0.33,
							  0.5, 0.67, 1 };

static const char *const state_names[FIGURES_STATES] = {
	[FIGURES_WAITING] = "waiting-for-dns",
	[FIGURES_ISSUING] = "issuing",
	[FIGURES_LIVE] = "live",
	[FIGURES_REMOVING] = "removing",
	[FIGURES_HANDING_OVER] = "handing-over",
};

static const char *const file_names[FIGURES_FILES] = {
	[FIGURES_STATE_DB] = "state.db",
	[FIGURES_STATE_WAL] = "state.db-wal",
	[FIGURES_SERVE_DB] = "serve.db",
	[FIGURES_SERVE_WAL] = "serve.db-wal",
};

const char *figures_state_name(enum figures_state state)
{
	return state_names[state];
}

const char *figures_file_name(enum figures_file file)
{
	return file_names[file];
}

/* A row that is no good is not counted; others tell of it. */
static bool index_of(struct query *q, const char *name, int64_t count,
		     int64_t *index)
{
	*index = col_int(q, name);
	return *index >= 0 && *index < count;
}

/* ---- domains and certificates ---- */

static bool read_domains(struct db *db, struct figures *out, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT iif(leaving > 0, 2 + leaving, state) AS state,"
		   " COUNT(*) AS n, SUM(problem <> '') AS problems"
		   " FROM domain GROUP BY 1");
	while (query_row(&q)) {
		int64_t state;

		if (index_of(&q, "state", FIGURES_STATES, &state))
			out->domains[state] += col_long(&q, "n");
		out->with_problem += col_long(&q, "problems");
	}
	return query_close(&q, err);
}

/* What the watch has found, of those that have no problem of their own. */
static bool read_watched(struct db *db, struct figures *out, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT COUNT(*) AS n FROM watch w"
		   " JOIN domain d ON d.id = w.domain_id"
		   " WHERE w.trouble > 0 AND d.problem = ''"
		   " AND d.leaving <> 2");
	if (query_row(&q))
		out->with_problem += col_long(&q, "n");
	return query_close(&q, err);
}

static void add_life(struct figures *out, double left)
{
	size_t i = 0;

	while (i < FIGURES_LIFE_BOUNDS && left > figures_life_bounds[i])
		i++;
	out->life[i]++;
	out->life_sum += left;
}

/* Who is handed over gets no other: that it runs out is as it should be. */
static bool read_life(struct db *db, struct figures *out, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT c.not_before, c.not_after FROM cert c"
		   " JOIN domain d ON d.id = c.domain_id"
		   " WHERE c.state = 0 AND d.leaving <> 2");
	while (query_row(&q)) {
		time_t from = col_int(&q, "not_before");
		time_t to = col_int(&q, "not_after");

		add_life(out, to > from ? (double)(to - out->at) /
						  (double)(to - from)
					: 0);
	}
	return query_close(&q, err);
}

/* As cert_nearest_expiry(). */
static bool read_expiry(struct db *db, struct figures *out, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT c.not_after AS at FROM cert c"
		   " CROSS JOIN domain d ON d.id = c.domain_id"
		   " WHERE c.state = 0 AND d.leaving <> 2"
		   " ORDER BY c.not_after LIMIT 1");
	if (query_row(&q))
		out->nearest_expiry = col_int(&q, "at");
	return query_close(&q, err);
}

/* ---- orders, alerts, reports ---- */

static bool read_orders(struct db *db, struct figures *out, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT ca_id, state, COUNT(*) AS n FROM ord"
		   " WHERE ended_at = 0 GROUP BY ca_id, state");
	while (out->order_count < FIGURES_ORDERS && query_row(&q)) {
		struct figures_orders o = { .ca_id = col_int(&q, "ca_id"),
					    .count = col_long(&q, "n") };
		int64_t state;

		if (!index_of(&q, "state", ORDER_DEAD + 1, &state))
			continue;
		o.state = (enum order_state)state;
		out->orders[out->order_count++] = o;
	}
	return query_close(&q, err);
}

static bool read_alerts(struct db *db, struct figures *out, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT level, COUNT(*) AS n FROM alert"
		   " WHERE ended_at = 0 GROUP BY level");
	while (query_row(&q)) {
		int64_t level;

		if (index_of(&q, "level", ALERT_CRITICAL + 1, &level))
			out->alerts[level] += col_long(&q, "n");
	}
	return query_close(&q, err);
}

/* ---- all of it ---- */

static void measure_files(const char *dir, struct figures *out)
{
	for (size_t i = 0; i < FIGURES_FILES; i++) {
		char *path = store_path(dir, file_names[i]);
		struct stat st;

		out->bytes[i] = stat(path, &st) == 0 ? st.st_size : 0;
		free(path);
	}
}

static void look_at_backup(const char *dir, struct figures *out)
{
	char *newest = backup_newest(dir);
	struct stat st;

	if (newest && stat(newest, &st) == 0)
		out->backup = st.st_mtime;
	free(newest);
}

static bool read_all(struct db *db, struct figures *out, struct err *err)
{
	return read_domains(db, out, err) && read_watched(db, out, err) &&
	       read_life(db, out, err) && read_expiry(db, out, err) &&
	       read_orders(db, out, err) && read_alerts(db, out, err) &&
	       report_figures_of(db, &out->reports, err);
}

bool figures_read(const struct store_options *options, time_t now,
		  bool (*go_on)(void *arg), void *arg, struct figures *out,
		  struct err *err)
{
	char *path = store_path(options->dir, "state.db");
	struct db *db = db_open(path, DB_READ, options->vfs, err);
	bool ok;

	free(path);
	*out = (struct figures){ .at = now };
	if (!db)
		return false;
	db_ask(db, go_on, arg);
	ok = db_run(db, "BEGIN", err) && read_all(db, out, err);
	db_run(db, "ROLLBACK", NULL);
	db_close(db);
	measure_files(options->dir, out);
	look_at_backup(options->dir, out);
	return ok;
}
