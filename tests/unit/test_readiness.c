/* What speaks against mode enforce: facts for each reason, and facts not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "daemon/readiness.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define NOW ROWS_NOW

/* All that is known of one domain; and it is ready. */
static struct facts {
	struct domain_facts domain;
	struct checked checked;
	struct report_recent reports;
	struct readiness_facts facts;
} f;

#define OK(host)                                                               \
	"{\"id\":\"smtp.ok\",\"severity\":\"good\",\"text\":\"t\",\"mx\":"     \
	"\"" host "\"}"

static char mx[] = "a.test", well[] = "[" OK("a.test") "]";

static int set_up(void **state)
{
	(void)state;
	f = (struct facts){
		.domain = {
			.domain = { .name = "example.org",
				    .state = DOMAIN_LIVE },
			.has_policy = true,
			.policy = { .sts_id = "now",
				    .policy = { .mode = STS_TESTING,
						.mx = { mx }, .mx_count = 1 } },
			.has_cert = true,
			.cert = { .not_after = NOW + 60 * WHEN_DAY },
			.announce = ANNOUNCE_OK,
			.watch = { .txt = ANNOUNCED_IN_STEP, .txt_id = "now",
				   .txt_at = NOW - 60, .mx_at = NOW - 60,
				   .host = HOST_HERE,
				   .mx = { .look = MX_THERE,
					   .host = { "a.test" }, .count = 1,
					   .voices = 2, .agrees = true } },
		},
		.checked = { .at = NOW - 60, .findings = well },
	};
	strcpy(f.domain.ca.directory_url, "https://ca.test/directory");
	f.facts = (struct readiness_facts){
		.domain = &f.domain,
		.checked = &f.checked,
		.reports = &f.reports,
		.report_share = 1,
		.testing_since = NOW - 8 * WHEN_DAY,
		.testing_time = 7 * WHEN_DAY,
		.without_reports = true,
	};
	return 0;
}

/* The ids of the reasons, " " between; *notes are those of the notes. */
static void assert_reasons(const char *expected, size_t notes)
{
	struct readiness r;
	char out[2000] = "";

	memset(&r, 0x55, sizeof(r));
	readiness_judge(&f.facts, NOW, &r);
	for (size_t i = 0; i < r.count; i++) {
		sprintf(out + strlen(out), "%s%s", i ? " " : "",
			r.reason[i].id);
		assert_true(*r.reason[i].text);
	}
	assert_string_equal(out, expected);
	assert_int_equal(json_array_size(r.notes), notes);
	readiness_release(&r);
	readiness_release(&r);
}

static void is_ready(void)
{
}
static void waits(void)
{
	f.domain.domain.state = DOMAIN_WAITING_FOR_DNS;
}
static void is_issuing(void)
{
	f.domain.domain.state = DOMAIN_ISSUING;
}
static void is_removed(void)
{
	f.domain.domain.leaving = DOMAIN_REMOVING;
}
static void leaves(void)
{
	f.domain.domain.leaving = DOMAIN_HANDING_OVER;
}
static void has_no_policy(void)
{
	f.domain.has_policy = false;
}
static void has_no_cert(void)
{
	f.domain.has_cert = false;
}
static void has_expired(void)
{
	f.domain.cert.not_after = NOW;
}
static void expires(void)
{
	f.domain.cert.not_after = NOW + 1;
}
static void is_revoked(void)
{
	f.domain.cert.revoked_at = NOW - 1;
}
static void will_be_revoked(void)
{
	f.domain.domain.revoked = true;
}
static void failed_twice(void)
{
	f.domain.domain.failures = 2;
}
static void failed_thrice(void)
{
	f.domain.domain.failures = 3;
}

static void is_staging(void)
{
	strcpy(f.domain.ca.name, "letsencrypt-staging");
	strcpy(f.domain.ca.directory_url,
	       "https://acme-staging-v02.api.letsencrypt.org/directory");
}

static void txt_is_unknown(void)
{
	f.domain.watch.txt = ANNOUNCED_UNKNOWN;
}
static void txt_is_gone(void)
{
	f.domain.watch.txt = ANNOUNCED_NOTHING;
}
static void txt_is_old(void)
{
	strcpy(f.domain.watch.txt_id, "old");
}
static void txt_is_foreign(void)
{
	f.domain.watch.txt = ANNOUNCED_FOREIGN;
}
static void is_not_tested(void)
{
	f.facts.testing_since = 0;
}

static void needs_no_test(void)
{
	f.facts.testing_since = 0;
	f.facts.testing_time = 0;
}

static void was_tested_just_so(void)
{
	f.facts.testing_since = NOW - 7 * WHEN_DAY;
}

static void lacks_a_second(void)
{
	f.facts.testing_since = NOW - 7 * WHEN_DAY + 1;
}

static void mx_is_unknown(void)
{
	f.domain.watch.mx = (struct mx_seen){ .look = MX_UNKNOWN };
}

static void mx_is_null(void)
{
	f.domain.watch.mx = (struct mx_seen){ .look = MX_NULL };
}

static void has_a_stray(void)
{
	strcpy(f.domain.watch.mx.host[1], "b.test");
	f.domain.watch.mx.count = 2;
}

static void has_a_bad_name(void)
{
	strcpy(f.domain.watch.mx.bad[0], "mx_2.test");
	f.domain.watch.mx.bad_count = 1;
}

static void has_nothing_but_a_bad_name(void)
{
	has_a_bad_name();
	f.domain.watch.mx.count = 0;
}

static void has_two_strays(void)
{
	has_a_stray();
	strcpy(f.domain.watch.mx.host[0], "c.test");
}

static char other[] = "evil.mail.protection.outlook.com",
	    googles[] = "alt2.aspmx.l.google.com", pattern[] = "*.test";

static void name_besides(char *host)
{
	f.domain.policy.policy.mx[f.domain.policy.policy.mx_count++] = host;
}

static void names_one_in_no_mx(void)
{
	name_besides(other);
}
static void names_a_host_of_a_preset(void)
{
	name_besides(googles);
}
static void names_a_pattern_in_use(void)
{
	name_besides(pattern);
}
static void is_meant_to_be_there(void)
{
	names_one_in_no_mx();
	f.facts.keep_stale = true;
}
static void is_named_by_its_template(void)
{
	static const struct sts_policy says = { .mx = { other },
						.mx_count = 1 };

	names_one_in_no_mx();
	f.facts.meant = &says;
}
static void may_be_one_that_was_cut(void)
{
	names_one_in_no_mx();
	f.domain.watch.mx.is_cut = true;
}

static void mx_are_unread(void)
{
	f.domain.watch.mx_at = NOW - WATCH_LATELY;
}
static void mx_were_read_today(void)
{
	f.domain.watch.mx_at = NOW - WATCH_LATELY + 1;
}
static void mx_were_read_just_so(void)
{
	f.domain.watch.mx_at = NOW - READINESS_FRESH;
}
static void mx_were_read_too_early(void)
{
	f.domain.watch.mx_at = NOW - READINESS_FRESH - 1;
}
static void mx_had_no_answer_since(void)
{
	f.domain.watch.looked_at = NOW - 10;
}
static void nothing_had_an_answer_since(void)
{
	f.domain.watch.failures = 1;
}
static void mx_of_today_will_do(void)
{
	mx_were_read_today();
	f.domain.watch.failures = 1;
	f.facts.any_age = true;
}
static void txt_is_unread(void)
{
	f.domain.watch.txt_at = NOW - WATCH_LATELY;
}
static void txt_was_read_today(void)
{
	f.domain.watch.txt_at = NOW - WATCH_LATELY + 1;
}

static void was_never_looked_at(void)
{
	f.checked.at = 0;
}
static void look_is_old(void)
{
	f.checked.at = NOW - READINESS_FRESH - 1;
}
static void look_is_fresh(void)
{
	f.checked.at = NOW - READINESS_FRESH;
}

static void an_old_look_will_do(void)
{
	f.checked.at = NOW - 30 * WHEN_DAY;
	f.facts.any_age = true;
}

static void any_look_will_do(void)
{
	f.checked.at = 0;
	f.facts.any_age = true;
}

static void reports_matter(void)
{
	f.facts.without_reports = false;
}

/* ---- what reports told, as it counts without --without-reports ---- */

static void tell(long successful, long failed)
{
	f.facts.without_reports = false;
	f.reports = (struct report_recent){ .reports = 1, .newest = NOW };
	f.reports.all = (struct report_told){ .reporters = 1,
					      .successful = successful,
					      .failed = failed };
	f.reports.all.results[TLS_RESULT_CERTIFICATE_EXPIRED] = failed;
	f.reports.all.kinds = failed ? 1U << TLS_RESULT_CERTIFICATE_EXPIRED : 0;
	f.reports.sts = f.reports.all;
}

static void are_clean(void)
{
	tell(1000, 0);
}
static void fail_without_a_number(void)
{
	are_clean();
	f.reports.sts.kinds = 1U << TLS_RESULT_CERTIFICATE_EXPIRED;
}
static void fail_without_one_anyway(void)
{
	fail_without_a_number();
	f.facts.without_reports = true;
}
static void fail_of_no_sessions(void)
{
	tell(0, 0);
	f.reports.sts.kinds = 1U << TLS_RESULT_CERTIFICATE_EXPIRED;
}
static void fail_of_none_anyway(void)
{
	fail_of_no_sessions();
	f.facts.without_reports = true;
}
static void tell_of_no_sessions(void)
{
	tell(0, 0);
}
static void tell_of_another_policy(void)
{
	tell(500, 0);
	f.reports.sts = (struct report_told){ 0 };
}
static void fail_by_another_policy(void)
{
	tell(0, 500);
	f.reports.sts = (struct report_told){ .reporters = 1, .successful = 7 };
}
static void fail_just_so(void)
{
	tell(990, 10);
}
static void fail_one_too_many(void)
{
	tell(988, 10);
}
static void fail_all(void)
{
	tell(0, 1);
}

static void fail_anyway(void)
{
	fail_all();
	f.facts.without_reports = true;
}

static void may_fail_never(void)
{
	tell(1000000, 1);
	f.facts.report_share = 0;
}

static void may_fail_always(void)
{
	tell(0, 1);
	f.facts.report_share = 100;
}

static void are_old(void)
{
	f.facts.without_reports = false;
	f.reports.newest = NOW - 30 * WHEN_DAY;
}

static void all_is_wrong(void)
{
	leaves();
	has_expired();
	txt_is_old();
	lacks_a_second();
	has_a_stray();
	look_is_old();
	reports_matter();
}

static const struct {
	void (*change)(void);
	const char *reasons;
} cases[] = {
	{ is_ready, "" },
	{ waits, "state" },
	{ is_issuing, "state" },
	{ is_removed, "state" },
	{ leaves, "state" },
	{ has_no_policy, "policy.missing" },
	{ has_no_cert, "cert.missing" },
	{ has_expired, "cert.expired" },
	{ expires, "" },
	{ is_revoked, "cert.revoked" },
	{ will_be_revoked, "cert.revoked" },
	{ failed_twice, "" },
	{ failed_thrice, "cert.renewal-failing" },
	{ is_staging, "cert.staging" },
	{ txt_is_unknown, "announced" },
	{ txt_is_gone, "announced" },
	{ txt_is_old, "announced" },
	{ txt_is_foreign, "announced" },
	{ is_not_tested, "days" },
	{ needs_no_test, "" },
	{ was_tested_just_so, "" },
	{ lacks_a_second, "days" },
	{ mx_is_unknown, "mx.unknown" },
	{ mx_is_null, "" },
	{ has_a_stray, "mx.not-covered" },
	{ has_a_bad_name, "mx.bad-name" },
	{ has_nothing_but_a_bad_name, "mx.bad-name" },
	{ has_two_strays, "mx.not-covered mx.not-covered mx.stale" },
	{ names_one_in_no_mx, "mx.stale" },
	{ is_named_by_its_template, "" },
	{ names_a_host_of_a_preset, "" },
	{ names_a_pattern_in_use, "" },
	{ is_meant_to_be_there, "" },
	{ may_be_one_that_was_cut, "" },
	{ mx_are_unread, "mx.unknown" },
	{ mx_were_read_today, "mx.not-looked" },
	{ mx_were_read_just_so, "" },
	{ mx_were_read_too_early, "mx.not-looked" },
	{ mx_had_no_answer_since, "mx.not-looked" },
	{ nothing_had_an_answer_since, "mx.not-looked" },
	{ mx_of_today_will_do, "" },
	{ txt_is_unread, "announced" },
	{ txt_was_read_today, "" },
	{ was_never_looked_at, "not-looked" },
	{ look_is_old, "not-looked" },
	{ look_is_fresh, "" },
	{ an_old_look_will_do, "" },
	{ any_look_will_do, "not-looked" },
	{ reports_matter, "reports.unknown" },
	{ all_is_wrong, "state cert.expired announced days mx.not-covered "
			"not-looked reports.unknown" },
};

static const struct {
	void (*change)(void);
	const char *reasons;
	size_t notes;
	const char *says;
} told[] = {
	{ reports_matter, "reports.unknown", 0, "no TLS report has come yet" },
	{ are_old, "reports.unknown", 0, "is of 2026-12-16" },
	{ tell_of_no_sessions, "reports.unknown", 0, "tell of none" },
	{ tell_of_another_policy, "reports.unknown", 0,
	  "of 500 sessions, but of none by its MTA-STS policy" },
	{ fail_by_another_policy, "", 1,
	  "1 reporter: 7 sessions by MTA-STS in 7 days, 0 failed" },
	{ are_clean, "", 1,
	  "1 reporter: 1000 sessions by MTA-STS in 7 days, 0 failed" },
	{ fail_without_a_number, "reports.uncounted", 0,
	  "not of how many: certificate-expired: " },
	{ fail_without_one_anyway, "reports.uncounted", 0, "not of how many" },
	{ fail_of_no_sessions, "reports.uncounted", 0, "not of how many" },
	{ fail_of_none_anyway, "reports.uncounted", 0, "not of how many" },
	{ fail_just_so, "", 1,
	  "1000 sessions by MTA-STS in 7 days, 10 failed" },
	{ fail_one_too_many, "reports.failing", 0,
	  "10 of 998 sessions by MTA-STS failed in 7 days" },
	{ fail_all, "reports.failing", 0, "a certificate that had expired" },
	{ fail_anyway, "reports.failing", 0, "1 of 1 " },
	{ may_fail_never, "reports.failing", 0, "no more than 0 % may" },
	{ may_fail_always, "", 1, "1 failed" },
};

static void reports_are_a_reason_or_a_note(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		const char *text;
		struct readiness r;

		set_up(state);
		told[i].change();
		print_message("%zu: %s\n", i, told[i].says);
		assert_reasons(told[i].reasons, told[i].notes);
		readiness_judge(&f.facts, NOW, &r);
		text = r.count ? r.reason[0].text
			       : json_string_value(json_array_get(r.notes, 0));
		print_message("%s\n", text);
		assert_non_null(strstr(text, told[i].says));
		assert_true(strlen(text) < sizeof(r.reason[0].text) - 1);
		readiness_release(&r);
	}
}

static void each_reason_has_its_facts(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		set_up(state);
		cases[i].change();
		print_message("%zu: %s\n", i, cases[i].reasons);
		assert_reasons(cases[i].reasons, 0);
	}
}

/* The copy of a line that is published: the name, and the id that is meant. */
static void texts_say_what_to_do(void **state)
{
	struct readiness r;

	(void)state;
	txt_is_old();
	lacks_a_second();
	has_a_stray();
	readiness_judge(&f.facts, NOW, &r);
	assert_int_equal(r.count, 3);
	assert_non_null(strstr(r.reason[0].hint,
			       "_mta-sts.example.org. IN TXT \"v=STSv1; "
			       "id=now;\""));
	assert_non_null(strstr(r.reason[0].text, "behind"));
	assert_int_equal(r.ready_at, NOW + 1);
	assert_non_null(strstr(r.reason[1].text, "7d"));
	assert_non_null(strstr(r.reason[2].text, "b.test"));
	assert_false(r.needs_look);
	readiness_release(&r);
}

/* A command is there to be copied. */
static void commands_name_the_domain(void **state)
{
	size_t commands = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct readiness r;

		set_up(state);
		cases[i].change();
		readiness_judge(&f.facts, NOW, &r);
		for (size_t k = 0; k < r.count; k++) {
			const char *hint = r.reason[k].hint;

			print_message("%s\n", hint);
			assert_null(strchr(hint, '{'));
			if (!strstr(hint, "mtastsctl"))
				continue;
			commands++;
			assert_non_null(strstr(hint, " example.org"));
		}
		readiness_release(&r);
	}
	assert_true(commands > 10);
}

/* ---- what a look from outside found ---- */

#define ERROR(id) "{\"id\":\"" id "\",\"severity\":\"error\",\"text\":\"t\"}"
#define WARN(id)  "{\"id\":\"" id "\",\"severity\":\"warning\",\"text\":\"t\"}"

static const struct {
	const char *findings;
	const char *reasons;
	size_t notes;
} looks[] = {
	{ "[]", "", 0 },
	{ "[" ERROR("smtp.no-starttls") "]", "smtp.no-starttls", 0 },
	{ "[" WARN("mx.cname") "]", "", 0 },
	{ "[" ERROR("host.chain") "," ERROR("mx.missing") "]",
	  "host.chain mx.missing", 0 },

	/* of each mail host by itself */
	{ "[" ERROR("smtp.cert-name") "," ERROR("smtp.cert-name") "]",
	  "smtp.cert-name smtp.cert-name", 0 },

	/* port 25 that nobody can reach from here is said, and no more */
	{ "[" WARN("smtp.not-tested") "," WARN("smtp.unreachable") "]", "", 2 },

	/* a box may not reach itself */
	{ "[" ERROR("host.unreachable") "," ERROR("host.timeout") "," ERROR(
		  "host.v6-unreachable") "]",
	  "", 3 },

	/* what the box knows better itself */
	{ "[" ERROR("id.behind") "," ERROR("id.foreign") "," ERROR(
		  "txt.missing") "," ERROR("box.trouble") "," ERROR(
		  "rpt.failures") "]",
	  "", 0 },
	{ "[" ERROR("txt.grammar") "]", "txt.grammar", 0 },

	/* text that is none of ours: then nobody has looked */
	{ "", "not-looked", 0 },
	{ "{}", "not-looked", 0 },
	{ "null", "not-looked", 0 },
	{ "[", "not-looked", 0 },
	{ "[" ERROR("mx.missing"), "not-looked", 0 },
	{ "[]garbage", "not-looked", 0 },
	{ "\xff\xfe", "not-looked", 0 },
	{ "\"[]\"", "not-looked", 0 },

	/* and rows of it */
	{ "[1, null, \"x\", [], {}]", "", 0 },
	{ "[{\"id\":7,\"severity\":\"error\",\"text\":null}]", "", 0 },
	{ "[{\"id\":\"mx.x\",\"severity\":\"error\",\"text\":\"%s%n%s\","
	  "\"todo\":\"%n\"}]",
	  "mx.x", 0 },
};

static void findings_are_reasons_or_notes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		char *text = xstrdup(looks[i].findings);

		set_up(state);
		f.checked.findings = text;
		f.domain.watch.mx.count = 0;
		print_message("%zu: %s\n", i, looks[i].findings);
		assert_reasons(looks[i].reasons, looks[i].notes);
		free(text);
	}
}

/* Of each host that is to be delivered to, and of no other one. */
#define OF(id, host)                                                           \
	"{\"id\":\"" id "\",\"severity\":\"warning\",\"text\":\"t\","          \
	"\"mx\":\"" host "\"}"

static const struct {
	const char *findings, *reasons;
	size_t notes;
} tested[] = {
	{ "[]", "mx.not-tested", 0 },
	{ "[" OK("a.test") "]", "", 0 },
	{ "[" OK("A.Test") "]", "", 0 },
	{ "[" OK("b.test") "]", "mx.not-tested", 0 },
	{ "[{\"id\":\"smtp.ok\",\"severity\":\"good\"}]", "mx.not-tested", 0 },
	{ "[" OF("smtp.unreachable", "a.test") "]", "", 1 },
	{ "[" OF("smtp.refused", "a.test") "]", "", 1 },
	{ "[" OF("mx.private", "a.test") "]", "", 1 },
	{ "[" OF("smtp.cert-soon", "a.test") "]", "mx.not-tested", 1 },

	/* who gets through to one host may not leave the other one untried */
	{ "[" OK("a.test") "," OF("smtp.unreachable", "b.test") "]",
	  "smtp.unreachable", 0 },
	{ "[" OF("smtp.refused", "b.test") "," OK("a.test") "]", "smtp.refused",
	  0 },
	{ "[" OK("a.test") "," OF("mx.private", "b.test") "]", "mx.private",
	  0 },
	{ "[" ERROR("smtp.no-starttls") "," OF("smtp.refused", "a.test") "]",
	  "smtp.no-starttls smtp.refused", 0 },
	{ "[" OF("smtp.unreachable", "a.test") "," OF("smtp.refused",
						      "b.test") "]",
	  "", 2 },
	{ "[" OF("smtp.unreachable", "a.test") "," OF("smtp.cert-soon",
						      "b.test") "]",
	  "smtp.unreachable", 1 },
	{ "[" OF("smtp.unreachable", "a.test") "," OF("smtp.v6-unreachable",
						      "b.test") "]",
	  "smtp.unreachable", 1 },

	/* one of its addresses is enough, and proves as much */
	{ "[" OF("smtp.partly", "a.test") "," OF("smtp.unreachable",
						 "a.test") "]",
	  "", 2 },
	{ "[" OF("smtp.partly", "A.Test") "," OF("smtp.refused",
						 "a.test") "," OK("b.test") "]",
	  "", 2 },
	{ "[" OF("smtp.partly", "a.test") "," OF("smtp.unreachable",
						 "a.test") "," OF("smtp."
								  "unreachable",
								  "b.test") "]",
	  "smtp.unreachable", 2 },
	{ "[" OK("a.test") "," OF("mx.private", "a.test") "]", "", 1 },
	{ "[" OK("a.test") "," WARN("smtp.unreachable") "]", "smtp.unreachable",
	  0 },
	{ "[" OF("mx.cname", "a.test") "]", "mx.not-tested", 0 },
	{ "[" OF("dane.present", "a.test") "]", "mx.not-tested", 0 },
	{ "[" OF("mx.host-timeout", "a.test") "]", "mx.host-timeout", 0 },
	{ "[" OF("smtp.untested", "a.test") "]", "smtp.untested", 0 },
	{ "[" WARN("host.not-tested") "," OK("a.test") "]", "", 1 },
	{ "[" WARN("txt.not-tested") "," OK("a.test") "]", "txt.not-tested",
	  0 },
};

static void each_host_was_tested(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tested); i++) {
		char *text = xstrdup(tested[i].findings);

		set_up(state);
		f.checked.findings = text;
		print_message("%zu: %s\n", i, text);
		assert_reasons(tested[i].reasons, tested[i].notes);
		free(text);
	}
}

/* What DNS showed is told once, by the box itself. */
static void what_is_known_already_is_not_told_twice(void **state)
{
	char text[] = "[" ERROR("mx.not-covered") "," OK("a.test") "]";

	(void)state;
	f.checked.findings = text;
	assert_reasons("mx.not-covered", 0);
	has_a_stray();
	assert_reasons("mx.not-covered", 0);
}

/* The look from outside may be the later one: what it found counts as much. */
static const struct {
	const char *host;
	bool is_stray, any_age;
	long later; /* that DNS was looked at, than it was from outside */
	const char *reasons;
} uncovered[] = {
	{ "b.test", false, false, 0, "mx.not-covered" },
	{ "b.test", false, false, 10, "mx.not-covered" },
	{ "b.test", true, false, 0, "mx.not-covered" },
	{ "B.Test", true, false, 0, "mx.not-covered" },
	{ "c.test", true, false, 0, "mx.not-covered mx.not-covered" },
	{ "a.test", false, false, 0, "" }, /* the policy names it by now */
	{ "b.test", false, true, 0, "mx.not-covered" },
	{ "b.test", false, true, 10, "" }, /* it is gone since */
};

static void a_host_found_uncovered_is_a_reason(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(uncovered); i++) {
		char text[300];

		set_up(state);
		snprintf(text, sizeof(text),
			 "[" OF("mx.not-covered", "%s") "," OK("a.test") "]",
			 uncovered[i].host);
		f.checked.findings = text;
		f.facts.any_age = uncovered[i].any_age;
		f.domain.watch.mx_at = f.checked.at + uncovered[i].later;
		if (uncovered[i].is_stray)
			has_a_stray();
		print_message("%zu: %s\n", i, uncovered[i].host);
		assert_reasons(uncovered[i].reasons, 0);
	}
}

/* More than there is room for, and longer ones. */
static void too_much_is_cut(void **state)
{
	char *text = xcalloc(1, 400000), *at = text, *word = xcalloc(1, 5000);
	struct readiness r;

	(void)state;
	memset(word, 'x', 4999);
	at += sprintf(at, "[" ERROR("first"));
	for (int i = 0; i < 30; i++)
		at += sprintf(at,
			      ",{\"id\":\"%s\",\"severity\":\"error\","
			      "\"text\":\"%s\"}",
			      word, word);
	sprintf(at, "]");
	f.checked.findings = text;
	readiness_judge(&f.facts, NOW, &r);
	assert_int_equal(r.count, READINESS_MAX);
	assert_string_equal(r.reason[0].id, "first");
	assert_int_equal(strlen(r.reason[1].text),
			 sizeof(r.reason[1].text) - 1);
	assert_int_equal(strlen(r.reason[1].id), sizeof(r.reason[1].id) - 1);
	readiness_release(&r);
	free(text);
	free(word);
}

/* ---- a refusal ---- */

#define ALL   "mtastsctl policy readiness "
#define OF_IT " has all of it; --force with --reason overrides"

static const struct {
	size_t count, len; /* of each reason's text */
	const char *text;
} refusals[] = {
	{ 1, 2, "x.test is not ready: aa" },
	{ 3, 2, "x.test is not ready: aa; bb; cc" },
	{ 4, 2, "x.test is not ready: aa; bb; cc; and 1 more" },
	{ 24, 2, "x.test is not ready: aa; bb; cc; and 21 more" },
};

static void fill(struct readiness *r, size_t count, size_t len)
{
	*r = (struct readiness){ .count = count };
	for (size_t i = 0; i < count; i++)
		memset(r->reason[i].text, 'a' + (int)i, len);
}

static void a_refusal_names_three(void **state)
{
	struct err err = ERR_INIT;
	struct readiness r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		fill(&r, refusals[i].count, refusals[i].len);
		strcpy(r.reason[0].hint, "do this");
		assert_false(readiness_refuse(&r, "x.test", &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_string_equal(err.text, refusals[i].text);
		assert_string_equal(err.hint, "do this; " ALL "x.test" OF_IT);
	}
}

/* However long they and the name are. */
static void a_refusal_ends_with_a_whole_reason(void **state)
{
	char name[246] = "", all[1000], hint[320];
	struct err err = ERR_INIT;
	struct readiness r;

	(void)state;
	fill(&r, 5, 200);
	readiness_refuse(&r, "x.test", &err);
	snprintf(all, sizeof(all), "x.test is not ready: %s; %s; and 3 more",
		 r.reason[0].text, r.reason[1].text);
	assert_string_equal(err.text, all);

	memset(name, 'n', sizeof(name) - 1);
	memset(r.reason[0].hint, 'h', sizeof(r.reason[0].hint) - 1);
	readiness_refuse(&r, name, &err);
	snprintf(all, sizeof(all), "%s is not ready: 5 reasons against it",
		 name);
	assert_string_equal(err.text, all);
	snprintf(hint, sizeof(hint), ALL "%s" OF_IT, name);
	assert_string_equal(err.hint, hint);
}

/* ---- afterwards ---- */

#define D WHEN_DAY

static const struct {
	long max_age, enforced_for, next;
} steps[] = {
	{ 7 * D, 0, 0 },
	{ 7 * D, 7 * D - 1, 0 },
	{ 7 * D, 7 * D, 14 * D },
	{ 7 * D, 400 * D, 14 * D },
	{ 1 * D, 7 * D, 14 * D },
	{ 14 * D, 7 * D, 0 },
	{ 14 * D, 30 * D - 1, 0 },
	{ 14 * D, 30 * D, 30 * D },
	{ 30 * D, 89 * D, 0 },
	{ 30 * D, 90 * D, 90 * D },
	{ 90 * D, 180 * D, 180 * D },
	{ 100 * D, 180 * D, 180 * D },
	{ 180 * D, 9999 * D, 0 },
	{ STS_MAX_AGE_MAX, 9999 * D, 0 },
};

static void max_age_is_raised_in_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		print_message("%zu\n", i);
		assert_int_equal(readiness_next_max_age(steps[i].max_age,
							steps[i].enforced_for),
				 steps[i].next);
	}
}

/* ---- with a store ---- */

static void assert_stored(time_t now, bool without_reports, bool any_age,
			  const char *expected)
{
	static struct config config = { .testing_time = 7 * WHEN_DAY,
					.report_share = 1 };
	struct domain_facts facts;
	struct err err = ERR_INIT;
	struct readiness r;
	char out[2000] = "";

	domain_facts_load(&facts, fix.store, &fix.domain, now);
	must(readiness_of(fix.store, &facts, &config, without_reports, false,
			  any_age, now, &r, &err),
	     &err);
	for (size_t i = 0; i < r.count; i++)
		sprintf(out + strlen(out), "%s%s", i ? " " : "",
			r.reason[i].id);
	assert_string_equal(out, expected);
	readiness_release(&r);
	domain_facts_release(&facts);
}

static void all_of_it_is_read_from_the_store(void **state)
{
	struct watch w = { .domain_id = fix.domain.id,
			   .txt = ANNOUNCED_IN_STEP,
			   .mx = { .look = MX_THERE,
				   .host = { "mx.example.net" },
				   .count = 1 } };
	struct policy_version v;
	const time_t then = NOW + 8 * WHEN_DAY;

	(void)state;
	rows_cert(fix.store, &fix.domain, "leaf", "issuers");
	assert_stored(NOW, false, false,
		      "announced days mx.unknown not-looked reports.unknown");

	must(policy_version_current(fix.store, &fix.domain, &v, NULL), NULL);
	must(policy_version_announce(fix.store, &fix.domain, v.sts_id, NOW,
				     NULL),
	     NULL);
	strcpy(w.txt_id, v.sts_id);
	policy_version_release(&v);
	w.txt_at = w.mx_at = NOW;
	must(watch_write(fix.store, &w, NULL), NULL);
	must(checked_write(fix.store, fix.domain.id, NOW, NOW, 0,
			   "[" OF("mx.host-failed", "mx.example.net") "]",
			   NULL),
	     NULL);
	assert_stored(NOW, true, false, "days mx.host-failed");
	assert_stored(then, true, true,
		      "cert.expired announced mx.unknown "
		      "mx.host-failed");
	w.txt_at = w.mx_at = then;
	must(watch_write(fix.store, &w, NULL), NULL);
	assert_stored(then, true, false,
		      "cert.expired mx.host-failed not-looked");
	assert_stored(then, true, true, "cert.expired mx.host-failed");
	must(checked_write(fix.store, fix.domain.id, NOW, NOW, 0,
			   "[" OK("mx.example.net") "]", NULL),
	     NULL);
	assert_stored(then, true, true, "cert.expired");
	must(checked_write(fix.store, fix.domain.id, NOW, NOW, 0, "[]", NULL), NULL);
	assert_stored(then, true, true, "cert.expired mx.not-tested");
}

static void report(const char *id, time_t at, long successful, long failed)
{
	struct tls_report r = reports_make("Org", id, at, successful, failed);

	assert_true(reports_add(fix.store, &fix.domain, &r, at + WHEN_DAY));
	tls_report_release(&r);
}

static void reports_of_seven_days_are_read_from_the_store(void **state)
{
	const char *others = "announced days mx.unknown not-looked";
	char failing[200];

	(void)state;
	rows_cert(fix.store, &fix.domain, "leaf", "issuers");
	report("a", NOW - 9 * WHEN_DAY, 100, 100);
	snprintf(failing, sizeof(failing), "%s reports.unknown", others);
	assert_stored(NOW, false, false, failing);
	report("b", NOW - 2 * WHEN_DAY, 198, 1);
	assert_stored(NOW, false, false, others);
	report("c", NOW - 2 * WHEN_DAY, 0, 1);
	assert_stored(NOW, false, false, others);
	report("d", NOW - 2 * WHEN_DAY, 0, 1);
	snprintf(failing, sizeof(failing), "%s reports.failing", others);
	assert_stored(NOW, false, false, failing);
	assert_stored(NOW, true, false, failing);
}

static void what_its_template_names_is_read_from_the_store(void **state)
{
	static char host[] = "mx.example.net";
	struct template t = { .name = "gold",
			      .hosts = { .mx = { host }, .mx_count = 1 } };
	struct template read;
	struct watch w = {
		.domain_id = fix.domain.id,
		.mx_at = NOW,
		.mx = { .look = MX_THERE, .host = { "b.test" }, .count = 1 }
	};

	(void)state;
	rows_cert(fix.store, &fix.domain, "leaf", "issuers");
	must(watch_write(fix.store, &w, NULL), NULL);
	assert_stored(NOW, true, false,
		      "announced days mx.not-covered mx.stale not-looked");
	must(template_write(fix.store, &t, NULL), NULL);
	must(template_by_name(fix.store, "gold", &read, NULL), NULL);
	fix.domain.template_id = read.id;
	template_release(&read);
	assert_stored(NOW, true, false,
		      "announced days mx.not-covered not-looked");
}

#define FOR_ONE(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FOR_ONE(each_reason_has_its_facts),
		FOR_ONE(reports_are_a_reason_or_a_note),
		FOR_ONE(texts_say_what_to_do),
		FOR_ONE(commands_name_the_domain),
		FOR_ONE(findings_are_reasons_or_notes),
		FOR_ONE(each_host_was_tested),
		FOR_ONE(what_is_known_already_is_not_told_twice),
		FOR_ONE(a_host_found_uncovered_is_a_reason),
		FOR_ONE(too_much_is_cut),
		cmocka_unit_test(a_refusal_names_three),
		cmocka_unit_test(a_refusal_ends_with_a_whole_reason),
		cmocka_unit_test(max_age_is_raised_in_steps),
		WITH_A_DOMAIN(all_of_it_is_read_from_the_store),
		WITH_A_DOMAIN(what_its_template_names_is_read_from_the_store),
		WITH_A_DOMAIN(reports_of_seven_days_are_read_from_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
