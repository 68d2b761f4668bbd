/*
 * Resolvers of several threads at once. c-ares counts who began it without a
 * lock, in a library that no sanitizer looks into: its calls are counted here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <ares.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>

#include "base/dns.h"
#include "base/loop.h"

#define THREADS 4
#define TIMES	20

static atomic_int begun, ended, made;

/* In front of those of c-ares. */
int ares_library_init(int flags)
{
	int (*begin)(int) = (int (*)(int))dlsym(RTLD_NEXT, __func__);

	begun++;
	return begin ? begin(flags) : ARES_ENOTINITIALIZED;
}

void ares_library_cleanup(void)
{
	void (*end)(void) = (void (*)(void))dlsym(RTLD_NEXT, __func__);

	ended++;
	if (end)
		end();
}

static void *come_and_go(void *arg)
{
	static const char *const server = "127.0.0.1:53";
	struct loop *loop = loop_new(NULL);

	(void)arg;
	for (int i = 0; loop && i < TIMES; i++) {
		struct resolver *r = resolver_new(loop, &server, 1, 1000, NULL);

		made += r != NULL;
		resolver_free(r);
	}
	loop_free(loop);
	return NULL;
}

static void threads_begin_the_library_once(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(made, THREADS * TIMES);
	assert_int_equal(begun, 1);
	assert_int_equal(ended, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_begin_the_library_once),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
