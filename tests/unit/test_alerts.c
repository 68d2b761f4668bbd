/*
 * What is left of a certificate, how often a sink is tried: pure judgement.
 * And watchers, with a real engine and store in the virtual world of tests/sim.
 */
#include "daemon/alerts_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "acme/rollover.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/box.h"
#include "store/clock.h"
#include "store/notice.h"
#include "store/policy_version.h"
#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

#define OPEN(level) true, level

/* Lives of 1000 units; everything in units since its beginning. */
static const struct {
	long renew_at, now;
	bool is_open;
	enum alert_level level;
	bool has_expired;
	long next;
} cases[] = {
	{ 667, 0, false, 0, false, 750 },
	{ 667, 749, false, 0, false, 750 },
	{ 667, 750, OPEN(ALERT_WARNING), false, 900 },
	{ 667, 899, OPEN(ALERT_WARNING), false, 900 },
	{ 667, 900, OPEN(ALERT_ERROR), false, 950 },
	{ 667, 950, OPEN(ALERT_CRITICAL), false, 1000 },
	{ 667, 999, OPEN(ALERT_CRITICAL), false, 1000 },
	{ 667, 1000, OPEN(ALERT_CRITICAL), true, -1 },
	{ 667, 5000, OPEN(ALERT_CRITICAL), true, -1 },

	/* Planned for later than a quarter: it is waited for, up to a tenth. */
	{ 800, 750, false, 0, false, -2 },
	{ 800, 850, OPEN(ALERT_WARNING), false, 900 },
	{ 950, 899, false, 0, false, 900 },
	{ 950, 900, OPEN(ALERT_ERROR), false, 950 },
};

static void check(size_t i, long unit)
{
	const time_t from = 1800000000, now = from + cases[i].now * unit;
	const struct cert c = { .not_before = from,
				.not_after = from + 1000 * unit,
				.renew_at = from + cases[i].renew_at * unit };
	struct alerts_verdict v = alerts_judge(&c, now);
	time_t next = from + cases[i].next * unit;

	if (cases[i].next == -1)
		next = now + WHEN_DAY;
	if (cases[i].next == -2)
		next = c.renew_at + WHEN_MINUTE;
	print_message("%zu, life %ld s\n", i, 1000 * unit);
	assert_int_equal(v.is_open, cases[i].is_open);
	if (v.is_open)
		assert_int_equal(v.level, cases[i].level);
	assert_int_equal(v.has_expired, cases[i].has_expired);
	assert_int_equal(v.next, next);
}

/* Seven days or a year: only the share counts. */
static void a_certificate_is_judged_by_the_share_left(void **state)
{
	static const long units[] = { 576, 3888, 7776, 34387 };

	(void)state;
	for (size_t u = 0; u < ARRAY_LEN(units); u++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			check(i, units[u]);
}

/* From look to look it comes to its end, in a few. */
static void each_look_comes_later(void **state)
{
	const struct cert c = { .not_before = 1000,
				.not_after = 1040,
				.renew_at = 1020 };
	time_t now = 1000;
	int looks = 0;

	(void)state;
	for (; now < c.not_after; looks++) {
		struct alerts_verdict v = alerts_judge(&c, now);

		assert_true(v.next > now);
		now = v.next;
	}
	assert_int_equal(looks, 4);
}

static void pauses_grow_to_a_bound(void **state)
{
	static const struct {
		long attempts, pause;
	} pauses[] = { { 0, 10 },  { 1, 20 },  { 2, 40 },	{ 5, 320 },
		       { 6, 600 }, { 7, 600 }, { 1000000, 600 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++)
		assert_int_equal(alerts_pause(pauses[i].attempts),
				 pauses[i].pause);
}

/* ---- watchers ---- */

static struct sim_world w;
static struct config config;
static struct alerts alerts;

static void begin_run(void)
{
	sim_start(&w);
	alerts = (struct alerts){ .parts = { .store = w.store,
					     .engine = w.engine,
					     .config = &config },
				  .failing = { .state = DOMAIN_LIVE } };
}

static int set_up(void **state)
{
	(void)state;
	sim_init(&w);
	begin_run();
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 100));
	config.alerts.ca_down = 15 * WHEN_MINUTE;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sim_release(&w);
	return 0;
}

static void watch(alerts_watch *one, time_t now)
{
	struct err err = ERR_INIT;

	must(store_begin(w.store, &err), &err);
	must(one(&alerts, now, &err), &err);
	must(store_commit(w.store, &err), &err);
}

static bool add_name(const struct alert *a, void *arg)
{
	char *out = arg;

	sprintf(out + strlen(out), "%s%s%s/%s ", a->kind,
		*a->subject ? " " : "", a->subject,
		alert_level_name(a->level));
	return true;
}

static void assert_open(const char *expected)
{
	const struct alert_filter all = { .limit = 9 };
	struct err err = ERR_INIT;
	char out[1000] = "";

	must(alert_each(w.store, &all, sim_now(&w), add_name, out, &err), &err);
	assert_string_equal(out, expected);
}

static void change(void (*how)(struct domain *d, time_t at), time_t at)
{
	struct domain d = sim_domain(&w, NAME);
	struct err err = ERR_INIT;

	how(&d, at);
	must(store_begin(w.store, &err), &err);
	must(domain_update(w.store, &d, &err), &err);
	must(store_commit(w.store, &err), &err);
}

static void be_due(struct domain *d, time_t at)
{
	d->due_at = at;
	d->ready_at = 0;
}

static void be_queued(struct domain *d, time_t at)
{
	d->due_at = 0;
	d->ready_at = at;
	d->rank = RANK_RENEWAL;
}

static void (*const stalls[])(struct domain *d, time_t at) = { be_due,
								be_queued };

static void freeze(bool is_frozen)
{
	const struct box_freeze f = { .since = sim_now(&w), .actor = "me" };
	struct err err = ERR_INIT;

	must(store_begin(w.store, &err), &err);
	must(is_frozen ? box_freeze(w.store, &f, &err)
		       : box_thaw(w.store, &err), &err);
	must(store_commit(w.store, &err), &err);
}

/* The engine is not ticked: it is what stands still here. */
static void what_stands_still_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stalls); i++) {
		time_t now = sim_now(&w);

		change(stalls[i], now - WHEN_HOUR + 10);
		watch(alerts_watch_schedule, now);
		watch(alerts_watch_schedule, now + 9);	/* not an hour yet */
		assert_open("");
		watch(alerts_watch_schedule, now + 10);
		watch(alerts_watch_schedule, now + 129);	/* it may wake */
		assert_open("");
		watch(alerts_watch_schedule, now + 130);
		assert_open("schedule.stalled/critical ");
		freeze(true);	/* a reason to lie still */
		watch(alerts_watch_schedule, now + 131);
		assert_open("");
		freeze(false);
		change(stalls[i], now + 200);
		watch(alerts_watch_schedule, now + 200);
		assert_open("");
	}
}

static void a_clock_that_is_wrong_is_told_of_until_it_is_right(void **state)
{
	(void)state;
	watch(alerts_watch_clock, sim_now(&w));
	assert_open("");
	w.shared->skew_ms += 90 * WHEN_DAY * 1000L;
	sim_run(&w, NULL, WHEN_MINUTE);
	watch(alerts_watch_clock, sim_now(&w));
	assert_open("box.clock/warning ");
	w.shared->skew_ms = 0;
	sim_run(&w, NULL, 2 * WHEN_MINUTE);
	watch(alerts_watch_clock, sim_now(&w));
	assert_open("");
}

static void a_certificate_goes_through_all_levels(void **state)
{
	struct domain d = sim_domain(&w, NAME);
	struct err err = ERR_INIT;
	struct cert c;
	time_t now;

	(void)state;
	must(cert_current(w.store, &d, &c, &err), &err);
	watch(alerts_watch_certs, c.not_before);
	assert_open("");
	now = c.not_after - (c.not_after - c.not_before) / 4;
	watch(alerts_watch_certs, now - 1);
	assert_open("");
	watch(alerts_watch_certs, now);
	assert_open("cert.expiring example.org/warning ");
	watch(alerts_watch_certs, c.not_after - (c.not_after - now) / 3);
	assert_open("cert.expiring example.org/error ");
	watch(alerts_watch_certs, c.not_after - (c.not_after - now) / 6);
	assert_open("cert.expiring example.org/critical ");
	watch(alerts_watch_certs, c.not_after + 5 * WHEN_DAY);
	assert_open("cert.expiring example.org/critical ");
}

/* The engine's clock was ahead for a while, until a CA said so. */
/* ---- on the way out ---- */

static void hand_over(struct domain *d, time_t at)
{
	d->leaving = DOMAIN_HANDING_OVER;
	d->leaving_at = at;
}

/* Nobody works on it either, and that is a fault in what stays. */
static void remove_it(struct domain *d, time_t at)
{
	d->leaving = DOMAIN_REMOVING;
	d->leaving_at = at;
	d->due_at = d->ready_at = 0;
}

static void keep_it(struct domain *d, time_t at)
{
	(void)at;
	d->leaving = DOMAIN_STAYS;
	d->due_at = d->ready_at = 0;
}

static struct cert cert_now(void)
{
	struct domain d = sim_domain(&w, NAME);
	struct cert c;

	must(cert_current(w.store, &d, &c, NULL), NULL);
	return c;
}

static void lead(enum watch_host where)
{
	struct domain d = sim_domain(&w, NAME);
	struct watch seen;

	must(store_begin(w.store, NULL), NULL);
	must(watch_of(w.store, &d, &seen, NULL), NULL);
	seen.host = where;
	seen.host_since = sim_now(&w);
	must(watch_write(w.store, &seen, NULL), NULL);
	must(store_commit(w.store, NULL), NULL);
}

/* Nobody orders one for it, and senders come: also if DNS says nothing. */
static void a_handover_that_does_not_leave_is_told(void **state)
{
	static const enum watch_host stays[] = { HOST_UNKNOWN, HOST_HERE,
						 HOST_PARTLY };
	static const enum watch_host left[] = { HOST_ELSEWHERE, HOST_NOWHERE };
	const struct cert c = cert_now();
	time_t now = c.renew_at - 1;

	(void)state;
	change(hand_over, sim_now(&w));
	lead(HOST_HERE);
	watch(alerts_watch_certs, now);
	assert_open("");
	for (size_t i = 0; i < ARRAY_LEN(stays); i++) {
		lead(stays[i]);
		watch(alerts_watch_certs, now += WHEN_HOUR);
		assert_open("cert.expiring example.org/warning ");
	}
	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		lead(left[i]);
		watch(alerts_watch_certs, now += WHEN_HOUR);
		assert_open("");
	}
	lead(HOST_HERE);
	watch(alerts_watch_certs, c.not_after);
	assert_open("cert.expiring example.org/error ");
}

static void who_hands_over_needs_no_certificate(void **state)
{
	const struct cert c = cert_now();

	(void)state;
	change(keep_it, 0);
	watch(alerts_watch_certs, c.not_after - WHEN_HOUR);
	assert_open("cert.expiring example.org/critical "
		    "schedule.forgotten example.org/error ");
	change(hand_over, sim_now(&w));
	lead(HOST_ELSEWHERE);
	watch(alerts_watch_certs, c.not_after + 1);
	assert_open("");
	assert_int_equal(cert_nearest_expiry(w.store), 0);

	/* kept after all: within the hour it counts again */
	change(keep_it, 0);
	watch(alerts_watch_certs, c.not_after + 1 + WHEN_HOUR);
	assert_open("cert.expiring example.org/critical "
		    "schedule.forgotten example.org/error ");
	assert_int_equal(cert_nearest_expiry(w.store), c.not_after);
}

static void say_none(time_t at)
{
	struct sts_policy none = { .mode = STS_NONE,
				   .max_age = STS_MAX_AGE_MIN };
	struct domain d = sim_domain(&w, NAME);
	struct policy_version v;
	bool changed;

	must(store_begin(w.store, NULL), NULL);
	must(sts_policy_add_mx(&none, "mx.example.net", NULL), NULL);
	must(policy_version_publish(w.store, &d, &none, at, &changed, NULL),
	     NULL);
	sts_policy_release(&none);
	must(policy_version_current(w.store, &d, &v, NULL), NULL);
	must(policy_version_announce(w.store, &d, v.sts_id, at, NULL), NULL);
	policy_version_release(&v);
	must(store_commit(w.store, NULL), NULL);
}

/* RFC 8461, 8.3: senders fetch the none until the end of what they hold. */
static void a_removal_needs_one_to_its_end(void **state)
{
	const struct cert c = cert_now();
	const time_t late = c.not_after - WHEN_HOUR;

	(void)state;
	change(remove_it, late - WHEN_DAY);
	watch(alerts_watch_certs, late);
	assert_open("cert.expiring example.org/critical "
		    "schedule.forgotten example.org/error ");
	say_none(late);
	watch(alerts_watch_certs, late + WHEN_DAY - 1);
	assert_open("cert.expiring example.org/critical "
		    "schedule.forgotten example.org/error ");
	watch(alerts_watch_certs, late + 2 * WHEN_DAY);
	assert_open("");
}

static void what_was_called_expired_is_judged_again(void **state)
{
	struct domain d = sim_domain(&w, NAME);
	struct err err = ERR_INIT;
	struct cert c;
	time_t now = sim_now(&w), wrong = now + 100 * WHEN_DAY;

	(void)state;
	must(cert_current(w.store, &d, &c, &err), &err);
	assert_true(c.not_after < wrong);
	watch(alerts_watch_certs, wrong);
	assert_open("cert.expiring example.org/critical ");

	must(store_begin(w.store, &err), &err);
	must(store_clock_shift(w.store, now, wrong - now, &err), &err);
	must(store_commit(w.store, &err), &err);
	watch(alerts_watch_certs, now);
	assert_open("");
	watch(alerts_watch_certs, c.not_after - (c.not_after - c.not_before) / 4);
	assert_open("cert.expiring example.org/warning ");
}

static void fail_once(struct domain *d, time_t at)
{
	d->failures++;
	d->problem_at = at;
	snprintf(d->problem, sizeof(d->problem), "the CA said no");
}

static void recover(struct domain *d, time_t at)
{
	(void)at;
	d->failures = 0;
	d->problem[0] = '\0';
}

static void a_domain_that_fails_and_recovers(void **state)
{
	time_t now = sim_now(&w);

	(void)state;
	change(fail_once, now);
	watch(alerts_watch_domains, now);
	assert_open("domain.failing example.org/info ");
	watch(alerts_watch_review, now);
	assert_open("domain.failing example.org/info ");
	change(recover, now);
	watch(alerts_watch_domains, now);	/* those without one */
	watch(alerts_watch_domains, now);
	assert_open("domain.failing example.org/info ");
	watch(alerts_watch_review, now);
	assert_open("");
}

static void let_a_report_go(const struct domain *d, time_t now)
{
	const struct report_bounds bounds = { 0, 0 };
	struct tls_report r = reports_make("A", "1", now - WHEN_DAY, 1, 0);
	struct report_piece piece = { .limit = 1 };
	struct err err = ERR_INIT;

	assert_true(reports_add(w.store, d, &r, now));
	r.begin++;
	assert_true(reports_add(w.store, d, &r, now));
	must(report_shed(w.store, &bounds, now, &piece, &err), &err);
	assert_int_equal(piece.gone, 1);
	tls_report_release(&r);
}

/* One alert for all domains, and the end of it a day later. */
static void reports_that_had_to_go_are_one_alert(void **state)
{
	struct domain d = sim_domain(&w, NAME), other;
	time_t now = sim_now(&w);
	char text[200];

	(void)state;
	sim_add(&w, "other.test");
	other = sim_domain(&w, "other.test");
	watch(alerts_watch_shed, now);
	assert_open("");
	must(store_begin(w.store, NULL), NULL);
	let_a_report_go(&other, now);
	let_a_report_go(&d, now);
	must(store_commit(w.store, NULL), NULL);
	watch(alerts_watch_shed, now + WHEN_DAY - 1);
	assert_open("report.shed/warning ");
	must(alert_text(w.store, KIND_REPORT_SHED, "", text, sizeof(text),
			NULL),
	     NULL);
	assert_non_null(strstr(text, " of " NAME " and 1 more domain "));
	watch(alerts_watch_shed, now + WHEN_DAY);
	assert_open("");
}

static void raise_each(const char *name, time_t now, struct err *err)
{
	static const char *const kinds[] = { KIND_REPORT_FAILING,
					     KIND_REPORT_SHARE,
					     KIND_REPORT_SILENT,
					     KIND_REPORT_OLD };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct alert a = { .kind = kinds[i],
					 .subject = name,
					 .text = "t" };

		must(alert_raise(w.store, &a, now, err), err);
	}
}

/* Nobody looks at its reports any more. */
static void what_reports_told_goes_with_the_domain(void **state)
{
	const time_t now = sim_now(&w);
	struct err err = ERR_INIT;

	(void)state;
	must(store_begin(w.store, &err), &err);
	raise_each("example.org", now, &err);
	raise_each("gone.test", now, &err);
	must(store_commit(w.store, &err), &err);
	watch(alerts_watch_review, now);
	assert_open("report.old-version example.org/info "
		    "report.silent example.org/info "
		    "report.share example.org/info "
		    "report.failing example.org/info ");
}

static void set_down(time_t since)
{
	struct err err = ERR_INIT;
	struct ca ca;

	must(ca_by_id(w.store, 1, &ca, &err), &err);
	ca.down_since = since;
	snprintf(ca.problem, sizeof(ca.problem), "%s", since ? "gone" : "");
	must(store_begin(w.store, &err), &err);
	must(ca_update(w.store, &ca, &err), &err);
	must(store_commit(w.store, &err), &err);
}

static void a_ca_that_is_down(void **state)
{
	time_t now = sim_now(&w);

	(void)state;
	set_down(now);
	watch(alerts_watch_cas, now + 15 * WHEN_MINUTE - 1);
	assert_open("");
	watch(alerts_watch_cas, now + 15 * WHEN_MINUTE);
	assert_open("ca.down test/warning ");
	watch(alerts_watch_cas, now + 4 * WHEN_HOUR);	/* and no other is */
	assert_open("ca.down test/error ");
	set_down(0);
	watch(alerts_watch_cas, now + 4 * WHEN_HOUR);
	assert_open("");
}

static long told(enum notice_what what)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT COALESCE(SUM(count), 0) FROM notice"
		 " WHERE kind = 'account.trouble' AND what = %d",
		 (int)what);
	return scratch_number(w.dir, "state.db", sql);
}

static void look_often(void)
{
	for (int i = 0; i < 20; i++) {
		sim_run(&w, NULL, WHEN_MINUTE);
		watch(alerts_watch_cas, sim_now(&w));
		watch(alerts_watch_review, sim_now(&w));
	}
}

static void make_new_account(void)
{
	char was[URL_SIZE];
	struct err err = ERR_INIT;

	must(store_begin(w.store, &err), &err);
	must(rollover_new_account(w.engine, "test", was, &err), &err);
	must(store_commit(w.store, &err), &err);
	engine_poke(w.engine);
}

/* That is not a CA that is down, however long it lasts. */
static void an_account_that_the_ca_ends(void **state)
{
	(void)state;
	w.shared->ca.more.is_deactivated = true;
	change(be_due, sim_now(&w));
	engine_poke(w.engine);
	look_often();
	assert_open("account.trouble test/error ");
	assert_int_equal(told(NOTICE_BEGUN), 1);
	assert_int_equal(told(NOTICE_ENDED), 0);

	w.shared->ca.more.is_deactivated = false;
	w.shared->ca.account[0].is_known = false;
	make_new_account();
	look_often();
	assert_open("");
	assert_int_equal(told(NOTICE_BEGUN), 1);
	assert_int_equal(told(NOTICE_WORSE) + told(NOTICE_AGAIN), 0);
	assert_int_equal(told(NOTICE_ENDED), 1);
}

/* Its CA is not in the configuration any more: there is nothing to mend. */
static void an_account_that_nobody_wants_any_more(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	w.shared->ca.more.is_deactivated = true;
	change(be_due, sim_now(&w));
	engine_poke(w.engine);
	look_often();
	assert_open("account.trouble test/error ");
	snprintf(w.settings.ca[0].name, sizeof(w.settings.ca[0].name), "other");
	must(engine_configure(w.engine, &w.settings, &err), &err);
	w.shared->ca.more.is_deactivated = false;
	look_often();
	assert_open("");
	assert_int_equal(told(NOTICE_BEGUN), 1);
	assert_int_equal(told(NOTICE_ENDED), 1);
}

/* ---- a CA that should stand by ---- */

static void add_second_ca(void)
{
	struct err err = ERR_INIT;

	w.settings.ca[1] = w.settings.ca[0];
	strcpy(w.settings.ca[1].name, "second");
	w.settings.ca_count = 2;
	must(engine_configure(w.engine, &w.settings, &err), &err);
}

static void swap_cas(void)
{
	struct ca_settings first = w.settings.ca[0];
	struct err err = ERR_INIT;

	w.settings.ca[0] = w.settings.ca[1];
	w.settings.ca[1] = first;
	must(engine_configure(w.engine, &w.settings, &err), &err);
}

static void set_proven(const char *name, time_t proven_at, long failures)
{
	struct err err = ERR_INIT;
	struct ca ca;

	must(ca_by_id(w.store, engine_ca_id(w.engine, name), &ca, &err), &err);
	ca.proven_at = proven_at;
	ca.canary_failures = failures;
	must(store_begin(w.store, &err), &err);
	must(ca_update(w.store, &ca, &err), &err);
	must(store_commit(w.store, &err), &err);
}

static void a_second_ca_whose_trials_fail(void **state)
{
	time_t now = sim_now(&w);

	(void)state;
	add_second_ca();
	set_proven("second", 0, 2);
	watch(alerts_watch_cas, now);
	assert_open("");
	set_proven("second", 0, 3);
	watch(alerts_watch_cas, now);
	assert_open("ca.unproven second/warning ");
	freeze(true); /* no trials then */
	watch(alerts_watch_cas, now);
	assert_open("");
	freeze(false);
	watch(alerts_watch_cas, now);
	assert_open("ca.unproven second/warning ");
	set_proven("second", now, 0);
	watch(alerts_watch_cas, now);
	assert_open("");
}

/* ---- validations that fail for many ---- */

static bool token_is_nowhere(void *arg, const char *token, const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	return false;
}

static bool is_one_served;

static bool one_token_is_served(void *arg, const char *token,
				const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	if (is_one_served)
		return false;
	is_one_served = true;
	return true;
}

static unsigned certs;

static bool has_one_more(struct sim_world *world)
{
	return world->shared->ca.certs > certs;
}

static void nobody_reaches_this_box(void **state)
{
	bool (*token_is_served)(void *, const char *,
				const char *) = w.shared->ca.token_is_served;
	char name[32];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	w.shared->ca.token_is_served = token_is_nowhere;
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	watch(alerts_watch_cas, sim_now(&w));
	assert_open("validations.failing test/warning ");

	/* A restart does not know, and so does not say that it is over. */
	sim_stop(&w);
	begin_run();
	watch(alerts_watch_cas, sim_now(&w));
	assert_open("validations.failing test/warning ");

	/* Nor is one that was lucky the end. */
	w.shared->ca.token_is_served = one_token_is_served;
	certs = w.shared->ca.certs;
	assert_true(sim_run(&w, has_one_more, 30 * WHEN_MINUTE));
	sim_run(&w, NULL, 1);
	watch(alerts_watch_cas, sim_now(&w));
	assert_open("validations.failing test/warning ");

	w.shared->ca.token_is_served = token_is_served;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_HOUR));
	watch(alerts_watch_cas, sim_now(&w));
	assert_open("");
}

static bool is_renewed(struct sim_world *world)
{
	return sim_domain(world, NAME).cert_id > 1;
}

/* It took over: what needs no canary any more is not called unproven. */
static void everyday_work_proves_a_ca(void **state)
{
	struct err err = ERR_INIT;
	struct ca ca;

	(void)state;
	set_proven("test", 0, 3);
	change(be_due, sim_now(&w));
	engine_poke(w.engine);
	assert_true(sim_run(&w, is_renewed, 60));
	must(ca_by_id(w.store, 1, &ca, &err), &err);
	assert_int_equal(ca.canary_failures, 0);
	assert_true(ca.proven_at > 0);
}

/* Whatever keeps the canary away. It has its hour after a long sleep. */
static void a_second_ca_that_has_issued_nothing(void **state)
{
	time_t now = sim_now(&w), late = now + 14 * WHEN_DAY + 1;

	(void)state;
	add_second_ca();
	set_proven("test", late, 0);
	set_proven("second", now, 0);
	watch(alerts_watch_cas, late - 1);
	watch(alerts_watch_cas, late);
	watch(alerts_watch_cas, late + WHEN_HOUR - 1);
	assert_open("");
	swap_cas(); /* it is the same one in another place */
	watch(alerts_watch_cas, late + WHEN_HOUR);
	assert_open("ca.unproven second/warning ");
	swap_cas();
	w.settings.ca_count = 1;
	must(engine_configure(w.engine, &w.settings, NULL), NULL);
	watch(alerts_watch_review, late + WHEN_HOUR);
	assert_open("");
}

#define IN_A_BOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_BOX(what_stands_still_is_told),
		IN_A_BOX(what_reports_told_goes_with_the_domain),
		IN_A_BOX(a_clock_that_is_wrong_is_told_of_until_it_is_right),
		IN_A_BOX(a_certificate_goes_through_all_levels),
		IN_A_BOX(who_hands_over_needs_no_certificate),
		IN_A_BOX(a_handover_that_does_not_leave_is_told),
		IN_A_BOX(a_removal_needs_one_to_its_end),
		IN_A_BOX(what_was_called_expired_is_judged_again),
		IN_A_BOX(a_domain_that_fails_and_recovers),
		IN_A_BOX(a_ca_that_is_down),
		IN_A_BOX(an_account_that_the_ca_ends),
		IN_A_BOX(an_account_that_nobody_wants_any_more),
		IN_A_BOX(a_second_ca_whose_trials_fail),
		IN_A_BOX(nobody_reaches_this_box),
		IN_A_BOX(everyday_work_proves_a_ca),
		IN_A_BOX(a_second_ca_that_has_issued_nothing),
		cmocka_unit_test(a_certificate_is_judged_by_the_share_left),
		cmocka_unit_test(each_look_comes_later),
		cmocka_unit_test(pauses_grow_to_a_bound),
		IN_A_BOX(reports_that_had_to_go_are_one_alert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
