#include "httpd/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/un.h>

#include "base/mem.h"

static struct peer peer_at(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return peer_of((struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return peer_of((struct sockaddr *)&v6);
}

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true },	/* one /64 */
	{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
	{ "::ffff:192.0.2.1", "192.0.2.1", true },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ "::", "0.0.0.0", false },
};

static void addresses_share_a_counter_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct peers *p = peers_new(1);

		print_message("%s and %s\n", pairs[i].a, pairs[i].b);
		assert_true(peers_enter(p, peer_at(pairs[i].a)));
		assert_int_equal(peers_enter(p, peer_at(pairs[i].b)),
				 !pairs[i].same);
		peers_free(p);
	}
}

static void the_limit_holds_and_room_comes_back(void **state)
{
	struct peers *p = peers_new(3);
	struct peer peer = peer_at("192.0.2.7");

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			assert_true(peers_enter(p, peer));
		assert_false(peers_enter(p, peer));
		assert_false(peers_enter(p, peer));
		for (int i = 0; i < 3; i++)
			peers_leave(p, peer);
	}
	peers_free(p);
}

static void leaving_without_entering_does_no_harm(void **state)
{
	struct peers *p = peers_new(1);
	struct peer peer = peer_at("192.0.2.7");

	(void)state;
	peers_leave(p, peer);
	peers_leave(p, (struct peer){ 0 });
	assert_true(peers_enter(p, peer));
	assert_false(peers_enter(p, peer));
	peers_free(p);
	peers_free(NULL);
}

static void no_limit_and_no_address_are_not_counted(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct peers *unlimited = peers_new(0), *one = peers_new(1);

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_true(peers_enter(unlimited, peer_at("192.0.2.1")));
		assert_true(peers_enter(
			one, peer_of((struct sockaddr *)&local)));
		assert_true(peers_enter(one, peer_of(NULL)));
	}
	peers_free(unlimited);
	peers_free(one);
}

/* More addresses than buckets: the chains are walked, and unhooked. */
static void many_addresses(void **state)
{
	enum { MANY = 20000 };
	struct peers *p = peers_new(1);
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			v4.sin_addr.s_addr = htonl(i);
			assert_true(peers_enter(
				p, peer_of((struct sockaddr *)&v4)));
			assert_false(peers_enter(
				p, peer_of((struct sockaddr *)&v4)));
		}
		for (uint32_t i = 0; i < MANY; i++) {
			v4.sin_addr.s_addr = htonl(i);
			peers_leave(p, peer_of((struct sockaddr *)&v4));
		}
	}
	peers_free(p);
}

static void *come_and_go(void *peers)
{
	struct peer peer = peer_at("2001:db8::1");

	for (int i = 0; i < 5000; i++)
		if (peers_enter(peers, peer))
			peers_leave(peers, peer);
	return NULL;
}

static void threads_share_the_counters(void **state)
{
	struct peers *p = peers_new(2);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go,
						p), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(peers_enter(p, peer_at("2001:db8::1")));
	assert_true(peers_enter(p, peer_at("2001:db8::1")));
	assert_false(peers_enter(p, peer_at("2001:db8::1")));
	peers_free(p);
}

static void each_holds_so_many_bytes(void **state)
{
	struct peers *p = peers_new(0);
	struct peer a = peer_at("192.0.2.1"), b = peer_at("2001:db8::1");

	(void)state;
	assert_false(peers_hold(p, a, 1, 100)); /* it has not entered */
	for (int i = 0; i < 2; i++)
		assert_true(peers_enter(p, a) && peers_enter(p, b));
	assert_true(peers_hold(p, a, 60, 100));
	assert_false(peers_hold(p, a, 41, 100));
	assert_true(peers_hold(p, a, 40, 100));
	assert_true(peers_hold(p, b, 100, 100));
	peers_let_go(p, a, 60);
	peers_leave(p, a); /* of two connections */
	assert_false(peers_hold(p, a, 61, 100));
	assert_true(peers_hold(p, a, 60, 100));
	peers_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_share_a_counter_or_not),
		cmocka_unit_test(the_limit_holds_and_room_comes_back),
		cmocka_unit_test(leaving_without_entering_does_no_harm),
		cmocka_unit_test(no_limit_and_no_address_are_not_counted),
		cmocka_unit_test(each_holds_so_many_bytes),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(threads_share_the_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
