#include "httpd/broken.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/mem.h"

static struct peers *peers;
static struct broken *broken;

/* 10.x.y.z, by a number. */
static struct sockaddr_in at(unsigned number)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(0x0a000000 +
							      number) };
}

static void breaks_off(unsigned number, unsigned times, int64_t now_ms)
{
	struct sockaddr_in address = at(number);

	while (times-- > 0)
		broken_add(broken, peer_of((struct sockaddr *)&address),
			   now_ms);
}

static bool is_away(unsigned number, int64_t now_ms)
{
	struct sockaddr_in address = at(number);

	return broken_turns_away(broken, (struct sockaddr *)&address, now_ms);
}

static int four_a_second(void **state)
{
	(void)state;
	peers = peers_new(0);
	broken = broken_new(4, peers);
	return 0;
}

static int any_number(void **state)
{
	(void)state;
	peers = peers_new(0);
	broken = broken_new(0, peers);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	broken_free(broken);
	peers_free(peers);
	return 0;
}

static void ten_seconds_of_them_may_come_at_once(void **state)
{
	(void)state;
	breaks_off(1, 39, 5000);
	assert_false(is_away(1, 5000));
	breaks_off(1, 1, 5000);
	assert_true(is_away(1, 5000));
	assert_false(is_away(2, 5000));
}

static void they_run_out(void **state)
{
	(void)state;
	breaks_off(1, 48, 5000);
	assert_true(is_away(1, 7000));
	assert_false(is_away(1, 7001)); /* 8 have run out, and some of one */
	breaks_off(1, 1, 7001);
	assert_true(is_away(1, 7001));
	breaks_off(1, 39, 1000000); /* nothing was saved up either */
	assert_false(is_away(1, 1000000));
	breaks_off(1, 1, 1000000);
	assert_true(is_away(1, 1000000));
}

static void who_keeps_its_pace_stays(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 1000000; ms += 250) {
		breaks_off(1, 1, ms);
		assert_false(is_away(1, ms));
	}
}

static void there_may_be_no_limit(void **state)
{
	(void)state;
	breaks_off(1, 100000, 1);
	assert_false(is_away(1, 1));
}

/* Who owes much is known for as long, whoever else comes. */
static void the_many_do_not_hide_the_one(void **state)
{
	(void)state;
	breaks_off(0, 40, 1);
	for (unsigned i = 1; i < 20 * BROKEN_SLOTS; i++)
		breaks_off(i, 1, 1);
	assert_true(is_away(0, 1));
	assert_false(is_away(20 * BROKEN_SLOTS - 1, 1));
}

static void only_the_internet_is_counted(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)state;
	for (int i = 0; i < 1000; i++)
		broken_add(broken, peer_of((struct sockaddr *)&un), 1);
	assert_false(broken_turns_away(broken, (struct sockaddr *)&un, 1));
	assert_false(broken_turns_away(broken, NULL, 1));
}

#define FOUR(test)                                                             \
	cmocka_unit_test_setup_teardown(test, four_a_second, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOUR(ten_seconds_of_them_may_come_at_once),
		FOUR(they_run_out),
		FOUR(who_keeps_its_pace_stays),
		FOUR(the_many_do_not_hide_the_one),
		FOUR(only_the_internet_is_counted),
		cmocka_unit_test_setup_teardown(there_may_be_no_limit,
						any_number, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
