#include "tests/sim/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void must(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "the test cannot go on: %s\n", err ? err->text : "");
	abort();
}

/* In memory where there is such a place: no disk is under test. */
static const char *parent_folder(void)
{
	const char *told = getenv("TMPDIR");

	if (told)
		return told;
	return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

char *scratch_make(void)
{
	char *dir = xasprintf("%s/mtasts-test-XXXXXX", parent_folder());
	struct err err = ERR_INIT;

	must(mkdtemp(dir) || err_sys(&err, "%s", dir), &err);
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

void scratch_remove(char *dir)
{
	if (dir)
		nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

char *scratch_path(const char *dir, const char *file)
{
	return xasprintf("%s/%s", dir, file);
}

struct store *scratch_store(const char *dir)
{
	struct store_options options = { .dir = dir };
	struct err err = ERR_INIT;
	struct store *s = store_open(&options, &err);

	must(s, &err);
	return s;
}

/* ---- a new box ---- */

static struct box_file {
	const char *name;
	char *data; /* NULL: not made yet */
	size_t len;
} box_files[] = { { "state.db", NULL, 0 }, { "serve.db", NULL, 0 } };

static void read_file(const char *dir, struct box_file *f)
{
	char *path = scratch_path(dir, f->name);
	FILE *in = fopen(path, "rb");
	struct stat st = { .st_size = 0 };
	struct err err = ERR_INIT;

	must((in && fstat(fileno(in), &st) == 0) || err_sys(&err, "%s", path),
	     &err);
	f->len = (size_t)st.st_size;
	f->data = xmalloc(f->len);
	must(fread(f->data, 1, f->len, in) == f->len, NULL);
	fclose(in);
	free(path);
}

static void write_file(const char *dir, const struct box_file *f)
{
	char *path = scratch_path(dir, f->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct err err = ERR_INIT;

	must((fd >= 0 && write(fd, f->data, f->len) == (ssize_t)f->len &&
	      close(fd) == 0) ||
		     err_sys(&err, "%s", path),
	     &err);
	free(path);
}

static void make_box_files(void)
{
	char *dir = scratch_make();

	store_close(scratch_store(dir));
	for (size_t i = 0; i < ARRAY_LEN(box_files); i++)
		read_file(dir, &box_files[i]);
	scratch_remove(dir);
}

char *scratch_make_box(void)
{
	char *dir = scratch_make();

	if (!box_files[0].data)
		make_box_files();
	for (size_t i = 0; i < ARRAY_LEN(box_files); i++)
		write_file(dir, &box_files[i]);
	return dir;
}

/* ---- damage, and looks from beside ---- */

void scratch_disk_full(bool is_full)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = is_full ? 1 : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static sqlite3 *open_beside(const char *dir, const char *file)
{
	char *path = scratch_path(dir, file);
	sqlite3 *db = NULL;

	must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ==
	     SQLITE_OK, NULL);
	sqlite3_busy_timeout(db, 2000);
	free(path);
	return db;
}

void scratch_sql(const char *dir, const char *file, const char *sql)
{
	sqlite3 *db = open_beside(dir, file);
	struct err err = ERR_INIT;

	must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ||
	     err_set(&err, ERR_INTERNAL, "%s: %s", sql, sqlite3_errmsg(db)),
	     &err);
	sqlite3_close(db);
}

long scratch_number(const char *dir, const char *file, const char *sql)
{
	sqlite3 *db = open_beside(dir, file);
	sqlite3_stmt *stmt = NULL;
	struct err err = ERR_INIT;
	long n;

	must((sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	      sqlite3_step(stmt) == SQLITE_ROW) ||
	     err_set(&err, ERR_INTERNAL, "%s: %s", sql, sqlite3_errmsg(db)),
	     &err);
	n = (long)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}
