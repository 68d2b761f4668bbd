/*
 * The trail: who did what, when, to which domain, and why. Table `trail`.
 *
 * Rows are written in the transaction that did the thing. They outlive the
 * domain they tell of, and get its label when it goes, so that a customer's
 * history is whole; else they are never changed. What the box did by itself is
 * kept as long as it is among the newest million; what people did is not pushed
 * out by anything.
 */
#ifndef STORE_TRAIL_H
#define STORE_TRAIL_H

#include <time.h>

#include "store/store.h"

enum trail_level { TRAIL_INFO, TRAIL_WARNING, TRAIL_ERROR };

struct trail {
	int64_t id;			/* filled by the store; ever rising */
	time_t at;
	enum trail_level level;
	const char *kind;		/* stable word, such as "cert.installed" */
	const char *domain;		/* name, or "" for the box itself */
	const char *label;		/* of a domain that is gone, or "" */
	const char *actor;		/* "mtastsd", or "alice (uid 1000)" */
	const char *channel;		/* "admin.sock"; of mtastsd "watch",
					   "track-mx", "template" or, if it is
					   NULL, "box"; "": from before */
	const char *text;		/* one sentence */
	const char *reason;		/* the admin's --reason, or "" */
};

const char *trail_level_name(enum trail_level level);

/*
 * Missing texts may be NULL. While the disk gets over having been full,
 * mtastsd's own good news is not written.
 */
bool trail_add(struct store *s, const struct trail *e, struct err *err);

/*
 * What mtastsd did of itself, for a domain: adds *e with these. Takes `text`.
 */
bool trail_say(struct store *s, const char *domain, const struct trail *e,
	       char *text, struct err *err);

/* The domain goes: its events so far keep its label. */
bool trail_keep_label(struct store *s, const char *domain, const char *label,
		      struct err *err);

/*
 * Of the newest events of a domain: how many of that kind there are since
 * `since`, and how many of these say `text`, or that and more in brackets.
 */
struct trail_lately {
	long all, same;
};
bool trail_lately(struct store *s, const char *domain, const char *kind,
		  const char *text, time_t since, struct trail_lately *n,
		  struct err *err);

/* For how long events are kept, at most; 0: no matter how old they are. */
void trail_keep(struct store *s, long seconds);

struct trail_filter {
	const char *domain;		/* NULL: any */
	const char *actor;		/* contained in it; NULL: any */
	const char *label;		/* of the domain, or, if it is gone, as
					   it was then; NULL: any */
	int64_t after;			/* ids greater than this */
	time_t since;			/* 0: no bound */
	long limit;			/* the newest so many; 0: no limit */
};

/* Oldest first. The event's texts are borrowed for the call. */
bool trail_each(struct store *s, const struct trail_filter *filter,
		bool (*each)(const struct trail *e, void *arg), void *arg,
		struct err *err);

/* The id of the newest event, or 0. */
int64_t trail_last_id(struct store *s);

#endif
