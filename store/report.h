/*
 * TLS reports: what was told of our domains, by whom.
 *
 * Of a reporter, report-id, day and domain of ours one report counts, however it
 * is written, and however often it comes. (The day, for some give each day's
 * the same id.) Anybody may take a name and an id that are another's, and nobody
 * can say who of them it is: what differs is kept beside it, a row of `report`
 * each, up to a few from each who signs, and does not count. What tells of most
 * failures counts, so that nobody takes any away (store/report_alike.c); when it
 * goes, the next takes its place. Beside the row stand what the report says of each policy
 * (`report_policy`), the failures it tells of (`report_failure`), and what all
 * reports of a day come to (`report_tally`), so that the whole box is added up
 * at once. Sessions are counted by the policies' summaries alone: failures tell
 * of one session more than once, or not at all.
 *
 * Anybody may post reports, so everything of one is bounded, and so are the
 * names of reporters: when too many new ones come in a day, the rest are one.
 *
 * Everything here goes inside a transaction. Control thread only; who reads
 * does so by store/report_sum.h and store/report_list.h, in threads of its own.
 */
#ifndef STORE_REPORT_H
#define STORE_REPORT_H

#include <time.h>

#include "policy/tls_report.h"
#include "store/store.h"

/* What is kept of one report about one domain, at most. */
#define REPORT_POLICIES_KEPT 16	   /* what the others say goes to the last */
#define REPORT_FAILURES_KEPT 100   /* those of the most sessions */
#define REPORT_TEXTS_KEPT    24576 /* bytes, of all policies and failures */
#define REPORT_FAILURES_BRIEF 10    /* of a domain that takes much room, */
#define REPORT_TEXTS_BRIEF    2048
#define REPORT_SESSIONS_MAX  1000000000L /* more is this */
#define REPORT_AHEAD	     172800 /* a window may end so long after now */

/* What reports take on the disk, about: one without failures, and each of them */
#define REPORT_BYTES_USUAL   256
#define REPORT_BYTES_FAILURE 160

/*
 * Reports of one reporter, id and day that say different things: of each domain
 * that signed some, and of all that nobody signed; and whoever signed them, for
 * a forger has as many names to sign with as he likes.
 */
#define REPORT_ALIKE_MAX 4
#define REPORT_ALIKE_ALL 16

#define REPORTER_NAME_KEPT 128 /* bytes */

/* New names in a day; all that come after them are one reporter. */
#define REPORTERS_OF_DOMAIN 200
#define REPORTERS_OF_BOX    2000
#define REPORTER_REST	    "(others)"

/* How it came. The numbers are stored. */
enum report_via { REPORT_HTTPS, REPORT_MAIL, REPORT_IMAP, REPORT_FILE };

const char *report_via_name(enum report_via via);

struct report_entry {
	int64_t domain_id;
	const struct tls_report *report;
	const size_t *policy; /* which of its policies are this domain's */
	size_t policy_count;  /* 0: it says that nothing was sent */
	enum report_via via;
	const char *signed_by; /* the domain of a DKIM signature; NULL: none */
	time_t received;
	const unsigned char *content; /* policy/report_content.h */
	bool is_brief;		      /* less of it is to be kept */
};

enum report_novelty {
	REPORT_NEW,
	REPORT_KNOWN,  /* it is there already */
	REPORT_SURPLUS /* too many of its id and day say something else, and
			  tell of as many failures */
};

/*
 * What it would be, as far as that shows before it is added. It costs a look
 * into an index; what is there, and nobody had signed, is noted as signed if
 * this one is. *is_news: by that the sums of its day are others.
 */
bool report_meet(struct store *s, const struct report_entry *e,
		 enum report_novelty *is, bool *is_news, struct err *err);

/*
 * Unless it is new, nothing is added: of what tells of failures it may be only
 * now that it is surplus. On failure the caller
 * rolls back, or goes on with other reports only if the error is one of these,
 * for then nothing was written:
 *
 *	ERR_REFUSED	its window has not come yet
 *	ERR_NOT_FOUND	the domain is gone
 *	ERR_AGAIN	the disk has no room for what can be missed
 */
bool report_add(struct store *s, const struct report_entry *e,
		enum report_novelty *is, struct err *err);

/*
 * How many reports go at once: no more than `limit`, and none is begun after
 * `until`, but for one. One with many failures takes several times as long as
 * one without.
 */
struct report_piece {
	unsigned limit;
	int64_t until; /* steady_ms(); 0: no end */
	unsigned gone; /* set: so many are */
	bool is_all;   /* set: that was all for now */
};

/*
 * A piece of work: those of domains that are gone go first, then those that
 * came before `before`. Twenty without failures take some 2 ms.
 */
bool report_prune(struct store *s, time_t before, struct report_piece *piece,
		  struct err *err);

/* The same for a domain that stays. One that goes is noted by its deletion. */
bool report_forget_domain(struct store *s, int64_t domain_id,
			  struct report_piece *piece, struct err *err);

/* How much reports of one domain, and of all, may take. */
struct report_bounds {
	int64_t of_domain, of_box; /* bytes */
};

/*
 * A piece of work, as report_prune(): of the domain that takes the most the
 * oldest days' go, one by one, as long as it is over its bound, or all are over
 * theirs. Those of a domain that takes less than its share are never touched.
 */
bool report_shed(struct store *s, const struct report_bounds *bounds,
		 time_t now, struct report_piece *piece, struct err *err);

/* What reports take; domain 0: all of them. */
struct report_room {
	int64_t bytes;
	int64_t shed; /* so many had to go */
	time_t shed_at;
};
bool report_room_of(struct store *s, int64_t domain_id,
		    struct report_room *room, struct err *err);

/* Whose reports had to go since then. */
struct report_shed {
	int64_t domains;
	char heaviest[DOMAIN_NAME_SIZE]; /* "": it is gone */
};
bool report_shed_since(struct store *s, time_t since, struct report_shed *out,
		       struct err *err);

/* What was not taken, and why. The numbers are stored. */
enum report_drop {
	REPORT_DROP_NOT_OURS,	/* policies of domains that are not hosted */
	REPORT_DROP_NO_REPORT,	/* it could not be read */
	REPORT_DROP_OVER_LIMIT, /* too large */
	REPORT_DROP_TOO_MANY,	/* too many of late, or of one id and day */
	REPORT_DROP_NO_ROOM,	/* the disk is tight, or the queue full */
	REPORT_DROP_AHEAD, /* its days have not come: it is to come again */
	REPORT_DROP_COUNT
};

/* For metrics and JSON: "not_ours", ... */
const char *report_drop_name(enum report_drop why);

/* `count` more of them, the last one at `now`. */
bool report_drop_add(struct store *s, enum report_drop why, unsigned long count,
		     time_t now, struct err *err);

/* For status. */
struct report_figures {
	int64_t kept; /* reports that count, one for each domain */
	struct report_room room;
	int64_t dropped[REPORT_DROP_COUNT]; /* since the box was set up */
};
bool report_figures(struct store *s, struct report_figures *out,
		    struct err *err);

#endif
