#include "store/domain.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/internal.h"
#include "store/policy_version.h"
#include "store/trail.h"
#include "store/watch.h"

static const char *const state_names[] = {
	[DOMAIN_WAITING_FOR_DNS] = "waiting-for-dns",
	[DOMAIN_ISSUING] = "issuing",
	[DOMAIN_LIVE] = "live",
};

const char *domain_state_name(enum domain_state state)
{
	return state_names[state];
}

static const char *const leaving_names[] = {
	[DOMAIN_STAYS] = "",
	[DOMAIN_REMOVING] = "removing",
	[DOMAIN_HANDING_OVER] = "handing-over",
};

const char *domain_phase(const struct domain *d)
{
	return d->leaving ? leaving_names[d->leaving]
			  : domain_state_name(d->state);
}

static bool find(const char *const *names, size_t from, size_t count,
		 const char *text, size_t *at)
{
	for (*at = from; *at < count; ++*at)
		if (streq(names[*at], text))
			return true;
	return false;
}

bool domain_phase_parse(const char *text, enum domain_state *state,
			enum domain_leaving *leaving)
{
	size_t i;

	*leaving = DOMAIN_STAYS;
	*state = DOMAIN_LIVE;
	if (find(state_names, 0, ARRAY_LEN(state_names), text, &i))
		*state = (enum domain_state)i;
	else if (find(leaving_names, 1, ARRAY_LEN(leaving_names), text, &i))
		*leaving = (enum domain_leaving)i;
	else
		return false;
	return true;
}

static void read_row(struct query *q, struct domain *d)
{
	*d = (struct domain){
		.id = col_int(q, "id"),
		.state = (enum domain_state)col_enum(q, "state", DOMAIN_LIVE),
		.epoch = col_long(q, "epoch"),
		.created_at = col_int(q, "created_at"),
		.state_at = col_int(q, "state_at"),
		.leaving = (enum domain_leaving)col_enum(q, "leaving",
							 DOMAIN_HANDING_OVER),
		.leaving_at = col_int(q, "leaving_at"),
		.track_mx = col_int(q, "track_mx") != 0,
		.template_id = col_int(q, "template_id"),
		.template_epoch = col_long(q, "template_epoch"),
		.template_applied = col_long(q, "template_applied"),
		.due_at = col_int(q, "due_at"),
		.dns_looks = col_long(q, "dns_looks"),
		.failures = col_long(q, "failures"),
		.renew_forced = col_int(q, "renew_forced") != 0,
		.revoked = col_int(q, "revoked") != 0,
		.method = (enum challenge_method)col_enum(q, "method",
							  METHOD_TLS_ALPN_01),
		.ready_at = col_int(q, "ready_at"),
		.rank = (enum domain_rank)col_enum(q, "rank", RANK_GONE),
		.deadline = col_int(q, "deadline"),
		.skips = col_long(q, "skips"),
		.try_ca = col_int(q, "try_ca"),
		.problem_at = col_int(q, "problem_at"),
		.policy_id = col_int(q, "policy_id"),
		.cert_id = col_int(q, "cert_id"),
	};
	col_text(q, "name", d->name, sizeof(d->name));
	col_text(q, "label", d->label, sizeof(d->label));
	col_text(q, "rua", d->rua, sizeof(d->rua));
	col_text(q, "report_token", d->report_token, sizeof(d->report_token));
	col_text(q, "problem", d->problem, sizeof(d->problem));
	col_text(q, "hint", d->hint, sizeof(d->hint));
}

static bool read_one(struct query *q, struct domain *d, bool *found,
		     struct err *err)
{
	*found = query_row(q);
	if (*found)
		read_row(q, d);
	*found = *found && query_row_is_good(q, "domain");
	return query_close(q, err);
}

bool domain_by_name(struct store *s, const char *name, struct domain *d,
		    struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT * FROM domain WHERE name = ?");
	bind_text(&q, name);
	if (!read_one(&q, d, &found, err))
		return false;
	if (found)
		return true;
	err_set(err, ERR_NOT_FOUND, "%s is not hosted here", name);
	return err_hint(err, "mtastsctl domain list shows what is; "
			     "mtastsctl domain add %s adds it", name);
}

bool domain_by_id(struct store *s, int64_t id, struct domain *d,
		  struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT * FROM domain WHERE id = ?");
	bind_int(&q, id);
	if (!read_one(&q, d, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no domain %lld",
				(long long)id);
}

bool domain_is_there(struct store *s, const char *name, bool *is_there,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT 1 FROM domain WHERE name = ?");
	bind_text(&q, name);
	*is_there = query_row(&q);
	return query_close(&q, err);
}

/* What is handed over has nothing due, whoever would have it so. */
static void bind_row(struct query *q, const struct domain *d)
{
	bool works = d->leaving != DOMAIN_HANDING_OVER;

	bind_text(q, d->label);
	bind_text(q, d->rua);
	bind_int(q, d->state);
	bind_int(q, d->state_at);
	bind_int(q, d->leaving);
	bind_int(q, d->leaving_at);
	bind_int(q, d->track_mx);
	bind_int(q, d->template_id);
	bind_int(q, d->template_epoch);
	bind_int(q, d->template_applied);
	bind_int(q, works ? d->due_at : 0);
	bind_int(q, d->dns_looks);
	bind_int(q, d->failures);
	bind_int(q, d->renew_forced);
	bind_int(q, d->revoked);
	bind_int(q, d->method);
	bind_int(q, works ? d->ready_at : 0);
	bind_int(q, d->rank);
	bind_int(q, d->deadline);
	bind_int(q, d->skips);
	bind_int(q, works ? d->try_ca : 0);
	bind_text(q, d->problem);
	bind_text(q, d->hint);
	bind_int(q, d->problem_at);
	bind_int(q, d->policy_id);
	bind_int(q, d->cert_id);
}

static bool make_token(char token[static DOMAIN_TOKEN_SIZE], struct err *err)
{
	unsigned char bytes[(DOMAIN_TOKEN_SIZE - 1) / 2];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return err_set(err, ERR_INTERNAL, "no random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

bool domain_insert(struct store *s, struct domain *d, struct err *err)
{
	struct domain there;
	struct query q;

	if (domain_by_name(s, d->name, &there, NULL)) {
		err_set(err, ERR_REFUSED, "%s is hosted here already", d->name);
		return err_hint(err, "mtastsctl domain show %s", d->name);
	}
	if (!*d->report_token && !make_token(d->report_token, err))
		return false;
	query_open(&q, store_db_write(s),
		   "INSERT INTO domain(label, rua, state, state_at, leaving,"
		   " leaving_at, track_mx, template_id, template_epoch,"
		   " template_applied, due_at, dns_looks, failures, "
		   "renew_forced, revoked, method,"
		   " ready_at, rank, deadline, skips, try_ca, problem,"
		   " hint, problem_at, policy_id, cert_id, name, created_at,"
		   " report_token)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		   " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_row(&q, d);
	bind_text(&q, d->name);
	bind_int(&q, d->created_at);
	bind_text(&q, d->report_token);
	if (!query_run(&q, err))
		return false;
	d->id = db_last_id(store_db(s));
	d->epoch = 1;
	return watch_recall(s, d, err) && change_note(s, d->id, err);
}

bool domain_update(struct store *s, struct domain *d, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET label = ?, rua = ?, state = ?,"
		   " state_at = ?, leaving = ?, leaving_at = ?,"
		   " track_mx = ?, template_id = ?, template_epoch = ?,"
		   " template_applied = ?, due_at = ?, dns_looks = ?, failures "
		   "= ?,"
		   " renew_forced = ?, revoked = ?, method = ?, ready_at = ?,"
		   " rank = ?, deadline = ?, skips = ?, try_ca = ?,"
		   " problem = ?, hint = ?, problem_at = ?,"
		   " policy_id = ?, cert_id = ?, epoch = epoch + 1"
		   " WHERE id = ? AND epoch = ?");
	bind_row(&q, d);
	bind_int(&q, d->id);
	bind_int(&q, d->epoch);
	if (!query_run(&q, err) || !updated_one(s, d->name, err))
		return false;
	d->epoch++;
	return true;
}

bool domain_set_leaving(struct store *s, struct domain *d,
			enum domain_leaving how, time_t now, struct err *err)
{
	d->leaving = how;
	d->leaving_at = how == DOMAIN_STAYS ? 0 : now;
	return domain_update(s, d, err) && change_note(s, d->id, err);
}

bool domain_set_token(struct store *s, struct domain *d, const char *token,
		      struct err *err)
{
	struct query q;

	if (strlen(token) != DOMAIN_TOKEN_SIZE - 1)
		return err_set(err, ERR_INPUT, "this is no report token");
	query_open(&q, store_db_write(s),
		   "UPDATE domain SET report_token = ?, epoch = epoch + 1"
		   " WHERE id = ? AND epoch = ?");
	bind_text(&q, token);
	bind_int(&q, d->id);
	bind_int(&q, d->epoch);
	if (!query_run(&q, err) || !updated_one(s, d->name, err))
		return false;
	d->epoch++;
	snprintf(d->report_token, sizeof(d->report_token), "%s", token);
	return change_note(s, d->id, err);
}

bool domain_forget_trial(struct store *s, int64_t id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET try_ca = 0, epoch = epoch + 1"
		   " WHERE id = ?");
	bind_int(&q, id);
	return query_run(&q, err);
}

bool domain_set_aside(struct store *s, int64_t id, time_t until,
		      struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET ready_at = 0, try_ca = 0,"
		   " due_at = CASE leaving WHEN 2 THEN 0 ELSE ? END,"
		   " epoch = epoch + 1 WHERE id = ?");
	bind_int(&q, until);
	bind_int(&q, id);
	return query_run(&q, err);
}

bool domain_delete(struct store *s, const struct domain *d, time_t now,
		   struct err *err)
{
	struct query q;

	if (!policy_version_retire(s, d, now, err) ||
	    !watch_retire(s, d, err) ||
	    !trail_keep_label(s, d->name, d->label, err))
		return false;
	query_open(&q, store_db_write(s),
		   "DELETE FROM domain WHERE id = ? AND epoch = ?");
	bind_int(&q, d->id);
	bind_int(&q, d->epoch);
	return query_run(&q, err) && updated_one(s, d->name, err) &&
	       change_note(s, d->id, err);
}

static bool each_row(struct query *q,
		     bool (*each)(const struct domain *d, void *arg), void *arg,
		     struct err *err)
{
	struct domain d;

	while (query_row(q)) {
		read_row(q, &d);
		if (query_row_is_good(q, "domain") && !each(&d, arg))
			break;
	}
	return query_close(q, err);
}

bool domain_each(struct store *s, const struct domain_filter *f,
		 bool (*each)(const struct domain *d, void *arg), void *arg,
		 struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT * FROM domain WHERE (?1 IS NULL OR label = ?1)"
		   " AND (?2 IS NULL OR (state = ?2 AND leaving = ?5)"
		   "  OR (?5 > 0 AND leaving = ?5)) AND name > ?3"
		   " ORDER BY name LIMIT ?4");
	if (f->label)
		bind_text(&q, f->label);
	else
		bind_null(&q);
	if (f->state)
		bind_int(&q, *f->state);
	else
		bind_null(&q);
	bind_text(&q, f->after);
	bind_int(&q, f->limit ? f->limit : -1);
	bind_int(&q, f->leaving);
	return each_row(&q, each, arg, err);
}

bool domain_each_troubled(struct store *s, enum domain_state state,
			  const char *after, long limit,
			  bool (*each)(const struct domain *d, void *arg),
			  void *arg, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT * FROM domain WHERE problem <> '' AND state = ?"
		   " AND name > ? ORDER BY name LIMIT ?");
	bind_int(&q, state);
	bind_text(&q, after);
	bind_int(&q, limit);
	return each_row(&q, each, arg, err);
}

size_t domain_due(struct store *s, enum domain_state state, time_t now,
		  int64_t *ids, size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id FROM domain WHERE state = ? AND due_at > 0"
		   " AND due_at <= ? ORDER BY due_at LIMIT ?");
	bind_int(&q, state);
	bind_int(&q, now);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

time_t domain_next_due(struct store *s, enum domain_state state, time_t after)
{
	time_t next = 0;
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT due_at FROM domain WHERE state = ? AND due_at > 0"
		   " AND due_at > ? ORDER BY due_at LIMIT 1");
	bind_int(&q, state);
	bind_int(&q, after);
	if (query_row(&q))
		next = col_int(&q, "due_at");
	query_close(&q, NULL);
	return next;
}

/* Three days after its end, as acme/schedule.h has it. */
#define IS_GONE "(c.not_after < ?1 - 259200 AND NOT d.renew_forced)"

/*
 * RANK_* as numbers: the partial index answers only for literals. A row with
 * no certificate, or none that is there, is new.
 */
#define RANK_AND_DEADLINE                                                      \
	" rank = CASE WHEN c.id IS NULL THEN 3 WHEN " IS_GONE " THEN 4"        \
	"  WHEN (c.not_after - ?1) * 20 < c.not_after - c.not_before THEN 0"   \
	"  WHEN d.revoked OR d.renew_forced THEN 1 ELSE 2 END,"                \
	" deadline = CASE WHEN " IS_GONE " THEN ?1"                            \
	"  ELSE COALESCE(c.not_after, d.created_at) END"

/* Asked first, and often: an UPDATE that finds nothing costs far more. */
static bool is_any_due(struct store *s, enum domain_state state, time_t now,
		       struct err *err)
{
	int64_t id;

	return domain_due(s, state, now, &id, 1, err) > 0;
}

static bool queue_due(struct store *s, enum domain_state state, time_t now,
		      long limit, struct err *err)
{
	struct err problem = ERR_INIT;
	struct query q;

	if (!is_any_due(s, state, now, &problem)) {
		if (problem.kind != ERR_NONE && err)
			*err = problem;
		return problem.kind == ERR_NONE;
	}
	query_open(&q, store_db_write(s),
		   "UPDATE domain SET ready_at = ?1, due_at = 0,"
		   " epoch = domain.epoch + 1," RANK_AND_DEADLINE
		   " FROM domain d LEFT JOIN cert c ON c.id = d.cert_id"
		   " WHERE d.id = domain.id AND domain.id IN"
		   "  (SELECT id FROM domain WHERE state = ?2 AND due_at > 0"
		   "   AND due_at <= ?1 ORDER BY due_at LIMIT ?3)");
	bind_int(&q, now);
	bind_int(&q, state);
	bind_int(&q, limit);
	return query_run(&q, err);
}

/* Those that waited so long that they are more urgent now. */
static bool lift(struct store *s, enum domain_rank rank, time_t now, long limit,
		 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET rank = 0, epoch = epoch + 1"
		   " WHERE id IN (SELECT d.id FROM"
		   "  (SELECT id, cert_id FROM domain WHERE ready_at > 0"
		   "   AND rank = ?1 ORDER BY deadline LIMIT ?3) d"
		   "  JOIN cert c ON c.id = d.cert_id WHERE"
		   "  (c.not_after - ?2) * 20 < c.not_after - c.not_before)");
	bind_int(&q, rank);
	bind_int(&q, now);
	bind_int(&q, limit);
	return query_run(&q, err);
}

static bool let_go(struct store *s, time_t now, long limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET rank = 4, deadline = ?1,"
		   " epoch = epoch + 1 WHERE id IN (SELECT d.id FROM"
		   "  (SELECT id, cert_id, renew_forced FROM domain"
		   "   WHERE ready_at > 0 AND rank = 0"
		   "   ORDER BY deadline LIMIT ?2) d"
		   "  JOIN cert c ON c.id = d.cert_id WHERE " IS_GONE ")");
	bind_int(&q, now);
	bind_int(&q, limit);
	return query_run(&q, err);
}

bool domain_queue_due(struct store *s, time_t now, long limit, struct err *err)
{
	return queue_due(s, DOMAIN_LIVE, now, limit, err) &&
	       queue_due(s, DOMAIN_ISSUING, now, limit, err);
}

bool domain_queue_lift(struct store *s, time_t now, long limit,
		       struct err *err)
{
	return lift(s, RANK_REVOKED, now, limit, err) &&
	       lift(s, RANK_RENEWAL, now, limit, err) &&
	       let_go(s, now, limit, err);
}

bool domain_queue_is_empty(struct store *s, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM domain WHERE ready_at > 0 LIMIT 1");
	found = query_row(&q);
	return query_close(&q, err) && !found;
}

size_t domain_queue_head(struct store *s, enum domain_rank rank, size_t skip,
			 int64_t *ids, size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id FROM domain WHERE ready_at > 0 AND rank = ?"
		   " ORDER BY deadline LIMIT ? OFFSET ?");
	bind_int(&q, rank);
	bind_int(&q, (int64_t)limit);
	bind_int(&q, (int64_t)skip);
	return query_ids(&q, ids, limit, err);
}

static bool one_id(struct query *q, int64_t *id, struct err *err)
{
	bool found = query_row(q);

	if (found)
		*id = col_int(q, "id");
	return query_close(q, err) && found;
}

bool domain_next_trial(struct store *s, int64_t ca_id, int64_t *id,
		       struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id FROM domain WHERE try_ca > 0 AND try_ca = ?1"
		   " AND NOT EXISTS (SELECT 1 FROM ord"
		   "  WHERE domain_id = domain.id AND ca_id <> ?1"
		   "  AND trial = 1 AND ended_at = 0) LIMIT 1");
	bind_int(&q, ca_id);
	return one_id(&q, id, err);
}

/*
 * By the index of what is served, for it is asked in each tick: a look through
 * the domains would take longest where none of them is live.
 */
bool domain_nth_live(struct store *s, long n, int64_t *id, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT domain_id AS id FROM cert WHERE state = 0"
		   " ORDER BY domain_id LIMIT 1 OFFSET ?");
	bind_int(&q, n);
	return one_id(&q, id, err);
}

/* Two primes: what is taken of them is spread over all. */
bool domain_each_sampled(struct store *s, enum domain_state state, long count,
			 long most, void (*each)(const char *name, void *arg),
			 void *arg, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT name FROM domain WHERE state = ?"
		   " AND id * 7919 % 10007 < ?");
	bind_int(&q, state);
	bind_int(&q, count > most ? (int64_t)most * 10007 / count : 10007);
	while (query_row(&q))
		each(col_text_peek(&q, "name"), arg);
	return query_close(&q, err);
}

int64_t domain_last_id(struct store *s)
{
	struct query q;
	int64_t id = 0;

	query_open(&q, store_db(s), "SELECT max(id) AS id FROM domain");
	if (query_row(&q))
		id = col_int(&q, "id");
	query_close(&q, NULL);
	return id;
}

bool domain_count(struct store *s, struct domain_counts *counts,
		  struct err *err)
{
	struct query q;

	*counts = (struct domain_counts){ 0 };
	query_open(&q, store_db(s),
		   "SELECT COUNT(*) FILTER (WHERE state = 0) AS waiting,"
		   " COUNT(*) FILTER (WHERE state = 1) AS issuing,"
		   " COUNT(*) FILTER (WHERE state = 2) AS live,"
		   " COUNT(*) FILTER (WHERE leaving = 1) AS removing,"
		   " COUNT(*) FILTER (WHERE leaving = 2) AS handing_over,"
		   " COUNT(*) FILTER (WHERE problem <> '')"
		   "  + (SELECT COUNT(*) FROM watch w"
		   "  JOIN domain t ON t.id = w.domain_id"
		   "  WHERE w.trouble > 0 AND t.problem = ''"
		   "  AND t.leaving <> 2) AS with_problem"
		   " FROM domain");
	if (query_row(&q)) {
		counts->waiting = col_long(&q, "waiting");
		counts->issuing = col_long(&q, "issuing");
		counts->live = col_long(&q, "live");
		counts->removing = col_long(&q, "removing");
		counts->handing_over = col_long(&q, "handing_over");
		counts->with_problem = col_long(&q, "with_problem");
	}
	return query_close(&q, err);
}
