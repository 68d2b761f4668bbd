/* What of DNS's changes stands in the trail, and how often. */
#include "daemon/watch_news.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/trail.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0 ROWS_NOW

static struct watch k;

static int set_up(void **state)
{
	fixture_begin_with_domain(state);
	k = (struct watch){ .domain_id = fix.domain.id,
			    .host = HOST_HERE,
			    .txt = ANNOUNCED_BEHIND };
	return 0;
}

/* At so many minutes: the record has this id; NULL: nothing has changed. */
static void see_id(const char *id, long minutes)
{
	struct err err = ERR_INIT;

	if (id)
		snprintf(k.txt_id, sizeof(k.txt_id), "%s", id);
	must(watch_news_tell(fix.store, &fix.domain, &k, id ? NEWS_TXT : 0,
			     T0 + minutes * WHEN_MINUTE, &err),
	     &err);
}

struct lines {
	char text[4096];
	long count;
};

static bool add_line(const struct trail *e, void *arg)
{
	struct lines *all = arg;
	const char *id = strstr(e->text, "id ");

	if (strncmp(e->kind, "dns.", 4) != 0)
		return true;
	snprintf(all->text + strlen(all->text),
		 sizeof(all->text) - strlen(all->text), "%s%s",
		 all->count++ ? "|" : "", id ? id + 3 : e->text);
	return true;
}

static struct lines lines(void)
{
	struct lines all = { .count = 0 };

	must(trail_each(fix.store, &(struct trail_filter){ .limit = 0 },
			add_line, &all, NULL),
	     NULL);
	return all;
}

static void assert_trail(const char *expected)
{
	assert_string_equal(lines().text, expected);
}

static void each_state_is_told(void **state)
{
	(void)state;
	see_id("a", 0);
	see_id(NULL, 1);
	see_id("b", 2);
	assert_trail("a|b");
	assert_int_equal(k.untold_txt, 0);
}

/* The same is told once an hour, and what is so in the end is told. */
static void what_goes_to_and_fro_is_counted(void **state)
{
	(void)state;
	see_id("a", 0);
	see_id("b", 1);
	see_id("a", 2);
	see_id("b", 3);
	see_id("a", 4);
	assert_trail("a|b");
	assert_int_equal(k.untold_txt, 3);
	see_id(NULL, 59);
	assert_trail("a|b");
	see_id(NULL, 61);
	assert_trail("a|b|a (2 changes before it were not told)");
	assert_int_equal(k.untold_txt, 0);
	see_id(NULL, 300);
	assert_int_equal(lines().count, 3);

	/* with a count behind it, it is the same */
	see_id("b", 62);
	see_id("a", 63);
	assert_int_equal(lines().count, 4);
	assert_int_equal(k.untold_txt, 1);
}

static void what_is_new_each_time_has_a_bound(void **state)
{
	char id[STS_ID_SIZE];

	(void)state;
	for (int minute = 0; minute < 6 * 60; minute++) {
		snprintf(id, sizeof(id), "n%d", minute);
		see_id(id, minute);
	}
	assert_in_range(lines().count, 6 * 6, 6 * 6);
	assert_non_null(strstr(lines().text, "were not told)"));
}

static void each_kind_has_its_own(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 5; i++) {
		k.host = i % 2 ? HOST_ELSEWHERE : HOST_HERE;
		see_id(i % 2 ? "a" : "b", i);
		must(watch_news_tell(fix.store, &fix.domain, &k, NEWS_HOST,
				     T0 + i * WHEN_MINUTE, &err),
		     &err);
	}
	k.mx = (struct mx_seen){ .look = MX_ABSENT };
	must(watch_news_tell(fix.store, &fix.domain, &k, NEWS_MX, T0, &err),
	     &err);
	assert_int_equal(lines().count, 5);
	assert_int_equal(k.untold_host, 3);
	assert_int_equal(k.untold_txt, 3);
	assert_int_equal(k.untold_mx, 0);
}

#define FOR_ONE(test)                                                          \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FOR_ONE(each_state_is_told),
		FOR_ONE(what_goes_to_and_fro_is_counted),
		FOR_ONE(what_is_new_each_time_has_a_bound),
		FOR_ONE(each_kind_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
