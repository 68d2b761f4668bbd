/*
 * How much reports take: table `report_room`, a row for each domain that has
 * some, and one of domain 0 for all of them. Triggers of the table `report`
 * keep them, so that no way of adding or removing one passes them by.
 */
#include "store/internal.h"
#include "store/report_rows.h"

bool report_weigh(struct store *s, const struct report_place *at, int64_t bytes,
		  struct err *err)
{
	struct query q;

	if (bytes <= REPORT_BYTES_USUAL)
		return true;
	query_open(&q, store_db_write(s),
		   "UPDATE report SET bytes = ? WHERE id = ?");
	bind_int(&q, bytes);
	bind_int(&q, at->id);
	return query_run(&q, err);
}

bool report_room_in(struct db *db, int64_t domain_id, struct report_room *room,
		    struct err *err)
{
	struct query q;

	*room = (struct report_room){ 0 };
	query_open(&q, db, "SELECT * FROM report_room WHERE domain_id = ?");
	bind_int(&q, domain_id);
	if (query_row(&q)) {
		room->bytes = col_int(&q, "bytes");
		room->shed = col_int(&q, "shed");
		room->shed_at = col_int(&q, "shed_at");
	}
	return query_close(&q, err);
}

bool report_room_of(struct store *s, int64_t domain_id,
		    struct report_room *room, struct err *err)
{
	return report_room_in(store_db(s), domain_id, room, err);
}

bool report_room_heaviest(struct store *s, const struct report_bounds *b,
			  int64_t *domain_id, struct err *err)
{
	struct report_room box;
	struct query q;

	*domain_id = 0;
	if (!report_room_of(s, 0, &box, err))
		return false;
	query_open(&q, store_db(s),
		   "SELECT domain_id FROM report_room"
		   " WHERE bytes > ? AND domain_id > 0"
		   " ORDER BY bytes DESC LIMIT 1");
	bind_int(&q, box.bytes > b->of_box ? 0 : b->of_domain);
	if (query_row(&q))
		*domain_id = col_int(&q, "domain_id");
	return query_close(&q, err);
}

bool report_room_note(struct store *s, int64_t domain_id, time_t now,
		      struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE report_room SET shed = shed + 1, shed_at = ?"
		   " WHERE domain_id IN (0, ?)");
	bind_int(&q, now);
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

/* The rows are as many as domains, and it is asked only when some were shed. */
static bool shed_since(struct store *s, time_t since, struct report_shed *out,
		       struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT COUNT(*) OVER () AS domains,"
		   " COALESCE(d.name, '') AS name FROM report_room r"
		   " LEFT JOIN domain d ON d.id = r.domain_id"
		   " WHERE r.shed_at > ? AND r.domain_id > 0"
		   " ORDER BY r.bytes DESC, r.domain_id LIMIT 1");
	bind_int(&q, since);
	if (query_row(&q)) {
		out->domains = col_int(&q, "domains");
		col_text(&q, "name", out->heaviest, sizeof(out->heaviest));
	}
	return query_close(&q, err);
}

bool report_shed_since(struct store *s, time_t since, struct report_shed *out,
		       struct err *err)
{
	struct report_room box;

	*out = (struct report_shed){ 0 };
	return report_room_of(s, 0, &box, err) &&
	       (box.shed_at <= since || shed_since(s, since, out, err));
}
