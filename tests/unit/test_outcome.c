/*
 * What the end of an order means for the next try, in the whole engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

static bool token_is_nowhere(void *arg, const char *token, const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	return false;
}

static void start_live(struct sim_world *w, size_t cas)
{
	sim_init(w);
	for (size_t i = 1; i < cas; i++) {
		w->settings.ca[i] = w->settings.ca[0];
		w->settings.ca[i].name[0] = (char)('a' + i);
	}
	w->settings.ca_count = cas;
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

/* Until so many seconds before the end of its certificate. */
static void sleep_until(struct sim_world *w, long left)
{
	w->sleeps = true;
	sim_run(w, NULL, sim_served_until(w, NAME) - left - sim_now(w));
	w->sleeps = false;
}

static bool is_renewed(struct sim_world *w)
{
	return sim_served_until(w, NAME) > sim_now(w) + 80 * WHEN_DAY;
}

/* ---- names that keep failing ---- */

/* Each CA may do better than the other: none is left alone for a day. */
static void no_ca_is_spared_for_long_when_time_is_short(void **state)
{
	bool (*token_is_served)(void *, const char *, const char *);
	struct sim_world w;

	(void)state;
	for (size_t cas = 1; cas < 4; cas++) {
		start_live(&w, cas);
		token_is_served = w.shared->ca.token_is_served;
		w.shared->ca.token_is_served = token_is_nowhere;
		sleep_until(&w, 5 * WHEN_HOUR);
		w.shared->ca.token_is_served = token_is_served;
		assert_true(sim_run(&w, is_renewed, 2 * WHEN_HOUR));
		sim_release(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_ca_is_spared_for_long_when_time_is_short),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
