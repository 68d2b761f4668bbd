/*
 * Alerts: what is wrong, since when, and what to do. Tables `alert` and
 * `silence`.
 *
 * An alert is a kind ("ca.down") and a subject (a name, or "" for the box),
 * and is open once at most. Whoever finds the trouble raises it, as often as
 * he likes: only its beginning, a rise of its level and its end are told, as
 * notices in the same transaction (store/notice.h). While it is silenced
 * nothing of it is told; when the silence lapses it is, if it still stands.
 */
#ifndef STORE_ALERT_H
#define STORE_ALERT_H

#include <time.h>

#include "store/store.h"

#define ALERT_KIND_SIZE	   48
#define ALERT_SUBJECT_SIZE 256

enum alert_level {
	ALERT_INFO,
	ALERT_WARNING,
	ALERT_ERROR,
	ALERT_CRITICAL	/* somebody should be woken */
};

struct alert {
	int64_t id;			/* filled by the store */
	const char *kind;		/* stable words, such as "ca.down" */
	const char *subject;		/* a name; NULL is "" */
	enum alert_level level;
	const char *text;		/* one sentence: what is wrong */
	const char *hint;		/* what to do; NULL is "" */
	time_t since;			/* 0 in a raise: now */

	/* Read only. */
	long count;			/* begun so often, within days */
	time_t silenced_until;		/* it or its kind; 0: not */
	time_t ended_at;		/* 0: open */
};

const char *alert_level_name(enum alert_level level);

/*
 * It is so. Of one that is open already, level, text and hint are renewed
 * (nothing is written if they are the same), and its id and since are kept.
 * Inside the transaction of what caused it.
 */
bool alert_raise(struct store *s, const struct alert *a, time_t now,
		 struct err *err);

/* The same, and it is told once more although its level did not rise. */
bool alert_raise_again(struct store *s, const struct alert *a, time_t now,
		       struct err *err);

/* It is so no more; fine if it was not open. NULL is "". */
bool alert_end(struct store *s, const char *kind, const char *subject,
	       time_t now, struct err *err);

/* What it says, cut to `size`; "" if it is not open. */
bool alert_text(struct store *s, const char *kind, const char *subject,
		char *text, size_t size, struct err *err);

/* Is it open, and as grave as that at least? */
bool alert_is_open(struct store *s, const char *kind, const char *subject,
		   enum alert_level least, bool *is_open, struct err *err);

/* All that are open of one subject, whatever their kind. */
bool alert_end_subject(struct store *s, const char *subject, time_t now,
		       struct err *err);

/*
 * No word of it until then; 0 ends a silence. By kind it holds for those that
 * come as well. ERR_NOT_FOUND: no such alert is open.
 */
bool alert_silence(struct store *s, int64_t id, time_t until, struct err *err);
bool alert_silence_kind(struct store *s, const char *kind, time_t until,
			struct err *err);

/*
 * Tells of what still stands when its silence has lapsed: a part of it at a
 * time. *more: there is more to do, soon.
 */
bool alert_wake(struct store *s, time_t now, bool *more, struct err *err);

/* Forgets some of those that ended long ago. */
bool alert_forget(struct store *s, time_t now, struct err *err);

struct alert_filter {
	bool ended;		/* with those that have ended, newest first */
	const char *kind;	/* only this one; NULL: any */
	int64_t after;		/* beyond this one in the list; 0: all */
	long limit;
};

/*
 * The open ones, gravest first, or with f->ended all by age. The alert's
 * texts are borrowed for the call. `each` returns false to end it early.
 */
bool alert_each(struct store *s, const struct alert_filter *f, time_t now,
		bool (*each)(const struct alert *a, void *arg), void *arg,
		struct err *err);

/*
 * The subjects of those open of one kind, in order beyond `after`, at most
 * `limit`. Returns how many; 0 on failure too, with err set.
 */
size_t alert_subjects(struct store *s, const char *kind, const char *after,
		      char (*subjects)[ALERT_SUBJECT_SIZE], size_t limit,
		      struct err *err);

struct alert_counts {
	long open;
	long grave;		/* of level error or worse */
	long news;		/* of level info: no trouble */
};

/* Of this kind only; NULL: of any. */
bool alert_count(struct store *s, const char *kind, struct alert_counts *counts,
		 struct err *err);

/*
 * Is there anything of level error or worse that nobody has silenced? True
 * too where there are too many of them to look at.
 */
bool alert_is_grave(struct store *s, time_t now, bool *grave, struct err *err);

#endif
