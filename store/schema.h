/*
 * The shape of both databases.
 *
 * state.db: migrations, an append-only array whose index is the version. A
 * released one is never edited. serve.db is a projection: when its shape
 * changes it is thrown away and made anew.
 *
 * Inside store/ only.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/db.h"

/* Is `main` a state.db that we can bring to our version, or read as it is? */
bool schema_check(struct db *db, struct err *err);

/* What we bring it to; and what that of a file is. */
int64_t schema_version(void);
bool schema_version_of(const char *path, int64_t *version, struct err *err);

/* Would schema_migrate() change it: not a new one, but one of this version? */
bool schema_is_former(struct db *db, int64_t *version);

/* Is it a serve.db that we can read as it is? */
bool schema_is_serve(const char *path);

/* Brings state.db to our version. ERR_REFUSED if it is newer. */
bool schema_migrate(struct db *db, struct err *err);

/*
 * Makes serve.db's tables in the attached database `serve` if they are not
 * there. False if what is there is of another version or damaged.
 */
bool schema_make_serve(struct db *db, struct err *err);

#endif
