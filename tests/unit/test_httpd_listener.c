#include "httpd/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static void binds_and_tells_the_port(void **state)
{
	struct err err = ERR_INIT;
	int fd = listener_bind("127.0.0.1:0", &err);

	(void)state;
	assert_true(fd >= 0);
	assert_in_range(listener_port(fd), 1, 65535);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void both_families_share_a_port(void **state)
{
	struct err err = ERR_INIT;
	char address[32];
	int v6 = listener_bind("[::]:0", &err), v4;

	(void)state;
	if (v6 < 0)
		skip();		/* a machine without IPv6 */
	snprintf(address, sizeof(address), "0.0.0.0:%u", listener_port(v6));
	v4 = listener_bind(address, &err);
	assert_true(v4 >= 0);
	close(v4);
	close(v6);
}

/* 0: it is refused as it should be; 2: anybody may bind it here. */
static int bind_as_nobody(void)
{
	struct err err = ERR_INIT;

	if (setuid(65534) < 0)
		return 2;
	if (listener_bind("127.0.0.1:1", &err) >= 0)
		return 2;
	return err.kind == ERR_REFUSED &&
			       strstr(err.hint, "systemctl status "
						"mtastsd-https.socket") &&
			       !strstr(err.hint, "CAP_")
		       ? 0
		       : 1;
}

static void a_port_of_roots_is_refused_with_a_remedy(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(bind_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_port_in_use_is_refused_with_a_remedy(void **state)
{
	struct err err = ERR_INIT;
	char address[32];
	int fd = listener_bind("127.0.0.1:0", &err);

	(void)state;
	snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(fd));
	assert_int_equal(listener_bind(address, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, address));
	assert_true(err.hint[0]);
	close(fd);
}

static const char *const bad[] = {
	"",	       "443",	     ":443",	      "0.0.0.0",
	"0.0.0.0:",    "0.0.0.0:x",  "0.0.0.0:65536", "::1:443x",
	"::1:443",     "[::1]",	     "[]:443",	      "[::1:443",
	"localhost:1", "1.2.3.4.5:1", "[1.2.3.4:1",
	"00000000000000000000000000000000000000000000000000000000000000000:1",
};

static void what_is_no_address_is_bad_input(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		print_message("\"%s\"\n", bad[i]);
		assert_int_equal(listener_bind(bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void what_is_no_socket_has_no_port(void **state)
{
	(void)state;
	assert_int_equal(listener_port(-1), 0);
	assert_int_equal(listener_port(STDIN_FILENO), 0);
}

static void what_it_says_of_itself_can_be_bound_again(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "[::1]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		char *asked = xasprintf("%s:0", hosts[i]), *told;
		char found[LISTENER_ADDRESS_SIZE];
		struct err err = ERR_INIT;
		int fd = listener_bind(asked, &err);

		free(asked);
		if (fd < 0)
			continue; /* a machine without IPv6 */
		listener_address(fd, found);
		told = xasprintf("%s:%u", hosts[i], listener_port(fd));
		assert_string_equal(found, told);
		free(told);
		close(fd);
	}
}

static void one_that_was_passed_does_not_block(void **state)
{
	struct err err = ERR_INIT;
	int fd = listener_bind("127.0.0.1:0", &err);

	(void)state;
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_true(listener_adopt(fd, &err));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	assert_false(listener_adopt(fd, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binds_and_tells_the_port),
		cmocka_unit_test(both_families_share_a_port),
		cmocka_unit_test(a_port_in_use_is_refused_with_a_remedy),
		cmocka_unit_test(a_port_of_roots_is_refused_with_a_remedy),
		cmocka_unit_test(what_is_no_address_is_bad_input),
		cmocka_unit_test(what_is_no_socket_has_no_port),
		cmocka_unit_test(what_it_says_of_itself_can_be_bound_again),
		cmocka_unit_test(one_that_was_passed_does_not_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
