/* Dates as reporters write them. */
#include "policy/report_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/when.h"

#define EVENING 1795464900 /* 2026-11-23T20:15:00Z */
#define DAY_END 1795478400 /* 2026-11-24T00:00:00Z */

static const struct {
	const char *text;
	time_t at; /* 0: refused */
} dates[] = {
	{ "2026-11-23T20:15:00Z", EVENING },
	{ "2026-11-23T21:15:00+01:00", EVENING },
	{ "2026-11-23T14:45:00-05:30", EVENING },
	{ "2026-11-23T23:59:59Z", DAY_END - 1 },

	/* no zone: UTC */
	{ "2026-11-23T20:15:00", EVENING },
	{ "2026-11-23T20:15:00.1234567", EVENING },
	{ "2026-11-23 20:15:00", EVENING },

	/* other forms */
	{ "2026-11-23t20:15:00z", EVENING },
	{ "2026-11-23 20:15:00Z", EVENING },
	{ "2026-11-23T20:15:00.000Z", EVENING },
	{ "2026-11-23T20:15:00+0000", EVENING },
	{ "2026-11-23T21:15:00.5+0100", EVENING },
	{ "2026-11-23T14:45:00-0530", EVENING },

	/* the end of a day */
	{ "2026-11-23T24:00:00Z", DAY_END },
	{ "2026-11-23T24:00:00", DAY_END },
	{ "2026-11-23T24:00:00.000Z", DAY_END },
	{ "2026-11-23T24:00:00+01:00", DAY_END - WHEN_HOUR },
	{ "2026-12-31T24:00:00Z", 1798761600 },
	{ "2026-11-23T24:00:01Z", 0 },
	{ "2026-11-23T24:15:00Z", 0 },

	{ "", 0 },
	{ "2026-11-23", 0 },
	{ "2026-11-23T20:15", 0 },
	{ "2026-11-23T20:15:0", 0 },
	{ "2026-11-23x20:15:00", 0 },
	{ "2026-11-23T20:15:00 UTC", 0 },
	{ "2026-11-23T20:15:00.", 0 },
	{ "2026-11-23T20:15:00+01", 0 },
	{ "2026-11-23T20:15:00+01000", 0 },
	{ "2026-11-23T20:15:00+01:0", 0 },
	{ "2026-11-23T20:15:00+01x0", 0 },
	{ "2026-11-23T20:15:00+9900", 0 },
	{ "2026-11-23T20:15:00*0100", 0 },
	{ "2026-02-30T20:15:00", 0 },
	{ "1795464900", 0 },
	{ "Mon, 23 Nov 2026 20:15:00 +0000", 0 },
	/* as long as there is room for, and more */
	{ "2026-11-23T20:15:00.11111111111111111111111111111111111111111",
	  EVENING },
	{ "2026-11-23T20:15:00.111111111111111111111111111111111111111111", 0 },
	{ "2026-11-23T20:15:00.1111111111111111111111111111111111111111111",
	  0 },
	{ "2026-11-23T20:15:00.11111111111111111111111111111111111111111111",
	  0 },
};

static void dates_are_read_as_reporters_write_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		time_t at = 0;

		print_message("%s\n", dates[i].text);
		assert_int_equal(report_date_parse(dates[i].text, &at),
				 dates[i].at != 0);
		assert_int_equal(at, dates[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_read_as_reporters_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
