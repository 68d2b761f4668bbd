#include "store/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/ballast.h"
#include "store/internal.h"

#define MEGABYTE     (1024 * 1024)
#define SILENT_AFTER 30 /* s */

static const char *const names[] = {
	[STORE_FINE] = "fine",
	[STORE_TIGHT] = "tight",
	[STORE_FULL] = "full",
	[STORE_READ_ONLY] = "read-only",
	[STORE_BROKEN] = "broken",
};

const char *store_health_name(enum store_health health)
{
	return names[health];
}

/* ---- each trouble in words ---- */

static enum store_health full(const struct store *s, struct err *problem)
{
	err_set(problem, ERR_AGAIN, "the disk that %s is on is full", s->dir);
	err_hint(problem, "make room: what is under way goes on by itself, "
			  "what is served is served meanwhile");
	return STORE_FULL;
}

static enum store_health read_only(const struct store *s, struct err *problem)
{
	err_set(problem, ERR_AGAIN, "%s cannot be written: it is read-only",
		s->dir);
	err_hint(problem, "the kernel's log says why; make it writable, and "
			  "all goes on by itself");
	return STORE_READ_ONLY;
}

static enum store_health failing(const struct store *s, struct err *problem)
{
	err_set(problem, ERR_INTERNAL, "the disk that %s is on gives errors",
		s->dir);
	err_hint(problem, "the kernel's log says more: save a backup "
			  "elsewhere, and replace the disk");
	return STORE_BROKEN;
}

static enum store_health silent(const struct store *s, struct err *problem)
{
	err_set(problem, ERR_AGAIN, "the disk that %s is on has not answered "
		"for %ld seconds", s->dir, log_waits(s));
	err_hint(problem, "the kernel's log says more; what is served is served "
			  "meanwhile, and all goes on when it answers");
	return STORE_BROKEN;
}

static enum store_health damaged(const struct store *s, struct err *problem)
{
	err_set(problem, ERR_DAMAGED, "state.db is damaged: %s", s->damage);
	err_hint(problem,
		 "stop mtastsd and its sockets, then mtastsd "
		 "--restore FILE: backups are in %s/backup",
		 s->dir);
	return STORE_BROKEN;
}

static enum store_health gone(const struct store *s, struct err *problem)
{
	err_set(problem, ERR_DAMAGED, "state.db was moved away from %s, or "
		"another was put in its place", s->dir);
	err_hint(problem, "what is done now is lost at the next start: put it "
			  "back, or stop mtastsd and its sockets and "
			  "restore a backup with mtastsd --restore FILE");
	return STORE_BROKEN;
}

static enum store_health tight(const struct store *s,
			       const struct ballast_room *room,
			       struct err *problem)
{
	if (s->is_short)
		err_set(problem, ERR_AGAIN, "the disk that %s is on was full, "
			"and has %lld MB left", s->dir,
			(long long)(room->free / MEGABYTE));
	else
		err_set(problem, ERR_AGAIN, "the disk that %s is on has %lld "
			"MB left, and %lld are the least", s->dir,
			(long long)(room->free / MEGABYTE),
			(long long)(room->reserve / MEGABYTE));
	err_hint(problem, "make room: orders under way end, but no other is "
			  "begun before");
	return STORE_TIGHT;
}

/* ---- the verdict ---- */

static bool is_gone(const struct store *s)
{
	return s->state_inode && store_inode(s, "state.db") != s->state_inode;
}

/* SQLite says no more than that a write failed. */
static bool is_read_only(const struct store *s)
{
	struct ballast_room room;

	return !s->vfs && ballast_look(s->dir, &room, NULL) &&
	       room.is_read_only;
}

/* What the file system says by itself, with nothing tried. */
static enum store_health look(const struct store *s, struct err *problem)
{
	struct ballast_room room = { .free = 0 };

	if (s->vfs)
		return s->is_short ? tight(s, &room, problem) : STORE_FINE;
	if (log_waits(s) >= SILENT_AFTER)
		return silent(s, problem);
	if (!ballast_look(s->dir, &room, NULL))
		return failing(s, problem);
	if (room.is_read_only)
		return read_only(s, problem);
	if (*s->damage)
		return damaged(s, problem);
	if (is_gone(s))
		return gone(s, problem);
	if (s->is_short || room.free < room.reserve)
		return tight(s, &room, problem);
	return STORE_FINE;
}

enum store_health store_health(struct store *s, struct err *problem)
{
	switch (db_trouble(s->db)) {
	case DB_FULL:
		return full(s, problem);
	case DB_READ_ONLY:
		return read_only(s, problem);
	case DB_FAILING:
		if (is_read_only(s))
			return read_only(s, problem);
		return failing(s, problem);
	case DB_DAMAGED:
		store_found_damage(s, "a page that was read is none");
		break;
	case DB_WELL:
		break;
	}
	return look(s, problem);
}

bool store_has_failed(const struct store *s)
{
	enum db_trouble trouble = db_trouble(s->db);

	return trouble != DB_WELL && trouble != DB_DAMAGED;
}

bool store_may_start(struct store *s, struct err *err)
{
	struct err problem = ERR_INIT;

	switch (store_health(s, &problem)) {
	case STORE_FINE:
		return true;
	case STORE_BROKEN:
		if (problem.kind == ERR_DAMAGED)
			return true;
		break;
	case STORE_TIGHT:
	case STORE_FULL:
	case STORE_READ_ONLY:
		break;
	}
	err_set(err, ERR_AGAIN, "%s", problem.text);
	return err_hint(err, "%s", problem.hint);
}

bool store_sheds(const struct store *s)
{
	return s->is_short;
}

void store_found_damage(struct store *s, const char *what)
{
	snprintf(s->damage, sizeof(s->damage), "%s", what ? what : "");
}

bool store_has_serve(const struct store *s)
{
	return !s->serve_inode ||
	       store_inode(s, "serve.db") == s->serve_inode;
}

bool store_check(const struct store_options *options, enum store_file file,
		 bool (*go_on)(void *arg), void *arg, struct err *err)
{
	static const char *const files[] = { [STORE_STATE_DB] = "state.db",
					     [STORE_SERVE_DB] = "serve.db" };
	char *path = store_path(options->dir, files[file]);
	struct db *db = db_open(path, DB_READ, options->vfs, err);
	bool ok = false;

	free(path);
	if (db) {
		db_ask(db, go_on, arg);
		ok = db_check(db, DB_QUICK, err);
	}
	db_close(db);
	return ok;
}
