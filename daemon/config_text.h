/*
 * The configuration file as text, made ready for libconfuse.
 *
 * libconfuse 3.3 counts a line with a comment as three, so its errors named
 * the wrong line, and it takes no comment inside a list. It gets a text
 * without comments, in which every line stands where it stood.
 */
#ifndef DAEMON_CONFIG_TEXT_H
#define DAEMON_CONFIG_TEXT_H

#include <stddef.h>

#include "base/err.h"

/* Blanks comments: from # or // to the end of the line, and C's. In place. */
void config_text_blank(char *text);

/* Without comments, never empty; yours to free. NULL with err set. */
char *config_text_read(const char *path, struct err *err);

#endif
