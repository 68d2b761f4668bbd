/* When each alert about a policy begins, and when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "daemon/health.h"
#include "daemon/policy_alerts.h"
#include "store/alert.h"
#include "store/checked.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define T0   ROWS_NOW
#define TEST (7 * WHEN_DAY) /* the time in testing */

static struct domain_facts f;
static struct config config = { .testing_time = TEST, .report_share = 1 };
static char mx[] = "a.test";

/* A live domain in mode enforce: all is well, since T0. */
static int set_up(void **state)
{
	fixture_begin_with_domain(state);
	fix.domain.state = DOMAIN_LIVE;
	fix.domain.state_at = T0;
	f = (struct domain_facts){
		.domain = fix.domain,
		.announce = ANNOUNCE_OK,
		.has_policy = true,
		.policy = { .sts_id = "now",
			    .created_at = T0,
			    .policy = { .mode = STS_ENFORCE,
					.mx = { mx },
					.mx_count = 1 } },
		.has_cert = true,
		.cert = { .not_before = T0,
			  .not_after = T0 + 900 * WHEN_DAY,
			  .renew_at = T0 + 600 * WHEN_DAY },
		.watch = { .looked_at = T0 + 1000 * WHEN_DAY,
			   .txt = ANNOUNCED_IN_STEP,
			   .txt_id = "now",
			   .txt_since = T0,
			   .host = HOST_HERE,
			   .host_since = T0,
			   .mx_since = T0,
			   .strays_since = T0,
			   .mx = { .look = MX_THERE,
				   .host = { "a.test" },
				   .count = 1,
				   .voices = 2,
				   .agrees = true } },
	};
	return 0;
}

static bool add_one(const struct alert *a, void *arg)
{
	char *out = arg;

	assert_string_equal(a->subject, "example.org");
	assert_true(*a->text);
	sprintf(out + strlen(out), "%s%s/%s", *out ? " " : "", a->kind,
		alert_level_name(a->level));
	return true;
}

/* DNS answers for all of it, just now. */
static void answer(time_t now)
{
	f.watch.host_at = f.watch.txt_at = f.watch.mx_at = now;
}

/* The alerts that are open once it was judged at this time. */
static void assert_open(time_t now, const char *expected)
{
	const struct alert_filter all = { .limit = 9 };
	struct err err = ERR_INIT;
	char out[400] = "";

	answer(now);
	must(policy_alerts_judge(fix.store, &f, &config, now, &err), &err);
	must(alert_each(fix.store, &all, now, add_one, out, &err), &err);
	assert_string_equal(out, expected);
}

static void what_is_well_is_no_alert(void **state)
{
	(void)state;
	assert_open(T0, "");
	assert_open(T0 + 300 * WHEN_DAY, "");
}

/* ---- strays ---- */

static void see(const char *host, time_t since)
{
	strcpy(f.watch.mx.host[0], host);
	f.watch.strays_since = since;
}

static void strays_are_told_after_a_quarter_of_an_hour(void **state)
{
	const time_t then = T0 + 3600;

	(void)state;
	see("b.test", then);
	assert_open(then, "");
	assert_open(then + STRAYS_SURE - 1, "");
	assert_open(then + STRAYS_SURE, "policy.mx-drift/error");

	/* others, or resolvers that differ: it stands as it was */
	see("c.test", then + 7200);
	assert_open(then + 7200, "policy.mx-drift/error");
	assert_open(then + 9999, "policy.mx-drift/error");

	/* at once, when the policy names it */
	see("a.test", then + 10000);
	assert_open(then + 10000, "");
}

static void strays_weigh_by_the_mode(void **state)
{
	(void)state;
	f.policy.policy.mode = STS_TESTING;
	see("b.test", T0);
	assert_open(T0 + STRAYS_SURE, "policy.mx-drift/warning");
	f.policy.policy.mode = STS_ENFORCE;
	assert_open(T0 + STRAYS_SURE, "policy.mx-drift/error");
	f.policy.policy.mode = STS_NONE;
	assert_open(T0 + STRAYS_SURE, "");
}

/* What the one alert says that is open. */
static bool has_text(const struct alert *a, void *arg)
{
	assert_non_null(strstr(a->text, arg));
	return true;
}

static void all_that_is_wrong_with_the_mx_is_told(void **state)
{
	static char all[] = "of DNS: b.test c.test; MX of DNS that are no host "
			    "names: mx_1.test mx_2.test";
	const struct alert_filter any = { .limit = 9 };

	(void)state;
	see("b.test", T0);
	strcpy(f.watch.mx.host[1], "c.test");
	f.watch.mx.count = 2;
	strcpy(f.watch.mx.bad[0], "mx_1.test");
	strcpy(f.watch.mx.bad[1], "mx_2.test");
	f.watch.mx.bad_count = 2;
	assert_open(T0 + STRAYS_SURE, "policy.mx-drift/error");
	must(alert_each(fix.store, &any, T0, has_text, all, NULL), NULL);
}

/* ---- mail hosts that senders refuse ---- */

static void find_mx(enum mx_health is, bool is_sure)
{
	f.mx = (struct mx_verdict){ .is = is, .bad = is == MX_BAD };
	f.mx_is_sure = is_sure;
	if (is == MX_BAD)
		snprintf(f.mx.text, sizeof(f.mx.text), "it has expired");
}

static void a_bad_mx_is_told_under_enforce(void **state)
{
	(void)state;
	find_mx(MX_BAD, false); /* one look may have had a bad moment */
	assert_open(T0, "");
	find_mx(MX_UNTESTED, false);
	assert_open(T0, "");
	find_mx(MX_BAD, true);
	assert_open(T0, "policy.mx-refused/error");
	find_mx(MX_UNTESTED, false); /* that says nothing */
	assert_open(T0, "policy.mx-refused/error");
	find_mx(MX_WELL, false);
	assert_open(T0, "");
}

static void go_to_testing(void)
{
	f.policy.policy.mode = STS_TESTING;
}
static void lose_the_policy(void)
{
	f.has_policy = false;
}
static void set_out(void)
{
	f.domain.leaving = DOMAIN_REMOVING;
}

static void nobody_refuses_where_nothing_is_enforced(void **state)
{
	static void (*const changes[])(void) = { go_to_testing, lose_the_policy,
						 set_out };
	const struct domain_facts was = f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		print_message("%zu\n", i);
		f = was;
		find_mx(MX_BAD, true);
		assert_open(T0, "policy.mx-refused/error");
		changes[i]();
		assert_open(T0, "");
	}
}

/* ---- the id ---- */

static void announce(enum announced what, const char *id, time_t since)
{
	f.watch.txt = what;
	strcpy(f.watch.txt_id, id);
	f.watch.txt_since = since;
}

static const struct {
	enum announced what;
	const char *id;
	bool is_told;
} records[] = {
	{ ANNOUNCED_IN_STEP, "now", false }, { ANNOUNCED_UNKNOWN, "", false },
	{ ANNOUNCED_IN_STEP, "old", true },  { ANNOUNCED_BEHIND, "old", true },
	{ ANNOUNCED_NOTHING, "", true },     { ANNOUNCED_DAMAGED, "", true },
	{ ANNOUNCED_AHEAD, "new", true },    { ANNOUNCED_FOREIGN, "new", true },
};

static void an_id_that_is_not_announced_is_told_after_a_day(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		const time_t then = T0 + 3600;

		print_message("%zu\n", i);
		announce(records[i].what, records[i].id, then);
		assert_open(then, "");
		assert_open(then + UNANNOUNCED_MAX - 1, "");
		assert_open(then + UNANNOUNCED_MAX,
			    records[i].is_told ? "policy.not-announced/warning"
					       : "");
		announce(ANNOUNCED_IN_STEP, "now", then + UNANNOUNCED_MAX);
		assert_open(then + UNANNOUNCED_MAX, "");
	}
}

/* Where senders enforce what does not any more, that is too long. */
static const struct {
	enum announced what;
	enum sts_mode is, shown;
	bool is_known;
	long after;
} refusing[] = {
	{ ANNOUNCED_BEHIND, STS_TESTING, STS_ENFORCE, true,
	  UNANNOUNCED_REFUSES },
	{ ANNOUNCED_BEHIND, STS_NONE, STS_ENFORCE, true, UNANNOUNCED_REFUSES },
	{ ANNOUNCED_NOTHING, STS_TESTING, STS_ENFORCE, true,
	  UNANNOUNCED_REFUSES },
	{ ANNOUNCED_DAMAGED, STS_TESTING, STS_ENFORCE, true,
	  UNANNOUNCED_REFUSES },
	{ ANNOUNCED_BEHIND, STS_ENFORCE, STS_ENFORCE, true, UNANNOUNCED_MAX },
	{ ANNOUNCED_BEHIND, STS_ENFORCE, STS_TESTING, true, UNANNOUNCED_MAX },
	{ ANNOUNCED_BEHIND, STS_NONE, STS_TESTING, true, UNANNOUNCED_MAX },
	{ ANNOUNCED_BEHIND, STS_TESTING, STS_ENFORCE, false, UNANNOUNCED_MAX },
};

static void what_senders_still_enforce_is_told_soon(void **state)
{
	(void)state;
	assert_true(UNANNOUNCED_REFUSES < WHEN_HOUR);
	for (size_t i = 0; i < ARRAY_LEN(refusing); i++) {
		const time_t then = T0 + 3600;

		print_message("%zu\n", i);
		f.policy.policy.mode = refusing[i].is;
		f.policy.created_at = then;
		f.shown = (struct policy_shown){ refusing[i].is_known, 7,
						 refusing[i].shown };
		announce(refusing[i].what, "old", T0);
		assert_open(then + refusing[i].after - 1, "");
		assert_open(then + refusing[i].after,
			    "policy.not-announced/warning");
		announce(ANNOUNCED_IN_STEP, "now", then);
		assert_open(then + refusing[i].after, "");
	}
}

/* A day since all of it stands: the record, the policy, the certificate. */
static void the_day_begins_with_the_last_of_them(void **state)
{
	(void)state;
	announce(ANNOUNCED_NOTHING, "", T0);
	f.policy.created_at = T0 + 100;
	f.domain.state_at = T0 + 50;
	assert_open(T0 + 99 + UNANNOUNCED_MAX, "");
	f.policy.created_at = T0 + 10;
	assert_open(T0 + 49 + UNANNOUNCED_MAX, "");
	f.domain.state_at = T0;
	f.watch.txt_since = T0 + 20;
	assert_open(T0 + 19 + UNANNOUNCED_MAX, "");
	assert_open(T0 + 20 + UNANNOUNCED_MAX, "policy.not-announced/warning");

	/* a new policy has its own day, and meanwhile it stands as it was */
	f.policy.created_at = T0 + 20 + UNANNOUNCED_MAX;
	assert_open(T0 + 20 + UNANNOUNCED_MAX, "policy.not-announced/warning");
}

static void who_is_not_live_has_time(void **state)
{
	(void)state;
	announce(ANNOUNCED_NOTHING, "", T0);
	see("b.test", T0);
	f.domain.state = DOMAIN_ISSUING;
	assert_open(T0 + 90 * WHEN_DAY, "");
	f.domain.state = DOMAIN_LIVE;
	f.domain.leaving = DOMAIN_HANDING_OVER;
	f.policy.policy.mode = STS_NONE;
	assert_open(T0 + 90 * WHEN_DAY, "");
}

/* ---- on its way out ---- */

static void records_that_may_go_are_told(void **state)
{
	(void)state;
	f.domain.leaving = DOMAIN_REMOVING;
	f.domain.leaving_at = T0;
	f.policy.policy.mode = STS_NONE;
	assert_open(T0 + 10, "");
	f.leaving.done_at = T0 + 100;
	assert_open(T0 + 99, "");
	assert_open(T0 + 100, "domain.removable/info");

	/* once it is added again, or a version was served again */
	f.leaving.done_at = T0 + 200;
	assert_open(T0 + 101, "");
	assert_open(T0 + 200, "domain.removable/info");
	f.domain.leaving = DOMAIN_STAYS;
	f.leaving.done_at = 0;
	f.policy.policy.mode = STS_ENFORCE;
	assert_open(T0 + 201, "");
}

static void a_handover_asks_for_nothing(void **state)
{
	(void)state;
	f.domain.leaving = DOMAIN_HANDING_OVER;
	f.leaving.done_at = T0 + 100;
	announce(ANNOUNCED_FOREIGN, "new", T0);
	f.watch.host = HOST_ELSEWHERE;
	assert_open(T0 + 30 * WHEN_DAY, "");
}

/* ---- what status is to show ---- */

static int trouble(time_t now)
{
	struct watch w;
	struct err err = ERR_INIT;

	answer(now);
	must(policy_alerts_judge(fix.store, &f, &config, now, &err), &err);
	must(watch_of(fix.store, &fix.domain, &w, &err), &err);
	return w.trouble;
}

static void lead_away(void)
{
	f.watch.host = HOST_ELSEWHERE;
}
static void lead_away_in_testing(void)
{
	lead_away();
	go_to_testing();
}
static void have_a_stray(void)
{
	see("b.test", T0);
}
static void have_a_new_stray(void)
{
	see("b.test", T0 + 2 * WHEN_DAY);
}
static void be_foreign(void)
{
	announce(ANNOUNCED_FOREIGN, "new", T0 + 2 * WHEN_DAY);
}
static void be_damaged(void)
{
	announce(ANNOUNCED_DAMAGED, "", T0 + 2 * WHEN_DAY);
}
static void have_no_record(void)
{
	announce(ANNOUNCED_NOTHING, "", T0);
}
static void have_no_record_yet(void)
{
	announce(ANNOUNCED_NOTHING, "", T0 + 2 * WHEN_DAY);
}
static void be_looked_for(void)
{
	have_no_record_yet();
	f.announce = ANNOUNCE_UNSEEN;
	f.reached = (struct reached){ .tries = 1, .why = REACHED_WRONG };
}
static void be_looked_for_in_vain(void)
{
	be_looked_for();
	f.reached.tries = 2;
}
static void be_in_vain_in_our_zone(void)
{
	f.has_publication = true; /* not of this record */
	be_looked_for_in_vain();
}
static void be_of_staging(void)
{
	have_no_record_yet();
	f.announce = ANNOUNCE_UNTRUSTED;
	f.ca = (struct ca){ .name = "le-staging" };
}
static void be_imported_of_nobody(void)
{
	be_of_staging();
	f.ca = (struct ca){ .id = 0 };
}
static void be_behind(void)
{
	announce(ANNOUNCED_BEHIND, "old", T0);
}
static void be_behind_for_now(void)
{
	announce(ANNOUNCED_BEHIND, "old", T0 + 2 * WHEN_DAY);
}
static void lose_the_record(void)
{
	f.shown = (struct policy_shown){ true, 1, STS_TESTING };
	have_no_record_yet();
}
static void be_behind_in_our_zone(void)
{
	f.has_publication = true;
	be_behind_for_now();
}
static void be_behind_in_our_zone_for_an_hour(void)
{
	f.has_publication = true;
	announce(ANNOUNCED_BEHIND, "old", T0 + 2 * WHEN_DAY - UNPUBLISHED_MAX);
}
static void be_refused(void)
{
	find_mx(MX_BAD, true);
}
static void be_lapsing(void)
{
	f.domain.leaving = DOMAIN_HANDING_OVER;
	f.leaving.waits_for_dns = true;
	f.has_cert = true;
	f.cert = (struct cert){ .renew_at = T0,
				.not_after = T0 + 90 * WHEN_DAY };
}
static void be_lapsed(void)
{
	be_lapsing();
	f.cert.not_after = T0 + 1;
}
static void be_removable(void)
{
	f.domain.leaving = DOMAIN_REMOVING;
	f.leaving.done_at = T0;
	be_foreign();
}
static void be_without_certificate(void)
{
	f.has_cert = false; /* others tell of it */
}
static void be_well(void)
{
}

static const struct {
	const char *what;
	void (*change)(void);
	int trouble;
} hands[] = {
	{ "well", be_well, 0 },
	{ "elsewhere", lead_away, HEALTH_ERROR },
	{ "elsewhere, in testing", lead_away_in_testing, HEALTH_WARNING },
	{ "a stray", have_a_stray, HEALTH_ERROR },
	{ "a stray, of just now", have_a_new_stray, 0 },
	{ "refused", be_refused, HEALTH_ERROR },
	{ "foreign", be_foreign, HEALTH_WARNING },
	{ "damaged", be_damaged, HEALTH_WARNING },
	{ "no record", have_no_record, HEALTH_WARNING },
	{ "no record yet", have_no_record_yet, HEALTH_WARNING },
	{ "not fetched yet", be_looked_for, 0 },
	{ "not to be fetched", be_looked_for_in_vain, HEALTH_WARNING },
	{ "the same, and the box publishes", be_in_vain_in_our_zone,
	  HEALTH_WARNING },
	{ "of a CA for trying things out", be_of_staging, 0 },
	{ "imported, of nobody", be_imported_of_nobody, HEALTH_WARNING },
	{ "behind", be_behind, HEALTH_WARNING },
	{ "behind for now", be_behind_for_now, HEALTH_WARNING },
	{ "behind, and the box publishes", be_behind_in_our_zone, 0 },
	{ "the same for an hour", be_behind_in_our_zone_for_an_hour,
	  HEALTH_WARNING },
	{ "its record is gone", lose_the_record, HEALTH_WARNING },
	{ "handed over, and its time runs out", be_lapsing, HEALTH_WARNING },
	{ "handed over, and it ran out", be_lapsed, HEALTH_ERROR },
	{ "removable", be_removable, 0 },
	{ "no certificate", be_without_certificate, 0 },
};

static void what_needs_a_hand_is_marked(void **state)
{
	const struct domain_facts well = f;

	(void)state;
	must(watch_now(fix.store, fix.domain.id, T0, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(hands); i++) {
		print_message("%s\n", hands[i].what);
		f = well;
		hands[i].change();
		assert_int_equal(trouble(T0 + 2 * WHEN_DAY), hands[i].trouble);
	}
	f = well;
	assert_int_equal(trouble(T0 + 2 * WHEN_DAY), 0);
}

/* ---- ready ---- */

static void is_found_well(void)
{
	must(checked_write(fix.store, fix.domain.id, T0, T0, 0,
			   "[{\"id\":\"smtp.ok\",\"severity\":\"good\","
			   "\"mx\":\"a.test\"}]",
			   NULL),
	     NULL);
}

/* In testing, announced at T0, and found well from outside. */
static void begin_testing(void)
{
	struct policy_version v;

	f.policy.policy.mode = STS_TESTING;
	must(policy_version_current(fix.store, &fix.domain, &v, NULL), NULL);
	must(policy_version_announce(fix.store, &fix.domain, v.sts_id, T0,
				     NULL),
	     NULL);
	policy_version_release(&v);
	is_found_well();
}

static void who_has_become_ready_is_told(void **state)
{
	(void)state;
	begin_testing();
	assert_open(T0, "");
	assert_open(T0 + TEST - 1, "");
	assert_open(T0 + TEST, "domain.ready/info");
	assert_open(T0 + 90 * WHEN_DAY, "domain.ready/info");
	f.policy.policy.mode = STS_ENFORCE;
	assert_open(T0 + 90 * WHEN_DAY, "");
}

static void report(const char *id, long successful, long failed)
{
	struct tls_report r = reports_make("Org", id, T0 + TEST - 2 * WHEN_DAY,
					   successful, failed);

	assert_true(reports_add(fix.store, &fix.domain, &r, T0 + TEST));
	tls_report_release(&r);
}

static bool take_hint(const struct alert *a, void *arg)
{
	snprintf(arg, 200, "%s", a->hint);
	return true;
}

/* The command that it gives is one that is not refused. */
static void who_is_ready_is_told_how(void **state)
{
	const struct alert_filter one = { .limit = 1 };
	char hint[200] = "";

	(void)state;
	begin_testing();
	assert_open(T0 + TEST, "domain.ready/info");
	must(alert_each(fix.store, &one, T0 + TEST, take_hint, hint, NULL),
	     NULL);
	assert_string_equal(hint, "mtastsctl policy enforce example.org "
				  "--without-reports");
	report("1", 100, 0);
	assert_open(T0 + TEST, "domain.ready/info");
	must(alert_each(fix.store, &one, T0 + TEST, take_hint, hint, NULL),
	     NULL);
	assert_string_equal(hint, "mtastsctl policy enforce example.org");
}

/* They tell of failures, not of how many: nothing waives these. */
static void who_fails_without_a_number_is_not_ready(void **state)
{
	struct tls_report r = reports_make("Org", "1", T0 + TEST - 2 * WHEN_DAY,
					   100, 0);

	(void)state;
	begin_testing();
	assert_open(T0 + TEST, "domain.ready/info");
	reports_fail(&r, TLS_RESULT_CERTIFICATE_EXPIRED, "mx.test", 1);
	assert_true(reports_add(fix.store, &fix.domain, &r, T0 + TEST));
	tls_report_release(&r);
	assert_open(T0 + TEST, "report.failing/warning");
}

/* Unknown reports do not keep it waiting, and few failures do not either. */
static void who_fails_is_not_ready(void **state)
{
	(void)state;
	begin_testing();
	report("1", 100, 1);
	assert_open(T0 + TEST, "report.failing/warning domain.ready/info");
	report("2", 0, 1);
	assert_open(T0 + TEST, "report.share/warning report.failing/warning");
	assert_open(T0 + TEST + 5 * WHEN_DAY,
		    "report.share/warning report.failing/warning");
	assert_open(T0 + TEST + 6 * WHEN_DAY, "domain.ready/info");
}

static void is_removed(void)
{
	f.domain.leaving = DOMAIN_REMOVING;
}
static void has_no_policy(void)
{
	f.has_policy = false;
}
static void is_not_live(void)
{
	f.domain.state = DOMAIN_ISSUING;
}
static void is_behind(void)
{
	announce(ANNOUNCED_BEHIND, "old", T0 + TEST);
}
static void has_no_cert(void)
{
	f.has_cert = false;
}

static void names_a_host_in_no_mx(void)
{
	static char other[] = "b.test";

	f.policy.policy.mx[f.policy.policy.mx_count++] = other;
}

static void is_found_wanting(void)
{
	must(checked_write(fix.store, fix.domain.id, T0, T0, 0,
			   "[{\"id\":\"mx.missing\",\"severity\":\"error\","
			   "\"text\":\"no MX\"}]",
			   NULL),
	     NULL);
}

static void is_not_tested(void)
{
	must(checked_write(fix.store, fix.domain.id, T0, T0, 0, "[]", NULL), NULL);
}

static void is_damaged(void)
{
	must(checked_write(fix.store, fix.domain.id, T0, T0, 0, "[{", NULL), NULL);
}

static void ready_ends_with_each_thing_against_it(void **state)
{
	static void (*const changes[])(void) = {
		is_removed, has_no_policy, is_not_live,
		is_behind,  has_no_cert,   is_found_wanting,
		is_damaged, is_not_tested, names_a_host_in_no_mx,
	};
	struct domain_facts ready;

	(void)state;
	begin_testing();
	ready = f;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		print_message("%zu\n", i);
		f = ready;
		is_found_well();
		assert_open(T0 + TEST, "domain.ready/info");
		changes[i]();
		assert_open(T0 + TEST, "");
	}
}

#define FOR_ONE(test)                                                          \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FOR_ONE(what_is_well_is_no_alert),
		FOR_ONE(strays_are_told_after_a_quarter_of_an_hour),
		FOR_ONE(strays_weigh_by_the_mode),
		FOR_ONE(all_that_is_wrong_with_the_mx_is_told),
		FOR_ONE(a_bad_mx_is_told_under_enforce),
		FOR_ONE(nobody_refuses_where_nothing_is_enforced),
		FOR_ONE(an_id_that_is_not_announced_is_told_after_a_day),
		FOR_ONE(what_senders_still_enforce_is_told_soon),
		FOR_ONE(the_day_begins_with_the_last_of_them),
		FOR_ONE(who_is_not_live_has_time),
		FOR_ONE(records_that_may_go_are_told),
		FOR_ONE(a_handover_asks_for_nothing),
		FOR_ONE(what_needs_a_hand_is_marked),
		FOR_ONE(who_has_become_ready_is_told),
		FOR_ONE(who_is_ready_is_told_how),
		FOR_ONE(who_fails_without_a_number_is_not_ready),
		FOR_ONE(who_fails_is_not_ready),
		FOR_ONE(ready_ends_with_each_thing_against_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
