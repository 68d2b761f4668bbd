/*
 * What opens the mailbox: a password from a file, or a token that a command
 * prints, such as an OAuth 2 client's. Read before root is left.
 */
#ifndef CLI_FETCH_SECRET_H
#define CLI_FETCH_SECRET_H

#include <stdbool.h>

#include "base/err.h"

/* The file's first line. Refused if everybody may read it. Caller frees. */
char *fetch_password(const char *path, struct err *err);

/*
 * The first line that it prints, within half a minute, and without a shell.
 * `argv` ends with NULL. The caller frees; NULL, with err, if there is none.
 */
char *fetch_token(char *const *argv, struct err *err);

#endif
