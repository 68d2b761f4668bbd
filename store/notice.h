/*
 * Notices: what is to be told of alerts, and to whom it has not been told
 * yet. Tables `notice`, `notice_item` and `delivery`: the outbox.
 *
 * A notice gathers: what begins (or worsens, or ends) of one kind within a
 * while becomes one notice with a count and its first few subjects, so that
 * a storm of 100,000 is one message. Then it is sealed and gets a delivery
 * for each sink; it is gone when the last of them is.
 *
 * The outbox is bounded: when a sink is down for long, the oldest notices of
 * one kind become one.
 */
#ifndef STORE_NOTICE_H
#define STORE_NOTICE_H

#include "store/alert.h"

#define NOTICE_ITEMS 10
#define NOTICES_KEPT 500	/* sealed; beyond that, they are merged */

enum notice_what {
	NOTICE_BEGUN,
	NOTICE_WORSE,
	NOTICE_AGAIN,		/* it still is so */
	NOTICE_ENDED
};

struct notice_item {
	char subject[ALERT_SUBJECT_SIZE];
	enum alert_level level;
	char text[sizeof(((struct err *)0)->text)];
	char hint[sizeof(((struct err *)0)->hint)];
	time_t since;
};

struct notice {
	int64_t id;
	enum notice_what what;
	char kind[ALERT_KIND_SIZE];
	enum alert_level level;		/* of the gravest in it */
	long count;			/* alerts in it */
	time_t at;			/* of the first */
	long attempts;			/* at this sink, if read as due */
	size_t item_count;
	struct notice_item item[NOTICE_ITEMS];	/* the first few of them */
};

const char *notice_what_name(enum notice_what what);

struct notice_pace {
	long gather;		/* seconds */
	long gather_critical;	/* the same, when one of them is critical */
};

/* For store/alert.c: a word about it joins what is gathering, or begins it. */
bool notice_add(struct store *s, const struct alert *a, enum notice_what what,
		time_t now, struct err *err);

/* A notice that has gathered long enough. *found says whether there is one. */
bool notice_gathered(struct store *s, const struct notice_pace *pace,
		     time_t now, struct notice *n, bool *found,
		     struct err *err);

/*
 * Nothing is added to it any more, and it is due at the sinks: a bit each,
 * 1 << sink. Without sinks it is gone.
 */
bool notice_seal(struct store *s, const struct notice *n, unsigned sinks,
		 time_t now, struct err *err);

/* What the sink should get next. *found says whether there is anything. */
bool notice_due(struct store *s, int sink, time_t now, struct notice *n,
		bool *found, struct err *err);

bool notice_delivered(struct store *s, int64_t id, int sink, struct err *err);
bool notice_failed(struct store *s, int64_t id, int sink, time_t due_at,
		   struct err *err);

/* The sink is well again: all that waits for it is due now. */
bool notice_hurry(struct store *s, int sink, time_t now, struct err *err);

/* Sinks that are configured no more get nothing any more. */
bool notice_keep_sinks(struct store *s, unsigned sinks, struct err *err);

/* How many wait for the sink, and the moment of the oldest (0: none). */
bool notice_waiting(struct store *s, int sink, long *count, time_t *oldest,
		    struct err *err);

#endif
