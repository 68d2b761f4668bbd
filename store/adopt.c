/*
 * After a restore: what serving had, and the backup has not.
 *
 * serve.db is where the box was last. For each name in it, the certificate,
 * its key and the policy become rows of state.db again, unless they are
 * there; so nothing is ordered again that was issued since the backup. So does
 * a domain's way out that was begun since, or taken back. What serve.db does
 * not know is made anew: who issued a leaf, where no other certificate of the
 * same issuer tells.
 *
 * Another box may still serve what this one takes up: until DNS is seen to lead
 * here, all that is current counts as served there (store/policy_version.h).
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "policy/domain_field.h"
#include "store/box.h"
#include "store/cert.h"
#include "store/internal.h"
#include "store/leaf.h"
#include "store/policy_version.h"
#include "store/publication.h"
#include "store/served.h"
#include "store/trail.h"
#include "store/watch.h"

#define HOST_PREFIX   "mta-sts."
#define SHORT_LIFE    (10 * WHEN_DAY)
#define STRAYS_NAMED  10

/* One name in serve.db. Texts and bytes are borrowed for the row. */
struct site {
	const char *name;
	const char *body, *sts_id;
	size_t body_len;
	enum domain_leaving leaving;
	const char *report_token;
	struct cert_chain chain;	/* no leaf: it has no certificate */
	struct p256 key;
};

struct tally {
	time_t now;
	long certs, policies, names;
};

/* ---- a leaf's facts ---- */

/* As the engine plans without advice: 2/3 of the life, 1/2 of a short one. */
static time_t renewal_of(const struct cert *c)
{
	time_t life = c->not_after - c->not_before;

	return c->not_before + (life <= SHORT_LIFE ? life / 2 : life / 3 * 2);
}

/* False: damaged, and better ordered anew. */
static bool read_leaf(const struct site *site, struct cert *c)
{
	X509 *leaf = leaf_parse(site->chain.leaf, site->chain.leaf_len);
	bool ok = leaf && leaf_has_key(leaf, &site->key) &&
		  leaf_times(leaf, &c->not_before, &c->not_after);

	if (ok) {
		leaf_serial(leaf, c->serial);
		leaf_issuer(leaf, c->issuer);
		c->renew_at = renewal_of(c);
	}
	X509_free(leaf);
	return ok;
}

/* ---- one name ---- */

static void tell(struct store *s, const char *name, const char *text)
{
	struct err err = ERR_INIT;

	log_about(LOG_LEVEL_INFO, domain_field(name), "%s: %s", name, text);
	if (!trail_add(s, &(struct trail){ .at = time(NULL),
					   .kind = "box.restored",
					   .level = TRAIL_WARNING,
					   .domain = name, .actor = "mtastsd",
					   .text = text }, &err))
		log_about(LOG_LEVEL_WARN, domain_field(name), "%s: %s", name,
			  err.text);
}

static bool find_or_add(struct store *s, const char *name, struct tally *t,
			struct domain *d, struct err *err)
{
	struct err missing = ERR_INIT;

	if (domain_by_name(s, name, d, &missing))
		return true;
	if (missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return false;
	}
	*d = (struct domain){ .created_at = t->now, .state_at = t->now,
			      .due_at = t->now };
	if (!str_copy(d->name, sizeof(d->name), name))
		return err_set(err, ERR_INTERNAL, "a name is too long");
	t->names++;
	tell(s, name, "added since the backup: taken from serve.db");
	return domain_insert(s, d, err);
}

static bool adopt_policy(struct store *s, const struct site *site,
			 struct tally *t, struct domain *d, struct err *err)
{
	struct err problem = ERR_INIT;
	struct sts_policy policy;
	bool changed = false, ok;

	if (!sts_policy_parse(&policy, site->body, site->body_len, &problem)) {
		log_about(LOG_LEVEL_WARN, domain_field(site->name),
			  "%s: the policy in serve.db is damaged: %s",
			  site->name, problem.text);
		return true;
	}
	ok = policy_version_bring_back(s, d, &policy, site->sts_id, t->now,
				       &changed, err);
	sts_policy_release(&policy);
	if (ok && changed) {
		t->policies++;
		tell(s, site->name, "policy taken from serve.db");
	}
	return ok;
}

/* What was handed over had nothing due. */
static void renew_in_time(struct store *s, struct domain *d)
{
	struct cert c;

	if (d->leaving == DOMAIN_HANDING_OVER && cert_current(s, d, &c, NULL))
		d->due_at = c.renew_at;
}

static bool adopt_leaving(struct store *s, const struct site *site,
			  struct tally *t, struct domain *d, struct err *err)
{
	static const char *const words[] = {
		[DOMAIN_STAYS] = "it was kept since the backup: no longer on "
				 "its way out",
		[DOMAIN_REMOVING] = "its removal was begun since the backup: "
				    "it goes on",
		[DOMAIN_HANDING_OVER] = "its handover was begun since the "
					"backup: it goes on",
	};

	if (d->leaving == site->leaving)
		return true;
	renew_in_time(s, d);
	tell(s, site->name, words[site->leaving]);
	return domain_set_leaving(s, d, site->leaving, t->now, err);
}

/* Who issued another certificate of the same issuer, issued this one. */
static bool find_ca(struct store *s, const struct site *site, struct cert *c,
		    struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT c.ca_id, c.account_id FROM main.issuer i"
		   " JOIN main.cert c ON c.issuer_id = i.id"
		   " WHERE i.chain = ? AND c.ca_id IS NOT NULL"
		   " ORDER BY c.id DESC LIMIT 1");
	bind_blob(&q, site->chain.issuers, site->chain.issuers_len);
	if (query_row(&q)) {
		c->ca_id = col_int(&q, "ca_id");
		c->account_id = col_int(&q, "account_id");
	}
	return query_close(&q, err);
}

/* The order that was under way may be the one that made it. */
static bool end_order(struct store *s, const struct domain *d, time_t now,
		      struct err *err)
{
	struct order o;

	if (!order_of_domain(s, d->id, &o, NULL))
		return true;	/* none; or a damaged one, which the engine ends */
	o.state = ORDER_DEAD;
	o.ended_at = now;
	o.wake_ms = 0;
	snprintf(o.problem, sizeof(o.problem),
		 "a newer certificate was there already");
	return order_update(s, &o, err);
}

static void make_live(struct domain *d, const struct cert *c, time_t now)
{
	if (d->state != DOMAIN_LIVE)
		d->state_at = now;
	d->state = DOMAIN_LIVE;
	d->due_at = c->renew_at;
	d->ready_at = 0;
	d->failures = d->skips = 0;
	d->renew_forced = d->revoked = false;
	d->problem[0] = d->hint[0] = '\0';
}

static bool install(struct store *s, const struct site *site, struct tally *t,
		    struct domain *d, struct cert *c, struct err *err)
{
	struct err refused = ERR_INIT;

	if (!key_insert(s, d->id, &site->key, t->now, &c->key_id, &refused)) {
		if (refused.kind != ERR_AGAIN) {
			*err = refused;
			return false;
		}
		log_about(LOG_LEVEL_WARN, domain_field(site->name), "%s: %s",
			  site->name, refused.text);
		return true;
	}
	make_live(d, c, t->now);
	if (!end_order(s, d, t->now, err) ||
	    !cert_install(s, d, c, &site->chain, err))
		return false;
	t->certs++;
	tell(s, site->name, "certificate taken from serve.db");
	return true;
}

static bool is_present(struct store *s, const struct domain *d,
		       const struct site *site)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM main.cert WHERE id = ? AND leaf = ?");
	bind_int(&q, d->cert_id);
	bind_blob(&q, site->chain.leaf, site->chain.leaf_len);
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

static bool is_newer(struct store *s, const struct domain *d,
		     const struct cert *c)
{
	struct cert present;

	return !cert_current(s, d, &present, NULL) ||
	       c->not_before >= present.not_before;
}

static bool adopt_cert(struct store *s, const struct site *site,
		       struct tally *t, struct domain *d, struct err *err)
{
	struct cert c = { .domain_id = d->id, .state = CERT_ACTIVE,
			  .created_at = t->now };

	if (!site->chain.leaf_len || is_present(s, d, site))
		return true;
	if (!read_leaf(site, &c)) {
		log_about(LOG_LEVEL_WARN, domain_field(site->name),
			  "%s: the certificate in serve.db is damaged",
			  site->name);
		return true;
	}
	if (!is_newer(s, d, &c))
		return true;
	return find_ca(s, site, &c, err) && install(s, site, t, d, &c, err);
}

/* The one that DNS has. */
static bool adopt_token(struct store *s, const struct site *site,
			struct domain *d, struct err *err)
{
	return strlen(site->report_token) != DOMAIN_TOKEN_SIZE - 1 ||
	       streq(site->report_token, d->report_token) ||
	       domain_set_token(s, d, site->report_token, err);
}

static bool adopt_site(struct store *s, const struct site *site,
		       struct tally *t, struct err *err)
{
	struct domain d;

	return find_or_add(s, site->name, t, &d, err) &&
	       adopt_policy(s, site, t, &d, err) &&
	       adopt_leaving(s, site, t, &d, err) &&
	       adopt_token(s, site, &d, err) && adopt_cert(s, site, t, &d, err);
}

/* ---- all of them ---- */

static void read_site(struct query *q, struct site *site)
{
	const char *host = col_text_peek(q, "host");

	*site = (struct site){ .name = host };
	if (str_starts(host, HOST_PREFIX))
		site->name = host + strlen(HOST_PREFIX);
	site->body = col_text_peek(q, "body");
	site->body_len = strlen(site->body);
	site->sts_id = col_text_peek(q, "sts_id");
	site->report_token = col_text_peek(q, "report_token");
	site->leaving = (enum domain_leaving)col_enum(q, "leaving",
						      DOMAIN_HANDING_OVER);
	if (!col_int(q, "cert_id"))
		return;
	site->chain.leaf = col_blob_peek(q, "leaf", &site->chain.leaf_len);
	site->chain.issuers = col_blob_peek(q, "chain",
					    &site->chain.issuers_len);
	col_bytes(q, "scalar", site->key.scalar, sizeof(site->key.scalar));
	col_bytes(q, "point", site->key.point, sizeof(site->key.point));
}

static bool adopt_all(struct store *s, struct tally *t, struct err *err)
{
	struct err problem = ERR_INIT, damage = ERR_INIT;
	struct site site;
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT t.host, t.cert_id, t.leaf, t.scalar, t.point,"
		   " t.body, t.sts_id, t.leaving, t.report_token, i.chain"
		   " FROM serve.site t"
		   " LEFT JOIN serve.issuer i ON i.id = t.issuer_id"
		   " ORDER BY t.host");
	while (problem.kind == ERR_NONE && query_row(&q)) {
		read_site(&q, &site);
		if (query_row_is_good(&q, "site"))
			adopt_site(s, &site, t, &problem);
		p256_release(&site.key);
	}
	if (!query_close(&q, &damage))
		log_warn("restore: serve.db can be read in part only: %s",
			 damage.text);
	if (problem.kind == ERR_NONE)
		return true;
	*err = problem;
	return false;
}

/*
 * Removed since the backup, perhaps; or its row in serve.db was damaged. That
 * is for somebody to say.
 */
static void name_strays(struct store *s)
{
	struct query q;
	long n = 0;

	query_open(&q, store_db(s),
		   "SELECT name FROM main.domain d WHERE policy_id > 0"
		   " AND NOT EXISTS (SELECT 1 FROM serve.site t"
		   "  WHERE t.host = 'mta-sts.' || d.name)");
	while (query_row(&q))
		if (n++ < STRAYS_NAMED)
			tell(s, col_text_peek(&q, "name"),
			     "in the backup, but was not served any more: if "
			     "it was removed since, remove it again");
	query_close(&q, NULL);
	if (n > STRAYS_NAMED)
		log_warn("restore: and %ld more like that", n - STRAYS_NAMED);
}

/* Another box's serve.db, or one older than the backup, has nothing to add. */
static bool is_newer_serve(struct store *s)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM serve.meta a JOIN main.meta m"
		   " ON m.key = 'store_id' AND a.key = m.key"
		   " AND a.value = m.value JOIN serve.meta b"
		   " ON b.key = 'applied' AND b.value >="
		   "  COALESCE((SELECT MAX(seq) FROM main.change), 0)");
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

/* Of this store: then nothing was done since the backup. */
static bool has_serve(struct store *s)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM serve.meta a JOIN main.meta m"
		   " ON m.key = 'store_id' AND a.key = m.key"
		   " AND a.value = m.value");
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

bool restore_is_pending(struct store *s)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT 1 FROM main.meta"
				    " WHERE key = 'restored'");
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

/* A backup of a frozen box has all that it ordered. */
static bool doubt_orders(struct store *s, time_t now, struct err *err)
{
	struct query q;

	log_info("restore: %s",
		 has_serve(s) ? "serve.db is no newer than the backup"
			      : "there is no serve.db that would know "
				"what was done since the backup");
	if (box_is_frozen(s) || has_serve(s))
		return true;
	query_open(&q, store_db_write(s),
		   "INSERT OR REPLACE INTO main.meta VALUES('uncounted', ?)");
	bind_int(&q, now);
	return query_run(&q, err);
}

static bool adopt(struct store *s, struct err *err)
{
	struct tally t = { .now = time(NULL) };

	if (!policy_version_elsewhere(s, t.now, err) ||
	    !watch_begin_anew(s, t.now, err))
		return false;
	if (!is_newer_serve(s)) {
		if (!doubt_orders(s, t.now, err))
			return false;
	} else {
		if (!adopt_all(s, &t, err))
			return false;
		name_strays(s);
		log_info("restore: from serve.db come %ld certificates, %ld "
			 "policies and %ld names", t.certs, t.policies,
			 t.names);
	}
	/*
	 * Between the backup and now anything may have been fetched; and here
	 * or there, what has come over is served as well.
	 */
	return policy_version_elsewhere(s, t.now, err) &&
	       served_gap(s, 0, t.now, err) && publication_doubt(s, err) &&
	       db_exec(store_db_write(s),
		       "DELETE FROM main.meta WHERE key = 'restored'", err);
}

bool restore_adopt(struct store *s, struct err *err)
{
	struct err problem = ERR_INIT;

	if (!store_begin(s, err))
		return false;
	if (adopt(s, &problem))
		return store_commit(s, err);
	store_rollback(s);
	if (err)
		*err = problem;
	return false;
}
