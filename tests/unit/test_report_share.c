#include "daemon/report_share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define MAX 3

/* Of three policies the domains; "-" is missing, "!" no name, "T:" DANE. */
static const struct {
	const char *policy[MAX];
	const char *domain, *about;
	const char *mine; /* which of them, by number */
} cases[] = {
	{ { "a", "b", "a" }, "a", "a", "02" },
	{ { "a", "b", "a" }, "b", "a", "1" },
	{ { "a", "b" }, "c", "a", "" },
	{ { "-" }, "a", "a", "0" },
	{ { "!" }, "a", "a", "" },
	{ { "T:mx" }, "a", "a", "0" },
	{ { "T:mx" }, "mx", "a", "" },
	{ { "T:a" }, "a", "a", "0" },
	{ { "T:own", "T:mx", "a" }, "a", "a", "12" },
	{ { "T:own", "T:mx", "a" }, "own", "a", "0" },
	{ { NULL }, "a", "a", "" },

	{ { "a", "b", "-" }, "a", "", "0" },
	{ { "a", "a", "-" }, "a", "", "012" },
	{ { "-" }, "a", "", "" },
	{ { "a", "!" }, "a", "", "0" },
	{ { "T:mx" }, "mx", "", "0" },
};

static const struct report_names own = { { "own" }, 1, false };

static void make(struct tls_report *r, struct tls_report_policy p[MAX],
		 const char *const words[MAX])
{
	*r = (struct tls_report){ .policy = p };
	for (; r->policy_count < MAX && words[r->policy_count];
	     r->policy_count++) {
		struct tls_report_policy *one = &p[r->policy_count];
		const char *word = words[r->policy_count];

		*one = (struct tls_report_policy){ .domain_text = (char *)"" };
		if (strncmp(word, "T:", 2) == 0) {
			one->type = TLS_POLICY_TLSA;
			word += 2;
		}
		if (*word == '!')
			one->domain_text = (char *)"no name";
		else if (*word != '-')
			snprintf(one->domain, sizeof(one->domain), "%s", word);
	}
}

static void each_policy_is_somebodys(void **state)
{
	struct tls_report_policy p[MAX];
	struct tls_report r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct report_share *mine;
		struct report_shares s;
		size_t n;

		print_message("%zu\n", i);
		make(&r, p, cases[i].policy);
		report_shares_init(&s, &r, cases[i].about, &own);
		mine = report_shares_find(&s, cases[i].domain);
		n = mine ? mine->count : 0;
		assert_int_equal(n, strlen(cases[i].mine));
		for (size_t k = 0; k < n; k++)
			assert_int_equal(mine->policy[k],
					 cases[i].mine[k] - '0');
		report_shares_release(&s);
	}
}

/* Who is named first is stored first: so many domains and no more are. */
static void shares_come_as_the_report_names_them(void **state)
{
	static const char *const words[] = { "c", "a", "c" };
	struct tls_report_policy p[MAX];
	struct report_shares s;
	struct tls_report r;

	(void)state;
	make(&r, p, words);
	report_shares_init(&s, &r, "", &own);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.share[0].domain, "c");
	assert_int_equal(s.share[0].count, 2);
	assert_string_equal(s.share[1].domain, "a");
	report_shares_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_is_somebodys),
		cmocka_unit_test(shares_come_as_the_report_names_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
