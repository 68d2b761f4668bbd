/* Which mail hosts a policy may leave out, and when. */
#include "daemon/mx_drop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/watch_merge.h"

#define NOW 1800000000L
#define OLD (NOW - WHEN_DAY) /* longer ago than any TTL here */

static char a[] = "a.test", b[] = "b.test", any[] = "*.test";

static const struct {
	const char *what;
	const char *mx; /* as DNS was seen to have it */
	char *wanted, *besides;
	time_t at, left;
	long ttl;
	enum mx_drop is;
	const char *says;
} cases[] = {
	{ "none goes", "a.test", a, b, 0, 0, 0, MX_DROP_FINE, "" },
	{ "one that is of no use", "a.test", a, NULL, NOW - 60, OLD, 600,
	  MX_DROP_FINE, "" },
	{ "one in use", "b.test", a, NULL, NOW - 60, OLD, 600, MX_DROP_LOSES,
	  "still sends mail of example.org to b.test" },
	{ "a pattern takes its place", "b.test", any, NULL, 0, 0, 0,
	  MX_DROP_FINE, "" },

	/* how old the look is */
	{ "just so", "a.test", a, NULL, NOW - WATCH_JUST_NOW + 1, OLD, 600,
	  MX_DROP_FINE, "" },
	{ "a second too old", "a.test", a, NULL, NOW - WATCH_JUST_NOW, OLD, 600,
	  MX_DROP_LOOK, "not seen lately" },
	{ "too old to say that it is in use", "b.test", a, NULL,
	  NOW - WHEN_HOUR, OLD, 600, MX_DROP_LOOK, "not seen lately" },
	{ "never", NULL, a, NULL, 0, 0, 0, MX_DROP_LOOK, "not seen lately" },
	{ "none has left", "a.test", a, NULL, NOW - 60, 0, WHEN_DAY,
	  MX_DROP_FINE, "" },

	/* what caches have: an hour at least, seven days at most */
	{ "moved just now", "a.test", a, NULL, NOW - 60, NOW - 60, 600,
	  MX_DROP_WAIT, "may have the former MX" },
	{ "a second less than an hour", "a.test", a, NULL, NOW - 60,
	  NOW - WHEN_HOUR + 1, 600, MX_DROP_WAIT, "may have the former MX" },
	{ "an hour", "a.test", a, NULL, NOW - 60, NOW - WHEN_HOUR, 600,
	  MX_DROP_FINE, "" },
	{ "its TTL", "a.test", a, NULL, NOW - 60, NOW - WHEN_DAY, WHEN_DAY,
	  MX_DROP_FINE, "" },
	{ "a second less", "a.test", a, NULL, NOW - 60, NOW - WHEN_DAY + 1,
	  WHEN_DAY, MX_DROP_WAIT, "may have the former MX" },
	{ "any TTL", "a.test", a, NULL, NOW - 60, NOW - WATCH_TTL_MOST,
	  0x7fffffff, MX_DROP_FINE, "" },
	{ "no look helps then", "a.test", a, NULL, NOW - WHEN_HOUR,
	  NOW - WHEN_HOUR - 60, WHEN_DAY, MX_DROP_WAIT,
	  "may have the former MX" },
	{ "moved, and in use", "b.test", a, NULL, NOW - 60, NOW - 60, 600,
	  MX_DROP_LOSES, "b.test" },

	{ "a name of no host", "mx_2.test", a, NULL, NOW - 60, OLD, 600,
	  MX_DROP_LOSES, "no host name: mx_2.test" },
};

static void see(const char *host, struct mx_seen *mx)
{
	mx->look = host ? MX_THERE : MX_UNKNOWN;
	if (host)
		mx_seen_parse(host, mx);
}

static void each_is_judged(void **state)
{
	static const enum err_kind kinds[] = {
		[MX_DROP_FINE] = ERR_NONE,
		[MX_DROP_LOOK] = ERR_LOOKING,
		[MX_DROP_WAIT] = ERR_REFUSED,
		[MX_DROP_LOSES] = ERR_REFUSED,
	};
	struct sts_policy was = { .mode = STS_ENFORCE,
				  .mx = { a, b },
				  .mx_count = 2 };
	struct domain d = { .name = "example.org",
			    .created_at = NOW - 30 * WHEN_DAY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct watch w = { .mx_at = cases[i].at,
				   .mx_since = OLD,
				   .mx_left_at = cases[i].left };
		struct sts_policy wanted = {
			.mode = STS_ENFORCE,
			.mx = { cases[i].wanted, cases[i].besides },
			.mx_count = cases[i].besides ? 2 : 1,
		};
		struct err err = ERR_INIT;

		see(cases[i].mx, &w.mx);
		w.mx.ttl = cases[i].ttl;
		print_message("%s\n", cases[i].what);
		assert_int_equal(
			mx_drop_judge(&w, &d, &was, &wanted, NOW, &err),
			cases[i].is);
		assert_int_equal(err.kind, kinds[cases[i].is]);
		assert_non_null(strstr(err.text, cases[i].says));
	}
}

static char far
	[] = "a-host-of-sixty-three-letters-in-one-label-is-not-so-rare.test",
     farther[] = "another-host-of-sixty-three-letters-in-one-label.more.test";

static const struct {
	char *wanted[2];
	const char *hint;
} hints[] = {
	{ { a }, "drop it then, or now with --force" },
	{ { far }, "safe at once: mtastsctl policy mx example.org add" },
	{ { far }, " add a-host-of-sixty-three" },
	{ { far, a }, "drop the former then, or now with --force" },
	{ { far, farther }, " add HOST...; drop" },
};

/* Both together cost nobody mail, and new ones need not wait. */
static void who_waits_may_add(void **state)
{
	struct sts_policy was = { .mode = STS_ENFORCE,
				  .mx = { a, b },
				  .mx_count = 2 };
	struct domain d = { .name = "example.org" };
	struct watch w = { .mx_at = NOW - 60,
			   .mx_since = NOW - 60,
			   .mx_left_at = NOW - 60 };

	(void)state;
	w.mx.look = MX_THERE;
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		struct sts_policy wanted = {
			.mode = STS_ENFORCE,
			.mx = { hints[i].wanted[0], hints[i].wanted[1] },
			.mx_count = hints[i].wanted[1] ? 2 : 1,
		};
		struct err err = ERR_INIT;

		assert_int_equal(
			mx_drop_judge(&w, &d, &was, &wanted, NOW, &err),
			MX_DROP_WAIT);
		print_message("%s\n", err.hint);
		assert_non_null(strstr(err.hint, hints[i].hint));
	}
}

/* "Again" is for what a look may help; which is begun all the same. */
static void who_gets_no_answer_is_not_asked_again_for_ever(void **state)
{
	static const struct {
		long failures;
		time_t looked, at;
		enum err_kind is;
	} looks[] = {
		{ 0, 0, 0, ERR_LOOKING }, /* none yet */
		{ 1, 0, 0, ERR_REFUSED },
		{ 0, NOW - 60, 0, ERR_REFUSED },
		{ 0, NOW - 60, OLD, ERR_REFUSED },
		{ 0, OLD, OLD, ERR_LOOKING },
		{ 3, OLD, OLD, ERR_REFUSED },
	};
	struct sts_policy was = { .mx = { a, b }, .mx_count = 2 };
	struct sts_policy wanted = { .mx = { a }, .mx_count = 1 };
	struct domain d = { .name = "example.org" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		struct watch w = { .failures = looks[i].failures,
				   .looked_at = looks[i].looked,
				   .mx_at = looks[i].at };
		struct err err = ERR_INIT;

		see(looks[i].at ? "a.test" : NULL, &w.mx);
		w.mx_since = looks[i].at;
		assert_int_equal(
			mx_drop_judge(&w, &d, &was, &wanted, NOW, &err),
			MX_DROP_LOOK);
		assert_int_equal(err.kind, looks[i].is);
	}
}

/* ---- by what is seen, one look each half hour ---- */

static const struct sts_policy both = { .mode = STS_ENFORCE,
					.mx = { a, b },
					.mx_count = 2 };
static const struct sts_policy first = { .mode = STS_ENFORCE,
					 .mx = { a },
					 .mx_count = 1 };

#define PACE (WHEN_HOUR / 2)

static const struct {
	const char *looks; /* as see_look() reads them; 'n' so many times 'a' */
	enum mx_drop is;   /* of {a, b} to {a}, at the last look */
} stories[] = {
	/* what is seen first may have been so for years */
	{ "a", MX_DROP_FINE },
	{ "?a", MX_DROP_FINE },
	{ "1", MX_DROP_FINE },
	{ "aaa", MX_DROP_FINE },

	/* one moves away: its TTL is a day */
	{ "wa", MX_DROP_WAIT },
	{ "ba", MX_DROP_WAIT },
	{ "w1a", MX_DROP_WAIT },
	{ "0a", MX_DROP_WAIT },
	{ "w0a", MX_DROP_WAIT },
	{ "wan", MX_DROP_FINE },
	{ "w?a", MX_DROP_WAIT },
	{ "w?an", MX_DROP_FINE },
	{ "wana?a1a", MX_DROP_FINE },

	/* one comes: none is lost */
	{ "ac", MX_DROP_FINE },
	{ "an?cc", MX_DROP_FINE },
	{ "cana", MX_DROP_FINE },

	/* two that never agree, and show the same */
	{ "xxxx", MX_DROP_FINE },
	{ "cxcx", MX_DROP_FINE },

	/* one of two was down */
	{ "a111a", MX_DROP_FINE },
	{ "a1a1a", MX_DROP_FINE },

	/* strays, and a look that nobody answers */
	{ "c?c", MX_DROP_FINE },
	{ "c?", MX_DROP_LOOK },
};

/* a, b: that host; w: both; c: a and another; x: the same, and they do not agree;
   0: none; 1: a, and one answers; ?: nobody does. */
static struct watch_seen see_look(char how)
{
	const char *hosts = how == 'b'		       ? "b.test"
			    : how == 'w'	       ? "a.test\nb.test"
			    : how == 'c' || how == 'x' ? "a.test\nc.test"
						       : "a.test";
	struct watch_seen seen = { .host = HOST_HERE };

	if (how == '?')
		return seen;
	seen.mx.look = how == '0' ? MX_ABSENT : MX_THERE;
	if (how != '0')
		mx_seen_parse(hosts, &seen.mx);
	seen.mx.voices = how == '1' ? 1 : 2;
	seen.mx.agrees = how != 'x';
	seen.mx.ttl = WHEN_DAY;
	return seen;
}

static time_t look(struct watch *w, char how, time_t now)
{
	long times = how == 'n' ? WHEN_DAY / PACE : 1;
	struct watch_seen seen = see_look(how);

	for (long i = 0; i < times; i++) {
		now += PACE;
		watch_merge(w, &seen, now);
		watch_note_strays(w, &both, now);
	}
	return now;
}

static void what_was_seen_decides(void **state)
{
	const struct domain d = { .name = "example.org", .created_at = NOW };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
		struct watch w = { .domain_id = 7 };
		time_t now = NOW;

		for (const char *how = stories[i].looks; *how; how++)
			now = look(&w, *how, now);
		print_message("%s\n", stories[i].looks);
		assert_int_equal(
			mx_drop_judge(&w, &d, &both, &first, now, NULL),
			stories[i].is);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_judged),
		cmocka_unit_test(who_waits_may_add),
		cmocka_unit_test(
			who_gets_no_answer_is_not_asked_again_for_ever),
		cmocka_unit_test(what_was_seen_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
