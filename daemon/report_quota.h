/*
 * How many reports may come: of one address, whatever it posts, and what is new
 * of one domain in a day, in all and from one sender.
 *
 * A sender is an address, or whoever signed the mail; mail that nobody signed is
 * all of one, for the organisation in a report is what anybody likes: by that,
 * one forger would be as many senders as he wants. A sender may bring more than
 * his own share only as long as half of the domain's is left, so that nobody
 * takes all that a domain may get. Counts are kept in memory, in tables of a
 * fixed size, and are forgotten at a restart.
 */
#ifndef DAEMON_REPORT_QUOTA_H
#define DAEMON_REPORT_QUOTA_H

#include <stdbool.h>

#include "httpd/peers.h"

struct report_quota;

struct report_sender {
	const struct peer *peer; /* counts if it has a family; */
	const char *signed_by;	 /* ... and else this one, or "" */
};

struct report_quota *report_quota_new(void);
void report_quota_free(struct report_quota *q);

/*
 * Seconds until that address may come again; 0: it may come now, and that is
 * counted. One without a family always may.
 */
unsigned report_quota_knock(struct report_quota *q, const struct peer *peer);

/* May it bring something new of the domain? If not, `seconds` says when. */
bool report_quota_has(struct report_quota *q, const struct report_sender *who,
		      const char *domain, unsigned *seconds);

/* It did. A sender owes nothing for what came when there was plenty. */
void report_quota_take(struct report_quota *q, const struct report_sender *who,
		       const char *domain);

#endif
