#include "store/clock.h"

#include "base/mem.h"
#include "base/when.h"
#include "store/cert.h"
#include "store/internal.h"

static time_t read_moment(struct store *s, const char *key)
{
	struct query q;
	time_t at = 0;

	query_open(&q, store_db(s),
		   "SELECT CAST(value AS INTEGER) AS at"
		   " FROM meta WHERE key = ?");
	bind_text(&q, key);
	if (query_row(&q))
		at = col_int(&q, "at");
	return query_close(&q, NULL) ? at : 0;
}

static bool write_moment(struct store *s, const char *key, time_t at,
			 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO meta VALUES (?, ?)"
		   " ON CONFLICT (key) DO UPDATE SET value = excluded.value");
	bind_text(&q, key);
	bind_int(&q, at);
	return query_run(&q, err);
}

time_t store_clock_mark(struct store *s)
{
	return read_moment(s, "clock");
}

bool store_clock_set_mark(struct store *s, time_t at, struct err *err)
{
	return write_moment(s, "clock", at, err);
}

time_t store_clock_unsure(struct store *s)
{
	return read_moment(s, "clock_unsure");
}

bool store_clock_set_unsure(struct store *s, time_t at, struct err *err)
{
	return write_moment(s, "clock_unsure", at, err);
}

/*
 * Of a live domain, due_at is the planned renewal, which hangs on the
 * certificate, or else a wait. Polls for renewal information are spread over
 * a day, and are spread anew if they lie beyond that. Who stands in the queue
 * for a renewal that is not due by the right time goes home.
 *
 * A certificate that was judged for an alert in time is judged again within
 * the hour after its renewal; whose next judgement lies beyond that, may have
 * been called expired. Silences end earlier, rather than later.
 */
static const struct {
	const char *sql; /* ?1: now, ?2: back */
	bool is_ms;
} shifts[] = {
	{ "UPDATE ord SET wake_ms = MAX(?1, wake_ms - ?2)"
	  " WHERE ended_at = 0 AND wake_ms > ?1",
	  true },
	{ "UPDATE ord SET gone_since = 0"
	  " WHERE ended_at = 0 AND gone_since > ?1 AND ?2 > 0",
	  false },
	{ "UPDATE domain SET due_at = MAX(?1, due_at - ?2) WHERE due_at > ?1"
	  " AND due_at != COALESCE((SELECT renew_at FROM cert"
	  "  WHERE cert.id = domain.cert_id), 0)",
	  false },
	{ "UPDATE domain SET ready_at = 0, due_at = (SELECT renew_at FROM cert"
	  "  WHERE cert.id = domain.cert_id) WHERE ready_at > 0"
	  " AND renew_forced = 0 AND revoked = 0"
	  " AND (SELECT renew_at FROM cert WHERE cert.id = domain.cert_id)"
	  "  > ?1 AND ?2 > 0",
	  false },
	{ "UPDATE refusal SET until = MAX(?1, until - ?2) WHERE until > ?1",
	  false },
	{ "UPDATE ca SET retry_ms = MAX(?1, retry_ms - ?2)"
	  " WHERE retry_ms > ?1",
	  true },
	{ "UPDATE ca SET well_since_ms = MAX(1, well_since_ms - ?2)"
	  " WHERE well_since_ms > ?1",
	  true },
	{ "UPDATE ca SET down_since = MAX(1, down_since - ?2)"
	  " WHERE down_since > ?1",
	  false },
	{ "UPDATE ca SET canary_at = MAX(?1, canary_at - ?2)"
	  " WHERE canary_at > ?1",
	  false },
	{ "UPDATE account SET retry_at = MAX(?1, retry_at - ?2)"
	  " WHERE retry_at > ?1",
	  false },
	{ "UPDATE account SET roll_at = MAX(?1, roll_at - ?2)"
	  " WHERE roll_at > ?1",
	  false },
	{ "UPDATE cert SET ari_poll_at = ?1 + id % 86400"
	  " WHERE state = 0 AND ari_poll_at > ?1 + 86400 AND ?2 > 0",
	  false },
	{ "UPDATE cert SET revoke_due_at = MAX(?1, revoke_due_at - ?2)"
	  " WHERE revoke_due_at > ?1 AND revoke_due_at < 253402300799",
	  false },
	{ "UPDATE cert SET warn_at = 0 WHERE state = 0 AND warn_at > ?1"
	  " AND warn_at > renew_at + 3600 AND ?2 > 0",
	  false },
	{ "UPDATE alert SET silenced_until = MAX(?1, silenced_until - ?2)"
	  " WHERE ended_at = 0 AND silenced_until > ?1",
	  false },
	{ "UPDATE alert SET since = MAX(1, since - ?2)"
	  " WHERE ended_at = 0 AND since > ?1",
	  false },
	{ "UPDATE silence SET until = MAX(?1, until - ?2) WHERE until > ?1",
	  false },
	{ "UPDATE notice SET at = MAX(1, at - ?2) WHERE at > ?1", false },
	{ "UPDATE delivery SET due_at = MAX(?1, due_at - ?2)"
	  " WHERE due_at > ?1",
	  false },
};

bool store_clock_shift(struct store *s, time_t now, long back, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(shifts) && ok; i++) {
		int64_t unit = shifts[i].is_ms ? 1000 : 1;
		struct query q;

		query_open(&q, store_db_write(s), shifts[i].sql);
		bind_int(&q, (int64_t)now * unit);
		bind_int(&q, (int64_t)back * unit);
		ok = query_run(&q, err);
	}
	return ok;
}
