/* What the resolvers may say, and whether that means "here". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "acme/arrival.h"
#include "base/mem.h"

/*
 * One word a view: its A and its AAAA with "/" between. "-" no such name,
 * "0" no such record, "!" no answer, else addresses with "," between.
 */
static const struct {
	const char *views[DNS_SERVERS_MAX];
	bool leads_here;
	const char *reason;	/* in the text or the hint */
} cases[] = {
	/* two that agree */
	{ { "192.0.2.1/0", "192.0.2.1/0" }, true, NULL },
	{ { "0/2001:db8::1", "0/2001:db8::1" }, true, NULL },
	{ { "192.0.2.1/2001:db8::1", "192.0.2.1/2001:DB8::1" }, true, NULL },
	{ { "192.0.2.1,192.0.2.2/0", "192.0.2.2/0" }, true, NULL },
	{ { "192.0.2.1/0", "!/!", "192.0.2.1/0" }, true, NULL },

	/* the only one configured */
	{ { "192.0.2.1/0" }, true, NULL },
	{ { "-/-" }, false, "does not exist in DNS yet" },
	{ { "!/!" }, false, "did not answer" },

	/* not there yet */
	{ { "-/-", "-/-" }, false, "domain records example.org" },
	{ { "0/0", "0/0" }, false, "neither an A nor an AAAA" },
	{ { "192.0.2.1/0", "-/-" }, false, "does not exist" },
	{ { "-host.example/-host.example" },
	  false,
	  "mta-sts.example.org is a CNAME to host.example, which does not "
	  "exist "
	  "(asked" },
	{ { "0host.example/0host.example" },
	  false,
	  "is a CNAME to host.example, which has neither" },
	{ { "-host.example/-" },
	  false,
	  "give host.example the A and AAAA records of this box" },
	{ { "-/-", "192.0.2.1/0" }, false, "does not exist" },

	/* elsewhere, in part or whole */
	{ { "198.51.100.7/0", "198.51.100.7/0" }, false, "198.51.100.7" },
	{ { "192.0.2.1,198.51.100.7/0", "192.0.2.1/0" },
	  false,
	  "A record 198.51.100.7" },
	{ { "192.0.2.1/2001:db8::bad", "192.0.2.1/0" },
	  false,
	  "AAAA record 2001:db8::bad" },
	{ { "192.0.2.1/0", "198.51.100.7/0" }, false, "public_addresses" },
	{ { "198.51.100.7/2001:db8::bad", "192.0.2.1/0" },
	  false,
	  "has the A record 198.51.100.7, the AAAA record 2001:db8::bad, which "
	  "are not this box" },
	{ { "198.51.100.7,192.0.2.1,198.51.100.8/2001:db8::1", "!/!" },
	  false,
	  "the A record 198.51.100.7, the A record 198.51.100.8, which are" },
	{ { "198.51.100.7/0" }, false, "198.51.100.7, which is not this box" },

	/* no answer worth the name */
	{ { "192.0.2.1/0", "!/!" }, false, "did not answer (timeout)" },
	{ { "192.0.2.1/!", "192.0.2.1/0" }, false, "did not answer" },
	{ { "!/0", "!/0" }, false, "resolvers key" },
	{ { NULL }, false, "no resolver" },
};

static void read_family(struct dns_addresses *out, const char *word, size_t len)
{
	char text[200], *save, *one;

	snprintf(text, sizeof(text), "%.*s", (int)len, word);
	out->outcome = text[0] == '-'	? DNS_NO_NAME
		       : text[0] == '!' ? DNS_FAILED
		       : text[0] == '0' ? DNS_NO_RECORD
					: DNS_FOUND;
	if (out->outcome == DNS_NO_NAME || out->outcome == DNS_NO_RECORD)
		snprintf(out->alias, sizeof(out->alias), "%s", text + 1);
	if (out->outcome == DNS_FAILED)
		strcpy(out->problem, "timeout");
	if (out->outcome != DNS_FOUND)
		return;
	for (one = strtok_r(text, ",", &save); one;
	     one = strtok_r(NULL, ",", &save))
		snprintf(out->address[out->count++], DNS_ADDRESS_TEXT, "%s",
			 one);
}

static struct dns_answer answer_of(const char *const *views)
{
	struct dns_answer a = { .count = 0 };

	for (; a.count < DNS_SERVERS_MAX && views[a.count]; a.count++) {
		struct dns_view *v = &a.view[a.count];
		const char *word = views[a.count];
		size_t slash = strcspn(word, "/");

		snprintf(v->server, sizeof(v->server), "192.0.2.53:53");
		read_family(&v->a, word, slash);
		read_family(&v->aaaa, word + slash + 1, strlen(word));
	}
	return a;
}

static const struct engine_settings ours = {
	.address = { "192.0.2.1", "192.0.2.2", "2001:db8::1" },
	.address_count = 3,
};

static void names_lead_here_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_answer answer = answer_of(cases[i].views);
		struct err err = ERR_INIT;
		bool ok = arrival_leads_here("mta-sts.example.org", &answer,
					     &ours, &err);

		print_message("%zu: %s (%s)\n", i, err.text, err.hint);
		assert_int_equal(ok, cases[i].leads_here);
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_AGAIN);
		if (cases[i].reason)
			assert_true(strstr(err.text, cases[i].reason) ||
				    strstr(err.hint, cases[i].reason));
	}
}

/* The longest names and lists: cut, perhaps, but whole as strings. */
static void long_names_do_no_harm(void **state)
{
	struct engine_settings s = { .address_count = ENGINE_ADDRESS_LIMIT };
	const char *const elsewhere[] = { "198.51.100.7/0", NULL };
	struct dns_answer answer = answer_of(elsewhere);
	struct err err = ERR_INIT;
	char host[DOMAIN_NAME_SIZE];

	(void)state;
	memset(host, 'h', DOMAIN_NAME_MAX);
	host[DOMAIN_NAME_MAX] = '\0';
	for (size_t i = 0; i < s.address_count; i++)
		strcpy(s.address[i], "2001:db8:1111:2222:3333:4444:5555:6666");
	assert_false(arrival_leads_here(host, &answer, &s, &err));
	assert_non_null(strstr(err.text, "198.51.100.7"));
	assert_non_null(strstr(err.hint, "public_addresses"));
}

/* As many as there may be: the first ones, and how many are left out. */
static void many_strangers_are_counted(void **state)
{
	struct dns_answer answer = { .count = 1 };
	struct dns_view *v = &answer.view[0];
	struct err err = ERR_INIT;
	char host[DOMAIN_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < DNS_ADDRESSES_MAX; i++) {
		snprintf(v->a.address[i], DNS_ADDRESS_TEXT, "198.51.100.%zu",
			 100 + i);
		snprintf(v->aaaa.address[i], DNS_ADDRESS_TEXT,
			 "2001:db8:1111:2222:3333:4444:5555:66%zu", 10 + i);
	}
	v->a.count = v->aaaa.count = DNS_ADDRESSES_MAX;
	memset(host, 'h', DOMAIN_NAME_MAX);
	host[DOMAIN_NAME_MAX] = '\0';
	assert_false(arrival_leads_here(host, &answer, &ours, &err));
	print_message("%s\n", err.text);
	assert_non_null(strstr(err.text, "the A record 198.51.100.100, the A "
					 "record 198.51.100.101, "));
	assert_non_null(strstr(err.text, " and 25 more, which are not this box"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_here_or_not),
		cmocka_unit_test(long_names_do_no_harm),
		cmocka_unit_test(many_strangers_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
