#include "daemon/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define NOW 1795464900	/* 2026-11-23T20:15:00Z */
#define DAY 86400L

/* A domain of example.org, its certificate of 90 days `age` days old. */
static const struct {
	const char *what;
	enum domain_state state;
	long failures;
	const char *problem, *hint;
	bool has_policy, has_cert, has_order;
	int age;		/* of the certificate, in days */
	const char *id;		/* the one finding's, or NULL */
	enum health level;
	const char *text, *advice;	/* contained in it */
} cases[] = {
	{ "waits, nothing looked at yet", DOMAIN_WAITING_FOR_DNS, 0, "", "",
	  true, false, false, 0, "dns.not-here", HEALTH_WARNING,
	  "does not lead here", "mtastsctl domain records example.org" },
	{ "waits, and why", DOMAIN_WAITING_FOR_DNS, 0, "no A record", "add it",
	  true, false, false, 0, "dns.not-here", HEALTH_WARNING, "no A record",
	  "add it" },
	{ "issuing", DOMAIN_ISSUING, 0, "", "", true, false, true, 0, NULL,
	  HEALTH_OK, "", "" },
	{ "issuing, failed once", DOMAIN_ISSUING, 1, "the CA said no", "", true,
	  false, false, 0, "issuance.failing", HEALTH_WARNING,
	  "the CA said no", "mtastsctl log example.org" },
	{ "issuing, failed often", DOMAIN_ISSUING, 3, "the CA said no", "ask",
	  true, false, false, 0, "issuance.failing", HEALTH_ERROR,
	  "the CA said no", "ask" },
	{ "live", DOMAIN_LIVE, 0, "", "", true, true, false, 10, NULL,
	  HEALTH_OK, "", "" },
	{ "live, renewal due and running", DOMAIN_LIVE, 0, "", "", true, true,
	  true, 80, NULL, HEALTH_OK, "", "" },
	{ "live, renewal just due", DOMAIN_LIVE, 0, "", "", true, true, false,
	  61, NULL, HEALTH_OK, "", "" },
	{ "live, renewal long due", DOMAIN_LIVE, 0, "", "", true, true, false,
	  70, "cert.renewal-late", HEALTH_WARNING, "was due at 2026-",
	  "ca list" },
	{ "live, renewal fails, time left", DOMAIN_LIVE, 2, "timeout", "",
	  true, true, false, 61, "cert.renewal-failing", HEALTH_WARNING,
	  "timeout", "mtastsctl log" },
	{ "live, renewal fails, no time left", DOMAIN_LIVE, 9, "timeout", "",
	  true, true, false, 80, "cert.renewal-failing", HEALTH_ERROR,
	  "timeout", "" },
	{ "expired", DOMAIN_LIVE, 0, "", "", true, true, true, 91,
	  "cert.expired", HEALTH_ERROR, "expired at 2026-11-22T20:15:00Z",
	  "cert renew example.org" },
	{ "its certificate row is damaged", DOMAIN_LIVE, 0, "", "", true,
	  false, false, 0, "cert.missing", HEALTH_ERROR, "not in the store",
	  "cert renew" },
	{ "no policy", DOMAIN_LIVE, 0, "", "", false, true, false, 1,
	  "policy.missing", HEALTH_ERROR, "no policy",
	  "policy set example.org" },
};

static bool has_cert_finding(const struct findings *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (str_starts(all->item[i].id, "cert."))
			return true;
	return false;
}

/* Only what is to come, and did not fail by itself, waits for it. */
static void without_a_ca_a_first_certificate_waits(void **state)
{
	static const struct {
		enum domain_state state;
		long failures;
		const char *id;
	} waiting[] = {
		{ DOMAIN_ISSUING, 0, "issuance.waiting" },
		{ DOMAIN_ISSUING, 1, "issuance.failing" },
		{ DOMAIN_WAITING_FOR_DNS, 0, "dns.not-here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		struct findings out = { .count = 0 };
		struct domain_facts f = {
			.domain = { .name = "example.org",
				    .state = waiting[i].state,
				    .failures = waiting[i].failures },
			.has_policy = true,
			.no_ca = "CA le cannot be had: timeout",
		};

		health_of_domain(&f, NOW, &out);
		assert_int_equal(out.count, 1);
		assert_string_equal(out.item[0].id, waiting[i].id);
		if (i > 0)
			continue;
		assert_int_equal(out.item[0].level, HEALTH_WARNING);
		assert_string_equal(out.item[0].text, "no certificate yet: "
						      "CA le cannot be had: "
						      "timeout");
		assert_non_null(strstr(out.item[0].hint, "mtastsctl ca list"));
	}
}

static void fill_late(struct domain_facts *f, enum domain_leaving leaving,
		      int age)
{
	*f = (struct domain_facts){
		.domain = { .name = "example.org",
			    .state = DOMAIN_LIVE,
			    .leaving = leaving },
		.has_policy = true,
		.has_cert = true,
	};
	f->cert.not_before = NOW - age * DAY;
	f->cert.not_after = f->cert.not_before + 90 * DAY;
	f->cert.renew_at = f->cert.not_before + 60 * DAY;
}

/* Nothing is ordered for it: so long as senders may come, it is told. */
static void a_handover_whose_name_stays_runs_out_on_senders(void **state)
{
	static const struct {
		int age;
		bool leads_here;
		const char *id;
		enum health level;
		const char *text, *hint;
	} ages[] = {
		{ 59, true, NULL, HEALTH_OK, "", "" },
		{ 61, true, "cert.lapsing", HEALTH_WARNING,
		  "expires at 2026-12-22T",
		  "other host before 2026-12-22T20:15:00Z, or keep it here: "
		  "mtastsctl domain add example.org" },
		{ 91, true, "cert.expired", HEALTH_ERROR,
		  "expired at 2026-11-22T", "other host, or keep" },
		{ 61, false, NULL, HEALTH_OK, "", "" },
		{ 91, false, NULL, HEALTH_OK, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		struct findings out = { .count = 0 };
		struct domain_facts f;

		fill_late(&f, DOMAIN_HANDING_OVER, ages[i].age);
		f.leaving.waits_for_dns = ages[i].leads_here;
		print_message("%zu\n", i);
		health_of_domain(&f, NOW, &out);
		assert_int_equal(out.count, ages[i].id != NULL);
		if (!ages[i].id)
			continue;
		assert_string_equal(out.item[0].id, ages[i].id);
		assert_int_equal(out.item[0].level, ages[i].level);
		assert_non_null(strstr(out.item[0].text, ages[i].text));
		assert_non_null(strstr(out.item[0].hint, ages[i].hint));
	}
}

/* Late, then expired: what is handed over is renewed elsewhere. */
static void on_its_way_out_it_needs_a_certificate_or_not(void **state)
{
	static const struct {
		enum domain_leaving leaving;
		time_t done_at;
		bool is_needed;
	} ways[] = {
		{ DOMAIN_STAYS, 0, true },
		{ DOMAIN_REMOVING, 0, true },
		{ DOMAIN_REMOVING, NOW + 1, true },
		{ DOMAIN_REMOVING, NOW, false },
		{ DOMAIN_HANDING_OVER, 0, false },
		{ DOMAIN_HANDING_OVER, NOW + 1, false },
	};
	static const int ages[] = { 70, 91 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		for (size_t k = 0; k < ARRAY_LEN(ages); k++) {
			struct findings out = { .count = 0 };
			struct domain_facts f;

			fill_late(&f, ways[i].leaving, ages[k]);
			f.leaving.done_at = ways[i].done_at;
			health_of_domain(&f, NOW, &out);
			assert_int_equal(has_cert_finding(&out),
					 ways[i].is_needed);
		}
}

static void fill(struct domain_facts *f, size_t i)
{
	*f = (struct domain_facts){
		.domain = { .name = "example.org",
			    .state = cases[i].state,
			    .state_at = NOW,
			    .failures = cases[i].failures },
		.has_policy = cases[i].has_policy,
		.has_cert = cases[i].has_cert,
		.has_order = cases[i].has_order,
	};
	f->cert.not_before = NOW - cases[i].age * DAY;
	f->cert.not_after = f->cert.not_before + 90 * DAY;
	f->cert.renew_at = f->cert.not_before + 60 * DAY;
	snprintf(f->domain.problem, sizeof(f->domain.problem), "%s",
		 cases[i].problem);
	snprintf(f->domain.hint, sizeof(f->domain.hint), "%s", cases[i].hint);
}

static void each_trouble_has_its_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct findings got = { .count = 0 };
		struct domain_facts facts;

		fill(&facts, i);
		print_message("%s\n", cases[i].what);
		health_of_domain(&facts, NOW, &got);
		assert_int_equal(got.count, cases[i].id != NULL);
		assert_int_equal(findings_worst(&got), cases[i].level);
		if (!got.count)
			continue;
		assert_string_equal(got.item[0].id, cases[i].id);
		assert_non_null(strstr(got.item[0].text, cases[i].text));
		assert_non_null(strstr(got.item[0].hint, cases[i].advice));
		assert_false(str_is_empty(got.item[0].hint));
	}
}

/* What senders do meanwhile is said. */
static const struct {
	enum announced is;
	const char *id;
	struct policy_shown shown;
	const char *text;
} records[] = {
	{ ANNOUNCED_BEHIND,
	  "old",
	  { true, 3, STS_ENFORCE },
	  "the TXT record does not show the new id yet; senders still use "
	  "version 3, mode enforce (id old)" },
	{ ANNOUNCED_IN_STEP,
	  "old",
	  { true, 0, STS_TESTING },
	  "the TXT record does not show the new id yet; senders still use "
	  "version 0, mode testing (id old)" },
	{ ANNOUNCED_BEHIND,
	  "old",
	  { false, 0, STS_NONE },
	  "the TXT record does not show the new id yet; senders still use "
	  "an earlier version (id old)" },
	{ ANNOUNCED_NOTHING,
	  "",
	  { true, 2, STS_ENFORCE },
	  "DNS has no _mta-sts record: senders do not know of the policy; who "
	  "holds version 2, mode enforce keeps it" },
	{ ANNOUNCED_NOTHING,
	  "",
	  { false, 0, STS_NONE },
	  "DNS has no _mta-sts record: senders do not know of the policy" },
	{ ANNOUNCED_FOREIGN,
	  "new",
	  { false, 0, STS_NONE },
	  "DNS announces another host's policy (id new)" },
};

static void what_senders_use_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct findings got = { .count = 0 };
		struct domain_facts facts;

		fill(&facts, 5);
		strcpy(facts.policy.sts_id, "now");
		facts.watch.txt = records[i].is;
		facts.watch.txt_at = NOW;
		strcpy(facts.watch.txt_id, records[i].id);
		facts.shown = records[i].shown;
		health_of_domain(&facts, NOW, &got);
		assert_int_equal(got.count, 1);
		assert_string_equal(got.item[0].text, records[i].text);
	}
}

static void all_mail_hosts_that_are_bad_are_named(void **state)
{
	struct domain_facts facts;
	struct findings got = { .count = 0 };

	(void)state;
	fill(&facts, 5);
	facts.policy.policy.mode = STS_ENFORCE;
	facts.mx_is_sure = true;
	facts.mx = (struct mx_verdict){ .is = MX_BAD,
					.bad = 3,
					.text = "a.test has expired",
					.first = "a.test",
					.others = "b.test c.test" };
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.item[0].text,
			    "a.test has expired (and 2 more: b.test c.test)");
}

/* Each by itself, from the latest of what is known of it. */
static const struct {
	time_t host, txt, mx, live; /* seen so long ago */
	const char *ids;
} unseen[] = {
	{ 60, 60, 60, 90 * DAY, "" },
	{ WATCH_LATELY - 1, WATCH_LATELY - 1, WATCH_LATELY - 1, DAY, "" },
	{ WATCH_LATELY, 60, 60, DAY, "host.unseen " },
	{ 60, WATCH_LATELY, 60, DAY, "txt.unseen " },
	{ 60, 60, 3 * DAY, 9 * DAY, "mx.unseen " },
	{ 3 * DAY, 3 * DAY, 3 * DAY, 9 * DAY,
	  "host.unseen txt.unseen mx.unseen " },
	{ NOW, NOW, NOW, WATCH_LATELY - 1, "" }, /* never; it is new */
	{ NOW, NOW, NOW, WATCH_LATELY, "host.unseen txt.unseen mx.unseen " },
};

static void what_nobody_answers_for_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++) {
		struct findings got = { .count = 0 };
		struct domain_facts facts;
		char ids[200] = "";

		fill(&facts, 5);
		facts.domain.state_at = NOW - unseen[i].live;
		facts.watch.looked_at = NOW - 30;
		facts.watch.unanswered = 2;
		facts.watch.host_at = NOW - unseen[i].host;
		facts.watch.txt_at = NOW - unseen[i].txt;
		facts.watch.mx_at = NOW - unseen[i].mx;
		health_of_domain(&facts, NOW, &got);
		for (size_t k = 0; k < got.count; k++) {
			assert_int_equal(got.item[k].level, HEALTH_WARNING);
			strcat(strcat(ids, got.item[k].id), " ");
		}
		print_message("%zu\n", i);
		assert_string_equal(ids, unseen[i].ids);
	}
}

/* The box was off for days: so far nobody has asked. */
static void what_nobody_asked_for_is_not_told(void **state)
{
	struct domain_facts facts;
	struct findings got = { .count = 0 };

	(void)state;
	fill(&facts, 5);
	facts.domain.state_at = NOW - 9 * DAY;
	facts.watch.looked_at = facts.watch.host_at = facts.watch.txt_at =
		facts.watch.mx_at = NOW - 3 * DAY;
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 0);
	facts.watch.failures = facts.watch.unanswered = 1;
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 0); /* one may be lost on its way */
	facts.watch.looked_at = NOW;
	facts.watch.failures = 0;
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 0); /* others came */
	facts.watch.unanswered = 2;
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 3);
	got.count = 0;
	facts.watch.looked_at = NOW - 3 * DAY;
	facts.watch.failures = 2;
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 3);
}

/* Expired and failing are two things to know. */
static void several_may_be_found(void **state)
{
	struct domain_facts facts;
	struct findings got = { .count = 0 };

	(void)state;
	fill(&facts, 5);
	facts.cert.not_after = NOW;
	facts.domain.failures = 5;
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 2);
	assert_string_equal(got.item[0].id, "cert.expired");
	assert_string_equal(got.item[1].id, "cert.renewal-failing");
	assert_int_equal(findings_worst(&got), HEALTH_ERROR);
}

/* Nothing fails, and nobody trusts it. */
static void what_is_from_a_staging_ca_is_told(void **state)
{
	struct domain_facts facts;
	struct findings got = { .count = 0 };

	(void)state;
	fill(&facts, 5);
	snprintf(facts.ca.name, sizeof(facts.ca.name), "letsencrypt-staging");
	health_of_domain(&facts, NOW, &got);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.item[0].id, "cert.staging");
	assert_int_equal(got.item[0].level, HEALTH_WARNING);
	assert_non_null(strstr(got.item[0].text, "letsencrypt-staging"));
	assert_non_null(strstr(got.item[0].hint,
			       "mtastsctl cert renew example.org --wait"));
}

/* It waited for its name until now: that DNS had none is no news. */
static void what_was_seen_before_it_was_live_is_no_finding(void **state)
{
	static const struct {
		time_t live_at, looked_at;
		const char *id; /* the first one's, or NULL */
	} looks[] = {
		{ NOW - 60, NOW - 62, NULL },
		{ NOW - 60, NOW - 61, "txt.missing" }, /* of its first second */
		{ NOW - 60, NOW - 60, "txt.missing" },
		{ NOW - 60, NOW, "txt.missing" },
		{ NOW + DAY, NOW, "txt.missing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		struct findings got = { .count = 0 };
		struct domain_facts f;

		fill_late(&f, DOMAIN_STAYS, 1);
		f.domain.state_at = looks[i].live_at;
		f.watch.host_at = f.watch.txt_at = f.watch.looked_at =
			looks[i].looked_at;
		f.watch.host = HOST_NOWHERE;
		f.watch.txt = ANNOUNCED_NOTHING;
		health_of_domain(&f, NOW, &got);
		assert_int_equal(got.count, looks[i].id ? 2 : 0);
		if (!looks[i].id)
			continue;
		assert_string_equal(got.item[0].id, looks[i].id);
		assert_string_equal(got.item[1].id, "host.not-here");
	}
}

static void too_many_findings_are_dropped(void **state)
{
	struct findings got = { .count = 0 };

	(void)state;
	for (int i = 0; i < FINDINGS_MAX + 5; i++)
		findings_add(&got, "x", HEALTH_WARNING, "", "%d", i);
	assert_int_equal(got.count, FINDINGS_MAX);
	assert_string_equal(got.item[FINDINGS_MAX - 1].text, "15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_ca_a_first_certificate_waits),
		cmocka_unit_test(each_trouble_has_its_finding),
		cmocka_unit_test(on_its_way_out_it_needs_a_certificate_or_not),
		cmocka_unit_test(
			a_handover_whose_name_stays_runs_out_on_senders),
		cmocka_unit_test(what_senders_use_is_told),
		cmocka_unit_test(all_mail_hosts_that_are_bad_are_named),
		cmocka_unit_test(what_nobody_answers_for_is_told),
		cmocka_unit_test(what_nobody_asked_for_is_not_told),
		cmocka_unit_test(several_may_be_found),
		cmocka_unit_test(what_is_from_a_staging_ca_is_told),
		cmocka_unit_test(
			what_was_seen_before_it_was_live_is_no_finding),
		cmocka_unit_test(too_many_findings_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
