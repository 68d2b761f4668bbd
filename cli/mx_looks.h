/*
 * Does DNS send mail to hosts that a policy just made would refuse? A preset
 * of another provider, or a host forgotten, is told with its line, not by
 * bounces. So is, of a single domain, that it gets no mail at all.
 *
 * Looks go on beside the command, many at once; each is short, and a resolver
 * that does not answer at all is not waited for again.
 */
#ifndef CLI_MX_LOOKS_H
#define CLI_MX_LOOKS_H

#include "cli/command.h"
#include "cli/progress.h"

struct mx_looks;

/* `progress` is cleared before anything is said; NULL: there is none. */
struct mx_looks *mx_looks_new(struct cli *cli, struct progress *progress);

/*
 * The domain of a change's answer, if it made a policy or another one; `line`
 * of a file, or 0. Says what looks that are over have found.
 */
void mx_looks_add(struct mx_looks *l, const json_t *answer, long line);

/* Waits for the last of them. How many policies lack hosts; NULL: none. */
long mx_looks_free(struct mx_looks *l);

#endif
