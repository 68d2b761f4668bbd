/* Whose failure is it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "acme/scope.h"
#include "base/mem.h"

static const struct {
	long status;		/* 0: no HTTP answer */
	const char *type;	/* NULL: no problem document */
	enum fail_scope scope;
	bool has_hint;
} cases[] = {
	{ 200, NULL, SCOPE_NONE, false },
	{ 201, NULL, SCOPE_NONE, false },
	{ 299, NULL, SCOPE_NONE, false },
	{ 0, NULL, SCOPE_CA, false },
	{ 500, "serverInternal", SCOPE_CA, false },
	{ 500, "dns", SCOPE_CA, true },
	{ 502, NULL, SCOPE_CA, false },
	{ 503, "rateLimited", SCOPE_CA, true },
	{ 429, "rateLimited", SCOPE_CA, true },
	{ 429, NULL, SCOPE_CA, false },
	{ 429, "accountDoesNotExist", SCOPE_ACCOUNT, false },
	{ 400, "badNonce", SCOPE_CA, false },
	{ 400, "accountDoesNotExist", SCOPE_ACCOUNT, false },
	{ 401, "externalAccountRequired", SCOPE_ACCOUNT, true },
	{ 403, "unauthorized", SCOPE_ACCOUNT, true },
	{ 403, "userActionRequired", SCOPE_ACCOUNT, true },
	{ 400, "invalidContact", SCOPE_ACCOUNT, true },
	{ 403, "caa", SCOPE_DOMAIN, true },
	{ 400, "rejectedIdentifier", SCOPE_DOMAIN, true },
	{ 400, "malformed", SCOPE_DOMAIN, false },
	{ 400, "never heard of", SCOPE_DOMAIN, false },
	{ 403, "orderNotReady", SCOPE_ORDER, false },
	{ 404, "malformed", SCOPE_ORDER, false },
	{ 410, NULL, SCOPE_ORDER, false },
	{ 301, NULL, SCOPE_CA, false },
	{ 403, NULL, SCOPE_CA, false },
	{ 408, "about:blank", SCOPE_CA, false },
	{ 404, NULL, SCOPE_ORDER, false },
};

static void each_answer_has_a_scope(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ca_reply r = { .status = cases[i].status };
		struct err problem = ERR_INIT;

		if (cases[i].status == 0)
			err_set(&r.error, ERR_AGAIN, "timed out");
		if (cases[i].type)
			strcpy(r.problem.type, cases[i].type);
		else
			wire_problem_parse(&r.problem, r.status, "", 0);
		print_message("%ld %s\n", cases[i].status, r.problem.type);
		assert_int_equal(scope_of(&r, &problem), cases[i].scope);
		assert_int_equal(problem.kind == ERR_NONE,
				 cases[i].scope == SCOPE_NONE);
		assert_int_equal(*problem.hint != '\0', cases[i].has_hint);
	}
}

/* In a challenge, "unauthorized" is about the token, not about us. */
static void a_challenge_speaks_of_the_domain(void **state)
{
	static const char *const types[] = { "unauthorized", "connection",
					     "dns", "tls", "incorrectResponse",
					     "caa" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct wire_problem p = { "", "the CA's own words" };
		struct err problem = ERR_INIT;

		strcpy(p.type, types[i]);
		assert_int_equal(scope_of_problem(&p, METHOD_HTTP_01, &problem),
				 SCOPE_DOMAIN);
		assert_non_null(strstr(problem.text, "the CA's own words"));
		assert_non_null(strstr(problem.text, types[i]));
		assert_true(*problem.hint);
	}
}

/* The port that the CA came to is the one to look at. */
static void the_hint_is_about_the_right_port(void **state)
{
	static const char *const types[] = { "connection", "tls",
					     "unauthorized",
					     "incorrectResponse" };
	static const char *const ports[METHOD_COUNT] = {
		[METHOD_HTTP_01] = "on port 80",
		[METHOD_TLS_ALPN_01] = "on port 443",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types) * METHOD_COUNT; i++) {
		enum challenge_method m = i % METHOD_COUNT;
		struct wire_problem p = { .detail = "" };
		struct err problem = ERR_INIT;

		strcpy(p.type, types[i / METHOD_COUNT]);
		scope_of_problem(&p, m, &problem);
		print_message("%s: %s\n", p.type, problem.hint);
		assert_non_null(strstr(problem.hint, ports[m]));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_has_a_scope),
		cmocka_unit_test(a_challenge_speaks_of_the_domain),
		cmocka_unit_test(the_hint_is_about_the_right_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
