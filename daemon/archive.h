/*
 * Backups by schedule: backup_folder of the configuration.
 *
 * Each turn is a thread of its own, for the folder may be another machine's and
 * hang for hours: nothing else waits for it then, not even the end of the
 * process, which leaves it behind; nor does another folder, where the next turn
 * begins at once. Else there is one turn at a time.
 *
 * Control thread only.
 */
#ifndef DAEMON_ARCHIVE_H
#define DAEMON_ARCHIVE_H

#include "base/loop.h"
#include "daemon/config.h"

struct archive;
struct findings;

struct archive_parts {
	struct loop *loop;
	const struct config *config; /* the daemon's, updated by a reload */
	time_t (*now)(void *arg);
	bool (*is_time_known)(void *arg); /* else none is too old */
	void *arg;
};

struct archive *archive_start(const struct archive_parts *parts,
			      struct err *err);
void archive_stop(struct archive *a); /* NULL is fine */

/* The configuration was read again: it looks at once. */
void archive_configure(struct archive *a);

struct archive_status {
	bool is_on, is_known; /* else it has not looked yet */
	const char *folder;
	long every;
	time_t newest; /* 0: there is none, or it is not known yet */
	long count;
	int64_t size;
	bool is_late;	    /* far older than it should be */
	struct err problem; /* ERR_NONE: there is none */
};
void archive_status(const struct archive *a, struct archive_status *out);

/* What is wrong with it, for `status`. */
void archive_judge(const struct archive *a, struct findings *out);

#endif
