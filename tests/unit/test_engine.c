/*
 * The whole engine on a real store, in the virtual world of tests/sim: what
 * it promises, and what no crash, lost answer or outage may break.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/order.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"
#include "tests/sim/small_disk.h"

#define HOST "mta-sts.example.org"
#define NAME "example.org"

/* What must hold at the end of every story: one decision, one certificate. */
static void assert_one_certificate(struct sim_world *w)
{
	const struct sim_ca *ca = &w->shared->ca;

	assert_string_equal(ca->complaint, "");
	assert_int_equal(ca->certs, 1);
	assert_int_equal(ca->refused_csrs, 0);
	assert_int_equal(ca->failed_looks, 0);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM cert"), 1);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM ord"), 1);
	assert_int_equal(
		sim_rows(w, "SELECT COUNT(*) FROM ord WHERE state = 8"), 1);
	assert_int_equal(sim_rows(w, "SELECT failures FROM domain"), 0);
}

static void start_with(struct sim_world *w, const char *name)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, name);
}

static void start_and_step(struct sim_world *w, const char *name,
			   unsigned steps)
{
	start_with(w, name);
	while (steps--)
		sim_step(w);
}

static void renew_now(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;

	d.due_at = sim_now(w);
	d.renew_forced = true;
	must(store_begin(w->store, &err), &err);
	must(domain_update(w->store, &d, &err), &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
}

static void delete_now(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;

	must(store_begin(w->store, &err), &err);
	must(domain_delete(w->store, &d, 2, &err), &err);
	must(store_commit(w->store, &err), &err);
	must(store_project(w->store, &err), &err);
	engine_poke(w->engine);
}

/* ---- the main job ---- */

static void a_domain_goes_live(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	d = sim_domain(&w, NAME);
	assert_int_equal(d.state, DOMAIN_LIVE);
	assert_int_equal(sim_served_until(&w, NAME),
			 SIM_START + w.shared->ca.life);
	assert_int_equal(w.shared->ca.registrations, 1);
	assert_one_certificate(&w);
	sim_release(&w);
}


/* ---- renewal ---- */

static bool is_renewed(struct sim_world *w)
{
	return w->shared->ca.certs == 2 && sim_domain(w, NAME).due_at > 0;
}

static void it_renews_at_its_moment(void **state)
{
	struct sim_world w;
	time_t due;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	due = sim_domain(&w, NAME).due_at;
	assert_in_range(due - SIM_START, 58 * WHEN_DAY, 62 * WHEN_DAY);
	w.sleeps = true;
	sim_run(&w, NULL, due - sim_now(&w) - WHEN_HOUR);
	w.sleeps = false;
	sim_run(&w, NULL, due - sim_now(&w) - 1);
	assert_int_equal(w.shared->ca.certs, 1);
	assert_true(sim_run(&w, is_renewed, 65));
	assert_true(sim_served_until(&w, NAME) > SIM_START + 140 * WHEN_DAY);
	assert_int_equal(
		sim_rows(&w, "SELECT COUNT(*) FROM cert WHERE state = 0"), 1);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* Looks where it matters: at the new ones, and when the old one ends. */
static void is_never_expired(struct sim_world *w)
{
	static unsigned certs;
	static time_t until;

	if (certs == w->shared->ca.certs && sim_now(w) < until)
		return;
	certs = w->shared->ca.certs;
	until = sim_served_until(w, NAME);
	assert_true(!until || until > sim_now(w));
}

/* For every life a CA may give: ten of them, one after the other. */
static void it_never_expires(void **state)
{
	static const struct {
		long life, backdate;
	} lives[] = {
		{ 60, 0 },
		{ 10 * WHEN_MINUTE, 0 },
		{ 2 * WHEN_HOUR, WHEN_HOUR },
		{ 160 * WHEN_HOUR, WHEN_HOUR },
		{ 45 * WHEN_DAY, WHEN_HOUR },
		{ 90 * WHEN_DAY, WHEN_HOUR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct sim_world w;

		print_message("certificates that live %ld s\n", lives[i].life);
		sim_init(&w);
		w.shared->ca.life = lives[i].life;
		w.shared->ca.backdate = lives[i].backdate;
		w.watch = is_never_expired;
		sim_start(&w);
		sim_add(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		w.sleeps = lives[i].life > WHEN_DAY;
		sim_run(&w, NULL, 10 * lives[i].life);
		assert_true(sim_served_until(&w, NAME) > sim_now(&w));
		assert_in_range(w.shared->ca.certs, 10, 100);
		assert_string_equal(w.shared->ca.complaint, "");
		sim_release(&w);
	}
}

/* ---- a CA in trouble ---- */

static const struct {
	const char *what;
	enum sim_fault fault;
} outages[] = {
	{ "silence", SIM_LOST_REQUEST },
	{ "500", SIM_ERROR_500 },
	{ "503", SIM_BUSY_503 },
	{ "somebody else's page", SIM_GARBAGE_200 },
};

/* Two days of it, from shortly before the renewal. */
static void run_into(struct sim_world *w, enum sim_fault fault)
{
	time_t due = sim_domain(w, NAME).due_at;

	w->sleeps = true;
	sim_run(w, NULL, due - sim_now(w) - 2 * WHEN_HOUR);
	w->sleeps = false;
	w->fault = fault;
	w->fault_until = ULONG_MAX;
	sim_run(w, NULL, 2 * WHEN_DAY);
	w->fault_until = 0;
}

static void an_outage_is_not_charged_to_domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(outages); i++) {
		struct sim_world w;

		print_message("%s\n", outages[i].what);
		start_with(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		run_into(&w, outages[i].fault);
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		assert_int_equal(w.shared->ca.certs, 1);
		assert_true(sim_run(&w, is_renewed, 2 * WHEN_MINUTE));
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		sim_release(&w);
	}
}

/* An outage that changes its words at each look is one outage. */
static void an_outage_of_many_words_is_told_once(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	w.sleeps = true;
	sim_run(&w, NULL, sim_domain(&w, NAME).due_at - sim_now(&w) - 60);
	w.sleeps = false;
	w.fault_until = ULONG_MAX;
	for (int i = 0; i < 6; i++) {
		w.fault = i % 2 ? SIM_LOST_REQUEST : SIM_BUSY_503;
		sim_run(&w, NULL, 10);
	}
	w.fault_until = 0;
	assert_true(sim_run(&w, is_renewed, 2 * WHEN_MINUTE));
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'ca.trouble'"),
			 1);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'ca.well'"),
			 1);
	sim_release(&w);
}

/* ---- a CA that is broken behind its directory ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && streq(text + len - tail, end);
}

/* From a cache, say. */
static bool is_directory(const struct fetch_request *rq)
{
	return rq->method == FETCH_GET;
}

static bool is_no_post(const struct fetch_request *rq)
{
	return rq->method != FETCH_POST;
}

static bool is_no_new_order(const struct fetch_request *rq)
{
	return !ends_with(rq->url, "/new-order");
}

static bool is_no_finalize(const struct fetch_request *rq)
{
	return !strstr(rq->url, "/finalize");
}

static const struct {
	const char *what;
	bool (*spares)(const struct fetch_request *request);
	enum sim_fault fault;
} half_broken[] = {
	{ "only the directory", is_directory, SIM_ERROR_500 },
	{ "only the directory, and silence", is_directory, SIM_LOST_REQUEST },
	{ "directory and nonces", is_no_post, SIM_ERROR_500 },
	{ "all but newOrder", is_no_new_order, SIM_ERROR_500 },
	{ "all but finalize", is_no_finalize, SIM_BUSY_503 },
};

static long down_for(struct sim_world *w)
{
	struct engine_ca_status status;

	engine_ca_status(w->engine, 0, &status);
	return status.down_since ? sim_now(w) - status.down_since : 0;
}

/* What works all the time must not hide what does not. */
static void a_ca_is_down_until_what_failed_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(half_broken); i++) {
		struct sim_world w;

		print_message("%s\n", half_broken[i].what);
		start_with(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		w.spares = half_broken[i].spares;
		run_into(&w, half_broken[i].fault);
		assert_in_range(down_for(&w), WHEN_DAY, 2 * WHEN_DAY);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'ca.well'"),
				 0);
		assert_true(sim_run(&w, is_renewed, 2 * WHEN_MINUTE));
		assert_int_equal(down_for(&w), 0);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'ca.well'"),
				 1);
		sim_release(&w);
	}
}

/* Nobody orders there any more: its account is asked for. */
static void a_ca_that_nobody_needs_is_seen_to_be_well(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	w.spares = is_directory;
	renew_now(&w);
	w.fault = SIM_ERROR_500;
	w.fault_until = ULONG_MAX;
	sim_run(&w, NULL, WHEN_MINUTE);
	delete_now(&w);
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_in_range(down_for(&w), WHEN_HOUR, 3 * WHEN_HOUR);
	w.fault_until = 0;
	sim_run(&w, NULL, 6 * WHEN_MINUTE);
	assert_int_equal(down_for(&w), 0);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* ---- two CAs, and the first is away ---- */

/* The same behind both names: what happens to one can be told by its row. */
static void start_with_two(struct sim_world *w, long life)
{
	sim_init(w);
	w->shared->ca.life = life;
	w->settings.ca[1] = w->settings.ca[0];
	strcpy(w->settings.ca[1].name, "second");
	w->settings.ca_count = 2;
	sim_start(w);
	sim_add(w, NAME);
	assert_true(sim_run(w, sim_all_live, 60));
	sim_run(w, NULL, WHEN_HOUR); /* and the canary is over */
	assert_int_equal(w->shared->ca.certs, 2);
	sim_run(w, NULL, sim_domain(w, NAME).due_at - sim_now(w) - 5);
}

static long certs_of(struct sim_world *w, const char *ca)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM cert JOIN ca ON ca.id = cert.ca_id"
		 " WHERE ca.name = '%s' AND cert.domain_id = 1"
		 " AND cert.state IN (0, 1)",
		 ca);
	return sim_rows(w, sql);
}

static bool second_has_issued(struct sim_world *w)
{
	return certs_of(w, "second") > 0;
}

static unsigned new_orders;

/* The first newOrder is met with trouble, and nothing else. */
static bool is_no_first_order(const struct fetch_request *rq)
{
	return is_no_new_order(rq) || new_orders++ > 0;
}

static void a_long_retry_after_keeps_no_order_from_the_next_ca(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	new_orders = 0;
	w.spares = is_no_first_order;
	w.fault = SIM_BUSY_503;
	w.peace = "86400";
	w.fault_until = ULONG_MAX;
	assert_true(sim_run(&w, second_has_issued, 5 * WHEN_MINUTE));
	assert_int_equal(certs_of(&w, "test"), 1);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

static bool is_being_validated(struct sim_world *w)
{
	return sim_rows(w,
			"SELECT COUNT(*) FROM ord"
			" WHERE state = 3 AND ended_at = 0 AND wake_ms > 0") >
	       0;
}

/* It was told to come back in an hour, and then its CA went away. */
static void an_order_that_sleeps_is_moved(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	w.shared->ca.validation_looks = 100;
	assert_true(sim_run(&w, is_being_validated, 10));
	w.shared->ca.validation_looks = 0;
	scratch_sql(w.dir, "state.db",
		    "UPDATE ord SET wake_ms = wake_ms + 3600000"
		    " WHERE ended_at = 0;"
		    "UPDATE ca SET failures = 9, down_since = 1800000000,"
		    " retry_ms = 1900000000000 WHERE name = 'test'");
	assert_true(sim_run(&w, second_has_issued, 2 * WHEN_MINUTE));
	sim_release(&w);
}

/*
 * Patience ends with the third quarter, and the CA is on trial after an
 * outage: it looks just now, and must find the token.
 */
static void what_a_ca_looks_at_stays_for_a_minute(void **state)
{
	struct sim_world w;
	char sql[400];

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	w.shared->ca.validation_looks = 100;
	assert_true(sim_run(&w, is_being_validated, 10));
	snprintf(sql, sizeof(sql),
		 "UPDATE cert SET not_after = %lld, not_before = %lld;"
		 "UPDATE ca SET failures = 9, down_since = 1800000000,"
		 " retry_ms = 1900000000000 WHERE name = 'test'",
		 (long long)sim_now(&w) + 10 * WHEN_HOUR - 1,
		 (long long)sim_now(&w) - 30 * WHEN_HOUR);
	scratch_sql(w.dir, "state.db", sql);
	sim_run(&w, NULL, 40);
	w.shared->ca.validation_looks = 0;
	assert_true(sim_run(&w, second_has_issued, 2 * WHEN_MINUTE));
	assert_in_range(sim_rows(&w, "SELECT ended_at - created_at FROM ord"
				     " WHERE state = 9"),
			WHEN_MINUTE, 2 * WHEN_MINUTE);
	sim_release(&w);
}

static char finalized[SIM_TEXT]; /* the order, once it is */

/*
 * finalize acts, and its answer is lost; from then on nothing is heard of
 * that order.
 */
static bool is_no_lost_order(const struct fetch_request *rq)
{
	const char *at = strstr(rq->url, "/finalize/");

	if (at && !*finalized) {
		snprintf(finalized, sizeof(finalized), "/order/%s",
			 at + strlen("/finalize/"));
		return false;
	}
	return !*finalized || !ends_with(rq->url, finalized);
}

static void lose_finalize(struct sim_world *w)
{
	finalized[0] = '\0';
	w->spares = is_no_lost_order;
	w->fault = SIM_LOST_REPLY;
	w->fault_until = ULONG_MAX;
}

/* Issued, and not fetched: it is, when its CA is back. */
static void what_may_be_issued_is_waited_for(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	lose_finalize(&w);
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_true(down_for(&w) > WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 3);
	assert_int_equal(certs_of(&w, "test"), 1);
	w.fault_until = 0;
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	assert_int_equal(w.shared->ca.certs, 3);
	assert_int_equal(certs_of(&w, "test"), 2);
	sim_release(&w);
}

static void and_not_until_it_is_too_late(void **state)
{
	struct sim_world w;
	time_t until;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	until = sim_served_until(&w, NAME);
	lose_finalize(&w);
	sim_run(&w, NULL, until - sim_now(&w) - 10 * WHEN_HOUR - 60);
	assert_int_equal(certs_of(&w, "second"), 0);
	assert_true(sim_run(&w, second_has_issued, 10 * WHEN_MINUTE));
	assert_true(sim_served_until(&w, NAME) > until);
	sim_release(&w);
}

/* Nothing is served meanwhile: half a day, and another may do better. */
static void a_first_certificate_is_not_waited_for_for_ever(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 90 * WHEN_DAY);
	sim_run(&w, NULL, WHEN_MINUTE);
	lose_finalize(&w);
	sim_add(&w, "example.com");
	sim_run(&w, NULL, 11 * WHEN_HOUR);
	assert_false(sim_all_live(&w));
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_HOUR));
	sim_release(&w);
}

static bool has_ordered(struct sim_world *w)
{
	return w->shared->ca.orders > 0;
}

/* A day, and the order is void; the outage lasts longer. */
static void an_order_that_expires_in_an_outage_is_not_charged(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, has_ordered, 10));
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = ULONG_MAX;
	sim_run(&w, NULL, 30 * WHEN_HOUR);
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	w.fault_until = 0;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_MINUTE));
	assert_int_equal(
		sim_rows(&w, "SELECT COUNT(*) FROM ord WHERE state = 9"), 1);
	sim_release(&w);
}

static bool is_issued(struct sim_world *w)
{
	return w->shared->ca.certs > 0;
}

/* The order expires, and what it brought does not: it is fetched. */
static void a_certificate_outlives_its_order(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, is_issued, 10));
	sim_stop(&w);
	w.shared->now_ms += 30 * WHEN_HOUR * 1000;
	sim_start(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	assert_one_certificate(&w);
	sim_release(&w);
}

static void is_not_blamed(struct sim_world *w)
{
	assert_int_equal(sim_domain(w, NAME).failures, 0);
}

/* One order that the CA chokes on: left in the end, and nobody is blamed. */
static void an_order_that_is_stuck_is_replaced(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.cursed = 1;
	sim_start(&w);
	sim_add(&w, NAME);
	w.watch = is_not_blamed;
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	sim_add(&w, "example.com");
	assert_true(sim_run(&w, sim_all_live, 13 * WHEN_HOUR));
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 2);
	assert_int_equal(w.shared->ca.certs, 2);
	sim_release(&w);
}

static void a_lost_account_is_registered_with_the_same_key(void **state)
{
	struct sim_world w;
	const struct sim_ca *ca;

	(void)state;
	start_with(&w, NAME);
	ca = &w.shared->ca;
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_ca_wipe(&w.shared->ca);
	renew_now(&w);
	assert_true(sim_run(&w, is_renewed, 120));
	assert_int_equal(ca->registrations, 2);
	assert_memory_equal(ca->account[0].point, ca->account[1].point,
			    P256_POINT);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM account"), 1);
	assert_string_equal(ca->complaint, "");
	sim_release(&w);
}

/* As some do: a kid that is not known is met with 500 and no word. */
static void a_vague_ca_gets_the_account_again(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_ca_wipe(&w.shared->ca);
	w.shared->ca.is_vague = true;
	renew_now(&w);
	assert_true(sim_run(&w, is_renewed, 5 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.registrations, 2);
	sim_release(&w);
}

/* ---- crashes ---- */

static void live_in_child(struct sim_world *w)
{
	sim_start(w);
	must(sim_run(w, sim_all_live, 30 * WHEN_MINUTE), NULL);
}

static void renewed_in_child(struct sim_world *w)
{
	sim_start(w);
	must(is_renewed(w) || sim_run(w, is_renewed, 30 * WHEN_MINUTE), NULL);
}

static void prepare(struct sim_world *w)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, NAME);
	sim_stop(w);
}

static unsigned long points_of_one_life(void)
{
	struct sim_world w;
	unsigned long n;

	prepare(&w);
	assert_true(sim_in_child(&w, live_in_child));
	n = w.shared->points;
	sim_release(&w);
	return n;
}

static const struct {
	const char *what;
	bool lists, reuses;
	unsigned most_orders;	/* that one crash may cost at the CA */
	unsigned long points;	/* they differ until the order is known */
} ca_kinds[] = {
	{ "a CA with an orders list", true, false, 1, 1000 },
	{ "a CA that gives the open order again", false, true, 1, 16 },
	{ "a CA with neither", false, false, 2, 16 },
};

static void crash_and_recover(size_t kind, unsigned long at)
{
	struct sim_world w;

	prepare(&w);
	w.shared->ca.lists_orders = ca_kinds[kind].lists;
	w.shared->ca.reuses_orders = ca_kinds[kind].reuses;
	w.crash_at = at;
	assert_false(sim_in_child(&w, live_in_child));
	w.crash_at = 0;
	assert_true(sim_in_child(&w, live_in_child));
	assert_true(sim_served_until(&w, NAME) > sim_now(&w));
	assert_in_range(sim_ca_orders_of(&w.shared->ca, HOST), 1,
			ca_kinds[kind].most_orders);
	assert_one_certificate(&w);
	sim_release(&w);
}

static void a_crash_at_any_point_costs_nothing(void **state)
{
	unsigned long n = points_of_one_life();

	(void)state;
	assert_true(n > 40);	/* six points in each of eight states */
	for (size_t kind = 0; kind < ARRAY_LEN(ca_kinds); kind++) {
		unsigned long last = ca_kinds[kind].points;

		print_message("%s\n", ca_kinds[kind].what);
		for (unsigned long at = 1; at <= n && at <= last; at++)
			crash_and_recover(kind, at);
	}
}

/* Each life ends after so many points: it still gets on. */
static void crash_after_crash_gets_on(void **state)
{
	(void)state;
	for (unsigned long each = 7; each < 14; each++) {
		struct sim_world w;
		unsigned lives = 1;

		prepare(&w);
		w.crash_at = each;
		while (!sim_in_child(&w, live_in_child))
			assert_true(lives++ < 50);
		print_message("a crash every %lu points: %u lives\n", each,
			      lives);
		assert_one_certificate(&w);
		sim_release(&w);
	}
}

/* ---- lost and spoilt answers ---- */

static const char *const fault_names[SIM_FAULTS] = {
	[SIM_LOST_REQUEST] = "request lost",
	[SIM_LOST_REPLY] = "reply lost",
	[SIM_ERROR_500] = "500 without acting",
	[SIM_HTML_500] = "502 after acting",
	[SIM_BUSY_503] = "503 with Retry-After",
	[SIM_GARBAGE_200] = "garbage after acting",
};

static unsigned long exchanges_of_one_life(void)
{
	struct sim_world w;
	unsigned long n;

	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	n = w.shared->exchanges;
	sim_release(&w);
	return n;
}

static void spoil_exchanges(enum sim_fault fault, unsigned long from,
			    unsigned long count)
{
	struct sim_world w;

	sim_init(&w);
	w.fault = fault;
	w.fault_from = from;
	w.fault_until = from + count;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_HOUR));
	assert_one_certificate(&w);
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 1);
	sim_release(&w);
}

static void no_lost_answer_costs_a_certificate(void **state)
{
	static const unsigned long counts[] = { 1, 2, 60 };
	unsigned long n = exchanges_of_one_life();

	(void)state;
	for (int fault = SIM_LOST_REQUEST; fault < SIM_FAULTS; fault++)
		for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
			print_message("%s, %lu in a row, at any of %lu\n",
				      fault_names[fault], counts[i], n);
			for (unsigned long at = 0; at < n; at++)
				spoil_exchanges((enum sim_fault)fault, at,
						counts[i]);
		}
}

static void bad_nonces_cost_nothing(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.bad_nonce_every = 2;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 20));
	assert_one_certificate(&w);
	sim_release(&w);
}

static long longest_pause_ms;

static void note_pause(struct sim_world *w)
{
	struct err err = ERR_INIT;
	struct ca ca;

	must(ca_by_id(w->store, 1, &ca, &err), &err);
	if (ca.retry_ms - w->shared->now_ms > longest_pause_ms)
		longest_pause_ms = ca.retry_ms - w->shared->now_ms;
}

/*
 * A CA that takes hardly any nonce: no request is tried for ever, and what is
 * waited for is seconds. It is the CA's trouble, and no name's.
 */
static void refused_nonces_cost_seconds(void **state)
{
	static const struct {
		unsigned percent;
		long pause_ms, seconds;
	} cases[] = {
		{ 50, 0, 10 },
		{ 90, 3000, 2 * WHEN_MINUTE },
		{ 97, 61000, 6 * WHEN_HOUR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sim_world w;
		char name[32];

		sim_init(&w);
		w.shared->ca.bad_nonce_percent = cases[i].percent;
		sim_start(&w);
		for (int n = 0; n < 20; n++) {
			snprintf(name, sizeof(name), "d%02d.example", n);
			sim_add(&w, name);
		}
		longest_pause_ms = 0;
		w.watch = note_pause;
		assert_true(sim_run(&w, sim_all_live, cases[i].seconds));
		print_message(
			"%u %%: %ld s, %u POSTs, %ld ms the longest pause\n",
			cases[i].percent, (long)sim_now(&w) - SIM_START,
			w.shared->ca.posts, longest_pause_ms);
		assert_true(longest_pause_ms <= cases[i].pause_ms);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'account.lost'"),
				 0);
		assert_int_equal(w.shared->ca.certs, 20);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain"
					      " WHERE failures > 0"),
				 0);
		sim_release(&w);
	}
}

/* ---- many ---- */

static void many_go_live_a_few_at_a_time(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	sim_init(&w);
	sim_start(&w);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d%03d.example", i);
		sim_add(&w, name);
	}
	assert_true(sim_run(&w, sim_all_live, 60));
	assert_in_range(w.most_in_flight, 16, 32);
	assert_int_equal(w.shared->ca.certs, 200);
	assert_int_equal(w.shared->ca.orders, 200);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* ---- what a CA or an admin may bring us into ---- */

static void run_for(struct sim_world *w, long seconds)
{
	sim_run(w, NULL, seconds);
}

static void assert_problem(struct sim_world *w, const char *words)
{
	struct engine_ca_status status;

	engine_ca_status(w->engine, 0, &status);
	print_message("%s (%s)\n", status.problem, status.hint);
	assert_non_null(strstr(status.problem, words));
	assert_true(*status.hint);
}

static void configure(struct sim_world *w)
{
	struct err err = ERR_INIT;

	must(engine_configure(w->engine, &w->settings, &err), &err);
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

static bool is_under_way(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct order o;

	return order_of_domain(w->store, d.id, &o, NULL);
}


/* Asked for twice, made once; and nobody else is kept waiting. */
static void a_renewal_asked_for_twice_is_made_once(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	renew_now(&w);
	assert_true(sim_run(&w, is_under_way, 10));
	renew_now(&w);
	sim_add(&w, "example.com");
	run_for(&w, 30);
	assert_true(sim_all_live(&w));
	assert_int_equal(sim_ca_csrs_of(&w.shared->ca, HOST), 2);
	assert_in_range(sim_domain(&w, NAME).due_at - sim_now(&w),
			50 * WHEN_DAY, 65 * WHEN_DAY);
	sim_release(&w);
}

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
		assert_true(sim_run(&w, sim_all_live, 60) ||
			    sim_all_live(&w));
		w.ticks = 0;
		run_for(&w, WHEN_HOUR);
		assert_true(w.ticks < 200);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
					      " WHERE ended_at = 0"),
				 0);
		sim_release(&w);
	}
}

/* A chain for another key. The caller frees. */
static char *make_bad_chain(void)
{
	struct tiny_ca other;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf;
	char *pem;

	tiny_ca_init(&other, "Other", SIM_START - WHEN_DAY,
		     SIM_START + 99 * WHEN_DAY);
	leaf = tiny_ca_issue(&other, &(struct tiny_leaf){
		.host = HOST, .key = key, .from = SIM_START,
		.until = SIM_START + WHEN_DAY, .serial = 1 });
	pem = tiny_ca_pem((X509 *[]){ leaf, other.cert, NULL });
	tiny_ca_release(&other);
	EVP_PKEY_free(key);
	X509_free(leaf);
	return pem;
}

/*
 * They were issued, so they count: five of a name, and one each 34 h, as Let's
 * Encrypt says. Up to there the name has its own pauses only.
 */
static void a_bad_chain_is_kept_and_never_served(void **state)
{
	char *pem = make_bad_chain();
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.sends_instead = pem;
	run_for(&w, 3 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 4);
	run_for(&w, 30 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 5);
	run_for(&w, 20 * WHEN_DAY - 33 * WHEN_HOUR);
	assert_int_equal(sim_served_until(&w, NAME), 0);
	assert_in_range(sim_domain(&w, NAME).failures, 15, 5 + 20 * 24 / 34);
	assert_in_range(
		sim_rows(&w, "SELECT COUNT(*) FROM cert WHERE state = 2"), 1,
		10);
	w.shared->ca.sends_instead = NULL;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_DAY));
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	sim_release(&w);
	free(pem);
}

static bool has_failed_twice(struct sim_world *w)
{
	return sim_domain(w, NAME).failures == 2;
}

/* What we keep back of the CA's limit is kept for names like this one. */
static void a_name_with_nothing_to_serve_is_not_held_back(void **state)
{
	char *pem = make_bad_chain();
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.sends_instead = pem;
	assert_true(sim_run(&w, has_failed_twice, 5 * WHEN_MINUTE));
	w.shared->ca.sends_instead = NULL;
	assert_true(sim_run(&w, sim_all_live, 15 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.certs, 3);

	/* From now on it has one: a fourth waits, unless it is urgent. */
	renew_now(&w);
	run_for(&w, 20 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 3);
	sim_release(&w);
	free(pem);
}

static unsigned blind_looks;

static bool token_is_nowhere(void *arg, const char *token, const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	blind_looks++;
	return false;
}

/* Port 80 is closed: the domain waits ever longer, its budget is not spent. */
static void a_failing_domain_slows_down(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.token_is_served = token_is_nowhere;
	blind_looks = 0;
	run_for(&w, WHEN_HOUR);
	assert_in_range(blind_looks, 2, 3);
	run_for(&w, 10 * WHEN_DAY);
	assert_in_range(blind_looks, 10, 16);
	assert_non_null(strstr(sim_domain(&w, NAME).problem,
			       "the token was not there"));
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* ---- DNS ---- */

static void no_order_before_the_name_leads_here(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	sim_init(&w);
	w.names_lead_here = false;
	sim_start(&w);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	run_for(&w, 50 * WHEN_MINUTE);
	assert_int_equal(w.shared->exchanges, 0);
	assert_non_null(strstr(sim_domain(&w, "d07.example").problem,
			       "does not exist in DNS yet"));
	w.names_lead_here = true;
	assert_true(sim_run(&w, sim_all_live, 60));
	sim_release(&w);
}

static void a_client_wakes_a_waiting_name(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.names_lead_here = false;
	sim_start(&w);
	sim_add(&w, NAME);
	run_for(&w, 20 * WHEN_DAY);
	w.names_lead_here = true;
	engine_wanted(w.engine, "mta-sts.example.com");
	engine_wanted(w.engine, NAME);
	engine_wanted(w.engine, HOST);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_release(&w);
}

/* While an answer is awaited nothing is to do, and nothing is done. */
static void waiting_for_dns_does_not_spin(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.dns_ms = 20000;
	run_for(&w, 19);
	assert_in_range(w.ticks, 1, 5);
	sim_release(&w);
}

/* ---- a CA that takes its time ---- */

static void a_slow_ca_is_polled(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.validation_looks = 20;
	w.shared->ca.issuance_looks = 20;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 30 * WHEN_MINUTE));
	assert_one_certificate(&w);
	assert_int_equal(w.shared->ca.order[0].told, 1);
	assert_true(w.shared->exchanges < 60);
	sim_release(&w);
}

static void slow_in_child(struct sim_world *w)
{
	sim_start(w);
	must(sim_run(w, sim_all_live, WHEN_HOUR), NULL);
}

static void a_crash_while_the_ca_works_costs_nothing(void **state)
{
	(void)state;
	for (unsigned long at = 1; at < 400; at += 7) {
		struct sim_world w;
		bool is_over;

		prepare(&w);
		w.shared->ca.validation_looks = 3;
		w.shared->ca.issuance_looks = 3;
		w.crash_at = at;
		is_over = sim_in_child(&w, slow_in_child);
		w.crash_at = 0;
		if (!is_over)
			assert_true(sim_in_child(&w, slow_in_child));
		assert_one_certificate(&w);
		assert_int_equal(w.shared->ca.order[0].told, 1);
		sim_release(&w);
		if (is_over)
			break;
	}
}

/* A renewal that dies: the old certificate is served until the new one is. */
static void a_crash_while_renewing_costs_nothing(void **state)
{
	(void)state;
	for (unsigned long at = 1; at <= 48; at++) {
		struct sim_world w;
		bool is_over;

		prepare(&w);
		assert_true(sim_in_child(&w, live_in_child));
		sim_start(&w);
		renew_now(&w);
		sim_stop(&w);
		w.crash_at = at;
		is_over = sim_in_child(&w, renewed_in_child);
		w.crash_at = 0;
		assert_true(sim_served_until(&w, NAME) > sim_now(&w));
		if (!is_over)
			assert_true(sim_in_child(&w, renewed_in_child));
		assert_int_equal(w.shared->ca.certs, 2);
		assert_int_equal(w.shared->ca.orders, 2);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
					      " WHERE state = 8"),
				 2);
		sim_release(&w);
	}
}

/* ---- the disk ---- */

static void a_full_disk_loses_nothing(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 40; at++) {
		struct sim_world w;

		start_and_step(&w, NAME, at);
		scratch_disk_full(true);
		run_for(&w, 5);
		scratch_disk_full(false);
		assert_true(sim_all_live(&w) || sim_run(&w, sim_all_live, 20));
		assert_one_certificate(&w);
		assert_int_equal(w.shared->ca.orders, 1);
		sim_release(&w);
	}
}

static bool has_begun(struct sim_world *w)
{
	return w->shared->ca.orders > 0;
}

/* A world on a disk of 16 MB, of which 2 are the reserve. */
static void start_on(struct sim_world *w, char *disk)
{
	const char *tmp = getenv("TMPDIR");
	char *before = xstrdup(tmp ? tmp : "/tmp");

	setenv("TMPDIR", disk, 1);
	start_with(w, NAME);
	setenv("TMPDIR", before, 1);
	free(before);
}

static void below_the_reserve_orders_end_and_none_begins(void **state)
{
	char *disk = small_disk(state);
	struct sim_world w;
	unsigned long ticks;

	start_on(&w, disk);
	assert_true(sim_run(&w, has_begun, WHEN_MINUTE));
	small_disk_leave(disk, SMALL_DISK_MB);
	assert_true(sim_run(&w, sim_all_live, WHEN_MINUTE));
	sim_add(&w, "b.test");
	ticks = w.ticks;
	run_for(&w, WHEN_HOUR);
	assert_int_equal(sim_domain(&w, "b.test").state, DOMAIN_ISSUING);
	assert_int_equal(w.shared->ca.orders, 1);
	assert_true(w.ticks - ticks < 200);
	small_disk_fill(disk, 0);
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.orders, 2);
	sim_release(&w);
}

/* Another process holds the write lock for longer than SQLite waits. */
static void a_held_lock_loses_nothing(void **state)
{
	struct sim_world w;
	sqlite3 *other;
	char *path;

	(void)state;
	start_with(&w, NAME);
	path = scratch_path(w.dir, "state.db");
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	free(path);
	for (unsigned i = 0; i < 8; i++)
		sim_step(&w);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL,
				      NULL), SQLITE_OK);
	sim_step(&w);
	sim_step(&w);
	sqlite3_close(other);
	assert_true(sim_run(&w, sim_all_live, 20));
	assert_one_certificate(&w);
	sim_release(&w);
}

/* A table is away: every statement that needs it fails. */
static const struct {
	const char *file, *away, *back;
} failures[] = {
	{ "state.db", "ALTER TABLE change RENAME TO away",
	  "ALTER TABLE away RENAME TO change" },
	{ "serve.db", "ALTER TABLE challenge RENAME TO away",
	  "ALTER TABLE away RENAME TO challenge" },
};

static void fail_for_a_while(struct sim_world *w, size_t i)
{
	unsigned long before;

	scratch_sql(w->dir, failures[i].file, failures[i].away);
	run_for(w, 3);
	before = w->shared->exchanges;
	run_for(w, 10);
	assert_int_equal(w->shared->exchanges, before);
	scratch_sql(w->dir, failures[i].file, failures[i].back);
}

/*
 * What is not committed, or not to be seen by serving yet, is not acted upon;
 * and what comes in meanwhile is not forgotten.
 */
static void nothing_is_done_before_it_is_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		for (unsigned at = 0; at < 40; at++) {
			struct sim_world w;

			start_and_step(&w, NAME, at);
			fail_for_a_while(&w, i);
			assert_true(sim_all_live(&w) ||
				    sim_run(&w, sim_all_live, 20));
			assert_one_certificate(&w);
			sim_release(&w);
		}
}

/* ---- damage ---- */

#define DAMAGED "damaged.example.org"

/* Rows of one domain that do not decode, at a step of its order. */
static const struct {
	const char *sql;
	bool recovers;		/* the domain itself goes live too */
} damages[] = {
	{ "UPDATE key SET scalar = x'00' WHERE domain_id = 1", true },
	{ "UPDATE ord SET token = hex(zeroblob(500)) WHERE domain_id = 1",
	  true },
	{ "UPDATE ord SET state = 77 WHERE domain_id = 1", true },
	{ "UPDATE ord SET state = 8 WHERE domain_id = 1", true },
	{ "UPDATE ord SET csr = zeroblob(5000) WHERE domain_id = 1", true },
	{ "UPDATE domain SET problem = hex(zeroblob(900)) WHERE id = 1",
	  false },
	{ "UPDATE domain SET name = hex(zeroblob(900)) WHERE id = 1", false },
};

static bool is_live(struct sim_world *w, const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	return domain_by_name(w->store, name, &d, &err) &&
	       d.state == DOMAIN_LIVE;
}

static void check_damage(size_t i, unsigned at, bool restarts)
{
	struct sim_world w;

	start_and_step(&w, DAMAGED, at);
	if (restarts)
		sim_stop(&w);
	scratch_sql(w.dir, "state.db", damages[i].sql);
	if (restarts)
		sim_start(&w);
	sim_add(&w, NAME);
	run_for(&w, 30);
	assert_true(is_live(&w, NAME));
	w.ticks = 0;
	run_for(&w, 20 * WHEN_MINUTE);
	assert_true(w.ticks < 200);
	if (damages[i].recovers)
		assert_true(is_live(&w, DAMAGED));
	sim_release(&w);
}

static void a_damaged_row_holds_nobody_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		print_message("%s\n", damages[i].sql);
		for (unsigned at = 1; at < 24; at++)
			check_damage(i, at, at % 2 == 0);
	}
}

/* A row that nothing would ever come back to is found at the start. */
static void a_forgotten_domain_is_due_at_the_start(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, is_under_way, 10));
	sim_stop(&w);
	scratch_sql(w.dir, "state.db", "DELETE FROM ord");
	sim_start(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_goes_live),
		cmocka_unit_test(it_renews_at_its_moment),
		cmocka_unit_test(it_never_expires),
		cmocka_unit_test(an_outage_is_not_charged_to_domains),
		cmocka_unit_test(a_certificate_outlives_its_order),
		cmocka_unit_test(
			an_order_that_expires_in_an_outage_is_not_charged),
		cmocka_unit_test(an_outage_of_many_words_is_told_once),
		cmocka_unit_test(a_ca_is_down_until_what_failed_works),
		cmocka_unit_test(a_ca_that_nobody_needs_is_seen_to_be_well),
		cmocka_unit_test(
			a_long_retry_after_keeps_no_order_from_the_next_ca),
		cmocka_unit_test(an_order_that_sleeps_is_moved),
		cmocka_unit_test(what_a_ca_looks_at_stays_for_a_minute),
		cmocka_unit_test(what_may_be_issued_is_waited_for),
		cmocka_unit_test(and_not_until_it_is_too_late),
		cmocka_unit_test(
			a_first_certificate_is_not_waited_for_for_ever),
		cmocka_unit_test(an_order_that_is_stuck_is_replaced),
		cmocka_unit_test(
			a_lost_account_is_registered_with_the_same_key),
		cmocka_unit_test(a_crash_at_any_point_costs_nothing),
		cmocka_unit_test(crash_after_crash_gets_on),
		cmocka_unit_test(no_lost_answer_costs_a_certificate),
		cmocka_unit_test(bad_nonces_cost_nothing),
		cmocka_unit_test(refused_nonces_cost_seconds),
		cmocka_unit_test(many_go_live_a_few_at_a_time),
		cmocka_unit_test(a_missing_binding_is_said_and_mended),
		cmocka_unit_test(without_contact_nothing_is_ordered),
		cmocka_unit_test(a_refused_account_is_tried_again_on_reload),
		cmocka_unit_test(a_reload_that_cannot_write_changes_nothing),
		cmocka_unit_test(a_renewal_asked_for_twice_is_made_once),
		cmocka_unit_test(a_domain_may_go_at_any_moment),
		cmocka_unit_test(another_ca_may_be_configured_at_any_moment),
		cmocka_unit_test(an_order_of_another_ca_comes_to_its_end),
		cmocka_unit_test(a_bad_chain_is_kept_and_never_served),
		cmocka_unit_test(a_name_with_nothing_to_serve_is_not_held_back),
		cmocka_unit_test(a_failing_domain_slows_down),
		cmocka_unit_test(no_order_before_the_name_leads_here),
		cmocka_unit_test(a_client_wakes_a_waiting_name),
		cmocka_unit_test(waiting_for_dns_does_not_spin),
		cmocka_unit_test(a_slow_ca_is_polled),
		cmocka_unit_test(a_crash_while_the_ca_works_costs_nothing),
		cmocka_unit_test(a_crash_while_renewing_costs_nothing),
		cmocka_unit_test(a_full_disk_loses_nothing),
		ON_A_SMALL_DISK(below_the_reserve_orders_end_and_none_begins),
		cmocka_unit_test(a_held_lock_loses_nothing),
		cmocka_unit_test(nothing_is_done_before_it_is_served),
		cmocka_unit_test(a_vague_ca_gets_the_account_again),
		cmocka_unit_test(a_damaged_row_holds_nobody_up),
		cmocka_unit_test(a_forgotten_domain_is_due_at_the_start),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
