#include "daemon/report_desk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/str.h"
#include "store/report_sum.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define DAY	1795132800L
#define REPORTS 400 /* so many that to sum them takes SQLite a while */
#define ENDLESS 20  /* seconds: it was not ended */

static struct loop *loop;
static struct report_desk *desk;
static struct domain shop;
static atomic_bool is_reading, is_open;

static void add_reports(int from, int count)
{
	struct err err = ERR_INIT;
	char id[16];

	must(store_begin(fix.store, &err), &err);
	for (int i = from; i < from + count; i++) {
		struct tls_report r;

		snprintf(id, sizeof(id), "%d", i);
		r = reports_make("A", id, DAY, 1, 0);
		assert_true(reports_add(fix.store, &shop, &r, ROWS_NOW));
		tls_report_release(&r);
	}
	must(store_commit(fix.store, &err), &err);
}

static int open_desk(void **state)
{
	struct err err = ERR_INIT;

	fixture_begin(state);
	shop = reports_shop(fix.store, DAY);
	must(store_commit(fix.store, &err), &err);
	atomic_store(&is_reading, false);
	atomic_store(&is_open, false);
	loop = loop_new(&err);
	desk = report_desk_start(loop, fix.dir, &err);
	must(desk, &err);
	return 0;
}

static void stop(void)
{
	report_desk_stop(desk);
	desk = NULL;
}

static int close_desk(void **state)
{
	atomic_store(&is_open, true); /* nobody is waited for in vain */
	stop();
	loop_free(loop);
	return fixture_close(state);
}

/* ---- whoever asks ---- */

struct asker {
	long reports; /* as the desk counts them */
	bool was_read, is_elsewhere;
	unsigned answers;
	unsigned turn; /* the how manieth answer it was */
	struct err err;
};

static unsigned turns;

static bool count(struct report_reader *r, void *arg, struct err *err)
{
	struct asker *a = arg;
	struct report_sum sum;

	a->was_read = true;
	if (!report_sum_domain(r, shop.id, 0, ROWS_NOW, 10, &sum, err))
		return false;
	a->reports = sum.all.reports;
	report_sum_release(&sum);
	return true;
}

static void worked(const struct err *err, void *arg)
{
	struct asker *a = arg;

	a->err = *err;
	a->answers++;
	a->turn = ++turns;
}

static void ask(struct asker *a, report_work *work)
{
	struct err err = ERR_INIT;

	must(report_desk_ask(desk, work, worked, a, &err), &err);
}

static void wait_for(const struct asker *a)
{
	while (!a->answers)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	assert_int_equal(a->answers, 1);
}

static void answers_come_later_and_in_order(void **state)
{
	struct asker a = { 0 }, b = { 0 };

	(void)state;
	turns = 0;
	add_reports(0, 3);
	ask(&a, count);
	ask(&b, count);
	assert_int_equal(a.answers, 0);
	wait_for(&b);
	assert_int_equal(a.err.kind, ERR_NONE);
	assert_int_equal(a.reports, 3);
	assert_int_equal(a.turn, 1);
	assert_int_equal(b.turn, 2);
}

/* Each question has a handle of its own. */
static void what_is_committed_since_is_seen(void **state)
{
	struct asker a = { 0 }, b = { 0 };

	(void)state;
	add_reports(0, 1);
	ask(&a, count);
	wait_for(&a);
	add_reports(1, 1);
	ask(&b, count);
	wait_for(&b);
	assert_int_equal(a.reports, 1);
	assert_int_equal(b.reports, 2);
}

static pthread_t control;

static bool look_where(struct report_reader *r, void *arg, struct err *err)
{
	struct asker *a = arg;

	(void)r;
	(void)err;
	a->is_elsewhere = !pthread_equal(pthread_self(), control);
	return true;
}

static void it_reads_away_from_control(void **state)
{
	struct asker a = { 0 };

	(void)state;
	control = pthread_self();
	ask(&a, look_where);
	wait_for(&a);
	assert_true(a.is_elsewhere);
}

/* ---- failures ---- */

static bool refuse(struct report_reader *r, void *arg, struct err *err)
{
	(void)r;
	(void)arg;
	return err_set(err, ERR_INPUT, "there is no such report");
}

static bool break_off(struct report_reader *r, void *arg, struct err *err)
{
	(void)r;
	(void)arg;
	(void)err;
	return false;
}

static void who_fails_says_why(void **state)
{
	struct asker a = { 0 }, b = { 0 };

	(void)state;
	ask(&a, refuse);
	ask(&b, break_off); /* ... or is said to have failed */
	wait_for(&b);
	assert_int_equal(a.err.kind, ERR_INPUT);
	assert_string_equal(a.err.text, "there is no such report");
	assert_int_equal(b.err.kind, ERR_INTERNAL);
}

static void without_a_database_nothing_is_read(void **state)
{
	struct asker a = { 0 };
	struct err err = ERR_INIT;
	char *nowhere = scratch_path(fix.dir, "nowhere");

	(void)state;
	stop();
	desk = report_desk_start(loop, nowhere, &err);
	free(nowhere);
	must(desk, &err);
	ask(&a, count);
	wait_for(&a);
	assert_int_not_equal(a.err.kind, ERR_NONE);
	assert_false(a.was_read);
}

/* ---- too many ---- */

static void rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static bool wait_until_open(struct report_reader *r, void *arg, struct err *err)
{
	(void)r;
	(void)arg;
	(void)err;
	while (!atomic_load(&is_open))
		rest();
	return true;
}

static void more_than_wait_are_turned_away(void **state)
{
	static struct asker all[REPORT_DESK_WAITING], more;
	struct err err = ERR_INIT;

	(void)state;
	ask(&all[0], wait_until_open);
	for (size_t i = 1; i < REPORT_DESK_WAITING; i++)
		ask(&all[i], count);
	assert_false(report_desk_ask(desk, count, worked, &more, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_true(*err.hint);
	atomic_store(&is_open, true);
	wait_for(&all[REPORT_DESK_WAITING - 1]);
	assert_int_equal(more.answers, 0); /* never */
	ask(&more, count);
	wait_for(&more);
	assert_int_equal(more.err.kind, ERR_NONE);
}

/* ---- stopping ---- */

/* Reads on and on, for as long as it may. */
static bool read_for_ever(struct report_reader *r, void *arg, struct err *err)
{
	time_t end = time(NULL) + ENDLESS;

	atomic_store(&is_reading, true);
	while (time(NULL) < end)
		if (!count(r, arg, err))
			return false;
	return true;
}

static void a_stop_ends_what_is_read(void **state)
{
	static struct asker reads, waits;

	(void)state;
	turns = 0;
	add_reports(0, REPORTS);
	ask(&reads, read_for_ever);
	ask(&waits, count);
	while (!atomic_load(&is_reading))
		rest();
	stop();
	assert_int_equal(reads.answers, 1);
	assert_int_not_equal(reads.err.kind, ERR_NONE); /* in the middle */
	assert_int_equal(reads.turn, 1);
	assert_int_equal(waits.answers, 1);
	assert_int_equal(waits.err.kind, ERR_AGAIN);
	assert_false(waits.was_read);
	loop_drain(loop);
	assert_int_equal(reads.answers + waits.answers, 2);
}

#define AT_A_DESK(test)                                                        \
	cmocka_unit_test_setup_teardown(test, open_desk, close_desk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_A_DESK(answers_come_later_and_in_order),
		AT_A_DESK(what_is_committed_since_is_seen),
		AT_A_DESK(it_reads_away_from_control),
		AT_A_DESK(who_fails_says_why),
		AT_A_DESK(without_a_database_nothing_is_read),
		AT_A_DESK(more_than_wait_are_turned_away),
		AT_A_DESK(a_stop_ends_what_is_read),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
