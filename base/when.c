#include "base/when.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define INSTANT_SECONDS 19	/* up to and with the seconds, no zone */

static const struct {
	char letter;
	long seconds;
	const char *one, *many;
} units[] = {
	{ 'd', WHEN_DAY, "day", "days" },
	{ 'h', WHEN_HOUR, "h", "h" },
	{ 'm', WHEN_MINUTE, "min", "min" },
	{ 's', 1, "s", "s" },
};

bool duration_parse(const char *text, long *seconds, struct err *err)
{
	size_t len = strlen(text);
	long n;

	for (size_t i = 0; len > 1 && i < ARRAY_LEN(units); i++) {
		if (text[len - 1] != units[i].letter)
			continue;
		if (!str_to_long(text, len - 1, LONG_MAX / units[i].seconds, &n))
			break;
		*seconds = n * units[i].seconds;
		return true;
	}
	err_set(err, ERR_INPUT, "\"%.40s\" is not a duration", text);
	return err_hint(err, "write a number and one unit: 90s 15m 12h 7d");
}

const char *duration_format(long seconds, char out[static DURATION_TEXT])
{
	size_t i = 0;

	while (i < ARRAY_LEN(units) - 1 &&
	       (seconds == 0 || seconds % units[i].seconds != 0))
		i++;
	snprintf(out, DURATION_TEXT, "%ld%c", seconds / units[i].seconds,
		 units[i].letter);
	return out;
}

const char *duration_rough(long seconds, char out[static DURATION_TEXT])
{
	long magnitude = labs(seconds);
	size_t i = 0;
	long n;

	while (i < ARRAY_LEN(units) - 1 && magnitude < 2 * units[i].seconds)
		i++;
	n = seconds / units[i].seconds;
	snprintf(out, DURATION_TEXT, "%ld %s", n,
		 n == 1 ? units[i].one : units[i].many);
	return out;
}

const char *instant_format(time_t at, char out[static INSTANT_TEXT])
{
	struct tm tm;

	/* Four digits of year: all that RFC 3339 can write. */
	if (!gmtime_r(&at, &tm) || tm.tm_year < 1000 - 1900 ||
	    tm.tm_year > 9999 - 1900 ||
	    !strftime(out, INSTANT_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, INSTANT_TEXT, "?");
	return out;
}

/* "Z" or "+hh:mm": seconds that local time is ahead of UTC. */
static bool offset_parse(const char *text, long *ahead)
{
	long hours, minutes;

	*ahead = 0;
	if (streq(text, "Z"))
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != 6 ||
	    text[3] != ':' || !str_to_long(text + 1, 2, 23, &hours) ||
	    !str_to_long(text + 4, 2, 59, &minutes))
		return false;
	*ahead = hours * WHEN_HOUR + minutes * WHEN_MINUTE;
	if (*text == '-')
		*ahead = -*ahead;
	return true;
}

bool instant_parse(const char *text, time_t *at)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	char again[INSTANT_TEXT];
	time_t local;
	long ahead;

	if (!end)
		return false;
	/* strptime takes spaces for zeros, and the 31st of every month. */
	local = timegm(&tm);
	instant_format(local, again);
	if (end - text != INSTANT_SECONDS ||
	    strncmp(text, again, INSTANT_SECONDS) != 0)
		return false;
	if (*end == '.') {	/* fractions of a second do not matter here */
		size_t digits = strspn(end + 1, "0123456789");

		if (digits == 0)
			return false;
		end += 1 + digits;
	}
	if (!offset_parse(end, &ahead))
		return false;
	*at = local - ahead;
	return true;
}
