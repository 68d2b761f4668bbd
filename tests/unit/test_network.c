#include "base/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
	const char *network, *address;
	bool has;
} cases[] = {
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.1/32", "192.0.2.1", true },
	{ "192.0.2.0/25", "192.0.2.127", true },
	{ "192.0.2.0/25", "192.0.2.128", false },
	{ "192.0.2.128/31", "192.0.2.129", true },
	{ "192.0.2.128/31", "192.0.2.130", false },
	{ "0.0.0.0/0", "255.1.2.3", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "192.0.2.1", false },
	{ "::/0", "2001:db8::1", true },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::1", false },
	{ "2001:db8::8/125", "2001:db8::f", true },
	{ "2001:db8::8/125", "2001:db8::10", false },
	{ "2001:db8::1", "2001:db8::1", true },
	{ "2001:db8::1", "2001:db8::", false },
};

static void a_network_has_its_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct network n;
		struct ip ip;

		print_message("%s %s\n", cases[i].network, cases[i].address);
		assert_true(network_parse(cases[i].network, &n));
		assert_true(ip_parse(cases[i].address, &ip));
		assert_int_equal(network_has(&n, &ip), cases[i].has);
	}
}

static const char *const no_networks[] = {
	"",
	"/",
	"/8",
	"10.0.0.0/",
	"10.0.0.0/33",
	"10.0.0.0/-1",
	"10.0.0.0/8/8",
	"10.0.0.1/8", /* it has more than the network */
	"2001:db8::1/64",
	"2001:db8::/129",
	"10.0.0",
	"10.0.0.0 /8",
	"localhost",
	"::ffff:192.0.2.1",
	"::ffff:0:0/96",
	"[::1]",
	"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/9",
};

static void what_is_none_is_refused(void **state)
{
	struct network n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no_networks); i++) {
		print_message("%s\n", no_networks[i]);
		assert_false(network_parse(no_networks[i], &n));
	}
}

static void a_sockets_address_is_what_it_means(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct ip expected, ip;

	(void)state;
	inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr);
	assert_true(ip_parse("192.0.2.7", &expected));
	ip = ip_of((struct sockaddr *)&v6);
	assert_memory_equal(&ip, &expected, sizeof(ip));
	assert_int_equal(ip_of((struct sockaddr *)&un).family, 0);
	assert_int_equal(ip_of(NULL).family, 0);
}

static void the_other_end_has_a_name(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int door = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[IP_TEXT];

	(void)state;
	assert_true(streq(ip_of_peer(fd, text), "?"));
	assert_int_equal(bind(door, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(door, 1), 0);
	getsockname(door, (struct sockaddr *)&at, &size);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, size), 0);
	assert_true(streq(ip_of_peer(fd, text), "127.0.0.1"));
	close(fd);
	close(door);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_has_its_addresses),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(a_sockets_address_is_what_it_means),
		cmocka_unit_test(the_other_end_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
