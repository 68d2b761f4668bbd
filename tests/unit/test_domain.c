/* Rows of hosted domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/domain.h"
#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static struct domain a_domain(const char *name)
{
	struct domain d = { .created_at = 100, .state_at = 100, .due_at = 100 };

	snprintf(d.name, sizeof(d.name), "%s", name);
	return d;
}

static struct domain insert(struct domain d)
{
	struct err err = ERR_INIT;

	must(domain_insert(fix.store, &d, &err), &err);
	assert_true(d.id > 0);
	return d;
}

static struct domain read_back(int64_t id)
{
	struct err err = ERR_INIT;
	struct domain d;

	must(domain_by_id(fix.store, id, &d, &err), &err);
	return d;
}

static void a_row_comes_back_as_it_was(void **state)
{
	struct domain d = a_domain("xn--bcher-kva.example"), again;
	struct err err = ERR_INIT;

	(void)state;
	d = insert(d);
	strcpy(d.label, "customer 7; DROP TABLE domain");
	strcpy(d.rua, "mailto:a@example.net,https://example.net/r?x='");
	d.state = DOMAIN_LIVE;
	d.state_at = 200;
	d.due_at = 300;
	d.dns_looks = 4;
	d.failures = 5;
	d.renew_forced = true;
	memset(d.problem, 'p', sizeof(d.problem) - 1);
	memset(d.hint, 'h', sizeof(d.hint) - 1);
	d.problem_at = 400;
	d.policy_id = 6;
	d.cert_id = 7;
	assert_true(domain_update(fix.store, &d, &err));
	again = read_back(d.id);
	assert_memory_equal(&again, &d, sizeof(d));
	assert_true(domain_by_name(fix.store, d.name, &again, &err));
	assert_memory_equal(&again, &d, sizeof(d));
}

static void a_name_is_there_once(void **state)
{
	struct domain d = insert(a_domain("example.org"));
	struct domain twice = a_domain("example.org");
	struct err err = ERR_INIT;

	(void)state;
	assert_false(domain_insert(fix.store, &twice, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, "hosted here already"));
	assert_true(domain_delete(fix.store, &d, ROWS_NOW, &err));
	assert_true(domain_insert(fix.store, &twice, &err));
	assert_true(twice.id > d.id);	/* ids are not used again */
}

static void a_stale_hand_changes_nothing(void **state)
{
	struct domain d = insert(a_domain("example.org")), stale = d;
	struct err err = ERR_INIT;

	(void)state;
	d.failures = 1;
	assert_true(domain_update(fix.store, &d, &err));
	stale.failures = 9;
	assert_false(domain_update(fix.store, &stale, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_false(domain_delete(fix.store, &stale, ROWS_NOW, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_int_equal(read_back(d.id).failures, 1);
	d.failures = 2;
	assert_true(domain_update(fix.store, &d, &err));
}

/* Nobody can guess where the reports of a domain are posted. */
static void each_domain_has_a_token_of_its_own(void **state)
{
	struct domain a = insert(a_domain("a.test"));
	struct domain b = insert(a_domain("b.test"));
	struct domain kept = a_domain("c.test");
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(strspn(a.report_token, "0123456789abcdef"), 32);
	assert_int_equal(strlen(a.report_token), 32);
	assert_string_not_equal(a.report_token, b.report_token);
	a.failures = 1;
	assert_true(domain_update(fix.store, &a, &err));
	assert_string_equal(read_back(a.id).report_token, a.report_token);
	memcpy(kept.report_token, b.report_token, sizeof(kept.report_token));
	assert_string_equal(insert(kept).report_token, b.report_token);
	assert_false(domain_set_token(fix.store, &a, "", &err));
	assert_true(domain_set_token(fix.store, &a, b.report_token, &err));
	assert_string_equal(read_back(a.id).report_token, b.report_token);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct err err = ERR_INIT;
	struct domain d;

	(void)state;
	assert_false(domain_by_name(fix.store, "example.org", &d, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "example.org"));
	assert_false(domain_by_id(fix.store, 12345, &d, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* ---- what is due ---- */

static const struct {
	const char *name;
	enum domain_state state;
	time_t due_at;
} rows[] = {
	{ "c.test", DOMAIN_WAITING_FOR_DNS, 30 },
	{ "a.test", DOMAIN_WAITING_FOR_DNS, 10 },
	{ "b.test", DOMAIN_WAITING_FOR_DNS, 20 },
	{ "busy.test", DOMAIN_ISSUING, 0 },
	{ "new.test", DOMAIN_ISSUING, 5 },
	{ "live.test", DOMAIN_LIVE, 1000 },
};

static void insert_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct domain d = a_domain(rows[i].name);

		d.state = rows[i].state;
		d.due_at = rows[i].due_at;
		insert(d);
	}
}

static const struct {
	enum domain_state state;
	time_t now;
	size_t limit;
	const char *names;
} dues[] = {
	{ DOMAIN_WAITING_FOR_DNS, 9, 9, "" },
	{ DOMAIN_WAITING_FOR_DNS, 10, 9, "a.test " },
	{ DOMAIN_WAITING_FOR_DNS, 99, 9, "a.test b.test c.test " },
	{ DOMAIN_WAITING_FOR_DNS, 99, 2, "a.test b.test " },
	{ DOMAIN_ISSUING, 99, 9, "new.test " },	/* never the busy one */
	{ DOMAIN_LIVE, 999, 9, "" },
	{ DOMAIN_LIVE, 1000, 9, "live.test " },
};

static void the_longest_due_comes_first(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	insert_rows();
	for (size_t i = 0; i < ARRAY_LEN(dues); i++) {
		char names[200] = "";
		int64_t ids[9];
		size_t n = domain_due(fix.store, dues[i].state, dues[i].now, ids,
				      dues[i].limit, &err);

		for (size_t k = 0; k < n; k++) {
			strcat(names, read_back(ids[k]).name);
			strcat(names, " ");
		}
		assert_string_equal(names, dues[i].names);
	}
}

static void the_next_due_is_known(void **state)
{
	(void)state;
	assert_int_equal(domain_next_due(fix.store, DOMAIN_LIVE, 0), 0);
	insert_rows();
	assert_int_equal(domain_next_due(fix.store, DOMAIN_WAITING_FOR_DNS, 0), 10);
	assert_int_equal(domain_next_due(fix.store, DOMAIN_WAITING_FOR_DNS, 10),
			 20);
	assert_int_equal(domain_next_due(fix.store, DOMAIN_WAITING_FOR_DNS, 30), 0);
	assert_int_equal(domain_next_due(fix.store, DOMAIN_ISSUING, 0), 5);
	assert_int_equal(domain_next_due(fix.store, DOMAIN_LIVE, 0), 1000);
}

/* ---- lists ---- */

static bool note_name(const struct domain *d, void *arg)
{
	char *names = arg;

	strcat(names, d->name);
	strcat(names, " ");
	return !streq(d->name, "stop.test");
}

static void insert_listed(void)
{
	static const char *const names[] = { "b.test", "a.test", "stop.test",
					     "z.test" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct domain d = a_domain(names[i]);

		d.state = (enum domain_state)(i % 3);
		strcpy(d.label, i < 2 ? "shop" : "");
		if (i != 1)
			strcpy(d.problem, "bad");
		insert(d);
	}
}

static const enum domain_state live = DOMAIN_LIVE;
static const struct {
	struct domain_filter filter;
	const char *names;
} lists[] = {
	{ { NULL, NULL, NULL, 0, DOMAIN_STAYS }, "a.test b.test stop.test " },
	{ { "shop", NULL, NULL, 0, DOMAIN_STAYS }, "a.test b.test " },
	{ { "nobody", NULL, NULL, 0, DOMAIN_STAYS }, "" },
	{ { NULL, &live, NULL, 0, DOMAIN_STAYS }, "stop.test " },
	{ { NULL, NULL, "b.test", 0, DOMAIN_STAYS }, "stop.test " },
	{ { NULL, NULL, "stop.test", 0, DOMAIN_STAYS }, "z.test " },
	{ { NULL, NULL, NULL, 1, DOMAIN_STAYS }, "a.test " },
};

static void lists_are_filtered_and_in_order(void **state)
{
	struct err err = ERR_INIT;
	char names[200];

	(void)state;
	insert_listed();
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		names[0] = '\0';
		assert_true(domain_each(fix.store, &lists[i].filter, note_name,
					names, &err));
		assert_string_equal(names, lists[i].names);
	}
	names[0] = '\0';
	assert_true(domain_each_troubled(fix.store, DOMAIN_LIVE, "", 9,
					 note_name, names, &err));
	assert_string_equal(names, "stop.test ");
	assert_true(domain_each_troubled(fix.store, DOMAIN_LIVE, "stop.test", 9,
					 note_name, names, &err));
	assert_true(domain_each_troubled(fix.store, DOMAIN_WAITING_FOR_DNS,
					 "zz", 9, note_name, names, &err));
	assert_string_equal(names, "stop.test ");
	assert_int_equal(domain_last_id(fix.store), 4);
}

static void domains_are_counted(void **state)
{
	struct domain_counts n;
	struct err err = ERR_INIT;
	struct domain a;

	(void)state;
	assert_true(domain_count(fix.store, &n, &err));
	assert_int_equal(n.waiting + n.issuing + n.live + n.with_problem, 0);
	insert_listed();
	assert_true(domain_count(fix.store, &n, &err));
	assert_int_equal(n.waiting, 2);
	assert_int_equal(n.issuing, 1);
	assert_int_equal(n.live, 1);
	assert_int_equal(n.with_problem, 3);

	/* what only the watch sees counts too, and nobody twice */
	for (int id = 1; id <= 4; id++) {
		must(watch_now(fix.store, id, 1, &err), &err);
		must(watch_mark(fix.store, id, 1 + id % 2, &err), &err);
	}
	assert_true(domain_count(fix.store, &n, &err));
	assert_int_equal(n.with_problem, 4);

	/* but for what is handed over: it is the other host's now */
	must(domain_by_name(fix.store, "a.test", &a, &err), &err);
	a.leaving = DOMAIN_HANDING_OVER;
	must(domain_update(fix.store, &a, &err), &err);
	assert_true(domain_count(fix.store, &n, &err));
	assert_int_equal(n.with_problem, 3);
}

/* ---- damage ---- */

static const char *const damages[] = {
	"UPDATE domain SET label = hex(zeroblob(500)) WHERE name = 'b.test'",
	"UPDATE domain SET state = -1 WHERE name = 'b.test'",
	"UPDATE domain SET state = 3 WHERE name = 'b.test'",
	"UPDATE domain SET hint = hex(zeroblob(5000)) WHERE name = 'b.test'",
};

static void a_damaged_row_is_skipped(void **state)
{
	struct domain_filter all = { .limit = 0 };
	struct err err = ERR_INIT;

	(void)state;
	insert_listed();
	must(store_commit(fix.store, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		char names[200] = "";
		struct domain d;

		scratch_sql(fix.dir, "state.db", damages[i]);
		assert_true(domain_each(fix.store, &all, note_name, names, &err));
		assert_string_equal(names, "a.test stop.test ");
		assert_false(domain_by_name(fix.store, "b.test", &d, &err));
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		assert_true(domain_by_name(fix.store, "a.test", &d, &err));
	}
}

static void a_row_is_set_aside(void **state)
{
	struct domain d = insert(a_domain("example.org"));
	struct err err = ERR_INIT;

	(void)state;
	assert_true(domain_set_aside(fix.store, d.id, 5000, &err));
	assert_int_equal(read_back(d.id).due_at, 5000);
	assert_false(domain_update(fix.store, &d, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
}

static int64_t nth_live(long n)
{
	struct err err = ERR_INIT;
	int64_t id = 0;

	assert_true(domain_nth_live(fix.store, n, &id, &err) ||
		    err.kind == ERR_NONE);
	return id;
}

static void the_live_are_counted_as_they_came(void **state)
{
	struct domain first, second;

	(void)state;
	first = rows_domain(fix.store, "z.example");
	rows_domain(fix.store, "waits.example");
	second = rows_domain(fix.store, "a.example");
	assert_int_equal(nth_live(0), 0);
	rows_cert(fix.store, &second, "leaf 1", "issuers");
	assert_int_equal(nth_live(0), second.id);
	rows_cert(fix.store, &first, "leaf 2", "issuers");
	rows_cert(fix.store, &first, "leaf 3", "issuers");
	assert_int_equal(nth_live(0), first.id);
	assert_int_equal(nth_live(1), second.id);
	assert_int_equal(nth_live(2), 0);
}

/* Looked through they would take some 2 ms each time. */
static void names_that_wait_cost_no_look_at_a_live_one(void **state)
{
	clock_t began;

	(void)state;
	scratch_sql(fix.dir, "state.db",
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		    " SELECT i + 1 FROM n WHERE i < 50000)"
		    " INSERT INTO domain(name, state, created_at, state_at)"
		    " SELECT 'd' || i || '.example', 0, 1, 1 FROM n");
	began = clock();
	for (int i = 0; i < 500; i++)
		assert_int_equal(nth_live(0), 0);
	assert_true(clock() - began < CLOCKS_PER_SEC / 4);
}

static void states_have_names(void **state)
{
	enum domain_leaving leaving;
	enum domain_state s;

	(void)state;
	for (int i = DOMAIN_WAITING_FOR_DNS; i <= DOMAIN_LIVE; i++) {
		assert_true(domain_phase_parse(
			domain_state_name((enum domain_state)i), &s,
			&leaving));
		assert_int_equal(s, i);
		assert_int_equal(leaving, DOMAIN_STAYS);
	}
	assert_false(domain_phase_parse("dead", &s, &leaving));
	assert_false(domain_phase_parse("", &s, &leaving));
}

static const struct {
	enum domain_state state;
	enum domain_leaving leaving;
	const char *phase;
} phases[] = {
	{ DOMAIN_WAITING_FOR_DNS, DOMAIN_STAYS, "waiting-for-dns" },
	{ DOMAIN_ISSUING, DOMAIN_STAYS, "issuing" },
	{ DOMAIN_LIVE, DOMAIN_STAYS, "live" },
	{ DOMAIN_LIVE, DOMAIN_REMOVING, "removing" },
	{ DOMAIN_LIVE, DOMAIN_HANDING_OVER, "handing-over" },
	{ DOMAIN_ISSUING, DOMAIN_REMOVING, "removing" },
};

/* To the world what leaves is live. */
static void phases_are_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		const struct domain d = { .state = phases[i].state,
					  .leaving = phases[i].leaving };
		enum domain_leaving leaving;
		enum domain_state s;

		assert_string_equal(domain_phase(&d), phases[i].phase);
		assert_true(domain_phase_parse(phases[i].phase, &s, &leaving));
		assert_int_equal(leaving, phases[i].leaving);
		assert_int_equal(s, phases[i].leaving ? DOMAIN_LIVE
						      : phases[i].state);
	}
}

/* Is it due for anything that the engine asks for? */
static bool is_due(int64_t id)
{
	struct err err = ERR_INIT;
	int64_t ids[9];
	size_t n = domain_due(fix.store, DOMAIN_LIVE, 99999, ids, 9, &err);

	for (int rank = RANK_EMERGENCY; rank <= RANK_GONE; rank++)
		n += domain_queue_head(fix.store, (enum domain_rank)rank, 0,
				       ids, 9, &err);
	assert_int_equal(err.kind, ERR_NONE);
	return n || domain_next_trial(fix.store, 7, &id, NULL);
}

static void be_due(struct domain *d)
{
	d->due_at = 200;
}
static void be_queued(struct domain *d)
{
	d->ready_at = 200;
}
static void be_tried(struct domain *d)
{
	d->try_ca = 7;
}

/* Whoever would have it so, with an older row or a newer one. */
static void what_is_handed_over_has_nothing_due(void **state)
{
	static void (*const wishes[])(struct domain * d) = { be_due, be_queued,
							     be_tried };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		for (int how = DOMAIN_STAYS; how <= DOMAIN_HANDING_OVER;
		     how++) {
			struct domain d = a_domain("example.org");

			d.state = DOMAIN_LIVE;
			d.due_at = 0;
			d = insert(d);
			wishes[i](&d);
			d.leaving = (enum domain_leaving)how;
			must(domain_update(fix.store, &d, NULL), NULL);
			assert_int_equal(is_due(d.id),
					 how != DOMAIN_HANDING_OVER);
			wishes[i](&d);
			must(domain_update(fix.store, &d, NULL), NULL);
			assert_int_equal(is_due(d.id),
					 how != DOMAIN_HANDING_OVER);
			must(domain_delete(fix.store, &d, ROWS_NOW, NULL),
			     NULL);
		}
}

/* Nor after the day for which a row was set aside. */
static void set_aside_it_has_nothing_due_either(void **state)
{
	struct domain d = a_domain("example.org");

	(void)state;
	d.state = DOMAIN_LIVE;
	d.leaving = DOMAIN_HANDING_OVER;
	d = insert(d);
	assert_false(is_due(d.id));
	assert_true(domain_set_aside(fix.store, d.id, 5000, NULL));
	assert_false(is_due(d.id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_STORE(a_row_comes_back_as_it_was),
		IN_A_STORE(a_name_is_there_once),
		IN_A_STORE(a_stale_hand_changes_nothing),
		IN_A_STORE(each_domain_has_a_token_of_its_own),
		IN_A_STORE(what_is_not_there_is_not_found),
		IN_A_STORE(the_longest_due_comes_first),
		IN_A_STORE(the_next_due_is_known),
		IN_A_STORE(lists_are_filtered_and_in_order),
		IN_A_STORE(domains_are_counted),
		IN_A_STORE(a_damaged_row_is_skipped),
		IN_A_STORE(a_row_is_set_aside),
		IN_A_STORE(the_live_are_counted_as_they_came),
		cmocka_unit_test_setup_teardown(
			names_that_wait_cost_no_look_at_a_live_one,
			fixture_open, fixture_close),
		cmocka_unit_test(states_have_names),
		cmocka_unit_test(phases_are_read_back),
		IN_A_STORE(what_is_handed_over_has_nothing_due),
		IN_A_STORE(set_aside_it_has_nothing_due_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
