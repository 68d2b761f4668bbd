/*
 * A set of names, each with the line that it was first read on.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

struct names;

struct names *names_new(void);
void names_free(struct names *n);

/* The line on which it is there already; else 0, and now it is. */
long names_add(struct names *n, const char *name, long line);

/* 0: it is not there. */
long names_line(const struct names *n, const char *name);

#endif
