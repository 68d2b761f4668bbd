/*
 * What a reload does not take over: keys of the configuration that take effect
 * at a restart only.
 */
#ifndef DAEMON_CONFIG_RESTART_H
#define DAEMON_CONFIG_RESTART_H

#include "daemon/config.h"

#define CONFIG_KEYS_TEXT 200 /* all of them, and listeners and metrics */

/*
 * In which of them does what was read differ from what the daemon was started
 * with? "workers, proxies"; "" if in none.
 */
void config_restart_keys(const struct config *started,
			 const struct config *fresh,
			 char out[static CONFIG_KEYS_TEXT]);

/* One more. */
void config_restart_add(char out[static CONFIG_KEYS_TEXT], const char *key);

#endif
