/* Whether mail hosts are bad, by what a look from outside found. */
#include "daemon/mx_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"

#define ERROR(id)                                                              \
	"{\"id\":\"" id "\",\"severity\":\"error\",\"text\":\"" id "!\","      \
	"\"todo\":\"mend " id "\"}"
#define OK	    "{\"id\":\"smtp.ok\",\"severity\":\"good\",\"mx\":\"mx.test\"}"
#define WARNING(id) "{\"id\":\"" id "\",\"severity\":\"warning\"}"

static const struct {
	const char *findings;
	enum mx_health is;
	size_t bad;
	const char *text, *todo;
} cases[] = {
	{ "[" OK "]", MX_WELL, 0, "", "" },
	{ "[" OK "," OK "]", MX_WELL, 0, "", "" },
	{ "[]", MX_UNTESTED, 0, "", "" },
	{ "", MX_UNTESTED, 0, "", "" },
	{ "{}", MX_UNTESTED, 0, "", "" },
	{ "[7, {}, [], null]", MX_UNTESTED, 0, "", "" },
	{ "[7, {}, [], null, " OK "]", MX_WELL, 0, "", "" },
	{ "[" ERROR("txt.missing") "," ERROR("mx.not-covered") "]", MX_UNTESTED,
	  0, "", "" },
	{ "[" ERROR("txt.missing") "," ERROR("mx.not-covered") "," OK "]",
	  MX_WELL, 0, "", "" },
	{ "[" WARNING("smtp.cert-soon") "]", MX_UNTESTED, 0, "", "" },
	{ "[" WARNING("smtp.cert-soon") "," OK "]", MX_WELL, 0, "", "" },
	{ "[" OK "," WARNING("smtp.v6-unreachable") "]", MX_WELL, 0, "", "" },
	{ "[" WARNING("mx.null") "]", MX_WELL, 0, "", "" },
	{ "[" ERROR("smtp.no-starttls") "]", MX_BAD, 1, "smtp.no-starttls!",
	  "mend smtp.no-starttls" },
	{ "[" ERROR("smtp.cert-expired") "," ERROR("smtp.tls") "]", MX_BAD, 2,
	  "smtp.cert-expired!", "mend smtp.cert-expired" },

	/* port 25 is closed to us, or nobody knows where they are */
	{ "[" WARNING("smtp.unreachable") "]", MX_UNTESTED, 0, "", "" },
	{ "[" WARNING("smtp.refused") "]", MX_UNTESTED, 0, "", "" },
	{ "[" WARNING("smtp.not-tested") "]", MX_UNTESTED, 0, "", "" },
	{ "[" WARNING("mx.timeout") "]", MX_UNTESTED, 0, "", "" },
	{ "[" ERROR("mx.server-failed") "]", MX_UNTESTED, 0, "", "" },
	{ "[" WARNING("mx.host-timeout") "]", MX_UNTESTED, 0, "", "" },
	{ "[" ERROR("mx.host-failed") "]", MX_UNTESTED, 0, "", "" },
	{ "[" WARNING("mx.private") "]", MX_UNTESTED, 0, "", "" },

	/* nor do they lose mail only because they are gone for now */
	{ "[" ERROR("mx.missing") "]", MX_UNTESTED, 0, "", "" },
	{ "[" ERROR("mx.unusable") "]", MX_UNTESTED, 0, "", "" },
	{ "[" ERROR("mx.no-address") "]", MX_UNTESTED, 0, "", "" },
	{ "[" OK "," ERROR("mx.bad-name") "]", MX_UNTESTED, 0, "", "" },
	{ "[" OK "," ERROR("mx.no-address") "]", MX_UNTESTED, 0, "", "" },
	{ "[" ERROR("mx.no-address") "," OK "]", MX_UNTESTED, 0, "", "" },
	{ "[" OK "," WARNING("smtp.untested") "]", MX_UNTESTED, 0, "", "" },
	{ "[" OK "," WARNING("mx.not-tested") "]", MX_UNTESTED, 0, "", "" },

	/* one of two is enough */
	{ "[" OK "," ERROR("smtp.cert-refused") "," OK "]", MX_BAD, 1,
	  "smtp.cert-refused!", "mend smtp.cert-refused" },
	{ "[" WARNING("smtp.unreachable") "," ERROR("smtp.tls") "]", MX_BAD, 1,
	  "smtp.tls!", "mend smtp.tls" },
	{ "[" ERROR("smtp.tls") "," WARNING("smtp.unreachable") "]", MX_BAD, 1,
	  "smtp.tls!", "mend smtp.tls" },
};

static void hosts_are_judged_by_what_was_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mx_verdict v;

		print_message("%s\n", cases[i].findings);
		mx_health_of(cases[i].findings, &v);
		assert_int_equal(v.is, cases[i].is);
		assert_int_equal(v.bad, cases[i].bad);
		assert_string_equal(v.text, cases[i].text);
		assert_string_equal(v.todo, cases[i].todo);
	}
}

#define AT(host)                                                               \
	"{\"id\":\"smtp.tls\",\"severity\":\"error\",\"text\":\"t\","          \
	"\"mx\":\"" host "\"}"
#define LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
#define LONG  LABEL "." LABEL "." LABEL "." LABEL

static const struct {
	const char *findings, *others;
	size_t bad;
} others[] = {
	{ "[" AT("a.test") "]", "", 1 },
	{ "[" AT("a.test") "," AT("b.test") "," AT("c.test") "]",
	  "b.test c.test", 3 },
	/* at each of its addresses */
	{ "[" AT("a.test") "," AT("a.test") "," AT("bb.test") "," AT(
		  "b.test") "," AT("bb.test") "]",
	  "bb.test b.test", 5 },
	/* no room: it is counted */
	{ "[" AT("a.test") "," AT(LONG) "," AT("b.test") "]", "b.test", 3 },
	{ "[" AT("a.test") "," AT("") "]", "", 2 },
};

static void the_others_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct mx_verdict v;

		print_message("%zu\n", i);
		mx_health_of(others[i].findings, &v);
		assert_string_equal(v.first, "a.test");
		assert_string_equal(v.others, others[i].others);
		assert_int_equal(v.bad, others[i].bad);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_judged_by_what_was_found),
		cmocka_unit_test(the_others_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
