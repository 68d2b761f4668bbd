/*
 * The daemon's own looks at DNS, which may be hours apart: one is made now, if
 * the last is old.
 */
#ifndef CLI_DNS_LOOK_H
#define CLI_DNS_LOOK_H

#include "cli/command.h"

/* Waits some seconds for one that is made now. */
void dns_look(struct cli *cli, const char *name);

/*
 * Waits some seconds for it. Of names on the command line alone: for a whole
 * fleet it would take too long. Where it cannot be made, such as by the socket
 * for reading, what was seen last is what there is, and its time stands there.
 */
void dns_look_if_old(struct cli *cli, const char *name);

#endif
