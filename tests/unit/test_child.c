/* A command that is told something: real ones, run for real. */
#include "base/child.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/guarded.h"

static struct loop *loop;
static unsigned calls;
static struct err result;
#define MUCH 200000 /* more than a pipe holds */

static char said[MUCH + 1];

static void on_done(const struct err *r, const char *output, void *arg)
{
	(void)arg;
	calls++;
	result = *r;
	snprintf(said, sizeof(said), "%s", output);
	loop_stop(loop);
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	loop = loop_new(&err);
	calls = 0;
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static struct child *start_with(struct child_task task, const char *script)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct err err = ERR_INIT;
	struct child *c;

	task.argv = argv;
	c = child_start(loop, &task, on_done, NULL, &err);
	assert_non_null(c);
	assert_int_equal(calls, 0);
	return c;
}

static struct child *start(const char *script, const char *input, long ms)
{
	return start_with((struct child_task){ .input = input,
					       .timeout_ms = ms,
					       .end_hint = "look there" },
			  script);
}

static const struct {
	const char *script, *input;
	enum err_kind kind;
	const char *says;
} cases[] = {
	{ "exit 0", "", ERR_NONE, "" },
	{ "exit 3", "", ERR_AGAIN, "/bin/sh ended with status 3" },
	{ "kill -9 $$", "", ERR_AGAIN, "/bin/sh was ended by signal 9" },
	{ "test \"$(cat)\" = '{\"a\": \"b c\"}'", "{\"a\": \"b c\"}", ERR_NONE,
	  "" },
	{ "exec 0<&-; exit 0", "not read at all", ERR_NONE, "" },

	/* Nothing of ours is open in there, and what we ignore is not. */
	{ "test $(ls /proc/self/fd | wc -l) -le 4", "", ERR_NONE, "" },
	{ "kill -PIPE $$", "", ERR_AGAIN, "by signal 13" },

	/* Its time is up: what it started goes with it. */
	{ "sleep 60 & sleep 60", "", ERR_AGAIN, "did not end in time" },
};

static void what_a_command_says_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].script);
		calls = 0;
		start(cases[i].script, cases[i].input, 2000);
		guarded_run(loop);
		assert_int_equal(calls, 1);
		assert_int_equal(result.kind, cases[i].kind);
		assert_non_null(strstr(result.text, cases[i].says));
		assert_string_equal(said, "");
	}
}

static void the_beginning_of_its_output_is_kept(void **state)
{
	static const struct {
		const char *script, *says;
		size_t len;
	} output[] = {
		{ "echo one; echo two >&2", "one\ntwo\n", 8 },
		{ "echo bad; exit 2", "bad\n", 4 },
		{ "true", "", 0 },
		/* It waits for nobody to read it, and fills no memory. */
		{ "head -c 1000000 /dev/zero | tr '\\0' x", "xxx",
		  CHILD_OUTPUT_MAX },
		/* Nor does the end wait for one that holds on to it. */
		{ "echo here; sleep 3 &", "here\n", 5 },
		{ "test $(ls /proc/self/fd | wc -l) -le 4 && echo so", "so",
		  3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(output); i++) {
		print_message("%s\n", output[i].script);
		calls = 0;
		start_with((struct child_task){ .input = "",
						.timeout_ms = 2000,
						.keeps_output = true },
			   output[i].script);
		guarded_run(loop);
		assert_true(str_starts(said, output[i].says));
		assert_int_equal(strlen(said), output[i].len);
		assert_null(strstr(result.text, "in time"));
	}
}

static void as_much_is_kept_as_is_asked_for(void **state)
{
	(void)state;
	start_with((struct child_task){ .input = "",
					.timeout_ms = 2000,
					.keeps_output = true,
					.output_max = MUCH },
		   "head -c 300000 /dev/zero | tr '\\0' x");
	guarded_run(loop);
	assert_int_equal(result.kind, ERR_NONE);
	assert_int_equal(strlen(said), MUCH);
}

static void who_asks_says_what_helps(void **state)
{
	(void)state;
	start("exit 1", "", 2000);
	guarded_run(loop);
	assert_string_equal(result.hint, "look there");
}

static void a_long_input_blocks_nobody(void **state)
{
	size_t len = 1 << 20;
	char *input = xmalloc(len + 1);

	(void)state;
	memset(input, 'x', len);
	input[len] = '\0';
	start("sleep 0.2; test $(wc -c) = 1048576", input, 5000);
	guarded_run(loop);
	assert_int_equal(result.kind, ERR_NONE);
	free(input);
}

static void one_that_is_killed_says_nothing(void **state)
{
	struct child *c = start("sleep 60", "", 5000);

	(void)state;
	child_kill(c);
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	assert_int_equal(calls, 0);
	child_kill(NULL);
}

/* The process that a command wrote down is gone with the command. */
static void its_children_go_with_it(void **state)
{
	char path[] = "/tmp/test_child.XXXXXX", script[128], text[24] = "";
	int fd = mkstemp(path);
	long pid = 0;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	snprintf(script, sizeof(script), "sleep 60 & echo $! > %s; wait", path);
	start(script, "", 1000);
	guarded_run(loop);
	f = fdopen(fd, "r");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	unlink(path);
	assert_true(str_to_long(text, strcspn(text, "\n"), 1L << 22, &pid));
	for (int i = 0; i < 500 && kill((pid_t)pid, 0) == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	assert_true(kill((pid_t)pid, 0) < 0 && errno == ESRCH);
}

static void what_cannot_be_run_is_said_at_once(void **state)
{
	const char *const argv[] = { "/nonexistent/notify", NULL };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(child_start(loop,
				&(struct child_task){ .argv = argv,
						      .input = "",
						      .timeout_ms = 1000 },
				on_done, NULL, &err));
	assert_non_null(strstr(err.text, "/nonexistent/notify does not start: "
					 "No such file"));
	assert_int_equal(calls, 0);
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_A_LOOP(what_a_command_says_is_told),
		ON_A_LOOP(the_beginning_of_its_output_is_kept),
		ON_A_LOOP(as_much_is_kept_as_is_asked_for),
		ON_A_LOOP(who_asks_says_what_helps),
		ON_A_LOOP(a_long_input_blocks_nobody),
		ON_A_LOOP(one_that_is_killed_says_nothing),
		ON_A_LOOP(its_children_go_with_it),
		ON_A_LOOP(what_cannot_be_run_is_said_at_once),
	};

	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
