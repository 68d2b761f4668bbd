/*
 * How large and how intricate a message is, before a tree is made of it: a
 * parser that builds one object for each header and part, and calls itself for
 * each part within a part, can be made to fill memory and stack by a few
 * megabytes of mail.
 *
 * One pass over the lines, no memory. It counts and judges nothing else.
 */
#ifndef CLI_MAIL_GUARD_H
#define CLI_MAIL_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* An attachment of 1 MiB is 1.4 MiB in base64. */
#define MAIL_BYTES_MAX	4194304
#define MAIL_LINES_MAX	100000
#define MAIL_MARKS_MAX	200   /* lines that begin as boundaries do */
#define MAIL_TYPES_MAX	100   /* Content-Type headers, at any depth */
#define MAIL_HEADER_MAX                                                        \
	8192			/* bytes of one header, folded: of a list of
				 addresses it costs their square */
#define MAIL_HEADERS_MAX 524288 /* bytes of all that looks like headers */

/* ERR_REFUSED: over a limit, the text says which. */
bool mail_guard(const char *data, size_t len, struct err *err);

#endif
