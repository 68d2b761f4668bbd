#include "cli/table.h"

#include <assert.h>

#define GAP "  "

void table_init(struct table *t, const char *const *header, size_t columns)
{
	assert(columns > 0 && columns <= TABLE_COLUMNS);
	*t = (struct table){ .header = header, .columns = columns };
}

void table_release(struct table *t)
{
	words_release(&t->cells);
}

void table_row(struct table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->columns; i++)
		words_add(&t->cells, cells[i] ? cells[i] : "");
}

/* In characters of UTF-8. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* 0 for a column without text; else the widest cell or its header. */
static size_t column_width(const struct table *t, size_t column)
{
	size_t widest = 0, header = width(t->header[column]);

	for (size_t i = column; i < t->cells.count; i += t->columns) {
		size_t cell = width(t->cells.item[i]);

		if (cell > widest)
			widest = cell;
	}
	return widest && widest < header ? header : widest;
}

/* Blanks are only printed when something follows: no line ends in one. */
static void print_line(const char *const *cells, const size_t *widths,
		       size_t columns, FILE *to)
{
	size_t owed = 0;

	for (size_t i = 0; i < columns; i++) {
		if (!widths[i])
			continue;
		if (*cells[i]) {
			fprintf(to, "%*s%s", (int)owed, "", cells[i]);
			owed = 0;
		}
		owed += widths[i] - width(cells[i]) + sizeof(GAP) - 1;
	}
	fputc('\n', to);
}

void table_print(const struct table *t, FILE *to)
{
	size_t widths[TABLE_COLUMNS];

	if (!t->cells.count)
		return;
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = column_width(t, i);
	print_line(t->header, widths, t->columns, to);
	for (size_t i = 0; i < t->cells.count; i += t->columns)
		print_line((const char *const *)t->cells.item + i, widths,
			   t->columns, to);
}
