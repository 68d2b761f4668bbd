/* Alerts in the store, and the outbox of what is to be told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "store/notice.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define NOW  ROWS_NOW
#define LATE (NOW + 1000)

static const struct notice_pace pace = { .gather = 30, .gather_critical = 5 };

static struct alert alert(const char *subject, enum alert_level level)
{
	return (struct alert){ .kind = "ca.down", .subject = subject,
			       .level = level, .text = "it is down",
			       .hint = "wait" };
}

static void raise_at(const char *subject, enum alert_level level, time_t now)
{
	struct alert a = alert(subject, level);
	struct err err = ERR_INIT;

	must(alert_raise(fix.store, &a, now, &err), &err);
}

static void end_at(const char *subject, time_t now)
{
	struct err err = ERR_INIT;

	must(alert_end(fix.store, "ca.down", subject, now, &err), &err);
}

/* ---- what was told, as one word: "b3" is three of them begun ---- */

static void seal_all(time_t now, unsigned sinks, char *told)
{
	struct err err = ERR_INIT;
	struct notice n;
	bool found;

	*told = '\0';
	for (;;) {
		must(notice_gathered(fix.store, &pace, now, &n, &found, &err),
		     &err);
		if (!found)
			return;
		sprintf(told + strlen(told), "%c%ld", *notice_what_name(n.what),
			n.count);
		must(notice_seal(fix.store, &n, sinks, now, &err), &err);
	}
}

static void assert_told(time_t now, const char *expected)
{
	char told[200];

	seal_all(now, 0, told);
	assert_string_equal(told, expected);
}

/* ---- how many ---- */

static void assert_counts(const char *kind, long open, long grave, long news)
{
	struct alert_counts n;
	struct err err = ERR_INIT;

	must(alert_count(fix.store, kind, &n, &err), &err);
	assert_int_equal(n.open, open);
	assert_int_equal(n.grave, grave);
	assert_int_equal(n.news, news);
}

static void news_is_counted_by_itself(void **state)
{
	struct alert ready = { .kind = "domain.ready",
			       .subject = "a.test",
			       .level = ALERT_INFO,
			       .text = "it is" };
	struct err err = ERR_INIT;

	(void)state;
	assert_counts(NULL, 0, 0, 0);
	must(alert_raise(fix.store, &ready, NOW, &err), &err);
	assert_counts(NULL, 1, 0, 1);
	raise_at("le", ALERT_WARNING, NOW);
	raise_at("zero", ALERT_ERROR, NOW);
	raise_at("other", ALERT_CRITICAL, NOW);
	assert_counts(NULL, 4, 2, 1);
	assert_counts("ca.down", 3, 2, 0);
	assert_counts("domain.ready", 1, 0, 1);
	assert_counts("cert.expiring", 0, 0, 0);
	end_at("zero", LATE);
	assert_counts(NULL, 3, 1, 1);
}

/* ---- open, worse, ended ---- */

/* Steps: a level raises, 'x' ends; what each of them has told. */
static const struct {
	const char *steps;
	const char *told;
} courses[] = {
	{ "1", "b1" },
	{ "11", "b1-" },
	{ "12", "b1w1" },
	{ "123", "b1w1w1" },
	{ "21", "b1-" },
	{ "212", "b1--" },	/* that it was of level 2 is told already */
	{ "1x", "b1e1" },
	{ "x", "-" },
	{ "1xx", "b1e1-" },
	{ "1x1", "b1e1b1" },
	{ "3x1", "b1e1b1" },
	{ "0a", "b1a1" },
	{ "a", "b1" },
};

static void step(char what, time_t now)
{
	struct alert a = alert("one", ALERT_INFO);
	struct err err = ERR_INIT;

	if (what == 'x')
		end_at("one", now);
	else if (what == 'a')
		must(alert_raise_again(fix.store, &a, now, &err), &err);
	else
		raise_at("one", (enum alert_level)(what - '0'), now);
}

static void only_what_is_new_is_told(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(courses); i++) {
		char told[64] = "", part[64];
		time_t now = NOW;

		fixture_begin(state);
		for (const char *s = courses[i].steps; *s; s++, now += 60) {
			step(*s, now);
			seal_all(now + 30, 0, part);
			strcat(told, *part ? part : "-");
		}
		print_message("%s\n", courses[i].steps);
		assert_string_equal(told, courses[i].told);
		fixture_close(state);
	}
}

static bool note(const struct alert *a, void *arg)
{
	char *out = arg;

	sprintf(out + strlen(out), "%s/%s/%s/%ld/%ld/%ld ", a->subject,
		alert_level_name(a->level), a->text, a->since - NOW, a->count,
		a->ended_at ? a->ended_at - NOW : 0);
	return true;
}

static void assert_list(bool ended, int64_t after, long limit,
			const char *expected)
{
	struct alert_filter f = { .ended = ended, .after = after,
				  .limit = limit };
	struct err err = ERR_INIT;
	char out[1000] = "";

	must(alert_each(fix.store, &f, NOW, note, out, &err), &err);
	assert_string_equal(out, expected);
}

static void a_raise_renews_what_is_open(void **state)
{
	struct alert a = alert("one", ALERT_WARNING);
	struct err err = ERR_INIT;

	(void)state;
	a.since = NOW - 100;
	must(alert_raise(fix.store, &a, NOW, &err), &err);
	a.since = NOW - 50;
	a.text = "it is still down";
	must(alert_raise(fix.store, &a, NOW + 60, &err), &err);
	assert_list(false, 0, 0, "one/warning/it is still down/-100/1/0 ");
}

static void what_comes_back_is_counted(void **state)
{
	(void)state;
	raise_at("one", ALERT_ERROR, NOW);
	end_at("one", NOW + 10);
	raise_at("one", ALERT_ERROR, NOW + 20);
	end_at("one", NOW + 30);
	raise_at("one", ALERT_ERROR, NOW + 30 + 2 * 86400);
	assert_list(true, 0, 0, "one/error/it is down/172830/1/0 "
				"one/error/it is down/20/2/30 "
				"one/error/it is down/0/1/10 ");
}

static void lists_are_in_order_and_in_pages(void **state)
{
	(void)state;
	raise_at("warn", ALERT_WARNING, NOW);
	raise_at("crit", ALERT_CRITICAL, NOW);
	raise_at("late", ALERT_WARNING, NOW);
	raise_at("gone", ALERT_CRITICAL, NOW);
	end_at("gone", NOW + 5);
#define ROW(name, level) name "/" level "/it is down/0/1/0 "
	assert_list(false, 0, 0, ROW("crit", "critical")
		    ROW("late", "warning") ROW("warn", "warning"));
	assert_list(false, 2, 1, ROW("late", "warning"));
	assert_list(false, 3, 0, ROW("warn", "warning"));
	assert_list(false, 1, 0, "");
	assert_list(true, 4, 1, ROW("late", "warning"));
}

static void subjects_come_in_pages(void **state)
{
	static const char *const names[] = { "c", "a", "b" };
	char page[2][ALERT_SUBJECT_SIZE];
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		raise_at(names[i], ALERT_INFO, NOW);
	assert_int_equal(
		alert_subjects(fix.store, "ca.down", "", page, 2, &err), 2);
	assert_string_equal(page[0], "a");
	assert_string_equal(page[1], "b");
	end_at("c", NOW);
	assert_int_equal(
		alert_subjects(fix.store, "ca.down", "b", page, 2, &err), 0);
	assert_int_equal(alert_subjects(fix.store, "ca.up", "", page, 2, &err),
			 0);
	assert_int_equal(err.kind, ERR_NONE);
}

static void all_of_a_subject_end(void **state)
{
	struct alert other = alert("one", ALERT_ERROR);
	struct err err = ERR_INIT;

	(void)state;
	other.kind = "cert.ends";
	raise_at("one", ALERT_ERROR, NOW);
	raise_at("two", ALERT_ERROR, NOW);
	must(alert_raise(fix.store, &other, NOW, &err), &err);
	must(alert_end_subject(fix.store, "one", NOW, &err), &err);
	assert_list(false, 0, 0, "two/error/it is down/0/1/0 ");
}

static void grave_is_what_nobody_silenced(void **state)
{
	struct err err = ERR_INIT;
	bool grave;

	(void)state;
	raise_at("one", ALERT_WARNING, NOW);
	must(alert_is_grave(fix.store, NOW, &grave, &err), &err);
	assert_false(grave);
	raise_at("one", ALERT_ERROR, NOW);
	must(alert_is_grave(fix.store, NOW, &grave, &err), &err);
	assert_true(grave);
	must(alert_silence(fix.store, 1, LATE, &err), &err);
	must(alert_is_grave(fix.store, NOW, &grave, &err), &err);
	assert_false(grave);
	must(alert_is_grave(fix.store, LATE, &grave, &err), &err);
	assert_true(grave);
	must(alert_silence_kind(fix.store, "ca.down", LATE + 1, &err), &err);
	must(alert_is_grave(fix.store, LATE, &grave, &err), &err);
	assert_false(grave);
}

/* ---- gathering ---- */

static void a_notice_waits_for_more(void **state)
{
	(void)state;
	raise_at("one", ALERT_ERROR, NOW);
	raise_at("two", ALERT_ERROR, NOW + 20);
	assert_told(NOW + 29, "");
	assert_told(NOW + 30, "b2");
	raise_at("tri", ALERT_ERROR, NOW + 31);
	raise_at("fyr", ALERT_CRITICAL, NOW + 32);
	assert_told(NOW + 35, "");
	assert_told(NOW + 36, "b2");
	raise_at("fem", ALERT_ERROR, NOW + 100);
	assert_told(NOW, "b1");		/* the clock went back */
}

static void a_storm_is_one_notice(void **state)
{
	struct err err = ERR_INIT;
	struct timespec begun, ended;
	char name[40];
	struct notice n;
	bool found;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		raise_at(name, ALERT_ERROR, NOW);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	print_message("%ld s\n", (long)(ended.tv_sec - begun.tv_sec));
	assert_true(ended.tv_sec - begun.tv_sec < 30);
	must(notice_gathered(fix.store, &pace, LATE, &n, &found, &err), &err);
	assert_true(found);
	assert_int_equal(n.count, 100000);
	assert_int_equal(n.item_count, NOTICE_ITEMS);
	assert_string_equal(n.item[0].subject, "d0.test");
	assert_string_equal(n.item[9].subject, "d9.test");
	assert_string_equal(n.item[9].text, "it is down");
	assert_string_equal(n.item[9].hint, "wait");
	assert_told(LATE, "b100000");
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM notice_item"),
			 0);
}

static void one_that_flaps_stands_in_it_once(void **state)
{
	struct err err = ERR_INIT;
	struct notice n;
	bool found;

	(void)state;
	for (int i = 0; i < 5; i++) {
		raise_at("one", ALERT_ERROR, NOW + i);
		end_at("one", NOW + i);
	}
	must(notice_gathered(fix.store, &pace, LATE, &n, &found, &err), &err);
	assert_int_equal(n.count, 5);
	assert_int_equal(n.item_count, 1);
}

/* ---- silence ---- */

static bool wake(time_t now)
{
	struct err err = ERR_INIT;
	bool more;

	must(alert_wake(fix.store, now, &more, &err), &err);
	return more;
}

static void silence_of_one(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	raise_at("one", ALERT_WARNING, NOW);
	assert_told(LATE, "b1");
	must(alert_silence(fix.store, 1, LATE, &err), &err);
	raise_at("one", ALERT_ERROR, NOW);
	wake(LATE - 1);
	assert_told(LATE, "");
	wake(LATE);
	assert_told(LATE + 30, "w1");
	wake(LATE + 60);
	assert_told(LATE + 90, "");
	end_at("one", LATE);
	assert_told(LATE + 90, "e1");
	assert_false(alert_silence(fix.store, 1, LATE, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void an_end_in_silence(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	must(alert_silence_kind(fix.store, "ca.down", LATE, &err), &err);
	raise_at("one", ALERT_ERROR, NOW);	/* never told */
	end_at("one", NOW + 10);
	wake(LATE);
	assert_told(LATE + 30, "");
	raise_at("one", ALERT_ERROR, LATE);
	assert_told(LATE + 30, "b1");
	must(alert_silence(fix.store, 2, LATE + 999, &err), &err);
	end_at("one", LATE + 40);		/* its beginning was */
	assert_told(LATE + 90, "e1");
}

static void silence_of_a_kind(void **state)
{
	struct err err = ERR_INIT;
	char name[40];

	(void)state;
	must(alert_silence_kind(fix.store, "ca.down", LATE, &err), &err);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		raise_at(name, ALERT_ERROR, NOW);
	}
	must(alert_silence(fix.store, 7, LATE + 500, &err), &err);
	assert_false(wake(LATE - 1));
	assert_told(LATE, "");
	assert_true(wake(LATE));	/* a part at a time */
	assert_false(wake(LATE));
	assert_told(LATE + 30, "b299");
	assert_false(wake(LATE + 499));
	assert_told(LATE + 499, "");
	wake(LATE + 500);
	assert_told(LATE + 530, "b1");
}

static void a_silence_can_be_ended(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	raise_at("one", ALERT_WARNING, NOW);
	must(alert_silence(fix.store, 1, LATE, &err), &err);
	must(alert_silence(fix.store, 1, 0, &err), &err);
	raise_at("one", ALERT_ERROR, NOW);
	wake(NOW);
	assert_told(NOW + 30, "b1w1");
	must(alert_silence_kind(fix.store, "ca.down", LATE, &err), &err);
	must(alert_silence_kind(fix.store, "ca.down", 0, &err), &err);
	raise_at("two", ALERT_ERROR, NOW);
	assert_told(NOW + 30, "b1");
}

/* ---- the outbox ---- */

static bool due(int sink, time_t now, struct notice *n)
{
	struct err err = ERR_INIT;
	bool found;

	must(notice_due(fix.store, sink, now, n, &found, &err), &err);
	return found;
}

static void each_sink_gets_it(void **state)
{
	struct err err = ERR_INIT;
	struct notice n;
	char told[20];

	(void)state;
	raise_at("one", ALERT_ERROR, NOW);
	seal_all(NOW + 30, 1 << 0 | 1 << 2, told);
	assert_false(due(1, LATE, &n));
	assert_true(due(2, LATE, &n));
	must(notice_delivered(fix.store, n.id, 2, &err), &err);
	assert_false(due(2, LATE, &n));
	assert_true(due(0, LATE, &n));
	assert_int_equal(n.attempts, 0);
	assert_string_equal(n.item[0].subject, "one");
	must(notice_failed(fix.store, n.id, 0, LATE + 10, &err), &err);
	assert_false(due(0, LATE + 9, &n));
	assert_true(due(0, LATE + 10, &n));
	assert_int_equal(n.attempts, 1);
	must(notice_failed(fix.store, n.id, 0, LATE + 900, &err), &err);
	must(notice_hurry(fix.store, 0, LATE, &err), &err);
	assert_true(due(0, LATE, &n));
	must(notice_delivered(fix.store, n.id, 0, &err), &err);
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM notice"), 0);
}

static void a_sink_that_is_gone_holds_nothing(void **state)
{
	struct err err = ERR_INIT;
	struct notice n;
	time_t oldest;
	char told[20];
	long count;

	(void)state;
	raise_at("one", ALERT_ERROR, NOW);
	seal_all(NOW + 30, 3, told);
	must(notice_waiting(fix.store, 1, &count, &oldest, &err), &err);
	assert_int_equal(count, 1);
	assert_int_equal(oldest, NOW);
	must(notice_keep_sinks(fix.store, 1 << 0, &err), &err);
	assert_false(due(1, LATE, &n));
	assert_true(due(0, LATE, &n));
	must(notice_keep_sinks(fix.store, 0, &err), &err);
	must(notice_waiting(fix.store, 0, &count, &oldest, &err), &err);
	assert_int_equal(count, 0);
	assert_int_equal(oldest, 0);
}

static long counted(int sink, long *alerts)
{
	struct err err = ERR_INIT;
	struct notice n;
	long notices = 0;

	for (*alerts = 0; due(sink, LATE * 2, &n); notices++) {
		*alerts += n.count;
		assert_true(n.item_count > 0 && n.item_count <= NOTICE_ITEMS);
		must(notice_delivered(fix.store, n.id, sink, &err), &err);
	}
	return notices;
}

static void the_outbox_is_bounded(void **state)
{
	char name[40], told[20];
	long alerts, notices;

	(void)state;
	for (int i = 0; i < 2 * NOTICES_KEPT; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		raise_at(name, ALERT_ERROR, NOW + i * 60);
		seal_all(NOW + i * 60 + 30, 1, told);
		assert_string_equal(told, "b1");
	}
	notices = counted(0, &alerts);
	print_message("%ld notices\n", notices);
	assert_true(notices <= NOTICES_KEPT);
	assert_int_equal(alerts, 2 * NOTICES_KEPT);
}

static void old_ones_are_forgotten(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	raise_at("old", ALERT_ERROR, NOW);
	raise_at("one", ALERT_ERROR, NOW);
	end_at("old", NOW);
	must(alert_forget(fix.store, NOW + 20 * 86400, &err), &err);
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM alert"), 2);
	must(store_begin(fix.store, &err), &err);
	must(alert_forget(fix.store, NOW + 40 * 86400, &err), &err);
	assert_list(true, 0, 0, "one/error/it is down/0/1/0 ");
}

static void a_damaged_alert_is_skipped_and_can_end(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	raise_at("one", ALERT_ERROR, NOW);
	raise_at("two", ALERT_ERROR, NOW);
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db",
		    "UPDATE alert SET level = 9 WHERE id = 1");
	must(store_begin(fix.store, &err), &err);
	assert_list(false, 0, 0, "two/error/it is down/0/1/0 ");
	end_at("one", NOW);
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM alert"
					" WHERE ended_at = 0"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_new_is_told),
		IN_A_STORE(news_is_counted_by_itself),
		IN_A_STORE(a_raise_renews_what_is_open),
		IN_A_STORE(what_comes_back_is_counted),
		IN_A_STORE(lists_are_in_order_and_in_pages),
		IN_A_STORE(subjects_come_in_pages),
		IN_A_STORE(all_of_a_subject_end),
		IN_A_STORE(grave_is_what_nobody_silenced),
		IN_A_STORE(a_notice_waits_for_more),
		IN_A_STORE(a_storm_is_one_notice),
		IN_A_STORE(one_that_flaps_stands_in_it_once),
		IN_A_STORE(silence_of_one),
		IN_A_STORE(an_end_in_silence),
		IN_A_STORE(silence_of_a_kind),
		IN_A_STORE(a_silence_can_be_ended),
		IN_A_STORE(each_sink_gets_it),
		IN_A_STORE(a_sink_that_is_gone_holds_nothing),
		IN_A_STORE(the_outbox_is_bounded),
		IN_A_STORE(old_ones_are_forgotten),
		IN_A_STORE(a_damaged_alert_is_skipped_and_can_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
