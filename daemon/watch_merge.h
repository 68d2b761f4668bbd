/*
 * What a look at DNS changes of what is known of a domain.
 *
 * Pure: what was seen and what was known come in; what is known goes out, and
 * what of it is news.
 */
#ifndef DAEMON_WATCH_MERGE_H
#define DAEMON_WATCH_MERGE_H

#include "acme/engine.h"
#include "store/watch.h"

/* One look, each part by itself UNKNOWN if nobody answered. */
struct watch_seen {
	enum watch_host host;
	char host_problem[300];
	long host_ttl;
	struct announced_seen txt;
	enum watch_reports reports;
	struct mx_seen mx;
};

enum watch_news {
	NEWS_HOST = 1,
	NEWS_TXT = 2,
	NEWS_MX = 4,
	NEWS_REPORTS = 8
};

/* Returns the bits of what has changed. */
unsigned watch_merge(struct watch *w, const struct watch_seen *seen,
		     time_t now);

/*
 * After that: what was answered is as old as the question, and says nothing of
 * what came after it. Whoever waits for a look waits for one that began since.
 */
void watch_as_of(struct watch *w, time_t began);

/*
 * After that: since when some resolver shows hosts that the policy does not
 * name. Other strays, or resolvers that do not agree, do not make it begin
 * anew.
 */
void watch_note_strays(struct watch *w, const struct sts_policy *policy,
		       time_t now);

/*
 * Seconds until the next look: a minute after a change, then ever longer, six
 * hours when nothing has moved for a day. What goes on changing is looked at
 * about once an hour. `dice` spreads them by a fifth.
 */
long watch_pace(const struct watch *w, const struct domain *d, time_t now,
		unsigned dice);

/* A and AAAA of the policy's host, against this box's addresses. */
enum watch_host watch_host_of(const char *host, const struct dns_answer *answer,
			      const struct engine_settings *s,
			      char problem[static 300]);

/* The longest of all views: so long a cache has what was seen. */
long watch_host_ttl(const struct dns_answer *answer);

/*
 * The `_smtp._tls` record. A box that collects is asked (OURS) if its `own` URI
 * is in it, and it is WHOLE with all of `rua`, the domain's, comma-separated;
 * else ("") it is to be `rua`.
 */
enum watch_reports watch_reports_of(const struct dns_records_answer *answer,
				    const char *own, const char *rua);

#endif
