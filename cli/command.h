/*
 * What mtastsctl can do: one table of commands, from which dispatch, help
 * and "did you mean" come. A new command is a row and a function.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdint.h>
#include <stdio.h>

#include "cli/api_client.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/wait.h"

struct command;

/* A run of the program, handed to the command. */
struct cli {
	const struct command *command;
	struct options options;
	struct api *api;
	char **names;		/* the words behind the command */
	size_t name_count;
	json_t *hosts;		/* of policy mx: those to add or to drop */
	struct table plan;	/* of a dry run: what would change */
	long plan_same;		/* what would not: not of one row each */
	long changed;		/* answers that something changed, or would */
	char *plan_about;	/* what of, if of no domain; NULL: the box */
	struct wait_list wait;	/* what --wait is to wait for */
	struct mx_looks *looks; /* of domain add, at MX; or NULL */
	struct announced_ids *ids; /* the same, at _mta-sts */
};

enum command_names {
	NAMES_NONE,
	NAMES_MAYBE_ONE,
	NAMES_FILE, /* one: a file, or - for standard input */
	NAMES_MANY  /* or a selection by options: cli/targets.h */
};

struct command {
	const char *noun, *verb;	/* verb NULL: the noun is all */
	enum exit_code (*run)(struct cli *cli);
	enum command_names names;
	unsigned long long options;	/* OPTION() bits, besides the usual */
	const char *about;
};

/* The i-th, or NULL past the last. */
const struct command *command_at(size_t i);

/*
 * By the first words. NULL, with what was wrong and the nearest that exists,
 * if there is none. *used says how many words it took.
 */
const struct command *command_find(const struct words *words, size_t *used,
				   struct err *err);

/* May it be called so? Options it does not take, names it does not want. */
bool command_check(const struct command *c, const struct cli *cli,
		   struct err *err);

/* Is there a command, or several, that begins so? `words` is not empty. */
bool command_is_known(const struct words *words, struct err *err);

/* All commands, or those of one noun, or one with its options. */
void command_help(FILE *to, const char *noun, const char *verb);

enum exit_code cmd_status(struct cli *cli);
enum exit_code cmd_doctor(struct cli *cli);
enum exit_code cmd_domain_add(struct cli *cli);
enum exit_code cmd_domain_list(struct cli *cli);
enum exit_code cmd_domain_show(struct cli *cli);
enum exit_code cmd_domain_set(struct cli *cli);
enum exit_code cmd_domain_remove(struct cli *cli);
enum exit_code cmd_domain_handover(struct cli *cli);
enum exit_code cmd_domain_records(struct cli *cli);
enum exit_code cmd_domain_import(struct cli *cli);
enum exit_code cmd_domain_export(struct cli *cli);
enum exit_code cmd_domain_apply(struct cli *cli);
enum exit_code cmd_domain_publish(struct cli *cli);
enum exit_code cmd_domain_check(struct cli *cli);
enum exit_code cmd_template_list(struct cli *cli);
enum exit_code cmd_template_show(struct cli *cli);
enum exit_code cmd_template_set(struct cli *cli);
enum exit_code cmd_template_remove(struct cli *cli);
enum exit_code cmd_policy_show(struct cli *cli);
enum exit_code cmd_policy_history(struct cli *cli);
enum exit_code cmd_policy_rollback(struct cli *cli);
enum exit_code cmd_policy_set(struct cli *cli);
enum exit_code cmd_policy_readiness(struct cli *cli);
enum exit_code cmd_policy_mx(struct cli *cli);
enum exit_code cmd_policy_diff(struct cli *cli);
enum exit_code cmd_policy_accept(struct cli *cli);
enum exit_code cmd_policy_testing(struct cli *cli);
enum exit_code cmd_policy_announce(struct cli *cli);
enum exit_code cmd_policy_enforce(struct cli *cli);
enum exit_code cmd_cert_list(struct cli *cli);
enum exit_code cmd_cert_show(struct cli *cli);
enum exit_code cmd_cert_renew(struct cli *cli);
enum exit_code cmd_cert_try(struct cli *cli);
enum exit_code cmd_cert_revoke(struct cli *cli);
enum exit_code cmd_cert_import(struct cli *cli);
enum exit_code cmd_ca_list(struct cli *cli);
enum exit_code cmd_ca_show(struct cli *cli);
enum exit_code cmd_ca_rollover(struct cli *cli);
enum exit_code cmd_zone_take(struct cli *cli);
enum exit_code cmd_report_import(struct cli *cli);
enum exit_code cmd_report_fetch(struct cli *cli);
enum exit_code cmd_freeze(struct cli *cli);
enum exit_code cmd_backup(struct cli *cli);
enum exit_code cmd_thaw(struct cli *cli);
enum exit_code cmd_alert_list(struct cli *cli);
enum exit_code cmd_alert_silence(struct cli *cli);
enum exit_code cmd_alert_test(struct cli *cli);
enum exit_code cmd_log(struct cli *cli);
enum exit_code cmd_report_summary(struct cli *cli);
enum exit_code cmd_report_list(struct cli *cli);
enum exit_code cmd_report_show(struct cli *cli);

#endif
