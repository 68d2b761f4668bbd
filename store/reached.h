/*
 * Whether the policy of a domain can be fetched as senders do, as this box has
 * seen it: table `reached`, with a row for each domain that has had a
 * certificate. Before that nobody is told of the policy.
 *
 * Only the first time matters: what senders were told of is not taken back
 * because a later look fails, for they would keep to it all the same. The
 * database itself notes for the zone (store/publication.h) when it comes.
 */
#ifndef STORE_REACHED_H
#define STORE_REACHED_H

#include <time.h>

#include "store/domain.h"

#define REACHED_WORDS 300

/* What the last look came to, while none has succeeded. */
enum reached_why {
	REACHED_NOT_TRIED,
	REACHED_CUT_OFF, /* no connection came about: it may be this box that
			    does not reach its own address */
	REACHED_WRONG,	 /* something answered, and senders would refuse it */
	REACHED_BY_HAND	 /* whatever it was: somebody let it through */
};

struct reached {
	time_t since;  /* it is looked for; 0: it had no certificate yet */
	time_t at;     /* it was fetched; 0: never */
	time_t let_at; /* from here nobody could look for a day, or somebody
			  said that it is well: others have to; 0: neither */
	time_t due_at; /* the next look, while there was none that succeeded */
	long tries;    /* since then */
	enum reached_why why;
	char problem[REACHED_WORDS]; /* in words; or "". By hand: why */
	time_t led_at; /* handed over: _mta-sts was last seen to lead into the
			  operator's own zone; 0: never */
	char distrust[REACHED_WORDS]; /* why nobody trusts the certificate that
					 was imported; "": somebody does */
};

/* All zero if there is no row, or none that decodes. */
bool reached_of(struct store *s, const struct domain *d, struct reached *r,
		struct err *err);

/*
 * Inside a transaction, all of them. There is a new certificate: it is looked
 * at as soon as may be, unless that has succeeded before. `distrust` is NULL
 * for what a CA issued.
 */
bool reached_begin(struct store *s, int64_t domain_id, time_t now,
		   const char *distrust, struct err *err);

/*
 * Somebody asks for it. This, and all else that makes it due at once, gives a
 * `due_at` of its own: earlier than one of this second that a look began by.
 */
bool reached_soon(struct store *s, int64_t domain_id, time_t now,
		  struct err *err);

/* Its name leads here now: as often as after a new certificate. */
bool reached_anew(struct store *s, int64_t domain_id, time_t now,
		  struct err *err);

/* Senders can fetch it. */
bool reached_note(struct store *s, int64_t domain_id, time_t now,
		  struct err *err);

/*
 * Senders were told of it already, as DNS shows: nothing is looked for any
 * more. But what somebody let through by hand stays that, until it is fetched.
 */
bool reached_told(struct store *s, int64_t domain_id, time_t now,
		  struct err *err);

/* Somebody lets it through by hand; `reason` may be "". */
bool reached_let(struct store *s, int64_t domain_id, time_t now,
		 const char *reason, struct err *err);
bool reached_is_by_hand(const struct reached *r);

/*
 * They cannot, as it seems: writes let_at, due_at, tries, why and problem.
 * `was_due` is the due_at by which that look began: if it was asked for since,
 * that stands, as the look may have seen what was before.
 */
bool reached_write(struct store *s, int64_t domain_id, const struct reached *r,
		   time_t was_due, struct err *err);

/* Its record leads into the operator's zone still. */
bool reached_led(struct store *s, int64_t domain_id, time_t now,
		 struct err *err);

bool reached_put_off(struct store *s, int64_t domain_id, time_t until,
		     struct err *err);

/* No look is ever due later: then the clock was set back since. */
#define REACHED_AHEAD_MAX 86400L

/*
 * How many live domains of a CA (0: imported) nobody has looked at yet, or only
 * once: each is this box's work of a minute or two.
 */
#define REACHED_FIRST_TRIES 2
bool reached_begun(struct store *s, int64_t ca_id, long *count,
		   struct err *err);

/* Ids of those that are due, longest first; 0 on failure too, with err set. */
size_t reached_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		   struct err *err);

#endif
