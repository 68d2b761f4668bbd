#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define LINE_MAX_BYTES 1024

static enum log_level threshold = LOG_LEVEL_INFO;
static bool with_priority;
static log_sink *sink;
static atomic_ulong lost; /* lines that nobody took */

/* Syslog's numbers: what systemd expects between the angle brackets. */
static const int priorities[] = {
	[LOG_LEVEL_ERROR] = 3,
	[LOG_LEVEL_WARN] = 4,
	[LOG_LEVEL_INFO] = 6,
	[LOG_LEVEL_DEBUG] = 7,
};

void log_init(enum log_level level)
{
	threshold = level;
	with_priority = getenv("JOURNAL_STREAM") != NULL;
}

void log_to(log_sink *s)
{
	sink = s;
}

/*
 * One write a line, so that threads never mix theirs. With a sink, standard
 * error is the same journal by another socket: who reads neither is not waited
 * for.
 */
static bool write_out(const char *line, size_t len)
{
	if (sink) {
		ssize_t n = send(STDERR_FILENO, line, len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0 || errno != ENOTSOCK)
			return n >= 0;
	}
	return write(STDERR_FILENO, line, len) >= 0;
}

static bool put(enum log_level level, const struct log_field *field,
		const char *clean)
{
	char line[4 * LINE_MAX_BYTES + 16];
	int n;

	if (sink && sink(priorities[level], field, clean))
		return true;
	if (with_priority)
		n = snprintf(line, sizeof(line), "<%d>%s\n", priorities[level],
			     clean);
	else
		n = snprintf(line, sizeof(line), "%s\n", clean);
	return n > 0 && write_out(line, (size_t)n);
}

/* It could not be said before. */
static void tell_lost(void)
{
	unsigned long n = atomic_exchange(&lost, 0);
	char text[80];

	if (!n)
		return;
	snprintf(text, sizeof(text),
		 "log: %lu lines are lost, for the journal took none", n);
	if (!put(LOG_LEVEL_WARN, NULL, text))
		atomic_fetch_add(&lost, n);
}

static void write_line(enum log_level level, const struct log_field *field,
		       const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	char *clean;

	if (level > threshold || vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	clean = str_printable(text, sizeof(text));
	if (sink)
		tell_lost();
	if (!put(level, field, clean) && sink)
		atomic_fetch_add(&lost, 1);
	free(clean);
}

#define DEFINE_LOG(name, level)                                                \
	void name(const char *fmt, ...)                                        \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		write_line(level, NULL, fmt, ap);                              \
		va_end(ap);                                                    \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

void log_about(enum log_level level, struct log_field field, const char *fmt,
	       ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(level, &field, fmt, ap);
	va_end(ap);
}
