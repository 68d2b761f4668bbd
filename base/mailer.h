/*
 * Mail that does not block: one message at a time through a mail server that
 * takes it (SMTP, by libcurl, in a thread that lives as long as the message is
 * on its way), answered by exactly one callback on the loop; that holds for
 * failures and for mailer_free() too.
 *
 * Owning thread only. To be freed before the loop is.
 */
#ifndef BASE_MAILER_H
#define BASE_MAILER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "base/loop.h"

#define MAIL_RECIPIENTS 8

struct mailer;

struct mail_server {
	const char *url;  /* smtp://host:port, or smtps:// for TLS at once */
	const char *user; /* NULL or "": no login */
	const char *password;
	const char *ca_file; /* PEM; NULL or "": the system's trust store */
	bool require_tls;    /* STARTTLS, and a certificate that is right */
	long timeout_ms;     /* from start to end */
	const char *host; /* who greets; NULL: this machine, as it is known */
};

/*
 * Who sees what is the header's; a sender at the bare name of the host that
 * greets is sent as one at its whole name; `text` is UTF-8 with \n between its lines.
 * `id` is the Message-ID without its brackets: the same for each attempt, so
 * that a message that comes twice is known.
 */
struct mail {
	const char *from;
	const char *to[MAIL_RECIPIENTS];
	size_t to_count;
	const char *subject;
	const char *id;
	time_t date;
	const char *text;
};

typedef void mail_done(const struct err *result, void *arg);

struct mailer *mailer_new(struct loop *loop, struct err *err);

/* Ends what is under way: its callback comes, with ERR_AGAIN. */
void mailer_free(struct mailer *m);

/*
 * Copies what it needs. result->kind is ERR_NONE when the server has taken
 * the message, ERR_REFUSED when it would not, and ERR_AGAIN for troubles on
 * the way. The callback never comes from within this call.
 */
void mail_send(struct mailer *m, const struct mail_server *server,
	       const struct mail *mail, mail_done *done, void *arg);

/* The message as it is sent (RFC 5322), lines by \r\n. The caller frees. */
char *mail_compose(const struct mail *mail);

/*
 * "a@box" as "a@box.example.org", if that is the host's whole name; any other
 * address as it is. The caller frees.
 */
char *mail_sender_at(const char *from, const char *host);

/* One address, as it may stand in a header and in an envelope? */
bool mail_address_is_good(const char *text);

#endif
