/*
 * What opens the mailbox: a password from a file, or a token that a command
 * prints, such as an OAuth 2 client's. Read before root is left.
 */
#ifndef CLI_FETCH_SECRET_H
#define CLI_FETCH_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The file's first line. Refused if everybody may read it. Caller frees. */
char *fetch_password(const char *path, struct err *err);

/*
 * The first line that it prints, without a shell. It must end within half a
 * minute, and before `until`, of steady_ms(); or else it is ended, with what it
 * has started. `argv` ends with NULL. The caller frees; NULL, with err, if there
 * is none.
 */
char *fetch_token(char *const *argv, int64_t until, struct err *err);

#endif
