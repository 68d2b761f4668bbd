/*
 * Signed requests to one CA: its directory, its nonces, our account key.
 *
 * What is kept here is plumbing and may be lost at any moment: the directory
 * (an hour), a pool of nonces (a minute each). A badNonce answer is tried
 * again with the nonce that came with it (RFC 8555, 6.5); everything else is
 * the caller's to judge.
 *
 * Control thread only.
 */
#ifndef ACME_CLIENT_H
#define ACME_CLIENT_H

#include "acme/wire.h"
#include "acme/world.h"

struct client;

/* What came back, made ready for the machines. Borrowed for the callback. */
struct ca_reply {
	struct err error;		/* ERR_NONE: an HTTP answer came */
	bool is_unasked;		/* no nonce was to be had for it */
	long status;
	const char *body;
	size_t len;
	const char *location;		/* or "" */
	const char *links;		/* one a line, or "" */
	long retry_after;		/* seconds, or -1 */
	time_t date;			/* the server's clock; 0: not said */
	struct wire_problem problem;	/* if status is not 2xx */
};

typedef void client_done(const struct ca_reply *reply, void *arg);

/* `trust_file` may be empty: the system's trust store. Both are copied. */
struct client *client_new(const struct world *world, const char *directory_url,
			  const char *trust_file);

/* Only once no request is under way any more (fetcher_free() sees to it). */
void client_free(struct client *c);

/* What client_load_directory() got last; NULL: nothing yet. */
const struct wire_directory *client_directory(const struct client *c);

/* Did it get it within the last hour? */
bool client_is_current(const struct client *c);

/* It does not hold any more: to be loaded again before it is relied on. */
void client_doubt_directory(struct client *c);

/*
 * A plain GET of the directory. The reply has an error if the answer was not
 * a directory.
 */
void client_load_directory(struct client *c, client_done *done, void *arg);

/* A plain GET of what needs no account (RFC 9773, 4.1). */
void client_get(struct client *c, const char *url, client_done *done,
		void *arg);

/*
 * POST, signed with `key`; `kid` NULL signs with the public key itself.
 * `payload` NULL is POST-as-GET. Everything is copied.
 */
void client_post(struct client *c, const struct p256 *key, const char *kid,
		 const char *url, const char *payload, client_done *done,
		 void *arg);

#endif
