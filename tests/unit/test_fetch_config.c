#include "cli/fetch_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#define BASE "host = imap.us.test\nuser = reports\npassword_file = /etc/p\n"

static bool read_text(struct fetch_config *c, const char *text, struct err *err)
{
	char path[] = "/tmp/mtasts-fetch-XXXXXX";
	int fd = mkstemp(path);
	bool ok;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ok = fetch_config_read(c, path, err);
	unlink(path);
	return ok;
}

static const struct {
	const char *text, *says, *hint;
} refused[] = {
	{ "", "host and user", "" },
	{ "host = imap.us.test\nuser = a\n", "password_file or token", "" },
	{ BASE "token_command = {\"/bin/x\"}\n", "not both", "" },
	{ BASE "require_dkim = true\n", "auth_results", "" },
	{ BASE "done_folder = INBOX\n", "another than folder", "" },
	{ BASE "folder = \"a\\nb\"\n", ":4: folder", "ASCII" },
	{ BASE "folder = \"B\xc3\xa4"
	       "r\"\n",
	  ":4: folder", "ASCII" },
	{ BASE "port = 0\n", ":4: port", "1 to 65535" },
	{ BASE "port = 70000\n", ":4: port", "1 to 65535" },
	{ BASE "colour = red\n", ":4: ", "" },
	{ "host = \"a b\"\n", ":1: host", "name or an address" },
	{ "host = \"imap.us.test/x\"\n", ":1: host", "" },
	{ "password_file = p\n", ":1: password_file", "absolute" },
	{ "token_command = {\"x\"}\n", ":1: token_command", "absolute" },
	{ "user = \"x\n", "", "" },
};

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct err err = ERR_INIT;
		struct fetch_config c;

		print_message("%s\n", refused[i].text);
		assert_false(read_text(&c, refused[i].text, &err));
		print_message("%s (%s)\n", err.text, err.hint);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, refused[i].says));
		assert_non_null(strstr(err.hint, refused[i].hint));
	}
}

static void what_is_left_out_has_a_default(void **state)
{
	struct fetch_config c;
	struct err err = ERR_INIT;

	(void)state;
	assert_true(read_text(&c, BASE, &err));
	assert_int_equal(c.port, 993);
	assert_string_equal(c.folder, "INBOX");
	assert_string_equal(c.done_folder, "");
	assert_true(read_text(&c, BASE "starttls = true\n", &err));
	assert_int_equal(c.port, 143);
	assert_true(read_text(&c,
			      "host = a.test\nuser = u\n"
			      "token_command = {\"/bin/t\", \"-x\"}\n"
			      "done_folder = Done\nrequire_dkim = true\n"
			      "auth_results = mx.us.test\nport = 1993\n",
			      &err));
	assert_string_equal(c.token_command[1], "-x");
	assert_string_equal(c.token_command[2], "");
	assert_string_equal(c.done_folder, "Done");
	assert_true(c.require_dkim);
	assert_int_equal(c.port, 1993);
}

static void a_file_that_is_not_there(void **state)
{
	struct fetch_config c;
	struct err err = ERR_INIT;

	(void)state;
	assert_false(fetch_config_read(&c, "/nowhere/x.conf", &err));
	assert_non_null(strstr(err.text, "/nowhere/x.conf: No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_is_left_out_has_a_default),
		cmocka_unit_test(a_file_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
