#include "store/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/db.h"
#include "store/domain.h"

struct serve {
	struct db *db;
};

struct serve *serve_open(const char *dir, const char *vfs, struct err *err)
{
	char *path = xasprintf("%s/serve.db", dir);
	struct db *db = db_open(path, DB_READ, vfs, err);
	struct serve *s = NULL;

	free(path);
	if (db) {
		s = xcalloc(1, sizeof(*s));
		s->db = db;
	}
	return s;
}

void serve_close(struct serve *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s);
}

enum serve_found serve_cert_id(struct serve *s, const char *host,
			       int64_t *cert_id, struct err *err)
{
	struct query q;
	bool found;

	*cert_id = 0;
	query_open(&q, s->db, "SELECT cert_id FROM site WHERE host = ?");
	bind_text(&q, host);
	found = query_row(&q);
	if (found)
		*cert_id = col_int(&q, "cert_id");
	if (!query_close(&q, err))
		return SERVE_FAILED;
	if (!found)
		return SERVE_UNKNOWN;
	return *cert_id ? SERVE_FOUND : SERVE_NO_CERT;
}

static void read_cert(struct query *q, struct serve_cert *cert)
{
	const void *leaf = col_blob_peek(q, "leaf", &cert->leaf_len);

	cert->leaf = xmemdup(leaf, cert->leaf_len);
	cert->issuer_id = col_int(q, "issuer_id");
	col_bytes(q, "scalar", cert->key.scalar, sizeof(cert->key.scalar));
	col_bytes(q, "point", cert->key.point, sizeof(cert->key.point));
}

enum serve_found serve_cert(struct serve *s, const char *host,
			    struct serve_cert *cert, struct err *err)
{
	enum serve_found found = SERVE_UNKNOWN;
	struct query q;

	*cert = (struct serve_cert){ 0 };
	query_open(&q, s->db, "SELECT cert_id, leaf, scalar, point, issuer_id"
			      " FROM site WHERE host = ?");
	bind_text(&q, host);
	if (query_row(&q)) {
		cert->cert_id = col_int(&q, "cert_id");
		found = cert->cert_id ? SERVE_FOUND : SERVE_NO_CERT;
		if (cert->cert_id)
			read_cert(&q, cert);
	}
	if (query_close(&q, err))
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

	query_open(&q, s->db, "SELECT chain FROM issuer WHERE id = ?");
	bind_int(&q, issuer_id);
	if (query_row(&q)) {
		const void *data = col_blob_peek(&q, "chain", len);

		chain = xmemdup(data, *len);
	}
	if (query_close(&q, err) && !chain)
		err_set(err, ERR_INTERNAL, "issuer %lld is missing",
			(long long)issuer_id);
	return chain;
}

char *serve_policy(struct serve *s, const char *host, size_t *len)
{
	char *body = NULL;
	struct query q;

	query_open(&q, s->db, "SELECT body FROM site WHERE host = ?");
	bind_text(&q, host);
	if (query_row(&q)) {
		body = xstrdup(col_text_peek(&q, "body"));
		*len = strlen(body);
	}
	query_close(&q, NULL);
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

/* The methods stand in the text, as in the index that makes this cheap. */
_Static_assert(METHOD_HTTP_01 == 0 && METHOD_TLS_ALPN_01 == 1,
	       "serve.db has numbers for these");

static bool key_auth(struct serve *s, const char *sql, const char *what,
		     char out[static SERVE_CHALLENGE_SIZE])
{
	struct query q;
	bool found;

	query_open(&q, s->db, sql);
	bind_text(&q, what);
	found = query_row(&q);
	if (found)
		col_text(&q, "key_auth", out, SERVE_CHALLENGE_SIZE);
	return query_close(&q, NULL) && found;
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
