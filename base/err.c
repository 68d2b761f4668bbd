#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
	[ERR_NONE] = "none",	     [ERR_AGAIN] = "again",
	[ERR_LOOKING] = "looking",   [ERR_REFUSED] = "refused",
	[ERR_INPUT] = "input",	     [ERR_NOT_FOUND] = "not-found",
	[ERR_INTERNAL] = "internal", [ERR_DAMAGED] = "damaged",
};

const char *err_kind_name(enum err_kind kind)
{
	return kind_names[kind];
}

static void fill(char *out, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(out, size, fmt, ap);

	if (n < 0)
		out[0] = '\0';
}

/* Adds behind what is there, as far as there is room. */
__attribute__((format(printf, 3, 4)))
static void append(char *out, size_t size, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	fill(out + used, size - used, fmt, ap);
	va_end(ap);
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return false;
	err->kind = kind;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	fill(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return false;
}

bool err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!err)
		return false;
	err->kind = ERR_INTERNAL;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	fill(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), ": %s", strerror(saved));
	return false;
}

bool err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return false;
	va_start(ap, fmt);
	fill(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return false;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	if (!err)
		return false;
	va_start(ap, fmt);
	fill(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text, sizeof(text), ": %s", err->text);
	memcpy(err->text, text, sizeof(text));
	return false;
}
