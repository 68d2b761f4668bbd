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

/* Asks those of the daemon's settings (GET /v1/check). */
struct resolver *mx_read_resolver(struct loop *loop, const json_t *settings,
				  int timeout_ms, struct err *err);

#endif
