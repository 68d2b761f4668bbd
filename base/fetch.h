/*
 * HTTP requests that do not block: libcurl's multi interface on a loop.
 *
 * A request is made, carried out on the loop and answered by exactly one
 * callback; that holds for failures and for fetcher_free() too. No redirect
 * is ever followed, what comes back is capped, and only https is spoken,
 * unless a request says otherwise in plain_at. A POST is sent once: if its
 * connection ends without an answer, whoever asked must find out whether it
 * has been acted upon. A GET or HEAD may have been sent twice then.
 *
 * Owning thread only.
 */
#ifndef BASE_FETCH_H
#define BASE_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/tls_look.h"

#define FETCH_BODY_MAX   (256 * 1024)
#define FETCH_HEADER_MAX (64 * 1024)

struct fetcher;

enum fetch_method { FETCH_GET, FETCH_HEAD, FETCH_POST };

struct fetch_request {
	enum fetch_method method;
	const char *url;
	const char *content_type;	/* of the body, for FETCH_POST */
	const char *body;
	size_t body_len;
	const char *ca_file;		/* PEM; NULL: the system's trust store */
	long timeout_ms;		/* from start to end; 0: 60 s */
	size_t body_max;		/* an answer's; 0: FETCH_BODY_MAX */

	/*
	 * An IP address: then, and only then, the URL is an http one, and
	 * whatever its host is said to be, this address is connected to: by
	 * a connection of its own, and by no proxy. Else NULL.
	 */
	const char *plain_at;

	/*
	 * For https: an IP address, and perhaps another port, to connect to in
	 * the place of what the URL's host leads to; by no proxy, and by a
	 * connection of its own. Else NULL and 0.
	 */
	const char *pin_at;
	long pin_port;

	/* What the server showed; to outlive the request. Or NULL. */
	struct tls_look *look;
};

/*
 * `error.kind` is ERR_NONE when an HTTP answer came, whatever its status.
 * Everything is borrowed, for the time of the callback only.
 */
struct fetch_reply {
	long status;
	const char *body;		/* NUL-terminated */
	size_t body_len;
	const char *content_type;	/* or "" */
	const char *location;		/* headers, or "" */
	const char *replay_nonce;
	const char *retry_after;
	const char *link;		/* all Link headers, one a line */
	const char *date;
	long elapsed_ms;
	int code;	/* libcurl's CURLcode, where nothing else tells why */
	struct err error;
};

typedef void fetch_done(const struct fetch_reply *reply, void *arg);

/* `user_agent` is copied. */
struct fetcher *fetcher_new(struct loop *loop, const char *user_agent,
			    struct err *err);

/*
 * Does who listens there, at an address of plain_at or pin_at, take us for a
 * proxy? Then the connection begins with a PROXY header that names ourselves.
 * `arg` outlives the fetcher.
 */
typedef bool fetch_proxied(const char *address, long port, const void *arg);
void fetcher_proxied(struct fetcher *f, fetch_proxied *is_proxied,
		     const void *arg);

/* Ends what is under way: each callback comes, with ERR_AGAIN. */
void fetcher_free(struct fetcher *f);

/*
 * Copies what it needs of *request. The callback never comes from within
 * this call.
 */
void fetch_start(struct fetcher *f, const struct fetch_request *request,
		 fetch_done *done, void *arg);

#endif
