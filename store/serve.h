/*
 * What serving may see: a read-only handle on `serve.db`.
 *
 * One handle per serving thread; no two threads share one. Nothing here
 * waits for a writer (WAL), and nothing here can reach an account key.
 * A row that cannot be read is reported as missing, with err set.
 */
#ifndef STORE_SERVE_H
#define STORE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/p256.h"

#define SERVE_CHALLENGE_SIZE 320	/* token "." thumbprint */

struct serve;

/*
 * Is there a serve.db of this version's shape that serves somebody? Then it can
 * be served from before store_open(), which brings it up to date.
 */
bool serve_is_ready(const char *dir);

/*
 * `dir` is the state folder, `vfs` its file layer (NULL: the machine's files);
 * store_open() has made the file.
 */
struct serve *serve_open(const char *dir, const char *vfs, struct err *err);
void serve_close(struct serve *s);

/*
 * How often serve.db could not be read, in all. Any thread. A file that is
 * made anew is found by itself, within a second.
 */
unsigned long serve_failures(const struct serve *s);

enum serve_found {
	SERVE_FOUND,
	SERVE_NO_CERT,	/* the host is ours, but has no certificate yet */
	SERVE_UNKNOWN,	/* not our host */
	SERVE_FAILED	/* serve.db cannot be read just now */
};

/*
 * Another number than before if serve.db may say something else than before,
 * never 0: for a cache. What this process has written it knows at once; what
 * somebody else has, who should not, within a second.
 */
uint64_t serve_generation(struct serve *s);

/* Something was committed to serve.db; any thread. */
void serve_has_changed(void);

/* Leaf, key and issuers of a host. Owned: release it. */
struct serve_cert {
	int64_t cert_id;
	struct p256 key;
	unsigned char *leaf; /* DER */
	size_t leaf_len;
	int64_t issuer_id; /* the same id is the same bytes, for ever */
};

/* What a host shows, but for its certificate. Owned: release it. */
struct serve_site {
	int64_t cert_id;
	int64_t policy_id;
	char *policy; /* the file's exact bytes */
	size_t len;
};

/*
 * By one look: that, and its certificate too, unless `known` is its id; then,
 * and where it has none, `cert` is all zero. A certificate whose row is damaged
 * is none, with err set, and keeps nothing else away.
 */
enum serve_found serve_site(struct serve *s, const char *host, int64_t known,
			    struct serve_site *site, struct serve_cert *cert,
			    struct err *err);
void serve_site_release(struct serve_site *site);

/*
 * Which certificate is the host's current one? `host` is "mta-sts.<domain>",
 * lower case.
 */
enum serve_found serve_cert_id(struct serve *s, const char *host,
			       int64_t *cert_id, struct err *err);

/* The certificate alone. A damaged row is none. */
enum serve_found serve_cert(struct serve *s, const char *host,
			    struct serve_cert *cert, struct err *err);
void serve_cert_release(struct serve_cert *cert);

/* The issuer certificates, DER, one behind the other. The caller frees. */
unsigned char *serve_issuer(struct serve *s, int64_t issuer_id, size_t *len,
			    struct err *err);

/*
 * The policy file's exact bytes, or NULL if the host is not ours; and which
 * version it is, for who counts. Caller frees.
 */
char *serve_policy(struct serve *s, const char *host, size_t *len,
		   int64_t *policy_id);

/* Is it a host of ours, with or without a certificate? */
bool serve_hosts(struct serve *s, const char *host);

/*
 * May TLS reports about a domain be posted here: is it this host's token?
 * How long that takes tells nothing of the right one. SERVE_UNKNOWN: it is not,
 * or the host is not ours.
 */
enum serve_found serve_takes_report(struct serve *s, const char *host,
				    const char *token, int64_t *domain_id,
				    struct err *err);

/*
 * The key authorization for an HTTP-01 token (RFC 8555, 8.3), for whichever
 * host it is asked: the CA follows names, we answer tokens.
 */
bool serve_challenge(struct serve *s, const char *token,
		     char out[static SERVE_CHALLENGE_SIZE]);

/*
 * The key authorization that a tls-alpn-01 validator of this host is to see
 * (RFC 8737): of the newest order, should a trial run beside a renewal.
 */
bool serve_alpn_challenge(struct serve *s, const char *host,
			  char out[static SERVE_CHALLENGE_SIZE]);

#endif
