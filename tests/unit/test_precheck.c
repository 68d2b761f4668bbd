/* What was seen of a name, the case it is in, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "acme/precheck.h"
#include "base/mem.h"
#include "base/str.h"

#define DAY WHEN_DAY
#define H   WHEN_HOUR

/* ---- the judgement ---- */

/*
 * `seen` has a letter each for addresses, CAA and probe: "." fine, "?" a
 * doubt, "x" wrong. Times in seconds.
 */
static const struct {
	const char *seen;
	struct precheck_case c;
	enum precheck_verdict verdict;
	enum precheck_look look;
	long again_in;
	const char *despite;
} cases[] = {
	/* nothing to complain about */
	{ "...", { .is_first = true }, PRECHECK_GO, 0, 0, NULL },
	{ "...", { .left = 30 * DAY, .life = 90 * DAY }, PRECHECK_GO, 0, 0, NULL },
	{ "...", { .left = -DAY, .life = 90 * DAY, .was_delayed = true },
	  PRECHECK_GO, 0, 0, NULL },

	/* a first certificate: what is wrong waits without limit */
	{ "x..", { .is_first = true }, PRECHECK_WAIT, PRECHECK_ADDRESSES, 0,
	  NULL },
	{ ".x.", { .is_first = true, .since = 1000 * DAY }, PRECHECK_WAIT,
	  PRECHECK_CAA, 0, NULL },
	{ "xx?", { .is_first = true, .since = 1000 * DAY }, PRECHECK_WAIT,
	  PRECHECK_ADDRESSES, 0, NULL },
	{ "x..", { .is_first = true,
		   .mood = { [PRECHECK_ADDRESSES] = { 20000, 20000 } } },
	  PRECHECK_WAIT, PRECHECK_ADDRESSES, 0, NULL },
	{ ".x.", { .is_first = true,
		   .mood = { [PRECHECK_CAA] = { 100, 100 } } },
	  PRECHECK_WAIT, PRECHECK_CAA, 0, NULL },

	/* gone: once a day, and after a month never while it is wrong */
	{ "...", { .left = -4 * DAY, .life = 90 * DAY, .since = H },
	  PRECHECK_GO, 0, 0, NULL },
	{ "x..", { .left = -3 * DAY, .life = 90 * DAY }, PRECHECK_GO,
	  PRECHECK_ADDRESSES, 0, "quarter" },
	{ "x..", { .left = -4 * DAY, .life = 90 * DAY, .was_delayed = true },
	  PRECHECK_WAIT, PRECHECK_ADDRESSES, H, NULL },
	{ ".x.", { .left = -4 * DAY, .life = 60, .since = DAY - 1,
		   .mood = { [PRECHECK_CAA] = { 100, 100 } } },
	  PRECHECK_WAIT, PRECHECK_CAA, H, NULL },
	{ "x.?", { .left = -30 * DAY, .life = 90 * DAY, .since = DAY },
	  PRECHECK_GO, PRECHECK_ADDRESSES, 0, "once a day" },
	{ "x..", { .left = -31 * DAY, .life = 90 * DAY, .since = DAY },
	  PRECHECK_WAIT, PRECHECK_ADDRESSES, H, NULL },
	{ "..?", { .left = -31 * DAY, .life = 90 * DAY, .since = H },
	  PRECHECK_WAIT, PRECHECK_PROBE, H, NULL },
	{ "..?", { .left = -31 * DAY, .life = 90 * DAY, .since = DAY },
	  PRECHECK_GO, PRECHECK_PROBE, 0, "once a day" },

	/* a first certificate: a doubt waits for ten minutes */
	{ "..?", { .is_first = true }, PRECHECK_WAIT, PRECHECK_PROBE, 60, NULL },
	{ ".?.", { .is_first = true, .since = 300 }, PRECHECK_WAIT,
	  PRECHECK_CAA, 60, NULL },
	{ ".?.", { .is_first = true, .since = 590 }, PRECHECK_WAIT,
	  PRECHECK_CAA, 10, NULL },
	{ "..?", { .is_first = true, .since = 599 }, PRECHECK_WAIT,
	  PRECHECK_PROBE, 1, NULL },
	{ "..?", { .is_first = true, .since = 600 }, PRECHECK_GO,
	  PRECHECK_PROBE, 0, "long enough" },
	{ ".??", { .is_first = true, .since = 600 }, PRECHECK_GO, PRECHECK_CAA,
	  0, "long enough" },
	{ ".x?", { .is_first = true, .since = 600 }, PRECHECK_WAIT,
	  PRECHECK_CAA, 0, NULL },
	{ "x.?", { .is_first = true }, PRECHECK_WAIT, PRECHECK_ADDRESSES, 0,
	  NULL },
	{ ".?x", { .is_first = true }, PRECHECK_WAIT, PRECHECK_PROBE, 0, NULL },

	/* and not at all if it is none of the name's */
	{ "..?", { .is_first = true, .mood = { [PRECHECK_PROBE] = { 5, 5 } } },
	  PRECHECK_GO, PRECHECK_PROBE, 0, "this box" },
	{ "..?", { .is_first = true, .mood = { [PRECHECK_PROBE] = { 8, 6 } } },
	  PRECHECK_GO, PRECHECK_PROBE, 0, "this box" },
	{ "..?", { .is_first = true, .mood = { [PRECHECK_PROBE] = { 9, 6 } } },
	  PRECHECK_WAIT, PRECHECK_PROBE, 60, NULL },
	{ "..?", { .is_first = true, .mood = { [PRECHECK_PROBE] = { 4, 4 } } },
	  PRECHECK_WAIT, PRECHECK_PROBE, 60, NULL },
	{ "..?", { .is_first = true, .mood = { [PRECHECK_CAA] = { 9, 9 } } },
	  PRECHECK_WAIT, PRECHECK_PROBE, 60, NULL },
	{ ".??", { .is_first = true, .mood = { [PRECHECK_CAA] = { 9, 9 } } },
	  PRECHECK_WAIT, PRECHECK_PROBE, 60, NULL },

	/* a renewal is put off, at most for six hours in all */
	{ "x..", { .left = 30 * DAY, .life = 90 * DAY }, PRECHECK_DELAY,
	  PRECHECK_ADDRESSES, 60, NULL },
	{ ".x.", { .left = 30 * DAY, .life = 90 * DAY, .since = 60 },
	  PRECHECK_DELAY, PRECHECK_CAA, 60, NULL },
	{ "..?", { .left = 30 * DAY, .life = 90 * DAY, .since = 120 },
	  PRECHECK_DELAY, PRECHECK_PROBE, 120, NULL },
	{ "..?", { .left = 30 * DAY, .life = 90 * DAY, .since = 2 * H },
	  PRECHECK_DELAY, PRECHECK_PROBE, H, NULL },
	{ "..?", { .left = 30 * DAY, .life = 90 * DAY, .since = 6 * H - 100 },
	  PRECHECK_DELAY, PRECHECK_PROBE, 100, NULL },
	{ "xx?", { .left = 30 * DAY, .life = 90 * DAY, .since = 6 * H },
	  PRECHECK_GO, PRECHECK_ADDRESSES, 0, "six hours" },
	{ "..?", { .left = 30 * DAY, .life = 90 * DAY, .since = 100 * DAY },
	  PRECHECK_GO, PRECHECK_PROBE, 0, "six hours" },

	/* not twice in a row */
	{ "x..", { .left = 30 * DAY, .life = 90 * DAY, .was_delayed = true },
	  PRECHECK_GO, PRECHECK_ADDRESSES, 0, "put off already" },

	/* and not when it matters */
	{ "xx?", { .left = 22 * DAY, .life = 90 * DAY }, PRECHECK_GO,
	  PRECHECK_ADDRESSES, 0, "a quarter" },
	{ ".x.", { .left = 10, .life = 40 }, PRECHECK_GO, PRECHECK_CAA, 0,
	  "a quarter" },
	{ ".x.", { .left = 15, .life = 40 }, PRECHECK_DELAY, PRECHECK_CAA, 5,
	  NULL },
	{ ".x.", { .left = -2 * DAY, .life = 90 * DAY }, PRECHECK_GO,
	  PRECHECK_CAA, 0, "a quarter" },
	{ ".x.", { .left = 53 * H, .life = 160 * H, .since = 2 * H },
	  PRECHECK_DELAY, PRECHECK_CAA, H, NULL },

	/* nor when so many names have it alike */
	{ "x..", { .left = 30 * DAY, .life = 90 * DAY,
		   .mood = { [PRECHECK_ADDRESSES] = { 40, 39 } } },
	  PRECHECK_GO, PRECHECK_ADDRESSES, 0, "this box" },
	{ "..?", { .left = 30 * DAY, .life = 90 * DAY,
		   .mood = { [PRECHECK_PROBE] = { 1000, 1000 } } },
	  PRECHECK_GO, PRECHECK_PROBE, 0, "this box" },
	{ ".x?", { .left = 30 * DAY, .life = 90 * DAY,
		   .mood = { [PRECHECK_PROBE] = { 1000, 1000 } } },
	  PRECHECK_DELAY, PRECHECK_CAA, 60, NULL },
	{ ".?.", { .left = 30 * DAY, .life = 90 * DAY,
		   .mood = { [PRECHECK_CAA] = { 1000, 50 } } },
	  PRECHECK_DELAY, PRECHECK_CAA, 60, NULL },
};

static const char *const look_names[] = { "addresses", "caa", "probe" };

static struct precheck as_seen(const char *seen)
{
	struct precheck p = { .ca_count = 0 };

	for (size_t i = 0; i < PRECHECK_LOOKS; i++) {
		if (seen[i] == '.')
			continue;
		p.look[i].finding = seen[i] == 'x' ? PRECHECK_WRONG
						   : PRECHECK_DOUBT;
		err_set(&p.look[i].problem, ERR_AGAIN, "%s", look_names[i]);
	}
	return p;
}

static void each_case_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct precheck p = as_seen(cases[i].seen);
		bool is_fine = streq(cases[i].seen, "...");
		struct precheck_result r;

		precheck_judge(&p, &cases[i].c, &r);
		print_message("%zu: %s: %d of %s, again in %ld, %s\n", i,
			      cases[i].seen, r.verdict, r.problem.text,
			      r.again_in, r.despite ? r.despite : "");
		assert_int_equal(r.verdict, cases[i].verdict);
		assert_int_equal(r.look, cases[i].look);
		assert_int_equal(r.again_in, cases[i].again_in);
		assert_string_equal(r.problem.text,
				    is_fine ? "" : look_names[r.look]);
		assert_int_equal(r.despite != NULL, cases[i].despite != NULL);
		if (r.despite && cases[i].despite)
			assert_non_null(strstr(r.despite, cases[i].despite));
	}
}

/*
 * Put off again and again, as its result says: how long in all until it goes,
 * and by how many looks?
 */
static const struct {
	long left, life;
	long at_most, looks;
} renewals[] = {
	{ 30 * DAY, 90 * DAY, 6 * H, 13 },
	{ 15 * DAY, 45 * DAY, 6 * H, 13 },
	{ 80 * H,   160 * H,  6 * H, 13 },
	{ 20,	    60,	      5,     2 },
	{ 300,	    1000,     50,    2 },
	{ 23 * DAY, 90 * DAY, 6 * H, 13 },
	{ 10,	    90 * DAY, 0,     1 },
};

static void a_renewal_goes_in_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(renewals); i++) {
		struct precheck_case c = { .left = renewals[i].left,
					   .life = renewals[i].life };
		struct precheck p = as_seen("x..");
		struct precheck_result r;
		long looks = 0;

		do {
			precheck_judge(&p, &c, &r);
			c.since += r.again_in;
			c.left -= r.again_in;
			assert_true(r.verdict == PRECHECK_GO || r.again_in > 0);
			looks++;
			if (r.verdict == PRECHECK_DELAY && c.left > c.life / 4)
				assert_int_equal(precheck_waited(false, looks),
						 c.since);
		} while (r.verdict != PRECHECK_GO && looks < 100);
		print_message("%ld of %ld: goes after %ld, %ld looks\n",
			      renewals[i].left, renewals[i].life, c.since,
			      looks);
		assert_int_equal(c.since, renewals[i].at_most);
		assert_int_equal(looks, renewals[i].looks);
	}
}

/* ---- what is taken ---- */

static const struct engine_settings ours = {
	.address = { "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1",
		     "2001:db8::2" },
	.address_count = 5,
};

static void put(struct dns_addresses *out, const char *text)
{
	char copy[200], *save, *one;

	snprintf(copy, sizeof(copy), "%s", text);
	out->outcome = *text ? DNS_FOUND : DNS_NO_RECORD;
	for (one = strtok_r(copy, " ", &save); one;
	     one = strtok_r(NULL, " ", &save))
		snprintf(out->address[out->count++], DNS_ADDRESS_TEXT, "%s",
			 one);
}

static const struct {
	const char *a, *aaaa;		/* of the first resolver */
	const char *other_a;		/* of the second */
	enum precheck_finding finding;
	const char *targets;
} addresses[] = {
	{ "192.0.2.1", "", "192.0.2.1", PRECHECK_FINE, "192.0.2.1" },
	{ "192.0.2.1", "2001:db8::1", "192.0.2.2", PRECHECK_FINE,
	  "2001:db8::1 192.0.2.1 192.0.2.2" },
	{ "192.0.2.1 192.0.2.2 192.0.2.3", "2001:db8::1 2001:DB8::2",
	  "192.0.2.1", PRECHECK_FINE,
	  "2001:db8::1 192.0.2.1 2001:DB8::2 192.0.2.2" },
	{ "192.0.2.1 198.51.100.7", "", "192.0.2.1", PRECHECK_WRONG,
	  "192.0.2.1" },
	{ "198.51.100.7", "", "198.51.100.7", PRECHECK_WRONG, "" },
	{ "", "", "", PRECHECK_WRONG, "" },
};

static void addresses_give_targets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct dns_answer answer = { .count = 2 };
		struct precheck p = { .ca_count = 0 };
		char targets[PRECHECK_PROBES * DNS_ADDRESS_TEXT] = "";

		put(&answer.view[0].a, addresses[i].a);
		put(&answer.view[0].aaaa, addresses[i].aaaa);
		put(&answer.view[1].a, addresses[i].other_a);
		answer.view[1].aaaa.outcome = DNS_NO_RECORD;
		precheck_take_addresses(&p, "mta-sts.a.test", &answer, &ours);
		for (size_t t = 0; t < p.target_count; t++)
			snprintf(targets + strlen(targets),
				 sizeof(targets) - strlen(targets), "%s%s",
				 t ? " " : "", p.target[t]);
		print_message("%s: %s\n", targets,
			      p.look[PRECHECK_ADDRESSES].problem.text);
		assert_int_equal(p.look[PRECHECK_ADDRESSES].finding,
				 addresses[i].finding);
		assert_int_equal(p.look[PRECHECK_ADDRESSES].problem.kind !=
				 ERR_NONE, addresses[i].finding != PRECHECK_FINE);
		assert_string_equal(targets, addresses[i].targets);
	}
}

/*
 * Two CAs in turn, "a.example" and "b.example"; `issue` is the one record
 * there is, NULL means none and "!" that nobody answered.
 */
static const struct {
	const char *issue;
	enum caa_verdict a, b;
	enum precheck_finding finding;
	const char *says;
} caas[] = {
	{ NULL, CAA_ALLOWS, CAA_ALLOWS, PRECHECK_FINE, "" },
	{ "a.example", CAA_ALLOWS, CAA_FORBIDS, PRECHECK_FINE, "" },
	{ "b.example", CAA_FORBIDS, CAA_ALLOWS, PRECHECK_FINE, "" },
	{ "c.example", CAA_FORBIDS, CAA_FORBIDS, PRECHECK_WRONG,
	  "\"a.example\"" },
	{ "!", CAA_UNKNOWN, CAA_UNKNOWN, PRECHECK_DOUBT, "name servers" },
};

static struct dns_caa_answer caa_answer(const char *issue)
{
	struct dns_caa_answer answer = { .name = "mta-sts.a.test", .count = 1 };
	struct dns_caa_set *set = &answer.view[0];

	strcpy(set->found_at, "a.test");
	set->outcome = DNS_NO_RECORD;
	if (issue && *issue == '!') {
		set->outcome = DNS_FAILED;
	} else if (issue) {
		set->outcome = DNS_FOUND;
		set->count = 1;
		strcpy(set->record[0].tag, "issue");
		strcpy(set->record[0].value, issue);
	}
	return answer;
}

static void one_ca_that_may_issue_is_enough(void **state)
{
	static const char *const a_names[] = { "a.example" };
	static const char *const b_names[] = { "b.example" };
	const struct caa_asker a = { a_names, 1, NULL, "http-01" };
	const struct caa_asker b = { b_names, 1, NULL, "http-01" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(caas); i++) {
		struct dns_caa_answer answer = caa_answer(caas[i].issue);
		struct precheck p = { .ca_count = 0 };

		precheck_take_caa(&p, &answer, &a);
		precheck_take_caa(&p, &answer, &b);
		print_message("%s\n", p.look[PRECHECK_CAA].problem.text);
		assert_int_equal(p.ca_count, 2);
		assert_int_equal(p.caa[0], caas[i].a);
		assert_int_equal(p.caa[1], caas[i].b);
		assert_int_equal(p.look[PRECHECK_CAA].finding, caas[i].finding);
		assert_non_null(strstr(p.look[PRECHECK_CAA].problem.hint,
				       caas[i].says));
		assert_int_equal(p.look[PRECHECK_CAA].problem.kind != ERR_NONE,
				 caas[i].finding != PRECHECK_FINE);
	}
}

/* The CA may come by any of the addresses: one that fails is a doubt. */
static void the_first_probe_that_fails_is_told(void **state)
{
	struct precheck p = { .ca_count = 0 };
	struct err fine = ERR_INIT, first, second;

	(void)state;
	err_set(&first, ERR_AGAIN, "first");
	err_set(&second, ERR_AGAIN, "second");
	precheck_take_probe(&p, &fine);
	assert_int_equal(p.look[PRECHECK_PROBE].finding, PRECHECK_FINE);
	precheck_take_probe(&p, &first);
	precheck_take_probe(&p, &second);
	precheck_take_probe(&p, &fine);
	assert_int_equal(p.look[PRECHECK_PROBE].finding, PRECHECK_DOUBT);
	assert_string_equal(p.look[PRECHECK_PROBE].problem.text, "first");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_has_its_verdict),
		cmocka_unit_test(a_renewal_goes_in_the_end),
		cmocka_unit_test(addresses_give_targets),
		cmocka_unit_test(one_ca_that_may_issue_is_enough),
		cmocka_unit_test(the_first_probe_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
