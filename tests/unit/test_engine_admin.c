/*
 * The whole engine, and what an administrator may bring it into, at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"
#include "tests/sim/scratch.h"

/* ---- no account ---- */

static void assert_problem(struct sim_world *w, const char *words)
{
	struct engine_ca_status status;

	engine_ca_status(w->engine, 0, &status);
	print_message("%s (%s)\n", status.problem, status.hint);
	assert_non_null(strstr(status.problem, words));
	assert_true(*status.hint);
}

static void a_missing_binding_is_said_and_mended(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.wants_eab = true;
	run_for(&w, 30 * WHEN_MINUTE);
	assert_problem(&w, "external account binding");
	assert_int_equal(w.shared->ca.registrations, 0);
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	strcpy(w.settings.ca[0].eab_kid, "kid-1");
	memset(w.settings.ca[0].eab_key, 7, 32);
	w.settings.ca[0].eab_key_len = 32;
	configure(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	assert_one_certificate(&w);
	sim_release(&w);
}

static void without_contact_nothing_is_ordered(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.settings.contact[0] = '\0';
	sim_start(&w);
	sim_add(&w, NAME);
	run_for(&w, WHEN_HOUR);
	assert_problem(&w, "contact is not set");
	assert_int_equal(w.shared->exchanges, 0);
	strcpy(w.settings.contact, "ops@example.net");
	configure(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	assert_one_certificate(&w);
	sim_release(&w);
}

static void a_refused_account_is_tried_again_on_reload(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	strcpy(w.settings.ca[0].eab_kid, "kid-1");
	w.settings.ca[0].eab_key_len = 32;
	w.shared->ca.refuses_accounts = true;
	configure(&w);
	run_for(&w, 5 * WHEN_MINUTE);
	assert_problem(&w, "no account");
	w.shared->ca.refuses_accounts = false;
	configure(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_release(&w);
}

/* ---- a reload that cannot be written ---- */

static void other_limits(struct engine_settings *s)
{
	s->ca[0].limits.of[LIMIT_POSTS].burst++;
}

static void another_name(struct engine_settings *s)
{
	strcpy(s->ca[0].name, "renamed");
}

static void one_before_it(struct engine_settings *s)
{
	s->ca[1] = s->ca[0];
	strcpy(s->ca[0].name, "first");
	s->ca_count = 2;
}

static const struct {
	const char *what;
	void (*change)(struct engine_settings *s);
	const char *first; /* of the CAs, by then */
	bool is_held;	   /* by another process; else the disk is full */
} reloads[] = {
	{ "other limits", other_limits, "test", true },
	{ "another name", another_name, "renamed", true },
	{ "another name, and no room", another_name, "renamed", false },
	{ "another CA before it", one_before_it, "first", true },
	{ "another CA, and no room", one_before_it, "first", false },
};

static sqlite3 *held_lock(struct sim_world *w)
{
	char *path = scratch_path(w->dir, "state.db");
	sqlite3 *other;

	must(sqlite3_open(path, &other) == SQLITE_OK &&
		     sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) ==
			     SQLITE_OK,
	     NULL);
	free(path);
	return other;
}

static void assert_first(struct sim_world *w, const char *name, size_t count)
{
	struct engine_ca_status status;

	engine_ca_status(w->engine, 0, &status);
	assert_string_equal(status.name, name);
	assert_int_equal(engine_ca_count(w->engine), count);
	assert_true(engine_ca_id(w->engine, name) > 0);
}

static void fail_to_reload(struct sim_world *w, bool is_held)
{
	sqlite3 *lock = is_held ? held_lock(w) : NULL;
	struct err err = ERR_INIT;

	scratch_disk_full(!is_held);
	assert_false(engine_configure(w->engine, &w->settings, &err));
	scratch_disk_full(false);
	sqlite3_close(lock);
	assert_first(w, "test", 1);
}

/* The old configuration stays, and works; the new one can come later. */
static void a_reload_that_cannot_write_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reloads); i++) {
		struct sim_world w;

		print_message("%s\n", reloads[i].what);
		start_with(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		reloads[i].change(&w.settings);
		fail_to_reload(&w, reloads[i].is_held);
		renew_now(&w);
		assert_true(sim_run(&w, is_renewed, 10));
		configure(&w);
		assert_first(&w, reloads[i].first, w.settings.ca_count);
		sim_add(&w, "example.com");
		assert_true(sim_run(&w, sim_all_live, 60));
		sim_release(&w);
	}
}

/* ---- in the middle of an order ---- */

/* At every step of its order: what comes later finds nothing, and no harm. */
static void a_domain_may_go_at_any_moment(void **state)
{
	(void)state;
	for (unsigned at = 1; at < 40; at++) {
		struct sim_world w;

		start_and_step(&w, NAME, at);
		delete_now(&w);
		run_for(&w, 20);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"), 0);
		sim_add(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 20));
		assert_string_equal(w.shared->ca.complaint, "");
		sim_release(&w);
	}
}

/* From staging to production, say, at every step of an order. */
static void another_ca_may_be_configured_at_any_moment(void **state)
{
	(void)state;
	for (unsigned at = 1; at < 40; at++) {
		struct sim_world w;

		start_and_step(&w, NAME, at);
		strcpy(w.settings.ca[0].name, "production");
		configure(&w);
		w.ticks = 0;
		assert_true(sim_run(&w, sim_all_live, 30));
		run_for(&w, WHEN_HOUR);
		assert_true(w.ticks < 200);
		assert_int_equal(w.shared->ca.certs, 1);
		sim_release(&w);
	}
}

/*
 * The daemon is restarted with another CA; that of the order stays as second
 * choice, or goes.
 */
static void an_order_of_another_ca_comes_to_its_end(void **state)
{
	(void)state;
	for (unsigned at = 1; at < 40; at++) {
		struct sim_world w;

		start_and_step(&w, NAME, at);
		sim_stop(&w);
		w.settings.ca[1] = w.settings.ca[0];
		strcpy(w.settings.ca[0].name, "production");
		w.settings.ca_count = 1 + at % 2;
		sim_start(&w);
		assert_true(sim_run(&w, sim_all_live, 60) || sim_all_live(&w));
		w.ticks = 0;
		run_for(&w, WHEN_HOUR);
		assert_true(w.ticks < 200);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
					      " WHERE ended_at = 0"),
				 0);
		sim_release(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_binding_is_said_and_mended),
		cmocka_unit_test(without_contact_nothing_is_ordered),
		cmocka_unit_test(a_refused_account_is_tried_again_on_reload),
		cmocka_unit_test(a_reload_that_cannot_write_changes_nothing),
		cmocka_unit_test(a_domain_may_go_at_any_moment),
		cmocka_unit_test(another_ca_may_be_configured_at_any_moment),
		cmocka_unit_test(an_order_of_another_ca_comes_to_its_end),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
