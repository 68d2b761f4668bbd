/*
 * Renewal information in the whole engine: whom it is asked for, how often,
 * and that a CA which wants to be left alone with it is left alone with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAMES 10
#define SOON  "soon.example"

static struct sim_world w;
static struct sim_more *ca;
static unsigned polls;	 /* as they were last seen ... */
static time_t polled_at; /* ... when the last of them came */

static void note_polls(struct sim_world *world)
{
	if (ca->ari_polls != polls)
		polled_at = sim_now(world);
	polls = ca->ari_polls;
}

static long rows(const char *sql)
{
	return scratch_number(w.dir, "state.db", sql);
}

static int set_up(void **state)
{
	(void)state;
	sim_init(&w);
	ca = &w.shared->ca.more;
	ca->has_ari = true;
	ca->ari_start = SIM_START + 40 * WHEN_DAY;
	ca->ari_end = SIM_START + 41 * WHEN_DAY;
	snprintf(ca->ari_retry_after, sizeof(ca->ari_retry_after), "600");
	w.watch = note_polls;
	polls = 0;
	sim_start(&w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
	return 0;
}

static bool is_each_asked_about(struct sim_world *world)
{
	return sim_all_live(world) && ca->ari_polls >= NAMES;
}

static void go_live(void)
{
	char name[32];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	assert_true(sim_run(&w, is_each_asked_about, WHEN_MINUTE));
	assert_int_equal(ca->ari_polls, NAMES);
}

static void answer_with(long status, const char *retry_after)
{
	ca->ari_status = status;
	snprintf(ca->ari_retry_after, sizeof(ca->ari_retry_after), "%s",
		 retry_after);
}

static bool is_asked(struct sim_world *world)
{
	return polled_at == sim_now(world);
}

/* How many seconds after the last time it is asked again; -1: not at all. */
static long asked_after(long limit)
{
	time_t last = polled_at;

	polled_at = 0;
	return sim_run(&w, is_asked, limit) ? polled_at - last : -1;
}

/* ---- a CA in haste ---- */

/* It pauses, for it failed; that its certificate is recalled stays known. */
static void haste_is_not_lost_on_who_pauses(void **state)
{
	(void)state;
	go_live();
	scratch_sql(w.dir, "state.db",
		    "UPDATE domain SET failures = 2, due_at = 2000000000"
		    " WHERE name = 'd00.example'");
	ca->ari_start = SIM_START - 2 * WHEN_HOUR;
	ca->ari_end = SIM_START - WHEN_HOUR;
	sim_run(&w, NULL, 2 * WHEN_DAY);
	assert_int_equal(sim_rows(&w, "SELECT revoked FROM domain"
				      " WHERE name = 'd00.example'"), 1);
	assert_int_equal(sim_rows(&w, "SELECT due_at FROM domain"
				      " WHERE name = 'd00.example'"),
			 2000000000);
}

/* Certificates of each name, and who is to be renewed before all others. */
static long issued(void)
{
	return (w.shared->ca.certs + NAMES - 1) / NAMES;
}

static long hurried(void)
{
	return rows("SELECT COUNT(*) FROM domain WHERE revoked");
}

/* The box is started anew in between: what was honoured stays known. */
static void wait_through(long seconds)
{
	sim_run(&w, NULL, seconds / 2);
	sim_stop(&w);
	sim_start(&w);
	sim_run(&w, NULL, seconds - seconds / 2);
}

static void go_live_without_limits(void)
{
	set_up(NULL);
	sim_stop(&w);
	w.settings.ca[0].limits.of[LIMIT_DUPLICATES].burst = 0;
	sim_start(&w);
	go_live();
	sim_run(&w, NULL, 3 * WHEN_DAY); /* they are not new any more */
}

/*
 * The CA is in haste, and goes on so for whatever it issues: of an incident
 * there is one renewal; of many that are told apart, two until it is no longer
 * new.
 */
static const struct {
	const char *url;
	bool turns;
	long most;
	long later; /* in ten days more */
} incidents[] = {
	{ NULL, false, 2, 0 },
	{ "https://ca.test/7", false, 2, 0 },
	{ "https://ca.test/", true, 3, 6 },
};

static void an_incident_is_honoured_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(incidents); i++) {
		print_message("%s\n", incidents[i].url ? incidents[i].url : "");
		go_live_without_limits();
		ca->ari_url = incidents[i].url;
		ca->ari_url_turns = incidents[i].turns;
		ca->ari_is_haste = true;
		wait_through(WHEN_DAY);
		assert_int_equal(issued(), incidents[i].most);
		assert_int_equal(hurried(), 0);
		wait_through(10 * WHEN_DAY);
		assert_in_range(issued(), incidents[i].most,
				incidents[i].most + incidents[i].later);
		assert_int_equal(hurried(), 0);
		tear_down(NULL);
	}
}

/* It was over for the certificate: what comes then is another. */
static void a_later_incident_is_honoured_too(void **state)
{
	(void)state;
	go_live_without_limits();
	ca->ari_url = "https://ca.test/incidents";
	ca->ari_is_haste = true;
	wait_through(WHEN_HOUR);
	assert_int_equal(issued(), 2);
	ca->ari_is_haste = false;
	wait_through(WHEN_HOUR);
	ca->ari_is_haste = true;
	wait_through(WHEN_HOUR);
	assert_int_equal(issued(), 3);
	tear_down(NULL);
}

/* ---- what an order says it replaces ---- */

static bool is_renewed(struct sim_world *world)
{
	return world->shared->ca.certs > NAMES;
}

/* A failure of the name's is none of the word's: it frees of the limits. */
static void a_name_that_has_failed_says_it_too(void **state)
{
	(void)state;
	go_live();
	assert_int_equal(rows("SELECT COUNT(*) FROM ord WHERE replaces <> ''"),
			 0);
	scratch_sql(w.dir, "state.db",
		    "UPDATE domain SET failures = 2, due_at = 1800000000"
		    " WHERE name = 'd00.example'");
	engine_poke(w.engine);
	assert_true(sim_run(&w, is_renewed, WHEN_HOUR));
	assert_int_equal(rows("SELECT COUNT(*) FROM ord WHERE replaces <> ''"),
			 1);
}

/* ---- all is well ---- */

static void each_is_asked_about_once_and_then_as_the_ca_says(void **state)
{
	(void)state;
	go_live();
	assert_in_range(asked_after(WHEN_DAY), 595, 600);
	sim_run(&w, NULL, 30);
	assert_int_equal(ca->ari_polls, 2 * NAMES);
	assert_int_equal(rows("SELECT COUNT(*) FROM domain WHERE due_at"
			      " BETWEEN 1803456000 AND 1803542400"),
			 NAMES);
}

/* ---- a CA that has enough of it ---- */

static const struct {
	long status;
	const char *retry_after;
	long hold;
} holds[] = {
	{ 503, "1000", 1000 },
	{ 429, "1000", 1000 },
	{ 503, "86400", WHEN_DAY },
	{ 503, "99999999", WHEN_DAY }, /* nobody is left alone for ever */
};

/* Those that are not asked about yet are spread over the minute after it. */
static void it_is_left_alone_for_as_long_as_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(holds); i++) {
		unsigned before;
		long after;

		print_message("%ld, Retry-After: %s\n", holds[i].status,
			      holds[i].retry_after);
		set_up(NULL);
		go_live();
		sim_run(&w, NULL, 500);
		answer_with(holds[i].status, holds[i].retry_after);
		asked_after(WHEN_HOUR);
		sim_run(&w, NULL, 1); /* those that were under way */
		before = ca->ari_polls;
		answer_with(0, "600");
		after = asked_after(2 * WHEN_DAY);
		print_message("asked again after %ld s\n", after);
		assert_in_range(after, holds[i].hold,
				holds[i].hold + WHEN_MINUTE);
		sim_run(&w, NULL, 2 * WHEN_MINUTE);
		assert_in_range(ca->ari_polls - before, NAMES, NAMES + 1);
		tear_down(NULL);
	}
}

static bool is_live(struct sim_world *world)
{
	return sim_domain(world, SOON).state == DOMAIN_LIVE;
}

/* Advice that is not to be had keeps nobody from a certificate. */
static void orders_are_not_held(void **state)
{
	unsigned before;

	(void)state;
	go_live();
	answer_with(503, "86400");
	sim_run(&w, NULL, WHEN_HOUR);
	before = ca->ari_polls;
	sim_add(&w, SOON);
	assert_true(sim_run(&w, is_live, WHEN_MINUTE));
	sim_run(&w, NULL, WHEN_HOUR);
	assert_int_equal(ca->ari_polls, before);
	assert_int_equal(rows("SELECT COUNT(*) FROM trail"
			      " WHERE kind = 'ca.trouble'"),
			 0);
	assert_int_equal(rows("SELECT COUNT(*) FROM ca WHERE retry_ms > 0"), 0);
}

/* It asks for no peace, but has none to give: one question at a time. */
static void a_ca_that_fails_is_asked_less_and_less(void **state)
{
	static const struct {
		long status;
		const char *retry_after;
	} troubles[] = { { 503, "" }, { 503, "soon" }, { 500, "" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
		unsigned before;

		print_message("%ld %s\n", troubles[i].status,
			      troubles[i].retry_after);
		set_up(NULL);
		go_live();
		sim_run(&w, NULL, 500);
		answer_with(troubles[i].status, troubles[i].retry_after);
		asked_after(WHEN_HOUR);
		before = ca->ari_polls;
		sim_run(&w, NULL, 3 * WHEN_HOUR);
		assert_in_range(ca->ari_polls - before, 4, 2 * NAMES);
		answer_with(0, "86400");
		before = ca->ari_polls;
		sim_run(&w, NULL, 8 * WHEN_HOUR);
		assert_in_range(ca->ari_polls - before, NAMES, NAMES + 2);
		tear_down(NULL);
	}
}

/* Its breaker is open for some seconds, just when they are due. */
static const struct {
	long down_for;	  /* until then */
	long pause;	  /* from then on */
	long least, most; /* seconds until they are asked again */
} pauses[] = {
	{ 0, 1, 1, 63 },
	{ 60, 30, 30, 93 },
	{ 20 * WHEN_MINUTE, 30, WHEN_HOUR, 2 * WHEN_HOUR },
	{ 0, 300, WHEN_HOUR, 2 * WHEN_HOUR },
};

static void a_moment_is_no_outage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		char sql[200];
		time_t now;

		print_message("%zu\n", i);
		set_up(NULL);
		go_live();
		sim_run(&w, NULL, 10); /* nothing is under way */
		now = sim_now(&w);
		snprintf(sql, sizeof(sql),
			 "UPDATE cert SET ari_poll_at = %lld;"
			 "UPDATE ca SET failures = 1, down_since = %lld,"
			 " retry_ms = %lld",
			 (long long)now, (long long)(now - pauses[i].down_for),
			 (long long)(now + pauses[i].pause) * 1000);
		scratch_sql(w.dir, "state.db", sql);
		engine_poke(w.engine);
		polled_at = 0;
		assert_true(sim_run(&w, is_asked, WHEN_DAY));
		assert_in_range(polled_at - now, pauses[i].least,
				pauses[i].most);
		tear_down(NULL);
	}
}

/* One certificate that it does not know is that one's trouble. */
static void an_unknown_certificate_holds_nobody(void **state)
{
	(void)state;
	answer_with(404, "1000");
	go_live();
	assert_in_range(asked_after(WHEN_DAY), 6 * WHEN_HOUR,
			6 * WHEN_HOUR * 6 / 5);
}

#define SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SET_UP(each_is_asked_about_once_and_then_as_the_ca_says),
		cmocka_unit_test(it_is_left_alone_for_as_long_as_it_says),
		SET_UP(orders_are_not_held),
		cmocka_unit_test(a_ca_that_fails_is_asked_less_and_less),
		cmocka_unit_test(a_moment_is_no_outage),
		SET_UP(an_unknown_certificate_holds_nobody),
		SET_UP(haste_is_not_lost_on_who_pauses),
		SET_UP(a_name_that_has_failed_says_it_too),
		cmocka_unit_test(an_incident_is_honoured_once),
		cmocka_unit_test(a_later_incident_is_honoured_too),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
