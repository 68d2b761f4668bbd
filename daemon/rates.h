/*
 * How often somebody may do something: a token bucket for each key, in a table
 * of fixed size. Strangers choose the keys, so when one has no place left, it
 * gets that of a bucket near it which is the fullest: what is forgotten first
 * is whoever has asked the least of late.
 *
 * No clock. Owning thread only.
 */
#ifndef DAEMON_RATES_H
#define DAEMON_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATES_SLOTS 4096 /* a power of two */

struct rate {
	long burst;
	long per_day; /* tokens that come back in a day */
};

struct rates;

struct rates *rates_new(const struct rate *rate);
void rates_free(struct rates *r);

/* False: there is none left, and *seconds until there is one again. */
bool rates_has(struct rates *r, uint64_t key, int64_t now_ms,
	       unsigned *seconds);

/* How many there are; less than 0 if it owes. */
long rates_left(struct rates *r, uint64_t key, int64_t now_ms);

/* A bucket may come to owe, when more were let in than it had. */
void rates_take(struct rates *r, uint64_t key, int64_t now_ms);

/* The key of a text. */
uint64_t rates_key(const struct rates *r, const char *text);

#endif
