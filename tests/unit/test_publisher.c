/*
 * The publisher at work: a real store and engine in the virtual world of
 * tests/sim, and a hook that writes down what it is told.
 */
#include "daemon/publisher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/publication.h"
#include "store/reached.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"
#define WAIT 5	/* seconds of real time, at most */

static struct sim_world w;
static struct config config;
static struct loop *loop;
static struct publisher *publisher;
static char *calls;	/* what the hook was told, one call after another */

static int set_up(void **state)
{
	struct publish_settings *s = &config.publish;

	(void)state;
	sim_init(&w);
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 100));
	loop = loop_new(NULL);
	calls = scratch_path(w.dir, "calls");
	*s = (struct publish_settings){ .zone = "z.example", .hook_count = 3 };
	snprintf(s->hook[0], PUBLISH_WORD_SIZE, "/usr/bin/tee");
	snprintf(s->hook[1], PUBLISH_WORD_SIZE, "-a");
	snprintf(s->hook[2], PUBLISH_WORD_SIZE, "%s", calls);
	publisher = publisher_start(
		&(struct publisher_parts){ .loop = loop,
					   .store = w.store,
					   .engine = w.engine,
					   .config = &config },
		NULL);
	assert_non_null(publisher);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	publisher_stop(publisher);
	loop_free(loop);
	free(calls);
	sim_release(&w);
	return 0;
}

static bool is_idle(void)
{
	long waiting;

	must(publication_waiting(w.store, &waiting, NULL), NULL);
	return !waiting && !publication_is_sent(w.store);
}

/* Until it has nothing to do any more. */
static void work(void)
{
	static const struct timeval moment = { .tv_usec = 20 * 1000 };

	publisher_hurry(publisher);
	for (int i = 0; i < WAIT * 50; i++) {
		event_base_loopexit(loop_base(loop), &moment);
		event_base_dispatch(loop_base(loop));
		if (is_idle() && i > 2)
			return;
	}
	fail_msg("it does not come to an end");
}

/* All that the hook was told since the last time. */
static const char *told(void)
{
	static char text[4096];
	FILE *f = fopen(calls, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	unlink(calls);
	return text;
}

/* The policy was fetched as senders do. */
static void reach(void)
{
	struct domain d = sim_domain(&w, NAME);

	must(store_begin(w.store, NULL), NULL);
	must(reached_note(w.store, d.id, SIM_START, NULL), NULL);
	must(store_commit(w.store, NULL), NULL);
}

/* From here it was looked for in vain for a day. */
static void let_through(void)
{
	struct reached r = { .let_at = 1, .why = REACHED_CUT_OFF };
	struct domain d = sim_domain(&w, NAME);

	must(store_begin(w.store, NULL), NULL);
	must(reached_write(w.store, d.id, &r, r.due_at, NULL), NULL);
	must(store_commit(w.store, NULL), NULL);
}

static void again(void)
{
	must(store_begin(w.store, NULL), NULL);
	must(publication_again(w.store, NAME, NULL), NULL);
	must(store_commit(w.store, NULL), NULL);
}

static void what_is_new_is_told_once(void **state)
{
	const char *first;

	(void)state;
	reach();
	work();
	first = told();
	assert_non_null(strstr(first, NAME "._mta-sts.z.example"));
	assert_non_null(strstr(first, "v=STSv1; id="));
	work();
	assert_string_equal(told(), "");
}

/* The same once more, for DNS does not show it. */
static void what_is_asked_for_again_is_told_again(void **state)
{
	char first[4096];

	(void)state;
	reach();
	work();
	snprintf(first, sizeof(first), "%s", told());
	again();
	work();
	assert_string_equal(told(), first);
}

/* Of rows that do not decode: nobody can say what the zone is to have. */
static const char *const damages[] = {
	"UPDATE domain SET method = 77",
	"UPDATE domain SET label = hex(zeroblob(5000))",
	"UPDATE domain SET policy_id = 4711",
	"UPDATE policy SET mode = 77",
};

static void a_damaged_row_takes_nothing_out_of_the_zone(void **state)
{
	(void)state;
	reach();
	work();
	told();
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct publication p;

		print_message("%s\n", damages[i]);
		scratch_sql(w.dir, "state.db",
			    "CREATE TABLE good AS SELECT * FROM domain");
		scratch_sql(w.dir, "state.db",
			    "CREATE TABLE well AS SELECT * FROM policy");
		scratch_sql(w.dir, "state.db", damages[i]);
		again();
		work();
		assert_string_equal(told(), "");
		must(publication_of(w.store, NAME, &p, NULL), NULL);
		assert_non_null(strstr(p.told, "v=STSv1; id="));
		publication_release(&p);
		scratch_sql(w.dir, "state.db",
			    "UPDATE domain SET method = (SELECT method FROM"
			    " good), label = '', policy_id ="
			    " (SELECT policy_id FROM good);"
			    "UPDATE policy SET mode = (SELECT mode FROM well);"
			    "DROP TABLE good; DROP TABLE well");
		work();
		told();
	}
}

/* It waits, nobody has to think of it, and it comes by itself. */
static void the_policy_is_announced_once_it_was_fetched(void **state)
{
	(void)state;
	work();
	assert_string_equal(told(), "");
	again();
	work();
	assert_string_equal(told(), "");
	reach();
	work();
	assert_non_null(strstr(told(), "v=STSv1; id="));
}

static void or_when_nobody_can_look_from_here(void **state)
{
	(void)state;
	work();
	assert_string_equal(told(), "");
	let_through();
	work();
	assert_non_null(strstr(told(), "v=STSv1; id="));
}

/* Senders that were told of it keep to it: to take it back helps nobody. */
static void what_was_told_is_not_taken_back(void **state)
{
	static const char *const changes[] = {
		"UPDATE reached SET at = 0",
		"UPDATE reached SET distrust = 'x'",
		"DELETE FROM reached",
		"UPDATE ca SET name = 'staging'",
	};

	(void)state;
	reach();
	work();
	told();
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		print_message("%s\n", changes[i]);
		scratch_sql(w.dir, "state.db", changes[i]);
		again();
		work();
		assert_non_null(strstr(told(), "v=STSv1; id="));
	}
}

/* Nor is what was never told of told for that. */
static void what_nobody_trusts_is_not_told(void **state)
{
	(void)state;
	scratch_sql(w.dir, "state.db", "UPDATE ca SET name = 'staging'");
	reach();
	work();
	again();
	work();
	assert_string_equal(told(), "");
}

/* What is really gone is taken out, whatever stands in the others' rows. */
static void what_is_gone_is_taken_out(void **state)
{
	struct domain d = sim_domain(&w, NAME);

	(void)state;
	reach();
	work();
	told();
	must(store_begin(w.store, NULL), NULL);
	must(domain_delete(w.store, &d, 2, NULL), NULL);
	must(store_commit(w.store, NULL), NULL);
	work();
	assert_non_null(strstr(told(), "\"value\":null"));
}

#define AT_WORK(test)                                                          \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AT_WORK(what_is_new_is_told_once),
		AT_WORK(what_is_asked_for_again_is_told_again),
		AT_WORK(a_damaged_row_takes_nothing_out_of_the_zone),
		AT_WORK(the_policy_is_announced_once_it_was_fetched),
		AT_WORK(or_when_nobody_can_look_from_here),
		AT_WORK(what_was_told_is_not_taken_back),
		AT_WORK(what_nobody_trusts_is_not_told),
		AT_WORK(what_is_gone_is_taken_out),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
