/*
 * Which configuration the daemon runs with, and the one that it would not
 * take: a reload that was refused is said until there is a good one.
 *
 * Pure, and in memory: a start that reads a bad file is no start.
 */
#ifndef DAEMON_CONFIG_STATE_H
#define DAEMON_CONFIG_STATE_H

#include "daemon/health.h"

struct config_state {
	time_t read_at;	   /* the one in use */
	time_t refused_at; /* the last one; 0: it was taken */
	struct err why;
};

void config_state_take(struct config_state *s, time_t now);
void config_state_refuse(struct config_state *s, const struct err *why,
			 time_t now);

/* For status. */
void config_state_judge(const struct config_state *s, struct findings *out);

#endif
