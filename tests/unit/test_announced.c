/* What the `_mta-sts` record says, as several resolvers show it. */
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
#include "policy/announced.h"

#define NOW  "v=STSv1; id=now;"
#define OLD  "v=STSv1; id=old1;"
#define OLD2 "v=STSv1; id=old2;"
#define NEW  "v=STSv1; id=never1;"

/*
 * A view: "-" no such name, "0" no such record, "!" no answer, else its TTL
 * and texts, with "|" between.
 */
static const struct {
	const char *views[DNS_SERVERS_MAX];
	bool leads_here;
	enum announced what;
	const char *id;
	long ttl;
} cases[] = {
	/* one that is asked: each word there is */
	{ { NULL }, true, ANNOUNCED_UNKNOWN, "", 0 },
	{ { "!" }, true, ANNOUNCED_UNKNOWN, "", 0 },
	{ { "-" }, true, ANNOUNCED_NOTHING, "", 0 },
	{ { "0" }, true, ANNOUNCED_NOTHING, "", 0 },
	{ { "60 " NOW }, true, ANNOUNCED_IN_STEP, "now", 60 },
	{ { "60 " NOW }, false, ANNOUNCED_IN_STEP, "now", 60 },
	{ { "60 " OLD }, true, ANNOUNCED_BEHIND, "old1", 60 },
	{ { "60 " OLD }, false, ANNOUNCED_BEHIND, "old1", 60 },
	{ { "60 " NEW }, true, ANNOUNCED_AHEAD, "never1", 60 },
	{ { "60 " NEW }, false, ANNOUNCED_FOREIGN, "never1", 60 },
	{ { "60 v=STSv1; id=no-id;" }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 v=STSv1; id=NOW;" }, true, ANNOUNCED_AHEAD, "NOW", 60 },

	/* records that senders skip, or count */
	{ { "60 v=STSv1;" }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 v=STSv1; id=;" }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 v=STSv1; id=now; id=now;" }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 v=STSv1; id=a23456789012345678901234567890123;" },
	  true,
	  ANNOUNCED_DAMAGED,
	  "",
	  60 },
	{ { "60 " NOW "|" NOW }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 " NOW "|" OLD }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 " NOW "|v=STSv1; x" }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 v=STSv1; id=now; x=y" }, true, ANNOUNCED_IN_STEP, "now", 60 },

	/* other texts at the name are nobody's */
	{ { "60 v=spf1 -all|" NOW "|words" },
	  true,
	  ANNOUNCED_IN_STEP,
	  "now",
	  60 },
	{ { "60 v=spf1 -all" }, true, ANNOUNCED_NOTHING, "", 60 },
	{ { "60 v=STSv2; id=now;" }, true, ANNOUNCED_NOTHING, "", 60 },
	{ { "60 v=STSv1 ; id=now;" }, true, ANNOUNCED_NOTHING, "", 60 },
	{ { "60 V=STSv1; id=now;" }, true, ANNOUNCED_NOTHING, "", 60 },

	/* servers that fail have no say */
	{ { "!", "60 " NOW, "!" }, true, ANNOUNCED_IN_STEP, "now", 60 },
	{ { "60 " OLD, "!" }, true, ANNOUNCED_BEHIND, "old1", 60 },
	{ { "!", "-" }, true, ANNOUNCED_NOTHING, "", 0 },
	{ { "!", "!" }, true, ANNOUNCED_UNKNOWN, "", 0 },

	/* in step only if all that answer are */
	{ { "60 " NOW, "90 " NOW }, true, ANNOUNCED_IN_STEP, "now", 90 },
	{ { "60 " NOW, "90 " OLD }, true, ANNOUNCED_BEHIND, "old1", 90 },
	{ { "90 " OLD, "60 " NOW }, true, ANNOUNCED_BEHIND, "old1", 90 },
	{ { "60 " NOW, "-" }, true, ANNOUNCED_NOTHING, "", 60 },
	{ { "0", "60 " NOW }, true, ANNOUNCED_NOTHING, "", 60 },
	{ { "60 " NOW, "60 v=STSv1;" }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 v=STSv1;", "60 " NOW }, true, ANNOUNCED_DAMAGED, "", 60 },
	{ { "60 " OLD, "60 v=STSv1;" }, true, ANNOUNCED_BEHIND, "old1", 60 },
	{ { "60 v=STSv1;", "60 " OLD }, true, ANNOUNCED_BEHIND, "old1", 60 },
	{ { "60 " NOW, "60 " NEW }, true, ANNOUNCED_AHEAD, "never1", 60 },
	{ { "60 " NEW, "60 " NOW }, false, ANNOUNCED_FOREIGN, "never1", 60 },
	{ { "60 " NEW, "60 " OLD }, false, ANNOUNCED_FOREIGN, "never1", 60 },
	{ { "60 " OLD, "60 " NEW }, true, ANNOUNCED_AHEAD, "never1", 60 },
	{ { "60 " NOW, "60 " NOW, "60 " OLD, "60 " NOW },
	  true,
	  ANNOUNCED_BEHIND,
	  "old1",
	  60 },
	{ { "30 " NOW, "-", "60 " NOW }, true, ANNOUNCED_NOTHING, "", 60 },

	/* the longest: whoever fetched it last */
	{ { "300 " NOW, "20 " NOW, "299 " NOW },
	  true,
	  ANNOUNCED_IN_STEP,
	  "now",
	  300 },
};

static void read_view(struct dns_record_set *set, const char *word)
{
	char text[DNS_TEXT_MAX], *rest, *save, *one;

	set->outcome = streq(word, "-")	  ? DNS_NO_NAME
		       : streq(word, "0") ? DNS_NO_RECORD
		       : streq(word, "!") ? DNS_FAILED
					  : DNS_FOUND;
	if (set->outcome != DNS_FOUND)
		return;
	snprintf(text, sizeof(text), "%s", word);
	set->ttl = strtol(text, &rest, 10);
	for (one = strtok_r(rest + 1, "|", &save); one;
	     one = strtok_r(NULL, "|", &save))
		snprintf(set->record[set->count++].text, DNS_TEXT_MAX, "%s",
			 one);
}

static bool is_past(void *arg, const char *id)
{
	assert_string_equal(arg, "the store");
	return str_starts(id, "old");
}

static void records_are_told_apart(void **state)
{
	char store[] = "the store";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct announced_known known = {
			.id = "now",
			.leads_here = cases[i].leads_here,
			.is_past = is_past,
			.arg = store,
		};
		struct dns_records_answer *answer = xcalloc(1, sizeof(*answer));
		struct announced_seen seen = { .ttl = 4711, .id = "dirt" };
		size_t n = 0;

		for (; n < DNS_SERVERS_MAX && cases[i].views[n]; n++)
			read_view(&answer->view[n], cases[i].views[n]);
		answer->count = n;
		announced_judge(answer, &known, &seen);
		print_message("%zu: %s %s\n", i, n ? cases[i].views[0] : "",
			      announced_name(seen.what));
		assert_int_equal(seen.what, cases[i].what);
		assert_string_equal(seen.id, cases[i].id);
		assert_int_equal(seen.ttl, cases[i].ttl);
		free(answer);
	}
}

static void words_are_read_back(void **state)
{
	static const char *const none[] = { "", "In-Step", "in step", "x" };
	enum announced what;

	(void)state;
	for (enum announced a = 0; a <= ANNOUNCED_FOREIGN; a++) {
		what = ANNOUNCED_FOREIGN - a;
		assert_true(announced_parse(announced_name(a), &what));
		assert_int_equal(what, a);
	}
	what = ANNOUNCED_BEHIND;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(announced_parse(none[i], &what));
	assert_int_equal(what, ANNOUNCED_BEHIND);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_told_apart),
		cmocka_unit_test(words_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
