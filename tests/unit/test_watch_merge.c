/* What a look at DNS changes of what is known, and when the next one is. */
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
#include "base/when.h"
#include "daemon/watch_merge.h"

#define T0 1800000000L

static struct mx_seen mx(const char *host, unsigned voices)
{
	struct mx_seen seen = { .look = MX_THERE,
				.count = 1,
				.voices = voices,
				.agrees = true,
				.ttl = 300 };

	snprintf(seen.host[0], sizeof(seen.host[0]), "%s", host);
	return seen;
}

/* As it is seen at T0: all is well. */
static struct watch_seen all_well(void)
{
	return (struct watch_seen){
		.host = HOST_HERE,
		.txt = { ANNOUNCED_IN_STEP, "id1", 600 },
		.reports = REPORTS_OURS,
		.mx = mx("a.test", 2),
	};
}

static struct watch known(void)
{
	const struct watch_seen seen = all_well();
	struct watch w = { .domain_id = 7, .news_at = T0 - 5 };

	assert_int_equal(watch_merge(&w, &seen, T0),
			 NEWS_HOST | NEWS_TXT | NEWS_MX | NEWS_REPORTS);
	return w;
}

/* Whether the name leads here or not: who made it has handed it out. */
static void an_id_never_made_here_is_remembered(void **state)
{
	static const enum announced foreign[] = { ANNOUNCED_AHEAD,
						  ANNOUNCED_FOREIGN };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		struct watch_seen seen = all_well();
		struct watch w = known();

		assert_int_equal(w.foreign_at, 0);
		assert_int_equal(watch_foreign_until(&w, T0), 0);
		seen.txt.what = foreign[i];
		watch_merge(&w, &seen, T0 + 10);
		watch_merge(&w, &seen, T0 + 20);
		seen = all_well();
		watch_merge(&w, &seen, T0 + 30);
		assert_int_equal(w.foreign_at, T0 + 20);
		assert_int_equal(watch_foreign_until(&w, T0 + 30),
				 T0 + 20 + STS_MAX_AGE_MAX);
		assert_int_equal(
			watch_foreign_until(&w, T0 + 20 + STS_MAX_AGE_MAX), 0);
	}
}

/* The first look changes nothing: nobody knew. */
static void the_first_look_is_the_beginning(void **state)
{
	struct watch w = known();

	(void)state;
	assert_int_equal(w.news_at, T0 - 5);
	assert_int_equal(w.looked_at, T0);
	assert_int_equal(w.host, HOST_HERE);
	assert_int_equal(w.host_since, T0);
	assert_int_equal(w.txt, ANNOUNCED_IN_STEP);
	assert_string_equal(w.txt_id, "id1");
	assert_int_equal(w.txt_ttl, 600);
	assert_int_equal(w.txt_since, T0);
	assert_int_equal(w.reports, REPORTS_OURS);
	assert_string_equal(w.mx.host[0], "a.test");
	assert_int_equal(w.mx_since, T0);
}

/* Looks, in seconds since T0: where it leads, with which TTL. */
static const struct {
	struct {
		long at;
		enum watch_host host;
		long ttl;
	} look[4];
	long cached;
} moves[] = {
	{ { { 10, HOST_ELSEWHERE, 60 } }, WHEN_DAY },
	{ { { 10, HOST_HERE, 172800 }, { 20, HOST_ELSEWHERE, 60 } }, 172800 },
	/* a cache of ours counts down */
	{ { { 10, HOST_HERE, 172800 },
	    { 20, HOST_HERE, 172790 },
	    { 30, HOST_NOWHERE, 0 } },
	  172800 },
	{ { { 10, HOST_HERE, 172800 },
	    { 20, HOST_PARTLY, 500 },
	    { 30, HOST_ELSEWHERE, 60 } },
	  172800 },
	{ { { 10, HOST_HERE, 172800 },
	    { 20, HOST_UNKNOWN, 0 },
	    { 30, HOST_ELSEWHERE, 60 } },
	  172800 },
	/* what was before that is over */
	{ { { 10, HOST_HERE, 172800 },
	    { 20, HOST_ELSEWHERE, 60 },
	    { 20 + 172800, HOST_HERE, 60 },
	    { 30 + 172800, HOST_ELSEWHERE, 60 } },
	  WHEN_DAY },
	/* a slip of the pen, long before */
	{ { { 10, HOST_HERE, 0x7fffffff },
	    { 40 * WHEN_DAY, HOST_HERE, 60 },
	    { 41 * WHEN_DAY, HOST_ELSEWHERE, 60 } },
	  WHEN_DAY },
	{ { { 10, HOST_HERE, 8 * WHEN_DAY }, { 20, HOST_ELSEWHERE, 60 } },
	  7 * WHEN_DAY },
};

static void caches_hold_what_was_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
		struct watch_seen seen = all_well();
		struct watch w = known();

		print_message("move %zu\n", i);
		for (size_t k = 0; k < 4 && moves[i].look[k].at; k++) {
			seen.host = moves[i].look[k].host;
			seen.host_ttl = moves[i].look[k].ttl;
			watch_merge(&w, &seen, T0 + moves[i].look[k].at);
		}
		assert_int_equal(watch_cached(&w), moves[i].cached);
	}
}

static void the_longest_ttl_of_all_is_the_hosts(void **state)
{
	const struct dns_answer answer = {
		.view = { { .a.ttl = 5, .aaaa.ttl = 7 }, { .a.ttl = 6 } },
		.count = 2,
	};

	(void)state;
	assert_int_equal(watch_host_ttl(&answer), 7);
}

static void host_moves(struct watch_seen *s)
{
	s->host = HOST_ELSEWHERE;
	strcpy(s->host_problem, "away");
}

static void host_is_unknown(struct watch_seen *s)
{
	s->host = HOST_UNKNOWN;
	strcpy(s->host_problem, "nobody answers");
}

static void words_change(struct watch_seen *s)
{
	strcpy(s->host_problem, "in other words");
}

static void txt_goes(struct watch_seen *s)
{
	s->txt = (struct announced_seen){ ANNOUNCED_NOTHING, "", 0 };
}

static void txt_has_another_id(struct watch_seen *s)
{
	strcpy(s->txt.id, "id2");
}

static void policy_has_another_id(struct watch_seen *s)
{
	s->txt.what = ANNOUNCED_BEHIND; /* by the same record */
}

static void txt_is_unknown(struct watch_seen *s)
{
	s->txt = (struct announced_seen){ ANNOUNCED_UNKNOWN, "", 0 };
}

static void ttl_changes(struct watch_seen *s)
{
	s->txt.ttl = 60;
}

static void reports_go(struct watch_seen *s)
{
	s->reports = REPORTS_NOTHING;
}

static void reports_are_unknown(struct watch_seen *s)
{
	s->reports = REPORTS_UNKNOWN;
}

static void mx_moves(struct watch_seen *s)
{
	s->mx = mx("b.test", 2);
}

static void mx_goes(struct watch_seen *s)
{
	s->mx = (struct mx_seen){ .look = MX_ABSENT,
				  .voices = 2,
				  .agrees = true };
}

static void mx_is_unknown(struct watch_seen *s)
{
	s->mx = (struct mx_seen){ .look = MX_UNKNOWN };
}

static void mx_is_doubted(struct watch_seen *s)
{
	s->mx.agrees = false;
}

static void mx_has_one_voice(struct watch_seen *s)
{
	s->mx.voices = 1;
}

static void nothing(struct watch_seen *s)
{
	(void)s;
}

/* What changes a minute after T0, and which of the times with it. */
static const struct {
	const char *what;
	void (*change)(struct watch_seen *s);
	unsigned news;
	bool host_since, txt_since, mx_since;
} changes[] = {
	{ "nothing", nothing, 0, false, false, false },
	{ "host", host_moves, NEWS_HOST, true, false, false },
	{ "host unknown", host_is_unknown, 0, false, false, false },
	{ "other words", words_change, 0, false, false, false },
	{ "txt gone", txt_goes, NEWS_TXT, false, true, false },
	{ "txt id", txt_has_another_id, NEWS_TXT, false, true, false },
	{ "the policy's id", policy_has_another_id, NEWS_TXT, false, false,
	  false },
	{ "txt unknown", txt_is_unknown, 0, false, false, false },
	{ "txt ttl", ttl_changes, 0, false, false, false },
	{ "reports", reports_go, NEWS_REPORTS, false, false, false },
	{ "reports unknown", reports_are_unknown, 0, false, false, false },
	{ "mx", mx_moves, NEWS_MX, false, false, true },
	{ "mx gone", mx_goes, NEWS_MX, false, false, true },
	{ "mx unknown", mx_is_unknown, 0, false, false, false },
	{ "mx doubted", mx_is_doubted, 0, false, false, true },
	{ "mx by one", mx_has_one_voice, 0, false, false, false },
};

static void each_part_is_news_by_itself(void **state)
{
	const time_t then = T0 + WHEN_MINUTE;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct watch_seen seen = all_well();
		struct watch w = known();

		print_message("%s\n", changes[i].what);
		changes[i].change(&seen);
		assert_int_equal(watch_merge(&w, &seen, then), changes[i].news);
		assert_int_equal(w.news_at, changes[i].news ? then : T0 - 5);
		assert_int_equal(w.host_since,
				 changes[i].host_since ? then : T0);
		assert_int_equal(w.txt_since, changes[i].txt_since ? then : T0);
		assert_int_equal(w.mx_since, changes[i].mx_since ? then : T0);
		assert_int_equal(w.looked_at, then);
	}
}

/* What nobody answers for stays as it was known. */
static void unknown_keeps_what_was_known(void **state)
{
	struct watch w = known();
	struct watch_seen seen = all_well();

	(void)state;
	host_is_unknown(&seen);
	mx_is_unknown(&seen);
	watch_merge(&w, &seen, T0 + 60);
	assert_int_equal(w.host, HOST_HERE);
	assert_string_equal(w.host_problem, "");
	assert_string_equal(w.mx.host[0], "a.test");
	assert_false(w.is_fresh_host);
	assert_true(w.is_fresh_txt);
	assert_false(w.is_fresh_mx);

	seen = all_well();
	txt_is_unknown(&seen);
	reports_are_unknown(&seen);
	watch_merge(&w, &seen, T0 + 120);
	assert_int_equal(w.txt, ANNOUNCED_IN_STEP);
	assert_string_equal(w.txt_id, "id1");
	assert_int_equal(w.txt_ttl, 600);
	assert_int_equal(w.reports, REPORTS_OURS);
	assert_true(w.is_fresh_host);
	assert_false(w.is_fresh_txt);
	assert_true(w.is_fresh_mx);
}

static void each_part_is_as_old_as_its_last_answer(void **state)
{
	static const struct {
		bool host, txt, mx;
	} answers[] = { { true, false, false },
			{ false, true, false },
			{ false, false, true },
			{ true, true, true } };
	const struct watch_seen well = all_well();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct watch_seen seen = { .host = HOST_UNKNOWN };
		struct watch w = known();

		seen.host = answers[i].host ? well.host : seen.host;
		seen.txt = answers[i].txt ? well.txt : seen.txt;
		seen.mx = answers[i].mx ? well.mx : seen.mx;
		watch_merge(&w, &seen, T0 + 60);
		assert_int_equal(w.looked_at, T0 + 60);
		assert_int_equal(w.host_at, T0 + (answers[i].host ? 60 : 0));
		assert_int_equal(w.txt_at, T0 + (answers[i].txt ? 60 : 0));
		assert_int_equal(w.mx_at, T0 + (answers[i].mx ? 60 : 0));
		assert_int_equal(w.unanswered, i < 3);
	}
}

/* What DNS said to a question says nothing of what came after that. */
static void an_answer_is_as_old_as_its_question(void **state)
{
	struct watch_seen seen = all_well();
	struct watch w = known();

	(void)state;
	watch_merge(&w, &seen, T0 + 60);
	watch_as_of(&w, T0 + 40);
	assert_int_equal(w.looked_at, T0 + 40);
	assert_int_equal(w.host_at, T0 + 40);
	assert_int_equal(w.txt_at, T0 + 40);
	assert_int_equal(w.mx_at, T0 + 40);

	txt_is_unknown(&seen);
	watch_merge(&w, &seen, T0 + 90);
	watch_as_of(&w, T0 + 80);
	assert_int_equal(w.looked_at, T0 + 80);
	assert_int_equal(w.host_at, T0 + 80);
	assert_int_equal(w.txt_at, T0 + 40);

	seen = (struct watch_seen){ .host = HOST_UNKNOWN };
	watch_merge(&w, &seen, T0 + 120);
	watch_as_of(&w, T0 + 110);
	assert_int_equal(w.looked_at, T0 + 80);
}

/* Without any answer only that is counted. */
static void a_look_that_fails_changes_nothing(void **state)
{
	const struct watch_seen seen = { .host = HOST_UNKNOWN,
					 .host_problem = "nobody answers",
					 .reports = REPORTS_OTHER };
	struct watch w = known(), was = w;

	(void)state;
	assert_int_equal(watch_merge(&w, &seen, T0 + 180), 0);
	assert_int_equal(w.looked_at, was.looked_at);
	assert_int_equal(w.failures, 1);
	assert_int_equal(watch_merge(&w, &seen, T0 + 240), 0);
	assert_int_equal(w.failures, 2);
	assert_int_equal(w.unanswered, 2);
	assert_false(w.is_fresh_host || w.is_fresh_txt || w.is_fresh_mx);
	w.failures = w.unanswered = 0;
	w.is_fresh_host = w.is_fresh_txt = w.is_fresh_mx = true;
	assert_memory_equal(&w, &was, sizeof(w));
}

/* The TTL that counts for a record that is gone is the one it had. */
static void a_ttl_outlives_its_record(void **state)
{
	struct watch_seen seen = all_well();
	struct watch w = known();

	(void)state;
	ttl_changes(&seen);
	watch_merge(&w, &seen, T0 + 1);
	assert_int_equal(w.txt_ttl, 600); /* 60 may be the rest of it */
	txt_goes(&seen);
	watch_merge(&w, &seen, T0 + 2);
	assert_int_equal(w.txt_ttl, 600);
	assert_string_equal(w.txt_id, "");
}

/* Looks at a record that stays: the TTL each says, and what counts then. */
static const struct {
	struct {
		long after, ttl; /* the last look; seconds */
	} look[4];
	long counts;
} ttls[] = {
	{ { { 1, 60 } }, 600 }, /* what is left of it */
	{ { { 1, 3600 } }, 3600 },
	{ { { 1, 0x7fffffff } }, WATCH_TTL_MOST }, /* no cache goes so far */
	{ { { 600 + WHEN_HOUR - 1, 60 } }, 600 },  /* not yet */
	{ { { 5000, 60 } }, 60 },
	{ { { 5000, 600 }, { 4, 1 } }, 599 },
	{ { { 1, 0x7fffffff }, { WHEN_DAY, 300 } }, WATCH_TTL_MOST },
	{ { { 1, 0x7fffffff }, { 8 * WHEN_DAY, 300 } }, 5 * WHEN_DAY },
	{ { { 1, 0x7fffffff }, { 40 * WHEN_DAY, 300 } }, 300 },
};

static void a_longer_ttl_is_bounded_and_fades(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ttls); i++) {
		struct watch_seen seen = all_well();
		struct watch w;
		time_t now = T0;

		seen.mx.ttl = seen.host_ttl = 600;
		w = (struct watch){ .domain_id = 7 };
		watch_merge(&w, &seen, now);
		for (size_t k = 0; ttls[i].look[k].after; k++) {
			now += ttls[i].look[k].after;
			seen.mx.ttl = seen.txt.ttl = seen.host_ttl =
				ttls[i].look[k].ttl;
			watch_merge(&w, &seen, now);
		}
		print_message("%zu\n", i);
		assert_int_equal(w.mx.ttl, ttls[i].counts);
		assert_int_equal(w.txt_ttl, ttls[i].counts);
		assert_int_equal(w.host_ttl, ttls[i].counts);
	}
}

/* Caches have what was there for as long as it said, from its end on. */
static void the_former_ttl_lasts_while_caches_may_have_it(void **state)
{
	struct watch_seen seen = all_well();
	struct watch w = { .domain_id = 7 };

	(void)state;
	seen.mx.ttl = seen.txt.ttl = WHEN_DAY;
	watch_merge(&w, &seen, T0);
	seen.mx = mx("b.test", 2);
	strcpy(seen.txt.id, "id2");
	seen.mx.ttl = seen.txt.ttl = 60;
	for (time_t at = T0 + 6 * WHEN_HOUR; at < T0 + 31 * WHEN_HOUR;
	     at += WHEN_HOUR) {
		watch_merge(&w, &seen, at);
		assert_int_equal(w.mx.ttl, WHEN_DAY);
		assert_int_equal(w.txt_ttl, WHEN_DAY);
	}
	watch_merge(&w, &seen, T0 + 31 * WHEN_HOUR);
	assert_true(w.mx.ttl < WHEN_DAY && w.txt_ttl < WHEN_DAY);
	watch_merge(&w, &seen, T0 + 7 * WHEN_DAY);
	assert_int_equal(w.mx.ttl, 60);
	assert_int_equal(w.txt_ttl, 60);
}

static void one_answer_ends_the_failures(void **state)
{
	struct watch_seen none = { .host = HOST_UNKNOWN }, seen = none;
	struct watch w = known();

	(void)state;
	for (int i = 0; i < 3; i++)
		watch_merge(&w, &none, T0 + i);
	assert_int_equal(w.failures, 3);
	seen.txt.what = ANNOUNCED_NOTHING;
	watch_merge(&w, &seen, T0 + 9);
	assert_int_equal(w.failures, 0);
	assert_int_equal(w.looked_at, T0 + 9);
}

/* Since when: of looks one a minute, each by a word. */
static const struct {
	const char *looks; /* "2" both agree, "1" one, "x" they do not,
				   "?" nobody answers, "b" other hosts */
	time_t since;	   /* minutes */
} agreements[] = {
	{ "2", 0 },	 { "222", 0 }, { "2?2", 0 },  { "2?", 0 },
	{ "x", 0 },	 { "xx", 1 },  { "xx2", 1 },  { "2x2", 1 },
	{ "22b", 2 },	 { "2b2", 2 }, { "2b22", 2 }, { "1", 0 },
	{ "11", 0 },	 { "112", 2 }, { "1122", 2 }, { "2122", 2 },
	{ "1111b1", 5 }, { "?2", 1 },
};

static void agreement_begins_anew(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(agreements); i++) {
		struct watch w = { .domain_id = 7 };

		for (size_t k = 0; agreements[i].looks[k]; k++) {
			const char how = agreements[i].looks[k];
			struct watch_seen seen = {
				.host = HOST_HERE,
				.mx = mx(how == 'b' ? "b.test" : "a.test",
					 how == '1' ? 1 : 2),
			};

			seen.mx.agrees = how != 'x';
			if (how == '?')
				mx_is_unknown(&seen);
			watch_merge(&w, &seen, T0 + (time_t)k * WHEN_MINUTE);
		}
		print_message("%s\n", agreements[i].looks);
		assert_int_equal(w.mx_since,
				 T0 + agreements[i].since * WHEN_MINUTE);
	}
}

/* As above, of a policy that names a.test alone. */
static const struct {
	const char *looks;
	time_t since; /* minutes; -1: no strays */
} strays[] = {
	{ "2", -1 },	{ "x", -1 },   { "b", 0 },    { "2b", 1 },
	{ "bb", 0 },	{ "b2", -1 },  { "b2b", 2 },  { "bcb", 0 },
	{ "bxb", 2 },	{ "byyy", 0 }, { "yyyb", 0 }, { "b??", 0 },
	{ "b?2?", -1 }, { "2?b", 2 },
};

/* x: they do not agree about hosts that are named; y: one shows a stray. */
static struct watch_seen stray_look(char how)
{
	const char *host = how == 'b' || how == 'y' ? "b.test"
			   : how == 'c'		    ? "c.test"
						    : "a.test";
	struct watch_seen seen = { .host = HOST_HERE, .mx = mx(host, 2) };

	seen.mx.agrees = how != 'x' && how != 'y';
	if (how == '?')
		mx_is_unknown(&seen);
	return seen;
}

static void strays_have_been_there_since_the_first(void **state)
{
	static char named[] = "a.test";
	const struct sts_policy policy = { .mode = STS_ENFORCE,
					   .mx = { named },
					   .mx_count = 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strays); i++) {
		struct watch w = { .domain_id = 7 };
		time_t expected = strays[i].since;

		for (size_t k = 0; strays[i].looks[k]; k++) {
			const struct watch_seen seen = stray_look(
				strays[i].looks[k]);
			time_t now = T0 + (time_t)k * WHEN_MINUTE;

			watch_merge(&w, &seen, now);
			watch_note_strays(&w, &policy, now);
		}
		print_message("%s\n", strays[i].looks);
		assert_int_equal(w.strays_since,
				 expected < 0 ? 0
					      : T0 + expected * WHEN_MINUTE);
	}
}

/* ---- the next look ---- */

static const struct {
	long since, failures;
	enum domain_state state;
	long pace, unanswered;
} paces[] = {
	{ 0, 0, DOMAIN_LIVE, 60, 0 },
	{ -60, 0, DOMAIN_LIVE, 60, 0 },
	{ -WHEN_DAY, 0, DOMAIN_LIVE, 21600, 0 }, /* by another clock */
	{ 899, 0, DOMAIN_LIVE, 60, 0 },
	{ 900, 0, DOMAIN_LIVE, 300, 0 },
	{ 7199, 0, DOMAIN_LIVE, 300, 0 },
	{ 7200, 0, DOMAIN_LIVE, 1800, 0 },
	{ 86399, 0, DOMAIN_LIVE, 1800, 0 },
	{ 86400, 0, DOMAIN_LIVE, 21600, 0 },
	{ 99999999, 0, DOMAIN_LIVE, 21600, 0 },
	{ 0, 0, DOMAIN_ISSUING, 60, 0 },
	{ 0, 0, DOMAIN_WAITING_FOR_DNS, 3600, 0 },
	{ 86400, 0, DOMAIN_WAITING_FOR_DNS, 21600, 0 },
	{ 99999999, 1, DOMAIN_LIVE, 120, 0 },
	{ 0, 2, DOMAIN_LIVE, 240, 0 },
	{ 0, 6, DOMAIN_LIVE, 3840, 0 },
	{ 0, 7, DOMAIN_LIVE, 3840, 0 },
	{ 0, 1000000000, DOMAIN_LIVE, 3840, 0 },
	{ 0, 3, DOMAIN_WAITING_FOR_DNS, 480, 0 },
	{ 99999999, 0, DOMAIN_LIVE, 120, 1 }, /* a part had no answer */
	{ 99999999, 0, DOMAIN_LIVE, 240, 2 },
	{ 99999999, 0, DOMAIN_LIVE, 15360, 8 },
	{ 99999999, 0, DOMAIN_LIVE, 21600, 9 },
	{ 99999999, 0, DOMAIN_LIVE, 21600, 1000000000 },
	{ 0, 0, DOMAIN_LIVE, 60, 3 }, /* never later for that */
	{ 99999999, 2, DOMAIN_LIVE, 240, 7 },
	{ 0, 0, DOMAIN_WAITING_FOR_DNS, 3600, 1 },
};

static void looks_become_rare(void **state)
{
	static const unsigned dice[] = {
		0, 1, 13, 4711, 0x7fffffff, 0xffffffff
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
		const struct domain d = { .state = paces[i].state };
		const struct watch w = { .news_at = T0 - paces[i].since,
					 .failures = paces[i].failures,
					 .unanswered = paces[i].unanswered };
		long pace = paces[i].pace, least = pace - pace / 10,
		     most = pace + pace / 10;

		print_message("%zu\n", i);
		for (size_t k = 0; k < ARRAY_LEN(dice); k++)
			assert_in_range(watch_pace(&w, &d, T0, dice[k]), least,
					most);
		assert_int_equal(watch_pace(&w, &d, T0, 0), least);
		assert_int_equal(watch_pace(&w, &d, T0, (unsigned)pace / 5),
				 least + pace / 5);
	}
}

/* ---- what never comes to rest ---- */

/* Looks within so many hours, at a name whose `nth` answer is another one. */
static int looks_at(unsigned nth, int hours, long *last_pace)
{
	const struct domain d = { .state = DOMAIN_LIVE };
	struct watch w = known();
	time_t now = T0, end = T0 + hours * WHEN_HOUR;
	int looks = 0;

	for (; now < end; looks++) {
		struct watch_seen seen = all_well();

		if ((unsigned)looks % nth == 0)
			snprintf(seen.txt.id, sizeof(seen.txt.id), "id%d",
				 looks);
		else
			strcpy(seen.txt.id, w.txt_id);
		watch_merge(&w, &seen, now);
		*last_pace = watch_pace(&w, &d, now, 0);
		now += *last_pace;
	}
	return looks;
}

/* It was one a minute, for ever: 1440 a day. */
static void restless_names_are_looked_at_once_an_hour(void **state)
{
	long pace;

	(void)state;
	assert_in_range(looks_at(1, 24, &pace), 24, 48);
	assert_true(pace >= WHEN_HOUR / 2);
	assert_in_range(looks_at(1, 10 * 24, &pace), 10 * 20, 10 * 32);
	assert_in_range(looks_at(2, 10 * 24, &pace), 10 * 30, 10 * 60);
	assert_in_range(looks_at(5, 10 * 24, &pace), 10 * 60, 10 * 140);
}

/* A move of mail comes in steps, and each is to be seen soon. */
static void some_changes_are_seen_as_soon_as_ever(void **state)
{
	const struct domain d = { .state = DOMAIN_LIVE };
	struct watch w = known();
	struct watch_seen seen = all_well();

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(seen.txt.id, sizeof(seen.txt.id), "other%d", i);
		watch_merge(&w, &seen, T0 + i * WHEN_MINUTE);
		assert_int_equal(watch_pace(&w, &d, T0 + i * WHEN_MINUTE, 0),
				 54);
	}
	/* what was restless is forgotten after a quiet while */
	for (int i = 5; i < 50; i++) {
		snprintf(seen.txt.id, sizeof(seen.txt.id), "other%d", i);
		watch_merge(&w, &seen, T0 + i * WHEN_MINUTE);
	}
	assert_true(watch_pace(&w, &d, T0 + WHEN_HOUR, 0) > WHEN_HOUR);
	strcpy(seen.txt.id, "real");
	watch_merge(&w, &seen, T0 + 2 * WHEN_DAY);
	assert_int_equal(watch_pace(&w, &d, T0 + 2 * WHEN_DAY, 0), 54);
}

/* ---- where the name leads ---- */

/* As in test_arrival.c: A and AAAA of each view, "/" between. */
static const struct {
	const char *views[DNS_SERVERS_MAX];
	enum watch_host host;
	const char *problem; /* part of it; NULL: none */
} hosts[] = {
	{ { NULL }, HOST_UNKNOWN, NULL },
	{ { "!/!", "!/!" }, HOST_UNKNOWN, NULL },
	{ { "192.0.2.1/!", "!/0" }, HOST_UNKNOWN, NULL },

	{ { "192.0.2.1/0" }, HOST_HERE, NULL },
	{ { "192.0.2.1/2001:db8::1", "192.0.2.1/2001:DB8::1" },
	  HOST_HERE,
	  NULL },
	{ { "0/2001:db8::1", "!/!" }, HOST_HERE, NULL },

	{ { "192.0.2.1,198.51.100.7/0" }, HOST_PARTLY, "198.51.100.7" },
	{ { "192.0.2.1/2001:db8::bad" }, HOST_PARTLY, "2001:db8::bad" },
	{ { "192.0.2.1/0", "198.51.100.7/0" }, HOST_PARTLY, "198.51.100.7" },
	{ { "192.0.2.1/0", "-/-" }, HOST_PARTLY, "does not exist" },
	{ { "0/0", "192.0.2.1/0" }, HOST_PARTLY, "neither" },

	{ { "198.51.100.7/0" }, HOST_ELSEWHERE, "198.51.100.7" },
	{ { "198.51.100.7/0", "!/!" }, HOST_ELSEWHERE, "198.51.100.7" },
	{ { "-/-", "198.51.100.7/0" }, HOST_ELSEWHERE, "does not exist" },

	{ { "-/-" }, HOST_NOWHERE, "does not exist" },
	{ { "0/0", "-/-" }, HOST_NOWHERE, "neither" },
	{ { "!/!", "0/0" }, HOST_NOWHERE, "neither" },
};

static void read_family(struct dns_addresses *out, const char *word, size_t len)
{
	char text[200], *save, *one;

	snprintf(text, sizeof(text), "%.*s", (int)len, word);
	out->outcome = text[0] == '-'	? DNS_NO_NAME
		       : text[0] == '!' ? DNS_FAILED
		       : text[0] == '0' ? DNS_NO_RECORD
					: DNS_FOUND;
	if (out->outcome != DNS_FOUND)
		return;
	for (one = strtok_r(text, ",", &save); one;
	     one = strtok_r(NULL, ",", &save))
		snprintf(out->address[out->count++], DNS_ADDRESS_TEXT, "%s",
			 one);
}

static void names_lead_here_or_there(void **state)
{
	static const struct engine_settings ours = {
		.address = { "192.0.2.1", "192.0.2.2", "2001:db8::1" },
		.address_count = 3,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct dns_answer *a = xcalloc(1, sizeof(*a));
		char problem[300] = "dirt";

		for (; a->count < DNS_SERVERS_MAX && hosts[i].views[a->count];
		     a->count++) {
			const char *word = hosts[i].views[a->count];
			struct dns_view *v = &a->view[a->count];
			size_t slash = strcspn(word, "/");

			read_family(&v->a, word, slash);
			read_family(&v->aaaa, word + slash + 1, strlen(word));
		}
		assert_string_equal(
			watch_host_name(watch_host_of("mta-sts.example.org", a,
						      &ours, problem)),
			watch_host_name(hosts[i].host));
		print_message("%zu: %s: %s\n", i,
			      watch_host_name(hosts[i].host), problem);
		if (hosts[i].problem)
			assert_non_null(strstr(problem, hosts[i].problem));
		else
			assert_string_equal(problem, "");
		free(a);
	}
}

/* ---- where reports are to go ---- */

#define RPT "v=TLSRPTv1; rua=mailto:a@x.test"

/* A view: "-" no name, "0" no record, "!" no answer, else texts with "|". */
#define OWN "https://mta-sts.d.test/tlsrpt/0123"

static const struct {
	const char *rua;
	const char *views[DNS_SERVERS_MAX];
	enum watch_reports is;
	const char *own; /* NULL: it does not collect */
} reports[] = {
	{ "mailto:a@x.test", { NULL }, REPORTS_UNKNOWN, NULL },
	{ "mailto:a@x.test", { "!", "!" }, REPORTS_UNKNOWN, NULL },
	{ "mailto:a@x.test", { "-" }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test", { "0" }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test", { "words|v=spf1" }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test", { RPT }, REPORTS_OURS, NULL },
	{ "mailto:a@x.test", { "words|" RPT }, REPORTS_OURS, NULL },
	{ "mailto:b@x.test", { RPT }, REPORTS_OTHER, NULL },
	{ "mailto:a@x.tes", { RPT }, REPORTS_OTHER, NULL },
	{ "mailto:a@x.testy", { RPT }, REPORTS_OTHER, NULL },
	{ "", { RPT }, REPORTS_OTHER, NULL },
	{ "mailto:a@x.test,https://y.test/r",
	  { RPT ",https://y.test/r" },
	  REPORTS_OURS,
	  NULL },
	{ "mailto:a@x.test,https://y.test/r", { RPT }, REPORTS_OTHER, NULL },
	{ "mailto:a@x.test", { RPT ",https://y.test/r" }, REPORTS_OTHER, NULL },
	{ "https://y.test/r,mailto:a@x.test",
	  { RPT ",https://y.test/r" },
	  REPORTS_OTHER,
	  NULL },

	/* what senders skip */
	{ "mailto:a@x.test", { "v=TLSRPTv1;" }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test",
	  { "v=TLSRPTv1; rua=ftp://x" },
	  REPORTS_NOTHING,
	  NULL },
	{ "mailto:a@x.test", { RPT "|" RPT }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test", { RPT "|v=TLSRPTv1;" }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test", { "v=TLSRPTv1;|" RPT }, REPORTS_NOTHING, NULL },

	/* several that are asked */
	{ "mailto:a@x.test", { RPT, "!" }, REPORTS_OURS, NULL },
	{ "mailto:a@x.test", { "!", RPT, RPT }, REPORTS_OURS, NULL },
	{ "mailto:a@x.test", { RPT, "-" }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test", { "0", RPT }, REPORTS_NOTHING, NULL },
	{ "mailto:a@x.test",
	  { RPT, "v=TLSRPTv1; rua=mailto:b@x.test" },
	  REPORTS_OTHER,
	  NULL },

	/* a box that collects */
	{ "", { "v=TLSRPTv1; rua=" OWN }, REPORTS_WHOLE, OWN },
	{ "", { RPT "," OWN }, REPORTS_WHOLE, OWN },
	{ "mailto:b@x.test", { RPT "," OWN }, REPORTS_OURS, OWN },
	{ "mailto:a@x.test", { RPT "," OWN }, REPORTS_WHOLE, OWN },
	{ "mailto:a@x.test,https://y.test/r",
	  { RPT "," OWN },
	  REPORTS_OURS,
	  OWN },
	{ "https://y.test/r,mailto:a@x.test",
	  { "v=TLSRPTv1; rua=" OWN ",mailto:a@x.test,https://y.test/r" },
	  REPORTS_WHOLE,
	  OWN },
	{ "mailto:a@x.test",
	  { RPT "," OWN, "v=TLSRPTv1; rua=" OWN },
	  REPORTS_OURS,
	  OWN },
	{ "mailto:a@x.test",
	  { "v=TLSRPTv1; rua=" OWN, RPT "," OWN },
	  REPORTS_OURS,
	  OWN },
	{ "mailto:a@x.test", { RPT "," OWN, RPT }, REPORTS_OTHER, OWN },
	{ "mailto:a@x.test", { RPT }, REPORTS_OTHER, OWN },
	{ "", { "v=TLSRPTv1; rua=" OWN "x" }, REPORTS_OTHER, OWN },
	{ "", { "v=TLSRPTv1; rua=" OWN, RPT }, REPORTS_OTHER, OWN },
	{ "", { "0" }, REPORTS_NOTHING, OWN },
};

static void read_texts(struct dns_record_set *set, const char *word)
{
	char text[DNS_TEXT_MAX], *save, *one;

	set->outcome = streq(word, "-")	  ? DNS_NO_NAME
		       : streq(word, "0") ? DNS_NO_RECORD
		       : streq(word, "!") ? DNS_FAILED
					  : DNS_FOUND;
	snprintf(text, sizeof(text), "%s", word);
	for (one = strtok_r(text, "|", &save); one && set->outcome == DNS_FOUND;
	     one = strtok_r(NULL, "|", &save))
		snprintf(set->record[set->count++].text, DNS_TEXT_MAX, "%s",
			 one);
}

static void reports_go_where_they_are_set_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		struct dns_records_answer *a = xcalloc(1, sizeof(*a));

		for (; a->count < DNS_SERVERS_MAX && reports[i].views[a->count];
		     a->count++)
			read_texts(&a->view[a->count],
				   reports[i].views[a->count]);
		print_message("%zu\n", i);
		assert_int_equal(
			watch_reports_of(a,
					 reports[i].own ? reports[i].own : "",
					 reports[i].rua),
			reports[i].is);
		free(a);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_never_made_here_is_remembered),
		cmocka_unit_test(the_first_look_is_the_beginning),
		cmocka_unit_test(caches_hold_what_was_before),
		cmocka_unit_test(the_longest_ttl_of_all_is_the_hosts),
		cmocka_unit_test(each_part_is_news_by_itself),
		cmocka_unit_test(unknown_keeps_what_was_known),
		cmocka_unit_test(each_part_is_as_old_as_its_last_answer),
		cmocka_unit_test(an_answer_is_as_old_as_its_question),
		cmocka_unit_test(a_look_that_fails_changes_nothing),
		cmocka_unit_test(a_ttl_outlives_its_record),
		cmocka_unit_test(a_longer_ttl_is_bounded_and_fades),
		cmocka_unit_test(the_former_ttl_lasts_while_caches_may_have_it),
		cmocka_unit_test(one_answer_ends_the_failures),
		cmocka_unit_test(agreement_begins_anew),
		cmocka_unit_test(strays_have_been_there_since_the_first),
		cmocka_unit_test(looks_become_rare),
		cmocka_unit_test(restless_names_are_looked_at_once_an_hour),
		cmocka_unit_test(some_changes_are_seen_as_soon_as_ever),
		cmocka_unit_test(names_lead_here_or_there),
		cmocka_unit_test(reports_go_where_they_are_set_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
