/*
 * Log lines for a human who reads the journal: one line each, the thing's
 * name first ("cert mail.example.org: renewal: the CA refused ...").
 *
 * On a journal stream each line carries its "<N>" priority (sd-daemon(3));
 * on a terminal it does not. Lines of strangers' text are made printable.
 * Any thread. Only the code that decides what happens next logs: base and
 * policy never do.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above `level` are dropped. To be called before threads start. */
void log_init(enum log_level level);

/* What a line is about, for who looks for all of it: a field of the journal. */
struct log_field {
	const char *name;  /* such as "MTASTS_DOMAIN" */
	const char *value; /* "": nothing that it could be found by */
};

void log_about(enum log_level level, struct log_field field, const char *fmt,
	       ...) __attribute__((format(printf, 3, 4)));

/*
 * Where lines go instead of standard error; false: it took none, so there
 * they go, if that can be without waiting: what is lost is counted, and told
 * with the next line that gets through. `field` may be NULL, `priority` is
 * syslog's. To be called before threads start; the sink is called by any.
 */
typedef bool log_sink(int priority, const struct log_field *field,
		      const char *line);
void log_to(log_sink *sink);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
