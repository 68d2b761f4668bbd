/*
 * What fits on the terminal that is printed to.
 *
 * People get what fits; a file or a program gets all, in lines as long as they
 * are. Widths are in characters of UTF-8, each as wide as any other.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stddef.h>
#include <stdio.h>

/* How many columns it has; 0 if it is no terminal, and anything fits. */
size_t screen_columns(FILE *to);

size_t screen_width(const char *text);

/*
 * At most `width` of it, for what matters of a name stands at both of its ends:
 * "mail-of-a-...example.org". The caller frees.
 */
char *screen_shortened(const char *text, size_t width);

/*
 * A text and a newline: words up to column `columns` (0: of one line), further
 * lines indented as the first one is said to be already.
 */
void screen_wrap(const char *text, size_t indent, size_t columns, FILE *to);

#endif
