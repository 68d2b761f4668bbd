/* Of two ways to end, which one counts. */
#include "cli/exit_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"

/* From good to bad. */
static const enum exit_code codes[] = {
	EXIT_FINE,    EXIT_WARNINGS,	EXIT_TEMPFAIL, EXIT_ERRORS,
	EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE,
};

static void the_worse_counts_in_any_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		for (size_t k = 0; k <= i; k++) {
			assert_int_equal(exit_worse(codes[i], codes[k]),
					 codes[i]);
			assert_int_equal(exit_worse(codes[k], codes[i]),
					 codes[i]);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worse_counts_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
