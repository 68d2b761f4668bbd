/* The trail and its filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/trail.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static const struct trail lines[] = {
	{ .at = 100, .kind = "a", .domain = "one.test", .actor = "mtastsd" },
	{ .at = 200, .kind = "b", .domain = "two.test",
	  .actor = "alice (uid 1000)", .reason = "because" },
	{ .at = 300, .kind = "c", .actor = "alice (uid 1000)",
	  .level = TRAIL_WARNING },
	{ .at = 400, .kind = "d", .domain = "one.test", .actor = "bob",
	  .level = TRAIL_ERROR },
	{ .at = 500, .kind = "e", .domain = "gone.test", .actor = "mtastsd" },
};

static void add_labelled(const char *name, const char *label)
{
	struct domain d = { .created_at = 1 };
	struct err err = ERR_INIT;

	snprintf(d.name, sizeof(d.name), "%s", name);
	snprintf(d.label, sizeof(d.label), "%s", label);
	must(domain_insert(fix.store, &d, &err), &err);
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	fixture_begin(state);
	add_labelled("one.test", "shop");
	add_labelled("two.test", "");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		must(trail_add(fix.store, &lines[i], &err), &err);
	return 0;
}

static const struct {
	struct trail_filter filter;
	const char *kinds;
} filters[] = {
	{ { .limit = 0 }, "abcde" },
	{ { .limit = 2 }, "de" },		/* the newest, oldest first */
	{ { .after = 3 }, "de" },
	{ { .after = 5 }, "" },
	{ { .since = 300 }, "cde" },
	{ { .domain = "one.test" }, "ad" },
	{ { .domain = "gone.test" }, "e" },	/* it outlives its domain */
	{ { .domain = "" }, "c" },		/* of the box itself */
	{ { .actor = "alice" }, "bc" },
	{ { .actor = "uid 1000" }, "bc" },
	{ { .actor = "%" }, "" },
	{ { .label = "shop" }, "ad" },
	{ { .label = "none" }, "" },
	{ { .domain = "one.test", .since = 200, .limit = 5 }, "d" },
	{ { .actor = "mtastsd", .limit = 1 }, "e" },
};

static bool note_kind(const struct trail *e, void *arg)
{
	strcat(arg, e->kind);
	return true;
}

static void filters_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		char kinds[20] = "";
		struct err err = ERR_INIT;

		assert_true(trail_each(fix.store, &filters[i].filter, note_kind,
				       kinds, &err));
		print_message("%zu: %s\n", i, kinds);
		assert_string_equal(kinds, filters[i].kinds);
	}
}

static bool check_line(const struct trail *e, void *arg)
{
	int64_t *last = arg;

	assert_true(e->id > *last);
	*last = e->id;
	if (strcmp(e->kind, "b") == 0) {
		assert_int_equal(e->at, 200);
		assert_int_equal(e->level, TRAIL_INFO);
		assert_string_equal(e->domain, "two.test");
		assert_string_equal(e->actor, "alice (uid 1000)");
		assert_string_equal(e->channel, "box"); /* none was named */
		assert_string_equal(e->text, "");	/* was not given */
		assert_string_equal(e->reason, "because");
	}
	return e->level != TRAIL_ERROR;
}

static void lines_come_back_as_they_were(void **state)
{
	struct trail_filter all = { .limit = 0 };
	struct err err = ERR_INIT;
	int64_t last = 0;

	(void)state;
	assert_true(trail_each(fix.store, &all, check_line, &last, &err));
	assert_int_equal(last, 4);		/* it was told to stop there */
	assert_int_equal(trail_last_id(fix.store), 5);
}

static void a_damaged_line_is_skipped(void **state)
{
	struct trail_filter all = { .limit = 0 };
	struct err err = ERR_INIT;
	char kinds[20] = "";

	(void)state;
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db", "UPDATE trail SET level = 9 WHERE id = 2");
	assert_true(trail_each(fix.store, &all, note_kind, kinds, &err));
	assert_string_equal(kinds, "acde");
}

static void commit_often(int n)
{
	struct err err = ERR_INIT;

	for (int i = 0; i < n; i++) {
		must(store_commit(fix.store, &err), &err);
		must(store_begin(fix.store, &err), &err);
	}
}

/* By the newest event's time; commits do it, once in a while. */
static void what_is_older_than_asked_for_goes(void **state)
{
	struct trail_filter all = { .limit = 0 };
	struct err err = ERR_INIT;
	char kinds[20] = "";

	(void)state;
	trail_keep(fix.store, 250);
	commit_often(1001);
	assert_true(trail_each(fix.store, &all, note_kind, kinds, &err));
	assert_string_equal(kinds, "cde");
}

/* As if so many more events had been there meanwhile. */
static void skip_ids(int64_t n)
{
	char *sql = xasprintf("UPDATE sqlite_sequence SET seq = seq + %lld"
			      " WHERE name = 'trail'",
			      (long long)n);
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db", sql);
	must(store_begin(fix.store, &err), &err);
	free(sql);
}

/* What the box did is pushed out by a million more; what people did never. */
static void what_people_did_stays(void **state)
{
	const struct trail last = { .at = 600,
				    .kind = "f",
				    .actor = "mtastsd" };
	struct trail_filter all = { .limit = 0 };
	struct err err = ERR_INIT;
	char kinds[20] = "";

	(void)state;
	skip_ids(999998); /* one more event than is kept of the box, with f */
	must(trail_add(fix.store, &last, &err), &err);
	commit_often(1001);
	assert_true(trail_each(fix.store, &all, note_kind, kinds, &err));
	assert_string_equal(kinds, "bcdef");
}

static bool count_line(const struct trail *e, void *arg)
{
	size_t *n = arg;

	(void)e;
	++*n;
	return true;
}

/* A piece with each commit, once there is much: until it is all gone. */
static void much_goes_in_pieces(void **state)
{
	const struct trail own = { .at = 600, .kind = "o", .actor = "mtastsd" };
	struct trail_filter all = { .limit = 0 };
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 1700; i++)
		must(trail_add(fix.store, &own, &err), &err);
	skip_ids(1000000);
	must(trail_add(fix.store, &own, &err), &err);
	commit_often(1005);
	assert_true(trail_each(fix.store, &all, count_line, &n, &err));
	assert_int_equal(n, 4); /* bcd, and the last */
}

static void set_label(const char *name, const char *label)
{
	struct err err = ERR_INIT;
	struct domain d;

	must(domain_by_name(fix.store, name, &d, &err), &err);
	snprintf(d.label, sizeof(d.label), "%s", label);
	must(domain_update(fix.store, &d, &err), &err);
}

static void remove_it(const char *name)
{
	struct trail last = { .at = 600, .kind = "f", .domain = name };
	struct err err = ERR_INIT;
	struct domain d;

	must(domain_by_name(fix.store, name, &d, &err), &err);
	last.label = d.label;
	must(domain_delete(fix.store, &d, 2, &err), &err);
	must(trail_add(fix.store, &last, &err), &err);
}

static void assert_of_label(const char *label, const char *wanted)
{
	struct trail_filter of = { .label = label };
	struct err err = ERR_INIT;
	char kinds[20] = "";

	assert_true(trail_each(fix.store, &of, note_kind, kinds, &err));
	print_message("%s: %s\n", label, kinds);
	assert_string_equal(kinds, wanted);
}

/* A new label is that of all its history; what is gone keeps its last. */
static void a_label_outlives_its_domain(void **state)
{
	(void)state;
	set_label("one.test", "store");
	assert_of_label("shop", "");
	assert_of_label("store", "ad");
	remove_it("one.test");
	assert_of_label("store", "adf");

	add_labelled("one.test", "other"); /* another customer's by now */
	assert_of_label("store", "adf");
	assert_of_label("other", "");
}

static void levels_have_names(void **state)
{
	(void)state;
	assert_string_equal(trail_level_name(TRAIL_INFO), "info");
	assert_string_equal(trail_level_name(TRAIL_WARNING), "warning");
	assert_string_equal(trail_level_name(TRAIL_ERROR), "error");
}

#define WITH_LINES(test)                                                       \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_LINES(filters_choose),
		WITH_LINES(lines_come_back_as_they_were),
		WITH_LINES(a_damaged_line_is_skipped),
		WITH_LINES(what_is_older_than_asked_for_goes),
		WITH_LINES(what_people_did_stays),
		WITH_LINES(much_goes_in_pieces),
		WITH_LINES(a_label_outlives_its_domain),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
