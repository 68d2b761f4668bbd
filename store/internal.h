/*
 * What the files of store/ share and nobody else sees.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/db.h"
#include "store/store.h"

struct store {
	struct db *db;
	char *dir;
	char *vfs;		/* NULL: the machine's files */
	bool (*go_on)(void *arg); /* while it is opened: store_options */
	void *go_on_arg;
	int lock_fd;
	bool in_transaction;
	bool is_reading;	/* store_begin_reading() */
	unsigned commits;
	long trail_keep;    /* seconds; 0: for ever, but for the box's own */
	bool trail_is_long; /* there may be more to prune */
	int64_t changes;	/* of the handle, before the transaction */
	bool is_short;		/* the disk was full, and has not got over it */
	bool has_serve;		/* it is attached */
	bool is_projected;	/* nothing in the feed is left to be applied */
	bool is_async;	  /* the handle: commits do not wait for the disk */
	struct log_file *log;	/* store/sync.c; NULL: nothing was async */
	pthread_mutex_t log_lock; /* a sync, or a look at is_in_doubt */
	atomic_bool is_in_doubt; /* a sync of the log has failed */
	atomic_llong sync_since; /* s, CLOCK_MONOTONIC: under way; 0: none */
	int64_t written;  /* transactions, of this life */
	int64_t synced;	  /* of them, surely durable */
	long long synced_at; /* s, CLOCK_MONOTONIC: that last changed; 0 */
	ino_t state_inode, serve_inode;	/* that are open; 0: not known */
	char damage[200];	/* of state.db, as it was found; or empty */
};

/*
 * The log's file for store_sync(): before the first commit that does not wait.
 */
bool log_open(struct store *s, struct err *err);
/* What a former process left of it is written anew, for it may have failed. */
bool log_inherit(struct store *s, struct err *err);
void log_close(struct store *s);

/* Transactions up to this one are durable. */
void log_is_durable(struct store *s, int64_t written);

/* For how long a sync has been under way, in seconds. */
long log_waits(const struct store *s);

/* The handle: state.db as `main`, serve.db attached as `serve`. */
struct db *store_db(struct store *s);

/*
 * The handle, for a statement that writes: asserts that a transaction is
 * open, so that nothing is ever written beside one.
 */
struct db *store_db_write(struct store *s);

/* Notes that serving needs to see this domain anew (the change feed). */
bool change_note(struct store *s, int64_t domain_id, struct err *err);

/* Applies the feed to serve.db: store_project(). */
bool projection_run(struct db *db, struct err *err);

/* Does serve.db belong to this state.db, with no gap in the feed? */
bool projection_is_sound(struct db *db);

/* Throws serve.db's rows away and makes them anew, in one transaction. */
bool projection_rebuild(struct db *db, struct err *err);

/* Forgets what is applied, but for a tail. Inside a transaction. */
bool projection_prune(struct db *db, struct err *err);

/* report_room_of() and report_figures(), with any handle on state.db. */
struct report_room;
struct report_figures;
bool report_room_in(struct db *db, int64_t domain_id, struct report_room *room,
		    struct err *err);
bool report_figures_of(struct db *db, struct report_figures *out,
		       struct err *err);

/* Keys of a domain that no order and no certificate of it has any more. */
bool key_forget_unused(struct store *s, int64_t domain_id, struct err *err);

/* The inode of a file of the folder; 0 if there is none. */
ino_t store_inode(const struct store *s, const char *file);

/* Attaches serve.db, up to date; made anew if it has to be. */
bool serve_file_open(struct store *s, struct err *err);

/* Is it a serve.db that serves anybody? */
bool serve_file_has_sites(const char *path);

/*
 * After a restore, once: takes over what serve.db has and the backup has not.
 * Both are attached.
 */
bool restore_is_pending(struct store *s);
bool restore_adopt(struct store *s, struct err *err);

/* Is it so short of room that what can be missed is not written? */
bool store_sheds(const struct store *s);

/* "DIR/FILE"; the caller frees. */
char *store_path(const char *dir, const char *file);

/* What a restore puts together, before it has its place; -wal and -shm. */
#define RESTORE_FRESH "state.db.new"

/*
 * Keeps the newest million events, and of those none that is older than the
 * store was told to keep. Inside a transaction.
 */
bool trail_prune(struct store *s, struct err *err);

/*
 * The result of a guarded UPDATE: true if it hit its one row, else
 * ERR_AGAIN, for the row has changed since it was read.
 */
bool updated_one(struct store *s, const char *what, struct err *err);

#endif
