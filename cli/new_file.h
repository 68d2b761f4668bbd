/*
 * A file that is there whole, or not at all: written without a name, 0600, and
 * named when it is done. Where the file system wants a name from the beginning it
 * has another one until then, which is taken away by whatever ends the program,
 * but for SIGKILL.
 */
#ifndef CLI_NEW_FILE_H
#define CLI_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct new_file {
	int fd;
	const char *path; /* borrowed */
	char *temporary;  /* its name until then; NULL: it has none */
	bool replaces;
};

/* ERR_REFUSED: `path` is there, and `replaces` was not asked for. */
bool new_file_open(struct new_file *f, const char *path, bool replaces,
		   struct err *err);
bool new_file_write(struct new_file *f, const void *data, size_t len,
		    struct err *err);

/* Durable, and in its place. */
bool new_file_keep(struct new_file *f, struct err *err);

/* Of one that was kept, closes it; else nothing is left of it. */
void new_file_close(struct new_file *f);

#endif
