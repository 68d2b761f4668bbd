/*
 * What is wrong with a domain, in words: the one place where it is decided.
 *
 * A finding has a stable id for scripts, a sentence that says what is wrong
 * and one that says what to do. Pure: rows and the clock come in, findings
 * come out.
 */
#ifndef DAEMON_HEALTH_H
#define DAEMON_HEALTH_H

#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "daemon/domain_facts.h"

#define FINDINGS_MAX 16

enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_ERROR };

struct finding {
	const char *id;
	enum health level;
	char text[sizeof(((struct err *)0)->text) + 128];
	char hint[sizeof(((struct err *)0)->hint)];
};

struct findings {
	struct finding item[FINDINGS_MAX];
	size_t count;
};

const char *health_name(enum health level);	/* "ok", "warning", "error" */

/* Adds what it finds; *out must be initialised. */
void health_of_domain(const struct domain_facts *f, time_t now,
		      struct findings *out);

/*
 * What is to be done so that DNS announces the policy: the record, in a line
 * to copy, or whose hand it needs where the box publishes by itself.
 */
void health_txt_hint(const struct domain_facts *f, char *out, size_t size);

/*
 * Is it what the watch, or a look from outside, has seen? Then it waits for
 * whoever publishes records, or runs mail hosts, and not for this box.
 */
bool health_is_seen(const char *id);

/* One finding more; what does not fit any more is dropped. */
void findings_add(struct findings *f, const char *id, enum health level,
		  const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The worst of them; HEALTH_OK if there is none. */
enum health findings_worst(const struct findings *f);

#endif
