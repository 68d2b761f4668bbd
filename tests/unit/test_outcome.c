/*
 * What the end of an order means for the next try, in the whole engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

static bool token_is_nowhere(void *arg, const char *token, const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	return false;
}

static void start_live(struct sim_world *w, size_t cas)
{
	sim_init(w);
	for (size_t i = 1; i < cas; i++) {
		w->settings.ca[i] = w->settings.ca[0];
		w->settings.ca[i].name[0] = (char)('a' + i);
	}
	w->settings.ca_count = cas;
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

/* Until so many seconds before the end of its certificate. */
static void sleep_until(struct sim_world *w, long left)
{
	w->sleeps = true;
	sim_run(w, NULL, sim_served_until(w, NAME) - left - sim_now(w));
	w->sleeps = false;
}

static bool is_renewed(struct sim_world *w)
{
	return sim_served_until(w, NAME) > sim_now(w) + 80 * WHEN_DAY;
}

/* ---- names that keep failing ---- */

/* Each CA may do better than the other: none is left alone for a day. */
static void no_ca_is_spared_for_long_when_time_is_short(void **state)
{
	bool (*token_is_served)(void *, const char *, const char *);
	struct sim_world w;

	(void)state;
	for (size_t cas = 1; cas < 4; cas++) {
		start_live(&w, cas);
		token_is_served = w.shared->ca.token_is_served;
		w.shared->ca.token_is_served = token_is_nowhere;
		sleep_until(&w, 5 * WHEN_HOUR);
		w.shared->ca.token_is_served = token_is_served;
		assert_true(sim_run(&w, is_renewed, 2 * WHEN_HOUR));
		sim_release(&w);
	}
}

/* ---- names that fail alike ---- */

/* Nobody reaches this box: that is not the fault of a hundred names. */
static void what_many_have_alike_is_charged_to_none(void **state)
{
	bool (*token_is_served)(void *, const char *, const char *);
	struct sim_world w;
	char name[32];

	(void)state;
	start_live(&w, 1);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	token_is_served = w.shared->ca.token_is_served;
	w.shared->ca.token_is_served = token_is_nowhere;
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	assert_in_range(sim_rows(&w, "SELECT COUNT(*) FROM domain"
				     " WHERE failures > 0"),
			7, 8);
	assert_int_equal(sim_told(&w, "validations.failing"), 1);
	sim_run(&w, NULL, WHEN_HOUR);
	assert_in_range(sim_rows(&w, "SELECT COUNT(*) FROM domain"
				     " WHERE failures > 0"),
			7, 8);
	assert_int_equal(sim_told(&w, "validations.failing"), 1);
	w.shared->ca.token_is_served = token_is_served;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_HOUR));
	sim_release(&w);
}

/* A real CA's words name the URL that it asked for, with the token. */
static void (*plain_fetch)(void *ctx, const struct fetch_request *request,
			   fetch_done *done, void *arg);

struct listener {
	fetch_done *done;
	void *arg;
};

static void say_a_number(const struct fetch_reply *reply, void *arg)
{
	static unsigned number;
	struct listener *l = arg;
	struct fetch_reply other = *reply;
	const char *at = strstr(reply->body, "\"detail\":");
	char *body = NULL;

	if (at && strstr(reply->body, "\"invalid\"")) {
		int head = (int)(strchr(at + 9, '"') + 1 - reply->body);

		body = xasprintf("%.*s%u: %s", head, reply->body, number++,
				 reply->body + head);
		other.body = body;
		other.body_len = strlen(body);
	}
	l->done(&other, l->arg);
	free(body);
	free(l);
}

static void fetch_in_other_words(void *ctx, const struct fetch_request *request,
				 fetch_done *done, void *arg)
{
	struct listener *l = xmalloc(sizeof(*l));

	*l = (struct listener){ done, arg };
	plain_fetch(ctx, request, say_a_number, l);
}

/* What shows whether it is over must not use up the CA's limits, nor the trail. */
static void a_few_show_whether_it_is_over(void **state)
{
	bool (*token_is_served)(void *, const char *, const char *);
	struct sim_world w;
	unsigned orders;
	char name[32];
	long told;

	(void)state;
	start_live(&w, 1);
	plain_fetch = w.world.fetch;
	w.world.fetch = fetch_in_other_words;
	token_is_served = w.shared->ca.token_is_served;
	w.shared->ca.token_is_served = token_is_nowhere;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	sim_run(&w, NULL, 10 * WHEN_MINUTE);
	assert_in_range(w.shared->ca.orders, 10, 50);
	told = sim_told(&w, "order.failed");
	assert_in_range(told, 1, 10);
	for (int hour = 0; hour < 5; hour++) {
		orders = w.shared->ca.orders;
		sim_run(&w, NULL, WHEN_HOUR);
		assert_in_range(w.shared->ca.orders - orders, 6, 20);
	}
	assert_int_equal(sim_told(&w, "order.failed"), told);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain"
				      " WHERE failures > 1"),
			 0);
	w.shared->ca.token_is_served = token_is_served;
	assert_true(sim_run(&w, sim_all_live, 25 * WHEN_MINUTE));
	sim_release(&w);
}

static void add_many(struct sim_world *w, const char *pattern, int count)
{
	char name[32];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%02d.example", pattern, i);
		sim_add(w, name);
	}
}

static bool are_all_renewed(struct sim_world *w)
{
	return !sim_rows(w, "SELECT COUNT(*) FROM domain WHERE revoked = 1");
}

/* The CA knew the name from before, and did not come. */
static void who_was_not_looked_at_shows_nothing(void **state)
{
	struct engine_ca_status ca;
	struct sim_world w;
	char sql[100];

	(void)state;
	start_live(&w, 1);
	add_many(&w, "good", 20);
	must(sim_run(&w, sim_all_live, WHEN_HOUR), NULL);
	w.shared->ca.reuses_authz = true;
	w.shared->ca.token_is_served = token_is_nowhere;
	sim_run(&w, NULL, WHEN_HOUR);
	add_many(&w, "bad", 10);
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	engine_ca_status(w.engine, 0, &ca);
	assert_true(ca.alike_since != 0);
	snprintf(sql, sizeof(sql),
		 "UPDATE domain SET revoked = 1, due_at = %lld"
		 " WHERE name LIKE 'good%%'",
		 (long long)sim_now(&w));
	scratch_sql(w.dir, "state.db", sql);
	engine_poke(w.engine);
	assert_true(sim_run(&w, are_all_renewed, 5 * WHEN_MINUTE));
	engine_ca_status(w.engine, 0, &ca);
	assert_true(ca.alike_since != 0);
	sim_release(&w);
}

static struct sim_world *watched;

/* The names of one customer are never found. */
static bool token_is_of_another(void *arg, const char *token,
				const char *key_auth)
{
	char sql[200];

	(void)arg;
	(void)key_auth;
	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM ord JOIN domain ON domain.id = domain_id"
		 " WHERE token = '%s' AND name LIKE 'bad%%'",
		 token);
	return sim_rows(watched, sql) == 0;
}

static bool good_is_live(struct sim_world *w)
{
	return sim_domain(w, "good.example").state == DOMAIN_LIVE;
}

static void a_customers_names_hold_nobody_up(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	start_live(&w, 1);
	watched = &w;
	w.shared->ca.token_is_served = token_is_of_another;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "bad%02d.example", i);
		sim_add(&w, name);
	}
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_int_equal(sim_told(&w, "validations.failing"), 1);
	sim_add(&w, "good.example");
	assert_true(sim_run(&w, good_is_live, WHEN_MINUTE));
	sim_release(&w);
}

/* They have no time to lose, and another CA may reach them. */
static void in_its_last_quarter_a_name_goes_its_own_way(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	start_live(&w, 2);
	w.shared->ca.life = 6 * WHEN_HOUR; /* the half of it: renewal */
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	must(sim_run(&w, sim_all_live, WHEN_HOUR), NULL);
	w.shared->ca.token_is_served = token_is_nowhere;
	sim_run(&w, NULL,
		sim_served_until(&w, name) - 20 * WHEN_MINUTE - sim_now(&w));
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain"
				      " WHERE name LIKE 'd%'"
				      " AND failures < 3"),
			 0);
	sim_release(&w);
}

/* A few that fail among others are charged as ever. */
static void what_a_few_have_alike_is_theirs(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	start_live(&w, 1);
	w.shared->ca.token_is_served = token_is_nowhere;
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain"
				      " WHERE failures > 0"),
			 6);
	assert_int_equal(sim_told(&w, "validations.failing"), 0);
	sim_release(&w);
}

/* ---- names that a CA has paused ---- */

static void (*real_fetch)(void *ctx, const struct fetch_request *request,
			  fetch_done *done, void *arg);
static unsigned refused;

struct refusal {
	fetch_done *done;
	void *arg;
};

static void refuse(const struct fetch_reply *reply, void *arg)
{
	static const char body[] =
		"{\"type\":\"urn:ietf:params:acme:error:rateLimited\","
		"\"detail\":\"Your account is temporarily prevented from "
		"requesting certificates for example.org.\"}";
	struct refusal *r = arg;
	struct fetch_reply no = *reply;

	no.status = 429;
	no.body = body;
	no.body_len = strlen(body);
	no.location = "";
	r->done(&no, r->arg);
	free(r);
}

/* The nonce is asked for instead, so that the answer has one. */
static void fetch_paused(void *ctx, const struct fetch_request *request,
			 fetch_done *done, void *arg)
{
	struct fetch_request head = *request;
	struct refusal *r;

	if (!strstr(request->url, "/new-order")) {
		real_fetch(ctx, request, done, arg);
		return;
	}
	r = xmalloc(sizeof(*r));
	*r = (struct refusal){ done, arg };
	refused++;
	head.method = FETCH_HEAD;
	head.url = SIM_CA_ORIGIN "/new-nonce";
	real_fetch(ctx, &head, refuse, r);
}

static void pause_name(struct sim_world *w)
{
	real_fetch = w->world.fetch;
	w->world.fetch = fetch_paused;
	refused = 0;
}

/* Before its end and after it: haste is not what ends a pause. */
static void a_paused_name_is_asked_for_once_a_day(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w, 1);
	sim_run(&w, NULL, 10);
	w.sleeps = true;
	sim_run(&w, NULL, sim_domain(&w, NAME).due_at - sim_now(&w) - WHEN_DAY);
	pause_name(&w);
	sleep_until(&w, 3 * WHEN_DAY);
	refused = 0;
	sim_run(&w, NULL, 10 * WHEN_DAY);
	assert_in_range(refused, 8, 13);
	sim_release(&w);
}

/* Another CA has not paused it, and is asked at its pace. */
static void another_ca_is_asked_for_a_paused_name(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	start_live(&w, 2);
	w.shared->ca.token_is_served = token_is_nowhere;
	sleep_until(&w, WHEN_DAY);
	assert_true(sim_domain(&w, NAME).failures > 2);
	pause_name(&w);
	while (!refused)
		sim_step(&w);
	sim_run(&w, NULL, 10);
	d = sim_domain(&w, NAME);
	assert_non_null(strstr(d.problem, "temporarily prevented"));
	assert_in_range(d.due_at - sim_now(&w), 1, 3 * WHEN_HOUR);
	sim_release(&w);
}

/* ---- a trial and a renewal at one CA ---- */

static void want(struct sim_world *w, bool is_trial, bool is_renewal)
{
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;

	if (is_trial)
		d.try_ca = engine_ca_id(w->engine, "test");
	if (is_renewal) {
		d.due_at = sim_now(w);
		d.revoked = true;	/* our own guard lets it pass */
	}
	must(store_begin(w->store, &err) &&
	     domain_update(w->store, &d, &err) &&
	     store_commit(w->store, &err), &err);
	engine_poke(w->engine);
}

static bool is_served_anew(struct sim_world *w)
{
	return !sim_domain(w, NAME).revoked;
}

/* It gives one order for both, and one certificate for one of two keys. */
static void a_trial_gives_way_to_a_renewal(void **state)
{
	(void)state;
	for (unsigned steps = 0; steps < 40; steps++) {
		struct sim_world w;

		start_live(&w, 1);
		w.shared->ca.reuses_orders = true;
		want(&w, true, steps == 0);
		for (unsigned i = 0; i < steps; i++)
			sim_step(&w);
		if (steps)
			want(&w, false, true);
		assert_true(sim_run(&w, is_served_anew, WHEN_HOUR));
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'order.failed'"),
				 0);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'cert.renewed'"),
				 1);
		sim_release(&w);
	}
}

/*
 * That takes its token along, and a CA that goes on to look finds nothing: then
 * the order is void, and another is made at once.
 */
static void a_trial_that_gives_way_is_nobodys_fault(void **state)
{
	unsigned voids = 0;

	(void)state;
	for (unsigned steps = 1; steps < 40; steps++) {
		struct sim_world w;

		start_live(&w, 1);
		w.shared->ca.reuses_orders = true;
		w.shared->ca.validation_looks = 4;
		want(&w, true, false);
		for (unsigned i = 0; i < steps; i++)
			sim_step(&w);
		want(&w, false, true);
		assert_true(sim_run(&w, is_served_anew, 40));
		voids += sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'order.failed'") > 0;
		sim_release(&w);
	}
	assert_true(voids > 0);
}

/* One trial of a name at a time: that of another CA is waited for. */
static void a_trial_that_is_asked_for_is_not_lost(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (unsigned steps = 0; steps < 30; steps++) {
		struct sim_world w;

		start_live(&w, 2);
		for (unsigned i = 0; i < steps; i++)
			sim_step(&w);
		seen += sim_rows(&w, "SELECT COUNT(*) FROM ord"
				     " WHERE trial = 1 AND ended_at = 0") > 0;
		want(&w, true, false);
		sim_run(&w, NULL, WHEN_HOUR);
		assert_int_equal(sim_rows(&w,
					  "SELECT COUNT(*) FROM trail WHERE"
					  " text = 'trial with test passed'"),
				 1);
		sim_release(&w);
	}
	assert_true(seen > 3); /* the canary was under way */
}

static void want_trial(struct sim_world *w, const char *name, const char *ca)
{
	struct domain d = sim_domain(w, name);
	struct err err = ERR_INIT;

	d.try_ca = engine_ca_id(w->engine, ca);
	must(store_begin(w->store, &err) && domain_update(w->store, &d, &err) &&
		     store_commit(w->store, &err),
	     &err);
	engine_poke(w->engine);
}

static bool has_no_trial(struct sim_world *w)
{
	return !sim_rows(w, "SELECT COUNT(*) FROM ord"
			    " WHERE trial = 1 AND ended_at = 0");
}

/* ... by its own name only: others go past it. */
static void a_trial_that_waits_holds_no_other_up(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w, 2);
	sim_add(&w, "other.example");
	must(sim_run(&w, sim_all_live, 10), NULL);
	must(sim_run(&w, has_no_trial, WHEN_MINUTE), NULL);
	w.shared->ca.issuance_looks = 3000;
	want_trial(&w, NAME, "best");
	sim_run(&w, NULL, 30);
	want_trial(&w, NAME, "test");
	want_trial(&w, "other.example", "test");
	sim_run(&w, NULL, 30);
	assert_int_equal(sim_domain(&w, "other.example").try_ca, 0);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
				      " WHERE trial = 1 AND ended_at = 0"),
			 2);
	assert_true(sim_domain(&w, NAME).try_ca != 0);
	sim_release(&w);
}

/* Who asked for one is answered within a day. */
static void a_trial_is_over_in_a_day(bool is_begun)
{
	struct sim_world w;

	start_live(&w, 1);
	sim_add(&w, "other.example");
	must(sim_run(&w, sim_all_live, 10), NULL);
	w.fault = SIM_BUSY_503;
	w.fault_from = w.shared->exchanges;
	w.fault_until = ULONG_MAX;
	if (!is_begun)
		scratch_sql(w.dir, "state.db",
			    "UPDATE ca SET failures = 3, down_since = 1,"
			    " retry_ms = 4000000000000");
	want_trial(&w, NAME, "test");
	want_trial(&w, "other.example", "test");
	sim_run(&w, NULL, 23 * WHEN_HOUR);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
				      " WHERE trial = 1"),
			 is_begun ? 2 : 0);
	assert_int_equal(sim_told(&w, "trial.failed"), 0);
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_int_equal(sim_told(&w, "trial.failed"), 2);
	assert_int_equal(sim_rows(&w, "SELECT SUM(try_ca) FROM domain"), 0);
	w.fault = SIM_FAULTLESS;
	scratch_sql(w.dir, "state.db", "UPDATE ca SET retry_ms = 0");
	want_trial(&w, NAME, "test");
	sim_run(&w, NULL, WHEN_HOUR);
	assert_int_equal(sim_told(&w, "trial.passed"), 1);
	sim_release(&w);
}

static void a_trial_at_a_ca_that_is_down_is_over_in_a_day(void **state)
{
	(void)state;
	a_trial_is_over_in_a_day(false);
	a_trial_is_over_in_a_day(true);
}

/* ---- orders that are void ---- */

static bool is_ordered(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM ord WHERE ended_at = 0"
			   " AND order_url <> ''") > 0;
}

static bool has_failed_often(struct sim_world *w)
{
	return sim_domain(w, NAME).failures >= 4;
}

/* It had been the name's own fault for long, and now it is the CA's. */
static void a_void_order_waits_for_no_former_failures(void **state)
{
	bool (*token_is_served)(void *, const char *, const char *);
	struct sim_world w;

	(void)state;
	start_live(&w, 1);
	token_is_served = w.shared->ca.token_is_served;
	w.shared->ca.token_is_served = token_is_nowhere;
	sleep_until(&w, 31 * WHEN_DAY);
	assert_true(sim_run(&w, has_failed_often, 10 * WHEN_DAY));
	assert_true(sim_domain(&w, NAME).due_at > sim_now(&w) + 10 * WHEN_HOUR);
	w.shared->ca.token_is_served = token_is_served;
	assert_true(sim_run(&w, is_ordered, 3 * WHEN_DAY));
	sim_ca_wipe(&w.shared->ca);
	assert_true(sim_run(&w, is_renewed, 10 * WHEN_MINUTE));
	sim_release(&w);
}

static long last_wiped;

static bool is_ordered_anew(struct sim_world *w)
{
	return sim_rows(w, "SELECT MAX(id) FROM ord WHERE order_url <> ''") >
	       last_wiped;
}

/* And a CA that forgets each of them gets few. */
static void orders_that_are_always_void_become_rare(void **state)
{
	struct sim_world w;
	time_t end;

	(void)state;
	start_live(&w, 1);
	w.sleeps = true;
	sim_run(&w, NULL, sim_domain(&w, NAME).due_at - sim_now(&w) - 1);
	w.sleeps = false;
	last_wiped = 1;
	end = sim_now(&w) + 6 * WHEN_HOUR;
	while (sim_run(&w, is_ordered_anew, end - sim_now(&w))) {
		last_wiped++;
		sim_ca_wipe(&w.shared->ca);
	}
	assert_in_range(last_wiped, 4, 7);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_void_order_waits_for_no_former_failures),
		cmocka_unit_test(orders_that_are_always_void_become_rare),
		cmocka_unit_test(what_many_have_alike_is_charged_to_none),
		cmocka_unit_test(a_few_show_whether_it_is_over),
		cmocka_unit_test(who_was_not_looked_at_shows_nothing),
		cmocka_unit_test(a_customers_names_hold_nobody_up),
		cmocka_unit_test(in_its_last_quarter_a_name_goes_its_own_way),
		cmocka_unit_test(what_a_few_have_alike_is_theirs),
		cmocka_unit_test(no_ca_is_spared_for_long_when_time_is_short),
		cmocka_unit_test(a_paused_name_is_asked_for_once_a_day),
		cmocka_unit_test(another_ca_is_asked_for_a_paused_name),
		cmocka_unit_test(a_trial_gives_way_to_a_renewal),
		cmocka_unit_test(a_trial_that_gives_way_is_nobodys_fault),
		cmocka_unit_test(a_trial_that_is_asked_for_is_not_lost),
		cmocka_unit_test(a_trial_that_waits_holds_no_other_up),
		cmocka_unit_test(a_trial_at_a_ca_that_is_down_is_over_in_a_day),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
