#include "daemon/backup_door.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/errands.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/backup_stream.h"

#define PIECE (256 * 1024)

/* The thread has the stream and the piece while it is `at_work`. */
struct backup_door {
	struct errands *errands;
	char *state_dir;
	atomic_bool is_unwanted;
	struct api_later *later; /* NULL: nobody gets one */
	time_t now;
	bool at_work, has_begun, is_gone;
	struct backup_stream stream;
	struct err err;
	char *piece;
	size_t len;
	int64_t left; /* of what was announced: not taken by the peer */
};

static bool goes_on(void *arg)
{
	struct backup_door *d = arg;

	return !atomic_load(&d->is_unwanted);
}

/* ---- on the thread ---- */

static void prepare(void *arg)
{
	struct backup_door *d = arg;
	const struct store_options options = { .dir = d->state_dir };

	backup_open(&d->stream, &options, d->now, goes_on, d, &d->err);
}

static void read_piece(void *arg)
{
	struct backup_door *d = arg;

	backup_read(&d->stream, d->piece, PIECE, &d->len, &d->err);
}

/* ---- on control ---- */

static void finish(struct backup_door *d)
{
	struct api_later *later = d->later;

	backup_close(&d->stream);
	free(d->piece);
	d->piece = NULL;
	d->later = NULL;
	if (d->has_begun)
		api_later_end(later);
	else
		api_later_fail(later, api_status_of(&d->err), &d->err);
}

/* What has begun can only break off: it has no end then, and does not pass. */
static void give_up(struct backup_door *d)
{
	if (d->is_gone)
		log_warn("backup: whoever asked for it has left before its "
			 "end");
	else
		log_warn("backup: %s", d->err.text);
	finish(d);
}

/* Whoever has all of it may leave: from here on there is nothing to lose. */
static void be_done(struct backup_door *d)
{
	log_info("backup: %lld bytes were sent",
		 (long long)backup_length(&d->stream));
	finish(d);
}

static void have_read(bool was_run, void *arg);

static void ask_for_more(struct backup_door *d)
{
	d->at_work = true;
	errands_ask(d->errands, read_piece, have_read, d);
}

/* The peer has taken the last piece, or has left. */
static void on_more(bool is_there, void *arg)
{
	struct backup_door *d = arg;

	if (is_there)
		d->left -= (int64_t)d->len;
	d->is_gone |= !is_there;
	if (d->is_gone)
		atomic_store(&d->is_unwanted, true);
	if (d->at_work)
		return;
	if (d->is_gone)
		give_up(d);
	else if (!d->left)
		be_done(d);
	else
		ask_for_more(d);
}

static bool is_lost(struct backup_door *d, bool was_run)
{
	d->at_work = false;
	if (!was_run)
		err_set(&d->err, ERR_AGAIN, "mtastsd is being stopped");
	return d->is_gone || d->err.kind != ERR_NONE;
}

static void have_read(bool was_run, void *arg)
{
	struct backup_door *d = arg;

	if (is_lost(d, was_run))
		give_up(d);
	else
		api_later_piece(d->later, d->piece, d->len);
}

static void have_prepared(bool was_run, void *arg)
{
	struct backup_door *d = arg;

	if (is_lost(d, was_run)) {
		give_up(d);
		return;
	}
	d->has_begun = true;
	d->left = backup_length(&d->stream);
	d->is_gone = !api_later_begin(d->later, "application/octet-stream",
				      backup_length(&d->stream), on_more, d);
	if (d->is_gone)
		give_up(d);
	else
		ask_for_more(d);
}

bool backup_door_is_free(const struct backup_door *d, struct err *err)
{
	if (!d->later)
		return true;
	err_set(err, ERR_AGAIN, "somebody else is being sent a backup");
	return err_hint(err, "again in a moment");
}

void backup_door_send(struct backup_door *d, struct api_later *later,
		      time_t now)
{
	d->later = later;
	d->now = now;
	d->at_work = true;
	d->has_begun = d->is_gone = false;
	d->err = (struct err)ERR_INIT;
	d->piece = xmalloc(PIECE);
	atomic_store(&d->is_unwanted, false);
	errands_ask(d->errands, prepare, have_prepared, d);
}

/* ---- life ---- */

struct backup_door *backup_door_start(struct loop *control,
				      const char *state_dir, struct err *err)
{
	struct backup_door *d = xcalloc(1, sizeof(*d));

	d->state_dir = xstrdup(state_dir);
	d->errands = errands_start(control, "backup", err);
	if (d->errands)
		return d;
	backup_door_stop(d);
	return NULL;
}

void backup_door_stop(struct backup_door *d)
{
	if (!d)
		return;
	atomic_store(&d->is_unwanted, true);
	errands_stop(d->errands);
	if (d->later) {
		err_set(&d->err, ERR_AGAIN, "mtastsd is being stopped");
		give_up(d);
	}
	free(d->state_dir);
	free(d);
}
