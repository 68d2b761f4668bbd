/*
 * Which CA a domain goes to, and whom those hide that must wait, in the whole
 * engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

static void set_limit(struct sim_world *w, size_t ca, long burst, long period)
{
	w->settings.ca[ca].limits.of[LIMIT_NEW_ORDERS] = (struct limit){
		burst, period
	};
}

/* So many names, d0.test and so on, with certificates of the one CA. */
static void start_live(struct sim_world *w, unsigned names)
{
	char name[32];

	set_limit(w, 0, 0, 1);
	sim_start(w);
	for (unsigned i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "d%u.test", i);
		sim_add(w, name);
	}
	must(sim_run(w, sim_all_live, 600), NULL);
}

/* The second one is the one that was there: its rows go by the name. */
static void put_in_front(struct sim_world *w, const char *name)
{
	w->settings.ca[1] = w->settings.ca[0];
	str_copy(w->settings.ca[0].name, sizeof(w->settings.ca[0].name), name);
	w->settings.ca_count = 2;
}

static void sleep_for(struct sim_world *w, long seconds)
{
	w->sleeps = true;
	sim_run(w, NULL, seconds);
	w->sleeps = false;
}

/* ---- more than one CA ---- */

/* It may renew one name in its life: the other CA goes on with the rest. */
static void a_renewal_passes_over_a_ca_without_orders_left(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	start_live(&w, 3);
	sim_stop(&w);
	put_in_front(&w, "in-front");
	set_limit(&w, 0, 1, 400 * WHEN_DAY);
	sim_start(&w);
	sleep_for(&w, 64 * WHEN_DAY);
	assert_int_equal(sim_rows(&w,
				  "SELECT COUNT(*) FROM domain d JOIN cert c ON"
				  " c.id = d.cert_id JOIN ca ON ca.id = c.ca_id"
				  " WHERE ca.name = 'in-front'"),
			 1);
	assert_int_equal(
		sim_rows(&w, "SELECT COUNT(*) FROM cert WHERE state = 0 AND"
			     " created_at > (SELECT MIN(created_at) + 86400"
			     " FROM cert)"),
		3);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain WHERE"
				      " ready_at > 0 OR problem != ''"),
			 0);
	sim_release(&w);
}

/* The order of the CAs is a wish: who has nothing to lose waits for it. */
static void a_first_certificate_waits_for_the_first_ca(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	sim_init(&w);
	put_in_front(&w, "in-front");
	set_limit(&w, 0, 1, WHEN_HOUR);
	sim_start(&w);
	sim_add(&w, "a.test");
	must(sim_run(&w, sim_all_live, 60), NULL);
	sim_add(&w, "b.test");
	sim_run(&w, NULL, 10 * WHEN_MINUTE);
	d = sim_domain(&w, "b.test");
	assert_int_equal(d.state, DOMAIN_ISSUING);
	assert_non_null(strstr(d.problem, "new orders of our account"));
	assert_non_null(strstr(d.hint, "goes on at"));
	assert_int_equal(d.failures, 0);
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	assert_string_equal(sim_domain(&w, "b.test").problem, "");
	assert_int_equal(sim_rows(&w,
				  "SELECT COUNT(DISTINCT c.ca_id) FROM domain d"
				  " JOIN cert c ON c.id = d.cert_id"),
			 1);
	sim_release(&w);
}

/*
 * One has refused the name for a while, and of the other its limit is used up
 * for days: it is the one that can be asked first which counts.
 */
static void two_that_refuse_are_asked_when_the_first_may_be(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	sim_init(&w);
	start_live(&w, 1);
	sim_stop(&w);
	put_in_front(&w, "in-front");
	w.settings.ca[1].limits.of[LIMIT_DUPLICATES] = (struct limit){
		1, 7 * WHEN_DAY
	};
	sim_start(&w);
	sim_run(&w, NULL, 1);
	scratch_sql(w.dir, "state.db",
		    "DELETE FROM bucket;"
		    "INSERT INTO bucket SELECT id, 2, 'mta-sts.d0.test', 0,"
		    " (SELECT max(created_at) * 1000 FROM cert) FROM ca"
		    "  WHERE name = 'test';"
		    "INSERT INTO refusal SELECT 1, id,"
		    " (SELECT max(created_at) + 1200 FROM cert) FROM ca"
		    "  WHERE name = 'in-front';"
		    "UPDATE domain SET due_at = 1");
	engine_poke(w.engine);
	sim_run(&w, NULL, 60);
	d = sim_domain(&w, "d0.test");
	assert_non_null(strstr(d.problem, "limit of certificates"));
	assert_in_range(d.due_at, sim_now(&w) + 1, sim_now(&w) + 1201);
	sim_release(&w);
}

/* ---- those that must wait ---- */

#define IMPORTED 70

/* As `cert import` leaves them: of no CA. They end before, and are due first. */
static void import_all_but_one(struct sim_world *w)
{
	scratch_sql(
		w->dir, "state.db",
		"UPDATE cert SET ca_id = NULL, account_id = NULL,"
		" order_id = NULL, not_after = not_after - 60"
		" WHERE domain_id IN (SELECT id FROM domain"
		"  WHERE name != 'd0.test'); DELETE FROM ord;"
		"UPDATE domain SET due_at = (SELECT MAX(due_at) FROM domain)"
		" WHERE name = 'd0.test'");
}

/* No CA has an order left for what was imported: it must not hide d0.test. */
static void those_that_must_wait_hide_nobody(void **state)
{
	struct sim_world w;
	time_t until;

	(void)state;
	sim_init(&w);
	w.shared->ca.life = 160 * WHEN_HOUR;
	start_live(&w, 1 + IMPORTED);
	until = sim_served_until(&w, "d0.test");
	sim_stop(&w);
	import_all_but_one(&w);
	set_limit(&w, 0, 1, 30 * WHEN_DAY);
	sim_start(&w);
	sim_run(&w, NULL, until - sim_now(&w) - 40 * WHEN_HOUR);
	assert_true(sim_served_until(&w, "d0.test") > until);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM cert"),
			 1 + IMPORTED + 2);
	assert_int_equal(sim_rows(&w,
				  "SELECT COUNT(*) FROM domain WHERE problem"
				  " LIKE '%new orders of our account%'"),
			 IMPORTED - 1);

	/* Nobody has been in the queue for so long that it looks stuck. */
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain WHERE"
				      " ready_at > 0 AND ready_at < due_at"),
			 0);
	assert_in_range(sim_rows(&w, "SELECT MAX(due_at) FROM domain WHERE"
				     " problem != ''") -
				sim_now(&w),
			0, 3 * WHEN_MINUTE);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_renewal_passes_over_a_ca_without_orders_left),
		cmocka_unit_test(a_first_certificate_waits_for_the_first_ca),
		cmocka_unit_test(
			two_that_refuse_are_asked_when_the_first_may_be),
		cmocka_unit_test(those_that_must_wait_hide_nobody),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
