/*
 * What the policy file and the two TXT records have in common: the names of
 * their fields, and how their errors read.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_GRAMMAR_H
#define POLICY_GRAMMAR_H

#include <stdbool.h>

#include "base/err.h"

#define GRAMMAR_SPACE " \t"
#define GRAMMAR_ALNUM                                                          \
	"abcdefghijklmnopqrstuvwxyz"                                           \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* 1 to 32 of letters, digits, "_", "-" and ".", a letter or digit first? */
bool grammar_is_field_name(const char *name);

/*
 * Sets ERR_INPUT: what was given, quoted and cut, `why` it is refused, and
 * what to write instead. Returns false.
 */
bool grammar_refuse(const char *given, const char *why, const char *hint,
		    struct err *err);

#endif
