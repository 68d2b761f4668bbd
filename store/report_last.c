#include "store/report_last.h"

#include "store/internal.h"

_Static_assert(REPORT_LAST_WEEK == 7, "the statement has its bits, 127");

/* A bit for each of its days: the first is the last of them. */
static unsigned count_days(int64_t week)
{
	unsigned n = 0;

	for (int i = 0; i < REPORT_LAST_WEEK; i++)
		n += (unsigned)(week >> i & 1);
	return n;
}

bool report_last_of(struct store *s, int64_t domain_id,
		    struct report_last *last, struct err *err)
{
	struct query q;

	*last = (struct report_last){ .day = 0 };
	query_open(&q, store_db(s),
		   "SELECT day, week FROM report_last WHERE domain_id = ?");
	bind_int(&q, domain_id);
	if (query_row(&q)) {
		last->day = col_int(&q, "day");
		last->usual_days = count_days(col_int(&q, "week"));
		if (!query_row_is_good(&q, "report_last"))
			*last = (struct report_last){ .day = 0 };
	}
	return query_close(&q, err);
}

bool report_last_note(struct store *s, int64_t domain_id, int64_t day,
		      struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO report_last(domain_id, day, week)"
		   " VALUES(?1, ?2, 1) ON CONFLICT(domain_id) DO UPDATE"
		   " SET day = MAX(day, ?2), week = 127 & CASE WHEN ?2 > day"
		   "  THEN (week << MIN(?2 - day, 7)) | 1"
		   "  ELSE week | (1 << MIN(day - ?2, 7)) END");
	bind_int(&q, domain_id);
	bind_int(&q, day);
	return query_run(&q, err);
}
