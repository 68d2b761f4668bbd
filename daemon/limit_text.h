/*
 * A CA's limit as mtastsd.conf has it: "300/3h" is 300 tokens that come back
 * evenly over three hours, "none" is no limit. Pure. Any thread.
 */
#ifndef DAEMON_LIMIT_TEXT_H
#define DAEMON_LIMIT_TEXT_H

#include "acme/limits.h"

#define LIMIT_TEXT_FORM                                                        \
	"a number from 1 to 1000000 and a duration of at most 3650d, such "    \
	"as \"300/3h\", or \"none\""

/* False: it is not of that form, and *limit as it was. */
bool limit_text_parse(const char *text, struct limit *limit);

#endif
