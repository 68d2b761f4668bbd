/* Where a chain of CNAMEs leads, by what each of two resolvers says. */
#include "daemon/cname_chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define START  "_mta-sts.a.example"
#define TARGET "a.example._mta-sts.sts.example"
#define SILENT "?" /* no answer worth the name */

/* A link: of this name the two resolvers say that; NULL: no CNAME. */
struct link {
	const char *name, *one, *two;
};

static const struct {
	const char *what;
	struct link link[3];
	bool is_led, is_unsure;
	size_t asked;
} cases[] = {
	{ "no CNAME", { { START, NULL, NULL } }, false, false, 1 },
	{ "at once", { { START, TARGET, TARGET } }, true, false, 1 },
	{ "in any case",
	  { { START, "A.example._MTA-STS.sts.example", NULL } },
	  true,
	  false,
	  1 },
	{ "one resolver says so", { { START, NULL, TARGET } }, true, false, 1 },
	{ "elsewhere", { { START, "b", "b" } }, false, false, 2 },
	{ "by a name of the customer's",
	  { { START, "b", "b" }, { "b", TARGET, TARGET } },
	  true,
	  false,
	  2 },
	{ "by two, in one resolver's eyes",
	  { { START, "b", "c" }, { "b", NULL, NULL }, { "c", NULL, TARGET } },
	  true,
	  false,
	  3 },
	{ "a loop",
	  { { START, "b", "b" }, { "b", START, "B" } },
	  false,
	  false,
	  2 },
	{ "nobody answers", { { START, SILENT, SILENT } }, false, true, 1 },
	{ "one answers", { { START, SILENT, NULL } }, false, false, 1 },
	{ "nobody answers for the second",
	  { { START, "b", "b" }, { "b", SILENT, SILENT } },
	  false,
	  true,
	  2 },
};

static void see(struct dns_record_set *v, const char *said)
{
	v->outcome = DNS_NO_RECORD;
	if (!said)
		return;
	v->outcome = streq(said, SILENT) ? DNS_FAILED : DNS_FOUND;
	v->count = v->outcome == DNS_FOUND;
	str_copy(v->record[0].text, sizeof(v->record[0].text), said);
}

static void answer(const struct link *links, const char *name,
		   struct dns_records_answer *a)
{
	*a = (struct dns_records_answer){ .count = 2 };
	see(&a->view[0], NULL);
	see(&a->view[1], NULL);
	for (size_t i = 0; i < 3 && links[i].name; i++)
		if (streq(links[i].name, name)) {
			see(&a->view[0], links[i].one);
			see(&a->view[1], links[i].two);
		}
}

static void where_it_leads(void **state)
{
	static struct dns_records_answer a;
	const char *name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cname_chain c;

		print_message("%s\n", cases[i].what);
		cname_chain_begin(&c, START);
		while ((name = cname_chain_next(&c)) != NULL) {
			answer(cases[i].link, name, &a);
			cname_chain_take(&c, &a, TARGET);
		}
		assert_int_equal(c.is_led, cases[i].is_led);
		assert_int_equal(c.is_unsure, cases[i].is_unsure);
		assert_int_equal(c.asked, cases[i].asked);
	}
}

/* Who leads us on and on is not let go for it. */
static void an_endless_chain_ends(void **state)
{
	static struct dns_records_answer a;
	struct cname_chain c;
	size_t n = 0;

	(void)state;
	cname_chain_begin(&c, START);
	while (cname_chain_next(&c)) {
		char next[32];

		snprintf(next, sizeof(next), "n%zu.example", n++);
		a = (struct dns_records_answer){ .count = 1 };
		see(&a.view[0], next);
		cname_chain_take(&c, &a, TARGET);
	}
	assert_int_equal(n, CNAME_CHAIN_MAX);
	assert_false(c.is_led);
	assert_true(c.is_unsure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_leads),
		cmocka_unit_test(an_endless_chain_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
