/*
 * Transactions that do not wait for the disk: what a loss of power takes back,
 * what it cannot, and what comes of a sync that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/log.h"
#include "store/domain.h"
#include "store/health.h"
#include "store/store.h"
#include "tests/sim/disk.h"
#include "tests/sim/scratch.h"

#define SEEDS 40

struct box {
	struct disk *disk;
	struct store_options options;
	struct store *store;
};

static void open_store(struct box *b)
{
	struct err err = ERR_INIT;

	b->options = (struct store_options){ .dir = "box",
					     .vfs = disk_vfs(b->disk) };
	b->store = store_open(&b->options, &err);
	must(b->store, &err);
}

static struct box box_new(uint64_t seed)
{
	struct box b = { .disk = disk_new(seed) };

	open_store(&b);
	return b;
}

static void box_free(struct box *b)
{
	store_close(b->store);
	disk_free(b->disk);
}

static bool write_name(struct box *b, const char *name, bool waits)
{
	struct err err = ERR_INIT;
	struct domain d = { .created_at = 1 };

	snprintf(d.name, sizeof(d.name), "%s", name);
	if (!(waits ? store_begin(b->store, &err)
		    : store_begin_async(b->store, &err)))
		return false;
	must(domain_insert(b->store, &d, &err), &err);
	return store_commit(b->store, &err);
}

/* Each file that is open hears of the failure once, and fails for it. */
static bool write_at_last(struct box *b, const char *name)
{
	bool ok = false;

	for (int tries = 0; !ok && tries < 3; tries++)
		ok = write_name(b, name, true);
	return ok;
}

static bool has(struct box *b, const char *name)
{
	struct domain d;

	return domain_by_name(b->store, name, &d, NULL);
}

static void sync_now(struct box *b)
{
	struct err err = ERR_INIT;
	int64_t written = store_written(b->store);

	must(store_sync(b->store, &err), &err);
	store_synced(b->store, written);
}

static void lose_power(struct box *b)
{
	disk_kill(b->disk);
	store_close(b->store);
	disk_lose_power(b->disk);
	disk_start(b->disk);
	open_store(b);
}

/* ---- what is promised ---- */

static void it_is_seen_at_once_and_lost_with_the_power(void **state)
{
	unsigned lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		assert_true(write_name(&b, "kept.example", true));
		assert_true(store_is_durable(b.store));
		assert_true(write_name(&b, "lost.example", false));
		assert_false(store_is_durable(b.store));
		assert_true(has(&b, "lost.example"));
		lose_power(&b);
		assert_true(has(&b, "kept.example"));
		lost += !has(&b, "lost.example");
		box_free(&b);
	}
	assert_in_range(lost, 1, SEEDS);
}

static void a_sync_keeps_it(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		assert_true(write_name(&b, "kept.example", false));
		sync_now(&b);
		assert_true(store_is_durable(b.store));
		lose_power(&b);
		assert_true(has(&b, "kept.example"));
		box_free(&b);
	}
}

static void one_that_waits_keeps_those_before_it(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		assert_true(write_name(&b, "first.example", false));
		assert_true(write_name(&b, "second.example", true));
		assert_true(store_is_durable(b.store));
		lose_power(&b);
		assert_true(has(&b, "first.example"));
		assert_true(has(&b, "second.example"));
		box_free(&b);
	}
}

/* It was asked for before the last one was written. */
static void a_sync_says_nothing_of_what_came_after(void **state)
{
	struct box b = box_new(1);
	int64_t written;

	(void)state;
	assert_true(write_name(&b, "first.example", false));
	written = store_written(b.store);
	assert_true(write_name(&b, "second.example", false));
	store_synced(b.store, written);
	assert_false(store_is_durable(b.store));
	store_synced(b.store, store_written(b.store));
	store_synced(b.store, written); /* late */
	assert_true(store_is_durable(b.store));
	box_free(&b);
}

static void nothing_written_is_nothing_to_wait_for(void **state)
{
	struct box b = box_new(1);
	struct err err = ERR_INIT;

	(void)state;
	assert_true(store_begin_async(b.store, &err));
	assert_true(store_commit(b.store, &err));
	assert_true(store_is_durable(b.store));
	box_free(&b);
}

/* ---- a sync that fails ---- */

static void until_it_is_settled_nothing_is_begun(void **state)
{
	struct box b = box_new(1);
	struct err err = ERR_INIT;

	(void)state;
	assert_true(write_name(&b, "doubtful.example", false));
	disk_set_broken(b.disk, true);
	assert_false(store_sync(b.store, &err));
	assert_string_not_equal(err.text, "");
	store_sync_failed(b.store);
	assert_false(store_is_durable(b.store));
	assert_false(write_name(&b, "next.example", false));
	assert_false(write_name(&b, "next.example", true));
	disk_set_broken(b.disk, false);
	assert_true(write_name(&b, "next.example", false));
	lose_power(&b);
	assert_true(has(&b, "doubtful.example"));
	box_free(&b);
}

static void lose_power_and_check(struct box *b)
{
	struct err err = ERR_INIT;

	lose_power(b);
	must(store_check(&b->options, STORE_STATE_DB, NULL, NULL, &err), &err);
}

static void sync_fails(struct box *b)
{
	disk_fail_sync(b->disk);
	assert_false(store_sync(b->store, NULL));
	store_sync_failed(b->store);
	assert_false(store_is_durable(b->store));
}

/* What no later sync would write is written anew. */
static void it_is_settled_by_writing_it_anew(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		assert_true(write_name(&b, "doubtful.example", false));
		sync_fails(&b);
		store_synced(b.store, store_written(b.store));
		assert_false(store_is_durable(b.store));
		assert_true(store_settle(b.store, &err));
		assert_true(store_is_durable(b.store));
		assert_true(write_at_last(&b, "next.example"));
		lose_power_and_check(&b);
		assert_true(has(&b, "doubtful.example"));
		assert_true(has(&b, "next.example"));
		box_free(&b);
	}
}

/* SQLite takes back what failed; what went before is lost without a word. */
static void a_commit_that_fails_puts_those_before_it_in_doubt(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		assert_true(write_name(&b, "first.example", false));
		disk_fail_sync(b.disk);
		assert_false(write_name(&b, "second.example", true));
		assert_false(store_is_durable(b.store));
		assert_true(write_at_last(&b, "third.example"));
		lose_power_and_check(&b);
		assert_true(has(&b, "first.example"));
		assert_true(has(&b, "third.example"));
		box_free(&b);
	}
}

static void fill(struct box *b, const char *what, int count, bool waits)
{
	struct err err = ERR_INIT;

	must(waits ? store_begin(b->store, &err)
		   : store_begin_async(b->store, &err), &err);
	for (int i = 0; i < count; i++) {
		struct domain d = { .created_at = 1 };

		snprintf(d.name, sizeof(d.name), "%s%d.example", what, i);
		must(domain_insert(b->store, &d, &err), &err);
	}
	must(store_commit(b->store, &err), &err);
}

/* A log with a hole, over a database with what was behind it: damaged. */
static void what_is_in_doubt_is_not_copied(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		fill(&b, "a", 60 + (int)seed, true);
		must(store_checkpoint(b.store, &err), &err);
		fill(&b, "b", 1, true);
		fill(&b, "c", 30, false);
		sync_fails(&b);
		must(store_checkpoint(b.store, &err), &err);
		lose_power_and_check(&b);
		assert_true(has(&b, "b0.example"));
		box_free(&b);
	}
}

static void a_copy_that_meets_the_failure_copies_nothing(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		fill(&b, "a", 60 + (int)seed, true);
		must(store_checkpoint(b.store, &err), &err);
		fill(&b, "b", 1, true);
		fill(&b, "c", 30, false);
		disk_fail_sync(b.disk);
		assert_false(store_checkpoint(b.store, &err));
		lose_power_and_check(&b);
		assert_true(has(&b, "b0.example"));
		box_free(&b);
	}
}

static void be_killed(struct box *b)
{
	disk_kill(b->disk);
	store_close(b->store);
	disk_start(b->disk);
	open_store(b);
}

/* The one that comes after it has heard of no failure. */
static void what_a_former_process_failed_to_write_is_written_anew(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct box b = box_new(seed);

		assert_true(write_name(&b, "doubtful.example", false));
		disk_fail_sync(b.disk);
		assert_false(store_sync(b.store, NULL));
		be_killed(&b);
		assert_true(has(&b, "doubtful.example"));
		assert_true(write_name(&b, "next.example", true));
		lose_power_and_check(&b);
		assert_true(has(&b, "next.example"));
		box_free(&b);
	}
}

/* The last one out copies the log: not one with a hole. */
static void what_is_in_doubt_is_not_copied_at_the_end(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (uint64_t seed = 0; seed < 4 * SEEDS; seed++) {
		struct box b = box_new(seed);

		fill(&b, "a", 60 + (int)seed, true);
		must(store_checkpoint(b.store, &err), &err);
		fill(&b, "b", 1, true);
		fill(&b, "c", 30, false);
		sync_fails(&b);
		disk_set_fuse(b.disk, seed % 40 + 1);
		store_close(b.store);
		disk_kill(b.disk);
		disk_lose_power(b.disk);
		disk_set_fuse(b.disk, 0);
		disk_start(b.disk);
		open_store(&b);
		must(store_check(&b.options, STORE_STATE_DB, NULL, NULL, &err),
		     &err);
		assert_true(has(&b, "b0.example"));
		box_free(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_seen_at_once_and_lost_with_the_power),
		cmocka_unit_test(a_sync_keeps_it),
		cmocka_unit_test(one_that_waits_keeps_those_before_it),
		cmocka_unit_test(a_sync_says_nothing_of_what_came_after),
		cmocka_unit_test(nothing_written_is_nothing_to_wait_for),
		cmocka_unit_test(until_it_is_settled_nothing_is_begun),
		cmocka_unit_test(it_is_settled_by_writing_it_anew),
		cmocka_unit_test(
			what_a_former_process_failed_to_write_is_written_anew),
		cmocka_unit_test(what_is_in_doubt_is_not_copied_at_the_end),
		cmocka_unit_test(
			a_commit_that_fails_puts_those_before_it_in_doubt),
		cmocka_unit_test(what_is_in_doubt_is_not_copied),
		cmocka_unit_test(a_copy_that_meets_the_failure_copies_nothing),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
