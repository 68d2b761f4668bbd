/*
 * Reports on their way from a message, or a file, to the daemon: what each of
 * them came to, and the sum of it.
 */
#ifndef CLI_REPORT_TAKE_H
#define CLI_REPORT_TAKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/api_client.h"

struct report_tally {
	long messages;	/* or files, that were looked at to the end */
	long stored;	/* reports, from here ... */
	long known;	/* ... that were there already */
	long not_ours;	/* ... of domains that are not hosted here */
	long empty;	/* ... that say nothing was sent */
	long refused;	/* ... that the daemon will never take */
	long unsigned_; /* messages that DKIM does not prove, from here ... */
	long no_report; /* ... that bring none */
	long too_large; /* ... over a limit */
	long put_off;	/* messages that wait and keep no others waiting */
};

/* The best first; a message is what the worst of its reports is. */
enum report_fate {
	REPORT_TAKEN,	/* the daemon has an opinion, and it is durable */
	REPORT_NONE,	/* there is no report */
	REPORT_REFUSED, /* it will never be taken; err says why */
	REPORT_LATER	/* the same may be taken later; err says why */
};

struct report_taker {
	struct api *api;
	const char *via;    /* "mail", "imap" */
	const char *server; /* see report_mail_read(); or NULL */
	bool requires_dkim; /* without a server none is signed */
	struct report_tally tally;
	enum exit_code later; /* if there was a REPORT_LATER: how to end */
	bool is_over;	      /* ... and no other message need be tried */
};

enum report_fate report_take_message(struct report_taker *t, const void *data,
				     size_t len, struct err *err);

/* A report as a file: JSON or gzip. Its name may be NULL. */
enum report_fate report_take_file(struct report_taker *t, const char *name,
				  void *data, size_t len, struct err *err);

/* A message that was not read, for it is too large. */
enum report_fate report_take_none(struct report_taker *t, struct err *err);

void report_tally_add(struct report_tally *to, const struct report_tally *from);

/* Of one message, out of that JSON document, which it does not trust. */
bool report_tally_read(struct report_tally *t, const json_t *sum);

/* One line, or one JSON document. */
void report_say_tally(const struct report_tally *t, bool json);

#endif
