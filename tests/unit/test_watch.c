/* What DNS was last seen to say, as the store keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/policy_version.h"
#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0 ROWS_NOW

static struct watch read_back(const struct domain *d)
{
	struct err err = ERR_INIT;
	struct watch w;

	memset(&w, 0x55, sizeof(w));
	must(watch_of(fix.store, d, &w, &err), &err);
	return w;
}

static void keep(const struct watch *w)
{
	struct err err = ERR_INIT;

	must(watch_write(fix.store, w, &err), &err);
}

/* With another value in each column. */
static struct watch a_watch(void)
{
	struct watch w = {
		.domain_id = fix.domain.id,
		.due_at = T0 + 1,
		.looked_at = T0 + 2,
		.news_at = T0 + 3,
		.failures = 4,
		.txt = ANNOUNCED_FOREIGN,
		.txt_id = "id5",
		.txt_ttl = 6,
		.txt_since = T0 + 7,
		.foreign_at = T0 + 17,
		.host = HOST_NOWHERE,
		.host_since = T0 + 8,
		.host_ttl = 21,
		.former_ttl = 22,
		.host_problem = "it's \"away\"; --",
		.reports = REPORTS_OTHER,
		.mx = { .look = MX_THERE,
			.host = { "a.test", "b.test" },
			.count = 2,
			.is_cut = true,
			.voices = 9,
			.agrees = true,
			.ttl = 10 },
		.mx_since = T0 + 11,
		.mx_left_at = T0 + 23,
		.strays_since = T0 + 12,
		.restless_until = T0 + 13,
		.is_slow = true,
		.untold_host = 14,
		.untold_txt = 15,
		.untold_mx = 16,
		.trouble = 2,
		.host_at = T0 + 17,
		.txt_at = T0 + 18,
		.mx_at = T0 + 19,
		.unanswered = 20,
	};

	return w;
}

static void a_row_comes_back_as_it_was(void **state)
{
	struct watch w = a_watch(), back;

	(void)state;
	keep(&w);
	back = read_back(&fix.domain);
	assert_memory_equal(&back, &w, sizeof(w));
	w.mx.agrees = w.mx.is_cut = false;
	w.mx.count = 0;
	memset(w.mx.host, 0, sizeof(w.mx.host));
	w.mx.look = MX_NULL;
	w.is_fresh_mx = true;
	keep(&w);
	back = read_back(&fix.domain);
	w.is_fresh_mx = false; /* that is of the look, not of the row */
	assert_memory_equal(&back, &w, sizeof(w));
}

/* Senders hold it, whether it is hosted here in between or not. */
static void another_hosts_policy_outlives_the_domain(void **state)
{
	struct watch w = a_watch();
	struct domain d = fix.domain;
	struct err err = ERR_INIT;

	(void)state;
	keep(&w);
	for (int i = 0; i < 2; i++) {
		must(domain_delete(fix.store, &d, T0 + 99, &err), &err);
		d = (struct domain){ .created_at = T0 + 100 };
		snprintf(d.name, sizeof(d.name), "%s", fix.domain.name);
		must(domain_insert(fix.store, &d, &err), &err);
		assert_int_equal(read_back(&d).foreign_at, w.foreign_at);
	}
	d = (struct domain){ .name = "other.example" };
	must(domain_insert(fix.store, &d, &err), &err);
	assert_int_equal(read_back(&d).foreign_at, 0);
}

static void what_has_no_row_says_nothing(void **state)
{
	const struct domain none = { .id = 4711 };
	const struct watch empty = { .domain_id = 4711 };
	struct watch w = read_back(&none);

	(void)state;
	assert_memory_equal(&w, &empty, sizeof(w));
}

/* What MX are now says who saw them now, and knows since when they are so. */
static const struct {
	time_t mx_at; /* before T0 */
	time_t mx_since;
	enum mx_look look;
	bool sees;
} seen_mx[] = {
	{ 60, T0, MX_THERE, true },
	{ 60, T0, MX_ABSENT, true },
	{ 60, T0, MX_UNKNOWN, false },
	{ 60, 0, MX_THERE, false },
	{ WATCH_JUST_NOW - 1, T0, MX_THERE, true },
	{ WATCH_JUST_NOW, T0, MX_THERE, false },
	{ T0, T0, MX_THERE, false },
	{ -30, T0, MX_THERE, true }, /* the clock was set back */
};

static void what_nobody_answers_for_is_soon_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen_mx); i++) {
		struct watch w = { .looked_at = T0,
				   .mx_at = T0 - seen_mx[i].mx_at,
				   .mx_since = seen_mx[i].mx_since,
				   .mx = { .look = seen_mx[i].look } };

		print_message("%zu\n", i);
		assert_int_equal(watch_sees_mx(&w, T0), seen_mx[i].sees);
	}
}

/* ---- damage ---- */

static const char *const damages[] = {
	"txt = 7",
	"txt = -1",
	"host = 5",
	"host = 99999999999",
	"reports = 5",
	"mx_look = 4",
	"txt_id = hex(zeroblob(20))",
	"host_problem = hex(zeroblob(200))",
	"txt = 'words'||txt_id, host = 9",
	"trouble = 3",
};

/* A row that does not decode is one that says nothing. */
static void a_damaged_row_says_nothing(void **state)
{
	const struct watch empty = { .domain_id = fix.domain.id },
			   w = a_watch();

	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct watch back;
		char sql[200];

		print_message("%s\n", damages[i]);
		must(store_begin(fix.store, NULL), NULL);
		keep(&w);
		must(store_commit(fix.store, NULL), NULL);
		snprintf(sql, sizeof(sql), "UPDATE watch SET %s", damages[i]);
		scratch_sql(fix.dir, "state.db", sql);
		back = read_back(&fix.domain);
		assert_memory_equal(&back, &empty, sizeof(back));
	}
	must(store_begin(fix.store, NULL), NULL);
}

static const char *const hostile[] = {
	"mx = 'not a host'||char(10)||char(1)||char(255)||'%s%n'",
	"mx = char(10,10,10)",
	"mx = zeroblob(40000)",
	"mx = 7",
};

static void hostile_hosts_are_left_out(void **state)
{
	const struct watch w = a_watch();

	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct watch back;
		char sql[200];

		must(store_begin(fix.store, NULL), NULL);
		keep(&w);
		must(store_commit(fix.store, NULL), NULL);
		snprintf(sql, sizeof(sql), "UPDATE watch SET %s", hostile[i]);
		scratch_sql(fix.dir, "state.db", sql);
		back = read_back(&fix.domain);
		assert_int_equal(back.mx.count, 0);
		assert_int_equal(back.txt, ANNOUNCED_FOREIGN);
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* ---- who is next ---- */

/* The names that are due at `now`, in order, by their first letter. */
static void assert_due_of(bool is_slow, time_t now, size_t limit,
			  const char *expected)
{
	struct err err = ERR_INIT;
	char out[20] = "";
	int64_t ids[9];
	size_t n = watch_due(fix.store, now, is_slow, ids, limit, &err);

	assert_int_equal(err.kind, ERR_NONE);
	for (size_t i = 0; i < n; i++) {
		struct domain d;

		must(domain_by_id(fix.store, ids[i], &d, NULL), NULL);
		out[i] = d.name[0];
	}
	assert_string_equal(out, expected);
}

static void assert_due(time_t now, size_t limit, const char *expected)
{
	assert_due_of(false, now, limit, expected);
}

static struct domain due(const char *name, time_t at)
{
	struct domain d = rows_domain(fix.store, name);
	struct watch w = read_back(&d);

	w.due_at = at;
	keep(&w);
	return d;
}

static void who_is_longest_due_is_first(void **state)
{
	struct domain b;

	(void)state;
	due("a.test", T0 + 20);
	b = due("b.test", T0 + 30);
	due("c.test", T0 + 10);
	due("d.test", 0);
	assert_due(T0 - 1, 9, "d");
	assert_due(T0 + 10, 9, "dc");
	assert_due(T0 + 29, 9, "dca");
	assert_due(T0 + 30, 9, "dcab");
	assert_due(T0 + 30, 2, "dc");
	assert_due(T0 + 30, 0, "");

	must(watch_soon(fix.store, b.id, T0 + 5, NULL), NULL);
	assert_due(T0 + 30, 9, "dbca");
	must(watch_put_off(fix.store, b.id, T0 + 99, NULL), NULL);
	assert_due(T0 + 98, 9, "dca");
	assert_due(T0 + 99, 9, "dcab");
	must(watch_put_off(fix.store, 4711, T0, NULL), NULL);
	assert_due(T0 + 99, 9, "dcab");

	due("far.test", T0 + 86400 + 200); /* the clock was set back */
	assert_due(T0 + 199, 9, "dcabf");
	assert_due(T0 + 200, 9, "dcab");
}

static void make_slow(const struct domain *d)
{
	struct watch w = read_back(d);

	w.is_slow = true;
	keep(&w);
}

/* Thousands of them would hide the others, who are quickly looked at. */
static void who_was_slow_stands_in_no_others_way(void **state)
{
	struct domain a, b;

	(void)state;
	a = due("a.test", T0 + 1);
	b = due("b.test", T0 + 2);
	due("c.test", T0 + 3);
	make_slow(&a);
	make_slow(&b);
	assert_due(T0 + 9, 1, "c");
	assert_due_of(true, T0 + 9, 9, "ab");
	assert_due_of(true, T0 + 1, 9, "a");
	assert_due_of(true, T0 + 9, 1, "a");
	due("far.test", T0 + 86400 + 200); /* the clock was set back */
	assert_due_of(true, T0 + 9, 9, "ab");
	assert_due(T0 + 9, 9, "cf");
}

static void assert_troubled(int trouble, int64_t after, size_t limit,
			    const char *expected)
{
	char out[20] = "";
	int64_t ids[9];
	size_t n = watch_troubled(fix.store, trouble, after, ids, limit, NULL);

	for (size_t i = 0; i < n; i++) {
		struct domain d;

		must(domain_by_id(fix.store, ids[i], &d, NULL), NULL);
		out[i] = d.name[0];
	}
	assert_string_equal(out, expected);
}

static void what_is_in_trouble_is_found(void **state)
{
	struct domain a = due("a.test", T0), b = due("b.test", T0),
		      c = due("c.test", T0);
	struct watch w;

	(void)state;
	assert_troubled(1, 0, 9, "");
	must(watch_mark(fix.store, a.id, 1, NULL), NULL);
	must(watch_mark(fix.store, b.id, 2, NULL), NULL);
	must(watch_mark(fix.store, c.id, 1, NULL), NULL);
	assert_troubled(1, 0, 9, "ac");
	assert_troubled(1, a.id, 9, "c");
	assert_troubled(1, 0, 1, "a");
	assert_troubled(2, 0, 9, "b");
	must(watch_mark(fix.store, a.id, 0, NULL), NULL);
	assert_troubled(1, 0, 9, "c");
	w = read_back(&b);
	assert_int_equal(w.due_at, T0);
	assert_int_equal(w.trouble, 2);
}

/* Before anybody has looked: DNS cannot show a new id yet. */
static void a_new_policy_is_suspect_while_live(void **state)
{
	struct sts_policy p = { .mode = STS_TESTING,
				.max_age = STS_MAX_AGE_DEFAULT };
	struct domain *d = &fix.domain;
	struct err err = ERR_INIT;
	bool changed;

	(void)state;
	must(sts_policy_add_mx(&p, "a.test", NULL), NULL);
	must(policy_version_publish(fix.store, d, &p, T0, &changed, &err),
	     &err);
	assert_int_equal(read_back(d).trouble, 0); /* it waits */
	d->state = DOMAIN_LIVE;
	must(domain_update(fix.store, d, &err), &err);
	must(policy_version_publish(fix.store, d, &p, T0, &changed, &err),
	     &err);
	assert_false(changed);
	assert_int_equal(read_back(d).trouble, 0);
	p.mode = STS_ENFORCE;
	must(policy_version_publish(fix.store, d, &p, T0, &changed, &err),
	     &err);
	assert_int_equal(read_back(d).trouble, 1);

	must(watch_mark(fix.store, d->id, 2, NULL), NULL);
	must(watch_suspect(fix.store, d->id, &err), &err);
	assert_int_equal(read_back(d).trouble, 2); /* that is worse */
	sts_policy_release(&p);
}

/* It was all of what was wanted, and says nothing of what is wanted now. */
static void what_was_whole_is_not_when_it_is_to_be_more(void **state)
{
	static const enum watch_reports is[][2] = {
		{ REPORTS_WHOLE, REPORTS_OURS },
		{ REPORTS_OURS, REPORTS_OURS },
		{ REPORTS_OTHER, REPORTS_OTHER },
		{ REPORTS_NOTHING, REPORTS_NOTHING },
	};
	struct watch w = a_watch(), back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(is); i++) {
		w.reports = is[i][0];
		keep(&w);
		must(watch_reports_moved(fix.store, w.domain_id, T0 + 50, NULL),
		     NULL);
		back = read_back(&fix.domain);
		assert_int_equal(back.reports, is[i][1]);
		assert_int_equal(back.due_at, T0 + 50);
		assert_int_equal(watch_asks_us(&back),
				 is[i][1] == REPORTS_OURS);
	}
}

/* What was seen is kept. Of one that has no row, there is one. */
static void soon_changes_nothing_else(void **state)
{
	struct watch w = a_watch(), back;

	(void)state;
	keep(&w);
	must(watch_soon(fix.store, fix.domain.id, T0 + 50, NULL), NULL);
	w.due_at = w.news_at = T0 + 50;
	back = read_back(&fix.domain);
	assert_memory_equal(&back, &w, sizeof(w));

	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db", "DELETE FROM watch");
	must(store_begin(fix.store, NULL), NULL);
	must(watch_soon(fix.store, fix.domain.id, T0 + 60, NULL), NULL);
	back = read_back(&fix.domain);
	assert_int_equal(back.due_at, T0 + 60);
	assert_int_equal(back.news_at, T0 + 60);
	assert_int_equal(back.looked_at, 0);
}

/* A damaged row is put off like another. */
/* Asked for again while the look is under way, within its first second. */
static void what_is_asked_twice_in_a_second_is_told_apart(void **state)
{
	time_t before;

	(void)state;
	must(watch_now(fix.store, fix.domain.id, T0 + 50, NULL), NULL);
	for (int i = 0; i < 4; i++) {
		before = read_back(&fix.domain).due_at;
		must((i % 2 ? watch_now : watch_soon)(fix.store, fix.domain.id,
						      T0 + 50, NULL),
		     NULL);
		assert_int_not_equal(read_back(&fix.domain).due_at, before);
		assert_true(read_back(&fix.domain).due_at <= T0 + 50);
	}
}

static void damage_holds_nobody_up(void **state)
{
	struct domain a = due("a.test", T0 + 1);

	(void)state;
	due("b.test", T0 + 2);
	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db", "UPDATE watch SET txt = 77");
	must(store_begin(fix.store, NULL), NULL);
	must(watch_put_off(fix.store, a.id, T0 + 9, NULL), NULL);
	must(watch_put_off(fix.store, fix.domain.id, T0 + 9, NULL), NULL);
	assert_due(T0 + 8, 9, "b");
}

static void the_row_goes_with_its_domain(void **state)
{
	const struct watch w = a_watch(), empty = { .domain_id = w.domain_id };
	struct watch back;

	(void)state;
	keep(&w);
	must(domain_delete(fix.store, &fix.domain, ROWS_NOW, NULL), NULL);
	back = read_back(&fix.domain);
	assert_memory_equal(&back, &empty, sizeof(back));
	assert_due(T0 + 9999, 9, "");
}

/* ---- against the policy that is served now ---- */

static const struct {
	enum announced seen;
	const char *id;
	enum announced is;
} policies[] = {
	{ ANNOUNCED_IN_STEP, "now", ANNOUNCED_IN_STEP },
	{ ANNOUNCED_IN_STEP, "old", ANNOUNCED_BEHIND },
	{ ANNOUNCED_BEHIND, "old", ANNOUNCED_BEHIND },
	{ ANNOUNCED_UNKNOWN, "", ANNOUNCED_UNKNOWN },
	{ ANNOUNCED_NOTHING, "", ANNOUNCED_NOTHING },
	{ ANNOUNCED_DAMAGED, "", ANNOUNCED_DAMAGED },
	{ ANNOUNCED_AHEAD, "new", ANNOUNCED_AHEAD },
	{ ANNOUNCED_FOREIGN, "new", ANNOUNCED_FOREIGN },
};

static void a_new_policy_makes_a_record_old(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		struct watch w = { .txt = policies[i].seen };

		strcpy(w.txt_id, policies[i].id);
		assert_int_equal(watch_announced(&w, "now"), policies[i].is);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_row_comes_back_as_it_was),
		WITH_A_DOMAIN(what_nobody_answers_for_is_soon_unknown),
		WITH_A_DOMAIN(a_new_policy_is_suspect_while_live),
		WITH_A_DOMAIN(another_hosts_policy_outlives_the_domain),
		IN_A_STORE(what_has_no_row_says_nothing),
		WITH_A_DOMAIN(a_damaged_row_says_nothing),
		WITH_A_DOMAIN(hostile_hosts_are_left_out),
		IN_A_STORE(who_is_longest_due_is_first),
		IN_A_STORE(who_was_slow_stands_in_no_others_way),
		IN_A_STORE(what_is_in_trouble_is_found),
		WITH_A_DOMAIN(what_was_whole_is_not_when_it_is_to_be_more),
		WITH_A_DOMAIN(soon_changes_nothing_else),
		WITH_A_DOMAIN(what_is_asked_twice_in_a_second_is_told_apart),
		WITH_A_DOMAIN(damage_holds_nobody_up),
		WITH_A_DOMAIN(the_row_goes_with_its_domain),
		cmocka_unit_test(a_new_policy_makes_a_record_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
