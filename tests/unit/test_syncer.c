#include "daemon/syncer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/domain.h"
#include "tests/sim/scratch.h"

struct box {
	char *dir;
	struct loop *loop;
	struct store *store;
	struct syncer *syncer;
	char log[64]; /* what happened, a letter each */
	unsigned names;
};

/* Asks with its letter: "a" commits in its turn, "A" is told. */
struct asker {
	struct box *box;
	char letter;
	int64_t written;
	bool has_nothing;
	struct asker *then; /* asks when this one's turn is over */
};

static void note(struct box *b, char letter)
{
	b->log[strlen(b->log)] = letter;
}

static void write_something(struct box *b)
{
	struct domain d = { .created_at = 1 };
	struct err err = ERR_INIT;

	snprintf(d.name, sizeof(d.name), "d%u.test", b->names++);
	must(store_begin_async(b->store, &err), &err);
	must(domain_insert(b->store, &d, &err), &err);
	must(store_commit(b->store, &err), &err);
}

static bool begin(void *arg)
{
	struct asker *a = arg;

	note(a->box, a->letter);
	if (a->has_nothing)
		return false;
	write_something(a->box);
	a->written = store_written(a->box->store);
	return true;
}

static void done(const struct err *problem, void *arg)
{
	struct asker *a = arg;

	assert_int_equal(problem->kind, ERR_NONE);
	note(a->box, (char)(a->letter - 'a' + 'A'));
	store_synced(a->box->store, a->written);
	/* Nobody has committed since: all is durable. */
	assert_true(store_is_durable(a->box->store));
	if (a->then)
		syncer_queue(a->box->syncer, begin, done, a->then);
}

static int set_up(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct err err = ERR_INIT;

	b->dir = scratch_make();
	b->loop = loop_new(&err);
	b->store = scratch_store(b->dir);
	b->syncer = syncer_start(b->loop, b->store, &err);
	must(b->syncer, &err);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct box *b = *state;

	syncer_stop(b->syncer);
	loop_free(b->loop);
	store_close(b->store);
	scratch_remove(b->dir);
	free(b);
	return 0;
}

static void run_until(struct box *b, const char *log)
{
	while (strlen(b->log) < strlen(log))
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_string_equal(b->log, log);
}

static void they_take_turns(void **state)
{
	struct box *b = *state;
	struct asker d = { b, 'd', 0, false, NULL };
	struct asker a = { b, 'a', 0, false, &d };
	struct asker c = { b, 'c', 0, false, NULL };
	struct asker e = { b, 'e', 0, true, NULL };

	syncer_queue(b->syncer, begin, done, &a);
	assert_string_equal(b->log, "a"); /* at once, for nobody else waits */
	syncer_queue(b->syncer, begin, done, &e);
	syncer_queue(b->syncer, begin, done, &c);
	run_until(b, "aAecCdD");
}

/* The engine has committed when it asks. */
static void who_has_committed_only_waits(void **state)
{
	struct box *b = *state;
	struct asker a = { b, 'a', 0, false, NULL };
	struct asker c = { b, 'c', 0, false, NULL };

	write_something(b);
	c.written = store_written(b->store);
	syncer_ask(b->syncer, done, &c);
	syncer_queue(b->syncer, begin, done, &a);
	run_until(b, "CaA");
}

static void who_is_forgotten_hears_nothing(void **state)
{
	struct box *b = *state;
	struct asker a = { b, 'a', 0, false, NULL };
	struct asker c = { b, 'c', 0, false, NULL };
	struct asker d = { b, 'd', 0, false, NULL };

	syncer_queue(b->syncer, begin, done, &a);
	syncer_queue(b->syncer, begin, done, &c);
	syncer_queue(b->syncer, begin, done, &d);
	syncer_forget(b->syncer, &a);
	syncer_forget(b->syncer, &d);
	run_until(b, "acC");
	syncer_queue(b->syncer, begin, done, &d);
	run_until(b, "acCdD");
}

static void a_stop_asks_nobody(void **state)
{
	struct box *b = *state;
	struct asker a = { b, 'a', 0, false, NULL };
	struct asker c = { b, 'c', 0, false, NULL };

	syncer_queue(b->syncer, begin, done, &a);
	syncer_queue(b->syncer, begin, done, &c);
	syncer_stop(b->syncer);
	b->syncer = NULL;
	loop_drain(b->loop);
	assert_string_equal(b->log, "a");
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(they_take_turns),
		STORY(who_has_committed_only_waits),
		STORY(who_is_forgotten_hears_nothing),
		STORY(a_stop_asks_nobody),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
