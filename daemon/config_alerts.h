/*
 * The keys of mtastsd.conf that are about alerts. For daemon/config.c.
 */
#ifndef DAEMON_CONFIG_ALERTS_H
#define DAEMON_CONFIG_ALERTS_H

#include <confuse.h>

#include "base/err.h"
#include "daemon/alert_settings.h"

/* What is expected of a key's value, the nth if it is a list; NULL: it is. */
const char *config_alert_expected(const char *key, const char *value, size_t n);

/* The values are checked. */
bool config_copy_alerts(cfg_t *cfg, struct alert_settings *s, struct err *err);

#endif
