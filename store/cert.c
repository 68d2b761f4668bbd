#include "store/cert.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/buf.h"
#include "store/internal.h"
#include "store/reached.h"
#include "store/watch.h"

#define PEM_MAX (128 * 1024)

static const char *const state_names[] = {
	[CERT_ACTIVE] = "active",
	[CERT_RETIRED] = "retired",
	[CERT_BAD] = "bad",
	[CERT_TRIAL] = "trial",
};

const char *cert_state_name(enum cert_state state)
{
	return state_names[state];
}

static void read_row(struct query *q, struct cert *c)
{
	*c = (struct cert){
		.id = col_int(q, "id"),
		.domain_id = col_int(q, "domain_id"),
		.ca_id = col_int(q, "ca_id"),
		.account_id = col_int(q, "account_id"),
		.key_id = col_int(q, "key_id"),
		.order_id = col_int(q, "order_id"),
		.state = (enum cert_state)col_enum(q, "state", CERT_TRIAL),
		.not_before = col_int(q, "not_before"),
		.not_after = col_int(q, "not_after"),
		.renew_at = col_int(q, "renew_at"),
		.created_at = col_int(q, "created_at"),
		.ari_start = col_int(q, "ari_start"),
		.ari_end = col_int(q, "ari_end"),
		.ari_pick = col_int(q, "ari_pick"),
		.ari_poll_at = col_int(q, "ari_poll_at"),
		.ari_failures = col_long(q, "ari_failures"),
		.ari_hastened = col_long(q, "ari_hastened"),
		.ari_is_stale = col_int(q, "ari_stale") != 0,
		.revoke_reason = (int)col_int(q, "revoke_reason"),
		.revoked_at = col_int(q, "revoked_at"),
		.revoke_due_at = col_int(q, "revoke_due_at"),
		.revoke_failures = col_long(q, "revoke_failures"),
	};
	col_text(q, "profile", c->profile, sizeof(c->profile));
	col_text(q, "ari_id", c->ari_id, sizeof(c->ari_id));
	col_text(q, "ari_url", c->ari_url, sizeof(c->ari_url));
	col_text(q, "serial", c->serial, sizeof(c->serial));
	col_text(q, "issuer", c->issuer, sizeof(c->issuer));
}

bool cert_current(struct store *s, const struct domain *d, struct cert *c,
		  struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT * FROM cert WHERE id = ?");
	bind_int(&q, d->cert_id);
	found = query_row(&q);
	if (found)
		read_row(&q, c);
	if (!query_close(&q, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND,
				"%s has no certificate yet", d->name);
}

bool cert_by_id(struct store *s, int64_t id, struct cert *c, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT * FROM cert WHERE id = ?");
	bind_int(&q, id);
	found = query_row(&q);
	if (found)
		read_row(&q, c);
	found = found && query_row_is_good(&q, "cert");
	if (!query_close(&q, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no certificate %lld",
				(long long)id);
}

bool cert_update(struct store *s, const struct cert *c, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE cert SET renew_at = ?, ari_start = ?, ari_end = ?,"
		   " ari_pick = ?, ari_url = ?, ari_poll_at = ?,"
		   " ari_failures = ?, ari_hastened = ?, ari_stale = ?,"
		   " revoke_reason = ?, revoked_at = ?,"
		   " revoke_due_at = ?, revoke_failures = ? WHERE id = ?");
	bind_int(&q, c->renew_at);
	bind_int(&q, c->ari_start);
	bind_int(&q, c->ari_end);
	bind_int(&q, c->ari_pick);
	bind_text(&q, c->ari_url);
	bind_int(&q, c->ari_poll_at);
	bind_int(&q, c->ari_failures);
	bind_int(&q, c->ari_hastened);
	bind_int(&q, c->ari_is_stale);
	bind_int(&q, c->revoke_reason);
	bind_int(&q, c->revoked_at);
	bind_int(&q, c->revoke_due_at);
	bind_int(&q, c->revoke_failures);
	bind_int(&q, c->id);
	return query_run(&q, err) && updated_one(s, "certificate", err);
}

static size_t due_ids(struct store *s, const char *sql, time_t now,
		      int64_t *ids, size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s), sql);
	bind_int(&q, now);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

size_t cert_ari_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		    struct err *err)
{
	return due_ids(s, "SELECT id FROM cert WHERE ari_poll_at > 0"
			  " AND state = 0 AND ari_poll_at <= ?"
			  " ORDER BY ari_poll_at LIMIT ?",
		       now, ids, limit, err);
}

size_t cert_revoke_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		       struct err *err)
{
	return due_ids(s, "SELECT id FROM cert WHERE revoke_due_at > 0"
			  " AND revoke_due_at <= ?"
			  " ORDER BY revoke_due_at LIMIT ?",
		       now, ids, limit, err);
}

size_t cert_judge_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		      struct err *err)
{
	return due_ids(s, "SELECT id FROM cert WHERE state = 0"
			  " AND warn_at <= ? ORDER BY warn_at LIMIT ?",
		       now, ids, limit, err);
}

bool cert_judge_at(struct store *s, int64_t id, time_t at, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE cert SET warn_at = ? WHERE id = ?");
	bind_int(&q, at);
	bind_int(&q, id);
	return query_run(&q, err);
}

bool cert_put_off(struct store *s, int64_t id, time_t until, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE cert SET ari_poll_at = CASE WHEN ari_poll_at > 0"
		   "  THEN MAX(ari_poll_at, ?1) ELSE 0 END,"
		   " revoke_due_at = CASE WHEN revoke_due_at > 0"
		   "  THEN MAX(revoke_due_at, ?1) ELSE 0 END WHERE id = ?2");
	bind_int(&q, until);
	bind_int(&q, id);
	return query_run(&q, err);
}

static time_t earliest(struct store *s, const char *sql)
{
	struct query q;
	time_t at = 0;

	query_open(&q, store_db(s), sql);
	if (query_row(&q))
		at = col_int(&q, "at");
	query_close(&q, NULL);
	return at;
}

time_t cert_next_ari(struct store *s)
{
	return earliest(s, "SELECT ari_poll_at AS at FROM cert"
			   " WHERE ari_poll_at > 0 AND state = 0"
			   " ORDER BY ari_poll_at LIMIT 1");
}

time_t cert_next_revoke(struct store *s)
{
	return earliest(s, "SELECT revoke_due_at AS at FROM cert"
			   " WHERE revoke_due_at > 0"
			   " ORDER BY revoke_due_at LIMIT 1");
}

bool cert_is_known_to(struct store *s, int64_t domain_id, int64_t ca_id,
		      time_t since)
{
	struct query q;
	bool is_known;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM cert WHERE domain_id = ?"
		   " AND ca_id = ? AND created_at >= ?");
	bind_int(&q, domain_id);
	bind_int(&q, ca_id);
	bind_int(&q, since);
	is_known = query_row(&q);
	query_close(&q, NULL);
	return is_known;
}

bool cert_each(struct store *s, int64_t domain_id,
	       bool (*each)(const struct cert *c, void *arg), void *arg,
	       struct err *err)
{
	struct cert c;
	struct query q;

	query_open(&q, store_db(s), "SELECT * FROM cert WHERE domain_id = ?"
				    " ORDER BY id DESC");
	bind_int(&q, domain_id);
	while (query_row(&q)) {
		read_row(&q, &c);
		if (query_row_is_good(&q, "cert") && !each(&c, arg))
			break;
	}
	return query_close(&q, err);
}

static bool issuer_id_of(struct store *s, const unsigned char *digest,
			 int64_t *id, struct err *err)
{
	struct query q;

	*id = 0;
	query_open(&q, store_db(s), "SELECT id FROM issuer WHERE sha256 = ?");
	bind_blob(&q, digest, 32);
	if (query_row(&q))
		*id = col_int(&q, "id");
	return query_close(&q, err);
}

static bool issuer_ensure(struct store *s, const struct cert_chain *chain,
			  int64_t *id, struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct query q;

	if (!EVP_Digest(chain->issuers, chain->issuers_len, digest, NULL,
			EVP_sha256(), NULL))
		return err_set(err, ERR_INTERNAL, "OpenSSL: no SHA-256");
	if (!issuer_id_of(s, digest, id, err))
		return false;
	if (*id)
		return true;
	query_open(&q, store_db_write(s),
		   "INSERT INTO issuer(sha256, chain) VALUES(?, ?)");
	bind_blob(&q, digest, 32);
	bind_blob(&q, chain->issuers, chain->issuers_len);
	if (!query_run(&q, err))
		return false;
	*id = db_last_id(store_db(s));
	return true;
}

/* 0 stands for none. */
static void bind_id(struct query *q, int64_t id)
{
	if (id)
		bind_int(q, id);
	else
		bind_null(q);
}

static bool insert_cert(struct store *s, struct cert *c, int64_t issuer_id,
			const struct cert_chain *chain, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO cert(domain_id, ca_id, key_id, order_id,"
		   " issuer_id, state, serial, issuer, not_before, not_after,"
		   " renew_at, created_at, account_id, profile, ari_id,"
		   " ari_poll_at, ari_url, ari_hastened, ari_stale, leaf)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		   " ?, ?, ?)");
	bind_int(&q, c->domain_id);
	bind_id(&q, c->ca_id);
	bind_int(&q, c->key_id);
	bind_id(&q, c->order_id);
	bind_int(&q, issuer_id);
	bind_int(&q, c->state);
	bind_text(&q, c->serial);
	bind_text(&q, c->issuer);
	bind_int(&q, c->not_before);
	bind_int(&q, c->not_after);
	bind_int(&q, c->renew_at);
	bind_int(&q, c->created_at);
	bind_id(&q, c->account_id);
	bind_text(&q, c->profile);
	bind_text(&q, c->ari_id);
	bind_int(&q, c->ari_poll_at);
	bind_text(&q, c->ari_url);
	bind_int(&q, c->ari_hastened);
	bind_int(&q, c->ari_is_stale);
	bind_blob(&q, chain->leaf, chain->leaf_len);
	if (!query_run(&q, err))
		return false;
	c->id = db_last_id(store_db(s));
	return true;
}

/* Whose revocation waited for this is due at `now`. */
static bool retire_active(struct store *s, int64_t domain_id, time_t now,
			  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE cert SET state = ?,"
		   " revoke_due_at = MIN(revoke_due_at, ?)"
		   " WHERE domain_id = ? AND +state = ?");
	bind_int(&q, CERT_RETIRED);
	bind_int(&q, now);
	bind_int(&q, domain_id);
	bind_int(&q, CERT_ACTIVE);
	return query_run(&q, err);
}

static bool forget_with(struct store *s, const char *sql, int64_t domain_id,
			struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

bool key_forget_unused(struct store *s, int64_t domain_id, struct err *err)
{
	return forget_with(s, "DELETE FROM key WHERE domain_id = ?1"
			      " AND id NOT IN (SELECT key_id FROM cert"
			      "  WHERE domain_id = ?1)"
			      " AND id NOT IN (SELECT key_id FROM ord"
			      "  WHERE domain_id = ?1)",
			   domain_id, err);
}

/* But the newest of each CA, for there the next one is a renewal. */
static bool forget_old(struct store *s, int64_t domain_id, struct err *err)
{
	return forget_with(s,
			   "DELETE FROM cert WHERE domain_id = ?1"
			   " AND state <> 0 AND revoke_due_at = 0"
			   " AND id NOT IN (SELECT id"
			   "  FROM cert WHERE domain_id = ?1"
			   "  ORDER BY id DESC LIMIT 5)"
			   " AND id NOT IN (SELECT MAX(id)"
			   "  FROM cert WHERE domain_id = ?1"
			   "  GROUP BY ca_id)",
			   domain_id, err) &&
	       key_forget_unused(s, domain_id, err);
}

bool cert_install(struct store *s, struct domain *d, struct cert *c,
		  const struct cert_chain *chain, struct err *err)
{
	bool is_first = !d->cert_id;
	int64_t issuer_id = 0;

	if (!issuer_ensure(s, chain, &issuer_id, err))
		return false;
	if (c->state != CERT_ACTIVE)
		return insert_cert(s, c, issuer_id, chain, err) &&
		       forget_old(s, d->id, err);
	if (!retire_active(s, d->id, c->created_at, err) ||
	    !insert_cert(s, c, issuer_id, chain, err))
		return false;
	d->cert_id = c->id;
	return domain_update(s, d, err) && forget_old(s, d->id, err) &&
	       (!is_first || watch_now(s, d->id, c->created_at, err)) &&
	       reached_begin(s, d->id, c->created_at, c->distrust, err) &&
	       change_note(s, d->id, err);
}

static bool add_pem(struct buf *out, const unsigned char *der, size_t len)
{
	const unsigned char *p = der, *end = der + len;
	bool ok = true;

	while (ok && p < end) {
		X509 *x = d2i_X509(NULL, &p, end - p);
		BIO *mem = BIO_new(BIO_s_mem());
		char *text;

		ok = x && mem && PEM_write_bio_X509(mem, x);
		if (ok) {
			long n = BIO_get_mem_data(mem, &text);

			ok = buf_add(out, text, (size_t)n);
		}
		BIO_free(mem);
		X509_free(x);
	}
	return ok;
}

char *cert_pem(struct store *s, int64_t cert_id, struct err *err)
{
	const unsigned char *leaf, *chain;
	size_t leaf_len, chain_len;
	char *pem = NULL;
	struct query q;
	struct buf out;

	buf_init(&out, PEM_MAX);
	query_open(&q, store_db(s), "SELECT leaf, chain FROM cert JOIN issuer"
				    " ON issuer.id = issuer_id"
				    " WHERE cert.id = ?");
	bind_int(&q, cert_id);
	if (query_row(&q)) {
		leaf = col_blob_peek(&q, "leaf", &leaf_len);
		chain = col_blob_peek(&q, "chain", &chain_len);
		if (add_pem(&out, leaf, leaf_len) &&
		    add_pem(&out, chain, chain_len))
			pem = buf_take(&out);
	}
	if (query_close(&q, err) && !pem)
		err_set(err, ERR_INTERNAL, "certificate %lld does not decode",
			(long long)cert_id);
	buf_release(&out);
	return pem;
}

bool cert_leaf(struct store *s, int64_t cert_id, struct buf *der,
	       struct err *err)
{
	const unsigned char *leaf;
	struct query q;
	bool ok = false;
	size_t len;

	query_open(&q, store_db(s), "SELECT leaf FROM cert WHERE id = ?");
	bind_int(&q, cert_id);
	if (query_row(&q)) {
		leaf = col_blob_peek(&q, "leaf", &len);
		ok = leaf && len && buf_add(der, leaf, len);
	}
	if (!query_close(&q, err))
		return false;
	return ok || err_set(err, ERR_NOT_FOUND, "no certificate %lld",
			     (long long)cert_id);
}

long cert_count_served(struct store *s, int64_t ca_id)
{
	struct query q;
	long n = 0;

	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS n FROM cert"
		   " WHERE ca_id = ? AND state = 0");
	bind_int(&q, ca_id);
	if (query_row(&q))
		n = col_long(&q, "n");
	query_close(&q, NULL);
	return n;
}

time_t cert_nearest_expiry(struct store *s)
{
	return earliest(s, "SELECT c.not_after AS at FROM cert c"
			   " CROSS JOIN domain d ON d.id = c.domain_id"
			   " WHERE c.state = 0 AND d.leaving <> 2"
			   " ORDER BY c.not_after LIMIT 1");
}

bool key_insert(struct store *s, int64_t domain_id, const struct p256 *key,
		time_t now, int64_t *id, struct err *err)
{
	struct query q;

	if (key_is_compromised(s, key->point))
		return err_set(err, ERR_AGAIN, "the new key is one of those "
					       "that are compromised");
	if (!key_forget_unused(s, domain_id, err))
		return false;
	query_open(&q, store_db_write(s),
		   "INSERT INTO key(domain_id, scalar, point, created_at)"
		   " VALUES(?, ?, ?, ?)");
	bind_int(&q, domain_id);
	bind_blob(&q, key->scalar, sizeof(key->scalar));
	bind_blob(&q, key->point, sizeof(key->point));
	bind_int(&q, now);
	if (!query_run(&q, err))
		return false;
	*id = db_last_id(store_db(s));
	return true;
}

bool key_by_id(struct store *s, int64_t id, struct p256 *key, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT scalar, point FROM key"
				    " WHERE id = ?");
	bind_int(&q, id);
	found = query_row(&q);
	if (found) {
		col_bytes(&q, "scalar", key->scalar, sizeof(key->scalar));
		col_bytes(&q, "point", key->point, sizeof(key->point));
	}
	found = found && query_row_is_good(&q, "key");
	if (!query_close(&q, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND,
				"key %lld is missing or damaged",
				(long long)id);
}

bool key_compromise(struct store *s, int64_t key_id, time_t now,
		    struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT OR IGNORE INTO compromised_key(point, at)"
		   " SELECT point, ? FROM key WHERE id = ?");
	bind_int(&q, now);
	bind_int(&q, key_id);
	return query_run(&q, err);
}

bool key_is_compromised(struct store *s,
			const unsigned char point[static P256_POINT])
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM compromised_key WHERE point = ?");
	bind_blob(&q, point, P256_POINT);
	found = query_row(&q);
	return !query_close(&q, NULL) || found;
}
