/*
 * A mailbox on an IMAP server, over TLS with a certificate that is verified.
 *
 * libcurl connects, speaks TLS (from the start, or after STARTTLS), and logs
 * in, by password or bearer token. From there on the commands are ours: with
 * libcurl a FETCH of one's own choice gives its literal to one callback in one
 * version and to another in the next, and a line of a message may be taken for
 * the end of the answer (curl issues 1150, 18847, 22865).
 *
 * One command at a time, each with its end, and an end to all of them. When the
 * connection is lost every call fails with ERR_AGAIN; imap_is_lost() tells that
 * from a server's no.
 */
#ifndef CLI_IMAP_H
#define CLI_IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define IMAP_FOUND_MAX 4000000

struct imap_settings {
	const char *host;
	long port;
	bool starttls;
	const char *user;
	const char *password; /* one of the two; the other is NULL */
	const char *token;
	const char *ca_file; /* "": the system's roots */
	int64_t until;	     /* steady_ms(): the connection is given up then */
};

struct imap;

/* ERR_REFUSED: it will not let us in. */
struct imap *imap_open(const struct imap_settings *s, struct err *err);
void imap_close(struct imap *i);
bool imap_is_lost(const struct imap *i);

/* What must be said still has so long, whatever `until` is. */
void imap_allow(struct imap *i, int64_t ms);

/*
 * Opens a folder. The numbers of its messages are as good as *validity is the
 * same.
 */
bool imap_select(struct imap *i, const char *folder, long *validity,
		 struct err *err);

/* May a word of our own be kept with a message, in the folder that is open? */
bool imap_keeps_words(const struct imap *i);

struct imap_found {
	long *uid; /* owned, ascending */
	size_t count;
};

/*
 * `what` is such as "UNSEEN UNDELETED". It is asked piece by piece, so that no
 * answer is too long, however many messages there are.
 */
bool imap_search(struct imap *i, const char *what, struct imap_found *found,
		 struct err *err);
void imap_found_release(struct imap_found *found);

/* *size is -1 if the message is there no more. */
bool imap_size(struct imap *i, long uid, long *size, struct err *err);

bool imap_fetch(struct imap *i, long uid, struct buf *message, bool *is_there,
		bool *is_whole, struct err *err);

/* `flag` is "\\Seen", or a word. */
bool imap_flag(struct imap *i, long uid, const char *flag, struct err *err);

/* Into another folder, however the server can. */
bool imap_move(struct imap *i, long uid, const char *folder, struct err *err);

#endif
