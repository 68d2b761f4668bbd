#include "store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/backup_copy.h"
#include "store/backup_stream.h"
#include "store/internal.h"
#include "store/schema.h"

/* The paths of one restore. */
struct places {
	char *lock, *state, *fresh, *broken;
};

static void places_init(struct places *p, const char *dir, time_t now)
{
	char date[32], *broken;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%S", &tm);
	broken = xasprintf("state.db.broken-%s", date);
	p->lock = store_path(dir, "lock");
	p->state = store_path(dir, "state.db");
	p->fresh = store_path(dir, RESTORE_FRESH);
	p->broken = store_path(dir, broken);
	free(broken);
}

static void places_release(struct places *p)
{
	free(p->lock);
	free(p->state);
	free(p->fresh);
	free(p->broken);
}

void restored_release(struct restored *r)
{
	free(r->kept);
	r->kept = NULL;
}

/* ---- is it fit? ---- */

static bool is_the_present_one(const char *file, const char *state)
{
	struct stat a, b;

	return stat(file, &a) == 0 && stat(state, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static const char *name_of(const char *file)
{
	return streq(file, "-") ? "standard input" : file;
}

static bool explain(const char *name, struct err *err)
{
	err_prefix(err, "%s", name);
	if (err && (err->kind == ERR_DAMAGED ||
		    (err->kind == ERR_INPUT && !*err->hint)))
		err_hint(err, "it is damaged, or no backup: name another");
	return false;
}

static struct db *open_backup(const char *file, const char *name,
			      const char *state, struct err *err)
{
	struct db *db;

	if (access(file, R_OK) < 0) {
		err_sys(err, "%s", file);
		err->kind = ERR_INPUT;
		return NULL;
	}
	if (is_the_present_one(file, state)) {
		err_set(err, ERR_INPUT, "%s is the state.db in use", file);
		err_hint(err, "name a backup of it");
		return NULL;
	}
	db = db_open(file, DB_READ, NULL, err);
	if (db && schema_check(db, err) && db_check(db, DB_THOROUGH, err))
		return db;
	db_close(db);
	explain(name, err);
	return NULL;
}

/* NULL: none, or no database of ours. */
static char *store_id(const char *path)
{
	struct db *db = access(path, F_OK) == 0
				? db_open(path, DB_READ, NULL, NULL)
				: NULL;
	char *id = NULL;
	struct query q;

	if (!db)
		return NULL;
	query_open(&q, db, "SELECT value FROM meta WHERE key = 'store_id'");
	if (query_row(&q))
		id = xstrdup(col_text_peek(&q, "value"));
	query_close(&q, NULL);
	db_close(db);
	return id;
}

static bool has_serve(const char *dir, const char *state)
{
	char *path = store_path(dir, "serve.db");
	char *of_serve = store_id(path), *of_state = store_id(state);
	bool same = of_serve && of_state && streq(of_serve, of_state);

	free(path);
	free(of_serve);
	free(of_state);
	return same;
}

/* ---- a copy, marked ---- */

/*
 * It is root who restores, and another user's daemon that must read it. That one
 * owns the folder: what it puts there in between is never followed elsewhere.
 */
static bool give_to_owner_of(const char *dir, const char *path, struct err *err)
{
	struct stat st;

	return geteuid() != 0 ||
	       (stat(dir, &st) == 0 &&
		lchown(path, st.st_uid, st.st_gid) == 0) ||
	       err_sys(err, "change the owner of %s", path);
}

/*
 * On another machine, for all that is known, the former box may still run. With
 * its id in the operator's zone the two would take each other's addresses and
 * ids out without a word: so this one is another box there (store/box.h).
 */
static bool part_from_former(struct db *db, struct err *err)
{
	return db_run(db,
		      "INSERT OR REPLACE INTO meta VALUES"
		      "('zone_id', hex(randomblob(16))), ('zone_held', 1)",
		      err);
}

/* Whoever opens it first takes over what serve.db has: restore_adopt(). */
static bool mark(const char *path, time_t now, bool is_elsewhere,
		 struct err *err)
{
	struct db *db = db_open(path, DB_BESIDE, NULL, err);
	struct query q;
	bool ok;

	if (!db)
		return false;
	query_open(&q, db, "INSERT OR REPLACE INTO meta VALUES('restored', ?)");
	bind_int(&q, now);
	ok = query_run(&q, err) && (!is_elsewhere || part_from_former(db, err));
	db_close(db);
	return ok;
}

/* One of the hour, with a log beside it perhaps. */
static bool copy_database(const struct places *p, const char *file,
			  struct err *err)
{
	struct db *from = open_backup(file, file, p->state, err);
	bool ok = from && backup_copy(from, p->fresh, NULL, NULL, err);

	db_close(from);
	return ok;
}

/* What is no database is sealed, or comes through a pipe. */
static bool is_database(const char *file)
{
	static const char magic[] = "SQLite format 3";
	char head[sizeof(magic)];
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool found = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		     read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
		     memcmp(head, magic, sizeof(magic)) == 0;

	if (fd >= 0)
		close(fd);
	return found;
}

static int open_stream(const char *file, struct err *err)
{
	int fd = streq(file, "-") ? dup(STDIN_FILENO)
				  : open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && !err_sys(err, "%s", name_of(file)))
		err->kind = ERR_INPUT;
	return fd;
}

static bool unpack(const struct places *p, const char *file, struct err *err)
{
	int fd = open_stream(file, err);
	struct db *db = NULL;

	if (fd < 0)
		return false;
	db_remove(p->fresh, NULL);
	if (backup_unpack(fd, p->fresh, err))
		db = open_backup(p->fresh, name_of(file), p->state, err);
	else
		explain(name_of(file), err);
	close(fd);
	db_close(db);
	return db != NULL;
}

static bool make_copy(const struct places *p, const char *dir, const char *file,
		      time_t now, struct err *err)
{
	bool ok = is_database(file) ? copy_database(p, file, err)
				    : unpack(p, file, err);

	ok = ok && mark(p->fresh, now, !has_serve(dir, p->fresh), err) &&
	     give_to_owner_of(dir, p->fresh, err);
	if (!ok)
		db_remove(p->fresh, NULL);
	return ok;
}

/* ---- the change ---- */

static bool move(const char *from, const char *tail, const char *to,
		 struct err *err)
{
	char *a = xasprintf("%s%s", from, tail);
	char *b = xasprintf("%s%s", to, tail);
	bool ok = rename(a, b) == 0 || errno == ENOENT ||
		  err_sys(err, "rename %s to %s", a, b);

	free(a);
	free(b);
	return ok;
}

/* With its log, without which it is not what it was. */
static bool keep_former(const struct places *p, struct restored *r,
			struct err *err)
{
	bool is_there = access(p->state, F_OK) == 0;

	if (!move(p->state, "-wal", p->broken, err) ||
	    !move(p->state, "-shm", p->broken, err) ||
	    !move(p->state, "", p->broken, err))
		return false;
	if (is_there)
		r->kept = xstrdup(p->broken);
	return true;
}

static bool put_in_place(const struct places *p, struct err *err)
{
	return rename(p->fresh, p->state) == 0 ||
	       err_sys(err, "rename %s to %s", p->fresh, p->state);
}

static void put_back(const struct places *p)
{
	move(p->broken, "-wal", p->state, NULL);
	move(p->broken, "-shm", p->state, NULL);
	move(p->broken, "", p->state, NULL);
}

static bool sync_folder(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = (fd >= 0 && fsync(fd) == 0) || err_sys(err, "%s", dir);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool replace(const struct places *p, const char *dir, const char *file,
		    time_t now, struct restored *r, struct err *err)
{
	if (!make_copy(p, dir, file, now, err))
		return false;
	if (!keep_former(p, r, err) || !put_in_place(p, err)) {
		put_back(p);
		return false;
	}
	r->is_in_place = true;
	return sync_folder(dir, err);
}

static int take_lock(const struct places *p, const char *dir, struct err *err)
{
	int fd = lockfile_take(p->lock, err);

	if (fd < 0 && err && err->kind == ERR_REFUSED)
		err_hint(err, "stop mtastsd first: it writes the state.db that "
			      "is to be replaced; with the sockets that would "
			      "have systemd start it again: systemctl stop "
			      "mtastsd-https.socket mtastsd-http.socket "
			      "mtastsd");
	if (fd >= 0)
		give_to_owner_of(dir, p->lock, NULL);
	return fd;
}

bool store_restore(const struct store_options *options, const char *file,
		   time_t now, struct restored *r, struct err *err)
{
	struct places p;
	bool ok = false;
	int lock;

	*r = (struct restored){ .kept = NULL };
	places_init(&p, options->dir, now);
	lock = take_lock(&p, options->dir, err);
	if (lock >= 0) {
		ok = replace(&p, options->dir, file, now, r, err);
		r->has_serve = r->is_in_place &&
			       has_serve(options->dir, p.state);
		close(lock);
	}
	if (!r->is_in_place)
		restored_release(r);
	places_release(&p);
	return ok;
}
