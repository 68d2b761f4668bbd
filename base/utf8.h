/*
 * Text of strangers as UTF-8: valid, and with nothing in it that acts on a
 * terminal or deceives an eye.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes of the character that begins at s, 1 to 4, and which it is;
 * 0 if none does: a stray byte, one too few, an overlong form, a surrogate.
 * `len` is at least 1.
 */
size_t utf8_char(const char *s, size_t len, uint32_t *code);

bool utf8_is_valid(const char *s, size_t len);

/* Each byte that belongs to no character becomes '?', where it stands. */
void utf8_mend(char *s, size_t len);

/*
 * A line of at most `max` bytes, cut between characters: a tab or an end of
 * line is a blank; controls, marks of direction, characters without width and
 * bytes that are no UTF-8 are each a '?'; no blanks around it. The caller
 * frees.
 */
char *utf8_plain(const char *s, size_t len, size_t max);

#endif
