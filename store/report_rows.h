/*
 * The rows that a report is made of: store/report.h. Inside store/ only.
 */
#ifndef STORE_REPORT_ROWS_H
#define STORE_REPORT_ROWS_H

#include "store/report.h"
#include "store/report_standing.h"

/* Where the rows of one report are. */
struct report_place {
	int64_t id, domain_id, reporter_id;
	int64_t day; /* since 1970: of the middle of its window */
};

/* Of a row of `report`, its columns by their names. */
struct query;
void report_place_read(struct query *q, struct report_place *at);

#define REPORT_SAME_SIZE 16 /* bytes of a SHA-256 */

/* Those that one of them counts of: of one name, id and day, by a number. */
struct report_alike {
	int64_t domain_id, day;
	unsigned char same[REPORT_SAME_SIZE];
};

/* Of which policy of the domain it was, and how that stood at `begin`. */
struct report_link {
	int64_t policy_id; /* 0: none of ours */
	enum report_standing standing;
};

/* The day that a window tells of, wherever its reporter's midnight is. */
int64_t report_day(time_t begin, time_t end);

/* The reporter of this name, made if need be: store/report.h on how many. */
bool reporter_ensure(struct store *s, const char *name, int64_t domain_id,
		     time_t now, int64_t *id, struct err *err);

/* Those that nothing was heard of since. At most `limit`. */
bool reporter_forget(struct store *s, time_t before, unsigned limit,
		     struct err *err);

/*
 * What each of the first `count` policies of an entry was: one of ours, if the
 * text is the same. One look at our versions does for all of them.
 */
bool report_links_find(struct store *s, const struct report_entry *e,
		       size_t count, struct report_link *links,
		       struct err *err);

/* The rows of its policies; *room is what is left for texts. */
bool report_policy_add(struct store *s, const struct report_place *at,
		       const struct report_entry *e, size_t *room,
		       struct err *err);
bool report_policy_remove(struct store *s, const struct report_place *at,
			  struct err *err);

/*
 * And of its failures, as far as there is room; *kept of them, and *left_out
 * are not.
 */
bool report_failure_add(struct store *s, const struct report_place *at,
			const struct report_entry *e, size_t *room, long *kept,
			long *left_out, struct err *err);
bool report_failure_remove(struct store *s, const struct report_place *at,
			   struct err *err);

/* What it takes, if that is more than usual: store/report_room.c */
bool report_weigh(struct store *s, const struct report_place *at, int64_t bytes,
		  struct err *err);

/* The domain that is to give some room; 0: none. */
bool report_room_heaviest(struct store *s, const struct report_bounds *b,
			  int64_t *domain_id, struct err *err);

/* One of its reports had to go. */
bool report_room_note(struct store *s, int64_t domain_id, time_t now,
		      struct err *err);

/*
 * After one of them has come, has been signed, or has gone: one counts.
 * *is_news: another one than before.
 */
bool report_alike_settle(struct store *s, const struct report_alike *of,
			 bool *is_news, struct err *err);

/* Of all, or those with this signature, the one that is the last to count. */
bool report_alike_last(struct store *s, const struct report_alike *of,
		       bool of_all, const char *signed_by,
		       struct report_place *at, struct err *err);

/* What a stored report comes to is added to its day (1), or taken back (-1). */
bool report_tally_count(struct store *s, const struct report_place *at,
			int sign, struct err *err);

/* Tallies that nothing is left of. */
bool report_tally_sweep(struct store *s, struct err *err);

#endif
