/*
 * A domain's MX read from DNS, for `domain add` without --mx: a recognised
 * provider's hosts are proposed, anybody else's are not guessed at.
 */
#ifndef CLI_MX_READ_H
#define CLI_MX_READ_H

#include "base/dns.h"
#include "cli/command.h"

/*
 * On EXIT_FINE *mx is an array of patterns for the policy, the caller's, and
 * it was said whose they are. Else err says why not, with the command that
 * would name them.
 */
enum exit_code mx_read(struct cli *cli, const char *name, json_t **mx,
		       struct err *err);

/*
 * Asks those of the daemon's settings (GET /v1/check), for looks beside the
 * work, on a loop that is made for it: both are the caller's. NULL, with or
 * without a loop, if that cannot be had.
 */
struct resolver *mx_read_beside(struct cli *cli, struct loop **loop,
				int timeout_ms);

#endif
