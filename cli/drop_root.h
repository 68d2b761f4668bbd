/*
 * What strangers wrote is read by nobody: the user of that name, who may reach
 * the daemon's submit socket and nothing else.
 */
#ifndef CLI_DROP_ROOT_H
#define CLI_DROP_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define SUBMIT_GROUP "mtasts-submit"

/*
 * Root becomes `user`, or nobody if that is 0, for good, and keeps one group,
 * mtasts-submit, if there is one. Who is not root stays who he is.
 */
bool drop_root(uid_t user, struct err *err);

#endif
