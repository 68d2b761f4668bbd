#include "store/backup_stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/write_all.h"
#include "store/backup.h"
#include "store/backup_copy.h"
#include "store/internal.h"
#include "store/schema.h"

#define PIECE	    65536
#define COPY_PREFIX "state-copy-"
#define DB_MAGIC    "SQLite format 3" /* and a NUL, which counts */

/* ---- making one ---- */

static char *path_of_copy(const char *dir)
{
	static atomic_uint number;
	char *name = xasprintf(COPY_PREFIX "%ld-%u", (long)getpid(),
			       atomic_fetch_add(&number, 1));
	char *path = store_path(dir, name);

	free(name);
	return path;
}

static bool copy_to(const struct store_options *options, const char *to,
		    bool (*go_on)(void *arg), void *arg, struct err *err)
{
	char *state = store_path(options->dir, "state.db");
	struct db *from = db_open(state, DB_READ, options->vfs, err);
	bool ok = from && backup_copy(from, to, go_on, arg, err);

	db_close(from);
	free(state);
	return ok;
}

static bool describe(struct backup_stream *b, const char *path, time_t now,
		     struct err *err)
{
	struct stat st;

	snprintf(b->about.program, sizeof(b->about.program), MTASTSD_VERSION);
	instant_format(now, b->about.made);
	b->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return err_sys(err, "%s", path);
	b->about.size = b->left = st.st_size;
	return schema_version_of(path, &b->about.schema, err);
}

bool backup_open(struct backup_stream *b, const struct store_options *options,
		 time_t now, bool (*go_on)(void *arg), void *arg,
		 struct err *err)
{
	char *path = path_of_copy(options->dir);
	bool ok;

	*b = (struct backup_stream){ .fd = -1 };
	sealer_init(&b->sealer);
	ok = backup_has_room(options->dir, 1, err) &&
	     copy_to(options, path, go_on, arg, err) &&
	     describe(b, path, now, err);
	db_remove(path, NULL);
	free(path);
	if (!ok)
		backup_close(b);
	return ok;
}

static bool read_body(struct backup_stream *b, void *out, size_t size,
		      size_t *len, struct err *err)
{
	size_t want = (int64_t)size < b->left ? size : (size_t)b->left;
	ssize_t n;

	do
		n = read(b->fd, out, want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "read the copy of state.db");
	if (n == 0)
		return err_set(err, ERR_INTERNAL,
			       "the copy of state.db has become shorter");
	sealer_body(&b->sealer, out, (size_t)n);
	b->left -= n;
	*len = (size_t)n;
	if (!b->left)
		b->part = BACKUP_TAIL;
	return true;
}

bool backup_read(struct backup_stream *b, void *out, size_t size, size_t *len,
		 struct err *err)
{
	*len = 0;
	switch (b->part) {
	case BACKUP_HEAD:
		*len = sealer_head(&b->sealer, BACKUP_KIND, &b->about, out);
		b->part = BACKUP_BODY;
		break;
	case BACKUP_BODY:
		return read_body(b, out, size, len, err);
	case BACKUP_TAIL:
		*len = sealer_tail(&b->sealer, out);
		b->part = BACKUP_OVER;
		break;
	case BACKUP_OVER:
		break;
	}
	return true;
}

int64_t backup_length(const struct backup_stream *b)
{
	return seal_length(BACKUP_KIND, &b->about);
}

void backup_close(struct backup_stream *b)
{
	if (!b->sealer.digest)
		return;
	if (b->fd >= 0)
		close(b->fd);
	sealer_release(&b->sealer);
	b->fd = -1;
}

void backup_sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL) {
		char *path = store_path(dir, entry->d_name);

		if (str_starts(entry->d_name, COPY_PREFIX) ||
		    str_starts(entry->d_name, RESTORE_FRESH))
			unlink(path);
		free(path);
	}
	if (d)
		closedir(d);
}

/* ---- taking one apart ---- */

struct unpacking {
	int from, to;
	const char *path;
	struct unsealer unsealer;
	char piece[PIECE];
};

static bool write_out(struct unpacking *u, const void *data, size_t len,
		      struct err *err)
{
	return write_all(u->to, data, len) || err_sys(err, "write %s", u->path);
}

/* As much as there is, up to a piece; less only at the end. */
static bool read_piece(struct unpacking *u, size_t *len, struct err *err)
{
	*len = 0;
	while (*len < sizeof(u->piece)) {
		ssize_t n = read(u->from, u->piece + *len,
				 sizeof(u->piece) - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read it");
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return true;
}

/* Before gigabytes have come that are of no use. */
static bool check_schema(const struct seal_about *about, struct err *err)
{
	char *program;

	if (about->schema <= schema_version())
		return true;
	program = str_printable(about->program, sizeof(about->program));
	err_set(err, ERR_REFUSED,
		"it is of mtastsd %s, whose state.db has version %lld, newer "
		"than version %lld of this mtastsd (" MTASTSD_VERSION ")",
		program, (long long)about->schema, (long long)schema_version());
	free(program);
	return err_hint(err, "install the mtastsd that made it, or a newer "
			     "one");
}

static bool unpack_piece(struct unpacking *u, size_t len, struct err *err)
{
	const void *body = NULL;
	size_t inside;

	return unsealer_feed(&u->unsealer, u->piece, len, &body, &inside,
			     err) &&
	       (!u->unsealer.has_head ||
		check_schema(&u->unsealer.about, err)) &&
	       (!inside || write_out(u, body, inside, err));
}

static bool unpack_sealed(struct unpacking *u, size_t len, struct err *err)
{
	while (len)
		if (!unpack_piece(u, len, err) || !read_piece(u, &len, err))
			return false;
	return unsealer_end(&u->unsealer, err);
}

static bool unpack_bare(struct unpacking *u, size_t len, struct err *err)
{
	while (len)
		if (!write_out(u, u->piece, len, err) ||
		    !read_piece(u, &len, err))
			return false;
	return true;
}

static bool unpack_all(struct unpacking *u, struct err *err)
{
	size_t len;

	if (!read_piece(u, &len, err))
		return false;
	if (!len)
		return err_set(err, ERR_INPUT, "it is empty");
	if (len >= sizeof(DB_MAGIC) &&
	    memcmp(u->piece, DB_MAGIC, sizeof(DB_MAGIC)) == 0)
		return unpack_bare(u, len, err);
	return unpack_sealed(u, len, err);
}

bool backup_unpack(int fd, const char *to, struct err *err)
{
	struct unpacking *u = xcalloc(1, sizeof(*u));
	bool ok;

	u->from = fd;
	u->path = to;
	u->to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	unsealer_init(&u->unsealer, BACKUP_KIND);
	ok = (u->to >= 0 || err_sys(err, "create %s", to)) &&
	     unpack_all(u, err) &&
	     (fsync(u->to) == 0 || err_sys(err, "write %s", to));
	if (u->to >= 0)
		close(u->to);
	if (!ok && u->to >= 0)
		unlink(to);
	unsealer_release(&u->unsealer);
	free(u);
	return ok;
}
