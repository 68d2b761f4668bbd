#include "cli/auth_results.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define US "mx.us.test"

static const struct {
	const char *value, *author;
	enum auth_verdict verdict;
	const char *domain;
} cases[] = {
	/* As servers write it. */
	{ US "; dkim=pass header.d=google.com", "", AUTH_SIGNED, "google.com" },
	{ " " US ";\r\n\tdkim=pass (2048-bit key; unprotected)"
	  " header.d=Google.COM header.i=@google.com header.a=rsa-sha256"
	  " header.s=20230601 header.b=aB+/c=d=;\r\n\tspf=pass"
	  " smtp.mailfrom=\"x;y\"@google.com",
	  "google.com", AUTH_SIGNED, "google.com" },
	{ US ";\n       dkim=pass header.i=@google.com header.s=1 header.b=x;\n"
	     "       spf=pass (google.com: domain of a@google.com designates"
	     " 192.0.2.1 as permitted sender) smtp.mailfrom=a@google.com;\n"
	     "       dmarc=pass (p=REJECT sp=REJECT dis=NONE)"
	     " header.from=google.com",
	  "", AUTH_SIGNED, "google.com" },
	{ "MX.us.TEST; DKIM=Pass Header.D=a.example", "", AUTH_SIGNED,
	  "a.example" },
	{ US " 1; dkim=pass header.d=a.example", "", AUTH_SIGNED, "a.example" },
	{ "\"" US "\"; dkim/1 = pass (ok) header.d = \"a.example\"", "",
	  AUTH_SIGNED, "a.example" },
	{ "(it (is) \\) ours) " US "(1);dkim=pass header.d=a.example;", "",
	  AUTH_SIGNED, "a.example" },
	{ US "; dkim=pass reason=\"good; dkim=fail\" header.d=a.example", "",
	  AUTH_SIGNED, "a.example" },

	/* Several of them. */
	{ US "; dkim=fail header.d=a.example; dkim=pass header.d=b.example", "",
	  AUTH_SIGNED, "b.example" },
	{ US "; dkim=pass header.d=a.example; dkim=pass header.d=b.example",
	  "mail.b.example", AUTH_SIGNED, "b.example" },
	{ US "; dkim=pass header.d=a.example; dkim=pass header.d=b.example",
	  "xb.example", AUTH_SIGNED, "a.example" },

	/* None that held. */
	{ US "; none", "", AUTH_UNSIGNED, "" },
	{ US, "", AUTH_UNSIGNED, "" },
	{ US "; dkim=none", "", AUTH_UNSIGNED, "" },
	{ US "; dkim=fail header.d=google.com", "", AUTH_UNSIGNED, "" },
	{ US "; dkim=pass", "", AUTH_UNSIGNED, "" },
	{ US "; dkim=pass header.d=not_a_name", "", AUTH_UNSIGNED, "" },
	{ US "; spf=pass smtp.mailfrom=a.example header.d=a.example", "",
	  AUTH_UNSIGNED, "" },
	{ US "; dkim-adsp=pass header.d=a.example", "", AUTH_UNSIGNED, "" },
	{ US "; dkim/2=pass header.d=a.example", "", AUTH_UNSIGNED, "" },
	{ US " 2; dkim=pass header.d=a.example", "", AUTH_UNSIGNED, "" },
	{ US "; spf=fail (dkim=pass header.d=a.example)", "", AUTH_UNSIGNED,
	  "" },
	{ US "; spf=fail smtp.mailfrom=\"x; dkim=pass header.d=a.example\"", "",
	  AUTH_UNSIGNED, "" },
	{ US "; dkim=pass (header.d=a.example", "", AUTH_UNSIGNED, "" },
	{ US "; dkim=pass header.d=a.example; \"", "", AUTH_UNSIGNED, "" },
	{ US "; dkim=pass header.d=\"a.example", "", AUTH_UNSIGNED, "" },

	/* Not ours. */
	{ "mx.them.test; dkim=pass header.d=a.example", "", AUTH_OTHER, "" },
	{ US ".them.test; dkim=pass header.d=a.example", "", AUTH_OTHER, "" },
	{ "(" US "); dkim=pass header.d=a.example", "", AUTH_OTHER, "" },
	{ "dkim=pass header.d=a.example", "", AUTH_OTHER, "" },
	{ "((((((((((((((((((((" US "; dkim=pass header.d=a.example", "",
	  AUTH_OTHER, "" },
	{ "", "", AUTH_OTHER, "" },
};

static void verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char domain[DOMAIN_NAME_SIZE] = "x";

		print_message("%s\n", cases[i].value);
		assert_int_equal(auth_results_read(cases[i].value, US,
						   cases[i].author, domain),
				 cases[i].verdict);
		assert_string_equal(domain, cases[i].domain);
	}
}

/* Each beginning of each: no byte behind the end is looked at (ASan). */
static void cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t len = 0; len < strlen(cases[i].value); len++) {
			char *cut = xstrndup(cases[i].value, len);
			char domain[DOMAIN_NAME_SIZE];

			auth_results_read(cut, US, "", domain);
			free(cut);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
