/*
 * The whole engine, and its CA answers some requests with errors: of one name,
 * or of one kind. Others go on, nobody is charged, and nothing is made twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"

#define NAMES 60

/* Others come, one each ten seconds. */
static void add_others(struct sim_world *w)
{
	for (int i = 0; i < NAMES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "z%d.test", i);
		sim_add(w, name);
		sim_run(w, NULL, 10);
	}
}

static void fails_but(struct sim_world *w, enum sim_fault fault,
		      bool (*spares)(const struct fetch_request *request))
{
	w->spares = spares;
	w->fault = fault;
	w->fault_until = ULONG_MAX;
}

/* ---- of one name: the first order's ---- */

static bool is_not_first_authz(const struct fetch_request *request)
{
	return !str_ends(request->url, "/authz/0");
}

static bool is_not_first_order(const struct fetch_request *request)
{
	return !str_ends(request->url, "/order/0");
}

static void others_go_on(void **state)
{
	static const enum sim_fault faults[] = { SIM_ERROR_500, SIM_BUSY_503,
						 SIM_LOST_REQUEST,
						 SIM_GARBAGE_200 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct sim_world w;
		struct domain d;

		sim_init(&w);
		sim_start(&w);
		fails_but(&w, faults[i], is_not_first_authz);
		sim_add(&w, NAME);
		sim_run(&w, NULL, 10);
		add_others(&w);
		assert_int_equal(w.shared->ca.certs, NAMES);
		d = sim_domain(&w, NAME);
		assert_int_equal(d.failures, 0);
		assert_non_null(strstr(d.problem, "it works for other names"));
		assert_int_equal(down_for(&w), 0);
		w.fault_until = 0;
		assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
		assert_string_equal(sim_domain(&w, NAME).problem, "");
		assert_int_equal(w.shared->ca.certs, NAMES + 1);
		sim_release(&w);
	}
}

static bool has_csr(struct sim_world *w)
{
	return sim_ca_csrs_of(&w->shared->ca, HOST) > 0;
}

static void what_was_told_to_issue_is_not_ordered_again(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.issuance_looks = 2;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, has_csr, 60));
	fails_but(&w, SIM_ERROR_500, is_not_first_order);
	add_others(&w);
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 1);
	assert_int_equal(sim_ca_csrs_of(&w.shared->ca, HOST), 1);
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	w.fault_until = 0;
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 1);
	sim_release(&w);
}

/* ---- of one kind ---- */

static bool is_no_csr(const struct fetch_request *request)
{
	return !strstr(request->url, "/finalize/");
}

static void where_no_csr_is_taken_nobody_is_charged(void **state)
{
	static const enum sim_fault faults[] = { SIM_ERROR_500, SIM_BUSY_503,
						 SIM_LOST_REQUEST };
	static const char *const names[] = { NAME, "b.test", "c.test" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct sim_world w;

		sim_init(&w);
		sim_start(&w);
		fails_but(&w, faults[i], is_no_csr);
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			sim_add(&w, names[k]);
		sim_run(&w, NULL, 6 * WHEN_HOUR);
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			assert_int_equal(sim_domain(&w, names[k]).failures, 0);
			assert_true(sim_domain(&w, names[k]).due_at == 0);
		}
		assert_true(down_for(&w) > 5 * WHEN_HOUR);
		w.fault_until = 0;
		assert_true(sim_run(&w, sim_all_live, 5 * WHEN_MINUTE));
		assert_int_equal(w.shared->ca.certs, ARRAY_LEN(names));
		sim_release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_go_on),
		cmocka_unit_test(what_was_told_to_issue_is_not_ordered_again),
		cmocka_unit_test(where_no_csr_is_taken_nobody_is_charged),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
