/*
 * A folder of a test's own, and a real store in it.
 */
#ifndef TESTS_SIM_SCRATCH_H
#define TESTS_SIM_SCRATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "store/store.h"

/* Ends the test at once, saying why: for what is not under test. */
void must(bool ok, const struct err *err);

/* A new folder, below TMPDIR if that is set; for scratch_remove(). */
char *scratch_make(void);
void scratch_remove(char *dir);		/* takes dir; NULL is fine */

/*
 * The same with the files of a new box in it, which are made once in a process:
 * all migrations take longer than most tests. So all have one store_id.
 */
char *scratch_make_box(void);

/* "DIR/FILE", the caller frees. */
char *scratch_path(const char *dir, const char *file);

struct store *scratch_store(const char *dir);

/* No file may grow: what SQLite sees of a full disk, in the whole process. */
void scratch_disk_full(bool is_full);

/*
 * SQL from beside, by a connection of its own, against DIR/FILE: for
 * damage, and for looking at what no function tells.
 */
void scratch_sql(const char *dir, const char *file, const char *sql);
long scratch_number(const char *dir, const char *file, const char *sql);

#endif
