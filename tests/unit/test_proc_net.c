/* Who listens: lines of /proc/net/tcp, and whom they get in the way of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/proc_net.h"

/* As x86 and arm write them: each four bytes are a number of the machine. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOCALHOST  "0100007F"
#define LOCALHOST6 "00000000000000000000000001000000"
#else
#define LOCALHOST  "7F000001"
#define LOCALHOST6 "00000000000000000000000000000001"
#endif
#define ANY  "00000000"
#define ANY6 "00000000000000000000000000000000"
#define REST                                                                   \
	" 00000000:00000000 00:00000000 00000000   106        0 7183 1 "       \
	"0000000000000000 100 0 0 10 0\n"

static const struct {
	const char *line;
	bool is_v6, listens;
	const char *address; /* of ours */
	bool is_in_way;
} cases[] = {
	{ "   0: " ANY ":01BB 00000000:0000 0A" REST, false, true,
	  "0.0.0.0:443", true },
	{ "   0: " ANY ":01BB 00000000:0000 0A" REST, false, true,
	  "192.0.2.1:443", true },
	{ "   0: " ANY ":01BB 00000000:0000 0A" REST, false, true, "0.0.0.0:80",
	  false },
	{ "   0: " ANY ":01BB 00000000:0000 0A" REST, false, true, "[::]:443",
	  false },
	{ "  12: " LOCALHOST ":0050 00000000:0000 0A" REST, false, true,
	  "0.0.0.0:80", true },
	{ "  12: " LOCALHOST ":0050 00000000:0000 0A" REST, false, true,
	  "127.0.0.1:80", true },
	{ "  12: " LOCALHOST ":0050 00000000:0000 0A" REST, false, true,
	  "192.0.2.1:80", false },
	{ "   1: " ANY6 ":01BB " ANY6 ":0000 0A" REST, true, true,
	  "[2001:db8::1]:443", true },
	/* Apache and others: [::] for IPv4, too. */
	{ "   1: " ANY6 ":01BB " ANY6 ":0000 0A" REST, true, true,
	  "0.0.0.0:443", true },
	{ "   1: " LOCALHOST6 ":01BB " ANY6 ":0000 0A" REST, true, true,
	  "0.0.0.0:443", false },
	{ "   1: " LOCALHOST6 ":01BB " ANY6 ":0000 0A" REST, true, true,
	  "[::1]:443", true },
	/* connected; a head; the other file; cut off */
	{ "   0: " ANY ":01BB 00000000:0000 01" REST, false, false, NULL,
	  false },
	{ "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
	  false, false, NULL, false },
	{ "   0: " ANY ":01BB 00000000:0000 0A" REST, true, false, NULL,
	  false },
	{ "   0: " ANY ":01BB 00000000:0000 0A 0000", false, false, NULL,
	  false },
	{ "", false, false, NULL, false },
};

static void a_line_says_who_listens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proc_listener l;

		print_message("%zu: %s\n", i, cases[i].line);
		assert_int_equal(
			proc_net_read(cases[i].line, cases[i].is_v6, &l),
			cases[i].listens);
		if (!cases[i].listens)
			continue;
		assert_int_equal(l.inode, 7183);
		assert_int_equal(proc_net_is_in_way(&l, cases[i].address),
				 cases[i].is_in_way);
	}
}

static void a_port_stands_behind_the_last_colon(void **state)
{
	(void)state;
	assert_int_equal(proc_net_port("0.0.0.0:443"), 443);
	assert_int_equal(proc_net_port("[2001:db8::1]:80"), 80);
	assert_int_equal(proc_net_port("443"), 0);
	assert_int_equal(proc_net_port("a:99999"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_who_listens),
		cmocka_unit_test(a_port_stands_behind_the_last_colon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
