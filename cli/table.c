#include "cli/table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cli/screen.h"

#define GAP    "  "
#define LEAST  10 /* of what is shortened */
#define INDENT 4  /* of what stands below */

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

/* 0 for a column without text; else the widest cell or its header. */
static size_t column_width(const struct table *t, size_t column)
{
	size_t widest = 0, header = screen_width(t->header[column]);

	for (size_t i = column; i < t->cells.count; i += t->columns) {
		size_t cell = screen_width(t->cells.item[i]);

		if (cell > widest)
			widest = cell;
	}
	return widest && widest < header ? header : widest;
}

/* ---- what fits ---- */

static size_t total(const struct table *t, const size_t *widths)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->columns; i++)
		if (widths[i])
			sum += widths[i] + sizeof(GAP) - 1;
	return sum ? sum - (sizeof(GAP) - 1) : 0;
}

/* One that may be shortened still, the widest of them; or NULL. */
static size_t *widest(const struct table *t, size_t *widths)
{
	size_t *found = NULL;

	for (size_t i = 0; i < t->columns; i++) {
		size_t least = screen_width(t->header[i]);

		if (least < LEAST)
			least = LEAST;
		if (t->shrinks & TABLE_COLUMN(i) && widths[i] > least &&
		    (!found || widths[i] > *found))
			found = &widths[i];
	}
	return found;
}

static void hide(const struct table *t, size_t *widths, size_t room,
		 unsigned which)
{
	for (size_t i = 0; i < t->columns; i++)
		if (total(t, widths) > room && which & TABLE_COLUMN(i))
			widths[i] = 0;
}

static void fit(const struct table *t, size_t *widths, size_t room)
{
	size_t *column;

	hide(t, widths, room, t->spare);
	hide(t, widths, room, t->below);
	while (total(t, widths) > room && (column = widest(t, widths)) != NULL)
		--*column;
}

/* ---- printing ---- */

/* Blanks are only printed when something follows: no line ends in one. */
static void print_line(const struct table *t, const char *const *cells,
		       const size_t *widths, FILE *to)
{
	size_t owed = 0;

	for (size_t i = 0; i < t->columns; i++) {
		char *cell = screen_shortened(cells[i], widths[i]);
		size_t blank = widths[i] - screen_width(cell);
		bool is_number = t->numbers & TABLE_COLUMN(i);

		if (*cell) {
			owed += is_number ? blank : 0;
			fprintf(to, "%*s%s", (int)owed, "", cell);
			owed = is_number ? 0 : blank;
		} else {
			owed += blank;
		}
		owed += widths[i] ? sizeof(GAP) - 1 : 0;
		free(cell);
	}
	fputc('\n', to);
}

/* What had no room beside the others. */
static void print_below(const struct table *t, const char *const *cells,
			const size_t *widths, size_t room, FILE *to)
{
	for (size_t i = 0; i < t->columns; i++) {
		if (widths[i] || !*cells[i] || !(t->below & TABLE_COLUMN(i)))
			continue;
		fprintf(to, "%*s", INDENT, "");
		screen_wrap(cells[i], INDENT, room, to);
	}
}

void table_print(const struct table *t, FILE *to)
{
	size_t room = t->room ? t->room : screen_columns(to);
	size_t widths[TABLE_COLUMNS];

	if (!t->cells.count)
		return;
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = column_width(t, i);
	if (room)
		fit(t, widths, room);
	print_line(t, t->header, widths, to);
	for (size_t i = 0; i < t->cells.count; i += t->columns) {
		const char *const *cells = (const char *const *)t->cells.item +
					   i;

		print_line(t, cells, widths, to);
		print_below(t, cells, widths, room, to);
	}
}
