/*
 * How long many new domains will take.
 */
#ifndef CLI_ONBOARDING_H
#define CLI_ONBOARDING_H

#include <jansson.h>
#include <time.h>

#include "cli/command.h"

/*
 * When the last of those that have no certificate yet can be live, by the
 * CA's limit of new orders, if that is what they wait for. `status` is the
 * answer of /v1/status.
 */
void onboarding_show(const json_t *status, time_t now);

/* The same, asked for, after many were added. */
void onboarding_say(struct cli *cli);

#endif
