/* The name of this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/host_name.h"
#include "base/mem.h"

static const struct {
	const char *name;
	bool is_full;
} names[] = {
	{ "box.example.org", true },
	{ "box.lan", true },
	{ "box", false },
	{ "", false },
	{ ".org", false },
	{ "box.", false },
	{ "192.0.2.1", false },
	{ "localhost.localdomain", false },
	{ "box.example.org/x", false },
	{ "box.exam ple", false },
};

static void a_full_one_is_told_from_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		print_message("%s\n", names[i].name);
		assert_int_equal(host_name_is_full(names[i].name),
				 names[i].is_full);
	}
}

/* Whether this machine has one or not. */
static void what_is_known_is_full(void **state)
{
	char name[HOST_NAME_SIZE];

	(void)state;
	assert_false(host_name_known(name));
	assert_string_equal(name, "");
	host_name_ask();
	host_name_ask();
	for (int i = 0; i < 100 && !host_name_known(name); i++)
		usleep(1000);
	assert_int_equal(host_name_known(name), host_name_is_full(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_one_is_told_from_others),
		cmocka_unit_test(what_is_known_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
