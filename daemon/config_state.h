/*
 * Which configuration the daemon runs with, and the one that it would not
 * take: a reload that was refused is said until there is a good one, and what a
 * good one changed in vain until a restart.
 *
 * Pure, and in memory: a start that reads a bad file is no start.
 */
#ifndef DAEMON_CONFIG_STATE_H
#define DAEMON_CONFIG_STATE_H

#include "acme/engine.h"
#include "daemon/config_restart.h"
#include "daemon/health.h"

struct config_state {
	const char *path;  /* borrowed; the caller's to set */
	bool is_missing;   /* it began without that file, by the defaults */
	time_t read_at;	   /* the one in use */
	time_t refused_at; /* the last one; 0: it was taken */
	struct err why;
	char awaits_restart[CONFIG_KEYS_TEXT]; /* keys of the one in use */
};

/* `awaits_restart`: keys of it that are in no effect yet; or "". */
void config_state_take(struct config_state *s, const char *awaits_restart,
		       time_t now);
void config_state_refuse(struct config_state *s, const struct err *why,
			 time_t now);

/* For status. */
void config_state_judge(const struct config_state *s, struct findings *out);

/*
 * Are the two lines there without which nothing is ordered? If not, which to
 * set, and where, is the one thing that is wrong with the CAs.
 */
bool config_state_is_set_up(const struct config_state *s,
			    const struct engine_settings *settings,
			    struct findings *out);

#endif
