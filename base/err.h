/*
 * What went wrong, as a value: a kind that says what to do about it, a
 * sentence for a human, and where one exists a hint at the remedy.
 *
 * Everything the outside world can cause is returned through this; bugs
 * assert, and running out of memory aborts (base/mem.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_AGAIN,     /* passing: the same call may succeed later */
	ERR_LOOKING,   /* the same, of this one thing: it is looked at first */
	ERR_REFUSED,   /* understood and declined; see text and hint */
	ERR_INPUT,     /* the caller's input is wrong */
	ERR_NOT_FOUND, /* the thing named does not exist */
	ERR_INTERNAL,  /* ours or the machine's: disk, database, library */
	ERR_DAMAGED    /* what is stored cannot be read (any more) */
};

struct err {
	enum err_kind kind;
	char text[512];	/* one sentence, no full stop, no newline */
	char hint[320];	/* what to do about it, or empty */
};

#define ERR_INIT { ERR_NONE, "", "" }

/*
 * The setters overwrite, clear the hint and return false, so that a failing
 * check is one line. `err` may be NULL where the caller does not care.
 */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set with ERR_INTERNAL, and ": " strerror(errno) appended. */
bool err_sys(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds the remedy to an error already set. Returns false as well. */
bool err_hint(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before the text, to say whose error it is. */
bool err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * "again", "looking", "refused", "input", "not-found", "internal",
 * "damaged": stable, for JSON.
 */
const char *err_kind_name(enum err_kind kind);

#endif
