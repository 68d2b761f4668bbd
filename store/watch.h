/*
 * What DNS was last seen to say of each domain: table `watch`, one row per
 * domain.
 *
 * What is kept is what was seen, not what it means: the policy may change in
 * between. A look that got no answer leaves what the last good one saw, and so
 * it is with each part: host_at, txt_at and mx_at say how old it is.
 */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include <time.h>

#include "policy/announced.h"
#include "policy/mx_seen.h"
#include "store/domain.h"

/* `_smtp._tls`, compared with where the domain's reports are to go. */
enum watch_reports {
	REPORTS_UNKNOWN,
	REPORTS_NOTHING, /* no record, or none that senders take */
	REPORTS_OURS,	 /* as it is set; where this box collects, here
				   at least */
	REPORTS_OTHER,
	REPORTS_WHOLE /* here, and where else it is set */
};

/* A, AAAA and CNAME of the policy's host. */
enum watch_host {
	HOST_UNKNOWN,
	HOST_HERE,
	HOST_PARTLY,	/* some resolver or address says otherwise */
	HOST_ELSEWHERE,
	HOST_NOWHERE	/* it has no address at all */
};

/* Seconds; caches keep nothing for longer, whatever its TTL says. */
#define WATCH_TTL_MOST (7 * 86400L)

struct watch {
	int64_t domain_id;
	time_t due_at;		/* the next look */
	time_t looked_at;	/* somebody answered, for one part at least;
				   0: never */
	time_t news_at;		/* what was last seen, or made, to change */
	time_t restless_until;	/* by so much it has changed more than once an
				   hour: watch_merge() */
	long failures;		/* looks in a row without any answer */
	long unanswered;	/* ... in which a part at least had none */
	bool is_slow;		/* the last look took long */

	enum announced txt;
	time_t txt_at; /* somebody answered last; 0: never */
	char txt_id[STS_ID_SIZE];
	long txt_ttl; /* seconds; 0: not known; the longest of late */
	time_t txt_since;
	time_t foreign_at; /* an id never made here was last seen; 0: never */

	enum watch_host host;
	time_t host_at; /* as txt_at */
	time_t host_since;
	long host_ttl;	 /* seconds, the longest seen since; 0: not known */
	long former_ttl; /* of where it led before, as far as caches may go
			    on from host_since */
	char host_problem[300];	/* in words; or "" */

	enum watch_reports reports;

	struct mx_seen mx;
	time_t mx_at;		/* as txt_at */
	time_t mx_since; /* so it is, and all who answer agree; 0: not known,
				   for there are strays, and nobody answered */
	time_t mx_left_at;	/* one that was there was seen not to be any
				   more; 0: never */
	time_t strays_since;	/* some resolver shows hosts that the policy
				   does not name; 0: none does */

	long untold_host, untold_txt, untold_mx; /* changes that are not
							   in the trail */
	int trouble; /* how bad it is for the domain: what
				   watch_mark() was told last */

	/* Not kept: somebody answered, in the look that is just over. */
	bool is_fresh_txt, is_fresh_host, is_fresh_mx;
};

/* A domain that has no row yet gets one that says nothing. */
bool watch_of(struct store *s, const struct domain *d, struct watch *w,
	      struct err *err);
bool watch_write(struct store *s, const struct watch *w, struct err *err);

/*
 * Reports are to go elsewhere, too, or no longer: what was seen says nothing of
 * that, and it is looked at soon.
 */
bool watch_reports_moved(struct store *s, int64_t domain_id, time_t now,
			 struct err *err);

/*
 * The domain goes, or comes, also again: senders hold what another host
 * announced in between all the same.
 */
bool watch_retire(struct store *s, const struct domain *d, struct err *err);
bool watch_recall(struct store *s, const struct domain *d, struct err *err);

/* Something has changed here: it is looked at soon. */
bool watch_soon(struct store *s, int64_t domain_id, time_t now,
		struct err *err);

/* The same at once, without a change that would bring more looks. */
bool watch_now(struct store *s, int64_t domain_id, time_t now, struct err *err);

/* Nobody comes to it before `until`, whatever stands in its row. */
bool watch_put_off(struct store *s, int64_t domain_id, time_t until,
		   struct err *err);

/*
 * This box comes of a backup: where names lead is not known, and for how long
 * the less. All are looked at anew, and what is seen first is no news.
 */
bool watch_begin_anew(struct store *s, time_t now, struct err *err);

/* No look is ever due later: then the clock was set back since. */
#define WATCH_AHEAD_MAX 86400L

/*
 * Domains whose look is due, longest due first, at most `limit`: those whose
 * last look was slow, or the others. Returns how many; 0 on failure too, with
 * err set.
 */
size_t watch_due(struct store *s, time_t now, bool is_slow, int64_t *ids,
		 size_t limit, struct err *err);

/*
 * For status: 0 is no trouble, and 2 is worse than 1. watch_troubled() gives
 * up to `limit` ids of domains with so much of it, in order beyond `after`.
 */
bool watch_mark(struct store *s, int64_t domain_id, int trouble,
		struct err *err);
/*
 * It has a new policy, whose id DNS cannot show yet: status is to ask, before
 * the next look says so. Not if the box publishes its records, or none counts.
 */
bool watch_suspect(struct store *s, int64_t domain_id, struct err *err);
size_t watch_troubled(struct store *s, int trouble, int64_t after, int64_t *ids,
		      size_t limit, struct err *err);

/*
 * Until when senders may hold a policy that another host announced, whatever
 * its max_age was; 0: nobody does.
 */
time_t watch_foreign_until(const struct watch *w, time_t now);

/*
 * For so long from host_since on caches may lead where the name led before: a
 * day at least, seven at most.
 */
#define WATCH_CACHED_MIN 86400L
#define WATCH_CACHED_MAX (7 * 86400L)
long watch_cached(const struct watch *w);

/* What nobody answered for since longer than that is not what is. */
#define WATCH_LATELY (12 * 3600L)
bool watch_is_lately(time_t at, time_t now);

/* Did somebody say, at the last look, what the MX are? */
bool watch_answers_mx(const struct watch *w);

/* Was DNS asked at the last look, and nobody said it? Asking again may not help. */
bool watch_misses_mx(const struct watch *w);

/*
 * Have the MX been so for `least` seconds longer than caches may keep what they
 * were told? Then it is no answer that was given for less than that.
 */
bool watch_mx_is_sure(const struct watch *w, long least);
time_t watch_mx_sure_at(const struct watch *w, long least);

/* May it be said which hosts DNS names now? Whoever asks has looked first. */
#define WATCH_JUST_NOW 600L
bool watch_sees_mx(const struct watch *w, time_t now);

/* What the record says of the policy that is served now. */
enum announced watch_announced(const struct watch *w, const char *id);

/* Are reports asked for as it is set, or here at least? */
bool watch_asks_us(const struct watch *w);

const char *watch_reports_name(enum watch_reports r);
const char *watch_host_name(enum watch_host h);

#endif
