/*
 * The two folders: state, with its databases and backups, and sockets.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/database_head.h"
#include "cli/doctor.h"
#include "cli/doctor_user.h"
#include "cli/say.h"

#define MEGABYTE   (1024ULL * 1024)
#define FULL	   (16 * MEGABYTE)
#define LOW	   (256 * MEGABYTE)
#define FILES_FEW  1000
#define BACKUP_OLD (3 * WHEN_HOUR) /* one is made each hour */

struct folder {
	const struct doctor_box *box;
	struct doctor_notes *n;
	const char *path;
	const char *id_missing;
	struct doctor_user owner; /* who the daemon is, */
	bool knows_owner;	  /* if that is known */
};

/* ---- whose it should be ---- */

/* The daemon's user, or who would be it. */
static void find_owner(struct folder *f)
{
	const json_t *uid = value_at(f->box->facts, "process.uid");

	f->knows_owner = uid || doctor_user_named("mtastsd", &f->owner);
	if (uid)
		doctor_user_of((uid_t)json_integer_value(uid), &f->owner);
}

/* Root may write everywhere. */
static bool is_owned(const struct folder *f, const char *path,
		     const struct stat *st)
{
	struct doctor_user now;

	if (!f->knows_owner || f->owner.uid == 0 || st->st_uid == f->owner.uid)
		return true;
	doctor_user_of(st->st_uid, &now);
	doctor_say(f->n, DOCTOR_ERROR, "folder.owner",
		   "%s belongs to %s, and the daemon is %s: it may not write "
		   "there",
		   path, now.name, f->owner.name);
	doctor_hint(f->n, "chown -R %s: %s", f->owner.name, f->path);
	return false;
}

/* ---- is it there, and may it be written? ---- */

/* At its start the daemon makes what is missing, if it may. */
static void say_missing(const struct folder *f)
{
	doctor_say(f->n,
		   doctor_has_daemon(f->box) ? DOCTOR_ERROR : DOCTOR_WARNING,
		   f->id_missing, "the folder %s is not there", f->path);
	doctor_hint(f->n,
		    "%s makes it; else: install -d -o mtastsd -g mtastsd %s",
		    doctor_has_systemd(f->box)
			    ? "systemd, when it starts the unit,"
			    : "mtastsd --user mtastsd, started as root,",
		    f->path);
}

static bool say_unusable(const struct folder *f, const char *why)
{
	doctor_say(f->n, DOCTOR_ERROR, "folder.unusable", "%s %s", f->path,
		   why);
	doctor_hint(f->n, "move it away, or name another in %s",
		    doctor_config_of(f->box));
	return false;
}

static bool is_writable(const struct folder *f, const struct stat *st)
{
	if ((st->st_mode & S_IRWXU) == S_IRWXU)
		return true;
	doctor_say(f->n, DOCTOR_ERROR, "folder.mode",
		   "%s is closed to its owner (mode %03o)", f->path,
		   (unsigned)st->st_mode & 0777);
	doctor_hint(f->n, "chmod u+rwx %s", f->path);
	return false;
}

static bool look_at_folder(const struct folder *f)
{
	struct stat st;

	if (stat(f->path, &st) < 0 && errno == ENOENT) {
		say_missing(f);
		return false;
	}
	if (stat(f->path, &st) < 0) {
		doctor_say(f->n, DOCTOR_UNSEEN, "folder.closed", "%s: %s",
			   f->path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode))
		return say_unusable(f, "is no folder");
	return is_owned(f, f->path, &st) && is_writable(f, &st);
}

/* ---- is there room? ---- */

static void say_room(const struct folder *f, enum doctor_level level,
		     const char *id, const char *what)
{
	doctor_say(f->n, level, id, "the disk that %s is on %s", f->path, what);
	doctor_hint(f->n, "make room: df -h %s; df -i %s", f->path, f->path);
}

static void look_at_room(const struct folder *f)
{
	unsigned long long room;
	struct statvfs fs;
	char text[80];

	if (statvfs(f->path, &fs) < 0)
		return;
	room = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY) {
		doctor_say(f->n, DOCTOR_ERROR, "disk.read-only",
			   "the disk that %s is on is read-only", f->path);
		doctor_hint(f->n, "the kernel's log says why: dmesg; then "
				  "mount -o remount,rw");
		return;
	}
	snprintf(text, sizeof(text), "has %llu MB left", room / MEGABYTE);
	if (room < FULL)
		say_room(f, DOCTOR_ERROR, "disk.full", text);
	else if (room < LOW)
		say_room(f, DOCTOR_WARNING, "disk.low", text);
	if (fs.f_files && fs.f_favail < FILES_FEW)
		say_room(f, DOCTOR_ERROR, "disk.inodes",
			 "has next to no inodes left");
}

/* ---- the databases ---- */

static void look_at_database(const struct folder *f, const char *name)
{
	char *path = xasprintf("%s/%s", f->path, name);
	char why[128];
	struct stat st;

	if (stat(path, &st) == 0 && is_owned(f, path, &st))
		switch (database_head_look(path, why, sizeof(why))) {
		case DATABASE_GOOD:
			break;
		case DATABASE_UNSEEN:
			doctor_say(f->n, DOCTOR_UNSEEN, "database.closed",
				   "%s: %s", path, why);
			break;
		case DATABASE_BAD:
			doctor_say(f->n, DOCTOR_ERROR, "database.damaged",
				   "%s is damaged: %s", path, why);
			doctor_hint(f->n,
				    "mtastsd --restore FILE, of a backup "
				    "in %s/backup",
				    f->path);
			break;
		}
	free(path);
}

void doctor_state(const struct doctor_box *box, struct doctor_notes *n)
{
	struct folder f = { .box = box,
			    .n = n,
			    .path = text_at(box->facts, "state_dir"),
			    .id_missing = "state.missing" };

	if (!doctor_knows_config(box, n))
		return;
	find_owner(&f);
	if (!look_at_folder(&f))
		return;
	look_at_room(&f);
	if (access(f.path, X_OK) < 0) {
		doctor_say(n, DOCTOR_UNSEEN, "state.closed",
			   "what is in %s: be root", f.path);
		return;
	}
	if (!doctor_has_daemon(box)) /* else it may be writing right there */
		look_at_database(&f, "state.db");
}

void doctor_sockets(const struct doctor_box *box, struct doctor_notes *n)
{
	struct folder f = { .box = box,
			    .n = n,
			    .path = text_at(box->facts, "run_dir"),
			    .id_missing = "sockets.missing" };

	if (!doctor_knows_config(box, n))
		return;
	find_owner(&f);
	look_at_folder(&f);
}

/* ---- backups ---- */

/* "state-20261231T23.db" (store/backup.h). */
static bool read_hour(const char *name, time_t *at)
{
	char text[INSTANT_TEXT];

	if (!str_starts(name, "state-") ||
	    strlen(name) != strlen("state-20261231T23.db"))
		return false;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:00:00Z", name + 6,
		 name + 10, name + 12, name + 15);
	return instant_parse(text, at);
}

/* When the newest was begun, by its name; 0: there is none. */
static time_t newest_in(DIR *dir)
{
	time_t newest = 0, at;
	const struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		if (read_hour(e->d_name, &at) && at > newest)
			newest = at;
	}
	return newest;
}

/* Of a daemon that has run long enough to have made one. */
static void judge_backup(const struct doctor_box *box, struct doctor_notes *n,
			 const char *folder, time_t newest)
{
	long age = (long)(time(NULL) - newest);
	char rough[DURATION_TEXT];

	if (age_at(box->status, "started", time(NULL)) < BACKUP_OLD ||
	    age < BACKUP_OLD)
		return;
	if (newest)
		doctor_say(n, DOCTOR_WARNING, "backup.old",
			   "the newest backup in %s is %s old", folder,
			   duration_rough(age, rough));
	else
		doctor_say(n, DOCTOR_WARNING, "backup.none",
			   "there is no backup in %s", folder);
	doctor_hint(n,
		    "one is made each hour where there is room for it: "
		    "df -h %s; journalctl -u mtastsd",
		    folder);
}

void doctor_backup(const struct doctor_box *box, struct doctor_notes *n)
{
	char *folder;
	DIR *dir;

	if (!doctor_has_daemon(box) || !doctor_knows_config(box, n))
		return; /* nobody makes any */
	folder = xasprintf("%s/backup", text_at(box->facts, "state_dir"));
	dir = opendir(folder);
	if (!dir && errno == EACCES)
		doctor_say(n, DOCTOR_UNSEEN, "backup.closed", "%s: be root",
			   folder);
	else
		judge_backup(box, n, folder, dir ? newest_in(dir) : 0);
	if (dir)
		closedir(dir);
	free(folder);
}
