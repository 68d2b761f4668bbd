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
	const char *zone; /* NULL: none */
	enum domain_leaving leaving;
	enum announce announce;
	bool collects;
};

static void make(struct records *r, const struct setting *s)
{
	struct domain_facts facts = {
		.domain = { .name = "example.org",
			    .report_token = "0123abcd",
			    .state = s->state,
			    .leaving = s->leaving },
		.has_policy = true,
		.policy = { .sts_id = "20261123T201500Z" },
		.announce = s->announce,
	};
	struct config config = { .state_dir = "" };
	size_t *count = &config.engine.address_count;

	snprintf(config.host_name, sizeof(config.host_name), "%s",
		 s->host_name);
	for (size_t i = 0; i < 2 && s->address[i]; i++)
		snprintf(config.engine.address[(*count)++], DNS_ADDRESS_TEXT,
			 "%s", s->address[i]);
	snprintf(config.publish.zone, sizeof(config.publish.zone), "%s",
		 s->zone ? s->zone : "");
	snprintf(facts.domain.rua, sizeof(facts.domain.rua), "%s", s->rua);
	config.collect_reports = s->collects;
	records_make(r, &facts, &config);
}

/* Those of the other host would be overwritten with ours. */
static void what_is_handed_over_has_none(void **state)
{
	struct setting s = { .host_name = "sts.host.example",
			     .address = { "192.0.2.1" },
			     .state = DOMAIN_LIVE,
			     .rua = "mailto:a@example.org",
			     .zone = "z.example",
			     .leaving = DOMAIN_HANDING_OVER,
			     .announce = ANNOUNCE_OK };
	struct records r;
	char *text;

	(void)state;
	make(&r, &s);
	assert_int_equal(r.count, 0);
	text = records_commands(&r);
	assert_string_equal(text, "; nothing is due now\n");
	free(text);
	records_release(&r);
	s.leaving = DOMAIN_REMOVING;
	make(&r, &s);
	assert_true(r.count > 0);
	records_release(&r);
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
		  RECORD_NOW },
		{ "_smtp._tls.example.org. 3600 IN TXT \"v=TLSRPTv1; "
		  "rua=mailto:a@example.org,https://r.example/x\"",
		  RECORD_NOW },
	};
	struct records r;

	(void)state;
	make(&r, &(struct setting){
			 .host_name = "sts.host.example",
			 .address = { "192.0.2.1", "2001:db8::1" },
			 .state = DOMAIN_LIVE,
			 .rua = "mailto:a@example.org,https://r.example/x",
			 .announce = ANNOUNCE_OK,
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
				    .rua = "",
				    .announce = ANNOUNCE_OK });
	assert_int_equal(r.count, 2);
	assert_string_equal(r.item[0].type, "A");
	assert_int_equal(r.item[0].when, RECORD_NOW);
	assert_string_equal(r.item[1].name, "_mta-sts.example.org");
	assert_int_equal(r.item[1].when, RECORD_NOW);
	records_release(&r);
}

/* Many senders use the first one only: ours. */
static void a_box_that_collects_says_where(void **state)
{
	static const char *const ruas[] = { "", "mailto:a@example.org" };
	struct setting s = { .host_name = "",
			     .state = DOMAIN_WAITING_FOR_DNS,
			     .collects = true };
	struct records r;
	char *expected;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ruas); i++) {
		s.rua = ruas[i];
		make(&r, &s);
		expected = xasprintf("v=TLSRPTv1; rua=https://mta-sts."
				     "example.org/tlsrpt/0123abcd%s%s",
				     *s.rua ? "," : "", s.rua);
		assert_string_equal(r.item[r.count - 1].name,
				    "_smtp._tls.example.org");
		assert_string_equal(r.item[r.count - 1].value, expected);
		assert_int_equal(r.item[r.count - 1].when, RECORD_NOW);
		free(expected);
		records_release(&r);
	}
}

static void with_a_zone_of_his_own_the_customer_sets_three_cnames(void **state)
{
	static const struct {
		const char *line;
		enum record_when when;
	} expected[] = {
		{ "mta-sts.example.org. 3600 IN CNAME sts.host.example.",
		  RECORD_NOW },
		{ "_mta-sts.example.org. 3600 IN CNAME "
		  "example.org._mta-sts.z.example.",
		  RECORD_NOW },
		{ "_smtp._tls.example.org. 3600 IN CNAME "
		  "example.org._tls.z.example.",
		  RECORD_NOW },
		{ "mta-sts.example.org. 3600 IN A 192.0.2.1", RECORD_INSTEAD },
		{ "_mta-sts.example.org. 3600 IN TXT "
		  "\"v=STSv1; id=20261123T201500Z;\"",
		  RECORD_INSTEAD },
	};
	struct records r;

	(void)state;
	make(&r, &(struct setting){ .host_name = "sts.host.example",
				    .address = { "192.0.2.1" },
				    .state = DOMAIN_LIVE,
				    .rua = "",
				    .zone = "z.example",
				    .announce = ANNOUNCE_OK });
	assert_int_equal(r.count, ARRAY_LEN(expected));
	for (size_t i = 0; i < r.count; i++) {
		char *line = record_zone_line(&r.item[i]);

		assert_string_equal(line, expected[i].line);
		assert_int_equal(r.item[i].when, expected[i].when);
		free(line);
	}
	records_release(&r);
}

/* In no form, neither as it is, nor instead of a CNAME. */
static void what_tells_of_the_policy_waits(void **state)
{
	static const struct {
		enum announce is;
		bool may;
	} rows[] = {
		{ ANNOUNCE_NO_CERTIFICATE, false },
		{ ANNOUNCE_UNTRUSTED, false },
		{ ANNOUNCE_UNSEEN, false },
		{ ANNOUNCE_NOT_FROM_HERE, true },
		{ ANNOUNCE_OK, true },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct records r;
		size_t found = 0;

		make(&r, &(struct setting){ .host_name = "sts.host.example",
					    .state = DOMAIN_LIVE,
					    .rua = "mailto:a@example.org",
					    .zone = i % 2 ? "z.example" : NULL,
					    .announce = rows[i / 2].is });
		for (size_t k = 0; k < r.count; k++)
			found += str_starts(r.item[k].value, "v=STSv1");
		assert_int_equal(found, rows[i / 2].may);
		assert_true(r.count > 1);
		records_release(&r);
	}
}

/* What would stand beside it goes first; what is not due is not there. */
static void commands_do_what_is_due(void **state)
{
	static const struct {
		struct setting setting;
		const char *commands;
	} rows[] = {
		{ { .host_name = "sts.host.example",
		    .address = { "192.0.2.1" },
		    .state = DOMAIN_ISSUING,
		    .rua = "" },
		  "update delete mta-sts.example.org.\n"
		  "update add mta-sts.example.org. 3600 CNAME "
		  "sts.host.example.\n"
		  "send\n" },
		{ { .host_name = "",
		    .address = { "192.0.2.1", "2001:db8::1" },
		    .state = DOMAIN_LIVE,
		    .rua = "mailto:a@example.org",
		    .announce = ANNOUNCE_OK },
		  "update delete mta-sts.example.org. CNAME\n"
		  "update delete mta-sts.example.org. A\n"
		  "update delete mta-sts.example.org. AAAA\n"
		  "update add mta-sts.example.org. 3600 A 192.0.2.1\n"
		  "update add mta-sts.example.org. 3600 AAAA 2001:db8::1\n"
		  "update delete _mta-sts.example.org. CNAME\n"
		  "update delete _mta-sts.example.org. TXT\n"
		  "update add _mta-sts.example.org. 3600 TXT "
		  "\"v=STSv1; id=20261123T201500Z;\"\n"
		  "update delete _smtp._tls.example.org. CNAME\n"
		  "update delete _smtp._tls.example.org. TXT\n"
		  "update add _smtp._tls.example.org. 3600 TXT "
		  "\"v=TLSRPTv1; rua=mailto:a@example.org\"\n"
		  "send\n" },
		{ { .host_name = "", .state = DOMAIN_ISSUING, .rua = "" },
		  "; nothing is due now\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct records r;
		char *text;

		make(&r, &rows[i].setting);
		text = records_commands(&r);
		assert_string_equal(text, rows[i].commands);
		free(text);
		records_release(&r);
	}
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
		cmocka_unit_test(what_is_handed_over_has_none),
		cmocka_unit_test(without_a_host_name_addresses_are_published),
		cmocka_unit_test(a_box_that_collects_says_where),
		cmocka_unit_test(
			with_a_zone_of_his_own_the_customer_sets_three_cnames),
		cmocka_unit_test(what_tells_of_the_policy_waits),
		cmocka_unit_test(commands_do_what_is_due),
		cmocka_unit_test(long_texts_are_cut_and_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
