/* CAA sets, who would ask, and whether the CA may issue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "policy/caa.h"
#include "base/mem.h"

#define ACCOUNT "https://ca.example/acct/1"

static const char *const names[] = { "ca.example", "ca2.example" };

static const struct caa_asker us = {
	.identities = names, .identity_count = 2,
	.account_url = ACCOUNT, .method = "http-01",
};

/*
 * Records are "tag value", or "!tag value" if critical. `says` is in the text
 * of the refusal, `hint` in its hint.
 */
static const struct {
	const char *records[4];
	bool allowed;
	const char *says, *hint;
} cases[] = {
	/* no issue record: nobody is kept out */
	{ { NULL }, true, NULL, NULL },
	{ { "issuewild ;" }, true, NULL, NULL },
	{ { "iodef mailto:a@b.example", "contactemail a@b" }, true, NULL, NULL },
	{ { "!issuewild ;", "!iodef x", "!issuemail ;" }, true, NULL, NULL },

	/* ours, one of several, in any case */
	{ { "issue ca.example" }, true, NULL, NULL },
	{ { "issue ca2.example" }, true, NULL, NULL },
	{ { "!issue ca.example" }, true, NULL, NULL },
	{ { "issue CA.Example" }, true, NULL, NULL },
	{ { "issue   ca.example\t " }, true, NULL, NULL },
	{ { "issue ca.example;" }, true, NULL, NULL },
	{ { "issue ca.example ; " }, true, NULL, NULL },
	{ { "issue other.example", "issue ca.example" }, true, NULL, NULL },
	{ { "issue ;", "issue ca.example" }, true, NULL, NULL },
	{ { "issue ca..example", "issue ca.example" }, true, NULL, NULL },
	{ { "issue ca.example; policy=ev; x-1=" }, true, NULL, NULL },

	/* not ours */
	{ { "issue ;" }, false, "CAA 0 issue \";\" of example.org forbids",
	  "publish at example.org in its place: CAA 0 issue \"ca.example\"" },
	{ { "issue " }, false, "forbids every CA", "ca.example" },
	{ { "!issue  ; " }, false, "CAA 128 issue", "ca.example" },
	{ { "issue ; policy=ev" }, false, "forbids every CA", "ca.example" },
	{ { "issue other.example" }, false,
	  "CAA 0 issue \"other.example\" of example.org is for another CA",
	  "publish at example.org beside it: CAA 0 issue \"ca.example\"" },
	{ { "issue a.ca.example" }, false, "another CA", NULL },
	{ { "issue example" }, false, "another CA", NULL },
	{ { "issue ca.example.org" }, false, "another CA", NULL },
	{ { "issuewild ca.example", "issue ;" }, false, "forbids", NULL },
	{ { "issue ;", "issue other.example" }, false, "other.example", NULL },

	/* malformed values are for nobody */
	{ { "issue ca.example." }, false, "malformed", "in its place" },
	{ { "issue .ca.example" }, false, "malformed", NULL },
	{ { "issue ca..example" }, false, "malformed", NULL },
	{ { "issue -ca.example" }, false, "malformed", NULL },
	{ { "issue ca-.example" }, false, "malformed", NULL },
	{ { "issue ca_.example" }, false, "malformed", NULL },
	{ { "issue ca.example other.example" }, false, "malformed", NULL },
	{ { "issue \"ca.example\"" }, false, "malformed", NULL },
	{ { "issue ca.example\x7f" }, false, "\\x7f", NULL },
	{ { "issue ca.example;;" }, false, "malformed", NULL },
	{ { "issue ca.example; a=b;" }, false, "malformed", NULL },
	{ { "issue ca.example; a" }, false, "malformed", NULL },
	{ { "issue ca.example; =b" }, false, "malformed", NULL },
	{ { "issue ca.example; a b=c" }, false, "malformed", NULL },
	{ { "issue ca.example; a=b c" }, false, "malformed", NULL },
	{ { "issue ca.example; a=b, c=d" }, false, "malformed", NULL },
	{ { "issue ca.example a=b" }, false, "malformed", NULL },
	{ { "issue ca.example; a-=b" }, false, "malformed", NULL },
	{ { "issue ca.example; a=b\x7f" }, false, "malformed", NULL },
	{ { "issue other..example", "issue ;" }, false, "other..example", NULL },

	/* the account */
	{ { "issue ca.example; accounturi=" ACCOUNT }, true, NULL, NULL },
	{ { "issue ca.example;accounturi = " ACCOUNT " ;a=b" }, true, NULL,
	  NULL },
	{ { "issue ca.example; ACCOUNTURI=" ACCOUNT }, true, NULL, NULL },
	{ { "issue ca.example; accounturi=" ACCOUNT "2" }, false,
	  "not for our account",
	  "in its place: CAA 0 issue \"ca.example; accounturi=" ACCOUNT "\"" },
	{ { "issue ca.example; accounturi=https://CA.example/acct/1" }, false,
	  "not for our account", NULL },
	{ { "issue ca.example; accounturi=" }, false, "not for our", NULL },
	{ { "issue ca.example; accounturi=" ACCOUNT "; accounturi=" ACCOUNT },
	  false, "not for our account", NULL },
	{ { "issue ca.example; accounturi=x", "issue ca.example" }, true, NULL,
	  NULL },
	{ { "issue ca.example; accounturi=x", "issue other.example" }, false,
	  "not for our account", NULL },
	{ { "issue other.example; accounturi=" ACCOUNT }, false, "another CA",
	  NULL },

	/* the method */
	{ { "issue ca.example; validationmethods=http-01" }, true, NULL, NULL },
	{ { "issue ca.example; validationmethods=dns-01,http-01" }, true, NULL,
	  NULL },
	{ { "issue ca.example; validationmethods=http-01,x" }, true, NULL,
	  NULL },
	{ { "issue ca.example; validationmethods=dns-01" }, false,
	  "validate as we do",
	  "CAA 0 issue \"ca.example; validationmethods=http-01\"" },
	{ { "issue ca.example; validationmethods=" }, false, "as we do", NULL },
	{ { "issue ca.example; validationmethods=,,http-0,ttp-01,http-011" },
	  false, "validate as we do", NULL },
	{ { "issue ca.example; validationmethods=dns-01; accounturi=x" }, false,
	  "not for our account", NULL },
	{ { "issue ca.example; validationmethods=http-01; accounturi="
	    ACCOUNT }, true, NULL, NULL },

	/* what is critical must be known */
	{ { "!future x" }, false, "\"future\" of example.org is marked critical",
	  "flags 0" },
	{ { "issue ca.example", "!future x" }, false, "\"future\"", NULL },
	{ { "future x", "issue ca.example" }, true, NULL, NULL },
	{ { "!is\x7fue x" }, false, "\"is\\x7fue\"", NULL },
};

static struct dns_caa_set set_of(const char *const *records)
{
	struct dns_caa_set set = { .outcome = DNS_NO_RECORD,
				   .server = "192.0.2.53:53" };

	for (; set.count < 4 && records[set.count]; set.count++) {
		struct dns_caa *caa = &set.record[set.count];
		const char *text = records[set.count];

		caa->is_critical = text[0] == '!';
		text += caa->is_critical;
		snprintf(caa->tag, sizeof(caa->tag), "%.*s",
			 (int)strcspn(text, " "), text);
		snprintf(caa->value, sizeof(caa->value), "%s",
			 text + strcspn(text, " ") + 1);
		set.outcome = DNS_FOUND;
		strcpy(set.found_at, "example.org");
	}
	return set;
}

static void sets_allow_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_caa_set set = set_of(cases[i].records);
		struct err err = ERR_INIT;
		bool ok = caa_allows(&set, &us, &err);

		print_message("%zu: %s (%s)\n", i, err.text, err.hint);
		assert_int_equal(ok, cases[i].allowed);
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_REFUSED);
		if (cases[i].says)
			assert_non_null(strstr(err.text, cases[i].says));
		if (cases[i].hint)
			assert_non_null(strstr(err.hint, cases[i].hint));
	}
}

static bool allows(const char *record, const struct caa_asker *asker)
{
	const char *const records[] = { record, NULL };
	struct dns_caa_set set = set_of(records);

	return caa_allows(&set, asker, NULL);
}

static void a_ca_without_a_name_is_not_told_from_others(void **state)
{
	struct caa_asker asker = us;
	struct err err = ERR_INIT;
	const char *const nobody[] = { "issue ;", NULL };
	struct dns_caa_set set = set_of(nobody);

	(void)state;
	asker.identity_count = 0;
	assert_true(allows("issue other.example", &asker));
	assert_true(allows("issue other.example; accounturi=x", &asker));
	assert_false(allows("issue ;", &asker));
	assert_false(allows("issue other..example", &asker));
	assert_false(allows("!future x", &asker));
	assert_false(caa_allows(&set, &asker, &err));
	assert_non_null(strstr(err.hint, "CAA 0 issue \"the CA's name\""));
}

static void without_an_account_none_is_ours(void **state)
{
	struct caa_asker asker = us;
	struct err err = ERR_INIT;
	const char *const records[] = { "issue ca.example; accounturi=x", NULL };
	struct dns_caa_set set = set_of(records);

	(void)state;
	asker.account_url = NULL;
	assert_true(allows("issue ca.example", &asker));
	assert_false(allows("issue ca.example; accounturi=", &asker));
	assert_false(caa_allows(&set, &asker, &err));
	assert_non_null(strstr(err.hint, "CAA 0 issue \"ca.example\""));
}

/* The second challenge is another method. */
static void the_method_is_the_one_asked_with(void **state)
{
	struct caa_asker asker = us;

	(void)state;
	asker.method = "tls-alpn-01";
	assert_true(allows("issue ca.example; validationmethods=tls-alpn-01",
			   &asker));
	assert_false(allows("issue ca.example; validationmethods=http-01",
			    &asker));
}

/*
 * One word a view: "a" allows, "f" forbids, "-" has none, "!" failed, "c" is
 * cut (and what is left of it would allow).
 */
static const struct {
	const char *views;
	enum caa_verdict verdict;
	const char *says;
} answers[] = {
	{ "a",    CAA_ALLOWS,  NULL },
	{ "-",    CAA_ALLOWS,  NULL },
	{ "a-a",  CAA_ALLOWS,  NULL },
	{ "!a",   CAA_ALLOWS,  NULL },
	{ "-!!!", CAA_ALLOWS,  NULL },
	{ "ca",   CAA_ALLOWS,  NULL },
	{ "f",    CAA_FORBIDS, "is for another CA" },
	{ "af",   CAA_FORBIDS, "is for another CA" },
	{ "fa",   CAA_FORBIDS, "is for another CA" },
	{ "!!-f", CAA_FORBIDS, "is for another CA" },
	{ "!",    CAA_UNKNOWN, "resolver 192.0.2.53:53 said at example.org: "
			       "SERVFAIL" },
	{ "!!!!", CAA_UNKNOWN, "CAA records of mta-sts.example.org" },
	{ "c",    CAA_UNKNOWN, "more records than can be judged" },
	{ "c!",   CAA_UNKNOWN, "more records" },
	{ "",     CAA_UNKNOWN, "no resolver" },
};

static struct dns_caa_set view_of(char word)
{
	static const char *const allowing[] = { "issue ca.example", NULL };
	static const char *const forbidding[] = { "issue x.example", NULL };
	static const char *const none[] = { NULL };
	struct dns_caa_set set = set_of(word == 'f' ? forbidding
					: word == '-' ? none : allowing);

	if (word == '!') {
		set.outcome = DNS_FAILED;
		set.count = 0;
		strcpy(set.problem, "SERVFAIL");
	}
	set.is_cut = word == 'c';
	return set;
}

static void servers_are_judged_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct dns_caa_answer answer = { .name = "mta-sts.example.org" };
		struct err err = ERR_INIT;
		enum caa_verdict verdict;

		while (answers[i].views[answer.count]) {
			answer.view[answer.count] =
				view_of(answers[i].views[answer.count]);
			answer.count++;
		}
		verdict = caa_judge(&answer, &us, &err);
		print_message("%s: %s (%s)\n", answers[i].views, err.text,
			      err.hint);
		assert_int_equal(verdict, answers[i].verdict);
		assert_int_equal(err.kind,
				 verdict == CAA_ALLOWS	  ? ERR_NONE
				 : verdict == CAA_FORBIDS ? ERR_REFUSED
							  : ERR_AGAIN);
		if (answers[i].says)
			assert_non_null(strstr(err.text, answers[i].says));
	}
}

/* Long names, long values, long URLs: cut, perhaps, but whole as strings. */
static void long_things_do_no_harm(void **state)
{
	char name[DNS_NAME_TEXT], url[1000];
	const char *const identities[] = { name };
	struct caa_asker asker = { identities, 1, url, "http-01" };
	struct dns_caa_set set = { .outcome = DNS_FOUND, .count = 1 };
	struct err err = ERR_INIT;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(url, 'u', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	memcpy(set.found_at, name, sizeof(name));
	strcpy(set.record[0].tag, "issue");
	memset(set.record[0].value, '\x7f', DNS_CAA_VALUE - 1);
	assert_false(caa_allows(&set, &asker, &err));
	assert_true(strlen(err.text) < sizeof(err.text));

	/* too long a name of the CA to be written twice: still said what */
	snprintf(set.record[0].value, DNS_CAA_VALUE, "%.200s; accounturi=x",
		 name);
	name[200] = '\0';
	assert_false(caa_allows(&set, &asker, &err));
	assert_non_null(strstr(err.text, "not for our account"));
	assert_non_null(strstr(err.hint, "accounturi=uuu"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_allow_or_not),
		cmocka_unit_test(a_ca_without_a_name_is_not_told_from_others),
		cmocka_unit_test(without_an_account_none_is_ours),
		cmocka_unit_test(the_method_is_the_one_asked_with),
		cmocka_unit_test(servers_are_judged_together),
		cmocka_unit_test(long_things_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
