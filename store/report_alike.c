/*
 * Which counts of the reports that are alike: of one name, id, day and domain.
 *
 * Anybody can take a name and an id that are another's. So what tells of most
 * failures comes first, whoever signed it: by MTA-STS, for mode enforce is judged
 * by these, and then by anything. That way nobody can take away a failure that
 * was told of: he can only add to them, which he can under an id of his own as
 * well. Of those that tell of as many, a signed one comes first, then the one
 * that counts, then the one that came first.
 */
#include "store/internal.h"
#include "store/report_rows.h"
#include "store/report_standing.h"

_Static_assert(REPORT_UNTOLD == 1 && REPORT_CURRENT == 2 && REPORT_OLD == 3,
	       "the statements have numbers for these");

#define OF_REPORT                                                              \
	" domain_id = r.domain_id AND day = r.day AND report_id = r.id"
#define OF_STS " AND standing BETWEEN 1 AND 3"

/* Failures of which nobody says how many they are, are half a session. */
#define ALIKE                                                                  \
	"SELECT r.id, r.domain_id, r.reporter_id, r.day, r.counted,"           \
	" (SELECT 2 * COALESCE(SUM(failed), 0) FROM report_policy"             \
	"  WHERE" OF_REPORT OF_STS ") + EXISTS"                                \
	" (SELECT 1 FROM report_failure WHERE" OF_REPORT " AND n IN"           \
	"  (SELECT n FROM report_policy WHERE" OF_REPORT OF_STS                \
	")) AS by_sts,"                                                        \
	" 2 * r.failed + EXISTS"                                               \
	" (SELECT 1 FROM report_failure WHERE" OF_REPORT ") AS by_any"         \
	" FROM report r WHERE domain_id = ? AND same = ? AND day = ?"

void report_place_read(struct query *q, struct report_place *at)
{
	at->id = col_int(q, "id");
	at->domain_id = col_int(q, "domain_id");
	at->reporter_id = col_int(q, "reporter_id");
	at->day = col_int(q, "day");
}

static void open_alike(struct query *q, struct store *s, const char *sql,
		       const struct report_alike *of)
{
	query_open(q, store_db(s), sql);
	bind_int(q, of->domain_id);
	bind_blob(q, of->same, REPORT_SAME_SIZE);
	bind_int(q, of->day);
}

/* The one that is to count; at->id 0: there are none. */
static bool find_first(struct store *s, const struct report_alike *of,
		       struct report_place *at, bool *is_counted,
		       struct err *err)
{
	struct query q;

	*at = (struct report_place){ 0 };
	*is_counted = false;
	open_alike(&q, s,
		   ALIKE " ORDER BY by_sts DESC, by_any DESC, signed_by = '',"
			 " counted DESC, id LIMIT 1",
		   of);
	if (query_row(&q)) {
		report_place_read(&q, at);
		*is_counted = col_int(&q, "counted");
	}
	return query_close(&q, err);
}

bool report_alike_last(struct store *s, const struct report_alike *of,
		       bool of_all, const char *signed_by,
		       struct report_place *at, struct err *err)
{
	struct query q;

	*at = (struct report_place){ 0 };
	open_alike(&q, s,
		   ALIKE " AND (? OR signed_by = ?) ORDER BY by_sts, by_any,"
			 " signed_by <> '', counted, id DESC LIMIT 1",
		   of);
	bind_int(&q, of_all);
	bind_text(&q, signed_by);
	if (query_row(&q))
		report_place_read(&q, at);
	return query_close(&q, err);
}

/* Another one that counts beside `first`; other->id 0: none does. */
static bool find_other(struct store *s, const struct report_alike *of,
		       const struct report_place *first,
		       struct report_place *other, struct err *err)
{
	struct query q;

	*other = (struct report_place){ 0 };
	open_alike(&q, s,
		   "SELECT id, domain_id, reporter_id, day FROM report"
		   " WHERE domain_id = ? AND same = ? AND day = ? AND counted"
		   "  AND id <> ? LIMIT 1",
		   of);
	bind_int(&q, first->id);
	if (query_row(&q))
		report_place_read(&q, other);
	return query_close(&q, err);
}

static bool set_counted(struct store *s, const struct report_place *at,
			bool is_counted, struct err *err)
{
	struct query q;

	if (!report_tally_count(s, at, is_counted ? 1 : -1, err))
		return false;
	query_open(&q, store_db_write(s),
		   "UPDATE report SET counted = ? WHERE id = ?");
	bind_int(&q, is_counted);
	bind_int(&q, at->id);
	return query_run(&q, err);
}

/* Of a box of older times several may have counted. */
static bool set_others_aside(struct store *s, const struct report_alike *of,
			     const struct report_place *first, bool *is_news,
			     struct err *err)
{
	struct report_place other;

	for (;; *is_news = true) {
		if (!find_other(s, of, first, &other, err))
			return false;
		if (!other.id)
			return true;
		if (!set_counted(s, &other, false, err))
			return false;
	}
}

bool report_alike_settle(struct store *s, const struct report_alike *of,
			 bool *is_news, struct err *err)
{
	struct report_place first;
	bool is_counted;

	*is_news = false;
	if (!find_first(s, of, &first, &is_counted, err))
		return false;
	if (!first.id)
		return true;
	*is_news = !is_counted;
	return set_others_aside(s, of, &first, is_news, err) &&
	       (is_counted || set_counted(s, &first, true, err)) &&
	       report_tally_sweep(s, err);
}
