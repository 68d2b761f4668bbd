/*
 * Small questions about strings, each a statement one can read.
 * ASCII throughout: host names and protocol words, never prose.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

bool streq(const char *a, const char *b);		/* NULLs are unequal */
bool streq_case(const char *a, const char *b);		/* ASCII case folded */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_is_empty(const char *s);			/* NULL is empty */
void str_lower(char *s);				/* in place */

/*
 * Copies `s` whole. False, and `out` is left empty, if it does not fit.
 */
bool str_copy(char *out, size_t size, const char *s);

/*
 * Digits only, no sign, no space, nothing behind; false on overflow of
 * `max` too. *out is untouched on failure.
 */
bool str_to_long(const char *s, size_t len, long max, long *out);

/*
 * Copies `s` with every byte a terminal might act on (controls, DEL, bytes
 * over 0x7e) as \xNN: for text of strangers on its way to a person. The
 * caller frees.
 */
char *str_printable(const char *s, size_t max);

/*
 * The same between quotation marks, with "..." where it was cut, for error
 * texts: a person sees what was given, and no more of it than `max` bytes.
 */
char *str_quoted(const char *s, size_t max);

#endif
