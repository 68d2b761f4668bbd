/*
 * The policy that another host serves of a domain, for `domain add --adopt`.
 */
#ifndef CLI_ADOPT_H
#define CLI_ADOPT_H

#include "cli/command.h"

/*
 * Adds its id and body to the body of the request. Else err says what of them
 * could not be had.
 */
enum exit_code adopt_policy(struct cli *cli, const char *name, json_t *body,
			    struct err *err);

#endif
