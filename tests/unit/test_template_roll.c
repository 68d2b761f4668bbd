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

static time_t now(void *arg)
{
	(void)arg;
	return ROWS_NOW + 60;
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
	int64_t id;

	return template_behind(fix.store, 0, &id, 1, NULL) == 0;
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

#define MANY 45 /* more than are brought up at once */

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

/* More than are taken at once, before all others in order. */
static void add_waiting(void)
{
	struct template t;
	char name[20];

	must(store_begin(fix.store, NULL), NULL);
	must(template_by_name(fix.store, "gold", &t, NULL), NULL);
	for (size_t i = 0; i < MANY; i++) {
		struct domain d;

		snprintf(name, sizeof(name), "w%zu.test", i);
		d = rows_domain(fix.store, name);
		d.template_id = t.id;
		d.template_epoch = 0;
		must(domain_update(fix.store, &d, NULL), NULL);
	}
	template_release(&t);
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < MANY; i++) {
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

static void who_waits_is_looked_at_and_holds_up_no_other(void **state)
{
	char due[80];

	(void)state;
	add_waiting();
	roll = template_roll_start(loop, fix.store, now, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		run_until(names[i]);
	assert_false(follows("w0.test") || follows("w44.test"));
	snprintf(due, sizeof(due),
		 "SELECT COUNT(*) FROM watch WHERE mx_at > 0"
		 " AND due_at = %lld",
		 (long long)now(NULL));
	assert_int_equal(number(due), MANY);
	assert_int_equal(number("SELECT COUNT(*) FROM trail WHERE text LIKE"
				" 'waits to follow template gold%'"),
			 MANY);

	see("w7.test", ROWS_NOW, "new.test");
	run_until("w7.test");
	assert_false(follows("w8.test"));
	see("w8.test", ROWS_NOW, "mx.example.net"); /* what it has now */
	see("w9.test", ROWS_NOW, "new.test");
	run_until("w9.test");
	assert_false(follows("w8.test"));
	assert_int_equal(number("SELECT COUNT(*) FROM trail WHERE text LIKE"
				" 'cannot follow template gold%'"),
			 1);
	assert_int_equal(number("SELECT COUNT(*) FROM trail WHERE text LIKE"
				" 'waits to follow template gold%'"),
			 MANY);
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
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
