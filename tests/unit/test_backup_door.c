/*
 * A backup on its way to a peer, who is stood in for: how it ended, as the log
 * says it.
 */
#include "daemon/backup_door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/api.h"
#include "store/ballast.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define NOW 1800000000L

/* ---- the peer ---- */

struct api_later {
	struct loop *loop;
	int64_t announced, came;
	int64_t leaves_at; /* when it has so many bytes, as soon as it can */
	api_more *more;
	void *arg;
};

bool api_later_begin(struct api_later *later, const char *type, int64_t length,
		     api_more *more, void *arg)
{
	(void)type;
	later->announced = length;
	later->more = more;
	later->arg = arg;
	return true;
}

static bool has_left(const struct api_later *later)
{
	return later->came >= later->leaves_at;
}

/* The kernel has it all, and the peer goes at once. */
static void take(void *arg)
{
	struct api_later *later = arg;
	bool leaves = has_left(later) && later->came < later->announced;

	if (!leaves)
		later->more(true, later->arg);
	if (later->more && has_left(later))
		later->more(false, later->arg);
}

void api_later_piece(struct api_later *later, const void *data, size_t len)
{
	(void)data;
	later->came += (int64_t)len;
	loop_defer(later->loop, take, later);
}

static void end(struct api_later *later)
{
	later->more = NULL;
	loop_stop(later->loop);
}

void api_later_end(struct api_later *later)
{
	end(later);
}

void api_later_fail(struct api_later *later, int status, const struct err *err)
{
	(void)status;
	(void)err;
	end(later);
}

int api_status_of(const struct err *err)
{
	(void)err;
	return 503;
}

/* ---- the log ---- */

static char *logged[4];
static size_t lines;

static bool keep(int priority, const struct log_field *field, const char *line)
{
	(void)priority;
	(void)field;
	assert_true(lines < ARRAY_LEN(logged));
	logged[lines++] = xstrdup(line);
	return true;
}

static void forget(void)
{
	while (lines)
		free(logged[--lines]);
}

/* ---- the tests ---- */

static struct hosted h;
static struct loop *loop;
static struct backup_door *door;

static int set_up(void **state)
{
	(void)state;
	hosted_init(&h);
	must(ballast_make(h.dir, NULL), NULL);
	log_init(LOG_LEVEL_INFO);
	log_to(keep);
	loop = loop_new(NULL);
	door = backup_door_start(loop, h.dir, NULL);
	assert_non_null(door);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	backup_door_stop(door);
	loop_free(loop);
	log_to(NULL);
	forget();
	hosted_release(&h);
	return 0;
}

static void send_to(struct api_later *later)
{
	backup_door_send(door, later, NOW);
	loop_run(loop);
	assert_true(backup_door_is_free(door, NULL));
}

static void test_who_has_all_may_leave(void **state)
{
	struct api_later whole = { .loop = loop, .leaves_at = INT64_MAX };

	(void)state;
	send_to(&whole);
	assert_int_equal(whole.came, whole.announced);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(logged[0], "bytes were sent"));
	forget();

	struct api_later hasty = { .loop = loop, .leaves_at = whole.came };

	send_to(&hasty);
	assert_int_equal(hasty.came, hasty.announced);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(logged[0], "bytes were sent"));
}

static void test_who_leaves_before_has_none(void **state)
{
	struct api_later later = { .loop = loop, .leaves_at = 1 };

	(void)state;
	send_to(&later);
	assert_true(later.came < later.announced);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(logged[0], "left before its end"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_has_all_may_leave,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_leaves_before_has_none,
						set_up, tear_down),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
