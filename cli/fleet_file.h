/*
 * A file of domains, CSV or JSON, read an entry at a time: memory does not
 * grow with the file.
 *
 * JSON is an array of objects, or {"domains": [...]} as `domain export` writes
 * it. Which of the two it is, its first letter tells. An entry has at most
 * 64 KiB, in either.
 */
#ifndef CLI_FLEET_FILE_H
#define CLI_FLEET_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

enum fleet_format { FLEET_ANY, FLEET_CSV, FLEET_JSON };

/* ERR_INPUT if there is no such format. NULL is FLEET_ANY. */
bool fleet_format_parse(const char *text, enum fleet_format *format,
			struct err *err);

struct fleet_file;

/* "-" is standard input. NULL: it cannot be opened. */
struct fleet_file *fleet_open(const char *path, enum fleet_format format,
			      struct err *err);
void fleet_close(struct fleet_file *f);

enum fleet_step {
	FLEET_ENTRY,
	FLEET_BAD,    /* this one is not understood, the next may be */
	FLEET_BROKEN, /* what is behind this cannot be read; the last step */
	FLEET_END
};

struct fleet_line {
	long first, last; /* where in the file it stands */
	json_t *entry;	  /* of FLEET_ENTRY: the caller's to decref */
};

enum fleet_step fleet_next(struct fleet_file *f, struct fleet_line *line,
			   struct err *err);

/* How much of it has been read; -1 for a pipe: nobody knows. */
int fleet_percent(const struct fleet_file *f);

#endif
