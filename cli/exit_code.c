#include "cli/exit_code.h"

/* What needs no hand: worse than a warning, better than an error. */
static int rank(enum exit_code code)
{
	return code == EXIT_TEMPFAIL ? 2 * EXIT_WARNINGS + 1 : 2 * (int)code;
}

enum exit_code exit_worse(enum exit_code one, enum exit_code other)
{
	return rank(other) > rank(one) ? other : one;
}
