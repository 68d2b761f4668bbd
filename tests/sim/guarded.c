#include "tests/sim/guarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define GUARD_SECONDS 20

struct guard {
	struct loop *loop;
	bool is_late;
};

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
	struct guard *g = arg;

	(void)fd;
	(void)what;
	g->is_late = true;
	loop_stop(g->loop);
}

void guarded_run(struct loop *loop)
{
	struct guard g = { .loop = loop };
	struct event *timer = evtimer_new(loop_base(loop), on_guard, &g);

	event_add(timer, &(struct timeval){ GUARD_SECONDS, 0 });
	loop_run(loop);
	event_free(timer);
	assert_false(g.is_late);
}
