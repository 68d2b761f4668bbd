/*
 * Backups by schedule, in a folder that the operator names: on another disk, or
 * another machine's. Each is one sealed file (store/backup_stream.h), named after
 * its box and its moment: mtastsd-1A2B3C4D-20261231T230000Z.backup. Those of other
 * boxes (box_id()) are not looked at.
 *
 * What is in the folder says when the next is due, so a restart neither forgets
 * one nor makes one too many. The folder is never made here: one that is not
 * mounted is not there, and nothing is written to the disk below it.
 *
 * Heavy work, and with a folder that may hang: for a thread of its own.
 */
#ifndef STORE_ARCHIVE_H
#define STORE_ARCHIVE_H

#include <time.h>

#include "store/store.h"

struct archive_settings {
	char folder[256]; /* "": there is none */
	long every;	  /* seconds */
	long keep;	  /* so many at most */
	long keep_for;	  /* seconds, and none that is older; 0: any */
};

struct archive_found {
	time_t newest; /* 0: none */
	long count;    /* this box's */
	int64_t size; /* of the newest */
};

/* Borrowed for the turn. */
struct archive_task {
	const struct store_options *options;
	const struct archive_settings *settings;
	time_t now;
	bool is_time_known;	  /* else none is known to be too old */
	bool (*go_on)(void *arg); /* as of backup_write() */
	void *arg;
};

/*
 * Makes one if it is due; what is too many goes before, which may make room for
 * it, and after, but never the newest. One of days to come counts as of now.
 * `found` is what is there in the end, also after a failure.
 */
bool archive_turn(const struct archive_task *task, struct archive_found *found,
		  struct err *err);

#endif
