#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static const struct {
	const char *text;
	long seconds; /* -1: refused */
} durations[] = {
	{ "90s", 90 },
	{ "15m", 900 },
	{ "12h", 43200 },
	{ "7d", 604800 },
	{ "0s", 0 },
	{ "007d", 604800 },
	{ "106751991167300d", 9223372036854720000 },
	{ "106751991167301d", -1 },
	{ "9223372036854775807s", 9223372036854775807 },
	{ "9223372036854775808s", -1 },
	{ "", -1 },
	{ "d", -1 },
	{ "7", -1 },
	{ "7D", -1 },
	{ "7 d", -1 },
	{ " 7d", -1 },
	{ "7d ", -1 },
	{ "-7d", -1 },
	{ "+7d", -1 },
	{ "1.5h", -1 },
	{ "1h30m", -1 },
	{ "1w", -1 },
	{ "7days", -1 },
};

static void durations_are_a_number_and_a_unit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		long seconds = -1;
		struct err err = ERR_INIT;
		bool ok = duration_parse(durations[i].text, &seconds, &err);

		print_message("%s\n", durations[i].text);
		assert_int_equal(ok, durations[i].seconds >= 0);
		assert_int_equal(seconds, durations[i].seconds);
		if (!ok) {
			assert_int_equal(err.kind, ERR_INPUT);
			assert_non_null(strstr(err.text, durations[i].text));
			assert_non_null(strstr(err.hint, "90s 15m 12h 7d"));
		}
	}
}

static const struct {
	long seconds;
	const char *exact, *rough;
} spoken[] = {
	{ 0, "0s", "0 s" },
	{ 1, "1s", "1 s" },
	{ 40, "40s", "40 s" },
	{ 60, "1m", "60 s" },
	{ 90, "90s", "90 s" },
	{ 119, "119s", "119 s" },
	{ 120, "2m", "2 min" },
	{ 3600, "1h", "60 min" },
	{ 7199, "7199s", "119 min" },
	{ 7200, "2h", "2 h" },
	{ 86400, "1d", "24 h" },
	{ 90000, "25h", "25 h" },
	{ 172799, "172799s", "47 h" },
	{ 172800, "2d", "2 days" },
	{ 604800, "7d", "7 days" },
	{ 31557600, "8766h", "365 days" },
	{ -90, "-90s", "-90 s" },
	{ -604800, "-7d", "-7 days" },
	{ 9223372036854775807, "9223372036854775807s", "106751991167300 days" },
};

static void durations_are_written_for_people(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoken); i++) {
		char out[DURATION_TEXT];

		print_message("%s\n", spoken[i].exact);
		assert_string_equal(duration_format(spoken[i].seconds, out),
				    spoken[i].exact);
		assert_string_equal(duration_rough(spoken[i].seconds, out),
				    spoken[i].rough);
	}
}

static const struct {
	time_t at;
	const char *text;
} instants[] = {
	{ 0, "1970-01-01T00:00:00Z" },
	{ 1795464900, "2026-11-23T20:15:00Z" },
	{ 951827696, "2000-02-29T12:34:56Z" },
	{ -1, "1969-12-31T23:59:59Z" },
	{ 4102444800, "2100-01-01T00:00:00Z" },
	{ 253402300799, "9999-12-31T23:59:59Z" },
};

static void instants_survive_the_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(instants); i++) {
		char out[INSTANT_TEXT];
		time_t at = 12345;

		print_message("%s\n", instants[i].text);
		assert_string_equal(instant_format(instants[i].at, out),
				    instants[i].text);
		assert_true(instant_parse(instants[i].text, &at));
		assert_int_equal(at, instants[i].at);
	}
}

static void an_instant_beyond_the_calendar_is_a_question_mark(void **state)
{
	char out[INSTANT_TEXT];

	(void)state;
	assert_string_equal(instant_format(253402300800, out), "?");
	assert_string_equal(instant_format((time_t)INT64_MAX, out), "?");
	assert_string_equal(instant_format((time_t)INT64_MIN, out), "?");
	assert_string_equal(instant_format(-62167219200, out), "?");
}

static const struct {
	const char *text;
	time_t at; /* 0: refused */
} written[] = {
	{ "2026-11-23T20:15:00.5Z", 1795464900 },
	{ "2026-11-23T20:15:00.123456789Z", 1795464900 },
	{ "2026-11-23T20:15:00+00:00", 1795464900 },
	{ "2026-11-23T20:15:00-00:00", 1795464900 },
	{ "2026-11-23T21:15:00+01:00", 1795464900 },
	{ "2026-11-23T14:45:00.0-05:30", 1795464900 },
	{ "2026-11-24T10:15:00+14:00", 1795464900 },
	{ "", 0 },
	{ "2026-11-23", 0 },
	{ "2026-11-23T20:15:00", 0 }, /* no zone */
	{ "2026-11-23T20:15Z", 0 },
	{ "2026-11-23 20:15:00Z", 0 },
	{ "2026-11-23T20:15:00 Z", 0 },
	{ "2026-11-23T20:15:00Zz", 0 },
	{ "2026-11-23T20:15:00.Z", 0 },
	{ "2026-11-23T20:15:00.5", 0 },
	{ " 2026-11-23T20:15:00Z", 0 },
	{ "2026-11-3T20:15:00Z", 0 },
	{ "2026-11- 3T20:15:00Z", 0 },
	{ "2026-11-23T8:15:00Z", 0 },
	{ "2026-02-30T20:15:00Z", 0 },
	{ "2025-02-29T20:15:00Z", 0 },
	{ "2026-13-01T20:15:00Z", 0 },
	{ "2026-00-01T20:15:00Z", 0 },
	{ "2026-11-23T24:15:00Z", 0 },
	{ "2026-11-23T20:60:00Z", 0 },
	{ "2026-11-23T20:15:61Z", 0 },
	{ "2026-11-23T20:15:00+1:00", 0 },
	{ "2026-11-23T20:15:00+0100", 0 },
	{ "2026-11-23T20:15:00+24:00", 0 },
	{ "2026-11-23T20:15:00+01:60", 0 },
	{ "2026-11-23T20:15:00+01:00x", 0 },
	{ "2026-11-23T20:15:00*01:00", 0 },
	{ "99999-01-01T00:00:00Z", 0 },
};

static void instants_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		time_t at = 0;

		print_message("%s\n", written[i].text);
		assert_int_equal(instant_parse(written[i].text, &at),
				 written[i].at != 0);
		assert_int_equal(at, written[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_a_number_and_a_unit),
		cmocka_unit_test(durations_are_written_for_people),
		cmocka_unit_test(instants_survive_the_round),
		cmocka_unit_test(
			an_instant_beyond_the_calendar_is_a_question_mark),
		cmocka_unit_test(instants_are_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
