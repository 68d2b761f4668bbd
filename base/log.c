#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

static enum log_level threshold = LOG_LEVEL_INFO;
static bool with_priority;
static log_sink *sink;

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

static void write_line(enum log_level level, const struct log_field *field,
		       const char *fmt, va_list ap)
{
	char text[1024], line[4 * sizeof(text) + 16];
	char *clean;
	int n;

	if (level > threshold || vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	clean = str_printable(text, sizeof(text));
	if (sink && sink(priorities[level], field, clean)) {
		free(clean);
		return;
	}
	if (with_priority)
		n = snprintf(line, sizeof(line), "<%d>%s\n", priorities[level],
			     clean);
	else
		n = snprintf(line, sizeof(line), "%s\n", clean);
	free(clean);

	/* One write a line, so that threads never mix theirs. */
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;	/* nobody listens: there is nowhere to say so */
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
