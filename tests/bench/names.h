/*
 * The names that a load is about, and which of them comes next.
 */
#ifndef TESTS_BENCH_NAMES_H
#define TESTS_BENCH_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
	char **name; /* owned */
	size_t count;
};

/* One on each line of a file. False, and it is said, if there is none. */
bool names_read(struct names *n, const char *path);
void names_release(struct names *n);

/* How names are chosen, by their number. */
enum pick_how {
	PICK_IN_TURN, /* the first, the second, ..., and again */
	PICK_UNIFORM,
	PICK_ZIPF /* the k-th most wanted 1/k^s as often as the first */
};

/*
 * Numbers below `count`. With Zipf, who is most wanted has nothing to do with
 * the number: neighbours in a database are not alike. The same seed gives the
 * same numbers; and whatever the seed, the same ones are wanted most.
 */
struct picker *picker_new(enum pick_how how, size_t count, double exponent,
			  uint64_t seed);
void picker_free(struct picker *p);
size_t picker_next(struct picker *p);

/* The number of the k-th most wanted, from 0. */
size_t picker_rank(const struct picker *p, size_t k);

#endif
