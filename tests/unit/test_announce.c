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
	  "domain check a.example" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
