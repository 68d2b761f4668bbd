/*
 * What was not taken: table `report_drop`, a row for each reason.
 */
#include "store/internal.h"
#include "store/report.h"

static const char *const names[REPORT_DROP_COUNT] = {
	[REPORT_DROP_NOT_OURS] = "not_ours",
	[REPORT_DROP_NO_REPORT] = "no_report",
	[REPORT_DROP_OVER_LIMIT] = "over_limit",
	[REPORT_DROP_TOO_MANY] = "too_many",
	[REPORT_DROP_NO_ROOM] = "no_room",
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
