/*
 * CSV as RFC 4180 has it, read as a stream: a window of bytes, and one record
 * at a time out of it.
 *
 * Fields are separated by commas, and may stand in quotation marks, with
 * commas, line ends and doubled quotation marks inside. Lines end in LF or
 * CRLF; lines without anything on them are skipped. What is no CSV is a bad
 * record, and the next one follows on the next line; a quotation mark that
 * nothing closes spoils one line, not all behind it.
 *
 * Bytes in, fields out: no I/O, no clock.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CSV_RECORD_MAX 65536
#define CSV_FIELDS_MAX 32

enum csv_step {
	CSV_RECORD, /* field and count have it */
	CSV_BAD,    /* err says what is wrong with the line */
	CSV_MORE,   /* needs csv_fill(), or csv_end() */
	CSV_END
};

struct csv {
	char *field[CSV_FIELDS_MAX]; /* until the next call */
	size_t count;
	uint32_t quoted;      /* a bit for each field that was */
	long line, last_line; /* where the record began and ended */

	/* The rest is the reader's own. */
	char *window, *text; /* owned: what came; the fields' texts */
	size_t start, len;   /* of what was not read yet, in `window` */
	long next_line;
	bool is_ended, is_skipping;
};

/* `line` is the number of the first one. */
void csv_init(struct csv *c, long line);
void csv_release(struct csv *c);

/* Where bytes may be put, *room at most; then csv_filled() says how many. */
char *csv_fill(struct csv *c, size_t *room);
void csv_filled(struct csv *c, size_t len);
void csv_end(struct csv *c); /* no more will come */

enum csv_step csv_next(struct csv *c, struct err *err);

/* A field as it is written, quoted if it must be. The caller frees. */
char *csv_quoted(const char *text);

/*
 * The same of a stranger's text: one that a spreadsheet would take for a
 * formula gets an apostrophe in front. The caller frees.
 */
char *csv_safe(const char *text);

#endif
