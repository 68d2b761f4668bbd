/*
 * What serving needs, copied from state.db to serve.db.
 *
 * A change is a domain id in the feed; applying it throws that domain's rows
 * in serve.db away and makes them from what state.db says now. So applying a
 * change twice, late or out of order does no harm, and "all domains" is the
 * same few statements without the WHERE.
 *
 * serve.db is not synced at each commit. After a power cut it may be behind:
 * then its `applied` is behind too, and the feed, which keeps a tail, brings
 * it up at the start. If the tail is too short, it is rebuilt.
 */
#include "store/internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/serve.h"

#define FEED_TAIL    10000	/* applied changes that are kept */
#define PROJECT_PART 500	/* changes applied in one transaction */

#define SITE_COLUMNS                                                           \
	"INSERT OR REPLACE INTO serve.site(domain_id, host, cert_id, leaf,"    \
	"  scalar, point, issuer_id, policy_id, body, sts_id, leaving,"        \
	"  report_token)"                                                      \
	" SELECT d.id, 'mta-sts.' || d.name, COALESCE(c.id, 0), c.leaf,"       \
	"  k.scalar, k.point, c.issuer_id, p.id, p.body, p.sts_id, d.leaving," \
	"  d.report_token"                                                     \
	" FROM main.domain d JOIN main.policy p ON p.id = d.policy_id"         \
	" LEFT JOIN main.cert c ON c.id = d.cert_id"                           \
	" LEFT JOIN main.key k ON k.id = c.key_id"

#define CHALLENGE_COLUMNS                                                      \
	"INSERT OR REPLACE INTO serve.challenge(token, key_auth, method,"      \
	"  host, order_id, domain_id)"                                         \
	" SELECT o.token, o.key_auth, o.method, 'mta-sts.' || d.name,"         \
	"  o.id, o.domain_id"                                                  \
	" FROM main.ord o JOIN main.domain d ON d.id = o.domain_id"            \
	" WHERE o.ended_at = 0 AND o.token <> ''"

#define ISSUER_COLUMNS                                                         \
	"INSERT OR IGNORE INTO serve.issuer(id, chain)"                        \
	" SELECT i.id, i.chain FROM main.issuer i"

static int64_t number(struct db *db, const char *sql)
{
	struct query q;
	int64_t n = -1;

	query_open(&q, db, sql);
	if (query_row(&q))
		n = col_int(&q, "n");
	return query_close(&q, NULL) ? n : -1;
}

static int64_t applied_to(struct db *db)
{
	return number(db, "SELECT value AS n FROM serve.meta"
			  " WHERE key = 'applied'");
}

static bool set_applied(struct db *db, int64_t seq, struct err *err)
{
	struct query q;

	query_open(&q, db, "INSERT OR REPLACE INTO serve.meta"
			   " VALUES('applied', ?)");
	bind_int(&q, seq);
	return query_run(&q, err);
}

bool projection_is_sound(struct db *db)
{
	int64_t same = number(db, "SELECT COUNT(*) AS n FROM serve.meta s"
				  " JOIN main.meta m USING(key, value)"
				  " WHERE s.key = 'store_id'");
	int64_t pruned = number(db, "SELECT value AS n FROM main.meta"
				    " WHERE key = 'pruned_to'");
	int64_t applied = applied_to(db);
	int64_t last = number(db, "SELECT COALESCE(MAX(seq), 0) AS n"
				  " FROM main.change");

	return same == 1 && applied >= pruned && applied <= last;
}

static bool with_domain(struct db *db, const char *sql, int64_t domain_id,
			struct err *err)
{
	struct query q;

	query_open(&q, db, sql);
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

static bool project_domain(struct db *db, int64_t id, struct err *err)
{
	return with_domain(db, "DELETE FROM serve.site WHERE domain_id = ?", id,
			   err) &&
	       with_domain(db, "DELETE FROM serve.challenge"
			       " WHERE domain_id = ?", id, err) &&
	       with_domain(db, ISSUER_COLUMNS
			   " JOIN main.cert c ON c.issuer_id = i.id"
			   " JOIN main.domain d ON d.cert_id = c.id"
			   " WHERE d.id = ?", id, err) &&
	       with_domain(db, SITE_COLUMNS " WHERE d.id = ?", id, err) &&
	       with_domain(db, CHALLENGE_COLUMNS " AND o.domain_id = ?", id, err);
}

/* The next part of the feed, each domain once. */
static size_t read_feed(struct db *db, int64_t *ids, int64_t *last,
			struct err *err)
{
	struct query q;
	size_t n = 0;

	query_open(&q, db, "SELECT domain_id, MAX(seq) AS seq FROM"
			   " (SELECT seq, domain_id FROM main.change"
			   "  WHERE seq > ? ORDER BY seq LIMIT ?)"
			   " GROUP BY domain_id");
	bind_int(&q, *last);
	bind_int(&q, PROJECT_PART);
	while (n < PROJECT_PART && query_row(&q)) {
		ids[n++] = col_int(&q, "domain_id");
		if (col_int(&q, "seq") > *last)
			*last = col_int(&q, "seq");
	}
	return query_close(&q, err) ? n : 0;
}

static bool project_part(struct db *db, const int64_t *ids, size_t n,
			 int64_t last, struct err *err)
{
	bool ok = db_run(db, "BEGIN IMMEDIATE", err);

	for (size_t i = 0; ok && i < n; i++)
		ok = project_domain(db, ids[i], err);
	if (ok && set_applied(db, last, err) && db_run(db, "COMMIT", err)) {
		serve_has_changed();
		return true;
	}
	db_run(db, "ROLLBACK", NULL);
	return err_prefix(err, "from state.db to serve.db");
}

bool projection_run(struct db *db, struct err *err)
{
	int64_t *ids = xcalloc(PROJECT_PART, sizeof(*ids));
	int64_t last = applied_to(db);
	struct err problem = ERR_INIT;
	bool ok = true;
	size_t n;

	while (ok && (n = read_feed(db, ids, &last, &problem)) > 0)
		ok = project_part(db, ids, n, last, &problem);
	free(ids);
	if (problem.kind == ERR_NONE)
		return true;
	if (err)
		*err = problem;
	return false;
}

bool projection_rebuild(struct db *db, struct err *err)
{
	static const char all[] =
		"BEGIN IMMEDIATE;"
		"DELETE FROM serve.site;"
		"DELETE FROM serve.challenge;"
		"DELETE FROM serve.issuer;"
		ISSUER_COLUMNS ";"
		SITE_COLUMNS ";"
		CHALLENGE_COLUMNS ";"
		"INSERT OR REPLACE INTO serve.meta"
		" SELECT key, value FROM main.meta WHERE key = 'store_id';"
		"INSERT OR REPLACE INTO serve.meta SELECT 'applied',"
		" MAX(COALESCE((SELECT MAX(seq) FROM main.change), 0),"
		"  (SELECT value FROM main.meta WHERE key = 'pruned_to'));"
		"COMMIT";

	if (db_exec(db, all, err)) {
		serve_has_changed();
		return true;
	}
	db_exec(db, "ROLLBACK", NULL);
	return err_prefix(err, "from state.db to serve.db");
}

bool projection_prune(struct db *db, struct err *err)
{
	int64_t upto = applied_to(db) - FEED_TAIL;
	struct query q;

	if (upto <= 0)
		return true;
	query_open(&q, db, "DELETE FROM main.change WHERE seq <= ?");
	bind_int(&q, upto);
	if (!query_run(&q, err))
		return false;
	query_open(&q, db, "UPDATE main.meta SET value = ?"
			   " WHERE key = 'pruned_to'");
	bind_int(&q, upto);
	return query_run(&q, err);
}
