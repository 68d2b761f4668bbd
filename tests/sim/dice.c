#include "tests/sim/dice.h"

/* splitmix64: any seed, 0 too, and neighbours have nothing in common. */
uint64_t dice_seed(uint64_t seed)
{
	return seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u;
}

uint64_t dice_next(uint64_t *dice)
{
	uint64_t z = *dice += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t dice_below(uint64_t *dice, uint32_t n)
{
	return (uint32_t)((dice_next(dice) >> 32) * n >> 32);
}

int64_t dice_between(uint64_t *dice, int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)(high - low) + 1;

	return low + (int64_t)(dice_next(dice) % span);
}

bool dice_one_in(uint64_t *dice, uint32_t n)
{
	return dice_below(dice, n) == 0;
}

/* Uniform in the logarithm: bits, since libm differs between machines. */
int64_t dice_skewed(uint64_t *dice, int64_t low, int64_t high)
{
	int64_t span = high - low;
	uint32_t halvings = 0;

	while (span >> halvings > low + 1)
		halvings++;
	span >>= dice_below(dice, halvings + 1);
	return low + dice_between(dice, 0, span);
}

void dice_fill(uint64_t *dice, void *out, size_t len)
{
	unsigned char *p = out;
	uint64_t bits = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			bits = dice_next(dice);
		*p++ = (unsigned char)(bits >> i % 8 * 8);
	}
}
