#include "base/errands.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define THREADS 4
#define MANY	2000

struct house {
	struct loop *home;
	struct errands *errands;
	char log[64]; /* at home: a letter for each that came back */
	atomic_bool is_open;
	atomic_int begun, ended; /* of what is slow */
};

static int set_up(void **state)
{
	struct house *h = xcalloc(1, sizeof(*h));

	h->home = loop_new(NULL);
	h->errands = errands_start(h->home, "fifteen letters", NULL);
	assert_non_null(h->errands);
	*state = h;
	return 0;
}

static void stop(struct house *h)
{
	errands_stop(h->errands);
	h->errands = NULL;
}

static int tear_down(void **state)
{
	struct house *h = *state;

	errands_stop(h->errands);
	loop_free(h->home);
	free(h);
	return 0;
}

static void log_letter(struct house *h, char letter)
{
	size_t n = strlen(h->log);

	assert_true(n + 1 < sizeof(h->log));
	h->log[n] = letter;
}

static void run_until(struct house *h, const char *log)
{
	while (strlen(h->log) < strlen(log))
		event_base_loop(loop_base(h->home), EVLOOP_ONCE);
	assert_string_equal(h->log, log);
}

/* Comes back as its letter, or as '-' if it was not run. */
struct letter {
	struct house *house;
	char letter;
	bool was_run;		/* as the thread has it */
	struct letter *then[2]; /* asked when it comes back; NULL: none */
};

static void write_letter(void *arg)
{
	struct letter *l = arg;

	l->was_run = true;
}

static void read_letter(bool was_run, void *arg)
{
	struct letter *l = arg;

	assert_int_equal(was_run, l->was_run);
	log_letter(l->house, was_run ? l->letter : '-');
	for (size_t i = 0; i < ARRAY_LEN(l->then) && l->then[i]; i++)
		errands_ask(l->house->errands, write_letter, read_letter,
			    l->then[i]);
}

static void ask(struct house *h, struct letter *l)
{
	errands_ask(h->errands, write_letter, read_letter, l);
}

static void they_come_back_in_order(void **state)
{
	struct house *h = *state;
	struct letter a = { .house = h, .letter = 'a' },
		      b = { .house = h, .letter = 'b' },
		      c = { .house = h, .letter = 'c' };

	ask(h, &a);
	ask(h, &b);
	ask(h, &c);
	assert_string_equal(h->log, ""); /* never within the call */
	run_until(h, "abc");
}

/* What is asked in a callback waits behind what waits already. */
static void a_callback_may_ask(void **state)
{
	struct house *h = *state;
	struct letter d = { .house = h, .letter = 'd' },
		      e = { .house = h, .letter = 'e' };
	struct letter c = { .house = h, .letter = 'c', .then = { &e } };
	struct letter a = { .house = h, .letter = 'a', .then = { &c, &d } },
		      b = { .house = h, .letter = 'b' };

	ask(h, &a);
	ask(h, &b);
	run_until(h, "abcde");
}

/* ---- the thread ---- */

struct place {
	pthread_t thread;
	char name[16];
	bool is_deaf;
};

static void look_around(void *arg)
{
	struct place *p = arg;
	sigset_t set;

	p->thread = pthread_self();
	pthread_getname_np(p->thread, p->name, sizeof(p->name));
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	p->is_deaf = sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP);
}

static void nothing_more(bool was_run, void *arg)
{
	(void)was_run;
	(void)arg;
}

/* Named after what was run; signals are for control. */
static void it_is_another_thread(void **state)
{
	struct house *h = *state;
	struct letter after = { .house = h, .letter = 'a' };
	struct place place = { 0 };

	errands_ask(h->errands, look_around, nothing_more, &place);
	ask(h, &after);
	run_until(h, "a");
	assert_false(pthread_equal(place.thread, pthread_self()));
	assert_string_equal(place.name, "fifteen letters");
	assert_true(place.is_deaf);
}

static void greet(void *arg)
{
	log_letter(arg, 'g');
}

static void post_greeting(void *arg)
{
	struct house *h = arg;

	loop_post(h->home, greet, h);
}

static void come_home(bool was_run, void *arg)
{
	assert_true(was_run);
	log_letter(arg, 'h');
}

/* What it posts on its way is there before it. */
static void an_errand_may_post(void **state)
{
	struct house *h = *state;

	errands_ask(h->errands, post_greeting, come_home, h);
	errands_ask(h->errands, post_greeting, come_home, h);
	run_until(h, "ghgh");
}

/* ---- stopping ---- */

static void rest(long ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000,
					.tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

/* Once begun it lasts until the stop is near, and somewhat longer. */
static void be_slow(void *arg)
{
	struct letter *l = arg;
	struct house *h = l->house;

	atomic_fetch_add(&h->begun, 1);
	while (!atomic_load(&h->is_open))
		rest(1);
	rest(50);
	l->was_run = true;
	atomic_fetch_add(&h->ended, 1);
}

#define SLOW 20

/* It waits for the one under way; the others come back, and were not run. */
static void a_stop_waits_for_one(void **state)
{
	struct house *h = *state;
	struct letter slow[SLOW];
	char told[SLOW + 1];

	for (size_t i = 0; i < SLOW; i++) {
		slow[i] = (struct letter){ .house = h,
					   .letter = (char)('a' + i) };
		errands_ask(h->errands, be_slow, read_letter, &slow[i]);
	}
	while (!atomic_load(&h->begun))
		rest(1);
	atomic_store(&h->is_open, true);
	stop(h);
	assert_int_equal(atomic_load(&h->ended), atomic_load(&h->begun));
	assert_in_range(h->ended, 1, SLOW - 1); /* 1, if nobody was late */
	assert_int_equal(strlen(h->log), SLOW);
	assert_int_equal(h->log[0], 'a');
	assert_int_equal(h->log[SLOW - 1], '-');
	memcpy(told, h->log, sizeof(told));
	loop_drain(h->home);
	assert_string_equal(h->log, told); /* nothing comes after */
}

/* What has been run, but was not heard of at home, is told as run. */
static void a_stop_brings_what_is_done(void **state)
{
	struct house *h = *state;
	struct letter a = { .house = h, .letter = 'a' },
		      b = { .house = h, .letter = 'b' };

	atomic_store(&h->is_open, true);
	errands_ask(h->errands, be_slow, read_letter, &a);
	errands_ask(h->errands, be_slow, read_letter, &b);
	while (atomic_load(&h->ended) < 2)
		rest(1);
	stop(h);
	assert_string_equal(h->log, "ab");
	loop_drain(h->home);
	assert_string_equal(h->log, "ab");
}

/* ... and it comes back as well, not run. */
static void who_is_told_at_the_stop_may_ask(void **state)
{
	struct house *h = *state;
	struct letter c = { .house = h, .letter = 'c' },
		      d = { .house = h, .letter = 'd' };
	struct letter b = { .house = h, .letter = 'b', .then = { &c, &d } };
	struct letter a = { .house = h, .letter = 'a', .then = { &b } };

	atomic_store(&h->is_open, true);
	errands_ask(h->errands, be_slow, read_letter, &a);
	while (!atomic_load(&h->ended))
		rest(1);
	stop(h);
	assert_string_equal(h->log, "a---");
	loop_drain(h->home);
	assert_string_equal(h->log, "a---");
}

static void one_that_was_asked_nothing_stops(void **state)
{
	stop(*state);
	errands_stop(NULL);
}

/* ---- many ---- */

/* At a home of its own, on a thread of its own. */
struct producer {
	struct loop *home;
	struct errands *errands;
	struct loop *square; /* where all producers post to, too */
	struct parcel {
		struct producer *producer;
		int number;
	} parcels[MANY];
	int last_run;  /* on the errands' thread */
	int last_home; /* at home */
	bool is_strange;
};

static atomic_int heard;

static void hear(void *arg)
{
	(void)arg;
	atomic_fetch_add(&heard, 1);
}

static void carry(void *arg)
{
	struct parcel *p = arg;

	if (p->number != ++p->producer->last_run)
		p->producer->is_strange = true;
	loop_post(p->producer->square, hear, NULL);
}

static void bring(bool was_run, void *arg)
{
	struct parcel *p = arg;

	if (!was_run || p->number != ++p->producer->last_home)
		p->producer->is_strange = true;
	if (p->number == MANY)
		loop_stop(p->producer->home);
}

static void *produce(void *arg)
{
	struct producer *p = arg;

	for (int i = 0; i < MANY; i++) {
		p->parcels[i] = (struct parcel){ p, i + 1 };
		errands_ask(p->errands, carry, bring, &p->parcels[i]);
	}
	loop_run(p->home);
	return NULL;
}

static void start(struct producer *p, struct loop *square, pthread_t *thread)
{
	p->square = square;
	p->home = loop_new(NULL);
	p->errands = errands_start(p->home, "carrier", NULL);
	assert_non_null(p->errands);
	assert_int_equal(pthread_create(thread, NULL, produce, p), 0);
}

static void many_get_all_they_ask_for(void **state)
{
	struct house *h = *state;
	struct producer *all = xcalloc(THREADS, sizeof(*all));
	pthread_t threads[THREADS];

	atomic_store(&heard, 0);
	for (size_t i = 0; i < THREADS; i++)
		start(&all[i], h->home, &threads[i]);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		errands_stop(all[i].errands);
		loop_free(all[i].home);
		assert_int_equal(all[i].last_home, MANY);
		assert_false(all[i].is_strange);
	}
	loop_drain(h->home);
	assert_int_equal(atomic_load(&heard), THREADS * MANY);
	free(all);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(they_come_back_in_order),
		STORY(a_callback_may_ask),
		STORY(it_is_another_thread),
		STORY(an_errand_may_post),
		STORY(a_stop_waits_for_one),
		STORY(a_stop_brings_what_is_done),
		STORY(who_is_told_at_the_stop_may_ask),
		STORY(one_that_was_asked_nothing_stops),
		STORY(many_get_all_they_ask_for),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
