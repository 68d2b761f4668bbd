/*
 * What mtastsd.conf says of the operator's own zone, and of who publishes it.
 */
#ifndef DAEMON_PUBLISH_SETTINGS_H
#define DAEMON_PUBLISH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/domain_name.h"

#define PUBLISH_WORDS_MAX 8 /* of the hook */
#define PUBLISH_WORD_SIZE 256
#define PUBLISH_ZONE_MAX  190 /* so that names below it fit: daemon/zone.h */

struct publish_settings {
	char zone[DOMAIN_NAME_SIZE]; /* delegate_zone; or empty */

	/* RFC 2136, if server is not empty: */
	char server[64], port[8];
	char key_file[PUBLISH_WORD_SIZE];
	char program[PUBLISH_WORD_SIZE]; /* knsupdate, or nsupdate */

	char hook[PUBLISH_WORDS_MAX][PUBLISH_WORD_SIZE];
	size_t hook_count; /* 0: no hook */

	long alert_after; /* seconds */
};

/* Is the zone published by us? */
static inline bool publish_is_on(const struct publish_settings *s)
{
	return s->server[0] || s->hook_count;
}

#endif
