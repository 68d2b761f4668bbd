/*
 * Rows of text in aligned columns.
 *
 * Two spaces between columns, no lines: easy to read, and to cut. A column
 * that is empty in every row is left out.
 *
 * On a terminal that is too narrow, what a table says may go is left out, what
 * may stand in lines of its own does, and then what may be is shortened.
 * Nothing is by itself: most cells are there to be copied.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "cli/words.h"

#define TABLE_COLUMNS	8
#define TABLE_COLUMN(i) (1U << (i))

struct table {
	const char *const *header;	/* borrowed */
	size_t columns;
	/* Bits of TABLE_COLUMN. */
	unsigned numbers; /* to the right */
	unsigned spare;	  /* may be left out, */
	unsigned below;	  /* ... may stand below, in words that are wrapped, */
	unsigned shrinks; /* ... may be shortened */
	size_t room;	  /* 0: as the terminal has */
	struct words cells;
};

void table_init(struct table *t, const char *const *header, size_t columns);
void table_release(struct table *t);

/* One per column; NULL is empty. */
void table_row(struct table *t, const char *const *cells);

/* Nothing at all if there are no rows. */
void table_print(const struct table *t, FILE *to);

#endif
