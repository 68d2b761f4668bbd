/*
 * How a domain is looked at from outside, as the command line and the daemon's
 * configuration say.
 */
#ifndef CLI_CHECK_OPTIONS_H
#define CLI_CHECK_OPTIONS_H

#include <jansson.h>

#include "check/outside.h"
#include "cli/options.h"

/* ERR_INPUT says which of them is not. */
bool check_options_are_good(const struct options *o, struct err *err);

/*
 * What the command line does not say, `settings` does: the daemon's /v1/check.
 * What *outside points to is in `resolvers` and in both of them.
 */
void check_options_fill(struct outside_options *outside,
			const char *resolvers[static DNS_SERVERS_MAX],
			const struct options *o, const json_t *settings);

#endif
