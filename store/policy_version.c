#include "store/policy_version.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/internal.h"
#include "store/mx_lines.h"
#include "store/served.h"
#include "store/watch.h"

void policy_version_release(struct policy_version *v)
{
	sts_policy_release(&v->policy);
	free(v->body);
	free(v->actor);
	free(v->channel);
	free(v->reason);
	v->body = v->actor = v->channel = v->reason = NULL;
}

/* Our own count of it counts, and so does another host's serving. */
#define FORGET (7 * WHEN_DAY) /* it leads here for so long: that was that */

/* HOST_HERE and HOST_NOWHERE of store/watch.h; 0 is HOST_UNKNOWN. */
#define IS_ASKED_ELSEWHERE                                                     \
	"(is_elsewhere = 1 AND COALESCE((SELECT host FROM watch k"             \
	" WHERE k.domain_id = w.domain_id), 0) NOT IN (1, 4))"

/* watch_cached(), if the name came to lead here now. */
#define CACHED_ELSEWHERE                                                       \
	"COALESCE((SELECT MAX(86400, MIN(604800, MAX(host_ttl, former_ttl)))"  \
	" FROM watch k WHERE k.domain_id = w.domain_id), 86400)"

/* A version with what was counted: store/served.h. */
#define WHOLE                                                                  \
	"p.*, COALESCE(s.fetches, 0) AS fetches,"                              \
	" COALESCE(s.first_at, 0) AS first_served,"                            \
	" COALESCE(s.last_at, 0) AS last_served"
#define POLICIES "policy p LEFT JOIN served s ON s.policy_id = p.id"

/*
 * A version with what is known of its serving at the time ?1. In a stretch
 * without counts it counts as served for as long as it stood then; by another
 * host, for as long as the name may lead there, and a day beyond it.
 */
#define VERSIONS                                                               \
	"WITH v AS (SELECT " WHOLE ","                                         \
	" COALESCE((SELECT n.created_at FROM policy n"                         \
	"   WHERE n.domain_id = p.domain_id AND n.version > p.version"         \
	"   ORDER BY n.version LIMIT 1), 0) AS replaced_at"                    \
	"  FROM " POLICIES " WHERE p.domain_id = ?2),"                         \
	" w AS (SELECT v.*, (SELECT MAX(MIN(u.until, ?1,"                      \
	"    CASE v.replaced_at WHEN 0 THEN ?1 ELSE v.replaced_at END))"       \
	"   FROM uncounted u WHERE u.until >= v.created_at AND"                \
	"    (v.replaced_at = 0 OR u.since <= v.replaced_at)) AS unknown_to"   \
	"  FROM v)"                                                            \
	" SELECT w.*, MAX(MIN(last_served, ?1), COALESCE(unknown_to, 0),"      \
	"  elsewhere_to, CASE WHEN " IS_ASKED_ELSEWHERE                        \
	"   THEN ?1 + " CACHED_ELSEWHERE " ELSE 0 END) AS served_to FROM w"

static void read_row(struct query *q, struct policy_version *v)
{
	v->id = col_int(q, "id");
	v->domain_id = col_int(q, "domain_id");
	v->version = col_long(q, "version");
	v->created_at = col_int(q, "created_at");
	v->policy.mode = (enum sts_mode)col_enum(q, "mode", STS_ENFORCE);
	v->policy.max_age = col_long(q, "max_age");
	v->body = xstrdup(col_text_peek(q, "body"));
	v->actor = xstrdup(col_text_peek(q, "actor"));
	v->channel = xstrdup(col_text_peek(q, "channel"));
	v->reason = xstrdup(col_text_peek(q, "reason"));
	col_text(q, "sts_id", v->sts_id, sizeof(v->sts_id));
	v->fetches = col_long(q, "fetches");
	v->announced_at = col_int(q, "announced_at");
	v->first_served = col_int(q, "first_served");
	v->last_served = col_int(q, "last_served");
	if (!mx_lines_read(col_text_peek(q, "mx"), &v->policy))
		q->rc = SQLITE_MISMATCH;
}

static void read_served(struct query *q, time_t now, struct policy_version *v)
{
	read_row(q, v);
	v->replaced_at = col_int(q, "replaced_at");
	v->served_to = col_int(q, "served_to");
	v->last_served = v->served_to < now ? v->served_to : now;
	if (v->last_served && !v->first_served)
		v->first_served = v->created_at;
}

bool policy_version_current(struct store *s, const struct domain *d,
			    struct policy_version *v, struct err *err)
{
	struct query q;

	*v = (struct policy_version){ 0 };
	query_open(&q, store_db(s),
		   "SELECT " WHOLE " FROM " POLICIES " WHERE p.id = ?");
	bind_int(&q, d->policy_id);
	if (query_row(&q))
		read_row(&q, v);
	if (query_close(&q, err) && v->id)
		return true;
	if (err && err->kind == ERR_NONE)
		err_set(err, ERR_NOT_FOUND, "%s has no policy", d->name);
	policy_version_release(v);
	return false;
}

/* 0: it was never served, as far as is known. */
static time_t held_from(const struct policy_version *v, time_t now)
{
	bool may_be_served = !v->replaced_at ||
			     v->replaced_at > now - SERVED_TOLD;

	return may_be_served && v->served_to < now ? now : v->served_to;
}

/* Of one that is damaged, what is the longest. */
static long held_for(const struct policy_version *v)
{
	long max_age = v->policy.max_age;

	return max_age > 0 && max_age <= STS_MAX_AGE_MAX ? max_age
							 : STS_MAX_AGE_MAX;
}

/* The time until which this one is held, or 0. */
static time_t read_held(struct query *q, time_t now,
			policy_version_test *counts, const void *arg)
{
	struct policy_version v = { 0 };
	time_t from, until = 0;
	bool is_good;

	read_served(q, now, &v);
	is_good = query_row_is_good(q, "policy");
	from = held_from(&v, now);
	if (from && (!is_good || counts(&v, arg)))
		until = from + held_for(&v);
	policy_version_release(&v);
	return until;
}

static bool held_of_this_life(struct store *s, const struct domain *d,
			      time_t now, policy_version_test *counts,
			      const void *arg, time_t *until, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), VERSIONS);
	bind_int(&q, now);
	bind_int(&q, d->id);
	while (query_row(&q)) {
		time_t one = read_held(&q, now, counts, arg);

		if (one > *until)
			*until = one;
	}
	return query_close(&q, err);
}

/* What it said, and who knows what else: then it counts, as the longest. */
static time_t read_retired(struct query *q, policy_version_test *counts,
			   const void *arg)
{
	const char *body = col_text_peek(q, "body");
	struct policy_version v = { .served_to = col_int(q, "served_to") };
	time_t until = 0;

	if (!sts_policy_parse(&v.policy, body, strlen(body), NULL) ||
	    counts(&v, arg))
		until = v.served_to + held_for(&v);
	sts_policy_release(&v.policy);
	return until;
}

/* Of a domain of this name that is gone, senders may still hold it. */
static bool held_of_former_lives(struct store *s, const struct domain *d,
				 policy_version_test *counts, const void *arg,
				 time_t *until, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT body, served_to FROM retired_id"
		   " WHERE name = ? AND served_to > 0");
	bind_text(&q, d->name);
	while (query_row(&q)) {
		time_t one = read_retired(&q, counts, arg);

		if (one > *until)
			*until = one;
	}
	return query_close(&q, err);
}

bool policy_version_held_until(struct store *s, const struct domain *d,
			       time_t now, policy_version_test *counts,
			       const void *arg, time_t *until, struct err *err)
{
	*until = 0;
	return held_of_this_life(s, d, now, counts, arg, until, err) &&
	       held_of_former_lives(s, d, counts, arg, until, err);
}

bool policy_version_retire(struct store *s, const struct domain *d, time_t now,
			   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO retired_id(name, sts_id, body, served_to)"
		   " SELECT ?3, sts_id, body, CASE WHEN ?5 AND"
		   "  (replaced_at = 0 OR replaced_at > ?1 - ?4)"
		   "  THEN MAX(?1, served_to)"
		   "  ELSE served_to END FROM (" VERSIONS ") WHERE true"
		   " ON CONFLICT(name, sts_id) DO UPDATE SET"
		   "  body = excluded.body,"
		   "  served_to = MAX(served_to, excluded.served_to)");
	bind_int(&q, now);
	bind_int(&q, d->id);
	bind_text(&q, d->name);
	bind_int(&q, SERVED_TOLD);
	bind_int(&q, d->state == DOMAIN_LIVE);
	return query_run(&q, err);
}

bool policy_version_is_enforced(const struct policy_version *v, const void *arg)
{
	(void)arg;
	return v->policy.mode == STS_ENFORCE;
}

bool policy_version_is_live(const struct policy_version *v, const void *arg)
{
	(void)arg;
	return v->policy.mode != STS_NONE;
}

/* Is there one in `wanted` that p does not allow? */
static bool lacks_one(const struct sts_policy *p,
		      const struct sts_policy *wanted)
{
	for (size_t i = 0; i < wanted->mx_count; i++)
		if (!sts_policy_has_mx(p, wanted->mx[i]) &&
		    !sts_policy_allows(p, wanted->mx[i]))
			return true;
	return false;
}

bool policy_version_refuses(const struct policy_version *v, const void *arg)
{
	return policy_version_is_live(v, NULL) && lacks_one(&v->policy, arg);
}

bool policy_version_announce(struct store *s, const struct domain *d,
			     const char *sts_id, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE policy SET announced_at = ? WHERE domain_id = ?"
		   " AND sts_id = ? AND announced_at = 0");
	bind_int(&q, now);
	bind_int(&q, d->id);
	bind_text(&q, sts_id);
	return query_run(&q, err);
}

/*
 * The version before those that count: was its test one of all the hosts of the
 * newest? Then *since is of it, too. False: it begins no earlier. Nobody knows
 * the hosts of a damaged one.
 */
static bool goes_further_back(struct query *q, struct sts_policy *newest,
			      bool is_newest, time_t *since)
{
	struct sts_policy older = { .mx_count = 0 };
	struct sts_policy *p = is_newest ? newest : &older;
	bool is_good = mx_lines_read(col_text_peek(q, "mx"), p);
	time_t announced_at = col_int(q, "announced_at");
	bool counts = col_int(q, "mode") == STS_TESTING &&
		      (is_newest || (is_good && !lacks_one(p, newest)));

	if (counts && announced_at && (!*since || announced_at < *since))
		*since = announced_at;
	sts_policy_release(&older);
	return counts && is_good;
}

/* From the newest on, as far back as none of its hosts was missing. */
bool policy_version_tested_since(struct store *s, const struct domain *d,
				 time_t *since, struct err *err)
{
	struct sts_policy hosts = { .mx_count = 0 };
	bool is_newest = true;
	struct query q;

	*since = 0;
	query_open(&q, store_db(s),
		   "SELECT mode, mx, announced_at FROM policy"
		   " WHERE domain_id = ? ORDER BY version DESC");
	bind_int(&q, d->id);
	while (query_row(&q) && goes_further_back(&q, &hosts, is_newest, since))
		is_newest = false;
	sts_policy_release(&hosts);
	return query_close(&q, err);
}

bool policy_version_mode_since(struct store *s, const struct domain *d,
			       enum sts_mode mode, time_t *since,
			       struct err *err)
{
	struct query q;

	*since = 0;
	query_open(&q, store_db(s),
		   "SELECT COALESCE(MIN(announced_at), 0) AS since FROM policy"
		   " WHERE domain_id = ?1 AND mode = ?2 AND announced_at > 0"
		   " AND version > (SELECT COALESCE(MAX(version), 0)"
		   "  FROM policy WHERE domain_id = ?1 AND mode <> ?2)");
	bind_int(&q, d->id);
	bind_int(&q, mode);
	if (query_row(&q))
		*since = col_int(&q, "since");
	return query_close(&q, err);
}

bool policy_version_shown(struct store *s, const struct domain *d,
			  const char *sts_id, struct policy_shown *out,
			  struct err *err)
{
	struct query q;

	*out = (struct policy_shown){ .is_known = false };
	query_open(&q, store_db(s),
		   "SELECT version, mode FROM policy WHERE domain_id = ?1 AND"
		   " CASE ?2 WHEN '' THEN announced_at > 0 ELSE sts_id = ?2 END"
		   " ORDER BY announced_at DESC, version DESC LIMIT 1");
	bind_int(&q, d->id);
	bind_text(&q, sts_id);
	if (query_row(&q)) {
		out->is_known = true;
		out->version = col_long(&q, "version");
		out->mode = (enum sts_mode)col_enum(&q, "mode", STS_ENFORCE);
	}
	return query_close(&q, err);
}

static bool id_is_taken(struct store *s, const struct domain *d,
			const char *id)
{
	struct query q;
	bool taken;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM policy WHERE domain_id = ?1 AND sts_id = ?2"
		   " UNION ALL SELECT 1 FROM retired_id WHERE name = ?3"
		   " AND sts_id = ?2");
	bind_int(&q, d->id);
	bind_text(&q, id);
	bind_text(&q, d->name);
	taken = query_row(&q);
	query_close(&q, NULL);
	return taken;
}

bool policy_version_has_id(struct store *s, const struct domain *d,
			   const char *sts_id)
{
	return id_is_taken(s, d, sts_id);
}

static bool not_found(const struct domain *d, long n, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "%s has no version %ld", d->name, n);
	return err_hint(err, "mtastsctl policy history %s lists them", d->name);
}

bool policy_version_numbered(struct store *s, const struct domain *d, long n,
			     time_t now, struct policy_version *v,
			     struct err *err)
{
	struct query q;

	*v = (struct policy_version){ 0 };
	query_open(&q, store_db(s), VERSIONS " WHERE version = ?3");
	bind_int(&q, now);
	bind_int(&q, d->id);
	bind_int(&q, n);
	if (query_row(&q))
		read_served(&q, now, v);
	if (query_close(&q, err) && v->id)
		return true;
	policy_version_release(v);
	return err && err->kind == ERR_NONE ? not_found(d, n, err) : false;
}

size_t policy_version_list(struct store *s, const struct domain *d,
			   long before, time_t now, struct policy_version *out,
			   size_t most, struct err *err)
{
	struct query q;
	size_t n = 0;

	query_open(&q, store_db(s),
		   VERSIONS " WHERE ?3 = 0 OR version < ?3"
			    " ORDER BY version DESC LIMIT ?4");
	bind_int(&q, now);
	bind_int(&q, d->id);
	bind_int(&q, before);
	bind_int(&q, (int64_t)most);
	while (n < most && query_row(&q)) {
		out[n] = (struct policy_version){ 0 };
		read_served(&q, now, &out[n]);
		if (query_row_is_good(&q, "policy"))
			n++;
		else
			policy_version_release(&out[n]);
	}
	query_close(&q, err);
	return n;
}

static bool insert_version(struct store *s, struct domain *d,
			   const struct sts_policy *policy, const char *sts_id,
			   time_t now, int first, struct err *err)
{
	char *mx = mx_lines_write(policy), *body = sts_policy_format(policy);
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO policy(domain_id, version, sts_id, mode,"
		   " max_age, mx, body, created_at, actor, channel) VALUES(?1,"
		   " (SELECT COALESCE(MAX(version) + 1, ?8) FROM policy"
		   "  WHERE domain_id = ?1), ?2, ?3, ?4, ?5, ?6, ?7,"
		   " 'mtastsd', 'box')");
	bind_int(&q, d->id);
	bind_text(&q, sts_id);
	bind_int(&q, policy->mode);
	bind_int(&q, policy->max_age);
	bind_text(&q, mx);
	bind_text(&q, body);
	bind_int(&q, now);
	bind_int(&q, first);
	free(mx);
	free(body);
	return query_run(&q, err);
}

/* NULL for the id: by whichever it goes. */
static bool is_current(struct store *s, const struct domain *d,
		       const struct sts_policy *policy, const char *sts_id)
{
	struct policy_version now;
	bool same;

	if (!policy_version_current(s, d, &now, NULL))
		return false;
	same = sts_policy_equal(&now.policy, policy) &&
	       (!sts_id || streq(now.sts_id, sts_id));
	policy_version_release(&now);
	return same;
}

static bool make_current(struct store *s, struct domain *d, time_t now,
			 struct err *err)
{
	d->policy_id = db_last_id(store_db(s));
	return domain_update(s, d, err) && change_note(s, d->id, err) &&
	       watch_soon(s, d->id, now, err) && watch_suspect(s, d->id, err);
}

bool policy_version_publish(struct store *s, struct domain *d,
			    const struct sts_policy *policy, time_t now,
			    bool *changed, struct err *err)
{
	char sts_id[STS_ID_SIZE];
	unsigned nth = 0;

	*changed = false;
	if (d->policy_id && is_current(s, d, policy, NULL))
		return true;
	do
		sts_id_make(now, nth++, sts_id);
	while (id_is_taken(s, d, sts_id));
	*changed = true;
	return insert_version(s, d, policy, sts_id, now, 1, err) &&
	       make_current(s, d, now, err);
}

bool policy_version_bring_back(struct store *s, struct domain *d,
			       const struct sts_policy *policy,
			       const char *sts_id, time_t now, bool *changed,
			       struct err *err)
{
	*changed = false;
	if (d->policy_id && is_current(s, d, policy, sts_id))
		return true;
	if (!sts_id_is_valid(sts_id) || id_is_taken(s, d, sts_id))
		return policy_version_publish(s, d, policy, now, changed, err);
	*changed = true;
	return insert_version(s, d, policy, sts_id, now, 1, err) &&
	       make_current(s, d, now, err);
}

bool policy_version_sign(struct store *s, const struct domain *d,
			 const struct policy_author *by, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE policy SET actor = ?, channel = ?, reason = ?"
		   " WHERE id = ?");
	bind_text(&q, by->actor);
	bind_text(&q, by->channel);
	bind_text(&q, by->reason);
	bind_int(&q, d->policy_id);
	return query_run(&q, err);
}

/* ---- from another host ---- */

/* Its own policy comes back, under the id that it had here before. */
static bool is_what_it_was(struct store *s, const struct domain *d,
			   const struct sts_policy *policy, const char *sts_id)
{
	char *body = sts_policy_format(policy);
	struct query q;
	bool same;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM retired_id WHERE name = ?"
		   " AND sts_id = ? AND body = ?");
	bind_text(&q, d->name);
	bind_text(&q, sts_id);
	bind_text(&q, body);
	same = query_row(&q);
	free(body);
	return query_close(&q, NULL) && same;
}

static bool refuse_id(const struct domain *d, const char *sts_id,
		      struct err *err)
{
	err_set(err, ERR_REFUSED,
		"the id %s was that of another policy of %s here before: "
		"senders that hold that one would never see this one",
		sts_id, d->name);
	return err_hint(err,
			"have the host that serves it now give it a new id, "
			"and adopt it then; or mtastsctl domain add %.120s "
			"--no-adopt --mx HOST makes an id of its own",
			d->name);
}

static bool elsewhere(struct store *s, int64_t policy_id, time_t until,
		      struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE policy SET is_elsewhere = 1,"
		   " elsewhere_to = MAX(elsewhere_to, ?1) WHERE ?2 = id"
		   " OR (?2 = 0 AND id IN (SELECT policy_id FROM domain))");
	bind_int(&q, until);
	bind_int(&q, policy_id);
	return query_run(&q, err);
}

bool policy_version_adopt(struct store *s, struct domain *d,
			  const struct sts_policy *policy, const char *sts_id,
			  time_t now, struct err *err)
{
	if (id_is_taken(s, d, sts_id) && !is_what_it_was(s, d, policy, sts_id))
		return refuse_id(d, sts_id, err);
	return insert_version(s, d, policy, sts_id, now, 0, err) &&
	       make_current(s, d, now, err) &&
	       elsewhere(s, d->policy_id, now, err);
}

bool policy_version_elsewhere(struct store *s, time_t now, struct err *err)
{
	return elsewhere(s, 0, now, err);
}

bool policy_version_is_elsewhere(struct store *s, const struct domain *d,
				 bool *is_elsewhere, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM policy w WHERE domain_id = ? AND mode <> ?"
		   " AND " IS_ASKED_ELSEWHERE);
	bind_int(&q, d->id);
	bind_int(&q, STS_NONE);
	*is_elsewhere = query_row(&q);
	return query_close(&q, err);
}

bool policy_version_led_here(struct store *s, const struct domain *d,
			     time_t since, long cached, time_t now,
			     struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE policy SET elsewhere_to = MAX(elsewhere_to, ?1),"
		   " is_elsewhere = ?2 WHERE domain_id = ?3"
		   " AND is_elsewhere = 1"
		   " AND (elsewhere_to < ?1 OR ?2 = 0)");
	bind_int(&q, since + cached);
	bind_int(&q, now < since + FORGET);
	bind_int(&q, d->id);
	return query_run(&q, err);
}
