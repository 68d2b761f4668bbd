#include "base/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#define THREADS 4
#define POSTS   2000

/* What the messages of one test share; only the loop's thread touches it. */
struct scene {
	struct loop *loop;
	pthread_t owner;
	char log[16]; /* a letter for each message run */
	size_t logged;
	int last[THREADS]; /* the last number that each thread posted */
	int count;
	bool is_strange; /* run on another thread, or out of order */
};

struct note {
	struct scene *scene;
	char letter;
	int thread, number;
};

static struct note *note(struct scene *scene, char letter)
{
	struct note *n = xcalloc(1, sizeof(*n));

	*n = (struct note){ .scene = scene, .letter = letter };
	return n;
}

static void write_down(void *arg)
{
	struct note *n = arg;

	n->scene->log[n->scene->logged++] = n->letter;
	free(n);
}

static void stop(void *arg)
{
	struct note *n = arg;

	loop_stop(n->scene->loop);
	write_down(n);
}

static struct scene new_scene(void)
{
	struct scene s = { .loop = loop_new(NULL), .owner = pthread_self() };

	assert_non_null(s.loop);
	return s;
}

static void messages_run_in_order(void **state)
{
	struct scene s = new_scene();

	(void)state;
	loop_post(s.loop, write_down, note(&s, 'a'));
	loop_defer(s.loop, write_down, note(&s, 'b'));
	loop_post(s.loop, stop, note(&s, 'c'));
	assert_string_equal(s.log, ""); /* never from within the call */
	loop_run(s.loop);
	assert_string_equal(s.log, "abc");
	loop_free(s.loop);
}

static void defer_twice(void *arg)
{
	struct note *n = arg;

	loop_defer(n->scene->loop, write_down, note(n->scene, 'y'));
	loop_defer(n->scene->loop, stop, note(n->scene, 'z'));
	write_down(n);
}

/* The deferred call comes after the one that asked for it has returned. */
static void what_is_deferred_waits_for_its_turn(void **state)
{
	struct scene s = new_scene();

	(void)state;
	loop_post(s.loop, defer_twice, note(&s, 'a'));
	loop_post(s.loop, write_down, note(&s, 'b'));
	loop_run(s.loop);
	assert_string_equal(s.log, "abyz");
	loop_free(s.loop);
}

static void check_number(void *arg)
{
	struct note *n = arg;
	struct scene *s = n->scene;

	if (!pthread_equal(pthread_self(), s->owner) ||
	    n->number != s->last[n->thread] + 1)
		s->is_strange = true;
	s->last[n->thread] = n->number;
	if (++s->count == THREADS * POSTS)
		loop_stop(s->loop);
	free(n);
}

static void *post_many(void *arg)
{
	struct note *who = arg;

	for (int i = 1; i <= POSTS; i++) {
		struct note *n = note(who->scene, 0);

		n->thread = who->thread;
		n->number = i;
		loop_post(who->scene->loop, check_number, n);
	}
	free(who);
	return NULL;
}

static void every_thread_may_post(void **state)
{
	struct scene s = new_scene();
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		struct note *who = note(&s, 0);

		who->thread = i;
		assert_int_equal(
			pthread_create(&threads[i], NULL, post_many, who), 0);
	}
	loop_run(s.loop);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(s.count, THREADS * POSTS);
	assert_false(s.is_strange);
	loop_free(s.loop);
}

static void *stop_soon(void *arg)
{
	usleep(20000); /* so that the loop sleeps by then */
	loop_stop(arg);
	return NULL;
}

static void another_thread_may_stop_it(void **state)
{
	struct scene s = new_scene();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, s.loop), 0);
	loop_run(s.loop); /* with no event at all: it must not return */
	pthread_join(thread, NULL);

	/* And it may run again, unless it was stopped before. */
	loop_stop(s.loop);
	loop_run(s.loop);
	loop_post(s.loop, stop, note(&s, 'a'));
	loop_run(s.loop);
	assert_string_equal(s.log, "a");
	loop_free(s.loop);
}

static void freeing_runs_what_waits(void **state)
{
	struct scene s = new_scene();

	(void)state;
	loop_post(s.loop, write_down, note(&s, 'a'));
	loop_post(s.loop, defer_twice, note(&s, 'b'));
	loop_free(s.loop);
	assert_string_equal(s.log, "abyz");
	loop_free(NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stop(arg);
}

static void its_base_takes_other_events(void **state)
{
	struct scene s = new_scene();
	const struct timeval soon = { .tv_usec = 1000 };

	(void)state;
	assert_int_equal(event_base_once(loop_base(s.loop), -1, EV_TIMEOUT,
					 on_timer, note(&s, 't'), &soon),
			 0);
	loop_run(s.loop);
	assert_string_equal(s.log, "t");
	loop_free(s.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_run_in_order),
		cmocka_unit_test(what_is_deferred_waits_for_its_turn),
		cmocka_unit_test(every_thread_may_post),
		cmocka_unit_test(another_thread_may_stop_it),
		cmocka_unit_test(freeing_runs_what_waits),
		cmocka_unit_test(its_base_takes_other_events),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
