/*
 * Domains that are to arrive, in waves of so many a day, no faster than the
 * authority's limits let them through: that of new orders, and that of new
 * certificates under one registered domain.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/command.h"

/* "300/day", or "300". */
bool plan_parse(const char *text, long *a_day, struct err *err);

/* `domains` is a list of objects with a "name" and "registered". */
enum exit_code plan_print(struct cli *cli, const json_t *domains, long a_day);

#endif
