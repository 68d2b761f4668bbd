/*
 * The store that a test of one of its files works on: opened and closed round
 * each test of the table.
 */
#ifndef TESTS_SIM_FIXTURE_H
#define TESTS_SIM_FIXTURE_H

#include "tests/sim/rows.h"

struct fixture {
	char *dir;
	struct store *store;
	struct domain domain;	/* example.org, if there is one */
};
extern struct fixture fix;

/* For cmocka: empty, and no transaction is open. */
int fixture_open(void **state);
int fixture_close(void **state);

/* The same inside a transaction; and with a domain in it. */
int fixture_begin(void **state);
int fixture_begin_with_domain(void **state);

#define IN_A_STORE(test)                                                       \
	cmocka_unit_test_setup_teardown(test, fixture_begin, fixture_close)
#define WITH_A_DOMAIN(test)                                                    \
	cmocka_unit_test_setup_teardown(test, fixture_begin_with_domain,       \
					fixture_close)

#endif
