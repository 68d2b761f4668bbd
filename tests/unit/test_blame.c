/*
 * One row, whatever is wrong with it, must not stop the others: in the whole
 * engine, on a real store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/engine_parts.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/order.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define ODD   "odd.example.org"
#define OTHER "example.com"

static bool is_live(struct sim_world *w, const char *name)
{
	return sim_domain(w, name).state == DOMAIN_LIVE;
}

static void start(struct sim_world *w)
{
	sim_init(w);
	w->settings.ca[0].limits = limits_staging();
	sim_start(w);
	sim_add(w, ODD);
}

static void start_live(struct sim_world *w)
{
	start(w);
	must(sim_run(w, sim_all_live, 10), NULL);
}

/* What was done to the row, from beside, as by a bad disk or a bad hand. */
static void spoil(struct sim_world *w, const char *sql)
{
	scratch_sql(w->dir, "state.db", sql);
}

/* Another domain comes, and is certified in time; nor is anything spun on. */
static void assert_others_go_on(struct sim_world *w)
{
	sim_add(w, OTHER);
	sim_run(w, NULL, WHEN_MINUTE);
	assert_true(is_live(w, OTHER));
	w->ticks = 0;
	sim_run(w, NULL, 20 * WHEN_MINUTE);
	assert_true(w->ticks < 200);
	assert_string_equal(w->shared->ca.complaint, "");
}

static void change(struct sim_world *w, struct domain *d)
{
	struct err err = ERR_INIT;

	must(store_begin(w->store, &err), &err);
	must(domain_update(w->store, d, &err), &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
}

static void renew_now(struct sim_world *w)
{
	struct domain d = sim_domain(w, ODD);

	d.due_at = sim_now(w);
	d.renew_forced = true;
	change(w, &d);
}

static void try_now(struct sim_world *w)
{
	struct domain d = sim_domain(w, ODD);

	d.try_ca = engine_ca_id(w->engine, "test");
	change(w, &d);
}

/* ---- the account's row, and its CA's ---- */

static const char *const account_damages[] = {
	"UPDATE account SET scalar = x'00'",
	"UPDATE account SET point = x''",
	"UPDATE account SET state = 77",
	"UPDATE account SET url = hex(zeroblob(900))",
	"UPDATE account SET next_scalar = x'03'",
};

/* It is kept, another one is made; what was under way begins anew. */
static void check_account(const char *sql, unsigned at, bool restarts)
{
	struct sim_world w;
	long damaged;

	start(&w);
	for (unsigned i = 0; i < at; i++)
		sim_step(&w);
	if (restarts)
		sim_stop(&w);
	spoil(&w, sql);
	damaged = sim_rows(&w, "SELECT COUNT(*) FROM account");
	if (restarts)
		sim_start(&w);
	assert_others_go_on(&w);
	assert_true(is_live(&w, ODD));
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM account"
				      " WHERE superseded_at > 0"),
			 damaged);
	assert_int_equal(sim_told(&w, "account.damaged"), damaged);
	assert_int_equal(sim_domain(&w, ODD).failures, 0);
	sim_release(&w);
}

static void a_damaged_account_is_replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(account_damages); i++) {
		print_message("%s\n", account_damages[i]);
		for (unsigned at = 1; at < 40; at += 3)
			check_account(account_damages[i], at, at % 2 == 0);
	}
}

/* A reload reads it as well, and is no worse for it. */
static void a_reload_meets_a_damaged_account(void **state)
{
	struct sim_world w;
	struct err err = ERR_INIT;

	(void)state;
	start_live(&w);
	spoil(&w, account_damages[0]);
	assert_true(engine_configure(w.engine, &w.settings, &err));
	assert_others_go_on(&w);
	sim_release(&w);
}

static const char *const ca_damages[] = {
	"UPDATE ca SET problem = hex(zeroblob(900))",
	"UPDATE ca SET hint = hex(zeroblob(900))",
	"UPDATE ca SET name = hex(zeroblob(900))",
};

/* It says how things stood with the CA, and that is found out again. */
static void a_damaged_ca_is_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ca_damages); i++)
		for (unsigned at = 1; at < 24; at += 4) {
			struct sim_world w;
			bool restarts = at % 8 == 1;

			print_message("%s\n", ca_damages[i]);
			start(&w);
			for (unsigned n = 0; n < at; n++)
				sim_step(&w);
			if (restarts)
				sim_stop(&w);
			spoil(&w, ca_damages[i]);
			if (restarts)
				sim_start(&w);
			assert_others_go_on(&w);
			assert_true(is_live(&w, ODD));
			sim_release(&w);
		}
}

/* ---- orders ---- */

static bool is_challenged(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM ord WHERE state = 3"
			   " AND ended_at = 0") == 1;
}

static const char *const order_damages[] = {
	"UPDATE ord SET csr = zeroblob(5000), wake_ms = 0 WHERE ended_at = 0",
	"UPDATE ord SET state = 77, wake_ms = 0 WHERE ended_at = 0",
	"UPDATE ord SET state = 77, wake_ms = 9e15 WHERE ended_at = 0",
};

/* Nobody comes to it, but for who would make another one. */
static void a_damaged_order_makes_room_for_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order_damages); i++) {
		struct sim_world w;

		print_message("%s\n", order_damages[i]);
		start_live(&w);
		w.shared->ca.validation_looks = 20;
		renew_now(&w);
		assert_true(sim_run(&w, is_challenged, 10));
		spoil(&w, order_damages[i]);
		w.shared->ca.validation_looks = 0;
		renew_now(&w);
		assert_others_go_on(&w);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM cert"
					      " WHERE domain_id = 1"),
				 2);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
					      " WHERE ended_at = 0"),
				 0);
		sim_release(&w);
	}
}

static void a_damaged_trial_makes_room_for_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order_damages); i++) {
		struct sim_world w;

		print_message("%s\n", order_damages[i]);
		start_live(&w);
		w.shared->ca.validation_looks = 20;
		try_now(&w);
		assert_true(sim_run(&w, is_challenged, 10));
		spoil(&w, order_damages[i]);
		w.shared->ca.validation_looks = 0;
		try_now(&w);
		assert_others_go_on(&w);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM cert"
					      " WHERE state = 3"),
				 1);
		sim_release(&w);
	}
}

/* ---- certificates ---- */

static const char *const cert_damages[] = {
	"UPDATE cert SET issuer = hex(zeroblob(900)), ari_poll_at = 1",
	"UPDATE cert SET issuer = hex(zeroblob(900)), revoke_due_at = 1",
	"UPDATE cert SET state = 0, revoke_due_at = 1, serial ="
	" hex(zeroblob(900)), ari_poll_at = 1",
};

static void a_damaged_certificate_is_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cert_damages); i++) {
		struct sim_world w;

		print_message("%s\n", cert_damages[i]);
		start_live(&w);
		spoil(&w, cert_damages[i]);
		assert_others_go_on(&w);
		sim_release(&w);
	}
}

/* ---- rows that decode, and cannot be worked with all the same ---- */

#define NEVER(when)                                                            \
	"CREATE TRIGGER never BEFORE " when                                    \
	" BEGIN SELECT RAISE(ABORT, 'no'); END"

/* The first needs no more than an order's end; the others fail for ever. */
static const struct {
	const char *what, *sql;
	bool is_challenged; /* when it happens */
	bool recovers;
} oddities[] = {
	{ "a certificate that seems to be from the order that goes on",
	  "UPDATE cert SET order_id = 2", false, true },
	{ "orders that cannot be changed",
	  NEVER("UPDATE OF csr, token ON ord WHEN new.domain_id = 1"), false,
	  false },
	{ "an order that cannot be changed",
	  NEVER("UPDATE OF csr, token ON ord WHEN new.domain_id = 1"), true,
	  false },
	{ "orders that cannot be made",
	  NEVER("INSERT ON ord WHEN new.domain_id = 1"), false, false },
	{ "certificates that cannot be stored",
	  NEVER("INSERT ON cert WHEN new.domain_id = 1"), true, false },
	{ "a domain that cannot be changed",
	  NEVER("UPDATE OF state ON domain WHEN new.id = 1"), false, false },
	{ "a domain that cannot be changed any more",
	  NEVER("UPDATE OF state ON domain WHEN new.id = 1"), true, false },
};

static void assert_recovers(struct sim_world *w)
{
	sim_run(w, NULL, 2 * WHEN_HOUR);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM cert"
				     " WHERE domain_id = 1"),
			 2);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM ord"
				     " WHERE ended_at = 0"),
			 0);
}

/* Each failure costs the others a second, and there are ever fewer. */
static void no_oddity_stops_the_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(oddities); i++) {
		struct sim_world w;

		print_message("%s\n", oddities[i].what);
		start_live(&w);
		w.shared->ca.validation_looks = 3;
		renew_now(&w);
		if (oddities[i].is_challenged)
			assert_true(sim_run(&w, is_challenged, 10));
		spoil(&w, oddities[i].sql);
		assert_others_go_on(&w);
		assert_in_range(sim_told(&w, "row.put-off"), 1, 20);
		if (oddities[i].recovers)
			assert_recovers(&w);
		sim_release(&w);
	}
}

/* The same of one that only waits for its DNS: its answer is thrown away. */
static void a_domain_that_cannot_arrive_stops_nobody(void **state)
{
	struct sim_world w;

	(void)state;
	start(&w);
	spoil(&w, NEVER("UPDATE OF state ON domain WHEN new.id = 1"));
	assert_others_go_on(&w);
	assert_in_range(sim_told(&w, "row.put-off"), 3, 20);
	spoil(&w, "DROP TRIGGER never");
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	sim_release(&w);
}

/* The wish is dropped; a canary is sent later, and for another name. */
static void a_trial_that_cannot_be_made_stops_nobody(void **state)
{
	struct err err = ERR_INIT;
	struct sim_world w;

	(void)state;
	start_live(&w);
	spoil(&w, NEVER("INSERT ON ord WHEN new.trial = 1"));
	try_now(&w);
	assert_others_go_on(&w);
	assert_int_equal(sim_domain(&w, ODD).try_ca, 0);
	assert_int_equal(sim_told(&w, "row.put-off"), 1);

	w.settings.ca[1] = w.settings.ca[0];
	strcpy(w.settings.ca[1].name, "second");
	w.settings.ca_count = 2;
	must(engine_configure(w.engine, &w.settings, &err), &err);
	w.ticks = 0;
	sim_run(&w, NULL, WHEN_HOUR);
	assert_true(w.ticks < 300);
	assert_in_range(sim_told(&w, "row.put-off"), 5, 20);
	assert_true(sim_rows(&w, "SELECT canary_failures FROM ca"
				 " WHERE name = 'second'") > 3);
	sim_release(&w);
}

/* Its row is the first that is live, and does not decode. */
static void a_canary_takes_the_next_name(void **state)
{
	struct err err = ERR_INIT;
	struct sim_world w;

	(void)state;
	start_live(&w);
	sim_add(&w, OTHER);
	must(sim_run(&w, sim_all_live, 10), NULL);
	spoil(&w, "UPDATE domain SET hint = hex(zeroblob(900)) WHERE id = 1");
	w.settings.ca[1] = w.settings.ca[0];
	strcpy(w.settings.ca[1].name, "second");
	w.settings.ca_count = 2;
	must(engine_configure(w.engine, &w.settings, &err), &err);
	sim_run(&w, NULL, 10 * WHEN_MINUTE);
	assert_int_equal(sim_told(&w, "trial.passed"), 1);
	sim_release(&w);
}

/* Sixteen at once: each is found out, one tick after the other. */
static void many_oddities_stop_nobody(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	start_live(&w);
	for (int i = 0; i < BLAMED_MAX; i++) {
		snprintf(name, sizeof(name), "odd%02d.example", i);
		sim_add(&w, name);
	}
	spoil(&w, NEVER("INSERT ON ord WHEN new.domain_id > 1"
			" AND new.domain_id < 18"));
	assert_others_go_on(&w);
	sim_release(&w);
}

/* A row of serve.db that is nobody's any more, under a name that comes. */
static void a_stray_site_stops_nobody(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	scratch_sql(w.dir, "serve.db",
		    "INSERT INTO site(domain_id, host,"
		    " cert_id, policy_id, body)"
		    " VALUES(999, 'mta-sts." OTHER "', 0, 0, '')");
	assert_others_go_on(&w);
	assert_true(sim_served_until(&w, OTHER) > 0);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_account_is_replaced),
		cmocka_unit_test(a_reload_meets_a_damaged_account),
		cmocka_unit_test(a_damaged_ca_is_no_harm),
		cmocka_unit_test(a_damaged_order_makes_room_for_another),
		cmocka_unit_test(a_damaged_trial_makes_room_for_another),
		cmocka_unit_test(a_damaged_certificate_is_left_alone),
		cmocka_unit_test(no_oddity_stops_the_others),
		cmocka_unit_test(a_domain_that_cannot_arrive_stops_nobody),
		cmocka_unit_test(a_trial_that_cannot_be_made_stops_nobody),
		cmocka_unit_test(a_canary_takes_the_next_name),
		cmocka_unit_test(many_oddities_stop_nobody),
		cmocka_unit_test(a_stray_site_stops_nobody),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
