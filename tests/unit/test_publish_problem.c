/* From what a program printed to what is wrong and what to do. */
#include "daemon/publish_problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define ENDED "/x ended with status 1"
#define HINT  "as before"

static const struct {
	const char *output, *text, *hint;
	bool is_hook;
} cases[] = {
	{ "", ENDED, HINT, false },
	{ "one\ntwo\n\n", ENDED ": two", HINT, false },
	{ "\033[31mred\n", ENDED ": \\x1b[31mred", HINT, false },
	{ "the provider: REFUSED\n", ENDED ": the provider: REFUSED", HINT,
	  true },

	/* knsupdate */
	{ ";; ->>HEADER<<- opcode: UPDATE; status: BADSIG; id: 8749\n"
	  ";; ERROR: reply verification (failed to verify TSIG)\n",
	  "BADSIG", "publish_key_file", false },
	{ ";; ERROR: reply verification (expected a TSIG or SIG(0))\n"
	  ";; ->>HEADER<<- opcode: UPDATE; status: NOTAUTH; id: 2\n",
	  "NOTAUTH", "delegate_zone", false },
	{ ";; WARNING: response timeout for 127.0.0.1@15354(UDP)\n",
	  "does not answer", "publish_server", false },
	{ ";; WARNING: can't connect to 127.0.0.1@1(TCP)\n",
	  "takes no connection", "publish_server", false },
	{ ";; ERROR: failed to parse keyfile 'gk'\n", "cannot be read as a key",
	  "algorithm:name:secret", false },

	/* nsupdate */
	{ "; TSIG error with server: tsig indicates error\n"
	  "update failed: NOTAUTH(BADKEY)\n",
	  "BADKEY", "publish_key_file", false },
	{ "update failed: REFUSED\n", "REFUSED", "update-policy", false },
	{ "; Communication with 127.0.0.1#1 failed: operation canceled\n",
	  "cannot be reached", "publish_server", false },
	{ "key:1: unknown option 'hmac-sha256:box.key:gAdz...'\n"
	  "could not read key from key.{private,key}: unexpected token\n"
	  "update failed: NOTAUTH\n",
	  "cannot be read as a key", "algorithm:name:secret", false },
	{ "; Communication with 192.0.2.1#53 failed: timed out\n",
	  "does not answer", "publish_server", false },
	{ "; Communication with 127.0.0.1#1 failed: connection refused\n",
	  "takes no connection", "publish_server", false },
};

static void words_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_AGAIN, ENDED);
		err_hint(&err, HINT);
		publish_problem(cases[i].output, cases[i].is_hook, &err);
		print_message("%s (%s)\n", err.text, err.hint);
		assert_int_equal(err.kind, ERR_AGAIN);
		assert_non_null(strstr(err.text, cases[i].text));
		assert_non_null(strstr(err.hint, cases[i].hint));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
