#include "store/order.h"

#include <string.h>

#include "store/internal.h"

#define ENDED_KEPT 5	/* per domain */

static const char *const state_names[] = {
	[ORDER_INTENT] = "intent",
	[ORDER_ORDERED] = "ordered",
	[ORDER_PRESENTED] = "presented",
	[ORDER_CHALLENGED] = "challenged",
	[ORDER_READY] = "ready",
	[ORDER_FINALIZING] = "finalizing",
	[ORDER_POLLING] = "polling",
	[ORDER_DOWNLOAD] = "download",
	[ORDER_DONE] = "done",
	[ORDER_DEAD] = "dead",
};

const char *order_state_name(enum order_state state)
{
	return state_names[state];
}

bool order_is_live(const struct order *o)
{
	return o->state != ORDER_DONE && o->state != ORDER_DEAD;
}

static void read_csr(struct query *q, struct order *o)
{
	size_t len;
	const void *csr = col_blob_peek(q, "csr", &len);

	if (len > sizeof(o->csr)) {
		q->rc = SQLITE_MISMATCH;
		return;
	}
	if (len)
		memcpy(o->csr, csr, len);
	o->csr_len = len;
}

static uint64_t mixed(uint64_t h, const char *text)
{
	do
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	while (*text++);
	return h;
}

/* What serving shows of it, as a number; 0: nothing. */
static uint64_t shown_of(const struct order *o)
{
	if (o->ended_at || !*o->token)
		return 0;
	return mixed(mixed(1 + (uint64_t)o->method, o->token), o->key_auth) | 1;
}

static void read_row(struct query *q, struct order *o)
{
	*o = (struct order){
		.id = col_int(q, "id"),
		.domain_id = col_int(q, "domain_id"),
		.ca_id = col_int(q, "ca_id"),
		.account_id = col_int(q, "account_id"),
		.key_id = col_int(q, "key_id"),
		.state = (enum order_state)col_enum(q, "state", ORDER_DEAD),
		.is_trial = col_int(q, "trial") != 0,
		.method = (enum challenge_method)col_enum(q, "method",
							  METHOD_TLS_ALPN_01),
		.epoch = col_long(q, "epoch"),
		.tries = col_long(q, "tries"),
		.sent = col_long(q, "sent"),
		.unsure = col_int(q, "unsure") != 0,
		.wake_ms = col_int(q, "wake_ms"),
		.expires_at = col_int(q, "expires_at"),
		.gone_since = col_int(q, "gone_since"),
		.created_at = col_int(q, "created_at"),
		.ended_at = col_int(q, "ended_at"),
	};
	if (order_is_live(o) != (o->ended_at == 0))
		q->rc = SQLITE_MISMATCH;
	read_csr(q, o);
	col_text(q, "order_url", o->order_url, sizeof(o->order_url));
	col_text(q, "finalize_url", o->finalize_url, sizeof(o->finalize_url));
	col_text(q, "authz_url", o->authz_url, sizeof(o->authz_url));
	col_text(q, "chall_url", o->chall_url, sizeof(o->chall_url));
	col_text(q, "cert_url", o->cert_url, sizeof(o->cert_url));
	col_text(q, "token", o->token, sizeof(o->token));
	col_text(q, "seek", o->seek, sizeof(o->seek));
	col_text(q, "key_auth", o->key_auth, sizeof(o->key_auth));
	col_text(q, "profile", o->profile, sizeof(o->profile));
	col_text(q, "replaces", o->replaces, sizeof(o->replaces));
	col_text(q, "problem", o->problem, sizeof(o->problem));
	o->shown = shown_of(o);
}

static bool read_one(struct query *q, struct order *o, struct err *err)
{
	bool found = query_row(q);

	if (found)
		read_row(q, o);
	found = found && query_row_is_good(q, "ord");
	if (!query_close(q, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no such order");
}

bool order_by_id(struct store *s, int64_t id, struct order *o, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM ord WHERE id = ?");
	bind_int(&q, id);
	return read_one(&q, o, err);
}

/*
 * "+": SQLite would else prepare the statement anew for each value, to see
 * whether an index serves that holds some values only.
 */
static bool live_of_domain(struct store *s, int64_t domain_id, bool is_trial,
			   struct order *o, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM ord WHERE domain_id = ?"
				    " AND +trial = ? AND ended_at = 0");
	bind_int(&q, domain_id);
	bind_int(&q, is_trial);
	return read_one(&q, o, err);
}

bool order_of_domain(struct store *s, int64_t domain_id, struct order *o,
		     struct err *err)
{
	return live_of_domain(s, domain_id, false, o, err);
}

bool order_trial_of_domain(struct store *s, int64_t domain_id, struct order *o,
			   struct err *err)
{
	return live_of_domain(s, domain_id, true, o, err);
}

bool order_has_trial(struct store *s, int64_t ca_id)
{
	struct query q;
	bool has;

	query_open(&q, store_db(s), "SELECT 1 FROM ord WHERE ca_id = ?"
				    " AND trial = 1 AND ended_at = 0");
	bind_int(&q, ca_id);
	has = query_row(&q);
	query_close(&q, NULL);
	return has;
}

static void bind_row(struct query *q, const struct order *o)
{
	bind_int(q, o->state);
	bind_int(q, o->tries);
	bind_int(q, o->sent);
	bind_int(q, o->unsure);
	bind_int(q, o->wake_ms);
	bind_text(q, o->order_url);
	bind_text(q, o->finalize_url);
	bind_text(q, o->authz_url);
	bind_text(q, o->chall_url);
	bind_text(q, o->cert_url);
	bind_text(q, o->token);
	bind_text(q, o->key_auth);
	bind_text(q, o->seek);
	bind_int(q, o->expires_at);
	bind_int(q, o->gone_since);
	bind_int(q, o->ended_at);
	bind_text(q, o->problem);
	bind_text(q, o->replaces);
	bind_text(q, o->profile);
	bind_int(q, o->method);
}

static bool forget_old(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM ord WHERE domain_id = ?1 AND ended_at > 0"
		   " AND id NOT IN (SELECT id FROM ord WHERE domain_id = ?1"
		   "  ORDER BY id DESC LIMIT ?2)");
	bind_int(&q, domain_id);
	bind_int(&q, ENDED_KEPT);
	return query_run(&q, err);
}

/* None that can be read is in the way; one that cannot be may stand there. */
static bool end_unreadable(struct store *s, const struct order *o,
			   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE ord SET state = ?, ended_at = ?, wake_ms = 0,"
		   " problem = 'its row was damaged', epoch = epoch + 1"
		   " WHERE domain_id = ? AND +trial = ? AND ended_at = 0");
	bind_int(&q, ORDER_DEAD);
	bind_int(&q, o->created_at);
	bind_int(&q, o->domain_id);
	bind_int(&q, o->is_trial);
	return query_run(&q, err);
}

static bool make_room(struct store *s, const struct order *o, struct err *err)
{
	struct err problem = ERR_INIT;
	struct order live = { .id = 0 };

	if (live_of_domain(s, o->domain_id, o->is_trial, &live, &problem))
		return err_set(err, ERR_AGAIN, "order %lld is under way",
			       (long long)live.id);
	if (problem.kind == ERR_NOT_FOUND)
		return end_unreadable(s, o, err) &&
		       forget_old(s, o->domain_id, err);
	if (err)
		*err = problem;
	return false;
}

bool order_insert(struct store *s, struct order *o, struct err *err)
{
	struct query q;

	if (!make_room(s, o, err))
		return false;
	query_open(
		&q, store_db_write(s),
		"INSERT INTO ord(state, tries, sent, unsure, wake_ms,"
		" order_url, finalize_url, authz_url, chall_url, cert_url,"
		" token, key_auth, seek, expires_at, gone_since, ended_at, "
		"problem,"
		" replaces, profile, method, domain_id, ca_id, account_id,"
		" key_id, csr, trial, created_at)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_row(&q, o);
	bind_int(&q, o->domain_id);
	bind_int(&q, o->ca_id);
	bind_int(&q, o->account_id);
	bind_int(&q, o->key_id);
	bind_blob(&q, o->csr, o->csr_len);
	bind_int(&q, o->is_trial);
	bind_int(&q, o->created_at);
	if (!query_run(&q, err))
		return false;
	o->id = db_last_id(store_db(s));
	o->epoch = 1;
	o->shown = shown_of(o);
	return !o->shown || change_note(s, o->domain_id, err);
}

bool order_update(struct store *s, struct order *o, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE ord SET state = ?, tries = ?, sent = ?,"
		   " unsure = ?, wake_ms = ?, order_url = ?, finalize_url = ?, "
		   "authz_url = ?,"
		   " chall_url = ?, cert_url = ?, token = ?, key_auth = ?,"
		   " seek = ?, expires_at = ?, gone_since = ?, ended_at = ?, "
		   "problem = ?,"
		   " replaces = ?, profile = ?, method = ?,"
		   " epoch = epoch + 1 WHERE id = ? AND epoch = ?");
	bind_row(&q, o);
	bind_int(&q, o->id);
	bind_int(&q, o->epoch);
	if (!query_run(&q, err) || !updated_one(s, "order", err))
		return false;
	o->epoch++;
	if (shown_of(o) == o->shown)
		return true;
	o->shown = shown_of(o);
	return change_note(s, o->domain_id, err);
}

/*
 * The index leaves out "". SQLite must be told that this is not asked for, or
 * it looks through all orders there are.
 */
static bool has_url(struct store *s, const char *sql, const char *order_url)
{
	struct query q;
	bool has;

	query_open(&q, store_db(s), sql);
	bind_text(&q, order_url);
	has = query_row(&q);
	query_close(&q, NULL);
	return has;
}

bool order_url_is_known(struct store *s, const char *order_url)
{
	return has_url(s,
		       "SELECT 1 FROM ord WHERE order_url = ?"
		       " AND order_url <> ''",
		       order_url);
}

bool order_url_was_trials(struct store *s, const char *order_url)
{
	return has_url(s,
		       "SELECT 1 FROM ord WHERE order_url = ?"
		       " AND order_url <> '' AND trial = 1"
		       " AND ended_at > 0",
		       order_url);
}

time_t order_before_ended(struct store *s, int64_t domain_id)
{
	struct query q;
	time_t at = 0;

	query_open(&q, store_db(s),
		   "SELECT ended_at FROM ord WHERE domain_id = ? AND trial = 0"
		   " ORDER BY id DESC LIMIT 1 OFFSET 1");
	bind_int(&q, domain_id);
	if (query_row(&q))
		at = col_int(&q, "ended_at");
	query_close(&q, NULL);
	return at;
}

size_t order_due(struct store *s, int64_t ca_id, int64_t now_ms, int64_t *ids,
		 size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id FROM ord WHERE ca_id = ? AND ended_at = 0"
		   " AND wake_ms > 0 AND wake_ms <= ?"
		   " ORDER BY wake_ms LIMIT ?");
	bind_int(&q, ca_id);
	bind_int(&q, now_ms);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

size_t order_waiting(struct store *s, int64_t ca_id, int64_t after_id,
		     int64_t *ids, size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id FROM ord WHERE ca_id = ? AND ended_at = 0"
		   " AND wake_ms > 0 AND id > ? ORDER BY id LIMIT ?");
	bind_int(&q, ca_id);
	bind_int(&q, after_id);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

size_t order_cas(struct store *s, int64_t *ca_ids, size_t limit,
		 struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT DISTINCT ca_id AS id FROM ord"
				    " WHERE ended_at = 0 LIMIT ?");
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ca_ids, limit, err);
}

static bool wake_all(struct store *s, int64_t now_ms, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE ord SET unsure = 1, epoch = epoch + 1, wake_ms ="
		   " CASE wake_ms WHEN 0 THEN ? ELSE wake_ms END"
		   " WHERE ended_at = 0");
	bind_int(&q, now_ms);
	return query_run(&q, err);
}

bool order_resume_all(struct store *s, int64_t now_ms, struct err *err)
{
	struct query q;

	if (!wake_all(s, now_ms, err))
		return false;
	query_open(&q, store_db_write(s),
		   "UPDATE domain SET due_at = ?, epoch = epoch + 1"
		   " WHERE due_at = 0 AND ready_at = 0 AND leaving <> 2"
		   " AND id NOT IN"
		   "  (SELECT domain_id FROM ord WHERE ended_at = 0"
		   "   AND trial = 0)");
	bind_int(&q, now_ms / 1000);
	return query_run(&q, err);
}

bool order_put_off(struct store *s, int64_t id, int64_t until_ms,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE ord SET wake_ms = ?, unsure = 1, epoch = epoch + 1"
		   " WHERE id = ? AND ended_at = 0");
	bind_int(&q, until_ms);
	bind_int(&q, id);
	return query_run(&q, err);
}

static bool end_order(struct store *s, int64_t id, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE ord SET state = ?, ended_at = ?, wake_ms = 0,"
		   " problem = 'its row was damaged', epoch = epoch + 1"
		   " WHERE id = ? AND ended_at = 0");
	bind_int(&q, ORDER_DEAD);
	bind_int(&q, now);
	bind_int(&q, id);
	return query_run(&q, err);
}

bool order_set_aside(struct store *s, int64_t id, time_t now, struct err *err)
{
	struct query q;

	if (!end_order(s, id, now, err))
		return false;
	query_open(&q, store_db_write(s),
		   "UPDATE domain SET due_at = ?, epoch = epoch + 1"
		   " WHERE due_at = 0 AND ready_at = 0 AND leaving <> 2"
		   " AND id = (SELECT domain_id FROM ord WHERE id = ?"
		   "  AND trial = 0)");
	bind_int(&q, now);
	bind_int(&q, id);
	return query_run(&q, err);
}

size_t order_live(struct store *s, int64_t account_id, int64_t *ids,
		  size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT id FROM ord WHERE account_id = ?"
				    " AND ended_at = 0 ORDER BY id LIMIT ?");
	bind_int(&q, account_id);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

size_t order_live_under(struct store *s, int64_t ca_id, const char *registered,
			struct order_under *out, size_t limit, struct err *err)
{
	struct query q;
	size_t n = 0;

	query_open(&q, store_db(s),
		   "SELECT o.domain_id, o.created_at FROM ord o"
		   " JOIN domain d ON d.id = o.domain_id"
		   " WHERE o.ca_id = ?1 AND o.ended_at = 0"
		   " AND substr('.mta-sts.' || d.name, -length(?2) - 1)"
		   "  = '.' || ?2 LIMIT ?3");
	bind_int(&q, ca_id);
	bind_text(&q, registered);
	bind_int(&q, (int64_t)limit);
	while (n < limit && query_row(&q))
		out[n++] = (struct order_under){ col_int(&q, "domain_id"),
						 col_int(&q, "created_at") };
	return query_close(&q, err) ? n : 0;
}

/* Their domains, before and after: due, and projected anew. */
static bool free_domains(struct store *s, int64_t account_id, time_t now,
			 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET due_at = ?, epoch = epoch + 1"
		   " WHERE due_at = 0 AND ready_at = 0 AND id IN"
		   "  (SELECT domain_id FROM ord WHERE account_id = ?"
		   "   AND ended_at = 0 AND trial = 0)");
	bind_int(&q, now);
	bind_int(&q, account_id);
	return query_run(&q, err);
}

/* As change_note(), for each that has a challenge open. */
static bool note_challenged(struct store *s, int64_t account_id,
			    struct err *err)
{
	struct query q;

	s->is_projected = false;
	query_open(&q, store_db_write(s),
		   "INSERT INTO change(domain_id) SELECT domain_id FROM ord"
		   " WHERE account_id = ? AND ended_at = 0 AND token <> ''");
	bind_int(&q, account_id);
	return query_run(&q, err);
}

bool order_end_all(struct store *s, int64_t account_id, const char *why,
		   time_t now, struct err *err)
{
	struct query q;

	if (!free_domains(s, account_id, now, err) ||
	    !note_challenged(s, account_id, err))
		return false;
	query_open(&q, store_db_write(s),
		   "UPDATE ord SET state = ?, ended_at = ?, wake_ms = 0,"
		   " problem = ?, epoch = epoch + 1"
		   " WHERE account_id = ? AND ended_at = 0");
	bind_int(&q, ORDER_DEAD);
	bind_int(&q, now);
	bind_text(&q, why);
	bind_int(&q, account_id);
	return query_run(&q, err);
}

bool order_rekey(struct store *s, int64_t account_id, const char *thumbprint,
		 struct err *err)
{
	struct query q;

	if (!note_challenged(s, account_id, err))
		return false;
	query_open(&q, store_db_write(s),
		   "UPDATE ord SET key_auth = token || '.' || ?"
		   " WHERE account_id = ? AND ended_at = 0 AND token <> ''");
	bind_text(&q, thumbprint);
	bind_int(&q, account_id);
	return query_run(&q, err);
}

long order_count_validating(struct store *s, int64_t account_id)
{
	struct query q;
	long n = 0;

	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS n FROM ord WHERE account_id = ?"
		   " AND ended_at = 0 AND state IN (?, ?)");
	bind_int(&q, account_id);
	bind_int(&q, ORDER_PRESENTED);
	bind_int(&q, ORDER_CHALLENGED);
	if (query_row(&q))
		n = col_long(&q, "n");
	query_close(&q, NULL);
	return n;
}

int64_t order_next_wake(struct store *s, int64_t ca_id)
{
	struct query q;
	int64_t at = 0;

	query_open(&q, store_db(s),
		   "SELECT wake_ms FROM ord WHERE ca_id = ? AND ended_at = 0"
		   " AND wake_ms > 0 ORDER BY wake_ms LIMIT 1");
	bind_int(&q, ca_id);
	if (query_row(&q))
		at = col_int(&q, "wake_ms");
	query_close(&q, NULL);
	return at;
}

bool order_count(struct store *s, int64_t ca_id, struct order_counts *counts,
		 struct err *err)
{
	struct query q;

	*counts = (struct order_counts){ 0 };
	query_open(&q, store_db(s),
		   "SELECT COUNT(*) FILTER (WHERE ended_at = 0) AS live,"
		   " COUNT(*) FILTER (WHERE state = ?) AS done,"
		   " COUNT(*) FILTER (WHERE state = ?) AS dead"
		   " FROM ord WHERE ca_id = ?");
	bind_int(&q, ORDER_DONE);
	bind_int(&q, ORDER_DEAD);
	bind_int(&q, ca_id);
	if (query_row(&q)) {
		counts->live = col_long(&q, "live");
		counts->done = col_long(&q, "done");
		counts->dead = col_long(&q, "dead");
	}
	return query_close(&q, err);
}
