#include "tests/bench/names.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool names_read(struct names *n, const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	*n = (struct names){ 0 };
	while (in && (len = getline(&line, &size, in)) > 0) {
		len -= line[len - 1] == '\n';
		if ((n->count & (n->count - 1)) == 0)
			n->name = xrealloc_array(n->name, 2 * n->count + 1,
						 sizeof(*n->name));
		n->name[n->count++] = xstrndup(line, (size_t)len);
	}
	if (!n->count)
		fprintf(stderr, "%s: %s\n", path,
			in ? "no names in it" : strerror(errno));
	free(line);
	if (in)
		fclose(in);
	return n->count > 0;
}

void names_release(struct names *n)
{
	while (n->count)
		free(n->name[--n->count]);
	free(n->name);
	n->name = NULL;
}

/* ---- which comes next ---- */

struct picker {
	enum pick_how how;
	size_t count, turn;
	uint64_t state;
	size_t *ranked; /* Zipf: numbers, the most wanted first */
	double *sum;	/* and the weights of it and of those before it */
};

/* splitmix64 */
static uint64_t dice(struct picker *p)
{
	uint64_t x = p->state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* In [0, 1). */
static double fraction(struct picker *p)
{
	return (double)(dice(p) >> 11) * 0x1p-53;
}

static size_t below(struct picker *p, size_t n)
{
	return (size_t)(fraction(p) * (double)n);
}

static void rank(struct picker *p)
{
	p->ranked = xrealloc_array(NULL, p->count, sizeof(*p->ranked));
	for (size_t i = 0; i < p->count; i++) {
		size_t k = below(p, i + 1);

		p->ranked[i] = p->ranked[k];
		p->ranked[k] = i;
	}
}

static void weigh(struct picker *p, double exponent)
{
	double sum = 0;

	p->sum = xrealloc_array(NULL, p->count, sizeof(*p->sum));
	for (size_t k = 0; k < p->count; k++)
		p->sum[k] = sum += pow((double)(k + 1), -exponent);
}

struct picker *picker_new(enum pick_how how, size_t count, double exponent,
			  uint64_t seed)
{
	struct picker *p = xcalloc(1, sizeof(*p));

	*p = (struct picker){ .how = how, .count = count };
	if (how == PICK_ZIPF) {
		rank(p);
		weigh(p, exponent);
	}
	p->state = seed;
	return p;
}

void picker_free(struct picker *p)
{
	if (!p)
		return;
	free(p->ranked);
	free(p->sum);
	free(p);
}

size_t picker_rank(const struct picker *p, size_t k)
{
	return p->ranked ? p->ranked[k] : k;
}

/* The first rank whose sum is beyond a point of the whole. */
static size_t zipf(struct picker *p)
{
	double point = fraction(p) * p->sum[p->count - 1];
	size_t low = 0, high = p->count - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->sum[middle] > point)
			high = middle;
		else
			low = middle + 1;
	}
	return p->ranked[low];
}

size_t picker_next(struct picker *p)
{
	switch (p->how) {
	case PICK_IN_TURN:
		return p->turn++ % p->count;
	case PICK_UNIFORM:
		return below(p, p->count);
	case PICK_ZIPF:
		return zipf(p);
	}
	return 0;
}
