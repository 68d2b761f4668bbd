/*
 * A notice in words: as a line of the journal, as JSON for a command, and as
 * a mail. Pure.
 */
#ifndef DAEMON_NOTICE_TEXT_H
#define DAEMON_NOTICE_TEXT_H

#include <jansson.h>

#include "store/notice.h"

/* "ca.down pebble: it does not answer", "domain.failing: 12 alike, ...". */
char *notice_line(const struct notice *n);	/* the caller frees */

/* One object; `host` says which box it is. */
json_t *notice_json(const struct notice *n, const char *host);

char *notice_subject(const struct notice *n, const char *host);
char *notice_mail(const struct notice *n, const char *host);

#endif
