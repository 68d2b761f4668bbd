#include "daemon/config_restart.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Both were read into zeroed memory, so bytes may be compared. */
#define KEY(key, field)                                                        \
	{                                                                      \
		key, offsetof(struct config, field),                           \
			sizeof(((struct config *)0)->field)                    \
	}

static const struct {
	const char *key;
	size_t at, size;
} keys[] = {
	KEY("state_dir", state_dir),
	KEY("run_dir", run_dir),
	KEY("workers", workers),
	KEY("max_connections", max_connections),
	KEY("max_per_address", max_per_address),
	KEY("max_broken_per_address", max_broken_per_address),
	KEY("connection_deadline", connection_deadline),
	KEY("proxies", proxies),
	KEY("cache_size", cache_bytes),
};

void config_restart_add(char out[static CONFIG_KEYS_TEXT], const char *key)
{
	size_t used = strlen(out);

	snprintf(out + used, CONFIG_KEYS_TEXT - used, "%s%s", used ? ", " : "",
		 key);
}

void config_restart_keys(const struct config *started,
			 const struct config *fresh,
			 char out[static CONFIG_KEYS_TEXT])
{
	const char *was = (const char *)started, *is = (const char *)fresh;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (memcmp(was + keys[i].at, is + keys[i].at, keys[i].size) !=
		    0)
			config_restart_add(out, keys[i].key);
}
