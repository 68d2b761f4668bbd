/* What a look at a policy says of senders, and when the next one comes. */
#include "daemon/reach_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define T0   1800000000L
#define BODY "version: STSv1\r\nmode: testing\r\n"
#define V4   "192.0.2.1"
#define V6   "2001:db8::1"

struct answer {
	const char *address;
	enum https_outcome outcome;
	long status;
	const char *body, *problem;
};

#define FINE(a)                                                                \
	{                                                                      \
		a, HTTPS_ANSWERED, 200, BODY, ""                               \
	}
#define SAYS(a, s)                                                             \
	{                                                                      \
		a, HTTPS_ANSWERED, s, BODY, ""                                 \
	}
#define OTHER(a)                                                               \
	{                                                                      \
		a, HTTPS_ANSWERED, 200, BODY "x", ""                           \
	}
#define GONE(a)                                                                \
	{                                                                      \
		a, HTTPS_UNREACHABLE, 0, "", "no route"                        \
	}
#define LATE(a)                                                                \
	{                                                                      \
		a, HTTPS_TIMED_OUT, 0, "", "nothing came"                      \
	}
#define NOT(a)                                                                 \
	{                                                                      \
		a, HTTPS_NOT_TESTED, 0, "", ""                                 \
	}
#define REFUSED(a)                                                             \
	{                                                                      \
		a, HTTPS_CERT_REFUSED, 0, "", "self-signed"                    \
	}

static const struct {
	enum check_look look;
	const char *private;
	struct answer answer[3];
	enum reached_why why;
	const char *problem;
} cases[] = {
	{ CHECK_SEEN, "", { FINE(V4) }, REACHED_NOT_TRIED, "" },
	{ CHECK_SEEN, "", { FINE(V6) }, REACHED_NOT_TRIED, "" },
	{ CHECK_SEEN, "", { FINE(V4), FINE(V6) }, REACHED_NOT_TRIED, "" },
	{ CHECK_SEEN, "", { FINE(V4), GONE(V6) }, REACHED_NOT_TRIED, "" },
	{ CHECK_SEEN, "", { GONE(V6), FINE(V4) }, REACHED_NOT_TRIED, "" },
	{ CHECK_SEEN, "", { GONE(V4), FINE(V6) }, REACHED_CUT_OFF, V4 },
	{ CHECK_SEEN,
	  "",
	  { FINE(V4), GONE("192.0.2.2") },
	  REACHED_CUT_OFF,
	  "192.0.2.2" },
	{ CHECK_SEEN, "", { FINE(V4), REFUSED(V6) }, REACHED_WRONG, V6 },
	{ CHECK_SEEN,
	  "",
	  { GONE(V4) },
	  REACHED_CUT_OFF,
	  "at " V4 ": no route" },
	{ CHECK_SEEN, "", { LATE(V4) }, REACHED_CUT_OFF, "nothing came" },
	{ CHECK_SEEN, "", { NOT(V4) }, REACHED_CUT_OFF, "not tried" },
	{ CHECK_SEEN,
	  "",
	  { GONE(V4), REFUSED(V6) },
	  REACHED_WRONG,
	  "self-signed" },
	{ CHECK_SEEN,
	  "",
	  { REFUSED(V4), GONE("192.0.2.2") },
	  REACHED_WRONG,
	  "self-signed" },
	{ CHECK_SEEN, "", { REFUSED(V4) }, REACHED_WRONG, "self-signed" },
	{ CHECK_SEEN, "", { OTHER(V4) }, REACHED_WRONG, "another policy" },
	{ CHECK_SEEN, "", { SAYS(V4, 404) }, REACHED_WRONG, "status 200" },
	{ CHECK_SEEN, "", { SAYS(V4, 301) }, REACHED_WRONG, "status 200" },
	{ CHECK_SEEN,
	  "",
	  { { V4, HTTPS_TLS_FAILED, 0, "", "alert" } },
	  REACHED_WRONG,
	  "alert" },
	{ CHECK_SEEN,
	  "",
	  { { V4, HTTPS_BROKEN, 0, "", "what?" } },
	  REACHED_WRONG,
	  "what?" },
	{ CHECK_SEEN,
	  "",
	  { { V4, HTTPS_TOO_BIG, 0, "", "" } },
	  REACHED_WRONG,
	  "64 KB" },
	{ CHECK_SEEN, "10.0.0.1", { { NULL } }, REACHED_WRONG, "10.0.0.1" },
	{ CHECK_SEEN, "10.0.0.1", { FINE(V4) }, REACHED_WRONG, "10.0.0.1" },
	{ CHECK_SEEN, "", { { NULL } }, REACHED_CUT_OFF, "no address" },
	{ CHECK_ABSENT, "", { { NULL } }, REACHED_WRONG, "has no address" },
	{ CHECK_FAILED, "", { { NULL } }, REACHED_CUT_OFF, "DNS" },
	{ CHECK_TIMED_OUT, "", { { NULL } }, REACHED_CUT_OFF, "DNS" },
	{ CHECK_NOT_TESTED, "", { { NULL } }, REACHED_CUT_OFF, "DNS" },
};

static void fill(struct check_facts *f, size_t i)
{
	*f = (struct check_facts){ .host = { .look = cases[i].look } };
	str_copy(f->host.private, sizeof(f->host.private), cases[i].private);
	for (size_t k = 0; k < 3 && cases[i].answer[k].address; k++) {
		const struct answer *a = &cases[i].answer[k];
		struct check_https *h = &f->https[k];

		h->outcome = a->outcome;
		h->status = a->status;
		h->body_len = strlen(a->body);
		str_copy(h->body, sizeof(h->body), a->body);
		str_copy(h->address, sizeof(h->address), a->address);
		str_copy(h->problem, sizeof(h->problem), a->problem);
	}
}

static void the_judgement(void **state)
{
	const struct reach_own own = { .body = BODY };
	static struct check_facts f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char problem[REACHED_WORDS] = "";

		print_message("case %zu\n", i);
		fill(&f, i);
		assert_int_equal(reach_judge(&f, &own, problem), cases[i].why);
		if (cases[i].why != REACHED_NOT_TRIED)
			assert_non_null(strstr(problem, cases[i].problem));
	}
}

/* The same policy, as of whom it was adopted from: but not our certificate. */
static void another_machine_is_told_by_its_certificate(void **state)
{
	unsigned char leaf[TLS_LOOK_SHA256];
	const struct reach_own own = { .body = BODY, .leaf = leaf };
	char problem[REACHED_WORDS] = "";
	static struct check_facts f;

	(void)state;
	memset(leaf, 7, sizeof(leaf));
	fill(&f, 2); /* both addresses answer well */
	for (size_t k = 0; k < 2; k++)
		memset(f.https[k].cert.leaf_sha256, 7, sizeof(leaf));
	assert_int_equal(reach_judge(&f, &own, problem), REACHED_NOT_TRIED);
	f.https[1].cert.leaf_sha256[TLS_LOOK_SHA256 - 1]++;
	assert_int_equal(reach_judge(&f, &own, problem), REACHED_WRONG);
	assert_non_null(strstr(problem, "another certificate"));
	assert_non_null(strstr(problem, V6));
	f.https[1].body[0]++; /* what differs more is what is said */
	assert_int_equal(reach_judge(&f, &own, problem), REACHED_WRONG);
	assert_non_null(strstr(problem, "another policy"));
}

/* As often as ever, and it changes nothing but the next look. */
static void what_was_let_through_by_hand_stays_so(void **state)
{
	struct reached r = { .since = T0,
			     .let_at = T0 + 9,
			     .tries = 3,
			     .why = REACHED_BY_HAND,
			     .problem = "I saw it" };

	(void)state;
	reach_failed(&r, REACHED_WRONG, "x", T0 + 60);
	assert_int_equal(r.why, REACHED_BY_HAND);
	assert_string_equal(r.problem, "I saw it");
	assert_int_equal(r.let_at, T0 + 9);
	assert_int_equal(r.due_at, T0 + 60 + 3600);
}

/* Each look fails in the same way, and comes when it is due. */
static void looks_come_ever_later(void **state)
{
	static const long after[] = { 60, 300, 1800, 3600, 3600 };
	struct reached r = { .since = T0 };
	time_t now = T0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		reach_failed(&r, REACHED_WRONG, "x", now);
		assert_int_equal(r.due_at, now + after[i]);
		now = r.due_at;
	}
	r.tries = 100;
	reach_failed(&r, REACHED_WRONG, "x", now);
	assert_int_equal(r.due_at, now + 6 * 3600);
	assert_int_equal(r.let_at, 0);
	assert_string_equal(r.problem, "x");
}

/* To the second, and not by a look at what is plainly wrong. */
static void after_a_day_nobody_waits_for_this_box(void **state)
{
	struct reached r = { .since = T0 };
	time_t now = T0, last = 0;

	(void)state;
	while (!r.let_at) {
		last = now;
		reach_failed(&r, REACHED_CUT_OFF, "x", now);
		now = r.due_at;
	}
	assert_int_equal(r.let_at, T0 + 86400);
	assert_int_equal(last, T0 + 86400);
	reach_failed(&r, REACHED_WRONG, "y", now); /* and it stays so */
	assert_int_equal(r.let_at, T0 + 86400);

	/* One look after a day that nobody looked in says nothing. */
	r = (struct reached){ .since = T0 };
	reach_failed(&r, REACHED_CUT_OFF, "x", T0 + 2 * 86400);
	assert_int_equal(r.let_at, 0);

	r = (struct reached){ .since = T0, .tries = REACH_LET_TRIES };
	reach_failed(&r, REACHED_WRONG, "x", T0 + 90000);
	assert_int_equal(r.let_at, 0);
	reach_failed(&r, REACHED_CUT_OFF, "x", T0 + 90060);
	assert_int_equal(r.let_at, T0 + 90060);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_judgement),
		cmocka_unit_test(another_machine_is_told_by_its_certificate),
		cmocka_unit_test(what_was_let_through_by_hand_stays_so),
		cmocka_unit_test(looks_come_ever_later),
		cmocka_unit_test(after_a_day_nobody_waits_for_this_box),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
