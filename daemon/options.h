/*
 * mtastsd's command line, and what its exit status says.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>

enum daemon_exit {
	EXIT_FINE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 64,   /* sysexits(3), from here on */
	EXIT_DAMAGED = 65, /* a restart would not help */
	EXIT_CONFIG = 78
};

enum command {
	COMMAND_SERVE,
	COMMAND_CHECK_CONFIG,
	COMMAND_SHOW_CONFIG,
	COMMAND_RESTORE
};

struct options {
	enum command command;
	const char *config; /* a file */
	bool is_usual_config; /* the one that nobody needs to name */
	const char *backup; /* to restore; NULL: it was not said which */
	const char *user;   /* to become; NULL: nobody else */
	enum daemon_exit code;
};

/* False: it has said what is wrong, or what was asked: end with the code. */
bool options_read(struct options *o, int argc, char **argv);

#endif
