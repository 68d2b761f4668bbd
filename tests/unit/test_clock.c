/*
 * acme/clock.c: whose time the engine goes by. And store/clock.c: what that
 * means for rows that wait.
 */
#include "acme/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/alert.h"
#include "store/clock.h"
#include "store/notice.h"
#include "store/refusal.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define NOW  1800000000LL
#define HOUR 3600LL
#define DAY  (24 * HOUR)

#define CA_A 1 /* whose Date it is */
#define CA_B 2

static int64_t wall, steady; /* seconds */

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return wall * 1000;
}

static int64_t steady_ms(void *ctx)
{
	(void)ctx;
	return steady * 1000;
}

static const struct world machine = { .now_ms = now_ms,
				      .steady_ms = steady_ms };

static void pass(int64_t seconds)
{
	wall += seconds;
	steady += seconds;
}

static void begin(struct clock *c, int64_t at, time_t mark)
{
	wall = at;
	steady = 1000;
	clock_init(c, &machine, mark);
}

#define assert_time(c, at) assert_int_equal(clock_now_ms(c), (at)*1000)

static void it_is_the_machines(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, NOW, NOW - DAY);
	assert_time(&c, NOW);
	pass(40 * DAY);
	assert_time(&c, NOW + 40 * DAY);
	assert_false(clock_is_doubtful(&c));
	wall += 200; /* small steps are followed */
	assert_time(&c, NOW + 40 * DAY + 200);
	assert_false(clock_is_doubtful(&c));
}

/* ---- steps ---- */

static const struct {
	const char *what;
	int64_t step; /* of the machine's clock */
	int64_t date; /* what a CA says then, less the true time */
	int64_t ours; /* our time after that, less the true time */
	enum clock_doubt doubt;
} steps[] = {
	{ "a wrong step ahead", 90 * DAY, 0, 0, CLOCK_STEPPED },
	{ "a wrong step back", -365 * DAY, 0, 0, CLOCK_STEPPED },
	{ "the Date may be a little off", -DAY, -60, 0, CLOCK_STEPPED },
	{ "a CA that is off as well", 2 * HOUR, -9 * DAY, 0, CLOCK_STEPPED },
	{ "a right step", 3 * HOUR, 3 * HOUR, 3 * HOUR, CLOCK_CONFIRMED },
	{ "a right step back", -3 * HOUR, -3 * HOUR, -3 * HOUR,
	  CLOCK_CONFIRMED },
};

static void steps_are_not_followed_till_confirmed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct clock c;

		print_message("%s\n", steps[i].what);
		begin(&c, NOW, NOW);
		clock_heard(&c, CA_A, NOW);
		wall += steps[i].step;
		pass(60);
		assert_time(&c, NOW + 60);
		assert_true(clock_is_doubtful(&c));
		clock_heard(&c, CA_A, NOW + 60 + steps[i].date);
		assert_time(&c, NOW + 60 + steps[i].ours);
		assert_int_equal(c.doubt, steps[i].doubt);
		assert_int_equal(c.back_ms,
				 steps[i].ours < 0 ? -steps[i].ours * 1000 : 0);
	}
}

static void a_step_that_is_undone_leaves_no_doubt(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, NOW, NOW);
	wall += DAY;
	assert_time(&c, NOW);
	wall -= DAY;
	pass(10);
	assert_time(&c, NOW + 10);
	assert_false(clock_is_doubtful(&c));
	assert_int_equal(c.offset_ms, 0);
}

/* ---- at boot ---- */

static void a_date_ahead_is_believed_and_one_behind_may_be_old(void **state)
{
	static const struct {
		int64_t machine, mark, date, ours;
	} boots[] = {
		{ -1800, -DAY, 0, 0 },	/* half an hour behind, and not known */
		{ -DAY, -2000, 0, 0 },	/* behind the mark, which is late too */
		{ 0, -DAY, -1800, 0 },	/* the Date has lain in a cache */
		{ -240, -DAY, 0, -240 },	/* that is near enough */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
		struct clock c;

		begin(&c, NOW + boots[i].machine, NOW + boots[i].mark);
		clock_heard(&c, CA_A, NOW + boots[i].date);
		assert_time(&c, NOW + boots[i].ours);
	}
}

static void before_what_has_been_it_is_not_believed(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, 0, NOW); /* 1970 */
	assert_time(&c, NOW);
	assert_int_equal(c.doubt, CLOCK_BEHIND);
	pass(100);
	assert_time(&c, NOW + 100);

	clock_heard(&c, CA_A, NOW - DAY); /* a CA in the past moves nothing */
	assert_time(&c, NOW + 100);
	clock_heard(&c, CA_A, NOW + 5 * DAY); /* so long we were off */
	assert_time(&c, NOW + 5 * DAY);
	assert_int_equal(c.doubt, CLOCK_OVERRULED);
	assert_int_equal(c.back_ms, 0);

	wall = NOW + 5 * DAY; /* somebody sets it right */
	assert_time(&c, NOW + 5 * DAY);
	assert_false(clock_is_doubtful(&c));
}

static void nor_before_this_program_was(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, 0, 0);
	assert_true(clock_is_doubtful(&c));
	assert_true(clock_now_ms(&c) > 1700000000000LL);
}

/* Nothing here says that it is wrong, but the first CA does. */
static void far_ahead_at_boot_the_ca_is_right(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, NOW + 90 * DAY, NOW);
	assert_time(&c, NOW + 90 * DAY);
	clock_heard(&c, CA_A, NOW);
	assert_time(&c, NOW);
	assert_int_equal(c.doubt, CLOCK_OVERRULED);
	assert_int_equal(c.back_ms, 90 * DAY * 1000);

	clock_heard(&c, CA_A, NOW + 90 * DAY); /* another one confirms it */
	assert_time(&c, NOW + 90 * DAY);
	assert_int_equal(c.doubt, CLOCK_CONFIRMED);
}

/* One that has lost its way, or lies, moves nothing once we are confirmed. */
static void a_confirmed_clock_is_not_overruled(void **state)
{
	struct clock c;
	struct err trouble;

	(void)state;
	begin(&c, NOW, NOW);
	clock_heard(&c, CA_A, NOW + 20);
	clock_trouble(&c, &trouble);
	assert_int_equal(trouble.kind, ERR_NONE);
	for (int64_t off = -400 * DAY; off <= 400 * DAY; off += 80 * DAY) {
		clock_heard(&c, CA_A, NOW + off);
		assert_time(&c, NOW);
	}
	clock_trouble(&c, &trouble);
	assert_int_equal(trouble.kind, ERR_AGAIN);
	assert_non_null(strstr(trouble.text, "differ by 400"));
}

/*
 * Just started, with a clock to which nothing speaks but one CA: between what
 * has been and what the machine says it is believed, and for a day ahead.
 */
static void one_ca_alone_is_not_followed_far(void **state)
{
	static const struct {
		const char *what;
		int64_t machine, date, ours; /* less the mark */
		bool is_told;
	} starts[] = {
		{ "in 1970", 60, -NOW, 60, true },
		{ "before the mark", 60, -2 * DAY, 60, true },
		{ "400 days ahead", 60, 400 * DAY, 60, true },
		{ "two days ahead", 60, 2 * DAY, 60, true },
		{ "a time zone ahead", 60, 14 * HOUR, 14 * HOUR, true },
		{ "before the mark, long off", 90 * DAY, -2 * HOUR, 90 * DAY,
		  true },
		{ "far ahead, long off", 90 * DAY, 400 * DAY, 90 * DAY, true },
		{ "between the two", 90 * DAY, 30 * DAY, 30 * DAY, true },
		{ "that agrees", 90 * DAY, 90 * DAY + 20, 90 * DAY, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		struct err trouble;
		struct clock c;

		print_message("a Date %s\n", starts[i].what);
		begin(&c, NOW + starts[i].machine, NOW);
		for (int n = 0; n < 3; n++) /* to repeat it proves nothing */
			clock_heard(&c, CA_A, NOW + starts[i].date);
		assert_time(&c, NOW + starts[i].ours);
		assert_int_equal(clock_is_doubtful(&c), starts[i].is_told);
		clock_trouble(&c, &trouble);
		assert_int_equal(trouble.kind != ERR_NONE, starts[i].is_told);
		assert_int_equal(clock_is_known(&c),
				 starts[i].ours != starts[i].machine ||
					 !starts[i].is_told);
	}
}

static void its_word_is_over_when_it_agrees(void **state)
{
	struct clock c;
	struct err trouble;

	(void)state;
	begin(&c, NOW, NOW);
	clock_heard(&c, CA_A, NOW + 400 * DAY);
	clock_heard(&c, CA_A, NOW);
	assert_int_equal(c.doubt, CLOCK_CONFIRMED);
	assert_false(clock_is_doubtful(&c));
	clock_trouble(&c, &trouble);
	assert_int_equal(trouble.kind, ERR_NONE);
}

static void two_that_agree_are_followed(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, NOW, NOW); /* set by what it was when it went off */
	clock_heard(&c, CA_A, NOW + 30 * DAY);
	pass(600);
	clock_heard(&c, CA_B, NOW + 9 * DAY); /* that is another moment */
	assert_time(&c, NOW + 600);
	pass(600);
	clock_heard(&c, CA_A, NOW + 30 * DAY + 1200);
	assert_time(&c, NOW + 1200);
	clock_heard(&c, CA_B, NOW + 30 * DAY + 1300);
	assert_int_equal(c.doubt, CLOCK_OVERRULED);
	assert_time(&c, NOW + 30 * DAY + 1300);
}

static void not_even_two_lead_before_what_has_been(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, NOW, NOW);
	clock_heard(&c, CA_A, NOW - 30 * DAY);
	clock_heard(&c, CA_B, NOW - 30 * DAY);
	assert_time(&c, NOW);
}

/* One that led us may correct itself; another needs a second. */
static void who_was_followed_may_correct_itself(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, 0, NOW);
	clock_heard(&c, CA_A, NOW + 400 * DAY);
	assert_time(&c, NOW + 400 * DAY);
	clock_heard(&c, CA_B, NOW + 5 * DAY);
	assert_time(&c, NOW + 400 * DAY);
	clock_heard(&c, CA_A, NOW - 5 * DAY);
	assert_time(&c, NOW + 400 * DAY);
	clock_heard(&c, CA_A, NOW + 5 * DAY);
	assert_time(&c, NOW + 5 * DAY);
	assert_int_equal(c.back_ms, 395 * DAY * 1000);
}

/* Nor by steps, nor by the one that it goes by already. */
static void a_day_is_the_end_of_what_one_ca_is_believed(void **state)
{
	struct clock c;

	(void)state;
	begin(&c, NOW, NOW - DAY);
	clock_heard(&c, CA_A, NOW + 7200);
	assert_time(&c, NOW + 7200);
	clock_heard(&c, CA_A, NOW + 400 * DAY);
	assert_time(&c, NOW + 7200);
	clock_heard(&c, CA_B, NOW + DAY);
	assert_time(&c, NOW + DAY);
	clock_heard(&c, CA_A, NOW + DAY + 72000);
	assert_time(&c, NOW + DAY);
}

/* Another one's word does not end it. */
static void who_disagrees_does_so_until_it_agrees(void **state)
{
	struct err trouble;
	struct clock c;

	(void)state;
	begin(&c, NOW, NOW - DAY);
	clock_heard(&c, CA_A, NOW);
	for (int i = 0; i < 3; i++) {
		clock_heard(&c, CA_B, NOW + 9 * DAY);
		clock_trouble(&c, &trouble);
		assert_int_equal(trouble.kind, ERR_AGAIN);
		clock_heard(&c, CA_A, NOW);
		clock_trouble(&c, &trouble);
		assert_int_equal(trouble.kind, ERR_AGAIN);
	}
	clock_heard(&c, CA_B, NOW);
	clock_trouble(&c, &trouble);
	assert_int_equal(trouble.kind, ERR_NONE);
	clock_heard(&c, CA_B, NOW + 9 * DAY);
	clock_forget_disagreement(&c);
	clock_trouble(&c, &trouble);
	assert_int_equal(trouble.kind, ERR_NONE);
}

static int64_t woken_at;

static void wake_at(void *ctx, int64_t at_ms)
{
	(void)ctx;
	woken_at = at_ms;
}

static void a_timer_is_set_by_the_machines_clock(void **state)
{
	struct world w = machine;
	const struct world *view;
	struct clock c;

	(void)state;
	w.wake_at = wake_at;
	wall = NOW;
	clock_init(&c, &w, NOW);
	wall += DAY;
	view = clock_world(&c);
	view->wake_at(view->ctx, view->now_ms(view->ctx) + 5000);
	assert_int_equal(woken_at, (NOW + DAY) * 1000 + 5000);
}

/* ---- rows ---- */

static void waits_move_and_plans_stay(void **state)
{
	struct err err = ERR_INIT;
	struct store *s = fix.store;
	struct domain d = rows_domain(s, "a.example"), waits, plans;
	struct cert c = rows_cert(s, &d, "leaf", "issuers");

	(void)state;
	waits = rows_domain(s, "b.example");
	waits.due_at = ROWS_NOW + 10 * DAY;
	must(domain_update(s, &waits, &err) &&
	     refusal_note(s, waits.id, c.ca_id, ROWS_NOW + 9 * DAY, &err),
	     &err);
	must(domain_by_name(s, "a.example", &d, &err), &err);
	d.due_at = c.renew_at;
	must(domain_update(s, &d, &err), &err);

	must(store_clock_shift(s, ROWS_NOW, (long)(9 * DAY + HOUR), &err),
	     &err);

	must(domain_by_name(s, "a.example", &plans, &err) &&
		     domain_by_name(s, "b.example", &waits, &err),
	     &err);
	assert_true(c.renew_at > ROWS_NOW);
	assert_int_equal(plans.due_at, c.renew_at);
	assert_int_equal(waits.due_at, ROWS_NOW + 23 * HOUR);
	assert_false(refusal_holds(s, waits.id, c.ca_id, ROWS_NOW));
	assert_true(refusal_holds(s, waits.id, c.ca_id, ROWS_NOW - 1));
	assert_int_equal(plans.epoch, d.epoch);
}

/* What is told, and what is not, was put off by a clock that was ahead. */
static void alerts_wait_no_longer_than_they_were_to(void **state)
{
	const time_t wrong = ROWS_NOW + 90 * DAY;
	const struct notice_pace pace = { 60, 5 };
	struct alert a = { .kind = "test.kind", .subject = "a", .text = "t" };
	struct notice n;
	struct err err = ERR_INIT;
	bool found = false, more;

	(void)state;
	must(alert_raise(fix.store, &a, wrong, &err) &&
		     notice_gathered(fix.store, &pace, wrong + 60, &n, &found,
				     &err) &&
		     notice_seal(fix.store, &n, 1, wrong + 60, &err) &&
		     notice_failed(fix.store, n.id, 0, wrong + 600, &err) &&
		     alert_silence_kind(fix.store, a.kind, wrong + HOUR, &err),
	     &err);
	assert_true(found);

	must(store_clock_shift(fix.store, ROWS_NOW, (long)(90 * DAY), &err),
	     &err);

	must(notice_due(fix.store, 0, ROWS_NOW + 599, &n, &found, &err), &err);
	assert_false(found);
	must(notice_due(fix.store, 0, ROWS_NOW + 600, &n, &found, &err), &err);
	assert_true(found);
	assert_int_equal(n.at, ROWS_NOW);
	a.subject = "b";	/* silent, and then told */
	must(alert_raise(fix.store, &a, ROWS_NOW + HOUR - 1, &err) &&
		     alert_wake(fix.store, ROWS_NOW + HOUR, &more, &err) &&
		     notice_gathered(fix.store, &pace, ROWS_NOW + 2 * HOUR, &n,
				     &found, &err),
	     &err);
	assert_true(found);
	assert_int_equal(n.at, ROWS_NOW + HOUR);
}

static void the_mark_is_kept(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(store_clock_mark(fix.store), 0);
	must(store_clock_set_mark(fix.store, ROWS_NOW, &err) &&
		     store_clock_set_mark(fix.store, ROWS_NOW + 7, &err),
	     &err);
	assert_int_equal(store_clock_mark(fix.store), ROWS_NOW + 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_machines),
		cmocka_unit_test(steps_are_not_followed_till_confirmed),
		cmocka_unit_test(a_step_that_is_undone_leaves_no_doubt),
		cmocka_unit_test(
			a_date_ahead_is_believed_and_one_behind_may_be_old),
		cmocka_unit_test(before_what_has_been_it_is_not_believed),
		cmocka_unit_test(nor_before_this_program_was),
		cmocka_unit_test(far_ahead_at_boot_the_ca_is_right),
		cmocka_unit_test(a_confirmed_clock_is_not_overruled),
		cmocka_unit_test(one_ca_alone_is_not_followed_far),
		cmocka_unit_test(its_word_is_over_when_it_agrees),
		cmocka_unit_test(two_that_agree_are_followed),
		cmocka_unit_test(not_even_two_lead_before_what_has_been),
		cmocka_unit_test(who_was_followed_may_correct_itself),
		cmocka_unit_test(a_day_is_the_end_of_what_one_ca_is_believed),
		cmocka_unit_test(who_disagrees_does_so_until_it_agrees),
		cmocka_unit_test(a_timer_is_set_by_the_machines_clock),
		IN_A_STORE(waits_move_and_plans_stay),
		IN_A_STORE(alerts_wait_no_longer_than_they_were_to),
		IN_A_STORE(the_mark_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
