/*
 * The policy that a sender held, as its TLS report quotes it (RFC 8460, 4.4:
 * policy-string), and whether that is one of ours.
 *
 * Reporters quote a line at a time or all at once, with the \r of our lines or
 * without, and with the lines in an order of their own.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_POLICY_LINES_H
#define POLICY_POLICY_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Adds text, of one line or many, to *lines: a \n between two lines and none
 * at the end, no blanks around a line, no empty ones, no controls (base/utf8.h).
 * False: a line had no room left, and neither it nor what follows was added.
 */
bool policy_lines_add(struct buf *lines, const char *text, size_t len);

/*
 * Two texts have the same key if they are the same policy: order, blanks and
 * the case of letters apart. For the lines above, and for the body that we
 * serve. "" for no lines. The caller frees.
 */
char *policy_lines_key(const char *text);

#endif
