#include "daemon/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

struct setting {
	const char *host_name;
	const char *address[2];
	enum domain_state state;
	const char *rua;
};

static void make(struct records *r, const struct setting *s)
{
	struct domain_facts facts = {
		.domain = { .name = "example.org", .state = s->state },
		.has_policy = true,
		.policy = { .sts_id = "20261123T201500Z" },
	};
	struct config config = { .state_dir = "" };
	size_t *count = &config.engine.address_count;

	snprintf(config.host_name, sizeof(config.host_name), "%s",
		 s->host_name);
	for (size_t i = 0; i < 2 && s->address[i]; i++)
		snprintf(config.engine.address[(*count)++], DNS_ADDRESS_TEXT,
			 "%s", s->address[i]);
	snprintf(facts.domain.rua, sizeof(facts.domain.rua), "%s", s->rua);
	records_make(r, &facts, &config);
}

static void the_delegated_form_comes_first(void **state)
{
	static const struct {
		const char *line;
		enum record_when when;
	} expected[] = {
		{ "mta-sts.example.org. 3600 IN CNAME sts.host.example.",
		  RECORD_NOW },
		{ "mta-sts.example.org. 3600 IN A 192.0.2.1", RECORD_INSTEAD },
		{ "mta-sts.example.org. 3600 IN AAAA 2001:db8::1",
		  RECORD_INSTEAD },
		{ "_mta-sts.example.org. 3600 IN TXT "
		  "\"v=STSv1; id=20261123T201500Z;\"",
		  RECORD_ONCE_LIVE },
		{ "_smtp._tls.example.org. 3600 IN TXT \"v=TLSRPTv1; "
		  "rua=mailto:a@example.org,https://r.example/x\"",
		  RECORD_NOW },
	};
	struct records r;

	(void)state;
	make(&r, &(struct setting){
			 .host_name = "sts.host.example",
			 .address = { "192.0.2.1", "2001:db8::1" },
			 .state = DOMAIN_ISSUING,
			 .rua = "mailto:a@example.org,https://r.example/x",
		 });
	assert_int_equal(r.count, ARRAY_LEN(expected));
	for (size_t i = 0; i < r.count; i++) {
		char *line = record_zone_line(&r.item[i]);

		assert_string_equal(line, expected[i].line);
		assert_int_equal(r.item[i].when, expected[i].when);
		free(line);
	}
	records_release(&r);
}

static void without_a_host_name_addresses_are_published(void **state)
{
	struct records r;

	(void)state;
	make(&r, &(struct setting){ .host_name = "",
				    .address = { "192.0.2.1" },
				    .state = DOMAIN_LIVE,
				    .rua = "" });
	assert_int_equal(r.count, 2);
	assert_string_equal(r.item[0].type, "A");
	assert_int_equal(r.item[0].when, RECORD_NOW);
	assert_string_equal(r.item[1].name, "_mta-sts.example.org");
	assert_int_equal(r.item[1].when, RECORD_NOW);
	records_release(&r);
}

/* RFC 1035, 3.3: a character-string holds 255 octets. */
static void long_texts_are_cut_and_quoted(void **state)
{
	struct record r = { .name = "x.example.org", .type = "TXT" };
	char value[300], *line;

	(void)state;
	memset(value, 'a', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	value[0] = '"';
	value[1] = '\\';
	r.value = value;
	line = record_zone_line(&r);
	assert_true(str_starts(line, "x.example.org. 3600 IN TXT "
				     "\"\\\"\\\\aaa"));
	assert_ptr_equal(strstr(line, "a\" \"a"),
			 strchr(line, '"') + 1 + 255 + 2 - 1);
	assert_true(str_ends(line, "a\""));
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_delegated_form_comes_first),
		cmocka_unit_test(without_a_host_name_addresses_are_published),
		cmocka_unit_test(long_texts_are_cut_and_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
