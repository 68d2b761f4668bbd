/*
 * Which domains a command is about, and doing it to each.
 *
 * Names from the command line and from --file, or else what --label, --state
 * or --all select, a page in memory at a time. Each is tried, each failure is
 * one line on stderr, and the worst decides how the program ends. Only a daemon
 * that is gone ends it early, and --limit: of a command that changes things it
 * counts answers that something changed, so that the same command again goes
 * on where this one ended; who refuses is named, and holds up nobody behind it.
 */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include "cli/command.h"

/*
 * Does it to one; if it is not EXIT_FINE, err says why, or all has been said.
 */
typedef enum exit_code target_fn(struct cli *cli, const char *name,
				 struct err *err);

enum exit_code targets_each(struct cli *cli, target_fn *one);

/* For `domain add` and `domain set`: their --label sets, and selects nothing. */
enum exit_code targets_each_labelled(struct cli *cli, target_fn *one);

/*
 * A list from the daemon, page by page, with the filters of the command line,
 * printed as a table: `row` adds each entry of `key`. With --json it is put
 * together and printed as one document instead. Where there is little room it
 * is as struct table says; its first column has names.
 */
enum exit_code targets_list(struct cli *cli, const char *path, const char *key,
			    const char *const *header, size_t columns,
			    unsigned spare, unsigned below,
			    void (*row)(const json_t *entry, struct table *t));

/*
 * Every domain that --label and --state select, a page in memory at a time;
 * --limit counts changes here, so it does not end this.
 */
enum exit_code targets_domains(struct cli *cli,
			       void (*take)(json_t *domain, void *arg),
			       void *arg, struct err *err);

/* Is it on its way out already? */
bool targets_is_leaving(const json_t *domain);

/* The same list, whole, for who makes something else of it. */
enum exit_code targets_collect(struct cli *cli, const char *path,
			       const char *key, json_t **all, struct err *err);

/* A domain's own document, printed as it is with --json, else by `show`. */
enum exit_code targets_get(struct cli *cli, const char *name, const char *rest,
			void (*show)(const json_t *document), struct err *err);

/*
 * The lines of --file: a name each, blanks around it, # comments and empty
 * lines skipped.
 */
bool targets_read_file(const char *path, struct words *names, struct err *err);

#endif
