/*
 * Text for Prometheus (its exposition format, 0.0.4): families of values, each
 * with a line of help and its type.
 *
 *	exposition_family(&e, "process_open_fds", METRIC_GAUGE, "Open files.");
 *	exposition_value(&e, NULL, 12);
 *
 * Values follow the family they are of. Labels are pairs of words, ended by
 * NULL; what stands in them is escaped. No I/O, no clock. Any thread.
 */
#ifndef BASE_EXPOSITION_H
#define BASE_EXPOSITION_H

#include <stddef.h>

#include "base/buf.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct exposition {
	struct buf text;
	const char *name; /* of the family */
};

void exposition_init(struct exposition *e);
char *exposition_take(struct exposition *e); /* for the caller to free */

/* `name` and `help` are literals. */
void exposition_family(struct exposition *e, const char *name,
		       enum metric_type type, const char *help);

/* { "ca", name, "limit", "posts", NULL }; NULL: it has none. */
void exposition_value(struct exposition *e, const char *const labels[],
		      double value);

/* A family of one value without labels. */
void exposition_one(struct exposition *e, const char *name,
		    enum metric_type type, const char *help, double value);

/*
 * A histogram's values: counts[i] are those not above bounds[i], and above
 * the bound before; the last of `n` + 1 counts is of all the rest.
 */
void exposition_histogram(struct exposition *e, const double bounds[],
			  const double counts[], size_t n, double sum);

#endif
