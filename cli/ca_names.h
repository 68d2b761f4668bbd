/*
 * Which CAs a command is about: those that are named, or else all there are.
 */
#ifndef CLI_CA_NAMES_H
#define CLI_CA_NAMES_H

#include "cli/targets.h"

/* As targets_each(), over CAs. */
enum exit_code ca_names_each(struct cli *cli, target_fn *one);

/* The one that is named, or the only one there is. */
enum exit_code ca_names_one(struct cli *cli, target_fn *one);

#endif
