/*
 * Small things that all commands say, and how they look into an answer.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "base/err.h"

#define WHEN_TEXT 80

/* One line on stderr; `name` may be NULL, and is not said twice. */
void say_failure(const char *name, const struct err *err);

/* One document on one line of stdout. */
void say_json(const json_t *value);

/* What "policy.mode" leads to; "" or NULL if it leads nowhere. */
const char *text_at(const json_t *value, const char *path);
const json_t *value_at(const json_t *value, const char *path);

/* The list's texts, with `separator` between. The caller frees. */
char *joined_at(const json_t *value, const char *path, const char *separator);

/* "2026-11-23T20:15:00Z (in 3 days)", or "" for none. */
const char *when_at(const json_t *value, const char *path, time_t now,
		    char out[static WHEN_TEXT]);

/* The seconds from the instant to `now`: how long ago it was. */
long age_at(const json_t *value, const char *path, time_t now);

/* The domain's name for people: U-labels, with the A-label form behind. */
char *title_of(const json_t *domain);

/*
 * The first finding of a domain, as the daemon shows it, that is the box's own
 * matter: not what it saw in DNS. NULL if there is none.
 */
const json_t *own_trouble(const json_t *domain);

#endif
