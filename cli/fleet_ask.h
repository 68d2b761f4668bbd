/*
 * What the daemon is asked for a fleet's sake: the requests of `domain add`,
 * `domain set`, `policy set` and `domain handover`, from what a file says.
 *
 * Each carries --reason, what leads to enforce --force and --without-reports;
 * with `is_dry` (or --dry-run) nothing changes. On
 * EXIT_FINE *answer is the caller's to decref.
 */
#ifndef CLI_FLEET_ASK_H
#define CLI_FLEET_ASK_H

#include "cli/command.h"

enum exit_code fleet_ask_to_add(const struct cli *cli, const json_t *entry,
				bool is_dry, json_t **answer, struct err *err);

/* It is handed over; who was never live goes at once. */
enum exit_code fleet_ask_to_let_go(const struct cli *cli, const char *name,
				   bool is_dry, json_t **answer,
				   struct err *err);

/*
 * Label, rua, track_mx and template. Hosts that the entry names count more than
 * the template's: the policy stays, for fleet_ask_policy().
 */
enum exit_code fleet_ask_settings(const struct cli *cli, const char *name,
				  const json_t *entry, bool is_dry,
				  json_t **answer, struct err *err);

/* The rest; *answer is NULL if the entry says nothing of it. */
enum exit_code fleet_ask_policy(const struct cli *cli, const char *name,
				const json_t *entry, bool is_dry,
				json_t **answer, struct err *err);

#endif
