/*
 * What stands on the command line beside the command: options and names.
 *
 * Options are rows of one table (options.c), whichever command takes them;
 * a command's row says which (cli/commands.c). They may stand anywhere, as
 * `--name value` or `--name=value`; after `--` there are none.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/words.h"

#define SOCKET_DEFAULT "/run/mtastsd/admin.sock"
#define SUBMIT_DEFAULT	     "/run/mtastsd/submit.sock"
#define FETCH_CONFIG_DEFAULT "/etc/mtastsd/report-fetch.conf"
#define TIMEOUT_DEFAULT 120L

enum option_id {
	OPT_ACTOR,
	OPT_ADOPT,
	OPT_ALL,
	OPT_ALLOW_PRIVATE,
	OPT_AUTH_RESULTS,
	OPT_CA,
	OPT_CA_FILE,
	OPT_CANCEL,
	OPT_CERT,
	OPT_CONFIG,
	OPT_CSV,
	OPT_DRY_RUN,
	OPT_ENDED,
	OPT_FAILED,
	OPT_FILE,
	OPT_FOLLOW,
	OPT_FORCE,
	OPT_FOR,
	OPT_FORMAT,
	OPT_HELP,
	OPT_HTTP_PORT,
	OPT_HTTPS_PORT,
	OPT_JSON,
	OPT_KEEP_STALE,
	OPT_KEY,
	OPT_KIND,
	OPT_LABEL,
	OPT_LIMIT,
	OPT_MAX_AGE,
	OPT_MODE,
	OPT_MX,
	OPT_NEW_ACCOUNT,
	OPT_NOW,
	OPT_NO_ADOPT,
	OPT_NO_SMTP,
	OPT_PLAN,
	OPT_PRESET,
	OPT_PRUNE,
	OPT_REASON,
	OPT_REPLACE,
	OPT_REQUIRE_DKIM,
	OPT_RESOLVER,
	OPT_RUA,
	OPT_SINCE,
	OPT_SMTP_PORT,
	OPT_SOCKET,
	OPT_STATE,
	OPT_TEMPLATE,
	OPT_TIMEOUT,
	OPT_TO,
	OPT_TRACK_MX,
	OPT_VERSION,
	OPT_VIA,
	OPT_WAIT,
	OPT_WHY,
	OPT_WITHOUT_REPORTS,
	OPT_COUNT
};

#define OPTION_BIT(id) (1ull << (id))
#define OPTION(id)     OPTION_BIT(OPT_##id)
#define OPTIONS_ALWAYS                                                         \
	(OPTION(HELP) | OPTION(JSON) | OPTION(SOCKET) | OPTION(VERSION))

struct options {
	unsigned long long given;	/* OPTION() bits */
	struct words words;	/* noun, verb, names: all that is no option */
	const char *actor, *auth_results, *ca, *ca_file, *cert, *config, *file,
		*format, *key, *kind, *label, *mode, *plan, *preset, *reason,
		*socket, *state, *template, *track_mx, *via, *why;
	struct words mx, resolver, rua;
	bool adopt, all, allow_private, cancel, csv, dry_run, ended, failed,
		follow, force, help, json, keep_stale, new_account, no_adopt,
		no_smtp, now, prune, replace, require_dkim, version, wait,
		without_reports;
	long limit;		/* 0: none */
	long to;		/* a version; 0: not said */
	long http_port, https_port, smtp_port;	/* 0: the usual ones */
	long for_long, max_age, since, timeout;	/* seconds */
};

/*
 * The texts are borrowed from argv, which does not hold the program's name.
 * ERR_INPUT says what is wrong. To be released in either case.
 */
bool options_parse(struct options *o, int argc, const char *const *argv,
		   struct err *err);
void options_release(struct options *o);

struct option_about {
	const char *name;	/* without the dashes */
	const char *value;	/* what follows it, or NULL */
	const char *about;
};
const struct option_about *option_about(enum option_id id);

#endif
