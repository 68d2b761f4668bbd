#include "tests/sim/books.h"

#include <sqlite3.h>

#include "tests/sim/judge.h"
#include "tests/sim/weather.h"

#define BOOKS_EVERY 128 /* orders */
#define SOUND_EVERY 8	/* starts */

int64_t books_number(struct rig *r, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	if (sqlite3_open_v2("box/state.db", &db, SQLITE_OPEN_READWRITE,
			    disk_vfs(r->disk)) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static bool is_readable(const struct rig *r)
{
	return r->is_up && !r->is_dying && !disk_is_dead(r->disk);
}

/*
 * One row, one order; and one more for each of which no answer came, and which
 * could not be found again.
 */
static void check_orders(struct rig *r)
{
	int64_t rows = books_number(r, "SELECT seq FROM sqlite_sequence"
				       " WHERE name = 'ord'");
	unsigned long made = 0, gone = 0;

	for (size_t i = 0; i < r->ca_count; i++) {
		made += r->ca[i].new_orders;
		gone += r->ca[i].gone_orders;
	}
	if (rows >= 0 && made > (unsigned long)rows + gone)
		rig_condemn(r,
			    "the CAs made %lu orders, and there were %lld "
			    "decisions and %lu orders that could not be "
			    "found again",
			    made, (long long)rows, gone);
}

/*
 * Each order that failed is told once: never twice, and always, but where many
 * that fail alike are told as one, or the disk was short of room.
 */
static void check_told(struct rig *r)
{
	int64_t more = books_number(
		r, "SELECT (SELECT COUNT(*) FROM trail"
		   "  WHERE kind IN ('order.failed', 'trial.failed'))"
		   " - (SELECT seq FROM sqlite_sequence WHERE name = 'ord')"
		   " + (SELECT COUNT(*) FROM ord WHERE ended_at = 0)"
		   " + (SELECT seq FROM sqlite_sequence WHERE name = 'cert')");

	if (more > 0)
		rig_condemn(r, "%lld failures are told twice", (long long)more);
	if (more < 0 && !r->weather->had_bad_disk &&
	    books_number(r, "SELECT COUNT(*) FROM trail"
			    " WHERE kind = 'validations.failing'") == 0)
		rig_condemn(r, "%lld failures are told nobody",
			    -(long long)more);
}

/* As many certificates as the CAs gave, but for those under way. */
static void check_certs(struct rig *r)
{
	int64_t rows = books_number(r, "SELECT seq FROM sqlite_sequence"
				       " WHERE name = 'cert'");
	int64_t missing = -rows - (int64_t)r->judge->awaited_count;

	for (size_t i = 0; i < r->ca_count; i++)
		missing += r->ca[i].certs - (int64_t)r->ca[i].lost_certs;
	for (unsigned i = 0; i < r->names; i++)
		missing -= r->judge->name[i].has_trial;
	if (rows >= 0 && missing > 0)
		rig_condemn(r,
			    "%lld certificates that the CAs issued are not "
			    "in the store",
			    (long long)missing);
}

static void check_soundness(struct rig *r)
{
	if (books_number(r, "SELECT COUNT(*) FROM pragma_integrity_check"
			    " WHERE integrity_check = 'ok'") == 0)
		rig_condemn(r, "the store is damaged");
	if (books_number(r, "SELECT COUNT(*) FROM (SELECT 1 FROM ord"
			    " WHERE ended_at = 0 GROUP BY domain_id, trial"
			    " HAVING COUNT(*) > 1)") > 0)
		rig_condemn(r, "a domain has two orders under way");
}

void books_ordered(struct rig *r)
{
	if (++r->judge->ordered % BOOKS_EVERY || !is_readable(r))
		return;
	check_orders(r);
	check_told(r);
	check_certs(r);
}

void books_after_start(struct rig *r)
{
	if (r->had_power_loss && r->starts % SOUND_EVERY == 0)
		check_soundness(r);
	r->had_power_loss = false;
}

void books_at_end(struct rig *r)
{
	int64_t rows = books_number(r, "SELECT seq FROM sqlite_sequence"
				       " WHERE name = 'cert'");
	int64_t issued = 0;

	for (size_t i = 0; i < r->ca_count; i++)
		issued += r->ca[i].certs - (int64_t)r->ca[i].lost_certs;
	if (rows < issued)
		rig_condemn(r,
			    "the CAs issued %lld certificates, and %lld are "
			    "in the store",
			    (long long)issued, (long long)rows);
	check_orders(r);
	check_told(r);
	check_soundness(r);
}
