/* Rows of buckets: what is left survives, what is full is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "store/bucket.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define NOW_MS (ROWS_NOW * 1000)

static void write_one(int64_t ca_id, int kind, const char *subject,
		      struct bucket b)
{
	struct err err = ERR_INIT;

	must(bucket_write(fix.store, ca_id, kind, subject, &b, &err), &err);
}

static void holds(int64_t ca_id, int kind, const char *subject,
		  struct bucket expected)
{
	struct err err = ERR_INIT;
	struct bucket b = { 1, 1 };

	assert_true(bucket_read(fix.store, ca_id, kind, subject, &b, &err));
	assert_int_equal(b.level, expected.level);
	assert_int_equal(b.at_ms, expected.at_ms);
}

static void without_a_row_it_is_full(void **state)
{
	int64_t ca = rows_ca(fix.store).id;

	(void)state;
	holds(ca, 0, "", BUCKET_FULL);
	holds(ca, 2, "mta-sts.example.org", BUCKET_FULL);
	holds(4711, 0, "", BUCKET_FULL);
}

static const struct {
	int kind;
	const char *subject;
	struct bucket bucket;
} rows[] = {
	{ 0, "", { 279000, NOW_MS } },
	{ 1, "example.org", { 49000, NOW_MS + 1 } },
	{ 2, "mta-sts.example.org", { -7, NOW_MS + 2 } },
	{ 3, "mta-sts.example.org", { 0, NOW_MS + 3 } },
	{ 2, "mta-sts.o'hara.example", { 5, 0 } },
	{ 2, "", { INT64_MIN, INT64_MIN } },
	{ 3, "", { INT64_MAX, INT64_MAX } },
};

static void each_is_kept_apart(void **state)
{
	struct err err = ERR_INIT;
	int64_t ca = rows_ca(fix.store).id;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		write_one(ca, rows[i].kind, rows[i].subject, rows[i].bucket);
	must(store_commit(fix.store, &err), &err);
	store_close(fix.store);
	fix.store = scratch_store(fix.dir);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		holds(ca, rows[i].kind, rows[i].subject, rows[i].bucket);
	holds(ca + 1, 0, "", BUCKET_FULL);
}

static void the_last_word_counts(void **state)
{
	int64_t ca = rows_ca(fix.store).id;

	(void)state;
	write_one(ca, 0, "", (struct bucket){ 5000, NOW_MS });
	write_one(ca, 0, "", (struct bucket){ 4000, NOW_MS - 1 });
	holds(ca, 0, "", (struct bucket){ 4000, NOW_MS - 1 });
}

static void what_is_rolled_back_was_never_spent(void **state)
{
	int64_t ca = rows_ca(fix.store).id;
	struct err err = ERR_INIT;

	(void)state;
	must(store_commit(fix.store, &err), &err);
	must(store_begin(fix.store, &err), &err);
	write_one(ca, 0, "", (struct bucket){ 0, NOW_MS });
	store_rollback(fix.store);
	holds(ca, 0, "", BUCKET_FULL);
}

static void no_bucket_without_its_ca(void **state)
{
	struct bucket b = { 0, NOW_MS };
	struct err err = ERR_INIT;

	(void)state;
	assert_false(bucket_write(fix.store, 4711, 0, "", &b, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

/* ---- the account's own ---- */

struct seen {
	int kinds[8];
	int64_t levels[8];
	size_t count, most;
};

static bool note(int kind, const struct bucket *b, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < ARRAY_LEN(seen->kinds));
	seen->kinds[seen->count] = kind;
	seen->levels[seen->count++] = b->level;
	return seen->count < seen->most;
}

static struct seen look(int64_t ca, size_t most)
{
	struct seen seen = { .most = most };
	struct err err = ERR_INIT;

	assert_true(bucket_each(fix.store, ca, note, &seen, &err));
	return seen;
}

static void the_accounts_own_are_listed(void **state)
{
	int64_t ca = rows_ca(fix.store).id;
	struct seen seen;

	(void)state;
	write_one(ca, 4, "", (struct bucket){ 44, NOW_MS });
	write_one(ca, 0, "", (struct bucket){ 11, NOW_MS });
	write_one(ca, 0, "example.org", (struct bucket){ 99, NOW_MS });
	seen = look(ca, 8);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.kinds[0], 0);
	assert_int_equal(seen.levels[0], 11);
	assert_int_equal(seen.kinds[1], 4);
	assert_int_equal(seen.levels[1], 44);
	assert_int_equal(look(ca, 1).count, 1);
	assert_int_equal(look(ca + 1, 8).count, 0);
}

static void a_damaged_row_is_passed_over(void **state)
{
	int64_t ca = rows_ca(fix.store).id;
	struct err err = ERR_INIT;
	struct seen seen;

	(void)state;
	write_one(ca, 0, "", (struct bucket){ 11, NOW_MS });
	write_one(ca, 1, "", (struct bucket){ 22, NOW_MS });
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db",
		    "UPDATE bucket SET kind = -1 WHERE kind = 0");
	seen = look(ca, 8);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.kinds[0], 1);
}

/* ---- forgetting ---- */

static void the_oldest_go_first_in_portions(void **state)
{
	static const long portions[] = { 4, 4, 2, 0 };
	int64_t ca = rows_ca(fix.store).id;
	struct err err = ERR_INIT;
	long forgotten = -1;

	(void)state;
	for (int i = 0; i < 12; i++)
		write_one(ca, i, "x", (struct bucket){ i, NOW_MS + 11 - i });
	for (size_t i = 0; i < ARRAY_LEN(portions); i++) {
		assert_true(bucket_prune(fix.store, NOW_MS + 10, 4, &forgotten,
					 &err));
		assert_int_equal(forgotten, portions[i]);
		if (i == 0)
			holds(ca, 7, "x", (struct bucket){ 7, NOW_MS + 4 });
	}
	holds(ca, 2, "x", BUCKET_FULL);
	holds(ca, 1, "x", (struct bucket){ 1, NOW_MS + 10 });
	holds(ca, 0, "x", (struct bucket){ 0, NOW_MS + 11 });
	assert_true(bucket_prune(fix.store, INT64_MAX, 9, NULL, &err));
	holds(ca, 0, "x", BUCKET_FULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_STORE(without_a_row_it_is_full),
		IN_A_STORE(each_is_kept_apart),
		IN_A_STORE(the_last_word_counts),
		IN_A_STORE(what_is_rolled_back_was_never_spent),
		IN_A_STORE(no_bucket_without_its_ca),
		IN_A_STORE(the_accounts_own_are_listed),
		IN_A_STORE(a_damaged_row_is_passed_over),
		IN_A_STORE(the_oldest_go_first_in_portions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
