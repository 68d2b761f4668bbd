/* Mail hosts as resolvers show them, and what a policy says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/mx_seen.h"

#define LABEL "a23456789012345678901234567890123456789012345678901234567890123"
#define CUT                                                                    \
	LABEL "." LABEL "." LABEL ".a2345678901234567890123456789012345678x."  \
	      "a23456789012345678..."
#define LONG  LABEL "." LABEL "." LABEL ".a2345678901234567890123456789012345678"

/*
 * A view: "-" no such name, "0" no such record, "!" no answer, else its TTL
 * and hosts; "+" behind them: there are more.
 */
static const struct {
	const char *views[DNS_SERVERS_MAX];
	enum mx_look look;
	const char *hosts;
	unsigned voices;
	bool agrees, is_cut;
	long ttl;
} cases[] = {
	/* one that is asked */
	{ { NULL }, MX_UNKNOWN, "", 0, false, false, 0 },
	{ { "!" }, MX_UNKNOWN, "", 0, false, false, 0 },
	{ { "-" }, MX_ABSENT, "", 1, true, false, 0 },
	{ { "0" }, MX_ABSENT, "", 1, true, false, 0 },
	{ { "60 a.test" }, MX_THERE, "a.test", 1, true, false, 60 },
	{ { "60 b.test a.test" },
	  MX_THERE,
	  "a.test b.test",
	  1,
	  true,
	  false,
	  60 },
	{ { "60 a.test b.test +" },
	  MX_THERE,
	  "a.test b.test",
	  1,
	  true,
	  true,
	  60 },

	/* RFC 7505: alone, or it is none */
	{ { "60 ." }, MX_NULL, "", 1, true, false, 60 },
	{ { "60 ''" }, MX_NULL, "", 1, true, false, 60 },
	{ { "60 . a.test" }, MX_THERE, "a.test", 1, true, false, 60 },

	/* the same host in other letters */
	{ { "60 A.Test a.test a.test." },
	  MX_THERE,
	  "a.test",
	  1,
	  true,
	  false,
	  60 },

	/* names of hosts that are fine in a policy */
	{ { "60 mta-sts.mail.test r3---sn.test " LONG },
	  MX_THERE,
	  LONG " mta-sts.mail.test r3---sn.test",
	  1,
	  true,
	  false,
	  60 },

	/* names that no policy can have: all of them are told */
	{ { "60 localhost 192.0.2.1 *.a.test a_b.test -a.test a..test" },
	  MX_THERE,
	  "*.a.test -a.test 192.0.2.1 a..test a_b.test localhost",
	  1,
	  true,
	  false,
	  60 },
	{ { "60 \x7f\x7f.test b.test\n.test c.test" },
	  MX_THERE,
	  "c.test \\x7f\\x7f.test b.test\\x0a.test",
	  1,
	  true,
	  false,
	  60 },

	{ { "60 x.test mx_2.test MX_1.test" },
	  MX_THERE,
	  "x.test mx_1.test mx_2.test",
	  1,
	  true,
	  false,
	  60 },
	{ { "60 " LONG "x." LABEL }, MX_THERE, CUT, 1, true, false, 60 },
	{ { "60 a.test mx_1.test", "60 a.test" },
	  MX_THERE,
	  "a.test mx_1.test",
	  2,
	  false,
	  false,
	  60 },
	{ { "60 a.test b_2.test", "60 a.test b_1.test", "60 a.test b_2.test" },
	  MX_THERE,
	  "a.test b_1.test b_2.test",
	  3,
	  false,
	  false,
	  60 },

	/* more than are kept: the same ones, however they are turned */
	{ { "60 q.test p.test o.test n.test m.test l.test k.test j.test "
	    "i.test h.test g.test f.test e.test d.test c.test b.test a.test" },
	  MX_THERE,
	  "a.test b.test c.test d.test e.test f.test g.test h.test i.test "
	  "j.test k.test l.test m.test n.test o.test p.test",
	  1,
	  true,
	  true,
	  60 },
	{ { "60 a.test b.test c.test d.test e.test f.test g.test h.test "
	    "i.test j.test k.test l.test m.test n.test o.test p.test" },
	  MX_THERE,
	  "a.test b.test c.test d.test e.test f.test g.test h.test i.test "
	  "j.test k.test l.test m.test n.test o.test p.test",
	  1,
	  true,
	  false,
	  60 },

	/* several that agree */
	{ { "60 a.test b.test", "90 B.test a.test" },
	  MX_THERE,
	  "a.test b.test",
	  2,
	  true,
	  false,
	  90 },
	{ { "90 a.test", "!", "60 a.test" },
	  MX_THERE,
	  "a.test",
	  2,
	  true,
	  false,
	  90 },
	{ { "!", "60 ." }, MX_NULL, "", 1, true, false, 60 },
	{ { "-", "0" }, MX_ABSENT, "", 2, true, false, 0 },

	/* several that do not: what any of them sees */
	{ { "60 a.test", "60 b.test" },
	  MX_THERE,
	  "a.test b.test",
	  2,
	  false,
	  false,
	  60 },
	{ { "60 b.test", "60 a.test b.test", "60 b.test" },
	  MX_THERE,
	  "a.test b.test",
	  3,
	  false,
	  false,
	  60 },
	{ { "60 a.test b.test", "60 b.test" },
	  MX_THERE,
	  "a.test b.test",
	  2,
	  false,
	  false,
	  60 },
	{ { "-", "60 a.test" }, MX_THERE, "a.test", 2, false, false, 60 },
	{ { "60 a.test", "-" }, MX_THERE, "a.test", 2, false, false, 60 },
	{ { "60 .", "60 a.test" }, MX_THERE, "a.test", 2, false, false, 60 },
	{ { "60 .", "-" }, MX_NULL, "", 2, false, false, 60 },
	{ { "60 a.test", "60 a.test +" },
	  MX_THERE,
	  "a.test",
	  2,
	  true,
	  true,
	  60 },
	{ { "60 a.test", "60 b.test", "60 b.test", "60 b.test" },
	  MX_THERE,
	  "a.test b.test",
	  4,
	  false,
	  false,
	  60 },
};

static void read_view(struct dns_record_set *set, const char *word)
{
	char *text, *rest, *save, *one;

	set->outcome = streq(word, "-")	  ? DNS_NO_NAME
		       : streq(word, "0") ? DNS_NO_RECORD
		       : streq(word, "!") ? DNS_FAILED
					  : DNS_FOUND;
	if (set->outcome != DNS_FOUND)
		return;
	text = xstrdup(word);
	set->ttl = strtol(text, &rest, 10);
	for (one = strtok_r(rest, " ", &save); one;
	     one = strtok_r(NULL, " ", &save)) {
		if (streq(one, "+"))
			set->is_cut = true;
		else
			snprintf(set->record[set->count++].text, DNS_TEXT_MAX,
				 "%s", streq(one, "''") ? "" : one);
	}
	free(text);
}

static void read_views(const char *const *views, struct mx_seen *seen)
{
	struct dns_records_answer *answer = xcalloc(1, sizeof(*answer));

	for (; answer->count < DNS_SERVERS_MAX && views[answer->count];
	     answer->count++)
		read_view(&answer->view[answer->count], views[answer->count]);
	memset(seen, 0x55, sizeof(*seen));
	mx_seen_read(answer, seen);
	free(answer);
}

/* Taken apart at spaces, as write() has it at lines. */
static void assert_hosts(const struct mx_seen *seen, const char *expected)
{
	char out[MX_SEEN_TEXT];

	mx_seen_write(seen, out);
	for (char *c = out; *c; c++)
		if (*c == '\n')
			*c = ' ';
	assert_string_equal(out, expected);
}

static void hosts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mx_seen seen;

		print_message("%zu: %s\n", i,
			      cases[i].views[0] ? cases[i].views[0] : "");
		read_views(cases[i].views, &seen);
		assert_string_equal(mx_look_name(seen.look),
				    mx_look_name(cases[i].look));
		assert_hosts(&seen, cases[i].hosts);
		assert_int_equal(seen.voices, cases[i].voices);
		assert_int_equal(seen.agrees, cases[i].agrees);
		assert_int_equal(seen.is_cut, cases[i].is_cut);
		assert_int_equal(seen.ttl, cases[i].ttl);
	}
}

static void looks_have_names(void **state)
{
	(void)state;
	assert_string_equal(mx_look_name(MX_UNKNOWN), "unknown");
	assert_string_equal(mx_look_name(MX_ABSENT), "absent");
	assert_string_equal(mx_look_name(MX_NULL), "null");
	assert_string_equal(mx_look_name(MX_THERE), "there");
}

static void the_same_is_the_same(void **state)
{
	static const char *const views[] = { "-",
					     "60 .",
					     "60 a.test",
					     "60 b.test",
					     "60 a.test b.test",
					     "60 a_b",
					     "60 a.test a_b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		for (size_t k = 0; k < ARRAY_LEN(views); k++) {
			const char *const one[] = { views[i], NULL };
			const char *const two[] = { views[k], "!", NULL };
			struct mx_seen a, b;

			read_views(one, &a);
			read_views(two, &b);
			assert_int_equal(mx_seen_same(&a, &b), i == k);
		}
}

/* ---- as a store keeps them ---- */

static const struct {
	const char *lines, *hosts;
} kept[] = {
	{ "", "" },
	{ "a.test", "a.test" },
	{ "a.test\nb.test", "a.test b.test" },
	{ "a.test\n", "a.test" },
	{ "\n\n\na.test\n\n", "a.test" },
	{ "A.test\na.test", "a.test" },
	{ "not a host\n\x01\xff\na.test\n%s%n\n../..",
	  "a.test %s%n ../.. \\x01\\xff not a host" },
	{ "a.test\nmx_1.test", "a.test mx_1.test" },
	{ "mx_1.test", "mx_1.test" },
	{ "b.test\na.test", "a.test b.test" },
};

static void what_is_kept_is_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		struct mx_seen seen = { .count = 7, .bad_count = 7 };

		print_message("%zu\n", i);
		mx_seen_parse(kept[i].lines, &seen);
		assert_hosts(&seen, kept[i].hosts);
		assert_false(seen.is_cut);
	}
}

/* The longest names, and as many as there may be. */
static void what_is_longest_fits(void **state)
{
	char text[MX_SEEN_TEXT], again[MX_SEEN_TEXT];
	struct mx_seen seen = { .count = 0 }, back = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < MX_SEEN_MAX; i++) {
		snprintf(seen.host[i], DOMAIN_NAME_SIZE, "%.253s",
			 LABEL "." LABEL "." LABEL "." LABEL);
		seen.host[i][0] = (char)('a' + i);
		assert_int_equal(strlen(seen.host[i]), DOMAIN_NAME_MAX);
		seen.count++;
	}
	for (size_t i = 0; i < MX_SEEN_MAX; i++) {
		memset(seen.bad[i], '_', DOMAIN_NAME_MAX);
		seen.bad[i][0] = (char)('a' + i);
		seen.bad_count++;
	}
	mx_seen_write(&seen, text);
	assert_int_equal(strlen(text), MX_SEEN_TEXT - 1);
	mx_seen_parse(text, &back);
	assert_int_equal(back.count, MX_SEEN_MAX);
	assert_true(mx_seen_same(&seen, &back));
	mx_seen_write(&back, again);
	assert_string_equal(text, again);
}

/* Whoever writes more lines than fit damages nothing. */
static void a_long_list_is_cut(void **state)
{
	struct mx_seen seen = { .count = 0 };
	char lines[4000] = "";

	(void)state;
	for (size_t i = 0; i < 200; i++)
		sprintf(lines + strlen(lines), "h%03zu.test\n", i);
	mx_seen_parse(lines, &seen);
	assert_int_equal(seen.count, MX_SEEN_MAX);
	assert_true(seen.is_cut);
	assert_string_equal(seen.host[15], "h015.test");
}

/* ---- against a policy ---- */

static struct sts_policy policy(enum sts_mode mode, const char *mx)
{
	struct sts_policy p = { .mode = mode, .max_age = STS_MAX_AGE_MIN };

	assert_true(sts_policy_add_mx(&p, mx, NULL));
	return p;
}

static const struct {
	enum sts_mode mode;
	const char *mx, *view;
	size_t strays;
	const char *after; /* the policy, with those that are seen */
} strays[] = {
	{ STS_ENFORCE, "a.test", "60 a.test", 0, "a.test" },
	{ STS_ENFORCE, "a.test", "60 A.TEST.", 0, "a.test" },
	{ STS_ENFORCE, "a.test", "60 b.test", 1, "a.test b.test" },
	{ STS_TESTING, "a.test", "60 b.test a.test c.test", 2,
	  "a.test b.test c.test" },
	{ STS_NONE, "a.test", "60 b.test", 0, "a.test b.test" },
	{ STS_ENFORCE, "*.a.test", "60 x.a.test", 0, "*.a.test" },
	{ STS_ENFORCE, "*.a.test", "60 y.x.a.test", 1, "*.a.test y.x.a.test" },
	{ STS_ENFORCE, "*.a.test", "60 a.test", 1, "*.a.test a.test" },
	{ STS_ENFORCE, "a.test", "60 .", 0, "a.test" },
	{ STS_ENFORCE, "a.test", "-", 0, "a.test" },
	{ STS_ENFORCE, "a.test", "!", 0, "a.test" },
};

static void strays_are_counted_and_taken_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strays); i++) {
		const char *const views[] = { strays[i].view, NULL };
		struct sts_policy p = policy(strays[i].mode, strays[i].mx);
		struct err err = ERR_INIT;
		struct mx_seen seen;
		char out[200] = "";

		print_message("%zu\n", i);
		read_views(views, &seen);
		assert_int_equal(mx_strays(&seen, &p), strays[i].strays);
		assert_true(mx_add_seen(&seen, &p, &err));
		for (size_t k = 0; k < p.mx_count; k++)
			sprintf(out + strlen(out), "%s%s", k ? " " : "",
				p.mx[k]);
		assert_string_equal(out, strays[i].after);
		assert_int_equal(mx_strays(&seen, &p), 0);
		sts_policy_release(&p);
	}
}

/* Of it no policy can say that it may be delivered to. */
static void what_is_no_host_is_told_unless_all_may_be(void **state)
{
	static const char *const views[] = { "60 a.test mx_1.test", NULL },
				 *const good[] = { "60 a.test", NULL };
	struct mx_seen seen;

	(void)state;
	for (int mode = STS_NONE; mode <= STS_ENFORCE; mode++) {
		struct sts_policy p = policy((enum sts_mode)mode, "a.test");

		read_views(views, &seen);
		assert_int_equal(mx_has_bad(&seen, &p), mode != STS_NONE);
		assert_int_equal(mx_strays(&seen, &p), 0);
		read_views(good, &seen);
		assert_false(mx_has_bad(&seen, &p));
		sts_policy_release(&p);
	}
}

/* All, as far as there is room; and how many there are besides. */
static const struct {
	const char *view;
	size_t size;
	const char *bad, *strays;
} said[] = {
	{ "60 a.test", 200, "", "" },
	{ "60 b.test", 200, "", "b.test" },
	{ "60 mx_1.test b.test mx_2.test c.test", 200, "mx_1.test mx_2.test",
	  "b.test c.test" },
	{ "60 mx_1.test b.test mx_2.test c.test d.test mx_3.test", 34,
	  "mx_1.test and 2 more", "b.test c.test and 1 more" },
	{ "60 mx_1.test mx_2.test", 35, "mx_1.test and 1 more", "" },
	{ "60 mx_1.test mx_2.test", 36, "mx_1.test mx_2.test", "" },
	{ "60 mx_1.test bbbbbb.test c.test mx_2.test", 22, "mx_1. and 1 more",
	  "bbbbb and 1 more" },
	{ "60 a_q a_p a_o a_n a_m a_l a_k a_j a_i a_h a_g a_f a_e a_d a_c a_b "
	  "a_a",
	  200,
	  "a_a a_b a_c a_d a_e a_f a_g a_h a_i a_j a_k a_l a_m a_n a_o a_p and "
	  "more",
	  "" },
};

static void all_names_are_said_that_fit(void **state)
{
	struct sts_policy p = policy(STS_ENFORCE, "a.test");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		const char *const views[] = { said[i].view, NULL };
		struct mx_seen seen;
		char out[200];

		print_message("%zu\n", i);
		read_views(views, &seen);
		mx_say_bad(&seen, out, said[i].size);
		assert_string_equal(out, said[i].bad);
		mx_say_strays(&seen, &p, out, said[i].size);
		assert_string_equal(out, said[i].strays);
	}
	sts_policy_release(&p);
}

/* Up to the limit, and not beyond it. */
static void a_policy_that_is_full_takes_no_more(void **state)
{
	const char *const views[] = { "60 new1.test new2.test h00.test", NULL };
	struct mx_seen seen;

	(void)state;
	read_views(views, &seen);
	for (size_t room = 0; room <= 3; room++) {
		struct sts_policy p = policy(STS_ENFORCE, "h00.test");
		struct err err = ERR_INIT;
		char host[40];
		bool ok;

		while (p.mx_count < STS_MX_LIMIT - room) {
			snprintf(host, sizeof(host), "h%02zu.test", p.mx_count);
			assert_true(sts_policy_add_mx(&p, host, NULL));
		}
		ok = mx_add_seen(&seen, &p, &err);
		assert_int_equal(ok, room >= 2);
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_INPUT);
		assert_true(p.mx_count <= STS_MX_LIMIT);
		assert_int_equal(mx_strays(&seen, &p), ok ? 0 : 2 - room);
		sts_policy_release(&p);
	}
}

/* Few enough, and still longer than a body may be. */
static void a_policy_that_is_too_long_is_refused(void **state)
{
	struct sts_policy p = policy(STS_ENFORCE, "h00.test");
	struct err err = ERR_INIT;

	(void)state;
	while (err.kind == ERR_NONE) {
		struct mx_seen one = { .count = 1 };
		bool ok;

		snprintf(one.host[0], DOMAIN_NAME_SIZE, "h%02zu.%.240s",
			 p.mx_count, LABEL "." LABEL "." LABEL "." LABEL);
		ok = mx_add_seen(&one, &p, &err);
		assert_int_equal(ok, sts_policy_validate(&p, NULL));
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_INPUT);
	}
	assert_in_range(p.mx_count, 35, STS_MX_LIMIT - 1);
	sts_policy_release(&p);
}

/* Patterns that `was` has and `wanted` leaves out, of use or not. */
static const struct {
	const char *was[3], *wanted[3];
	bool drops;
} dropped[] = {
	{ { "a.test" }, { "a.test" }, false },
	{ { "a.test" }, { "b.test", "a.test" }, false },
	{ { "a.test", "b.test" }, { "a.test" }, true },
	{ { "a.test" }, { "b.test" }, true },
	{ { "a.x.test" }, { "*.x.test" }, false },
	{ { "a.b.x.test" }, { "*.x.test" }, true },
	{ { "*.x.test" }, { "a.x.test" }, true },
	{ { "*.x.test" }, { "*.x.test" }, false },
	{ { "*.b.x.test" }, { "*.x.test" }, true },
};

static struct sts_policy names(const char *const *list)
{
	struct sts_policy p = { .mode = STS_ENFORCE };

	for (size_t i = 0; i < 3 && list[i]; i++)
		assert_true(sts_policy_add_mx(&p, list[i], NULL));
	return p;
}

static void a_policy_that_names_fewer_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
		struct sts_policy was = names(dropped[i].was),
				  wanted = names(dropped[i].wanted);

		print_message("%zu\n", i);
		assert_int_equal(mx_drops(&was, &wanted), dropped[i].drops);
		sts_policy_release(&was);
		sts_policy_release(&wanted);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_read),
		cmocka_unit_test(looks_have_names),
		cmocka_unit_test(the_same_is_the_same),
		cmocka_unit_test(what_is_kept_is_read_back),
		cmocka_unit_test(what_is_longest_fits),
		cmocka_unit_test(a_long_list_is_cut),
		cmocka_unit_test(strays_are_counted_and_taken_in),
		cmocka_unit_test(what_is_no_host_is_told_unless_all_may_be),
		cmocka_unit_test(a_policy_that_is_full_takes_no_more),
		cmocka_unit_test(a_policy_that_is_too_long_is_refused),
		cmocka_unit_test(a_policy_that_names_fewer_is_known),
		cmocka_unit_test(all_names_are_said_that_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
