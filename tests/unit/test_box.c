/* Frozen and thawed: what the box remembers of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/box.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static const struct box_freeze moving = {
	.since = ROWS_NOW,
	.actor = "alice (uid 1000)",
	.reason = "the move to box2",
};

static void assert_frozen_by(const char *actor, const char *reason)
{
	struct err err = ERR_INIT;
	struct box_freeze f;

	assert_true(box_is_frozen(fix.store));
	assert_true(box_freeze_read(fix.store, &f, &err));
	assert_int_equal(f.since, ROWS_NOW);
	assert_string_equal(f.actor, actor);
	assert_string_equal(f.reason, reason);
}

static void assert_thawed(void)
{
	struct err err = ERR_INIT;
	struct box_freeze f;

	assert_false(box_is_frozen(fix.store));
	assert_true(box_freeze_read(fix.store, &f, &err));
	assert_int_equal(f.since, 0);
}

static void it_stays_frozen_until_it_is_thawed(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_thawed();
	assert_true(box_freeze(fix.store, &moving, &err));
	assert_true(store_commit(fix.store, &err));
	store_close(fix.store);
	fix.store = scratch_store(fix.dir);
	assert_frozen_by("alice (uid 1000)", "the move to box2");
	assert_true(store_begin(fix.store, &err));
	assert_true(box_thaw(fix.store, &err));
	assert_thawed();
}

static void who_came_first_is_remembered(void **state)
{
	struct box_freeze again = { .since = ROWS_NOW + 60, .actor = "bob" };
	struct err err = ERR_INIT;

	(void)state;
	assert_true(box_freeze(fix.store, &moving, &err));
	assert_true(box_freeze(fix.store, &again, &err));
	assert_frozen_by("alice (uid 1000)", "the move to box2");
}

static void a_freeze_that_is_taken_back_never_was(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_true(box_freeze(fix.store, &moving, &err));
	store_rollback(fix.store);
	assert_thawed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_STORE(it_stays_frozen_until_it_is_thawed),
		IN_A_STORE(who_came_first_is_remembered),
		IN_A_STORE(a_freeze_that_is_taken_back_never_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
