/* Which mail hosts go into a policy without a person, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "daemon/mx_track.h"
#include "daemon/watch_merge.h"
#include "store/policy_version.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0    ROWS_NOW
#define THEN  (T0 + MX_TRACK_AFTER + TTL)
#define IS    "example-org.mail.protection.outlook.com"
#define COMES "example-org.a-v1.mx.microsoft"
#define OTHER "aspmx.l.google.com"

static struct mx_seen hosts(const char *one, const char *two)
{
	struct mx_seen mx = { .look = MX_THERE, .voices = 2, .agrees = true };

	snprintf(mx.host[mx.count++], DOMAIN_NAME_SIZE, "%s", one);
	if (two)
		snprintf(mx.host[mx.count++], DOMAIN_NAME_SIZE, "%s", two);
	return mx;
}

#define TTL 300

/* All that has to be so. */
static struct watch fit(void)
{
	struct watch w = { .mx = hosts(IS, COMES),
			   .mx_since = T0,
			   .mx_at = T0 + MX_TRACK_AFTER + TTL,
			   .is_fresh_mx = true };

	w.mx.ttl = TTL;
	return w;
}

static void is_as_it_was(struct watch *w)
{
	(void)w;
}
static void is_old(struct watch *w)
{
	w->is_fresh_mx = false;
}
static void is_unknown(struct watch *w)
{
	w->mx.look = MX_UNKNOWN;
}
static void is_absent(struct watch *w)
{
	w->mx.look = MX_ABSENT;
}
static void is_null(struct watch *w)
{
	w->mx.look = MX_NULL;
}
static void is_doubted(struct watch *w)
{
	w->mx.agrees = false;
}
static void is_cut(struct watch *w)
{
	w->mx.is_cut = true;
}
static void has_a_bad_name(struct watch *w)
{
	strcpy(w->mx.bad[0], "mx_2.test");
	w->mx.bad_count = 1;
}
static void has_one_voice(struct watch *w)
{
	w->mx.voices = 1;
}
static void has_no_time(struct watch *w)
{
	w->mx_since = 0;
}
static void is_too_soon(struct watch *w)
{
	w->mx_since++;
}
static void began_too_soon(struct watch *w)
{
	w->mx_at--;
}
static void may_be_cached(struct watch *w)
{
	w->mx.ttl++;
}
static void may_be_cached_for_ever(struct watch *w)
{
	w->mx.ttl = 0x7fffffff;
	w->mx_at = T0 + MX_TRACK_AFTER + WATCH_TTL_MOST - 1;
}
static void was_cached_for_a_week(struct watch *w)
{
	may_be_cached_for_ever(w);
	w->mx_at++;
}
static void is_no_stray(struct watch *w)
{
	w->mx = hosts(IS, NULL);
}
static void is_another(struct watch *w)
{
	w->mx = hosts(IS, OTHER);
}
static void is_nobodys(struct watch *w)
{
	w->mx = hosts(IS, "mx.evil.test");
}

static void is_one_of_two(struct watch *w)
{
	w->mx = hosts(COMES, "mx.evil.test");
}

static void looks_like_it(struct watch *w)
{
	w->mx = hosts(IS, "x.mail.protection.outlook.com.evil.test");
}

static void is_alone(struct watch *w)
{
	w->mx = hosts(COMES, NULL);
}
static void has_more_voices(struct watch *w)
{
	w->mx.voices = 4;
}

static const struct {
	const char *what;
	void (*change)(struct watch *w);
	bool may;
} conditions[] = {
	{ "all is so", is_as_it_was, true },
	{ "the old host is gone", is_alone, true },
	{ "four agree", has_more_voices, true },
	{ "nobody answered just now", is_old, false },
	{ "unknown", is_unknown, false },
	{ "absent", is_absent, false },
	{ "null MX", is_null, false },
	{ "they differ", is_doubted, false },
	{ "there are more", is_cut, false },
	{ "a name of no host", has_a_bad_name, false },
	{ "one says so", has_one_voice, false },
	{ "nobody knows since when", has_no_time, false },
	{ "a second too soon", is_too_soon, false },
	{ "the look began too soon", began_too_soon, false },
	{ "caches may have it", may_be_cached, false },
	{ "caches may have it for a week", may_be_cached_for_ever, false },
	{ "no cache has it any more", was_cached_for_a_week, true },
	{ "all are named", is_no_stray, false },
	{ "another provider", is_another, false },
	{ "no provider", is_nobodys, false },
	{ "one of two is no provider's", is_one_of_two, false },
	{ "it only looks like it", looks_like_it, false },
};

static struct sts_policy policy(enum sts_mode mode, const char *mx)
{
	struct sts_policy p = { .mode = mode, .max_age = STS_MAX_AGE_MIN };

	must(sts_policy_add_mx(&p, mx, NULL), NULL);
	return p;
}

static void each_condition_forbids_it_by_itself(void **state)
{
	struct sts_policy p = policy(STS_ENFORCE, IS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		struct watch w = fit();

		print_message("%s\n", conditions[i].what);
		conditions[i].change(&w);
		assert_int_equal(mx_track_may(&w, &p), conditions[i].may);
	}
	sts_policy_release(&p);
}

static const struct {
	enum sts_mode mode;
	const char *mx;
	bool may;
} policies[] = {
	{ STS_ENFORCE, IS, true },
	{ STS_TESTING, IS, true },
	{ STS_ENFORCE, "*.mail.protection.outlook.com", true },
	{ STS_NONE, IS, false },
	{ STS_ENFORCE, OTHER, false },
	{ STS_ENFORCE, "mx.example.net", false },
	{ STS_ENFORCE, "*.a-v1.mx.microsoft", true },
};

static void the_policy_must_name_the_provider(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		struct sts_policy p = policy(policies[i].mode, policies[i].mx);
		const struct watch w = fit();

		print_message("%zu\n", i);
		assert_int_equal(mx_track_may(&w, &p), policies[i].may);
		sts_policy_release(&p);
	}
}

/*
 * Looks ten minutes apart: "l" has the lie, "t" the truth, "?" no answer, "x"
 * they differ; and the TTL of the lie, of which caches have what is left.
 */
static const struct {
	const char *looks;
	long ttl; /* minutes */
	bool taken;
} stories[] = {
	{ "lllllll", 0, true },
	{ "llllll", 0, false },
	{ "llllllll", 15, false },
	{ "lllllllll", 15, true },
	{ "?lllllll", 0, true },
	{ "l?llllll", 0, false },
	{ "l?lllllll", 0, true },
	{ "l?????l", 0, false },
	{ "l???????????l", 0, false },
	{ "llll?lllll", 0, false },
	{ "lllxlllll", 0, false },
	{ "llltlllll", 0, false },
	/* in caches for two hours, and served for a moment */
	{ "llllllllllllt", 120, false },
	{ "lllllllllllllllllll", 120, true },
};

static void look_at(char how, long ttl, struct watch_seen *seen)
{
	*seen = (struct watch_seen){ .host = HOST_HERE };
	if (how != '?')
		seen->mx = hosts(IS, how == 't' ? NULL : COMES);
	seen->mx.agrees = how != 'x';
	seen->mx.ttl = ttl;
}

static bool is_taken(const char *looks, long ttl)
{
	struct sts_policy p = policy(STS_ENFORCE, IS);
	struct watch w = { .domain_id = 7 };
	bool taken = false;

	for (size_t i = 0; looks[i]; i++) {
		time_t now = T0 + (time_t)i * 10 * WHEN_MINUTE;
		long left = (ttl - 10 * (long)i) * WHEN_MINUTE;
		struct watch_seen seen;

		look_at(looks[i], left > 0 ? left : 0, &seen);
		watch_merge(&w, &seen, now);
		watch_note_strays(&w, &p, now);
		taken = taken || mx_track_may(&w, &p);
	}
	sts_policy_release(&p);
	return taken;
}

static void what_caches_have_of_a_lie_is_never_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
		print_message("%s, %ld\n", stories[i].looks, stories[i].ttl);
		assert_int_equal(is_taken(stories[i].looks, stories[i].ttl),
				 stories[i].taken);
	}
}

/* ---- with a store ---- */

static void publish(struct sts_policy p)
{
	struct err err = ERR_INIT;
	bool changed;

	must(policy_version_publish(fix.store, &fix.domain, &p, T0, &changed,
				    &err),
	     &err);
	sts_policy_release(&p);
}

/* The mx of the current version, with " " between, and its number. */
static void assert_current(long version, const char *expected)
{
	struct err err = ERR_INIT;
	struct policy_version v;
	char out[400] = "";

	must(policy_version_current(fix.store, &fix.domain, &v, &err), &err);
	for (size_t i = 0; i < v.policy.mx_count; i++)
		sprintf(out + strlen(out), "%s%s", i ? " " : "",
			v.policy.mx[i]);
	assert_string_equal(out, expected);
	assert_int_equal(v.version, version);
	policy_version_release(&v);
}

static void step(const struct watch *w)
{
	struct err err = ERR_INIT;

	must(mx_track_step(fix.store, &fix.domain, w, THEN, &err), &err);
}

static void new_hosts_go_beside_the_former(void **state)
{
	struct watch w = fit();

	(void)state;
	publish(policy(STS_ENFORCE, IS));
	step(&w);
	assert_current(2, IS); /* it was not asked for */

	fix.domain.track_mx = true;
	fix.domain.leaving = DOMAIN_REMOVING;
	step(&w);
	assert_current(2, IS); /* it is on its way out */

	fix.domain.leaving = DOMAIN_STAYS;
	w.mx.agrees = false;
	step(&w);
	assert_current(2, IS);

	w.mx = hosts(COMES, NULL);
	step(&w);
	assert_current(3, IS " " COMES);
	step(&w);
	assert_current(3, IS " " COMES);
	must(store_commit(fix.store, NULL), NULL);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM trail WHERE"
					" kind = 'policy.tracked'"),
			 1);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM policy WHERE"
					" version = 3 AND actor = 'mtastsd'"
					" AND channel = 'track-mx'"),
			 1);
	must(store_begin(fix.store, NULL), NULL);
}

/* It stays as it is, and the look goes on: an alert tells of the stray. */
static void a_full_policy_is_left_alone(void **state)
{
	struct sts_policy p = policy(STS_ENFORCE, IS);
	const struct watch w = fit();
	struct policy_version v;

	(void)state;
	while (p.mx_count < STS_MX_LIMIT) {
		char host[40];

		snprintf(host, sizeof(host), "h%zu.test", p.mx_count);
		must(sts_policy_add_mx(&p, host, NULL), NULL);
	}
	publish(p);
	fix.domain.track_mx = true;
	step(&w);
	must(policy_version_current(fix.store, &fix.domain, &v, NULL), NULL);
	assert_int_equal(v.version, 2);
	policy_version_release(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_forbids_it_by_itself),
		cmocka_unit_test(the_policy_must_name_the_provider),
		cmocka_unit_test(what_caches_have_of_a_lie_is_never_taken),
		WITH_A_DOMAIN(new_hosts_go_beside_the_former),
		WITH_A_DOMAIN(a_full_policy_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
