/*
 * Versions of a policy: what makes a new one, and ids that never come again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "store/policy_version.h"
#include "tests/sim/scratch.h"

#define NOW 1700000000

struct bench {
	char *dir;
	struct store *store;
};

static int set_up(void **state)
{
	static struct bench b;

	b.dir = scratch_make();
	b.store = scratch_store(b.dir);
	*state = &b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	store_close(b->store);
	scratch_remove(b->dir);
	return 0;
}

static struct domain added(struct store *s, const char *name)
{
	struct domain d = { .created_at = NOW, .state_at = NOW };
	struct err err = ERR_INIT;

	must(str_copy(d.name, sizeof(d.name), name), NULL);
	must(domain_insert(s, &d, &err), &err);
	return d;
}

static bool publish(struct store *s, struct domain *d, const char *mx,
		    enum sts_mode mode)
{
	struct sts_policy p = { .mode = mode, .max_age = STS_MAX_AGE_DEFAULT };
	struct err err = ERR_INIT;
	bool changed;

	must(sts_policy_add_mx(&p, mx, &err), &err);
	must(policy_version_publish(s, d, &p, NOW, &changed, &err), &err);
	sts_policy_release(&p);
	return changed;
}

static void current_id(struct store *s, const struct domain *d,
		       char out[static STS_ID_SIZE])
{
	struct policy_version v;
	struct err err = ERR_INIT;

	must(policy_version_current(s, d, &v, &err), &err);
	must(str_copy(out, STS_ID_SIZE, v.sts_id), NULL);
	policy_version_release(&v);
}

static void the_same_content_is_no_new_version(void **state)
{
	struct store *s = ((struct bench *)*state)->store;
	struct domain d;

	must(store_begin(s, NULL), NULL);
	d = added(s, "a.example");
	assert_true(publish(s, &d, "mx.a.example", STS_TESTING));
	assert_false(publish(s, &d, "mx.a.example", STS_TESTING));
	assert_true(publish(s, &d, "mx.a.example", STS_ENFORCE));
	must(store_commit(s, NULL), NULL);
	assert_int_equal(scratch_number(((struct bench *)*state)->dir,
					"state.db",
					"SELECT COUNT(*) FROM policy"), 2);
}

static void old_content_gets_a_new_id(void **state)
{
	struct store *s = ((struct bench *)*state)->store;
	char first[STS_ID_SIZE], third[STS_ID_SIZE];
	struct domain d;

	must(store_begin(s, NULL), NULL);
	d = added(s, "a.example");
	publish(s, &d, "mx.a.example", STS_TESTING);
	current_id(s, &d, first);
	publish(s, &d, "mx.a.example", STS_ENFORCE);
	publish(s, &d, "mx.a.example", STS_TESTING);
	current_id(s, &d, third);
	must(store_commit(s, NULL), NULL);
	assert_string_not_equal(first, third);
}

/* All in one second: a sender still holds the first policy by its id. */
static void a_domain_that_comes_back_takes_other_ids(void **state)
{
	struct store *s = ((struct bench *)*state)->store;
	char before[STS_ID_SIZE], after[STS_ID_SIZE];
	struct err err = ERR_INIT;
	struct domain d;

	must(store_begin(s, NULL), NULL);
	d = added(s, "a.example");
	publish(s, &d, "mx.a.example", STS_ENFORCE);
	current_id(s, &d, before);
	must(domain_delete(s, &d, &err), &err);
	d = added(s, "a.example");
	publish(s, &d, "mx.b.example", STS_TESTING);
	current_id(s, &d, after);
	must(store_commit(s, NULL), NULL);
	print_message("%s, then %s\n", before, after);
	assert_string_not_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_same_content_is_no_new_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_content_gets_a_new_id,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_domain_that_comes_back_takes_other_ids, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
