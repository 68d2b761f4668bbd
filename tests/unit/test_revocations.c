/*
 * Certificates that are taken back: replaced first, told to the CA that
 * issued them, whatever it answers and wherever we die.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/revoke_ask.h"
#include "acme/revoke_reason.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/box.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

#define SUPERSEDED 4

static struct cert served(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;
	struct cert c;

	must(cert_current(w->store, &d, &c, &err), &err);
	return c;
}

static void start_live(struct sim_world *w)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

static bool ask(struct sim_world *w, int reason, bool at_once)
{
	struct revoke_wish wish = { reason, at_once };
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;
	bool is_news;

	must(store_begin(w->store, &err), &err);
	must(revoke_ask(w->store, &d, &wish, sim_now(w), &is_news, &err), &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
	return is_news;
}

static bool refuses(struct sim_world *w, int reason, bool at_once,
		    const char *words)
{
	struct revoke_wish wish = { reason, at_once };
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;
	bool is_news, ok;

	must(store_begin(w->store, &err), &err);
	ok = revoke_ask(w->store, &d, &wish, sim_now(w), &is_news, &err);
	store_rollback(w->store);
	return !ok && err.kind == ERR_REFUSED && strstr(err.text, words);
}

static bool is_revoked(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0") >
	       0;
}

static bool is_settled(struct sim_world *w)
{
	return is_revoked(w) &&
	       !sim_rows(w,
			 "SELECT COUNT(*) FROM cert WHERE revoke_due_at > 0") &&
	       !sim_rows(w, "SELECT COUNT(*) FROM ord WHERE ended_at = 0");
}

static void assert_revoked(const struct sim_world *w, const char *serial,
			   int reason, bool by_key)
{
	const struct sim_more *more = &w->shared->ca.more;

	assert_string_equal(w->shared->ca.complaint, "");
	for (unsigned i = 0; i < more->revocations; i++) {
		if (!streq(more->revoked[i].serial, serial))
			continue;
		assert_int_equal(more->revoked[i].reason, reason);
		assert_int_equal(more->revoked[i].by_key, by_key);
		return;
	}
	fail_msg("%s is not revoked", serial);
}

static void freeze(struct sim_world *w)
{
	struct err err = ERR_INIT;

	must(store_begin(w->store, &err), &err);
	must(box_freeze(w->store, &(struct box_freeze){ .since = 1 }, &err),
	     &err);
	must(store_commit(w->store, &err), &err);
}

/* ---- the order of things ---- */

/* The CA hears of it only when the replacement can be fetched. */
static void is_replaced_first(struct sim_world *w)
{
	if (w->shared->ca.more.revoke_requests)
		assert_int_equal(w->shared->ca.certs, 2);
	if (w->shared->ca.more.revoke_requests == 1)
		assert_true(sim_served_until(w, NAME) >
			    SIM_START + 90 * WHEN_DAY);
}

static void it_is_replaced_first(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	sim_run(&w, NULL, WHEN_DAY);
	old = served(&w);
	w.watch = is_replaced_first;
	assert_true(ask(&w, SUPERSEDED, false));
	assert_true(sim_run(&w, is_settled, 20));
	assert_revoked(&w, old.serial, SUPERSEDED, false);
	assert_int_equal(w.shared->ca.more.revoke_requests, 1);
	assert_string_not_equal(served(&w).serial, old.serial);
	assert_false(sim_domain(&w, NAME).revoked);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'cert.revoked'"),
			 1);
	sim_release(&w);
}

static void it_waits_for_its_replacement_for_long(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	w.shared->ca.issuance_looks = 3000;
	ask(&w, SUPERSEDED, false);
	sim_run(&w, NULL, WHEN_HOUR);
	assert_int_equal(w.shared->ca.more.revoke_requests, 0);
	for (unsigned i = 0; i < w.shared->ca.orders; i++)
		if (w.shared->ca.order[i].looks)
			w.shared->ca.order[i].looks = 1;
	assert_true(sim_run(&w, is_settled, WHEN_HOUR));
	assert_revoked(&w, old.serial, SUPERSEDED, false);
	sim_release(&w);
}

static void at_once_waits_for_nothing(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	freeze(&w);
	assert_true(refuses(&w, 0, false, "frozen"));
	ask(&w, 0, true);
	assert_true(sim_run(&w, is_revoked, 20));
	assert_revoked(&w, old.serial, 0, false);
	assert_int_equal(w.shared->ca.certs, 1);
	assert_true(sim_domain(&w, NAME).revoked);
	sim_release(&w);
}

static void asking_again_is_no_news(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	assert_true(ask(&w, SUPERSEDED, false));
	assert_false(ask(&w, SUPERSEDED, false));
	assert_true(ask(&w, SUPERSEDED, true));
	assert_false(ask(&w, SUPERSEDED, false));
	assert_true(sim_run(&w, is_settled, 20));
	assert_int_equal(w.shared->ca.certs, 2);
	assert_int_equal(w.shared->ca.more.revocations, 1);
	sim_release(&w);
}

/* ---- keys that others may have ---- */

static void a_compromised_key_takes_all_with_it(void **state)
{
	struct sim_world w;
	struct cert first, second;
	struct p256 key;
	struct err err = ERR_INIT;

	(void)state;
	start_live(&w);
	first = served(&w);
	ask(&w, 0, false);
	assert_true(sim_run(&w, is_settled, 20));
	must(store_begin(w.store, &err), &err);
	first.revoked_at = 0;	/* as if it had only been renewed */
	must(cert_update(w.store, &first, &err), &err);
	must(store_commit(w.store, &err), &err);
	w.shared->ca.more.revocations = 0;

	second = served(&w);
	ask(&w, REVOKE_KEY_COMPROMISE, false);
	sim_step(&w);
	assert_true(sim_run(&w, is_settled, 20));
	assert_revoked(&w, first.serial, REVOKE_KEY_COMPROMISE, false);
	assert_revoked(&w, second.serial, REVOKE_KEY_COMPROMISE, false);
	assert_int_equal(w.shared->ca.more.revocations, 2);
	must(key_by_id(w.store, second.key_id, &key, &err), &err);
	assert_true(key_is_compromised(w.store, key.point));
	must(key_by_id(w.store, served(&w).key_id, &key, &err), &err);
	assert_false(key_is_compromised(w.store, key.point));
	sim_release(&w);
}

/* Its key was made before, so it goes too: another order is made. */
static void an_order_under_way_is_dropped_with_its_key(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	w.shared->ca.issuance_looks = 3000;
	ask(&w, SUPERSEDED, false);
	sim_run(&w, NULL, 60);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
				      " WHERE ended_at = 0"),
			 1);
	w.shared->ca.issuance_looks = 0;
	ask(&w, REVOKE_KEY_COMPROMISE, false);
	assert_true(sim_run(&w, is_settled, 60));
	assert_revoked(&w, old.serial, REVOKE_KEY_COMPROMISE, false);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM compromised_key"),
			 2);
	assert_int_equal(sim_rows(&w,
				  "SELECT COUNT(*) FROM cert JOIN key ON"
				  " key.id = key_id WHERE cert.state = 0 AND"
				  " point IN (SELECT point FROM"
				  "  compromised_key)"),
			 0);
	sim_release(&w);
}

/* A trial has a key as well. */
static void a_trial_under_way_is_dropped_with_its_key(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.shared->ca.issuance_looks = 3000;
	ask(&w, SUPERSEDED, false);
	sim_run(&w, NULL, 60);
	scratch_sql(w.dir, "state.db",
		    "UPDATE ord SET trial = 1 WHERE ended_at = 0;"
		    "UPDATE domain SET due_at = 2000000000");
	ask(&w, REVOKE_KEY_COMPROMISE, false);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
				      " WHERE trial = 1 AND ended_at = 0"), 0);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM compromised_key"),
			 2);
	sim_release(&w);
}

/* ---- what the CA may answer ---- */

static void if_the_account_is_not_heard_its_own_key_signs(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	w.shared->ca.more.hears_no_account = true;
	ask(&w, SUPERSEDED, false);
	assert_true(sim_run(&w, is_settled, 20));
	assert_revoked(&w, old.serial, SUPERSEDED, true);
	assert_int_equal(w.shared->ca.more.revoke_requests, 2);
	sim_release(&w);
}

static void without_an_account_its_own_key_signs(void **state)
{
	struct sim_world w;
	struct cert old;
	struct err err = ERR_INIT;
	struct account a;

	(void)state;
	start_live(&w);
	old = served(&w);
	must(account_by_id(w.store, old.account_id, &a, &err), &err);
	a.state = ACCOUNT_DEACTIVATED;
	a.retry_at = sim_now(&w) + WHEN_DAY;
	must(store_begin(w.store, &err), &err);
	must(account_update(w.store, &a, &err), &err);
	must(store_commit(w.store, &err), &err);
	w.shared->ca.more.is_deactivated = true;
	ask(&w, SUPERSEDED, true);
	assert_true(sim_run(&w, is_revoked, 20));
	assert_revoked(&w, old.serial, SUPERSEDED, true);
	assert_int_equal(w.shared->ca.more.revoke_requests, 1);
	sim_release(&w);
}

static void a_reason_that_is_not_taken_is_left_out(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	w.shared->ca.more.refused_reason = 5;
	ask(&w, 5, true);
	assert_true(sim_run(&w, is_revoked, 20));
	assert_revoked(&w, old.serial, REVOKE_UNSPECIFIED, false);
	sim_release(&w);
}

/* An endpoint that is broken is no outage: renewals go on. */
static void an_error_is_tried_again_ever_slower(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.shared->ca.more.breaks_on_revocation = true;
	ask(&w, SUPERSEDED, true);
	sim_run(&w, NULL, 10 * WHEN_DAY);
	assert_int_equal(w.shared->ca.certs, 2);
	assert_in_range(w.shared->ca.more.revoke_requests, 10, 16);
	assert_int_equal(sim_rows(&w, "SELECT down_since FROM ca"), 0);
	w.shared->ca.more.breaks_on_revocation = false;
	assert_true(sim_run(&w, is_revoked, 2 * WHEN_DAY));
	sim_release(&w);
}

static void it_is_over_when_it_expires(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.shared->ca.more.breaks_on_revocation = true;
	ask(&w, SUPERSEDED, true);
	sim_run(&w, NULL, 95 * WHEN_DAY);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM cert"
				      " WHERE revoke_due_at > 0"),
			 0);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'cert.revocation-over'"),
			 1);
	sim_release(&w);
}

/* By a clock that is far ahead it has expired, until the CA tells. */
static void a_boot_far_ahead_ends_no_revocation(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = ULONG_MAX;
	assert_true(ask(&w, SUPERSEDED, true));
	sim_stop(&w);
	w.shared->skew_ms = 120 * WHEN_DAY * 1000LL;
	sim_start(&w);
	sim_run(&w, NULL, WHEN_HOUR);
	w.fault = SIM_FAULTLESS;
	assert_true(sim_run(&w, is_revoked, WHEN_HOUR));
	assert_revoked(&w, old.serial, SUPERSEDED, false);
	sim_release(&w);
}

static void an_outage_is_waited_out(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	old = served(&w);
	w.fault = SIM_LOST_REQUEST;
	w.fault_from = w.shared->exchanges;
	w.fault_until = (unsigned long)-1;
	ask(&w, SUPERSEDED, true);
	sim_run(&w, NULL, 6 * WHEN_HOUR);
	assert_int_equal(sim_rows(&w, "SELECT revoke_failures FROM cert"), 0);
	w.fault_until = 0;
	assert_true(sim_run(&w, is_revoked, 3 * WHEN_MINUTE));
	assert_revoked(&w, old.serial, SUPERSEDED, false);
	sim_release(&w);
}

/* ---- a CA that answers everything with an error ---- */

static void (*real_fetch)(void *ctx, const struct fetch_request *request,
			  fetch_done *done, void *arg);
static unsigned failed;
static const char *peace = ""; /* Retry-After */

struct question {
	fetch_done *done;
	void *arg;
};

static void answer_503(const struct fetch_reply *reply, void *arg)
{
	struct question *q = arg;
	struct fetch_reply no = *reply;

	no.status = 503;
	no.body = "";
	no.body_len = 0;
	no.retry_after = peace;
	failed++;
	q->done(&no, q->arg);
	free(q);
}

static void fetch_nothing(void *ctx, const struct fetch_request *request,
			  fetch_done *done, void *arg)
{
	struct fetch_request head = *request;
	struct question *q = xmalloc(sizeof(*q));

	*q = (struct question){ done, arg };
	head.method = FETCH_HEAD;
	head.url = SIM_CA_ORIGIN "/new-nonce";
	real_fetch(ctx, &head, answer_503, q);
}

/* It is charged once, until the whole CA is seen to be down; and no more. */
static void an_outage_in_words_is_the_cas_as_well(void **state)
{
	struct sim_world w;
	struct cert old;

	(void)state;
	start_live(&w);
	freeze(&w); /* nobody else asks it anything */
	old = served(&w);
	real_fetch = w.world.fetch;
	w.world.fetch = fetch_nothing;
	ask(&w, SUPERSEDED, true);
	sim_run(&w, NULL, 6 * WHEN_HOUR);
	assert_in_range(failed, 20, 2000);
	assert_in_range(sim_rows(&w, "SELECT revoke_failures FROM cert"), 0, 1);
	assert_true(sim_rows(&w, "SELECT down_since FROM ca") > 0);
	w.world.fetch = real_fetch;
	assert_true(sim_run(&w, is_revoked, 3 * WHEN_MINUTE));
	assert_revoked(&w, old.serial, SUPERSEDED, false);
	sim_release(&w);
}

/* Its directory comes seconds later than a quick no. */
struct detour {
	struct question q;
	void *ctx;
	int hops;
};

static void go_on(const struct fetch_reply *reply, void *arg)
{
	struct detour *d = arg;
	struct fetch_request next = { .url = SIM_CA_ORIGIN "/new-nonce",
				      .method = FETCH_HEAD };

	(void)reply;
	if (d->hops-- > 0) {
		real_fetch(d->ctx, &next, go_on, d);
		return;
	}
	next = (struct fetch_request){ .url = SIM_CA_ORIGIN "/directory" };
	real_fetch(d->ctx, &next, d->q.done, d->q.arg);
	free(d);
}

static void fetch_no_revocation(void *ctx, const struct fetch_request *request,
				fetch_done *done, void *arg)
{
	struct detour *d;

	if (strstr(request->url, "/revoke-cert")) {
		fetch_nothing(ctx, request, done, arg);
	} else if (!strstr(request->url, "/directory")) {
		real_fetch(ctx, request, done, arg);
	} else {
		d = xmalloc(sizeof(*d));
		*d = (struct detour){ { done, arg }, ctx, 99 };
		go_on(NULL, d);
	}
}

/* All of them are to be revoked, by a box that has nothing else to ask. */
static void start_many(struct sim_world *w, int names)
{
	char name[32], sql[100];

	start_live(w);
	for (int i = 1; i < names; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(w, name);
	}
	must(sim_run(w, sim_all_live, WHEN_HOUR), NULL);
	freeze(w);
	real_fetch = w->world.fetch;
	w->world.fetch = fetch_nothing;
	failed = 0;
	snprintf(sql, sizeof(sql),
		 "UPDATE cert SET revoke_reason = 4, revoke_due_at = %lld",
		 (long long)sim_now(w));
	scratch_sql(w->dir, "state.db", sql);
	engine_poke(w->engine);
}

static bool are_all_revoked(struct sim_world *w)
{
	return !sim_rows(w, "SELECT COUNT(*) FROM cert WHERE revoked_at = 0");
}

/* However many there are, it is one who knocks. */
static void an_outage_is_no_storm(void **state)
{
	struct sim_world w;
	unsigned before = 0;

	(void)state;
	start_many(&w, 40);
	for (int i = 0; i < 12; i++) {
		sim_run(&w, NULL, 10 * WHEN_MINUTE);
		assert_in_range(failed - before, 5, 60);
		before = failed;
	}
	assert_in_range(sim_rows(&w, "SELECT SUM(revoke_failures) FROM cert"),
			1, 16);
	w.world.fetch = real_fetch;
	assert_true(sim_run(&w, are_all_revoked, 5 * WHEN_MINUTE));
	sim_release(&w);
}

static void a_ca_that_asks_for_peace_has_it(void **state)
{
	struct sim_world w;

	(void)state;
	peace = "1800";
	start_many(&w, 40);
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	failed = 0;
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_in_range(failed, 3, 20);
	peace = "";
	w.world.fetch = real_fetch;
	assert_true(sim_run(&w, are_all_revoked, 45 * WHEN_MINUTE));
	sim_release(&w);
}

static bool is_well(struct sim_world *w)
{
	return !sim_rows(w, "SELECT down_since FROM ca");
}

/* After an outage this alone stays broken: that keeps nothing down. */
static void a_broken_endpoint_makes_no_outage_longer(void **state)
{
	struct sim_world w;

	(void)state;
	start_many(&w, 40);
	sim_run(&w, NULL, WHEN_HOUR);
	assert_false(is_well(&w));
	w.world.fetch = fetch_no_revocation;
	assert_true(sim_run(&w, is_well, 7 * WHEN_MINUTE));
	for (int i = 0; i < WHEN_DAY / WHEN_HOUR; i++) {
		sim_run(&w, NULL, WHEN_HOUR);
		assert_true(is_well(&w));
	}
	w.world.fetch = real_fetch;
	assert_true(sim_run(&w, are_all_revoked, 2 * WHEN_DAY));
	sim_release(&w);
}

/* What became of it when the request met this fault: how often it was made. */
static unsigned spoil(enum sim_fault fault)
{
	struct sim_world w;
	unsigned requests;
	struct cert old;

	start_live(&w);
	freeze(&w);		/* so that no order is in between */
	old = served(&w);
	w.fault = fault;
	w.fault_from = w.shared->exchanges;
	w.fault_until = w.fault_from + 1;
	ask(&w, SUPERSEDED, true);
	assert_true(sim_run(&w, is_revoked, WHEN_HOUR));
	assert_revoked(&w, old.serial, SUPERSEDED, false);
	requests = w.shared->ca.more.revoke_requests;
	sim_release(&w);
	return requests;
}

static void no_lost_answer_matters(void **state)
{
	(void)state;
	assert_int_equal(spoil(SIM_LOST_REQUEST), 1);
	assert_int_equal(spoil(SIM_LOST_REPLY), 2);
	assert_int_equal(spoil(SIM_ERROR_500), 1);
	assert_int_equal(spoil(SIM_HTML_500), 2);
	assert_int_equal(spoil(SIM_BUSY_503), 1);
}

/* ---- crashes ---- */

static void revoke_in_child(struct sim_world *w)
{
	sim_start(w);
	if (!w->shared->ca.more.revoke_requests && w->shared->ca.certs == 1)
		ask(w, SUPERSEDED, false);
	must(sim_run(w, is_settled, WHEN_HOUR), NULL);
}

static void live_in_child(struct sim_world *w)
{
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

static bool crash_at(unsigned long at)
{
	struct sim_world w;
	bool came_to_its_end;

	sim_init(&w);
	must(sim_in_child(&w, live_in_child), NULL);
	w.crash_at = at;
	came_to_its_end = sim_in_child(&w, revoke_in_child);
	w.crash_at = 0;
	must(sim_in_child(&w, revoke_in_child), NULL);
	assert_string_equal(w.shared->ca.complaint, "");
	assert_int_equal(w.shared->ca.more.revocations, 1);
	assert_int_equal(w.shared->ca.certs, 2);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM cert"
				      " WHERE revoked_at > 0 AND state = 1"),
			 1);
	sim_release(&w);
	return came_to_its_end;
}

static void a_crash_at_any_point_changes_nothing(void **state)
{
	unsigned long at = 1;

	(void)state;
	while (!crash_at(at))
		at++;
	assert_true(at > 40);
}

/* ---- words ---- */

static const struct {
	const char *name;
	bool is_known;
	int number;
} reasons[] = {
	{ "unspecified", true, 0 },
	{ "keyCompromise", true, 1 },
	{ "KEYCOMPROMISE", true, 1 },
	{ "superseded", true, 4 },
	{ "cessationOfOperation", true, 5 },
	{ "privilegeWithdrawn", true, 9 },
	{ "cACompromise", false, 0 },	/* not for us to say */
	{ "removeFromCRL", false, 0 },
	{ "1", false, 0 },
	{ "", false, 0 },
};

static void reasons_have_the_numbers_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		int number = -1;

		assert_int_equal(revoke_reason_parse(reasons[i].name, &number),
				 reasons[i].is_known);
		if (!reasons[i].is_known)
			continue;
		assert_int_equal(number, reasons[i].number);
		assert_true(streq_case(revoke_reason_name(number),
				       reasons[i].name));
	}
	assert_string_equal(revoke_reason_name(77), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_replaced_first),
		cmocka_unit_test(it_waits_for_its_replacement_for_long),
		cmocka_unit_test(at_once_waits_for_nothing),
		cmocka_unit_test(asking_again_is_no_news),
		cmocka_unit_test(a_compromised_key_takes_all_with_it),
		cmocka_unit_test(a_trial_under_way_is_dropped_with_its_key),
		cmocka_unit_test(an_outage_in_words_is_the_cas_as_well),
		cmocka_unit_test(an_outage_is_no_storm),
		cmocka_unit_test(a_ca_that_asks_for_peace_has_it),
		cmocka_unit_test(a_broken_endpoint_makes_no_outage_longer),
		cmocka_unit_test(an_order_under_way_is_dropped_with_its_key),
		cmocka_unit_test(if_the_account_is_not_heard_its_own_key_signs),
		cmocka_unit_test(without_an_account_its_own_key_signs),
		cmocka_unit_test(a_reason_that_is_not_taken_is_left_out),
		cmocka_unit_test(an_error_is_tried_again_ever_slower),
		cmocka_unit_test(it_is_over_when_it_expires),
		cmocka_unit_test(a_boot_far_ahead_ends_no_revocation),
		cmocka_unit_test(an_outage_is_waited_out),
		cmocka_unit_test(no_lost_answer_matters),
		cmocka_unit_test(a_crash_at_any_point_changes_nothing),
		cmocka_unit_test(reasons_have_the_numbers_of_the_rfc),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
