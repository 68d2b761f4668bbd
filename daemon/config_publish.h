/*
 * The keys of mtastsd.conf that are about the operator's own zone. For
 * daemon/config.c, but for the key file, which may change at any time.
 */
#ifndef DAEMON_CONFIG_PUBLISH_H
#define DAEMON_CONFIG_PUBLISH_H

#include <confuse.h>

#include "base/err.h"
#include "daemon/publish_settings.h"

/* What is expected of a key's value, the nth if it is a list; NULL: it is. */
const char *config_publish_expected(const char *key, const char *value,
				    size_t n);

/* The values are checked, each by itself. */
bool config_copy_publish(cfg_t *cfg, const char *host_name,
			 struct publish_settings *s, struct err *err);

/* The key file was not opened, for errno's reason: false, with what helps. */
bool config_lacks_key_file(const char *whose, const char *path,
			   struct err *err);

/* Can it be read, and not by everybody? */
bool config_key_file_is_good(const char *path, struct err *err);

#endif
