#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char heard[256], before[256]; /* the last one, and that before it */
static bool takes = true;

static bool hear(int priority, const struct log_field *field, const char *line)
{
	memcpy(before, heard, sizeof(before));
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

/* As systemd connects standard error, and its journal reads nothing. */
static void who_reads_nothing_is_not_waited_for(void **state)
{
	int was = dup(STDERR_FILENO), fds[2];
	char text[4096];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	dup2(fds[0], STDERR_FILENO);
	takes = false;
	alarm(20);
	for (int i = 0; i < 20000; i++)
		log_info("line %d", i);
	alarm(0);
	dup2(was, STDERR_FILENO);
	assert_string_equal(heard, "6|||line 19999");
	assert_true(read(fds[1], text, sizeof(text)) > 0);
	assert_memory_equal(text, "line 0\nline 1\n", 14);

	takes = true;
	log_info("again");
	assert_string_equal(heard, "6|||again");
	assert_non_null(strstr(before, "4|||log: "));
	assert_non_null(strstr(before, " lines are lost"));
	log_info("and on");
	assert_string_equal(before, "6|||again");
	close(fds[0]);
	close(fds[1]);
	close(was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_sink_hears_line_priority_and_field,
				       set_up),
		cmocka_unit_test_setup(
			what_is_below_the_level_is_heard_by_nobody, set_up),
		cmocka_unit_test_setup(it_is_made_printable_first, set_up),
		cmocka_unit_test_setup(who_reads_nothing_is_not_waited_for,
				       set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
