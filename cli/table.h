/*
 * Rows of text in aligned columns.
 *
 * Two spaces between columns, no lines: easy to read, and to cut. A column
 * that is empty in every row is left out.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "cli/words.h"

#define TABLE_COLUMNS 8

struct table {
	const char *const *header;	/* borrowed */
	size_t columns;
	struct words cells;
};

void table_init(struct table *t, const char *const *header, size_t columns);
void table_release(struct table *t);

/* One per column; NULL is empty. */
void table_row(struct table *t, const char *const *cells);

/* Nothing at all if there are no rows. */
void table_print(const struct table *t, FILE *to);

#endif
