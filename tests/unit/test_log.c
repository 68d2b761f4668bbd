#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char heard[256];
static bool takes = true;

static bool hear(int priority, const struct log_field *field, const char *line)
{
	snprintf(heard, sizeof(heard), "%d|%s|%s|%s", priority,
		 field ? field->name : "", field ? field->value : "", line);
	return takes;
}

static int set_up(void **state)
{
	(void)state;
	*heard = '\0';
	takes = true;
	log_init(LOG_LEVEL_INFO);
	log_to(hear);
	return 0;
}

static void a_sink_hears_line_priority_and_field(void **state)
{
	const struct log_field field = { "MTASTS_DOMAIN", "a.test" };

	(void)state;
	log_about(LOG_LEVEL_WARN, field, "%s: %d", "a.test", 7);
	assert_string_equal(heard, "4|MTASTS_DOMAIN|a.test|a.test: 7");
	log_error("mtastsd: no");
	assert_string_equal(heard, "3|||mtastsd: no");
}

static void what_is_below_the_level_is_heard_by_nobody(void **state)
{
	(void)state;
	log_debug("x");
	log_about(LOG_LEVEL_DEBUG, (struct log_field){ "A", "b" }, "x");
	assert_string_equal(heard, "");
}

/* Else a stranger's text would be lines, and fields, of the journal. */
static void it_is_made_printable_first(void **state)
{
	(void)state;
	log_info("a\nPRIORITY=0\x1b");
	assert_null(strchr(heard, '\n'));
	assert_null(strchr(heard, '\x1b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_sink_hears_line_priority_and_field,
				       set_up),
		cmocka_unit_test_setup(
			what_is_below_the_level_is_heard_by_nobody, set_up),
		cmocka_unit_test_setup(it_is_made_printable_first, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
