/* Which name a load asks for next: what is wrong here is seen in no table. */
#include "tests/bench/names.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/sim/scratch.h"

#define COUNT 1000
#define DRAWS 400000

static size_t *draw(struct picker *p)
{
	size_t *seen = xcalloc(COUNT, sizeof(*seen));

	for (size_t i = 0; i < DRAWS; i++) {
		size_t n = picker_next(p);

		assert_true(n < COUNT);
		seen[n]++;
	}
	return seen;
}

/* Within four standard deviations. */
static void assert_share(size_t seen, double share)
{
	double expected = share * DRAWS;

	if (fabs((double)seen - expected) > 4 * sqrt(expected) + 1)
		fail_msg("%zu of %d, where %.0f were expected", seen, DRAWS,
			 expected);
}

static void test_in_turn_takes_each_once_and_again(void **state)
{
	struct picker *p = picker_new(PICK_IN_TURN, 3, 0, 1);

	(void)state;
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(picker_next(p), i % 3);
	picker_free(p);
}

static void test_uniform_takes_all_alike(void **state)
{
	struct picker *p = picker_new(PICK_UNIFORM, COUNT, 0, 1);
	size_t *seen = draw(p);

	(void)state;
	for (size_t i = 0; i < COUNT; i += 37)
		assert_share(seen[i], 1.0 / COUNT);
	free(seen);
	picker_free(p);
}

static double weights(double exponent)
{
	double sum = 0;

	for (size_t k = 1; k <= COUNT; k++)
		sum += pow((double)k, -exponent);
	return sum;
}

static void test_zipf_takes_the_kth_by_its_share(void **state)
{
	static const double exponents[] = { 0, 0.8, 1, 1.5 };
	static const size_t ranks[] = { 0, 1, 2, 9, 99, COUNT - 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(exponents); i++) {
		double s = exponents[i];
		struct picker *p = picker_new(PICK_ZIPF, COUNT, s, 1);
		size_t *seen = draw(p);

		print_message("exponent %.1f\n", s);
		for (size_t k = 0; k < ARRAY_LEN(ranks); k++)
			assert_share(seen[picker_rank(p, ranks[k])],
				     pow((double)(ranks[k] + 1), -s) /
					     weights(s));
		free(seen);
		picker_free(p);
	}
}

/* Else the wanted ones would lie on one page of the database. */
static void test_zipf_scatters_who_is_wanted(void **state)
{
	struct picker *p = picker_new(PICK_ZIPF, COUNT, 1, 1);
	bool seen[COUNT] = { false };
	size_t near = 0;

	(void)state;
	for (size_t k = 0; k < COUNT; k++) {
		assert_false(seen[picker_rank(p, k)]);
		seen[picker_rank(p, k)] = true;
		near += k < 10 && picker_rank(p, k) < 100;
	}
	assert_true(near < 6);
	picker_free(p);
}

static void test_a_seed_gives_the_same_again(void **state)
{
	struct picker *a = picker_new(PICK_ZIPF, COUNT, 1, 7);
	struct picker *b = picker_new(PICK_ZIPF, COUNT, 1, 7);
	struct picker *c = picker_new(PICK_ZIPF, COUNT, 1, 8);
	size_t same = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		size_t n = picker_next(a);

		assert_int_equal(n, picker_next(b));
		same += n == picker_next(c);
	}
	assert_true(same < 50);
	/* Else each round would begin with a cache of what was wanted before. */
	for (size_t k = 0; k < COUNT; k++)
		assert_int_equal(picker_rank(a, k), picker_rank(c, k));
	picker_free(a);
	picker_free(b);
	picker_free(c);
}

static void test_a_file_has_a_name_on_each_line(void **state)
{
	char *dir = scratch_make(), *path = scratch_path(dir, "names");
	FILE *out = fopen(path, "w");
	struct names n;

	(void)state;
	fputs("a.test\nb.test\nc.test", out);
	fclose(out);
	assert_true(names_read(&n, path));
	assert_int_equal(n.count, 3);
	assert_string_equal(n.name[0], "a.test");
	assert_string_equal(n.name[2], "c.test");
	names_release(&n);
	free(path);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_turn_takes_each_once_and_again),
		cmocka_unit_test(test_uniform_takes_all_alike),
		cmocka_unit_test(test_zipf_takes_the_kth_by_its_share),
		cmocka_unit_test(test_zipf_scatters_who_is_wanted),
		cmocka_unit_test(test_a_seed_gives_the_same_again),
		cmocka_unit_test(test_a_file_has_a_name_on_each_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
