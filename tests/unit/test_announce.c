/* May senders be told of a policy, and what is said if not. */
#include "daemon/announce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

#define T0 1800000000L

#define STAGING                                                                \
	{                                                                      \
		.name = "le-staging", .directory_url = "https://x/"            \
	}
#define HIDDEN                                                                 \
	{                                                                      \
		.name = "le",                                                  \
		.directory_url =                                               \
			"https://acme-staging-v02.api.letsencrypt.org/"        \
	}
#define REAL                                                                   \
	{                                                                      \
		.name = "le", .directory_url = "https://acme-v02.example/"     \
	}
#define PRIVATE                                                                \
	{                                                                      \
		.name = "ours", .directory_url = "https://ca.internal/"        \
	}

static const struct {
	const char *what;
	enum domain_state state;
	bool has_cert;
	struct ca ca;
	struct reached reached;
	enum announce is;
	bool may;
	const char *why, *todo; /* a part of what is said; NULL: nothing */
} cases[] = {
	{ "it waits for DNS",
	  DOMAIN_WAITING_FOR_DNS,
	  false,
	  REAL,
	  { 0 },
	  ANNOUNCE_NO_CERTIFICATE,
	  false,
	  "no certificate yet",
	  "domain records a.example" },
	{ "it is ordered",
	  DOMAIN_ISSUING,
	  false,
	  REAL,
	  { 0 },
	  ANNOUNCE_NO_CERTIFICATE,
	  false,
	  "no certificate yet",
	  "domain show a.example" },
	{ "DNS shows it, and it has no certificate",
	  DOMAIN_ISSUING,
	  false,
	  REAL,
	  { .at = T0 },
	  ANNOUNCE_NO_CERTIFICATE,
	  false,
	  "DNS announces the policy already",
	  "leave the record as it is" },
	{ "its certificate is lost",
	  DOMAIN_LIVE,
	  false,
	  REAL,
	  { .at = T0 },
	  ANNOUNCE_NO_CERTIFICATE,
	  false,
	  "DNS announces the policy already",
	  "leave the record as it is" },
	{ "staging, by its name",
	  DOMAIN_LIVE,
	  true,
	  STAGING,
	  { .since = T0, .at = T0 },
	  ANNOUNCE_UNTRUSTED,
	  false,
	  "from le-staging, a CA for trying things out",
	  "ca_order" },
	{ "staging, by its address",
	  DOMAIN_LIVE,
	  true,
	  HIDDEN,
	  { .since = T0, .let_at = T0 },
	  ANNOUNCE_UNTRUSTED,
	  false,
	  "no sender trusts it",
	  "cert renew a.example" },
	{ "imported, of nobody",
	  DOMAIN_LIVE,
	  true,
	  { .id = 0 },
	  { .since = T0, .at = T0, .distrust = "self-signed" },
	  ANNOUNCE_UNTRUSTED,
	  false,
	  "trusted by no sender: self-signed",
	  "cert renew a.example" },
	{ "imported, and well",
	  DOMAIN_LIVE,
	  true,
	  { .id = 0 },
	  { .since = T0, .at = T0 },
	  ANNOUNCE_OK,
	  true,
	  NULL,
	  NULL },
	{ "nobody has looked",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0 },
	  ANNOUNCE_UNSEEN,
	  false,
	  "has not yet fetched",
	  "within some minutes" },
	{ "it could not be reached",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0,
	    .due_at = T0 + 60,
	    .why = REACHED_CUT_OFF,
	    .problem = "at 192.0.2.1: no route" },
	  ANNOUNCE_UNSEEN,
	  false,
	  "at 192.0.2.1: no route",
	  "mtasts-check a.example on another machine tells; this box looks "
	  "again at 2027-01-15T08:01:00Z, and waits no longer than until "
	  "2027-01-16T08:00:00Z" },
	{ "another answers",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0,
	    .due_at = T0 + 60,
	    .why = REACHED_WRONG,
	    .problem = "at 192.0.2.1: self-signed" },
	  ANNOUNCE_UNSEEN,
	  false,
	  "at 192.0.2.1: self-signed",
	  "domain check a.example says more; this box looks again at "
	  "2027-01-15T08:01:00Z; if that machine gets it, and only this one "
	  "does not: mtastsctl policy announce a.example --reason TEXT" },
	{ "somebody knows better",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0,
	    .let_at = T0 + 60,
	    .why = REACHED_BY_HAND,
	    .problem = "seen from home" },
	  ANNOUNCE_BY_HAND,
	  true,
	  "by hand since 2027-01-15T08:01:00Z: seen from home",
	  "mtasts-check a.example on another machine" },
	{ "he does, and says no more",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0, .let_at = T0 + 60, .why = REACHED_BY_HAND },
	  ANNOUNCE_BY_HAND,
	  true,
	  "by hand since 2027-01-15T08:01:00Z, for this box",
	  "mtasts-check a.example on another machine" },
	{ "what he let through is of a CA for trying things out now",
	  DOMAIN_LIVE,
	  true,
	  STAGING,
	  { .since = T0, .let_at = T0 + 60, .why = REACHED_BY_HAND },
	  ANNOUNCE_UNTRUSTED,
	  false,
	  "no sender trusts it",
	  "ca_order" },
	{ "it cannot be seen from here",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0,
	    .let_at = T0 + 86400,
	    .why = REACHED_CUT_OFF,
	    .problem = "at 192.0.2.1: no route" },
	  ANNOUNCE_NOT_FROM_HERE,
	  true,
	  "at 192.0.2.1: no route",
	  "mtasts-check a.example on another machine" },
	{ "it was fetched",
	  DOMAIN_LIVE,
	  true,
	  REAL,
	  { .since = T0, .at = T0 + 60 },
	  ANNOUNCE_OK,
	  true,
	  NULL,
	  NULL },
	{ "fetched, from a CA of one's own",
	  DOMAIN_LIVE,
	  true,
	  PRIVATE,
	  { .since = T0, .at = T0 + 60 },
	  ANNOUNCE_OK,
	  true,
	  NULL,
	  NULL },
};

static void the_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct domain d = { .name = "a.example",
				    .state = cases[i].state };
		enum announce is = announce_judge(
			&d, cases[i].has_cert, &cases[i].ca, &cases[i].reached);
		struct announce_words w;

		print_message("%s\n", cases[i].what);
		assert_string_equal(announce_name(is),
				    announce_name(cases[i].is));
		assert_int_equal(announce_may(is), cases[i].may);
		announce_say(is, &d, &cases[i].ca, &cases[i].reached, &w);
		if (cases[i].why) {
			assert_non_null(strstr(w.why, cases[i].why));
			assert_non_null(strstr(w.todo, cases[i].todo));
		} else {
			assert_string_equal(w.why, "");
			assert_string_equal(w.todo, "");
		}
	}
}

static const struct {
	struct reached reached;
	enum domain_leaving leaving;
	bool has_cert;
	const char *refused; /* a part of why; NULL: it is not */
} overrides[] = {
	{ { .why = REACHED_WRONG }, DOMAIN_STAYS, true, NULL },
	{ { .why = REACHED_CUT_OFF }, DOMAIN_STAYS, true, NULL },
	{ { .why = REACHED_WRONG }, DOMAIN_REMOVING, true, NULL },
	{ { .why = REACHED_WRONG },
	  DOMAIN_HANDING_OVER,
	  true,
	  "for the other host" },
	{ { .why = REACHED_NOT_TRIED }, DOMAIN_STAYS, true, "has not looked" },
	{ { .why = REACHED_WRONG }, DOMAIN_STAYS, false, "no certificate yet" },
	{ { .distrust = "self-signed" },
	  DOMAIN_STAYS,
	  true,
	  "trusted by no sender" },
	{ { .let_at = T0, .why = REACHED_CUT_OFF },
	  DOMAIN_STAYS,
	  true,
	  "for a day" },
	{ { .let_at = T0, .why = REACHED_BY_HAND },
	  DOMAIN_STAYS,
	  true,
	  "by hand already" },
	{ { .at = T0 }, DOMAIN_STAYS, true, "nothing keeps it" },
};

static void what_a_hand_may_override(void **state)
{
	static const struct ca ca = REAL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
		struct domain d = { .name = "a.example",
				    .state = DOMAIN_LIVE,
				    .leaving = overrides[i].leaving };
		const struct reached *r = &overrides[i].reached;
		struct err err = ERR_INIT;
		bool may = announce_may_override(
			announce_judge(&d, overrides[i].has_cert, &ca, r), &d,
			&ca, r, &err);

		print_message("override %zu: %s\n", i, err.text);
		assert_int_equal(may, overrides[i].refused == NULL);
		if (!overrides[i].refused)
			continue;
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_non_null(strstr(err.text, overrides[i].refused));
		assert_true(*err.hint);
	}
}

/* What senders were told of is not taken back for another certificate. */
static void what_was_let_through_stands(void **state)
{
	const struct domain d = { .name = "a.example", .state = DOMAIN_LIVE };
	const struct reached by_hand = { .let_at = T0, .why = REACHED_BY_HAND },
			     fetched = { .at = T0 }, none = { .since = T0 };

	(void)state;
	assert_true(announce_stands(ANNOUNCE_UNTRUSTED, &d, &by_hand));
	assert_true(announce_stands(ANNOUNCE_UNTRUSTED, &d, &fetched));
	assert_false(announce_stands(ANNOUNCE_UNTRUSTED, &d, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict),
		cmocka_unit_test(what_a_hand_may_override),
		cmocka_unit_test(what_was_let_through_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
