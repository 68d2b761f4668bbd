#include "store/policy_version.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/internal.h"
#include "store/mx_lines.h"
#include "store/served.h"
#include "store/watch.h"

void policy_version_release(struct policy_version *v)
{
	sts_policy_release(&v->policy);
	free(v->body);
	v->body = NULL;
}

/*
 * A version with what is known of its serving at the time ?1. In a stretch
 * without counts it counts as served for as long as it stood then.
 */
#define VERSIONS                                                               \
	"WITH v AS (SELECT p.*, COALESCE((SELECT n.created_at FROM policy n"   \
	"   WHERE n.domain_id = p.domain_id AND n.version > p.version"         \
	"   ORDER BY n.version LIMIT 1), 0) AS replaced_at"                    \
	"  FROM policy p WHERE p.domain_id = ?2),"                             \
	" w AS (SELECT v.*, (SELECT MAX(MIN(u.until, ?1,"                      \
	"    CASE v.replaced_at WHEN 0 THEN ?1 ELSE v.replaced_at END))"       \
	"   FROM uncounted u WHERE u.until >= v.created_at AND"                \
	"    (v.replaced_at = 0 OR u.since <= v.replaced_at)) AS unknown_to"   \
	"  FROM v)"                                                            \
	" SELECT w.*, MAX(CASE version WHEN 0 THEN last_served"                \
	"  ELSE MIN(last_served, ?1) END, COALESCE(unknown_to, 0))"      \
	"  AS served_to FROM w"

static void read_row(struct query *q, struct policy_version *v)
{
	v->id = col_int(q, "id");
	v->domain_id = col_int(q, "domain_id");
	v->version = col_long(q, "version");
	v->created_at = col_int(q, "created_at");
	v->policy.mode = (enum sts_mode)col_enum(q, "mode", STS_ENFORCE);
	v->policy.max_age = col_long(q, "max_age");
	v->body = xstrdup(col_text_peek(q, "body"));
	col_text(q, "sts_id", v->sts_id, sizeof(v->sts_id));
	v->fetches = col_long(q, "fetches");
	v->announced_at = col_int(q, "announced_at");
	v->first_served = col_int(q, "first_served");
	v->last_served = col_int(q, "last_served");
	if (!mx_lines_read(col_text_peek(q, "mx"), &v->policy))
		q->rc = SQLITE_MISMATCH;
}

static void read_served(struct query *q, struct policy_version *v)
{
	read_row(q, v);
	v->replaced_at = col_int(q, "replaced_at");
	v->last_served = col_int(q, "served_to");
	if (v->last_served && !v->first_served)
		v->first_served = v->created_at;
}

bool policy_version_current(struct store *s, const struct domain *d,
			    struct policy_version *v, struct err *err)
{
	struct query q;

	*v = (struct policy_version){ 0 };
	query_open(&q, store_db(s), "SELECT * FROM policy WHERE id = ?");
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

	return may_be_served ? now : v->last_served;
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

	read_served(q, &v);
	is_good = query_row_is_good(q, "policy");
	from = held_from(&v, now);
	if (from && (!is_good || counts(&v, arg)))
		until = from + held_for(&v);
	policy_version_release(&v);
	return until;
}

bool policy_version_held_until(struct store *s, const struct domain *d,
			       time_t now, policy_version_test *counts,
			       const void *arg, time_t *until, struct err *err)
{
	struct query q;

	*until = 0;
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

bool policy_version_refuses(const struct policy_version *v, const void *arg)
{
	const struct sts_policy *wanted = arg;

	for (size_t i = 0; i < wanted->mx_count; i++)
		if (policy_version_is_live(v, NULL) &&
		    !sts_policy_has_mx(&v->policy, wanted->mx[i]) &&
		    !sts_policy_allows(&v->policy, wanted->mx[i]))
			return true;
	return false;
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
		read_served(&q, v);
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
		read_served(&q, &out[n]);
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
		   " max_age, mx, body, created_at) VALUES(?1,"
		   " (SELECT COALESCE(MAX(version) + 1, ?8) FROM policy"
		   "  WHERE domain_id = ?1), ?2, ?3, ?4, ?5, ?6, ?7)");
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

static bool is_current(struct store *s, const struct domain *d,
		       const struct sts_policy *policy)
{
	struct policy_version now;
	bool same;

	if (!policy_version_current(s, d, &now, NULL))
		return false;
	same = sts_policy_equal(&now.policy, policy);
	policy_version_release(&now);
	return same;
}

bool policy_version_publish(struct store *s, struct domain *d,
			    const struct sts_policy *policy, time_t now,
			    bool *changed, struct err *err)
{
	char sts_id[STS_ID_SIZE];
	unsigned nth = 0;

	*changed = false;
	if (d->policy_id && is_current(s, d, policy))
		return true;
	do
		sts_id_make(now, nth++, sts_id);
	while (id_is_taken(s, d, sts_id));
	if (!insert_version(s, d, policy, sts_id, now, 1, err))
		return false;
	d->policy_id = db_last_id(store_db(s));
	*changed = true;
	return domain_update(s, d, err) && change_note(s, d->id, err) &&
	       watch_soon(s, d->id, now, err);
}

bool policy_version_adopt(struct store *s, struct domain *d,
			  const struct sts_policy *policy, const char *sts_id,
			  time_t now, struct err *err)
{
	if (id_is_taken(s, d, sts_id))
		return err_set(err, ERR_REFUSED, "%s had a policy of the id "
						 "%s here before", d->name,
			       sts_id);
	if (!insert_version(s, d, policy, sts_id, now, 0, err))
		return false;
	d->policy_id = db_last_id(store_db(s));
	return domain_update(s, d, err) && change_note(s, d->id, err) &&
	       watch_soon(s, d->id, now, err);
}

/* A time to come counts, for this version alone (VERSIONS). */
bool policy_version_elsewhere(struct store *s, const struct domain *d,
			      time_t until, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE policy SET last_served = MAX(last_served, ?1),"
		   " first_served = CASE first_served WHEN 0 THEN created_at"
		   "  ELSE first_served END"
		   " WHERE domain_id = ?2 AND version = 0");
	bind_int(&q, until);
	bind_int(&q, d->id);
	return query_run(&q, err);
}
