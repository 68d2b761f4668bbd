/*
 * Asking the daemon for a change, and telling what came of it: what every
 * changing command has in common, --dry-run and --reason included.
 */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "cli/command.h"

/* A body with what --reason and --dry-run say. The caller decrefs. */
json_t *change_body(const struct cli *cli);

/*
 * Sends it; takes `body`; frees `path`. On EXIT_FINE *answer is the daemon's,
 * the caller's to decref: printed already with --json (unless --wait is to
 * print the outcome), noted for the table of --dry-run, and counted if it
 * changed something. *told is then true: there is nothing left to say.
 */
enum exit_code change_send(struct cli *cli, const char *method, char *path,
			   json_t *body, json_t **answer, bool *told,
			   struct err *err);

/* Adds texts as an array; nothing if there are none and it was not said. */
void change_add_list(json_t *body, const char *key, const struct words *list,
		     bool is_given);
void change_add_text(json_t *body, const char *key, const char *text);

/* --mx, --preset, --mode, --max-age. */
void change_add_policy(const struct cli *cli, json_t *body);

/* --force, --keep-stale, --without-reports. */
void change_add_enforce(const struct cli *cli, json_t *body);

/*
 * Of an answer to what was to be added: it was on its way out, and stays. Its
 * policy has another id than before.
 */
bool change_takes_back(const json_t *answer);

/* Adds the changes of an answer to the table of a dry run, as those of `name`. */
void change_plan(struct cli *cli, const char *name, const json_t *answer);

/* The table of a dry run, at the end of the program. */
void change_print_plan(struct cli *cli);

#endif
