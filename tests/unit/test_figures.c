/*
 * What metrics count in the store, and the thread that counts it.
 */
#include "store/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/meter.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define NOW ROWS_NOW

static bool goes_on(void *arg)
{
	return !arg;
}

static void commit(void)
{
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err), &err);
}

static struct figures read_now(void)
{
	const struct store_options o = { .dir = fix.dir };
	struct err err = ERR_INIT;
	struct figures f;

	must(figures_read(&o, NOW, goes_on, NULL, &f, &err), &err);
	return f;
}

static void state(const char *sql)
{
	scratch_sql(fix.dir, "state.db", sql);
}

static void an_empty_box_has_nothing(void **s)
{
	struct figures f;

	(void)s;
	commit();
	f = read_now();
	for (size_t i = 0; i < FIGURES_STATES; i++)
		assert_int_equal(f.domains[i], 0);
	assert_int_equal(f.with_problem, 0);
	assert_int_equal(f.nearest_expiry, 0);
	assert_int_equal(f.order_count, 0);
	assert_int_equal(f.backup, 0);
	assert_true(f.bytes[FIGURES_STATE_DB] > 0);
}

static void the_newest_backup_has_a_time(void **s)
{
	const char *path = "backup/state-20261231T23.db";
	const struct timespec at[2] = { { .tv_sec = NOW }, { .tv_sec = NOW } };
	char *folder = scratch_path(fix.dir, "backup");
	char *file = scratch_path(fix.dir, path);
	int fd;

	(void)s;
	commit();
	assert_int_equal(mkdir(folder, 0700), 0);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(futimens(fd, at), 0);
	close(fd);
	assert_int_equal(read_now().backup, NOW);
	free(folder);
	free(file);
}

static void each_domain_is_in_one_state(void **s)
{
	static const char *const names[] = { "a.test", "b.test", "c.test",
					     "d.test", "e.test" };
	struct figures f;

	(void)s;
	for (size_t i = 0; i < 5; i++)
		rows_domain(fix.store, names[i]);
	commit();
	state("UPDATE domain SET state = 1 WHERE name = 'b.test';"
	      "UPDATE domain SET state = 2 WHERE name > 'b.test';"
	      "UPDATE domain SET leaving = 1 WHERE name = 'd.test';"
	      "UPDATE domain SET leaving = 2 WHERE name = 'e.test';"
	      "UPDATE domain SET problem = 'x' WHERE name < 'c.test'");
	f = read_now();
	for (size_t i = 0; i < FIGURES_STATES; i++)
		assert_int_equal(f.domains[i], 1);
	assert_int_equal(f.with_problem, 2);
	assert_true(f.bytes[FIGURES_STATE_WAL] > 0);
}

/* Nor does a row that no enum has fail the others. */
static void a_damaged_row_is_not_counted(void **s)
{
	struct figures f;

	(void)s;
	rows_domain(fix.store, "a.test");
	rows_domain(fix.store, "b.test");
	commit();
	state("UPDATE domain SET state = 77 WHERE name = 'b.test'");
	f = read_now();
	assert_int_equal(f.domains[FIGURES_WAITING], 1);
}

static const struct {
	const char *name;
	long from, to; /* days */
	size_t bucket;
} lives[] = {
	{ "expired.test", -90, -1, 0 }, /* <= 0 */
	{ "last.test", -90, 3, 1 },	/* <= 0.05 */
	{ "quarter.test", -75, 25, 4 }, /* <= 0.25 */
	{ "half.test", -50, 50, 6 },	/* <= 0.5 */
	{ "fresh.test", 0, 90, 8 },	/* <= 1 */
	{ "tomorrow.test", 1, 91, 9 },	/* its clock is ahead */
};

static void certificates_lie_by_what_is_left(void **s)
{
	struct figures f;
	char sql[256];

	(void)s;
	for (size_t i = 0; i < 6; i++) {
		struct domain d = rows_domain(fix.store, lives[i].name);

		rows_cert(fix.store, &d, "leaf", "issuers");
	}
	commit();
	for (size_t i = 0; i < 6; i++) {
		snprintf(sql, sizeof(sql),
			 "UPDATE cert SET not_before = %ld, not_after = %ld"
			 " WHERE domain_id = (SELECT id FROM domain WHERE"
			 " name = '%s')",
			 NOW + lives[i].from * WHEN_DAY,
			 NOW + lives[i].to * WHEN_DAY, lives[i].name);
		state(sql);
	}
	f = read_now();
	for (size_t i = 0, n = 0; i <= FIGURES_LIFE_BOUNDS; i++) {
		bool is_there = n < 6 && lives[n].bucket == i;

		print_message("bucket %zu\n", i);
		assert_int_equal(f.life[i], is_there);
		n += is_there;
	}
	assert_int_equal(f.nearest_expiry, NOW - WHEN_DAY);
	state("UPDATE domain SET leaving = 2 WHERE name = 'expired.test'");
	f = read_now();
	assert_int_equal(f.nearest_expiry, NOW + 3 * WHEN_DAY);
	assert_int_equal(f.life[0], 0);
}

static void orders_and_alerts_are_counted(void **s)
{
	struct domain a = rows_domain(fix.store, "a.test"),
		      b = rows_domain(fix.store, "b.test");
	struct err err = ERR_INIT;
	const struct alert alert = { .kind = "cert.expiring",
				     .subject = "a.test",
				     .level = ALERT_ERROR,
				     .text = "it does" };
	struct figures f;

	(void)s;
	rows_order(fix.store, &a);
	rows_order(fix.store, &b);
	must(alert_raise(fix.store, &alert, NOW, &err), &err);
	commit();
	f = read_now();
	assert_int_equal(f.order_count, 1);
	assert_int_equal(f.orders[0].count, 2);
	assert_int_equal(f.orders[0].state, ORDER_INTENT);
	assert_int_equal(f.alerts[ALERT_ERROR], 1);
	assert_int_equal(f.alerts[ALERT_WARNING], 0);
}

static void it_ends_when_it_is_told(void **s)
{
	const struct store_options o = { .dir = fix.dir };
	struct err err = ERR_INIT;
	struct figures f;

	(void)s;
	commit();
	state("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	      " WHERE i < 20000) INSERT INTO domain(name, state, created_at,"
	      " state_at) SELECT 'd' || i || '.test', 2, 0, 0 FROM n");
	assert_false(figures_read(&o, NOW, goes_on, &f, &f, &err));
}

/* ---- the thread ---- */

static struct loop *loop;
static struct meter *meter;
static unsigned told;

static void on_told(void *arg)
{
	told++;
	if (arg)
		loop_stop(loop);
}

static void begin_meter(void)
{
	struct err err = ERR_INIT;

	told = 0;
	commit();
	loop = loop_new(&err);
	must(loop, &err);
	meter = meter_start(loop, fix.dir, &err);
	must(meter, &err);
}

static void end_meter(void)
{
	meter_stop(meter);
	loop_free(loop);
}

static void many_who_ask_share_one_reading(void **s)
{
	struct meter_reading r;

	(void)s;
	begin_meter();
	assert_null(meter_read(meter).figures);
	assert_true(meter_refresh(meter, NOW, on_told, NULL));
	assert_true(meter_refresh(meter, NOW + 1, on_told, loop));
	assert_int_equal(told, 0);
	loop_run(loop);
	assert_int_equal(told, 2);
	r = meter_read(meter);
	assert_non_null(r.figures);
	assert_int_equal(r.figures->at, NOW);
	assert_true(r.process->resident_bytes > 0);
	assert_true(r.process->open_fds >= 3);
	assert_false(meter_refresh(meter, NOW + 2, on_told, NULL));
	end_meter();
	assert_int_equal(told, 2);
}

static void who_waits_at_the_end_is_told(void **s)
{
	(void)s;
	begin_meter();
	assert_true(meter_refresh(meter, NOW, on_told, NULL));
	end_meter();
	assert_int_equal(told, 1);
}

static void what_cannot_be_read_is_a_failure(void **s)
{
	struct err err = ERR_INIT;

	(void)s;
	begin_meter();
	meter_stop(meter);
	meter = meter_start(loop, "/nonexistent", &err);
	must(meter, &err);
	assert_true(meter_refresh(meter, NOW, on_told, loop));
	loop_run(loop);
	assert_int_equal(told, 1);
	assert_null(meter_read(meter).figures);
	assert_int_equal(meter_read(meter).failures, 1);
	end_meter();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_STORE(an_empty_box_has_nothing),
		IN_A_STORE(the_newest_backup_has_a_time),
		IN_A_STORE(each_domain_is_in_one_state),
		IN_A_STORE(a_damaged_row_is_not_counted),
		IN_A_STORE(certificates_lie_by_what_is_left),
		IN_A_STORE(orders_and_alerts_are_counted),
		IN_A_STORE(it_ends_when_it_is_told),
		IN_A_STORE(many_who_ask_share_one_reading),
		IN_A_STORE(who_waits_at_the_end_is_told),
		IN_A_STORE(what_cannot_be_read_is_a_failure),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
