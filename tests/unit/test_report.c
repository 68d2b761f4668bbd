/*
 * TLS reports in the store: what is kept of them, what counts once, what they
 * come to, and how they go.
 */
#include "store/report.h"

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
#include "policy/report_content.h"
#include "store/report_standing.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define NOW	 ROWS_NOW
#define DAY_OF_A 1795132800L /* 2026-11-20, which the fixtures tell of */

static struct domain shop;

static int set_up(void **state)
{
	fixture_begin(state);
	shop = reports_shop(fix.store, DAY_OF_A - 10 * WHEN_DAY);
	return 0;
}

/* Looks from beside see what is committed. */
static void commit(void)
{
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err), &err);
}

static void begin(void)
{
	struct err err = ERR_INIT;

	must(store_begin(fix.store, &err), &err);
}

static long number(const char *sql)
{
	return scratch_number(fix.dir, "state.db", sql);
}

static void add_fixture(const char *name)
{
	struct tls_report r = reports_read(name);

	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
}

static void add_made(const struct domain *d, const char *who, const char *id,
		     time_t at, long successful, long failed, time_t received)
{
	struct tls_report r = reports_make(who, id, at, successful, failed);

	if (failed)
		reports_fail(&r, TLS_RESULT_CERTIFICATE_EXPIRED,
			     "mx1.shop.test", failed);
	assert_true(reports_add(fix.store, d, &r, received));
	tls_report_release(&r);
}

static int64_t room_of(const struct domain *d)
{
	struct report_room room;

	must(report_room_of(fix.store, d ? d->id : 0, &room, NULL), NULL);
	return room.bytes;
}

#define COUNTS " WHERE report_id IN (SELECT id FROM report WHERE counted)"

/*
 * Whatever was added and removed, the tallies say what a count of all that is
 * there would say.
 */
static void assert_tallies_are_right(void)
{
	static const char *const differences[] = {
		"SELECT 0, day, 0, COUNT(*), SUM(successful), SUM(failed)"
		" FROM report WHERE counted GROUP BY day",
		"SELECT 1, day, reporter_id, COUNT(*), SUM(successful),"
		" SUM(failed) FROM report WHERE counted"
		" GROUP BY day, reporter_id",
		"SELECT 2, day, domain_id, COUNT(*), SUM(successful),"
		" SUM(failed) FROM report WHERE counted"
		" GROUP BY day, domain_id",
		"SELECT 3, day, result, COUNT(DISTINCT report_id), 0,"
		" SUM(sessions) FROM report_failure" COUNTS
		" GROUP BY day, result",
		"SELECT 4, day, mx_host, COUNT(DISTINCT report_id), 0,"
		" SUM(sessions) FROM report_failure" COUNTS
		" GROUP BY day, mx_host",
		"SELECT 5, day, standing, COUNT(DISTINCT report_id),"
		" SUM(successful), SUM(failed)"
		" FROM report_policy" COUNTS " GROUP BY day, standing",
		"SELECT 6, day, domain_id, COUNT(DISTINCT report_id),"
		" SUM(successful), SUM(failed)"
		" FROM report_policy" COUNTS " AND standing BETWEEN 1 AND 3"
		" GROUP BY day, domain_id",
	};

	for (size_t i = 0; i < ARRAY_LEN(differences); i++) {
		char *sql = xasprintf(
			"WITH counted AS (%s), kept AS (SELECT * FROM "
			"report_tally WHERE kind = %zu) SELECT"
			" (SELECT COUNT(*) FROM (SELECT * FROM counted"
			" EXCEPT SELECT * FROM kept)) + (SELECT COUNT(*) FROM"
			" (SELECT * FROM kept EXCEPT SELECT * FROM counted))",
			differences[i], i);

		print_message("tally %zu\n", i);
		assert_int_equal(number(sql), 0);
		free(sql);
	}
}

static void assert_nothing_is_left(void)
{
	assert_int_equal(number("SELECT (SELECT COUNT(*) FROM report)"
				" + (SELECT COUNT(*) FROM report_policy)"
				" + (SELECT COUNT(*) FROM report_failure)"
				" + (SELECT COUNT(*) FROM report_tally)"
				" + (SELECT COUNT(*) FROM report_gone)"),
			 0);
}

/* ---- what is kept ---- */

static const struct {
	const char *name;
	long successful, failed, policies, failures;
} fixtures[] = {
	{ "google-like", 118, 2, 1, 1 },
	{ "microsoft-like", 41, 0, 1, 0 },
	{ "mx-host-array", 7, 0, 1, 0 },
	{ "empty-policies", 0, 0, 1, 0 },
	{ "no-policy-found", 1, 0, 1, 0 },
	{ "rfc-like", 5326, 303, 1, 3 },
	/* by its summaries: its failures add up to 9 */
	{ "two-policies", 12, 5, 3, 3 },
	{ "missing", 0, 1, 2, 1 },
};

static void each_fixture_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
		print_message("%s\n", fixtures[i].name);
		add_fixture(fixtures[i].name);
		commit();
		assert_int_equal(number("SELECT successful FROM report"
					" ORDER BY id DESC LIMIT 1"),
				 fixtures[i].successful);
		assert_int_equal(number("SELECT failed FROM report"
					" ORDER BY id DESC LIMIT 1"),
				 fixtures[i].failed);
		assert_int_equal(number("SELECT COUNT(*) FROM report_policy"
					" WHERE report_id ="
					" (SELECT MAX(id) FROM report)"),
				 fixtures[i].policies);
		assert_int_equal(number("SELECT COUNT(*) FROM report_failure"
					" WHERE report_id ="
					" (SELECT MAX(id) FROM report)"),
				 fixtures[i].failures);
		assert_tallies_are_right();
		begin();
	}
	commit();
	assert_int_equal(number("SELECT COUNT(DISTINCT day) FROM report"), 1);
	assert_int_equal(number("SELECT MIN(day) FROM report"),
			 DAY_OF_A / WHEN_DAY);
}

static void the_same_again_counts_once(void **state)
{
	struct tls_report once = reports_read("google-like");
	struct tls_report again = reports_read("google-like-again");
	struct domain other = rows_domain(fix.store, "other.test");

	(void)state;
	assert_true(reports_add(fix.store, &shop, &once, NOW));
	assert_false(reports_add(fix.store, &shop, &once, NOW + 5));
	assert_false(reports_add(fix.store, &shop, &again, NOW + WHEN_DAY));
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report"), 1);
	assert_int_equal(number("SELECT COUNT(*) FROM report_policy"), 1);
	assert_int_equal(number("SELECT failed FROM report_tally"
				" WHERE kind = 0"),
			 2);
	begin();
	/* of another domain, it is another report */
	assert_true(reports_add(fix.store, &other, &once, NOW));
	tls_report_release(&once);
	tls_report_release(&again);
}

/* Two reporters may count alike, and a report may have no id of its own. */
static void an_id_is_the_reporters_own(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 1, 0);
	struct tls_report of_b = reports_make("B", "1", DAY_OF_A, 1, 0);
	struct tls_report no_id = reports_make("A", "", DAY_OF_A, 1, 0);
	struct tls_report joined = reports_make("", "A\n1", DAY_OF_A, 1, 0);

	(void)state;
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	assert_true(reports_add(fix.store, &shop, &of_b, NOW));
	assert_true(reports_add(fix.store, &shop, &no_id, NOW));
	assert_false(reports_add(fix.store, &shop, &no_id, NOW));
	assert_true(reports_add(fix.store, &shop, &joined, NOW));
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report"
				" WHERE report_id GLOB 'sha256:*'"
				" AND length(report_id) = 71"),
			 1);
	tls_report_release(&r);
	tls_report_release(&of_b);
	tls_report_release(&no_id);
	tls_report_release(&joined);
}

static enum report_novelty add_signed(const char *id, long successful,
				      const char *signed_by)
{
	struct tls_report r = reports_make("A", id, DAY_OF_A, successful, 1);
	unsigned char content[REPORT_CONTENT_SIZE];
	struct report_entry e = { .domain_id = shop.id,
				  .report = &r,
				  .policy = (const size_t[]){ 0 },
				  .policy_count = 1,
				  .signed_by = signed_by,
				  .received = NOW + successful,
				  .content = content };
	enum report_novelty is;
	struct err err = ERR_INIT;

	reports_fail(&r, TLS_RESULT_TLSA_INVALID, "mx1.shop.test", successful);
	must(report_content(&r, content, &err), &err);
	must(report_add(fix.store, &e, &is, &err), &err);
	tls_report_release(&r);
	return is;
}

/* Whoever knows an id fills no disk with it, and hides nobody's but his own. */
static void what_differs_under_an_id_is_kept(void **state)
{
	static const char *const signers[] = { NULL, "evil.test", "a.test" };

	(void)state;
	for (int i = 0; i < 30; i++)
		assert_int_equal(add_signed("1", i + 1, signers[i / 10]),
				 i % 10 < REPORT_ALIKE_MAX ? REPORT_NEW
							   : REPORT_SURPLUS);
	assert_int_equal(add_signed("1", 1, NULL), REPORT_KNOWN);
	add_made(&shop, "A", "2", DAY_OF_A, 1, 0, NOW);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report"),
			 3 * REPORT_ALIKE_MAX + 1);
	assert_int_equal(number("SELECT SUM(counted) FROM report"), 2);
	assert_int_equal(
		number("SELECT SUM(signed_by = 'evil.test')"
		       " FROM report WHERE counted"),
		1); /* all tell of one failure: a signed one, the first */
	assert_tallies_are_right();
}

/* Which of those that are alike is in the sums, by its successful sessions. */
static void assert_counts(long successful)
{
	commit();
	assert_int_equal(number("SELECT SUM(successful) FROM report"
				" WHERE counted"),
			 successful);
	assert_int_equal(number("SELECT SUM(successful) FROM report_tally"
				" WHERE kind = 0"),
			 successful);
	assert_tallies_are_right();
	begin();
}

static void one_of_an_id_and_day_counts(void **state)
{
	struct report_piece piece = { .limit = 1 };

	(void)state;
	add_signed("1", 7, NULL);
	add_signed("1", 8, NULL);
	assert_counts(7);
	add_signed("1", 11, "a.test"); /* one that is signed takes its place */
	assert_counts(11);
	add_signed("1", 12, "a.test");
	assert_counts(11);
	/* what goes gives its place to the next; they go as they came */
	must(report_prune(fix.store, NOW + 8, &piece, NULL), NULL);
	assert_counts(11);
	piece.limit = 2;
	must(report_prune(fix.store, NOW + 12, &piece, NULL), NULL);
	assert_counts(12);
	add_signed("1", 6, NULL);
	must(report_prune(fix.store, NOW + 7, &piece, NULL), NULL);
	add_signed("1", 20, NULL);
	assert_counts(12);
	must(report_prune(fix.store, NOW + 13, &piece, NULL), NULL);
	assert_counts(20);
}

/* What is said under one id of one day, by whom, and as of which policy. */
struct said {
	const char *signed_by;
	enum tls_policy_type type;
	long successful, failed;
	bool has_details;
};

static enum report_novelty say(const struct said *said)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, said->successful,
					   said->failed);
	unsigned char content[REPORT_CONTENT_SIZE];
	struct report_entry e = { .domain_id = shop.id,
				  .report = &r,
				  .policy = (const size_t[]){ 0 },
				  .policy_count = 1,
				  .signed_by = said->signed_by,
				  .received = NOW,
				  .content = content };
	enum report_novelty is;
	struct err err = ERR_INIT;

	r.policy->type = said->type;
	if (said->has_details)
		reports_fail(&r, TLS_RESULT_CERTIFICATE_EXPIRED,
			     "mx1.shop.test", said->failed);
	must(report_content(&r, content, &err), &err);
	must(report_add(fix.store, &e, &is, &err), &err);
	tls_report_release(&r);
	return is;
}

#define STS  TLS_POLICY_STS
#define TLSA TLS_POLICY_TLSA

/* The second is to count, whichever comes first. */
static const struct {
	const char *what;
	struct said one, other;
} pairs[] = {
	{ "what fails, and what fails less",
	  { NULL, STS, 50, 49, true },
	  { NULL, STS, 51, 50, true } },
	{ "a clean one, that somebody signed",
	  { "evil.test", STS, 100, 0, false },
	  { NULL, STS, 50, 50, true } },
	{ "the same, and no total is told",
	  { "evil.test", STS, 100, 0, false },
	  { NULL, STS, 101, 0, true } },
	{ "failures of another policy hide none by MTA-STS",
	  { "evil.test", TLSA, 1, 1000, true },
	  { NULL, STS, 50, 1, true } },
	{ "nor such without a total",
	  { "evil.test", TLSA, 1, 1000, true },
	  { NULL, STS, 50, 0, true } },
	{ "nor do those without a total hide those with one",
	  { "evil.test", STS, 50, 0, true },
	  { NULL, STS, 51, 1, false } },
	{ "what fails by another policy is hidden by no clean one",
	  { "evil.test", STS, 100, 0, false },
	  { NULL, TLSA, 50, 1, true } },
	{ "of as many failures a signed one",
	  { NULL, STS, 50, 50, true },
	  { "a.test", STS, 60, 50, true } },
};

static void assert_counts_alone(const struct said *said)
{
	struct report_piece piece = { .limit = 100 };

	assert_counts(said->successful);
	must(report_forget_domain(fix.store, shop.id, &piece, NULL), NULL);
	assert_counts(0);
}

static void the_most_failures_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		print_message("%s\n", pairs[i].what);
		say(&pairs[i].one);
		say(&pairs[i].other);
		assert_counts_alone(&pairs[i].other);
		say(&pairs[i].other);
		say(&pairs[i].one);
		assert_counts_alone(&pairs[i].other);
	}
}

/* Signers cost nothing: each is a name below one that somebody has. */
static void all_signers_have_a_bound(void **state)
{
	char signer[40];

	(void)state;
	for (int i = 0; i < 2 * REPORT_ALIKE_ALL; i++) {
		snprintf(signer, sizeof(signer), "s%d.evil.test", i);
		say(&(struct said){ signer, STS, i + 1, i % 2, true });
	}
	assert_counts(2);
	assert_int_equal(number("SELECT COUNT(*) FROM report"),
			 REPORT_ALIKE_ALL);
	assert_int_equal(say(&(struct said){ NULL, STS, 99, 0, false }),
			 REPORT_SURPLUS);
	assert_int_equal(say(&(struct said){ NULL, STS, 100, 50, true }),
			 REPORT_NEW);
	assert_counts(100);
	assert_int_equal(number("SELECT COUNT(*) FROM report"),
			 REPORT_ALIKE_ALL);
}

/* When it goes, what fails most of the others takes its place. */
static void the_next_one_fails_most(void **state)
{
	struct report_piece piece = { .limit = 1 };
	const struct said worst = { NULL, STS, 1, 50, true };
	const struct said next = { NULL, STS, 3, 40, true };

	(void)state;
	say(&worst);
	say(&(struct said){ "evil.test", STS, 2, 0, false });
	say(&next);
	assert_counts(1);
	must(report_prune(fix.store, NOW + 1, &piece, NULL), NULL);
	assert_counts(3);
}

/* Four that come first keep out what tells of no more than they do. */
static void no_failure_is_kept_out(void **state)
{
	(void)state;
	for (int i = 0; i < REPORT_ALIKE_MAX; i++)
		say(&(struct said){ NULL, STS, i + 1, 0, false });
	assert_int_equal(say(&(struct said){ NULL, STS, 10, 0, false }),
			 REPORT_SURPLUS);
	assert_counts(1);
	assert_int_equal(say(&(struct said){ NULL, STS, 20, 50, true }),
			 REPORT_NEW);
	assert_counts(20);
	for (int i = 0; i < REPORT_ALIKE_MAX; i++)
		say(&(struct said){ NULL, STS, 30 + i, 9, true });
	assert_int_equal(say(&(struct said){ NULL, STS, 40, 9, true }),
			 REPORT_SURPLUS);
	assert_int_equal(say(&(struct said){ NULL, STS, 41, 8, true }),
			 REPORT_SURPLUS);
	assert_counts(20);
	assert_int_equal(number("SELECT COUNT(*) FROM report"),
			 REPORT_ALIKE_MAX);
	assert_int_equal(number("SELECT SUM(failed) FROM report"), 50 + 3 * 9);
	/* what goes for it takes what it weighs along */
	assert_int_equal(number("SELECT SUM(bytes) FROM report"),
			 room_of(&shop));
}

/* Posted first, and then come by mail: it is the same one. */
static void a_signature_may_come_later(void **state)
{
	(void)state;
	add_signed("1", 7, NULL);
	add_signed("1", 8, NULL);
	assert_int_equal(add_signed("1", 8, "a.test"), REPORT_KNOWN);
	assert_counts(8);
	assert_int_equal(add_signed("1", 7, NULL), REPORT_KNOWN);
	assert_counts(8);
}

/* A box of older times counted each of them. */
static void several_that_count_become_one(void **state)
{
	(void)state;
	add_signed("1", 7, NULL);
	add_signed("1", 8, NULL);
	commit();
	scratch_sql(fix.dir, "state.db",
		    "UPDATE report SET counted = 1;"
		    "UPDATE report_tally SET reports = 2, failed = 2,"
		    " successful = 15 WHERE kind NOT IN (3, 4);"
		    "UPDATE report_tally SET reports = 2, failed = 15"
		    " WHERE kind IN (3, 4)");
	begin();
	add_signed("1", 9, NULL);
	assert_counts(7);
}

/* Some give each day's report the same id. */
static void an_id_may_come_again_another_day(void **state)
{
	(void)state;
	for (int day = 0; day < 3 * REPORT_ALIKE_MAX; day++) {
		time_t at = DAY_OF_A - day * WHEN_DAY;

		add_made(&shop, "A", "1", at, 10, 1, NOW);
		add_made(&shop, "A", "1", at, 20, 2, NOW);
	}
	commit();
	assert_int_equal(number("SELECT SUM(successful) FROM report_tally"
				" WHERE kind = 0"),
			 3 * REPORT_ALIKE_MAX * 20);
	assert_tallies_are_right();
}

/* Of one that came before its content was noted, nobody can say what it was. */
static void one_of_older_times_is_known(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 1, 0);
	struct tls_report next = reports_make("A", "1", DAY_OF_A + WHEN_DAY, 1,
					      0);

	(void)state;
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	commit();
	scratch_sql(fix.dir, "state.db",
		    "UPDATE report SET content = x'',"
		    " same = x'7fc11926a60365d122b4f1bcd830f853'");
	begin();
	assert_false(reports_add(fix.store, &shop, &r, NOW));
	assert_true(reports_add(fix.store, &shop, &next, NOW));
	tls_report_release(&r);
	tls_report_release(&next);
}

/* Nobody can say what they have in common: each counts as it says. */
static void windows_may_overlap(void **state)
{
	(void)state;
	add_made(&shop, "A", "1", DAY_OF_A, 10, 1, NOW);
	add_made(&shop, "A", "2", DAY_OF_A, 20, 2, NOW);
	add_made(&shop, "A", "3", DAY_OF_A + 3600, 40, 4, NOW);
	commit();
	assert_int_equal(number("SELECT successful FROM report_tally"
				" WHERE kind = 0"),
			 70);
	assert_tallies_are_right();
}

/* By the middle: midnight is somewhere else with each reporter. */
static const struct {
	time_t begin, end;
	long day; /* from DAY_OF_A on */
} windows[] = {
	{ 0, 86399, 0 },      /* as most */
	{ 0, 86400, 0 },      /* the RFC's 24:00 */
	{ -32400, 53999, 0 }, /* Tokyo */
	{ 28800, 115199, 0 }, /* California */
	{ 3600, 7200, 0 },    /* an hour */
	{ 0, 7 * 86400, 3 },  /* a week */
	{ -1, -1, -1 },
};

static void a_window_is_a_day(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		char *id = xasprintf("%zu", i);
		struct tls_report r = reports_make("A", id, 0, 1, 0);

		r.begin = DAY_OF_A + windows[i].begin;
		r.end = DAY_OF_A + windows[i].end;
		assert_true(reports_add(fix.store, &shop, &r, NOW));
		tls_report_release(&r);
		free(id);
		commit();
		assert_int_equal(number("SELECT day FROM report"
					" ORDER BY id DESC LIMIT 1"),
				 DAY_OF_A / WHEN_DAY + windows[i].day);
		begin();
	}
}

/* ---- whose policy it was ---- */

static void assert_link(enum report_standing standing, long version)
{
	commit();
	assert_int_equal(number("SELECT standing FROM report_policy"
				" ORDER BY report_id DESC, n LIMIT 1"),
			 standing);
	assert_int_equal(number("SELECT COALESCE((SELECT version FROM policy p"
				" WHERE p.id = r.policy_id), 0) FROM"
				" report_policy r"
				" ORDER BY report_id DESC, n LIMIT 1"),
			 version);
	begin();
}

static void add_quoting(const char *id, time_t at, const char *policy)
{
	struct tls_report r = reports_make("A", id, at, 1, 0);

	free(r.policy->policy);
	r.policy->policy = xstrdup(policy);
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
}

#define QUOTED(mx) "version: STSv1\nmode: testing\n" mx "max_age: 604800"
#define BOTH	   QUOTED("mx: mx1.shop.test\nmx: mx2.shop.test\n")
#define SECOND	   QUOTED("mx: mx1.shop.test\n")
#define NOT_OURS   QUOTED("mx: mx.evil.test\n")

static void a_policy_is_linked_to_our_version(void **state)
{
	(void)state;
	add_fixture("google-like");
	assert_link(REPORT_CURRENT, 1);
	add_fixture("microsoft-like");
	assert_link(REPORT_CURRENT, 1);
	reports_publish(fix.store, &shop, "mx1.shop.test", DAY_OF_A + 3600);
	reports_publish(fix.store, &shop, "mx3.shop.test", DAY_OF_A + 7200);
	/* as it stood when the window began */
	add_quoting("1", DAY_OF_A, BOTH);
	assert_link(REPORT_CURRENT, 1);
	add_quoting("2", DAY_OF_A + WHEN_DAY, BOTH);
	assert_link(REPORT_OLD, 1);
	add_quoting("3", DAY_OF_A + WHEN_DAY, SECOND);
	assert_link(REPORT_OLD, 2);
	add_quoting("4", DAY_OF_A, QUOTED("mx: mx3.shop.test\n"));
	assert_link(REPORT_CURRENT, 3);
	add_quoting("5", DAY_OF_A, NOT_OURS);
	assert_link(REPORT_FOREIGN, 0);
	add_quoting("6", DAY_OF_A, "");
	assert_link(REPORT_UNTOLD, 0);
	add_fixture("no-policy-found");
	assert_link(REPORT_NO_STS, 0);
}

/* Another domain's policy is none of this one's, were it the same text. */
static void a_policy_is_sought_among_the_domains_own(void **state)
{
	struct domain plain = shop;

	(void)state;
	shop = rows_domain(fix.store, "other.test");
	add_quoting("1", DAY_OF_A, BOTH);
	assert_link(REPORT_FOREIGN, 0);
	shop = plain;
}

static void only_a_strangers_text_is_kept(void **state)
{
	(void)state;
	add_quoting("1", DAY_OF_A, BOTH);
	add_quoting("2", DAY_OF_A, NOT_OURS);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report_policy"
				" WHERE policy = ''"),
			 1);
	assert_int_equal(number("SELECT COUNT(*) FROM report_policy"
				" WHERE policy LIKE '%mx.evil.test%'"),
			 1);
}

/* ---- what is bounded ---- */

static char *repeated(char c, size_t count)
{
	char *text = xmalloc(count + 1);

	memset(text, c, count);
	text[count] = '\0';
	return text;
}

static void the_failures_of_most_sessions_are_kept(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 5, 7);

	(void)state;
	for (int i = 0; i < 3000; i++)
		reports_fail(&r, TLS_RESULT_VALIDATION_FAILURE, "mx.shop.test",
			     i % 1000);
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report_failure"),
			 REPORT_FAILURES_KEPT);
	assert_int_equal(number("SELECT MIN(sessions) FROM report_failure"),
			 999 - (REPORT_FAILURES_KEPT - 1) / 3);
	assert_int_equal(number("SELECT left_out FROM report"),
			 3000 - REPORT_FAILURES_KEPT);
	/* the sessions are those of the summary all the same */
	assert_int_equal(number("SELECT failed FROM report_tally"
				" WHERE kind = 0"),
			 7);
	assert_tallies_are_right();
}

static void texts_have_a_bound_of_their_own(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 5, 7);
	char *line = repeated('x', 5000);

	(void)state;
	free(r.policy->policy);
	r.policy->policy = xasprintf("version: STSv1\n%s", line);
	for (int i = 0; i < 60; i++) {
		reports_fail(&r, TLS_RESULT_VALIDATION_FAILURE, "mx.shop.test",
			     100 - i);
		free(r.policy->failure[i].additional);
		r.policy->failure[i].additional = repeated('y', 1024);
	}
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
	free(line);
	commit();
	assert_int_equal(number("SELECT policy = 'version: STSv1'"
				" FROM report_policy"),
			 1);
	assert_int_equal(number("SELECT COUNT(*) FROM report_failure"), 23);
	assert_int_equal(number("SELECT left_out FROM report"), 37);
	assert_true(number("SELECT SUM(length(additional)) FROM"
			   " report_failure") < REPORT_TEXTS_KEPT);
	assert_tallies_are_right();
}

static void too_many_policies_are_counted_in_the_last(void **state)
{
	struct tls_report one = reports_make("A", "1", DAY_OF_A, 3, 2);
	struct tls_report r = one;
	size_t count = REPORT_POLICIES_KEPT + 10;

	(void)state;
	reports_fail(&one, TLS_RESULT_VALIDATION_FAILURE, "mx.shop.test", 2);
	r.policy = xcalloc(count, sizeof(*r.policy));
	for (size_t i = 0; i < count; i++)
		r.policy[i] = *one.policy;
	r.policy_count = r.failure_count = count;
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	free(r.policy);
	tls_report_release(&one);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report_policy"),
			 REPORT_POLICIES_KEPT);
	assert_int_equal(number("SELECT successful FROM report"), 3 * count);
	assert_int_equal(number("SELECT SUM(successful) FROM report_policy"),
			 3 * count);
	assert_int_equal(number("SELECT MAX(n) FROM report_failure"),
			 REPORT_POLICIES_KEPT - 1);
	assert_tallies_are_right();
}

/* So that no sum of all reports there can be is beyond a number. */
static void no_count_is_huge(void **state)
{
	struct tls_report r = reports_make(
		"A", "1", DAY_OF_A, TLS_REPORT_COUNT_MAX, TLS_REPORT_COUNT_MAX);

	(void)state;
	for (int i = 0; i < 3; i++)
		reports_fail(&r, TLS_RESULT_TLSA_INVALID, "mx.shop.test",
			     TLS_REPORT_COUNT_MAX);
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
	commit();
	assert_int_equal(number("SELECT MAX(failed) FROM report_tally"),
			 REPORT_SESSIONS_MAX);
	assert_int_equal(number("SELECT MAX(successful) FROM report_tally"),
			 REPORT_SESSIONS_MAX);
	assert_int_equal(number("SELECT MAX(sessions) FROM report_failure"),
			 REPORT_SESSIONS_MAX);
}

static void add_by(const struct domain *d, int who, time_t received)
{
	char *name = xasprintf("reporter %d", who);
	char *id = xasprintf("%d of %ld", who, (long)received);

	add_made(d, name, id, DAY_OF_A, 1, 0, received);
	free(name);
	free(id);
}

static void new_reporters_of_a_day_are_bounded(void **state)
{
	struct domain other = rows_domain(fix.store, "other.test");

	(void)state;
	for (int i = 0; i < REPORTERS_OF_DOMAIN + 5; i++)
		add_by(&shop, i, NOW);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM reporter"),
			 REPORTERS_OF_DOMAIN + 1);
	assert_int_equal(number("SELECT COUNT(*) FROM report JOIN reporter p"
				" ON p.id = reporter_id"
				" WHERE name = '" REPORTER_REST "'"),
			 5);
	assert_tallies_are_right();
	begin();
	/* who is known stays so; and other domains have names of their own */
	add_by(&shop, 3, NOW + 1);
	add_by(&other, 9999, NOW + 1);
	add_by(&shop, 8888, NOW + 2 * WHEN_DAY);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM reporter"),
			 REPORTERS_OF_DOMAIN + 3);
}

/* The rest are told apart by their names all the same. */
static void the_rest_are_not_taken_for_one(void **state)
{
	struct tls_report a = reports_make("new a", "1", DAY_OF_A, 1, 0);
	struct tls_report b = reports_make("new b", "1", DAY_OF_A, 1, 0);

	(void)state;
	for (int i = 0; i < REPORTERS_OF_DOMAIN; i++)
		add_by(&shop, i, NOW);
	assert_true(reports_add(fix.store, &shop, &a, NOW));
	assert_true(reports_add(fix.store, &shop, &b, NOW));
	assert_false(reports_add(fix.store, &shop, &b, NOW));
	tls_report_release(&a);
	tls_report_release(&b);
}

/* ---- what takes too much room ---- */

static unsigned shed(int64_t of_domain, int64_t of_box, unsigned limit)
{
	const struct report_bounds bounds = { of_domain, of_box };
	struct report_piece piece = { .limit = limit };
	struct err err = ERR_INIT;

	must(report_shed(fix.store, &bounds, NOW, &piece, &err), &err);
	assert_int_equal(piece.is_all, piece.gone < limit);
	return piece.gone;
}

static void add_heavy(const struct domain *d, const char *id, time_t at,
		      bool is_brief)
{
	struct tls_report r = reports_make("A", id, at, 1, 100);
	unsigned char content[REPORT_CONTENT_SIZE];
	const size_t all[] = { 0 };
	struct report_entry e = { .domain_id = d->id,
				  .report = &r,
				  .policy = all,
				  .policy_count = 1,
				  .content = content,
				  .received = NOW,
				  .is_brief = is_brief };
	struct err err = ERR_INIT;
	enum report_novelty is;

	for (int i = 0; i < 100; i++) {
		reports_fail(&r, TLS_RESULT_VALIDATION_FAILURE, "mx.shop.test",
			     1);
		free(r.policy->failure[i].additional);
		r.policy->failure[i].additional = repeated('y', 200);
	}
	must(report_content(&r, content, &err), &err);
	must(report_add(fix.store, &e, &is, &err), &err);
	tls_report_release(&r);
}

static void what_they_take_is_known(void **state)
{
	struct domain other = rows_domain(fix.store, "other.test");
	struct report_piece piece = { .limit = 100 };

	(void)state;
	add_made(&shop, "A", "1", DAY_OF_A, 1, 0, NOW);
	assert_int_equal(room_of(&shop), REPORT_BYTES_USUAL);
	add_heavy(&shop, "2", DAY_OF_A, false);
	assert_in_range(room_of(&shop), 36000, 45000);
	add_heavy(&other, "3", DAY_OF_A, true);
	assert_in_range(room_of(&other), 2000, 4500);
	assert_int_equal(room_of(NULL), room_of(&shop) + room_of(&other));
	commit();
	assert_int_equal(number("SELECT SUM(left_out) FROM report"),
			 100 - 9); /* of the brief one alone */
	begin();
	must(domain_delete(fix.store, &shop, NOW, NULL), NULL);
	must(report_prune(fix.store, 0, &piece, NULL), NULL);
	assert_int_equal(piece.gone, 2);
	assert_int_equal(room_of(&shop), 0);
	assert_int_equal(room_of(NULL), room_of(&other));
}

static void add_days(const struct domain *d, int count)
{
	for (int i = 0; i < count; i++) {
		char *id = xasprintf("%d", i);

		/* the newest day first */
		add_made(d, "A", id, DAY_OF_A - i * WHEN_DAY, 1, 0, NOW);
		free(id);
	}
}

/* The oldest days', and of nobody else: who takes less is left alone. */
static void who_takes_too_much_loses_the_oldest(void **state)
{
	struct domain other = rows_domain(fix.store, "other.test");
	struct report_shed told;

	(void)state;
	add_days(&other, 10);
	add_days(&shop, 20);
	assert_int_equal(shed(20L * REPORT_BYTES_USUAL, 1 << 20, 100), 0);
	assert_int_equal(shed(15L * REPORT_BYTES_USUAL, 1 << 20, 3), 3);
	assert_int_equal(shed(15L * REPORT_BYTES_USUAL, 1 << 20, 100), 2);
	assert_int_equal(room_of(&shop), 15L * REPORT_BYTES_USUAL);
	assert_int_equal(room_of(&other), 10L * REPORT_BYTES_USUAL);
	commit();
	assert_int_equal(
		number("SELECT MIN(day) FROM report r JOIN domain d"
		       " ON d.id = domain_id WHERE name = 'shop.test'"),
		DAY_OF_A / WHEN_DAY - 14);
	assert_tallies_are_right();
	begin();
	must(report_shed_since(fix.store, NOW - 1, &told, NULL), NULL);
	assert_int_equal(told.domains, 1);
	assert_string_equal(told.heaviest, "shop.test");
	must(report_shed_since(fix.store, NOW, &told, NULL), NULL);
	assert_int_equal(told.domains, 0);
}

static void of_all_the_heaviest_gives_room(void **state)
{
	struct domain other = rows_domain(fix.store, "other.test");

	(void)state;
	add_days(&other, 10);
	add_days(&shop, 20);
	assert_int_equal(shed(1 << 20, 22L * REPORT_BYTES_USUAL, 100), 8);
	assert_int_equal(room_of(&shop), 12L * REPORT_BYTES_USUAL);
	assert_int_equal(room_of(&other), 10L * REPORT_BYTES_USUAL);
	assert_int_equal(shed(1 << 20, 0, 100), 22); /* there is an end */
	assert_int_equal(room_of(NULL), 0);
}

/* Twenty reporters, each day for 400 days, with ten failures in every one. */
static void a_usual_domain_never_takes_too_much(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 1, 10);

	(void)state;
	for (int i = 0; i < 10; i++) {
		reports_fail(&r, TLS_RESULT_VALIDATION_FAILURE, "mx.shop.test",
			     1);
		free(r.policy->failure[i].additional);
		r.policy->failure[i].additional = repeated('y', 60);
	}
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
	assert_true(room_of(&shop) * 20 * 400 < (64L << 20) / 2);
}

/* ---- what is refused ---- */

static const unsigned char any_content[REPORT_CONTENT_SIZE] = { 1 };

static bool add_entry(const struct report_entry *e, struct err *err)
{
	enum report_novelty is;

	*err = (struct err)ERR_INIT;
	return report_add(fix.store, e, &is, err);
}

static void what_is_to_come_is_refused(void **state)
{
	struct tls_report r = reports_make("A", "1", NOW, 1, 0);
	struct report_entry e = { .domain_id = shop.id,
				  .report = &r,
				  .content = any_content,
				  .received = r.end - REPORT_AHEAD - 1 };
	struct err err;

	(void)state;
	assert_false(add_entry(&e, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	e.received++;
	assert_true(add_entry(&e, &err));
	tls_report_release(&r);
}

static void a_domain_that_is_gone_takes_none(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 1, 0);
	struct report_entry e = { .domain_id = shop.id,
				  .report = &r,
				  .content = any_content,
				  .received = NOW };
	struct err err;

	(void)state;
	must(domain_delete(fix.store, &shop, NOW, NULL), NULL);
	assert_false(add_entry(&e, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	commit();
	assert_nothing_is_left();
	tls_report_release(&r);
}

/* Nothing of it is there, and when there is room, all of it is. */
static void a_full_disk_keeps_none_in_part(void **state)
{
	struct tls_report r = reports_make("A", "1", DAY_OF_A, 1, 3000);
	struct err err = ERR_INIT;
	bool ok;

	(void)state;
	commit();
	for (int i = 0; i < 100; i++)
		reports_fail(&r, TLS_RESULT_TLSA_INVALID, "mx.shop.test", 30);
	scratch_disk_full(true);
	begin();
	ok = reports_add(fix.store, &shop, &r, NOW) &&
	     store_commit(fix.store, &err);
	scratch_disk_full(false);
	assert_false(ok);
	assert_nothing_is_left();
	begin();
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report_failure"), 100);
	assert_tallies_are_right();
	tls_report_release(&r);
}

/* ---- how they go ---- */

static unsigned prune(time_t before, unsigned limit)
{
	struct report_piece piece = { .limit = limit };
	struct err err = ERR_INIT;

	must(report_prune(fix.store, before, &piece, &err), &err);
	return piece.gone;
}

static void the_old_ones_go_piece_by_piece(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		add_by(&shop, i % 3, NOW + i * WHEN_DAY);
	add_made(&shop, "failing", "f", DAY_OF_A, 5, 4, NOW);
	assert_int_equal(prune(NOW + 5 * WHEN_DAY, 4), 4);
	assert_int_equal(prune(NOW + 5 * WHEN_DAY, 4), 2);
	assert_int_equal(prune(NOW + 5 * WHEN_DAY, 4), 0);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report"), 5);
	assert_int_equal(number("SELECT COUNT(*) FROM report_policy"), 5);
	assert_int_equal(number("SELECT COUNT(*) FROM report_failure"), 0);
	assert_tallies_are_right();
	begin();
	assert_int_equal(prune(NOW + 99 * WHEN_DAY, 100), 5);
	commit();
	assert_nothing_is_left();
	assert_int_equal(number("SELECT COUNT(*) FROM reporter"), 0);
}

/* However many there are; but one goes, or there were no end to it. */
static void a_piece_has_its_time(void **state)
{
	struct report_piece piece = { .limit = 100, .until = 1 };
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_by(&shop, i, NOW);
	for (int i = 0; i < 3; i++) {
		must(report_prune(fix.store, NOW + 1, &piece, &err), &err);
		assert_int_equal(piece.gone, 1);
		assert_false(piece.is_all);
	}
	must(report_prune(fix.store, NOW + 1, &piece, &err), &err);
	assert_int_equal(piece.gone, 0);
	assert_true(piece.is_all);
	commit();
	assert_nothing_is_left();
}

static void a_reporter_stays_as_long_as_his_reports(void **state)
{
	(void)state;
	add_by(&shop, 1, NOW);
	add_by(&shop, 2, NOW);
	add_by(&shop, 2, NOW + WHEN_DAY - 5); /* not noted: within a day */
	assert_int_equal(prune(NOW + WHEN_DAY - 10, 100), 2);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report"
				" JOIN reporter p ON p.id = reporter_id"),
			 1);
	begin();
	assert_int_equal(prune(NOW + 9 * WHEN_DAY, 100), 1);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM reporter"), 0);
}

static void a_domains_reports_go_with_it(void **state)
{
	struct domain other = rows_domain(fix.store, "other.test");
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 5; i++) {
		add_by(&shop, i, NOW);
		add_by(&other, i, NOW + 1);
	}
	must(domain_delete(fix.store, &shop, NOW, &err), &err);
	assert_int_equal(prune(0, 3), 3);
	assert_int_equal(prune(0, 3), 2);
	assert_int_equal(prune(0, 3), 0);
	commit();
	assert_int_equal(number("SELECT COUNT(*) FROM report"), 5);
	assert_int_equal(number("SELECT COUNT(*) FROM report_gone"), 0);
	assert_tallies_are_right();
	begin();
	must(domain_delete(fix.store, &other, NOW, &err), &err);
	assert_int_equal(prune(0, 100), 5);
	commit();
	assert_nothing_is_left();
}

static void a_domain_may_be_forgotten_and_stay(void **state)
{
	struct report_piece piece = { .limit = 3 };
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 5; i++)
		add_by(&shop, i, NOW);
	must(report_forget_domain(fix.store, shop.id, &piece, &err), &err);
	assert_int_equal(piece.gone, 3);
	assert_false(piece.is_all);
	must(report_forget_domain(fix.store, shop.id, &piece, &err), &err);
	assert_int_equal(piece.gone, 2);
	assert_true(piece.is_all);
	commit();
	assert_nothing_is_left();
	begin();
	add_by(&shop, 1, NOW); /* what was known is new */
}

/* ---- what was not taken ---- */

static void drops_add_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	must(report_drop_add(fix.store, REPORT_DROP_NOT_OURS, 3, NOW, &err) &&
		     report_drop_add(fix.store, REPORT_DROP_NOT_OURS, 4,
				     NOW + 9, &err) &&
		     report_drop_add(fix.store, REPORT_DROP_NO_ROOM, 1, NOW,
				     &err),
	     &err);
	commit();
	assert_int_equal(number("SELECT count FROM report_drop WHERE why = 0"),
			 7);
	assert_int_equal(number("SELECT last_at FROM report_drop"
				" WHERE why = 0"),
			 NOW + 9);
	for (int i = 0; i < REPORT_DROP_COUNT; i++)
		assert_non_null(report_drop_name((enum report_drop)i));
}

#define WITH_A_SHOP(test)                                                      \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

/* A weight without reports, as only damage makes it, is not worked at for ever. */
static void what_cannot_go_is_not_said_to_have_gone(void **state)
{
	struct report_shed shed_by;

	(void)state;
	add_made(&shop, "A", "1", DAY_OF_A, 1, 0, NOW);
	commit();
	scratch_sql(fix.dir, "state.db",
		    "UPDATE report_room SET bytes = bytes + 100000000;"
		    "DELETE FROM report_policy");
	begin();
	assert_int_equal(shed(1 << 20, 1 << 30, 10), 0);
	must(report_shed_since(fix.store, 0, &shed_by, NULL), NULL);
	assert_int_equal(shed_by.domains, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_SHOP(each_fixture_is_kept),
		WITH_A_SHOP(the_same_again_counts_once),
		WITH_A_SHOP(an_id_is_the_reporters_own),
		WITH_A_SHOP(what_differs_under_an_id_is_kept),
		WITH_A_SHOP(one_of_an_id_and_day_counts),
		WITH_A_SHOP(the_most_failures_count),
		WITH_A_SHOP(the_next_one_fails_most),
		WITH_A_SHOP(all_signers_have_a_bound),
		WITH_A_SHOP(no_failure_is_kept_out),
		WITH_A_SHOP(a_signature_may_come_later),
		WITH_A_SHOP(several_that_count_become_one),
		WITH_A_SHOP(an_id_may_come_again_another_day),
		WITH_A_SHOP(one_of_older_times_is_known),
		WITH_A_SHOP(windows_may_overlap),
		WITH_A_SHOP(a_window_is_a_day),
		WITH_A_SHOP(a_policy_is_linked_to_our_version),
		WITH_A_SHOP(a_policy_is_sought_among_the_domains_own),
		WITH_A_SHOP(only_a_strangers_text_is_kept),
		WITH_A_SHOP(the_failures_of_most_sessions_are_kept),
		WITH_A_SHOP(texts_have_a_bound_of_their_own),
		WITH_A_SHOP(too_many_policies_are_counted_in_the_last),
		WITH_A_SHOP(no_count_is_huge),
		WITH_A_SHOP(new_reporters_of_a_day_are_bounded),
		WITH_A_SHOP(the_rest_are_not_taken_for_one),
		WITH_A_SHOP(what_they_take_is_known),
		WITH_A_SHOP(what_cannot_go_is_not_said_to_have_gone),
		WITH_A_SHOP(who_takes_too_much_loses_the_oldest),
		WITH_A_SHOP(of_all_the_heaviest_gives_room),
		WITH_A_SHOP(a_usual_domain_never_takes_too_much),
		WITH_A_SHOP(what_is_to_come_is_refused),
		WITH_A_SHOP(a_domain_that_is_gone_takes_none),
		WITH_A_SHOP(a_full_disk_keeps_none_in_part),
		WITH_A_SHOP(the_old_ones_go_piece_by_piece),
		WITH_A_SHOP(a_piece_has_its_time),
		WITH_A_SHOP(a_reporter_stays_as_long_as_his_reports),
		WITH_A_SHOP(a_domains_reports_go_with_it),
		WITH_A_SHOP(a_domain_may_be_forgotten_and_stay),
		WITH_A_SHOP(drops_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
