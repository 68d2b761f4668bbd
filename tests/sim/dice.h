/*
 * Seeded dice: the same seed throws the same for ever, on every machine.
 * Good enough for weather; not for keys.
 */
#ifndef TESTS_SIM_DICE_H
#define TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t dice_seed(uint64_t seed);
uint64_t dice_next(uint64_t *dice);

/* A uniform number in [0, n); 0 for n = 0. */
uint32_t dice_below(uint64_t *dice, uint32_t n);
int64_t dice_between(uint64_t *dice, int64_t low, int64_t high);

/* True once in n. */
bool dice_one_in(uint64_t *dice, uint32_t n);

/* Mostly near `low`, now and then up to `high`: as outages are. */
int64_t dice_skewed(uint64_t *dice, int64_t low, int64_t high);
void dice_fill(uint64_t *dice, void *out, size_t len);

#endif
