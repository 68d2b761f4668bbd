/* Which mail addresses a CA is known to refuse. */
#include "policy/contact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"

#define LE "https://acme-v02.api.letsencrypt.org/directory"

static const struct {
	const char *contact, *directory;
	bool is_refused;
} cases[] = {
	{ "postmaster@example.org", LE, true },
	{ "me@EXAMPLE.com", LE, true },
	{ "me@mail.example.net", LE, true },
	{ "me@mail.example", LE, true },
	{ "me@a.test", LE, true },
	{ "me@a.invalid", LE, true },
	{ "root@localhost", LE, true },
	{ "me@a.test", "https://acme-staging-v02.api.LetsEncrypt.org/directory",
	  true },
	{ "me@a.test", "https://letsencrypt.org:443/directory", true },
	{ "me@notexample.org", LE, false },
	{ "me@example.org.uk", LE, false },
	{ "me@contest", LE, false },
	{ "example.org@shop.de", LE, false },
	{ "", LE, false },
	{ "me", LE, false },
	{ "me@a.test", "https://localhost:14000/dir", false },
	{ "me@a.test", "https://notletsencrypt.org/directory", false },
	{ "me@a.test", "https://letsencrypt.org.a.test/directory", false },
	{ "me@a.test", "https://ca.test/letsencrypt.org", false },
	{ "me@a.test", "", false },
};

static void examples_are_refused_by_lets_encrypt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s at %s\n", cases[i].contact,
			      cases[i].directory);
		assert_int_equal(contact_is_refused(cases[i].contact,
						    cases[i].directory),
				 cases[i].is_refused);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_refused_by_lets_encrypt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
