/*
 * Durations and instants as people write them.
 *
 * A duration is one number with one unit: 90s 15m 12h 7d. An instant is
 * UTC, RFC 3339. Values are seconds; the clock itself is never read here.
 */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include <stdbool.h>
#include <time.h>

#include "base/err.h"

#define WHEN_MINUTE 60L
#define WHEN_HOUR   3600L
#define WHEN_DAY    86400L

#define DURATION_TEXT 24	/* room for any formatted duration */
#define INSTANT_TEXT  24	/* "2026-11-23T20:15:00Z" and a NUL */

/* "7d" to 604800. ERR_INPUT names the text and the form expected. */
bool duration_parse(const char *text, long *seconds, struct err *err);

/* The greatest unit that divides evenly: 604800 to "7d", 90 to "90s". */
const char *duration_format(long seconds, char out[static DURATION_TEXT]);

/* About how long, for people: "3 days", "40 s", "2 h". */
const char *duration_rough(long seconds, char out[static DURATION_TEXT]);

const char *instant_format(time_t at, char out[static INSTANT_TEXT]);

/*
 * Fractions of a second are dropped; "Z" or an offset must follow. False for
 * what no calendar has, such as 30 February. *at is then untouched.
 */
bool instant_parse(const char *text, time_t *at);

#endif
