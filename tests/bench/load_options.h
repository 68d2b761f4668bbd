/*
 * What a load is to be: the command line of `load`.
 */
#ifndef TESTS_BENCH_LOAD_OPTIONS_H
#define TESTS_BENCH_LOAD_OPTIONS_H

#include "tests/bench/client.h"

struct load_options {
	struct names names;
	struct errand errand;
	enum pick_how how;
	double exponent; /* Zipf's */
	uint64_t seed;
	size_t connections; /* at once */
	long rate;	    /* a second; 0: as fast as they go */
	long seconds;	    /* 0: until `count` have begun */
	long count;	    /* 0: until the time is up */
	char *body;	    /* what errand.body is, owned */
};

/* False, and it is said what was wrong. */
bool load_options_read(struct load_options *o, int argc, char **argv);
void load_options_release(struct load_options *o);

#endif
