#include "daemon/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* systemd.exec(5): "to detect whether they are connected to the journal". */
static void the_word_must_mean_the_stream(void **state)
{
	char text[64];
	struct stat st;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fstat(fds[0], &st), 0);
	snprintf(text, sizeof(text), "%lu:%lu", (unsigned long)st.st_dev,
		 (unsigned long)st.st_ino);
	assert_true(journal_is_at(text, fds[0]));
	assert_false(journal_is_at(text, STDERR_FILENO));
	assert_false(journal_is_at(NULL, fds[0]));
	assert_false(journal_is_at("", fds[0]));
	assert_false(journal_is_at("8", fds[0]));
	snprintf(text, sizeof(text), "%lu:%lu", (unsigned long)st.st_dev,
		 (unsigned long)st.st_ino + 1);
	assert_false(journal_is_at(text, fds[0]));
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_word_must_mean_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
