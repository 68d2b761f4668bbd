#include "store/serve.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/db.h"
#include "store/domain.h"

struct serve {
	struct db *db;
	char *path;
	char *vfs;
	ino_t inode;		/* that is open */
	time_t looked_at;	/* at the file; of the monotonic clock */
	bool is_bad;		/* it failed since */
	bool is_still;		/* opened as one that nobody can write */
	uint64_t seen;		/* changes that others made, or may have */
	int64_t version;	/* of the file, as SQLite counts them */
	atomic_ulong failures;
};

static atomic_ulong changes; /* that this process made */

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static time_t uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

static bool is_writable(const char *path)
{
	return access(path, W_OK) == 0 || errno != EROFS;
}

static bool can_be_read(struct db *db)
{
	return db && db_exec(db, "SELECT 1 FROM sqlite_schema", NULL);
}

/*
 * Without its log, a database in WAL mode cannot be read on a disk that is
 * read-only, unless it is told that nobody else writes there either.
 */
static struct db *open_file(struct serve *s, struct err *err)
{
	struct db *db = db_open(s->path, DB_READ, s->vfs, err), *still;

	s->is_still = false;
	if (s->vfs || is_writable(s->path) || can_be_read(db))
		return db;
	still = db_open(s->path, DB_STILL, NULL, NULL);
	if (!can_be_read(still)) {
		db_close(still);
		return db;
	}
	db_close(db);
	s->is_still = true;
	return still;
}

struct serve *serve_open(const char *dir, const char *vfs, struct err *err)
{
	struct serve *s = xcalloc(1, sizeof(*s));

	s->path = xasprintf("%s/serve.db", dir);
	s->vfs = vfs ? xstrdup(vfs) : NULL;
	s->looked_at = uptime();
	s->inode = inode_of(s->path);
	s->db = open_file(s, err);
	if (s->db)
		return s;
	serve_close(s);
	return NULL;
}

void serve_close(struct serve *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s->path);
	free(s->vfs);
	free(s);
}

unsigned long serve_failures(const struct serve *s)
{
	return atomic_load(&s->failures);
}

static void has_failed(struct serve *s)
{
	s->is_bad = true;
	atomic_fetch_add(&s->failures, 1);
}

static bool end(struct serve *s, struct query *q, struct err *err)
{
	if (query_close(q, err))
		return true;
	has_failed(s);
	return false;
}

/* What was opened stays if there is nothing better. */
static void look_again(struct serve *s)
{
	ino_t inode = inode_of(s->path);
	struct db *db;

	if (!inode || (inode == s->inode && !s->is_bad &&
		       !(s->is_still && is_writable(s->path))))
		return;
	db = open_file(s, NULL);
	if (!db)
		return;
	db_close(s->db);
	s->db = db;
	s->inode = inode;
	s->is_bad = false;
	s->seen++;
}

/* Written by somebody, since the last look. */
static void look_at_version(struct serve *s)
{
	int64_t version = s->version;
	struct query q;

	query_open(&q, s->db, "PRAGMA data_version");
	if (query_row(&q))
		version = col_int(&q, "data_version");
	end(s, &q, NULL);
	s->seen += version != s->version;
	s->version = version;
}

/* The file may have been made anew: looked at once a second. */
static struct db *handle(struct serve *s)
{
	time_t now = uptime();

	if (!s->vfs && now != s->looked_at) {
		s->looked_at = now;
		look_again(s);
		look_at_version(s);
	}
	return s->db;
}

uint64_t serve_generation(struct serve *s)
{
	handle(s);
	return 1 + s->seen + atomic_load(&changes);
}

void serve_has_changed(void)
{
	atomic_fetch_add(&changes, 1);
}

static void read_cert(struct query *q, struct serve_cert *cert)
{
	const void *leaf = col_blob_peek(q, "leaf", &cert->leaf_len);

	cert->leaf = xmemdup(leaf, cert->leaf_len);
	cert->issuer_id = col_int(q, "issuer_id");
	col_bytes(q, "scalar", cert->key.scalar, sizeof(cert->key.scalar));
	col_bytes(q, "point", cert->key.point, sizeof(cert->key.point));
	cert->cert_id = col_int(q, "cert_id");
}

/* The policy is served even if this is damaged. */
static void read_cert_of_site(struct serve *s, struct query *q,
			      struct serve_cert *cert, struct err *err)
{
	read_cert(q, cert);
	if (q->rc == SQLITE_ROW)
		return;
	q->rc = SQLITE_ROW;
	has_failed(s);
	serve_cert_release(cert);
	err_set(err, ERR_INTERNAL, "the stored certificate is damaged");
}

enum serve_found serve_site(struct serve *s, const char *host, int64_t known,
			    struct serve_site *site, struct serve_cert *cert,
			    struct err *err)
{
	struct query q;
	bool found;

	*site = (struct serve_site){ 0 };
	*cert = (struct serve_cert){ 0 };
	query_open(&q, handle(s),
		   "SELECT cert_id, policy_id, body, leaf, scalar, point,"
		   " issuer_id FROM site WHERE host = ?");
	bind_text(&q, host);
	found = query_row(&q);
	if (found) {
		site->cert_id = col_int(&q, "cert_id");
		site->policy_id = col_int(&q, "policy_id");
		site->policy = xstrdup(col_text_peek(&q, "body"));
		site->len = strlen(site->policy);
		if (q.rc == SQLITE_ROW && site->cert_id &&
		    site->cert_id != known)
			read_cert_of_site(s, &q, cert, err);
	}
	if (!end(s, &q, err)) {
		serve_site_release(site);
		serve_cert_release(cert);
		return SERVE_FAILED;
	}
	if (!found)
		return SERVE_UNKNOWN;
	return site->cert_id ? SERVE_FOUND : SERVE_NO_CERT;
}

void serve_site_release(struct serve_site *site)
{
	free(site->policy);
	*site = (struct serve_site){ 0 };
}

enum serve_found serve_cert_id(struct serve *s, const char *host,
			       int64_t *cert_id, struct err *err)
{
	struct query q;
	bool found;

	*cert_id = 0;
	query_open(&q, handle(s), "SELECT cert_id FROM site WHERE host = ?");
	bind_text(&q, host);
	found = query_row(&q);
	if (found)
		*cert_id = col_int(&q, "cert_id");
	if (!end(s, &q, err))
		return SERVE_FAILED;
	if (!found)
		return SERVE_UNKNOWN;
	return *cert_id ? SERVE_FOUND : SERVE_NO_CERT;
}

enum serve_found serve_cert(struct serve *s, const char *host,
			    struct serve_cert *cert, struct err *err)
{
	enum serve_found found = SERVE_UNKNOWN;
	struct query q;

	*cert = (struct serve_cert){ 0 };
	query_open(&q, handle(s), "SELECT cert_id, leaf, scalar, point, issuer_id"
			      " FROM site WHERE host = ?");
	bind_text(&q, host);
	if (query_row(&q)) {
		cert->cert_id = col_int(&q, "cert_id");
		found = cert->cert_id ? SERVE_FOUND : SERVE_NO_CERT;
		if (cert->cert_id)
			read_cert(&q, cert);
	}
	if (end(s, &q, err))
		return found;
	serve_cert_release(cert);
	return SERVE_NO_CERT;
}

void serve_cert_release(struct serve_cert *cert)
{
	free(cert->leaf);
	p256_release(&cert->key);
	*cert = (struct serve_cert){ 0 };
}

unsigned char *serve_issuer(struct serve *s, int64_t issuer_id, size_t *len,
			    struct err *err)
{
	unsigned char *chain = NULL;
	struct query q;

	query_open(&q, handle(s), "SELECT chain FROM issuer WHERE id = ?");
	bind_int(&q, issuer_id);
	if (query_row(&q)) {
		const void *data = col_blob_peek(&q, "chain", len);

		chain = xmemdup(data, *len);
	}
	if (end(s, &q, err) && !chain)
		err_set(err, ERR_INTERNAL, "issuer %lld is missing",
			(long long)issuer_id);
	return chain;
}

char *serve_policy(struct serve *s, const char *host, size_t *len,
		   int64_t *policy_id)
{
	char *body = NULL;
	struct query q;

	query_open(&q, handle(s),
		   "SELECT policy_id, body FROM site WHERE host = ?");
	bind_text(&q, host);
	if (query_row(&q)) {
		*policy_id = col_int(&q, "policy_id");
		body = xstrdup(col_text_peek(&q, "body"));
		*len = strlen(body);
	}
	end(s, &q, NULL);
	return body;
}

bool serve_hosts(struct serve *s, const char *host)
{
	int64_t cert_id;

	switch (serve_cert_id(s, host, &cert_id, NULL)) {
	case SERVE_FOUND:
	case SERVE_NO_CERT:
		return true;
	case SERVE_UNKNOWN:
	case SERVE_FAILED:
		break;
	}
	return false;
}

static bool is_token(const char *token, const char *right)
{
	return strlen(token) == DOMAIN_TOKEN_SIZE - 1 &&
	       strlen(right) == DOMAIN_TOKEN_SIZE - 1 &&
	       CRYPTO_memcmp(token, right, DOMAIN_TOKEN_SIZE - 1) == 0;
}

enum serve_found serve_takes_report(struct serve *s, const char *host,
				    const char *token, int64_t *domain_id,
				    struct err *err)
{
	bool is_right = false;
	struct query q;

	*domain_id = 0;
	query_open(&q, handle(s),
		   "SELECT domain_id, report_token FROM site"
		   " WHERE host = ?");
	bind_text(&q, host);
	if (query_row(&q)) {
		*domain_id = col_int(&q, "domain_id");
		is_right = is_token(token, col_text_peek(&q, "report_token"));
	}
	if (!end(s, &q, err))
		return SERVE_FAILED;
	return is_right ? SERVE_FOUND : SERVE_UNKNOWN;
}

/* The methods stand in the text, as in the index that makes this cheap. */
_Static_assert(METHOD_HTTP_01 == 0 && METHOD_TLS_ALPN_01 == 1,
	       "serve.db has numbers for these");

static bool key_auth(struct serve *s, const char *sql, const char *what,
		     char out[static SERVE_CHALLENGE_SIZE])
{
	struct query q;
	bool found;

	query_open(&q, handle(s), sql);
	bind_text(&q, what);
	found = query_row(&q);
	if (found)
		col_text(&q, "key_auth", out, SERVE_CHALLENGE_SIZE);
	return end(s, &q, NULL) && found;
}

bool serve_challenge(struct serve *s, const char *token,
		     char out[static SERVE_CHALLENGE_SIZE])
{
	return key_auth(s, "SELECT key_auth FROM challenge"
			   " WHERE token = ? AND method = 0", token, out);
}

bool serve_alpn_challenge(struct serve *s, const char *host,
			  char out[static SERVE_CHALLENGE_SIZE])
{
	return key_auth(s, "SELECT key_auth FROM challenge"
			   " WHERE host = ? AND method = 1"
			   " ORDER BY order_id DESC LIMIT 1", host, out);
}
