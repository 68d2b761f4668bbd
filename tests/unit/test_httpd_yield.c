#include "httpd/yield.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

static struct peers *peers;
static struct yielders all;
static struct yielder some[3];

static const struct peer one = { AF_INET, 1 }, two = { AF_INET, 2 };

static int set_up(void **state)
{
	(void)state;
	yielders_init(&all, peers);
	for (size_t i = 0; i < ARRAY_LEN(some); i++) {
		some[i] = (struct yielder){ .who = &some[i],
					    .peer = i ? two : one };
		yield_from(&all, &some[i], (int64_t)i);
	}
	return 0;
}

static void nobody_goes_before_two_seconds(void **state)
{
	(void)state;
	assert_null(yield_first(&all, YIELD_MS - 1));
	assert_ptr_equal(yield_first(&all, YIELD_MS), &some[0]);
	yield_never(&all, &some[0]);
	yield_never(&all, &some[0]);
	assert_null(yield_first(&all, YIELD_MS));
	assert_ptr_equal(yield_first(&all, YIELD_MS + 1), &some[1]);
}

static void who_asks_is_the_last_again(void **state)
{
	(void)state;
	yield_from(&all, &some[0], 1000);
	assert_ptr_equal(yield_first(&all, 10000), &some[1]);
	yield_never(&all, &some[1]);
	yield_never(&all, &some[2]);
	assert_null(yield_first(&all, 1000 + YIELD_MS - 1));
	assert_ptr_equal(yield_first(&all, 1000 + YIELD_MS), &some[0]);
	yield_never(&all, &some[0]);
	assert_null(yield_first(&all, 10000));
}

static void a_peer_has_its_own(void **state)
{
	(void)state;
	assert_null(yield_first_of(&all, two, YIELD_MS));
	assert_ptr_equal(yield_first_of(&all, one, YIELD_MS), &some[0]);
	assert_ptr_equal(yield_first_of(&all, two, 10000), &some[1]);
	assert_null(yield_first_of(&all, (struct peer){ AF_INET6, 2 }, 10000));
	yield_from(&all, &some[1], 9000);
	assert_ptr_equal(yield_first_of(&all, two, 10000), &some[2]);
	yield_never(&all, &some[2]);
	assert_null(yield_first_of(&all, two, 10000));
}

/* Many share a bucket; each is found, and no other. */
static void any_number_of_peers_may_be_there(void **state)
{
	static struct yielder many[3 * YIELD_BUCKETS];

	(void)state;
	yielders_init(&all, peers);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i].who = &many[i];
		many[i].peer = (struct peer){ AF_INET6, i };
		yield_from(&all, &many[i], 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		assert_ptr_equal(yield_first_of(&all, many[i].peer, YIELD_MS),
				 &many[i]);
}

static int make_peers(void **state)
{
	(void)state;
	peers = peers_new(0);
	return 0;
}

static int free_peers(void **state)
{
	(void)state;
	peers_free(peers);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_goes_before_two_seconds, set_up),
		cmocka_unit_test_setup(who_asks_is_the_last_again, set_up),
		cmocka_unit_test_setup(a_peer_has_its_own, set_up),
		cmocka_unit_test(any_number_of_peers_may_be_there),
	};

	return cmocka_run_group_tests(tests, make_peers, free_peers);
}
