#include "base/wait_child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/steady.h"

static pid_t start(int status, unsigned seconds)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setpgid(0, 0);
		sleep(seconds);
		_exit(status);
	}
	setpgid(pid, pid);
	return pid;
}

static void one_that_ends_says_how(void **state)
{
	int status;

	(void)state;
	assert_true(wait_child(start(7, 0), steady_ms() + 20000, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void one_that_does_not_is_killed(void **state)
{
	static const int waits[] = { 200, 0, -1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		int status;

		assert_false(wait_child(start(0, 60), steady_ms() + waits[i],
					&status));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_ends_says_how),
		cmocka_unit_test(one_that_does_not_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
