/*
 * The whole engine, and a CA of many machines behind a door: the door turns
 * away what is too much for it, and a machine may not know yet what another
 * did. None of it is a name's fault, or costs a second certificate.
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
#include "tests/sim/scratch.h"

/* ---- what is spoilt, by what is asked for ---- */

static struct {
	struct sim_world *world;
	const char *where;  /* in the URL */
	bool is_processing; /* and the last order is */
	unsigned most, hits;
} spoilt;

static bool spares(const struct fetch_request *request)
{
	const struct sim_ca *ca = &spoilt.world->shared->ca;

	if (!strstr(request->url, spoilt.where) || spoilt.hits >= spoilt.most ||
	    (spoilt.is_processing &&
	     ca->order[ca->orders - 1].status != SIM_PROCESSING))
		return true;
	spoilt.hits++;
	return false;
}

static void spoil_at(struct sim_world *w, const char *where,
		     enum sim_fault fault, unsigned most)
{
	spoilt.world = w;
	spoilt.where = where;
	spoilt.is_processing = false;
	spoilt.most = most;
	spoilt.hits = 0;
	w->spares = spares;
	w->fault = fault;
	w->fault_until = ULONG_MAX;
}

static void spoil_no_more(struct sim_world *w)
{
	w->fault = SIM_FAULTLESS;
	w->spares = NULL;
}

/* One renewal, one order, one CSR, and nobody is charged. */
static void assert_one_renewal(struct sim_world *w)
{
	assert_true(sim_run(w, is_renewed, 2 * WHEN_HOUR));
	sim_run(w, NULL, WHEN_HOUR);
	assert_int_equal(w->shared->ca.certs, 2);
	assert_int_equal(sim_ca_orders_of(&w->shared->ca, HOST), 2);
	assert_int_equal(sim_ca_csrs_of(&w->shared->ca, HOST), 2);
	assert_int_equal(sim_domain(w, NAME).failures, 0);
}

static const struct {
	enum sim_fault fault;
	const char *where;
	bool is_processing;
	unsigned times;
} hiccups[] = {
	{ SIM_TOO_MANY_429, "/new-order", false, 1 },
	{ SIM_TOO_MANY_429, "/authz/", false, 1 },
	{ SIM_TOO_MANY_429, "/chall/", false, 1 },
	{ SIM_TOO_MANY_429, "/order/", false, 1 },
	{ SIM_TOO_MANY_429, "/order/", true, 2 },
	{ SIM_TOO_MANY_429, "/finalize/", false, 1 },
	{ SIM_TOO_MANY_429, "/finalize/", false, 5 },
	{ SIM_TOO_MANY_429, "/cert/", false, 1 },
	{ SIM_GONE_404, "/order/", true, 2 },
	{ SIM_GONE_404, "/finalize/", false, 1 },
	{ SIM_GONE_404, "/cert/", false, 1 },
	{ SIM_GONE_404, "/cert/", false, 20 },
	{ SIM_GONE_404, "/authz/", false, 2 },
	{ SIM_GONE_404, "/chall/", false, 1 },
	{ SIM_FORBIDDEN_403, "/new-order", false, 1 },
	{ SIM_FORBIDDEN_403, "/authz/", false, 2 },
	{ SIM_FORBIDDEN_403, "/chall/", false, 1 },
	{ SIM_FORBIDDEN_403, "/order/", false, 1 },
	{ SIM_FORBIDDEN_403, "/order/", true, 2 },
	{ SIM_FORBIDDEN_403, "/finalize/", false, 2 },
	{ SIM_FORBIDDEN_403, "/cert/", false, 2 },
	{ SIM_FOUND_302, "/new-order", false, 1 },
	{ SIM_FOUND_302, "/order/", true, 2 },
	{ SIM_FOUND_302, "/finalize/", false, 2 },
	{ SIM_FOUND_302, "/cert/", false, 2 },
};

static void a_hiccup_costs_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hiccups); i++) {
		struct sim_world w;

		print_message("%d at %s, %u times\n", hiccups[i].fault,
			      hiccups[i].where, hiccups[i].times);
		start_due(&w, 1, 160 * WHEN_HOUR);
		w.shared->ca.issuance_looks = 5;
		spoil_at(&w, hiccups[i].where, hiccups[i].fault,
			 hiccups[i].times);
		spoilt.is_processing = hiccups[i].is_processing;
		assert_one_renewal(&w);
		assert_int_equal(spoilt.hits, hiccups[i].times);
		sim_release(&w);
	}
}

/* It is a minute, and not the rest of a life, until another order is made. */
static void what_is_really_gone_is_made_anew(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 1, 160 * WHEN_HOUR);
	w.shared->ca.issuance_looks = 1000000;
	sim_run(&w, NULL, 60);
	w.shared->ca.order[w.shared->ca.orders - 1].is_known = false;
	w.shared->ca.issuance_looks = 0;
	sim_run(&w, NULL, 3 * WHEN_MINUTE);
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 3);
	assert_in_range(left(&w), 158 * WHEN_HOUR, 160 * WHEN_HOUR);
	sim_release(&w);
}

/* ---- a door that lets so many in a second ---- */

#define LET_IN 7

static struct {
	const struct sim_world *world;
	time_t second;
	unsigned in;
} door;

static bool door_lets_in(const struct fetch_request *request)
{
	(void)request;
	if (sim_now(door.world) != door.second) {
		door.second = sim_now(door.world);
		door.in = 0;
	}
	return ++door.in <= LET_IN;
}

static void at_a_door(struct sim_world *w)
{
	door.world = w;
	door.second = 0;
	w->spares = door_lets_in;
	w->fault = SIM_TOO_MANY_429;
	w->fault_until = ULONG_MAX;
}

#define MANY 40

static const char *name_of(int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "n%d.test", i);
	return name;
}

static void add_many(struct sim_world *w)
{
	for (int i = 0; i < MANY; i++)
		sim_add(w, name_of(i));
}

static void assert_nobody_is_charged(struct sim_world *w, unsigned csrs)
{
	char host[64];

	assert_int_equal(sim_rows(w, "SELECT SUM(failures) FROM domain"), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(host, sizeof(host), "mta-sts.%s", name_of(i));
		assert_int_equal(sim_ca_csrs_of(&w->shared->ca, host), csrs);
	}
}

/* However long each of them is told to stay away, and without a word of it. */
static const struct {
	const char *peace;
	long most; /* seconds, until all are in */
} doors[] = {
	{ NULL, WHEN_HOUR },
	{ "1", WHEN_HOUR },
	{ "60", WHEN_HOUR },
	{ "3600", 24 * WHEN_HOUR },
};

static void many_at_a_door_all_come_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
		struct sim_world w;

		sim_init(&w);
		sim_start(&w);
		w.peace = doors[i].peace;
		at_a_door(&w);
		add_many(&w);
		assert_true(sim_run(&w, sim_all_live, doors[i].most));
		assert_nobody_is_charged(&w, 1);
		sim_release(&w);
	}
}

static bool are_all_renewed(struct sim_world *w)
{
	return w->shared->ca.certs >= 2 * MANY;
}

/* After an outage all are due at once. */
static void and_so_do_renewals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
		struct sim_world w;

		sim_init(&w);
		w.shared->ca.life = 160 * WHEN_HOUR;
		sim_start(&w);
		add_many(&w);
		assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
		sim_run(&w, NULL, 74 * WHEN_HOUR);
		w.fault = SIM_LOST_REQUEST;
		w.fault_until = ULONG_MAX;
		sim_run(&w, NULL, 12 * WHEN_HOUR);
		w.peace = doors[i].peace;
		at_a_door(&w);
		assert_true(sim_run(&w, are_all_renewed, doors[i].most));
		assert_nobody_is_charged(&w, 2);
		sim_release(&w);
	}
}

/* ---- for ever, for one name ---- */

static unsigned number_of_last(const struct sim_world *w)
{
	return w->shared->ca.orders - 1;
}

static struct {
	char at[2][32]; /* its order, and what it asks that for */
} barred;

static bool spares_all_but_one(const struct fetch_request *request)
{
	return !strstr(request->url, barred.at[0]) &&
	       !strstr(request->url, barred.at[1]);
}

/* The last order's CSR, and its polls. */
static void bar_last(struct sim_world *w)
{
	snprintf(barred.at[0], sizeof(barred.at[0]), "/finalize/%u",
		 number_of_last(w));
	snprintf(barred.at[1], sizeof(barred.at[1]), "/order/%u",
		 number_of_last(w));
	w->spares = spares_all_but_one;
	w->fault = SIM_TOO_MANY_429;
	w->fault_until = ULONG_MAX;
}

static bool are_many_live(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM domain WHERE cert_id > 0") >=
	       MANY;
}

/* However long the CA says that it is to stay away. */
static void a_door_for_one_name_is_none_for_others(void **state)
{
	static const char *const peaces[] = { NULL, "3600" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(peaces); i++) {
		struct sim_world w;

		sim_init(&w);
		sim_start(&w);
		w.peace = peaces[i];
		w.shared->ca.validation_looks = 5;
		sim_add(&w, NAME);
		while (!w.shared->ca.orders)
			sim_run(&w, NULL, 1);
		bar_last(&w);
		add_many(&w);
		assert_true(sim_run(&w, are_many_live, 5 * WHEN_MINUTE));
		sim_run(&w, NULL, WHEN_HOUR);
		assert_int_equal(sim_domain(&w, NAME).cert_id, 0);
		sim_add(&w, "late.test");
		sim_run(&w, NULL, WHEN_MINUTE);
		assert_true(sim_domain(&w, "late.test").cert_id > 0);
		sim_release(&w);
	}
}

/* Others come each minute; what it waits for is an hour away. */
static void who_is_told_to_stay_away_goes_elsewhere(void **state)
{
	static const enum sim_fault faults[] = { SIM_TOO_MANY_429,
						 SIM_ERROR_500 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(faults); i++) {
		struct sim_world w;

		sim_init(&w);
		use_cas(&w, 2);
		sim_start(&w);
		w.peace = i % 2 ? "3600" : NULL;
		w.shared->ca.validation_looks = 5;
		sim_add(&w, NAME);
		while (!w.shared->ca.orders)
			sim_run(&w, NULL, 1);
		bar_last(&w);
		snprintf(barred.at[0], sizeof(barred.at[0]), "/authz/%u",
			 number_of_last(&w));
		w.fault = faults[i / 2];
		for (int n = 0; n < 12; n++) {
			sim_add(&w, name_of(n));
			sim_run(&w, NULL, WHEN_MINUTE);
		}
		assert_true(sim_domain(&w, NAME).cert_id > 0);
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		sim_release(&w);
	}
}

/* There is another CA, and it is asked before a quarter is left. */
static void what_stays_away_is_had_elsewhere(void **state)
{
	static const struct {
		const char *where;
		enum sim_fault fault;
	} aways[] = {
		{ "/cert/", SIM_GONE_404 },
		{ "/cert/", SIM_TOO_MANY_429 },
		{ "/finalize/", SIM_TOO_MANY_429 },
		{ "/chall/", SIM_TOO_MANY_429 },
		{ "/new-order", SIM_TOO_MANY_429 },
		{ "/new-order", SIM_FORBIDDEN_403 },
		{ "/new-order", SIM_GONE_404 },
		{ "/chall/", SIM_BAD_400 },
		{ "/order/", SIM_FOUND_302 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(aways); i++) {
		long life = 40 * WHEN_HOUR;
		struct sim_world w;

		print_message("%s%s\n", aways[i / 2].where,
			      i % 2 ? ", and peace" : "");
		start_due(&w, 2, life);
		w.peace = i % 2 ? "3600" : NULL;
		spoil_at(&w, aways[i / 2].where, aways[i / 2].fault, UINT_MAX);
		assert_true(sim_run(&w, is_with_second,
				    left(&w) - life / 4 + WHEN_MINUTE));
		assert_in_range(sim_domain(&w, NAME).failures, 0,
				streq(aways[i / 2].where, "/cert/"));
		sim_release(&w);
	}
}

/* And where there is none, it is not ordered without end. */
static void what_stays_away_costs_few_certificates(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 1, 160 * WHEN_HOUR);
	spoil_at(&w, "/cert/", SIM_GONE_404, UINT_MAX);
	sim_run(&w, NULL, 79 * WHEN_HOUR);
	print_message("%u CSRs, %u asked for\n",
		      sim_ca_csrs_of(&w.shared->ca, HOST) - 1, spoilt.hits);
	assert_in_range(sim_ca_csrs_of(&w.shared->ca, HOST) - 1, 2, 7);
	assert_int_equal(sim_told(&w, "account.lost"), 0);
	sim_release(&w);
}

/* ---- one name on a box, and one address that is not answered ---- */

static char silent[32];

static bool spares_all_but_silent(const struct fetch_request *request)
{
	return !str_ends(request->url, silent);
}

static bool is_longer(struct sim_world *w)
{
	return left(w) > 30 * WHEN_HOUR || left(w) < 5;
}

/* Nobody else is there to show that the CA is well, but the CA itself. */
static void one_order_that_is_stuck_is_made_anew(void **state)
{
	static const char *const what[] = { "/authz/", "/chall/", "/order/" };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(what); i++) {
		struct sim_world w;

		print_message("%s\n", what[i / 2]);
		start_due(&w, 1, 40 * WHEN_HOUR);
		w.shared->ca.order_life = 7 * WHEN_DAY;
		snprintf(silent, sizeof(silent), "%s%u", what[i / 2],
			 w.shared->ca.orders);
		w.spares = spares_all_but_silent;
		w.fault = i % 2 ? SIM_ERROR_500 : SIM_LOST_REQUEST;
		w.fault_until = ULONG_MAX;
		assert_true(sim_run(&w, is_longer, 22 * WHEN_HOUR));
		assert_in_range(left(&w), 30 * WHEN_HOUR, 40 * WHEN_HOUR);
		assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 3);
		sim_release(&w);
	}
}

/* ---- a limit at one CA, and the other is down just then ---- */

static long wanted;

static bool are_limited(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM domain"
			   " WHERE problem LIKE '%rateLimited%'") >= wanted;
}

/* The CA that so many come to has it, for a day, and the other has none. */
static void limit_once(struct sim_world *w, long names)
{
	w->shared->ca.declines = "";
	w->shared->ca.declines_as = "rateLimited";
	w->shared->ca.declines_status = 429;
	w->shared->ca.declines_for = "86400";
	wanted = names;
	assert_true(sim_run(w, are_limited, 10 * WHEN_MINUTE));
	w->shared->ca.declines = NULL;
}

/* It is waited for, and not the limit. */
static void a_limit_does_not_hold_a_name_from_a_ca_that_is_down(void **state)
{
	static const long lives[] = { 24 * WHEN_HOUR, 40 * WHEN_HOUR };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct sim_world w;

		start_due(&w, 2, lives[i]);
		spoil_at(&w, "/chall/", SIM_LOST_REQUEST, UINT_MAX);
		sim_run(&w, NULL, 30);
		limit_once(&w, 1);
		sim_run(&w, NULL, 5 * WHEN_MINUTE);
		spoil_no_more(&w);
		sim_run(&w, NULL, 2 * WHEN_HOUR);
		assert_in_range(left(&w), lives[i] - 3 * WHEN_HOUR, lives[i]);
		sim_release(&w);
	}
}

/*
 * The second CA is never there. It waits for that, and others that are due for
 * the first, of which nobody has asked anything for an hour.
 */
static void who_waits_for_a_dead_ca_is_in_nobodys_way(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.life = 160 * WHEN_HOUR;
	use_cas(&w, 2);
	strcpy(w.settings.ca[1].directory_url,
	       "https://nowhere.test/directory");
	sim_start(&w);
	sim_add(&w, NAME);
	sim_add(&w, "late.test");
	assert_true(sim_run(&w, sim_all_live, WHEN_MINUTE));
	scratch_sql(w.dir, "state.db",
		    "UPDATE domain SET due_at = 1800036000"
		    "  + 10800 * (name = 'late.test')");
	sim_run(&w, NULL, SIM_START + 35000 - sim_now(&w));
	w.shared->ca.declines = HOST;
	w.shared->ca.declines_as = "rateLimited";
	w.shared->ca.declines_status = 429;
	w.shared->ca.declines_for = "86400";
	sim_run(&w, NULL, SIM_START + 46800 + WHEN_HOUR - sim_now(&w));
	assert_true(sim_told(&w, "order.failed") > 0);
	assert_true(sim_served_until(&w, "late.test") - sim_now(&w) >
		    150 * WHEN_HOUR);
	sim_release(&w);
}

#define ALIKE 6

/* Its Retry-After is for who is new there: what is served goes on elsewhere. */
static void a_limit_in_strange_words_holds_nobody_for_its_day(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.life = 24 * WHEN_HOUR;
	use_cas(&w, 2);
	sim_start(&w);
	for (int i = 0; i < ALIKE; i++)
		sim_add(&w, name_of(i));
	assert_true(sim_run(&w, sim_all_live, 300));
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	scratch_sql(w.dir, "state.db",
		    "UPDATE domain SET due_at = 1800036000"
		    " WHERE due_at > 0");
	sim_run(&w, NULL, SIM_START + 36000 - 5 - sim_now(&w));
	spoil_at(&w, "/chall/", SIM_LOST_REQUEST, UINT_MAX);
	sim_run(&w, NULL, 30);
	limit_once(&w, ALIKE);
	sim_run(&w, NULL, 3 * WHEN_MINUTE);
	spoil_no_more(&w);
	sim_run(&w, NULL, 3 * WHEN_HOUR);
	for (int i = 0; i < ALIKE; i++)
		assert_true(sim_served_until(&w, name_of(i)) - sim_now(&w) >
			    20 * WHEN_HOUR);
	sim_release(&w);
}

/* The list is a help, and no need: nobody waits at its door. */
static void a_list_behind_a_door_is_done_without(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.lists_orders = true;
	sim_start(&w);
	spoil_at(&w, "/new-order", SIM_LOST_REPLY, 1);
	sim_add(&w, NAME);
	while (!spoilt.hits)
		sim_run(&w, NULL, 1);
	spoil_at(&w, "/orders", SIM_TOO_MANY_429, UINT_MAX);
	assert_true(sim_run(&w, sim_all_live, 10 * WHEN_MINUTE));
	assert_in_range(spoilt.hits, 1, 8);
	sim_release(&w);
}

/* ---- what the CA did not hear is not counted as if it had looked ---- */

static bool (*looks)(void *arg, const char *token, const char *key_auth);
static unsigned blind;

static bool looks_in_vain_at_first(void *arg, const char *token,
				   const char *key_auth)
{
	if (!blind)
		return looks(arg, token, key_auth);
	blind--;
	return false;
}

static void blind_once(struct sim_world *w)
{
	looks = w->shared->ca.token_is_served;
	w->shared->ca.token_is_served = looks_in_vain_at_first;
	blind = 1;
}

/* Validation is down for hours, and then a single look fails. */
static void a_look_that_fails_is_one(void **state)
{
	static const enum sim_fault faults[] = { SIM_ERROR_500,
						 SIM_LOST_REQUEST };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct sim_world w;

		start_due(&w, 1, 160 * WHEN_HOUR);
		spoil_at(&w, "/chall/", faults[i], UINT_MAX);
		sim_run(&w, NULL, 5 * WHEN_HOUR);
		assert_true(spoilt.hits > 5);
		blind_once(&w);
		spoil_no_more(&w);
		assert_true(sim_run(&w, is_renewed, 4 * WHEN_HOUR));
		assert_int_equal(blind, 0);
		sim_release(&w);
	}
}

/* Its answer is lost, so that the order is void: that is no other matter. */
static void nor_is_a_look_while_the_answer_was_lost(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 1, 160 * WHEN_HOUR);
	spoil_at(&w, "/chall/", SIM_ERROR_500, UINT_MAX);
	sim_run(&w, NULL, 5 * WHEN_HOUR);
	blind_once(&w);
	spoil_at(&w, "/chall/", SIM_HTML_500, 1);
	assert_true(sim_run(&w, is_renewed, 4 * WHEN_HOUR));
	assert_int_equal(blind, 0);
	sim_release(&w);
}

/* It had validated the name: there is no look to count. */
static void nor_are_downloads_that_failed(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 1, 160 * WHEN_HOUR);
	spoil_at(&w, "/cert/", SIM_ERROR_500, UINT_MAX);
	sim_run(&w, NULL, 11 * WHEN_HOUR);
	assert_true(spoilt.hits > 20);
	spoil_no_more(&w);
	w.shared->ca.order[w.shared->ca.orders - 1].is_known = false;
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 3);
	assert_in_range(left(&w), 150 * WHEN_HOUR, 160 * WHEN_HOUR);
	sim_release(&w);
}

/* ---- orders that hardly live ---- */

/* Whenever its end comes: before, between or in the middle of exchanges. */
static void orders_of_some_seconds_are_not_made_without_a_pause(void **state)
{
	(void)state;
	for (long life = 0; life <= 12; life++) {
		struct sim_world w;
		unsigned before;

		start_due(&w, 1, 40 * WHEN_HOUR);
		before = sim_ca_orders_of(&w.shared->ca, HOST);
		w.shared->ca.validation_looks = 1000000;
		w.shared->ca.order_life = life;
		sim_run(&w, NULL, 10 * WHEN_MINUTE);
		print_message("%ld s: %u\n", life,
			      sim_ca_orders_of(&w.shared->ca, HOST) - before);
		assert_in_range(sim_ca_orders_of(&w.shared->ca, HOST) - before,
				1, 11);
		sim_release(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hiccup_costs_nothing),
		cmocka_unit_test(what_is_really_gone_is_made_anew),
		cmocka_unit_test(many_at_a_door_all_come_in),
		cmocka_unit_test(and_so_do_renewals),
		cmocka_unit_test(a_door_for_one_name_is_none_for_others),
		cmocka_unit_test(who_is_told_to_stay_away_goes_elsewhere),
		cmocka_unit_test(what_stays_away_is_had_elsewhere),
		cmocka_unit_test(what_stays_away_costs_few_certificates),
		cmocka_unit_test(one_order_that_is_stuck_is_made_anew),
		cmocka_unit_test(
			a_limit_does_not_hold_a_name_from_a_ca_that_is_down),
		cmocka_unit_test(who_waits_for_a_dead_ca_is_in_nobodys_way),
		cmocka_unit_test(
			a_limit_in_strange_words_holds_nobody_for_its_day),
		cmocka_unit_test(a_list_behind_a_door_is_done_without),
		cmocka_unit_test(a_look_that_fails_is_one),
		cmocka_unit_test(nor_is_a_look_while_the_answer_was_lost),
		cmocka_unit_test(nor_are_downloads_that_failed),
		cmocka_unit_test(
			orders_of_some_seconds_are_not_made_without_a_pause),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
