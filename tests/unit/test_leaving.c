/* Domains on their way out: when they may go, and when they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "daemon/leaving.h"
#include "store/policy_version.h"
#include "store/reached.h"
#include "store/served.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0  ROWS_NOW
#define DAY WHEN_DAY
#define AGE STS_MAX_AGE_DEFAULT /* of version 1: 7 days */

static void publish(enum sts_mode mode, long max_age, time_t now)
{
	struct sts_policy p = { .mode = mode, .max_age = max_age };
	struct err err = ERR_INIT;
	bool changed;

	must(sts_policy_add_mx(&p, "mx.example.net", &err), &err);
	must(policy_version_publish(fix.store, &fix.domain, &p, now, &changed,
				    &err),
	     &err);
	must(changed, NULL);
	sts_policy_release(&p);
}

static struct policy_version version(long n)
{
	struct err err = ERR_INIT;
	struct policy_version v;

	must(policy_version_numbered(fix.store, &fix.domain, n, T0 + 400 * DAY,
				     &v, &err),
	     &err);
	policy_version_release(&v); /* its numbers stay */
	return v;
}

static void fetch(long n, time_t at)
{
	struct served_count c = { version(n).id, 1 };

	must(served_add(fix.store, &c, 1, at, NULL), NULL);
}

static void announce(long n, time_t at)
{
	const struct policy_version v = version(n);

	must(policy_version_announce(fix.store, &fix.domain, v.sts_id, at,
				     NULL),
	     NULL);
}

static void set_out(enum domain_leaving how, time_t at)
{
	fix.domain.state = DOMAIN_LIVE;
	fix.domain.leaving = how;
	fix.domain.leaving_at = at;
	must(domain_update(fix.store, &fix.domain, NULL), NULL);
}

static struct leaving leaving(const struct watch *w, time_t now)
{
	struct err err = ERR_INIT;
	struct leaving l;

	memset(&l, 0x55, sizeof(l));
	must(leaving_of(fix.store, &fix.domain, w, now, &l, &err), &err);
	return l;
}

static const struct watch in_step = { .txt = ANNOUNCED_IN_STEP,
				      .host = HOST_HERE };

static void what_stays_does_not_leave(void **state)
{
	const struct leaving nothing = { .done_at = 0 };
	struct leaving l = leaving(&in_step, T0 + DAY);

	(void)state;
	assert_memory_equal(&l, &nothing, sizeof(l));
}

/* ---- the date ---- */

/* Days since T0. Version 1 was replaced by 2 and 2 by none, when they say. */
static const struct {
	long max_age[2]; /* of them, in days */
	int replaced[2]; /* when */
	int fetched[2];	 /* last; -1: never */
	int gap[2];	 /* a crash: no counts from, until; -1: none */
	int announced;	 /* the none; -1: never */
	int held_until, done_at;
} dates[] = {
	/* the later of: held, and none's own day */
	{ { 7, 7 }, { 1, 2 }, { -1, -1 }, { -1, -1 }, 3, 0, 4 },
	{ { 7, 7 }, { 1, 2 }, { -1, 1 }, { -1, -1 }, 3, 8, 8 },
	{ { 7, 7 }, { 1, 2 }, { 0, 1 }, { -1, -1 }, 9, 8, 10 },

	/* over all versions, not only the last one */
	{ { 90, 7 }, { 1, 2 }, { 0, 1 }, { -1, -1 }, 3, 90, 90 },
	{ { 90, 7 }, { 30, 40 }, { 20, 39 }, { -1, -1 }, 41, 110, 110 },
	{ { 7, 90 }, { 1, 2 }, { 0, 1 }, { -1, -1 }, 3, 91, 91 },
	{ { 30, 7 }, { 1, 30 }, { 0, 29 }, { -1, -1 }, 31, 36, 36 },

	/* what a crash left uncounted counts as served, for as long as it
	   stood */
	{ { 7, 7 }, { 10, 20 }, { -1, 11 }, { 2, 5 }, 21, 18, 22 },
	{ { 7, 7 }, { 10, 20 }, { -1, 11 }, { 12, 15 }, 21, 22, 22 },
	{ { 7, 7 }, { 10, 20 }, { -1, 11 }, { 12, 25 }, 21, 27, 27 },
	{ { 30, 7 }, { 10, 20 }, { 1, 11 }, { 5, 25 }, 21, 40, 40 },
	{ { 7, 7 }, { 10, 20 }, { -1, -1 }, { 21, 25 }, 21, 0, 22 },

	/* nobody has seen it yet */
	{ { 7, 7 }, { 1, 2 }, { -1, 1 }, { -1, -1 }, -1, 8, 0 },
};

static void the_date_is_the_latest_that_anybody_may_hold(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		const struct domain was = fix.domain;
		struct leaving l;

		print_message("%zu\n", i);
		must(store_begin(fix.store, NULL), NULL);
		publish(STS_ENFORCE, dates[i].max_age[0] * DAY, T0);
		publish(STS_TESTING, dates[i].max_age[1] * DAY,
			T0 + dates[i].replaced[0] * DAY);
		set_out(DOMAIN_REMOVING, T0 + dates[i].replaced[1] * DAY);
		publish(STS_NONE, LEAVING_MAX_AGE,
			T0 + dates[i].replaced[1] * DAY);
		for (int k = 0; k < 2; k++)
			if (dates[i].fetched[k] >= 0)
				fetch(k + 2, T0 + dates[i].fetched[k] * DAY);
		if (dates[i].gap[0] >= 0)
			must(served_gap(fix.store, T0 + dates[i].gap[0] * DAY,
					T0 + dates[i].gap[1] * DAY, NULL),
			     NULL);
		if (dates[i].announced >= 0)
			announce(4, T0 + dates[i].announced * DAY);
		l = leaving(&in_step, T0 + 300 * DAY);
		assert_int_equal(l.held_until,
				 dates[i].held_until
					 ? T0 + dates[i].held_until * DAY
					 : 0);
		assert_int_equal(l.done_at,
				 dates[i].done_at ? T0 + dates[i].done_at * DAY
						  : 0);
		assert_int_equal(l.waits_for_txt, dates[i].announced < 0);
		assert_false(l.waits_for_dns);
		store_rollback(fix.store);
		fix.domain = was;
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* Fetches of the last seconds may not have been told yet. */
static void a_moment_after_it_counts_as_served(void **state)
{
	struct leaving l;

	(void)state;
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + DAY);
	announce(2, T0 + DAY);
	l = leaving(&in_step, T0 + DAY + SERVED_TOLD - 1);
	assert_int_equal(l.held_until, T0 + DAY + SERVED_TOLD - 1 + AGE);
	l = leaving(&in_step, T0 + DAY + SERVED_TOLD + 1);
	assert_int_equal(l.held_until, 0);
	assert_int_equal(l.done_at, T0 + 2 * DAY);
}

/* The record was taken away at once: none will never be announced. */
static void without_a_record_nobody_is_told(void **state)
{
	const struct watch gone = { .txt = ANNOUNCED_NOTHING };
	struct leaving l;

	(void)state;
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + DAY);
	l = leaving(&gone, T0 + 2 * DAY);
	assert_int_equal(l.done_at, T0 + DAY);
	assert_false(l.waits_for_txt);
	fetch(1, T0 + 2);
	l = leaving(&gone, T0 + 2 * DAY);
	assert_int_equal(l.done_at, T0 + 2 + AGE);
}

/* What does not decode may have been anything, and is waited for. */
static void a_damaged_version_is_waited_for(void **state)
{
	static const struct {
		const char *damage;
		time_t held; /* after its last fetch */
	} damages[] = {
		{ "mode = 17", AGE },
		{ "mx = '!'", AGE },
		{ "mode = 17, max_age = 9223372036854775807", STS_MAX_AGE_MAX },
		{ "mode = 17, max_age = -5", STS_MAX_AGE_MAX },
		{ "mode = 1, max_age = 9223372036854775807", STS_MAX_AGE_MAX },
	};

	(void)state;
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + DAY);
	announce(2, T0 + DAY);
	fetch(1, T0 + 2);
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		char sql[200];

		snprintf(sql, sizeof(sql),
			 "UPDATE policy SET %s WHERE version = 1",
			 damages[i].damage);
		scratch_sql(fix.dir, "state.db", sql);
		print_message("%s\n", damages[i].damage);
		assert_int_equal(leaving(&in_step, T0 + 3 * DAY).held_until,
				 T0 + 2 + damages[i].held);
	}
	scratch_sql(fix.dir, "state.db",
		    "UPDATE policy SET mode = 17 WHERE version = 1;"
		    "DELETE FROM served");
	assert_int_equal(leaving(&in_step, T0 + 3 * DAY).held_until, 0);
	must(store_begin(fix.store, NULL), NULL);
}

/* After a restore: the old box may go on for as long as the name leads there. */
static void another_host_is_waited_for_and_told(void **state)
{
	static const struct {
		enum watch_host host;
		bool waits;
	} hosts[] = {
		{ HOST_UNKNOWN, true },	 { HOST_ELSEWHERE, true },
		{ HOST_PARTLY, true },	 { HOST_HERE, false },
		{ HOST_NOWHERE, false },
	};

	(void)state;
	must(policy_version_elsewhere(fix.store, T0, NULL), NULL);
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + DAY);
	announce(2, T0 + DAY);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct watch w = in_step;
		struct leaving l;

		w.domain_id = fix.domain.id;
		w.host = hosts[i].host;
		must(watch_write(fix.store, &w, NULL), NULL);
		l = leaving(&w, T0 + 300 * DAY);
		print_message("%s\n", watch_host_name(hosts[i].host));
		assert_int_equal(l.waits_for_host, hosts[i].waits);
		assert_int_equal(l.done_at == 0, hosts[i].waits);
	}
}

/* ---- handing over ---- */

static const struct {
	enum watch_host host;
	long since; /* hours since T0; it set out at 10 */
	bool waits;
	long done_at;
} handovers[] = {
	{ HOST_UNKNOWN, 12, true, 0 },	 { HOST_HERE, 12, true, 0 },
	{ HOST_PARTLY, 12, true, 0 },	 { HOST_ELSEWHERE, 12, false, 36 },
	{ HOST_NOWHERE, 12, false, 36 }, { HOST_ELSEWHERE, 2, false, 34 },
};

static void a_handover_waits_for_caches(void **state)
{
	(void)state;
	set_out(DOMAIN_HANDING_OVER, T0 + 10 * WHEN_HOUR);
	for (size_t i = 0; i < ARRAY_LEN(handovers); i++) {
		const struct watch w = {
			.host = handovers[i].host,
			.host_since = T0 + handovers[i].since * WHEN_HOUR,
		};
		const struct leaving l = leaving(&w, T0 + 99 * WHEN_HOUR);

		print_message("%zu\n", i);
		assert_int_equal(l.waits_for_dns, handovers[i].waits);
		assert_false(l.waits_for_txt);
		assert_int_equal(l.done_at,
				 handovers[i].done_at
					 ? T0 + handovers[i].done_at * WHEN_HOUR
					 : 0);
	}
}

/* The customer leads the host to the other, and forgets `_mta-sts`. */
static void and_for_the_record_that_announces_it(void **state)
{
	struct watch w = { .host = HOST_ELSEWHERE,
			   .host_since = T0 + DAY,
			   .looked_at = T0 + 5 * DAY };
	struct leaving l;

	(void)state;
	set_out(DOMAIN_HANDING_OVER, T0);
	must(reached_begin(fix.store, fix.domain.id, T0, NULL, NULL), NULL);
	assert_false(leaving(&w, T0 + 5 * DAY).waits_for_cname);

	must(reached_led(fix.store, fix.domain.id, T0 + 5 * DAY, NULL), NULL);
	l = leaving(&w, T0 + 9 * DAY);
	assert_true(l.waits_for_cname);
	assert_false(l.waits_for_dns);
	assert_int_equal(l.done_at, 0);

	w.looked_at++; /* and now it was not there */
	l = leaving(&w, T0 + 9 * DAY);
	assert_false(l.waits_for_cname);
	assert_int_equal(l.done_at, T0 + 6 * DAY);

	w.host = HOST_HERE; /* both count */
	assert_int_equal(leaving(&w, T0 + 9 * DAY).done_at, 0);
}

/* ---- the end ---- */

#define END (T0 + 20 * DAY) /* all of it is over by then */

/* All is gone since long. */
static struct watch gone(void)
{
	return (struct watch){ .txt = ANNOUNCED_NOTHING,
			       .txt_since = END - LEAVING_SURE,
			       .host = HOST_NOWHERE,
			       .host_since = END - 2 * DAY,
			       .is_fresh_txt = true,
			       .is_fresh_host = true };
}

static void as_it_is(struct watch *w)
{
	(void)w;
}
static void txt_is_there(struct watch *w)
{
	w->txt = ANNOUNCED_IN_STEP;
}
static void txt_is_foreign(struct watch *w)
{
	w->txt = ANNOUNCED_FOREIGN;
}
static void txt_is_unknown(struct watch *w)
{
	w->txt = ANNOUNCED_UNKNOWN;
}
static void txt_is_old(struct watch *w)
{
	w->is_fresh_txt = false;
}
static void txt_went_just_now(struct watch *w)
{
	w->txt_since++;
}
static void host_is_here(struct watch *w)
{
	w->host = HOST_HERE;
}
static void host_is_partly(struct watch *w)
{
	w->host = HOST_PARTLY;
}
static void host_is_unknown(struct watch *w)
{
	w->host = HOST_UNKNOWN;
}
static void host_is_elsewhere(struct watch *w)
{
	w->host = HOST_ELSEWHERE;
}
static void host_is_old(struct watch *w)
{
	w->is_fresh_host = false;
}

static void host_went_an_hour_ago(struct watch *w)
{
	w->host_since = END - LEAVING_SURE;
}

static void host_went_just_now(struct watch *w)
{
	w->host_since = END - LEAVING_SURE + 1;
}

static void host_went_a_day_ago(struct watch *w)
{
	w->host_since = END - WHEN_DAY;
}

static void host_had_a_long_ttl(struct watch *w)
{
	w->host_since = END - 2 * WHEN_DAY + 1;
	w->former_ttl = 2 * WHEN_DAY;
}

static const struct {
	const char *what;
	void (*change)(struct watch *w);
	bool removed, handed_over;
} ends[] = {
	{ "all is gone", as_it_is, true, true },
	{ "host elsewhere", host_is_elsewhere, true, true },
	{ "host an hour ago", host_went_an_hour_ago, true, false },
	{ "host just now", host_went_just_now, false, false },
	{ "host a day ago", host_went_a_day_ago, true, true },
	{ "host with a long TTL", host_had_a_long_ttl, true, false },
	{ "host here", host_is_here, false, false },
	{ "host partly", host_is_partly, false, false },
	{ "host unknown", host_is_unknown, false, false },
	{ "host not seen now", host_is_old, false, false },
	{ "txt there", txt_is_there, false, true },
	{ "txt foreign", txt_is_foreign, false, true },
	{ "txt unknown", txt_is_unknown, false, true },
	{ "txt not seen now", txt_is_old, false, true },
	{ "txt just now", txt_went_just_now, false, true },
};

static bool step(const struct watch *w, time_t now)
{
	struct err err = ERR_INIT;
	bool is_gone;

	must(leaving_step(fix.store, &fix.domain, w, now, &is_gone, &err),
	     &err);
	return is_gone;
}

static bool is_there(void)
{
	struct domain d;

	return domain_by_id(fix.store, fix.domain.id, &d, NULL);
}

static void try_all(bool is_handover)
{
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		bool expected = is_handover ? ends[i].handed_over
					    : ends[i].removed;
		struct watch w = gone();

		print_message("%s\n", ends[i].what);
		must(store_begin(fix.store, NULL), NULL);
		ends[i].change(&w);
		assert_int_equal(step(&w, END), expected);
		assert_int_equal(is_there(), !expected);
		store_rollback(fix.store);
	}
	must(store_begin(fix.store, NULL), NULL);
}

static void removal_ends_when_both_records_are_gone(void **state)
{
	const struct watch w = gone();
	long lines;

	(void)state;
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + DAY);
	announce(2, T0 + 2 * DAY);
	fetch(1, T0 + DAY);
	try_all(false);
	lines = scratch_number(fix.dir, "state.db",
			       "SELECT COUNT(*) FROM trail");
	assert_true(step(&w, END));
	must(store_commit(fix.store, NULL), NULL);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM trail WHERE kind"
					" = 'domain.gone' AND"
					" domain = 'example.org'"),
			 1);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM trail"),
			 lines + 1);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM retired_id"),
			 2);
	must(store_begin(fix.store, NULL), NULL);
}

/* Its policies are over, and another host's may not be. */
static void the_end_knows_of_another_hosts_policy(void **state)
{
	struct watch w = gone();

	(void)state;
	w.domain_id = fix.domain.id;
	w.foreign_at = T0;
	must(watch_write(fix.store, &w, NULL), NULL);
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + DAY);
	announce(2, T0 + 2 * DAY);
	assert_true(step(&w, END));
	must(store_commit(fix.store, NULL), NULL);
	assert_int_equal(
		scratch_number(fix.dir, "state.db",
			       "SELECT COUNT(*) FROM trail WHERE kind"
			       " = 'domain.gone' AND text LIKE '%policy of"
			       " this box%another host''s%until 20%'"),
		1);
	must(store_begin(fix.store, NULL), NULL);
}

static void a_handover_ends_when_dns_has_left(void **state)
{
	(void)state;
	set_out(DOMAIN_HANDING_OVER, T0 + DAY);
	try_all(true);
}

/* Both records are gone, but a sender may hold the policy. */
static void nobody_goes_before_the_date(void **state)
{
	struct watch w = gone();
	time_t done_at = T0 + 19 * DAY + AGE;

	(void)state;
	set_out(DOMAIN_REMOVING, T0 + DAY);
	publish(STS_NONE, LEAVING_MAX_AGE, T0 + 19 * DAY);
	fetch(1, T0 + 19 * DAY);
	assert_false(step(&w, END));
	assert_false(step(&w, done_at - 1));
	assert_true(step(&w, done_at));
}

static void what_stays_never_goes(void **state)
{
	const struct watch w = gone();

	(void)state;
	assert_false(step(&w, END));
	assert_true(is_there());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(what_stays_does_not_leave),
		WITH_A_DOMAIN(the_date_is_the_latest_that_anybody_may_hold),
		WITH_A_DOMAIN(a_moment_after_it_counts_as_served),
		WITH_A_DOMAIN(without_a_record_nobody_is_told),
		WITH_A_DOMAIN(a_damaged_version_is_waited_for),
		WITH_A_DOMAIN(another_host_is_waited_for_and_told),
		WITH_A_DOMAIN(a_handover_waits_for_caches),
		WITH_A_DOMAIN(and_for_the_record_that_announces_it),
		WITH_A_DOMAIN(removal_ends_when_both_records_are_gone),
		WITH_A_DOMAIN(the_end_knows_of_another_hosts_policy),
		WITH_A_DOMAIN(a_handover_ends_when_dns_has_left),
		WITH_A_DOMAIN(nobody_goes_before_the_date),
		WITH_A_DOMAIN(what_stays_never_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
