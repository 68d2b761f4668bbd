#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void memory_comes_as_asked(void **state)
{
	unsigned char *p = xcalloc(16, 4);
	char *text;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(p[i], 0);
	p[63] = 7;
	p = xrealloc_array(p, 100, 4);
	assert_int_equal(p[63], 7);
	free(p);

	text = xmalloc(4);
	memcpy(text, "abc", 4);
	assert_string_equal(text, "abc");
	free(text);
}

static void nothing_is_memory_too(void **state)
{
	void *p[] = { xmalloc(0), xcalloc(0, 8), xcalloc(8, 0),
		      xrealloc_array(NULL, 0, 8), xmemdup("", 0) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		assert_non_null(p[i]);
		free(p[i]);
	}
}

static void copies_are_ones_own(void **state)
{
	char text[] = "example";
	char *copies[] = { xstrdup(text), xstrndup(text, 99),
			   xmemdup(text, sizeof(text)), xasprintf("%s", text) };
	char *cut = xstrndup(text, 4), *made = xasprintf("%s-%d", "a", 42);

	(void)state;
	text[0] = 'X';
	for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
		assert_string_equal(copies[i], "example");
		free(copies[i]);
	}
	assert_string_equal(cut, "exam");
	assert_string_equal(made, "a-42");
	assert_null(xstrdup(NULL));
	free(cut);
	free(made);
}

/* In a child: what must end in abort(). */
static void overflow_aborts(void **state)
{
	struct rlimit no_core = { 0, 0 };
	int fds[2], status;
	char said[64] = "";
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		xrealloc_array(NULL, SIZE_MAX / 2, 3);
		_exit(0);
	}
	close(fds[1]);
	assert_true(read(fds[0], said, sizeof(said) - 1) > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fds[0]);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(said, "out of memory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_as_asked),
		cmocka_unit_test(nothing_is_memory_too),
		cmocka_unit_test(copies_are_ones_own),
		cmocka_unit_test(overflow_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
