#include "store/template.h"

#include <stdlib.h>

#include "policy/preset.h"
#include "store/internal.h"
#include "store/mx_lines.h"

void template_release(struct template *t)
{
	sts_policy_release(&t->hosts);
}

static void read_row(struct query *q, struct template *t)
{
	*t = (struct template){
		.id = col_int(q, "id"),
		.max_age = col_long(q, "max_age"),
		.epoch = col_long(q, "epoch"),
	};
	col_text(q, "name", t->name, sizeof(t->name));
	col_text(q, "preset", t->preset, sizeof(t->preset));
	if (!mx_lines_read(col_text_peek(q, "mx"), &t->hosts))
		q->rc = SQLITE_MISMATCH;
}

static bool read_one(struct query *q, struct template *t, struct err *err)
{
	bool found = query_row(q);

	*t = (struct template){ .id = 0 };
	if (found)
		read_row(q, t);
	if (query_close(q, err) && found)
		return true;
	template_release(t);
	return false;
}

bool template_by_name(struct store *s, const char *name, struct template *t,
		      struct err *err)
{
	struct err none = ERR_INIT;
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM template WHERE name = ?");
	bind_text(&q, name);
	if (read_one(&q, t, err ? err : &none))
		return true;
	if (!err || err->kind != ERR_NONE)
		return false;
	err_set(err, ERR_NOT_FOUND, "there is no template %.60s", name);
	return err_hint(err, "mtastsctl template list; template set makes one");
}

bool template_by_id(struct store *s, int64_t id, struct template *t,
		    struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM template WHERE id = ?");
	bind_int(&q, id);
	if (read_one(&q, t, err))
		return true;
	return err && err->kind == ERR_NONE
		       ? err_set(err, ERR_NOT_FOUND, "no template %lld",
				 (long long)id)
		       : false;
}

/* Of the past nothing is of use that no policy was made by. */
static bool keep_past(struct store *s, const struct template *t,
		      struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT OR REPLACE INTO template_past"
		   " SELECT id, epoch, preset, mx, max_age FROM template"
		   " WHERE name = ?");
	bind_text(&q, t->name);
	if (!query_run(&q, err))
		return false;
	query_open(&q, store_db_write(s),
		   "DELETE FROM template_past WHERE template_id ="
		   "  (SELECT id FROM template WHERE name = ?1)"
		   " AND epoch < (SELECT epoch FROM template WHERE name = ?1)"
		   " AND epoch NOT IN (SELECT template_applied FROM domain"
		   "  WHERE template_id > 0 AND template_id ="
		   "   (SELECT id FROM template WHERE name = ?1))");
	bind_text(&q, t->name);
	return query_run(&q, err);
}

bool template_write(struct store *s, struct template *t, struct err *err)
{
	char *hosts = mx_lines_write(&t->hosts);
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO template(name, preset, mx, max_age)"
		   " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(name) DO UPDATE"
		   " SET preset = ?2, mx = ?3, max_age = ?4,"
		   " epoch = epoch + 1");
	bind_text(&q, t->name);
	bind_text(&q, t->preset);
	bind_text(&q, hosts);
	bind_int(&q, t->max_age);
	free(hosts);
	return query_run(&q, err) && keep_past(s, t, err);
}

bool template_delete(struct store *s, const struct template *t,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), "DELETE FROM template WHERE id = ?");
	bind_int(&q, t->id);
	return query_run(&q, err);
}

bool template_each(struct store *s,
		   void (*each)(const struct template *t, void *arg),
		   void *arg, struct err *err)
{
	struct template t;
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM template ORDER BY name");
	while (query_row(&q)) {
		read_row(&q, &t);
		if (query_row_is_good(&q, "template"))
			each(&t, arg);
		template_release(&t);
	}
	return query_close(&q, err);
}

long template_domains(struct store *s, const struct template *t,
		      struct err *err)
{
	struct query q;
	long n = 0;

	query_open(&q, store_db(s), "SELECT COUNT(*) AS n FROM domain"
				    " WHERE template_id > 0"
				    " AND template_id = ?");
	bind_int(&q, t->id);
	if (query_row(&q))
		n = col_long(&q, "n");
	return query_close(&q, err) ? n : -1;
}

size_t template_followers(struct store *s, const struct template *t,
			  int64_t after, int64_t *ids, size_t limit,
			  struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id FROM domain"
		   " WHERE template_id > 0"
		   " AND template_id = ? AND id > ?"
		   " ORDER BY id LIMIT ?");
	bind_int(&q, t->id);
	bind_int(&q, after);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

#define BEHIND                                                                 \
	"SELECT * FROM (SELECT d.template_id AS template,"                     \
	" d.template_epoch AS epoch, d.id AS id FROM template t JOIN domain d" \
	" ON d.template_id = t.id AND d.template_id > 0"                       \
	" AND d.template_epoch < t.epoch WHERE "
#define IN_ORDER " ORDER BY t.id, d.template_epoch, d.id LIMIT ?4)"

/* In parts, each of which an index finds at once. */
size_t template_behind(struct store *s, const struct template_place *after,
		       struct template_place *places, size_t limit,
		       struct err *err)
{
	struct query q;
	size_t n = 0;

	query_open(&q, store_db(s),
		   BEHIND
		   "t.id = ?1 AND d.template_epoch = ?2 AND d.id > ?3" IN_ORDER
		   " UNION ALL " BEHIND
		   "t.id = ?1 AND d.template_epoch > ?2" IN_ORDER
		   " UNION ALL " BEHIND "t.id > ?1" IN_ORDER " LIMIT ?4");
	bind_int(&q, after->template_id);
	bind_int(&q, after->epoch);
	bind_int(&q, after->domain_id);
	bind_int(&q, (int64_t)limit);
	while (n < limit && query_row(&q))
		places[n++] = (struct template_place){
			.template_id = col_int(&q, "template"),
			.epoch = col_long(&q, "epoch"),
			.domain_id = col_int(&q, "id"),
		};
	return query_close(&q, err) ? n : 0;
}

bool template_epochs(struct store *s, int64_t *epochs, struct err *err)
{
	struct query q;

	*epochs = 0;
	query_open(&q, store_db(s),
		   "SELECT COALESCE(SUM(epoch), 0) AS n FROM template");
	if (query_row(&q))
		*epochs = col_int(&q, "n");
	return query_close(&q, err);
}

bool template_pass_over(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE domain SET epoch = epoch + 1, template_epoch ="
		   " COALESCE((SELECT t.epoch FROM template t"
		   "  WHERE t.id = template_id), 0) WHERE id = ?");
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

static bool name_hosts(const struct template *t, const char *domain,
		       struct sts_policy *p, struct err *err)
{
	bool ok = !*t->preset || preset_apply(t->preset, domain, p, err);

	for (size_t i = 0; ok && i < t->hosts.mx_count; i++)
		ok = sts_policy_add_mx(p, t->hosts.mx[i], err);
	return ok;
}

/* With the hosts of `more` besides, but for those of `but`; and *p's max_age,
   if that is its own. */
static bool apply(const struct template *t, const char *domain,
		  const struct sts_policy *more, const struct sts_policy *but,
		  bool has_own_age, struct sts_policy *p, struct err *err)
{
	struct sts_policy named = { .mode = p->mode, .max_age = p->max_age };
	bool ok = name_hosts(t, domain, &named, err);

	for (size_t i = 0; ok && i < more->mx_count; i++)
		ok = sts_policy_has_mx(but, more->mx[i]) ||
		     sts_policy_add_mx(&named, more->mx[i], err);
	if (t->max_age && !has_own_age)
		named.max_age = t->max_age;
	ok = ok && sts_policy_validate(&named, err);
	if (!ok) {
		sts_policy_release(&named);
		return err_prefix(err, "template %s", t->name);
	}
	sts_policy_release(p);
	*p = named;
	return true;
}

bool template_apply(const struct template *t, const char *domain,
		    struct sts_policy *p, struct err *err)
{
	const struct sts_policy none = { .mx_count = 0 };

	return apply(t, domain, &none, &none, false, p, err);
}

#define UNKNOWN_AGE (-1L)

/*
 * What it said when it was last applied: of hosts, what is not known is none.
 */
static bool read_former(struct store *s, const struct template *t,
			const struct domain *d, struct sts_policy *former,
			struct err *err)
{
	struct template past = { .id = 0 };
	struct query q;

	*former = (struct sts_policy){ .max_age = UNKNOWN_AGE };
	query_open(&q, store_db(s),
		   "SELECT preset, mx, max_age FROM template_past"
		   " WHERE template_id = ? AND epoch = ?");
	bind_int(&q, t->id);
	bind_int(&q, d->template_applied);
	if (query_row(&q)) {
		col_text(&q, "preset", past.preset, sizeof(past.preset));
		mx_lines_read(col_text_peek(&q, "mx"), &past.hosts);
		name_hosts(&past, d->name, former, NULL);
		former->max_age = col_long(&q, "max_age");
	}
	template_release(&past);
	return query_close(&q, err);
}

/* Somebody gave it to the domain: neither the template nor a default did. */
static bool has_own_age(const struct sts_policy *p,
			const struct sts_policy *former)
{
	long given = former->max_age ? former->max_age : STS_MAX_AGE_DEFAULT;

	return given != UNKNOWN_AGE && p->max_age != given;
}

/* A policy's hosts alone. */
static bool says_same(const struct template *t, const char *domain,
		      const struct sts_policy *former)
{
	struct sts_policy now = { .mode = former->mode,
				  .max_age = former->max_age };
	bool same = name_hosts(t, domain, &now, NULL) &&
		    sts_policy_equal(&now, former);

	sts_policy_release(&now);
	return same;
}

bool template_follow(struct store *s, const struct template *t,
		     const struct domain *d, struct sts_policy *p,
		     struct err *err)
{
	struct sts_policy former, is;
	bool ok, is_own;

	if (!d->template_applied)
		return template_apply(t, d->name, p, err);
	sts_policy_copy(&is, p);
	ok = read_former(s, t, d, &former, err);
	is_own = has_own_age(p, &former);
	if (ok && says_same(t, d->name, &former))
		p->max_age = t->max_age && !is_own ? t->max_age : p->max_age;
	else if (ok)
		ok = apply(t, d->name, &is, &former, is_own, p, err);
	sts_policy_release(&former);
	sts_policy_release(&is);
	return ok;
}

struct template_own template_own(const struct template *t, const char *domain,
				 const struct sts_policy *p)
{
	struct template_own own = { true, true };
	struct sts_policy says;

	sts_policy_copy(&says, p);
	if (template_apply(t, domain, &says, NULL)) {
		own.max_age = !t->max_age || says.max_age != p->max_age;
		says.max_age = p->max_age;
		own.mx = !sts_policy_equal(&says, p);
	}
	sts_policy_release(&says);
	return own;
}
