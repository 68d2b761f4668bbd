/* A template's change comes to its domains, whatever stands in one's row. */
#include "daemon/template_roll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/policy_version.h"
#include "store/template.h"
#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define WAIT 5 /* seconds of real time, at most */

static struct loop *loop;
static struct template_roll *roll;

static const char *const names[] = { "a.test", "b.test", "c.test" };

static time_t later; /* than usual */

static time_t now(void *arg)
{
	(void)arg;
	return ROWS_NOW + 60 + later;
}

static void name_host(const char *host)
{
	struct template t = { .name = "gold" };

	must(sts_policy_add_mx(&t.hosts, host, NULL), NULL);
	must(template_write(fix.store, &t, NULL), NULL);
	template_release(&t);
}

/* Three domains that follow it, and it names another host since. */
static int set_up(void **state)
{
	struct template template;

	later = 0;
	fixture_begin(state);
	name_host("old.test");
	must(template_by_name(fix.store, "gold", &template, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct domain d = rows_domain(fix.store, names[i]);

		d.template_id = template.id;
		d.template_epoch = template.epoch;
		must(domain_update(fix.store, &d, NULL), NULL);
	}
	template_release(&template);
	name_host("new.test");
	must(store_commit(fix.store, NULL), NULL);
	loop = loop_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	template_roll_stop(roll);
	roll = NULL;
	loop_free(loop);
	return fixture_close(state);
}

static bool is_idle(void)
{
	const struct template_place first = { 0 };
	struct template_place place;

	return template_behind(fix.store, &first, &place, 1, NULL) == 0;
}

static void run(void)
{
	static const struct timeval moment = { .tv_usec = 20 * 1000 };

	roll = template_roll_start(loop, fix.store, now, NULL, NULL);
	for (int i = 0; !is_idle() && i < WAIT * 50; i++) {
		event_base_loopexit(loop_base(loop), &moment);
		event_base_dispatch(loop_base(loop));
	}
	assert_true(is_idle());
}

static void assert_follows(const char *name, const char *mx)
{
	struct policy_version v;
	struct domain d;

	must(domain_by_name(fix.store, name, &d, NULL), NULL);
	must(policy_version_current(fix.store, &d, &v, NULL), NULL);
	print_message("%s: %s\n", name, v.policy.mx[0]);
	assert_string_equal(v.policy.mx[0], mx);
	if (streq(mx, "new.test"))
		assert_string_equal(v.channel, "template");
	policy_version_release(&v);
}

static void all_of_them_follow(void **state)
{
	(void)state;
	run();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_follows(names[i], "new.test");
}

/* It is passed over until the next change, and none of the others waits. */
static const struct {
	const char *damage, *mend;
} damages[] = {
	{ "UPDATE domain SET method = 77 WHERE name = 'a.test'",
	  "UPDATE domain SET method = 0" },
	{ "UPDATE domain SET label = hex(zeroblob(500)) WHERE name = 'b.test'",
	  "UPDATE domain SET label = ''" },
	{ "UPDATE policy SET mode = 77 WHERE id ="
	  " (SELECT policy_id FROM domain WHERE name = 'c.test')",
	  "UPDATE policy SET mode = 1 WHERE mode = 77" },
	{ "UPDATE domain SET policy_id = 4711 WHERE name = 'a.test'",
	  "UPDATE domain SET policy_id = (SELECT id FROM policy"
	  " WHERE domain_id = domain.id) WHERE policy_id = 4711" },
};

static void damage(size_t i)
{
	static const size_t whom[] = { 0, 1, 2, 0 };

	print_message("%s\n", damages[i].damage);
	scratch_sql(fix.dir, "state.db", damages[i].damage);
	run();
	scratch_sql(fix.dir, "state.db", damages[i].mend);
	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		assert_follows(names[k],
			       k == whom[i] ? "mx.example.net" : "new.test");
}

static void a_damaged_domain_holds_up_no_other(void **state)
{
	(void)state;
	damage(0);
}

static void nor_one_in_between(void **state)
{
	(void)state;
	damage(1);
}

static void nor_a_damaged_policy(void **state)
{
	(void)state;
	damage(2);
}

static void nor_one_that_is_not_there(void **state)
{
	(void)state;
	damage(3);
}

/* ---- those that enforce, and would lose a host ---- */

#define SOME	  45  /* more than are brought up at once */
#define MANY	  200 /* more than are looked at for it at once */
#define ASKED_MAX 128

static void see(const char *name, time_t at, const char *mx)
{
	struct watch w;
	struct domain d;

	must(store_begin(fix.store, NULL), NULL);
	must(domain_by_name(fix.store, name, &d, NULL), NULL);
	must(watch_of(fix.store, &d, &w, NULL), NULL);
	w.mx = (struct mx_seen){ .look = MX_THERE, .voices = 1 };
	mx_seen_parse(mx, &w.mx);
	w.mx_at = w.mx_since = at;
	w.due_at = ROWS_NOW + WHEN_DAY;
	must(watch_write(fix.store, &w, NULL), NULL);
	must(store_commit(fix.store, NULL), NULL);
}

static void enforce(const char *name)
{
	struct policy_version v;
	struct domain d;
	bool changed;

	must(store_begin(fix.store, NULL), NULL);
	must(domain_by_name(fix.store, name, &d, NULL), NULL);
	must(policy_version_current(fix.store, &d, &v, NULL), NULL);
	v.policy.mode = STS_ENFORCE;
	must(policy_version_publish(fix.store, &d, &v.policy, ROWS_NOW,
				    &changed, NULL),
	     NULL);
	policy_version_release(&v);
	must(store_commit(fix.store, NULL), NULL);
}

/* Before all others in order. */
static void add_waiting(size_t count)
{
	struct template t;
	char name[32];

	must(store_begin(fix.store, NULL), NULL);
	must(template_by_name(fix.store, "gold", &t, NULL), NULL);
	for (size_t i = 0; i < count; i++) {
		struct domain d;

		snprintf(name, sizeof(name), "w%zu.test", i);
		d = rows_domain(fix.store, name);
		d.template_id = t.id;
		d.template_epoch = 0;
		must(domain_update(fix.store, &d, NULL), NULL);
	}
	template_release(&t);
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "w%zu.test", i);
		enforce(name);
		see(name, ROWS_NOW - WHEN_DAY, "new.test");
	}
}

static bool follows(const char *name)
{
	struct policy_version v;
	struct domain d;
	bool is;

	must(domain_by_name(fix.store, name, &d, NULL), NULL);
	must(policy_version_current(fix.store, &d, &v, NULL), NULL);
	is = streq(v.policy.mx[0], "new.test");
	policy_version_release(&v);
	return is;
}

static void run_until(const char *name)
{
	static const struct timeval moment = { .tv_usec = 20 * 1000 };

	for (int i = 0; !follows(name) && i < WAIT * 50; i++) {
		event_base_loopexit(loop_base(loop), &moment);
		event_base_dispatch(loop_base(loop));
	}
	assert_true(follows(name));
}

static long number(const char *sql)
{
	return scratch_number(fix.dir, "state.db", sql);
}

static long told(const char *how)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM trail WHERE text LIKE"
		 " '%s template gold%%'",
		 how);
	return number(sql);
}

static long asked(void)
{
	char sql[100];

	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM watch WHERE mx_at > 0"
		 " AND due_at = %lld",
		 (long long)now(NULL));
	return number(sql);
}

static void who_waits_is_looked_at_and_holds_up_no_other(void **state)
{
	(void)state;
	add_waiting(SOME);
	roll = template_roll_start(loop, fix.store, now, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		run_until(names[i]);
	assert_false(follows("w0.test") || follows("w44.test"));
	assert_int_equal(asked(), SOME);
	assert_int_equal(told("waits to follow"), 0);

	see("w7.test", ROWS_NOW, "new.test");
	run_until("w7.test");
	assert_false(follows("w8.test"));
	see("w8.test", ROWS_NOW, "mx.example.net"); /* what it has now */
	see("w9.test", ROWS_NOW, "new.test");
	run_until("w9.test");
	assert_false(follows("w8.test"));
	assert_int_equal(told("cannot follow"), 1);
	assert_int_equal(told("waits to follow"), 0);
}

static void run_for(int ms)
{
	const struct timeval moment = { .tv_sec = ms / 1000,
					.tv_usec = ms % 1000 * 1000L };

	event_base_loopexit(loop_base(loop), &moment);
	event_base_dispatch(loop_base(loop));
}

/* As the watch does. */
static void look_at_those_asked(void)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
		 "UPDATE watch SET due_at = %lld, looked_at = %lld,"
		 " mx_at = %lld WHERE mx_at > 0 AND due_at = %lld",
		 (long long)now(NULL) + WHEN_DAY, (long long)now(NULL),
		 (long long)now(NULL), (long long)now(NULL));
	scratch_sql(fix.dir, "state.db", sql);
}

static void the_watch_is_asked_for_so_many_at_once(void **state)
{
	(void)state;
	add_waiting(MANY);
	roll = template_roll_start(loop, fix.store, now, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		run_until(names[i]);
	run_for(4500); /* a second round */
	assert_int_equal(asked(), ASKED_MAX);
	for (int i = 0; !is_idle() && i < 20; i++) {
		look_at_those_asked();
		run_for(500);
		assert_true(asked() <= ASKED_MAX);
	}
	assert_true(is_idle());
	assert_int_equal(told("follows"), MANY + 3);
	assert_int_equal(told("waits to follow"), 0);
}

/* The watch goes on asking at its own pace. */
static void who_does_not_answer_is_told_of(void **state)
{
	(void)state;
	add_waiting(3);
	scratch_sql(fix.dir, "state.db",
		    "UPDATE watch SET unanswered = 2, looked_at = mx_at + 1"
		    " WHERE mx_at > 0");
	roll = template_roll_start(loop, fix.store, now, NULL, NULL);
	run_until(names[0]);
	run_for(200);
	assert_int_equal(asked(), 0);
	assert_int_equal(told("waits to follow"), 3);
}

/* MX have changed just now, and nothing is to be done for an hour. */
static void where_nothing_moves_it_rests(void **state)
{
	(void)state;
	add_waiting(3);
	scratch_sql(fix.dir, "state.db",
		    "UPDATE watch SET mx_left_at = mx_at + 86400,"
		    " mx_at = mx_at + 86400 WHERE mx_at > 0");
	roll = template_roll_start(loop, fix.store, now, NULL, NULL);
	run_until(names[0]);
	run_for(5500);
	assert_int_equal(told("waits to follow"), 3);
	later = WHEN_HOUR;
	see("w1.test", now(NULL), "new.test");
	run_for(4000);
	assert_false(follows("w1.test"));
	must(store_begin(fix.store, NULL), NULL);
	name_host("new.test");
	must(store_commit(fix.store, NULL), NULL);
	run_until("w1.test");
}

/* ---- in order ---- */

static void each_comes_once_beyond_the_former(void **state)
{
	struct template_place at = { 0 }, next[2];
	int64_t former = 0;
	size_t n, all = 0;

	(void)state;
	add_waiting(5);
	while ((n = template_behind(fix.store, &at, next, 2, NULL)) > 0) {
		for (size_t i = 0; i < n; i++) {
			bool is_later = next[i].epoch > at.epoch;

			assert_true(is_later || next[i].domain_id > former);
			former = next[i].domain_id;
			at = next[i];
			all++;
		}
	}
	assert_int_equal(all, 5 + ARRAY_LEN(names));
}

#define AT_WORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AT_WORK(all_of_them_follow),
		AT_WORK(a_damaged_domain_holds_up_no_other),
		AT_WORK(nor_one_in_between),
		AT_WORK(nor_a_damaged_policy),
		AT_WORK(nor_one_that_is_not_there),
		AT_WORK(who_waits_is_looked_at_and_holds_up_no_other),
		AT_WORK(the_watch_is_asked_for_so_many_at_once),
		AT_WORK(who_does_not_answer_is_told_of),
		AT_WORK(where_nothing_moves_it_rests),
		AT_WORK(each_comes_once_beyond_the_former),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
