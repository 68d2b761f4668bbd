/*
 * What was not taken: table `report_drop`, a row for each reason.
 */
#include "store/internal.h"
#include "store/report.h"
#include "store/report_tally.h"

static const char *const names[REPORT_DROP_COUNT] = {
	[REPORT_DROP_NOT_OURS] = "not_ours",
	[REPORT_DROP_NO_REPORT] = "no_report",
	[REPORT_DROP_OVER_LIMIT] = "over_limit",
	[REPORT_DROP_TOO_MANY] = "too_many",
	[REPORT_DROP_NO_ROOM] = "no_room",
	[REPORT_DROP_AHEAD] = "ahead",
};

const char *report_drop_name(enum report_drop why)
{
	return names[why];
}

bool report_drop_add(struct store *s, enum report_drop why, unsigned long count,
		     time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO report_drop(why, count, last_at)"
		   " VALUES(?, ?, ?) ON CONFLICT(why) DO UPDATE"
		   " SET count = count + excluded.count,"
		   " last_at = excluded.last_at");
	bind_int(&q, why);
	bind_int(&q, (int64_t)count);
	bind_int(&q, now);
	return query_run(&q, err);
}

/* Added up by days, for the rows themselves may be millions. */
static bool count_kept(struct db *db, int64_t *kept, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT coalesce(SUM(reports), 0) AS n FROM report_tally"
		   " WHERE kind = ?");
	bind_int(&q, TALLY_BOX);
	if (query_row(&q))
		*kept = col_int(&q, "n");
	return query_close(&q, err);
}

bool report_figures_of(struct db *db, struct report_figures *out,
		       struct err *err)
{
	struct query q;

	*out = (struct report_figures){ 0 };
	query_open(&q, db, "SELECT why, count FROM report_drop");
	while (query_row(&q)) {
		int why = col_enum(&q, "why", REPORT_DROP_COUNT - 1);
		int64_t count = col_int(&q, "count");

		if (query_row_is_good(&q, "report_drop"))
			out->dropped[why] = count;
	}
	return query_close(&q, err) && count_kept(db, &out->kept, err) &&
	       report_room_in(db, 0, &out->room, err);
}

bool report_figures(struct store *s, struct report_figures *out,
		    struct err *err)
{
	return report_figures_of(store_db(s), out, err);
}
