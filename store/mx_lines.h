/*
 * The mx of a policy as the store keeps them: one pattern a line.
 *
 * Inside store/ only.
 */
#ifndef STORE_MX_LINES_H
#define STORE_MX_LINES_H

#include "policy/sts_policy.h"

/*
 * Adds them to *p. False for a line that is no pattern: they were checked when
 * they came in, so that is damage.
 */
bool mx_lines_read(const char *lines, struct sts_policy *p);

/* The caller frees. */
char *mx_lines_write(const struct sts_policy *p);

#endif
