#include "cli/options.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

enum option_type {
	TYPE_FLAG,
	TYPE_TEXT,
	TYPE_LIST,	/* repeatable, and commas inside */
	TYPE_COUNT,	/* from 1 up */
	TYPE_NUMBER,	/* from 0 up */
	TYPE_DURATION
};

#define AT(member) offsetof(struct options, member)

static const struct {
	struct option_about about;
	enum option_type type;
	size_t offset;
} table[OPT_COUNT] = {
	[OPT_ACTOR] = { { "actor", "WHO", "only what WHO did" },
			TYPE_TEXT,
			AT(actor) },
	[OPT_ADOPT] = { { "adopt", NULL,
			  "take over the policy and id that another host "
			  "serves now" },
			TYPE_FLAG,
			AT(adopt) },
	[OPT_ALL] = { { "all", NULL, "every domain" }, TYPE_FLAG, AT(all) },
	[OPT_ALLOW_PRIVATE] = { { "allow-private", NULL,
				  "try private and loopback addresses too" },
				TYPE_FLAG,
				AT(allow_private) },
	[OPT_AUTH_RESULTS] = { { "auth-results", "SERVER",
				 "whose Authentication-Results headers "
				 "say who signed" },
			       TYPE_TEXT,
			       AT(auth_results) },
	[OPT_CONFIG] = { { "config", "FILE",
			   "this configuration, not the usual one" },
			 TYPE_TEXT,
			 AT(config) },
	[OPT_REQUIRE_DKIM] = { { "require-dkim", NULL,
				 "take only what bears a DKIM signature that "
				 "held" },
			       TYPE_FLAG,
			       AT(require_dkim) },
	[OPT_CA_FILE] = { { "ca-file", "FILE",
			    "trust the roots in it, not the system's" },
			  TYPE_TEXT,
			  AT(ca_file) },
	[OPT_HTTP_PORT] = { { "http-port", "PORT", "in place of 80" },
			    TYPE_COUNT,
			    AT(http_port) },
	[OPT_HTTPS_PORT] = { { "https-port", "PORT", "in place of 443" },
			     TYPE_COUNT,
			     AT(https_port) },
	[OPT_NO_SMTP] = { { "no-smtp", NULL, "do not ask the mail servers" },
			  TYPE_FLAG,
			  AT(no_smtp) },
	[OPT_RESOLVER] = { { "resolver", "ADDRESS",
			     "ask this DNS server, not the system's; up to 4 "
			     "times" },
			   TYPE_LIST,
			   AT(resolver) },
	[OPT_SMTP_PORT] = { { "smtp-port", "PORT", "in place of 25" },
			    TYPE_COUNT,
			    AT(smtp_port) },
	[OPT_CA] = { { "ca", "CA", "the certificate authority, by its name" },
		     TYPE_TEXT,
		     AT(ca) },
	[OPT_CANCEL] = { { "cancel", NULL,
			   "end a silence; or revoke not, if the CA was not "
			   "told yet" },
			 TYPE_FLAG,
			 AT(cancel) },
	[OPT_CERT] = { { "cert", "FILE",
			 "the certificate and its issuers, as PEM; - is "
			 "standard input" },
		       TYPE_TEXT,
		       AT(cert) },
	[OPT_CSV] = { { "csv", NULL, "the same facts for a spreadsheet" },
		      TYPE_FLAG,
		      AT(csv) },
	[OPT_DRY_RUN] = { { "dry-run", NULL,
			    "show what would change, change nothing" },
			  TYPE_FLAG,
			  AT(dry_run) },
	[OPT_ENDED] = { { "ended", NULL, "those too that are over" },
			TYPE_FLAG,
			AT(ended) },
	[OPT_FAILED] = { { "failed", NULL, "only those with failures" },
			 TYPE_FLAG,
			 AT(failed) },
	[OPT_FILE] = { { "file", "FILE",
			 "names, one a line, # comments; - is standard input" },
		       TYPE_TEXT,
		       AT(file) },
	[OPT_FOLLOW] = { { "follow", NULL, "go on with what happens" },
			 TYPE_FLAG,
			 AT(follow) },
	[OPT_FORCE] = { { "force", NULL,
			  "do it although there are reasons not to" },
			TYPE_FLAG,
			AT(force) },
	[OPT_TRACK_MX] = { { "track-mx", "yes|no",
			     "take new hosts of its provider into the policy" },
			   TYPE_TEXT,
			   AT(track_mx) },
	[OPT_KEEP_STALE] = { { "keep-stale", NULL,
			       "hosts that are in no MX are meant to be in the "
			       "policy" },
			     TYPE_FLAG,
			     AT(keep_stale) },
	[OPT_WITHOUT_REPORTS] = { { "without-reports", NULL,
				    "no TLS reports are known, and that is "
				    "fine" },
				  TYPE_FLAG,
				  AT(without_reports) },
	[OPT_FOR] = { { "for", "DURATION", "how long, such as 12h" },
		      TYPE_DURATION,
		      AT(for_long) },
	[OPT_FORMAT] = { { "format", "FORMAT",
			   "csv or json; records: text, zone, json or "
			   "nsupdate" },
			 TYPE_TEXT,
			 AT(format) },
	[OPT_HELP] = { { "help", NULL, "help with this command" },
		       TYPE_FLAG,
		       AT(help) },
	[OPT_JSON] = { { "json", NULL, "the same facts as JSON" },
		       TYPE_FLAG,
		       AT(json) },
	[OPT_KEY] = { { "key", "FILE", "its private key, as PEM" },
		      TYPE_TEXT,
		      AT(key) },
	[OPT_KIND] = { { "kind", "KIND", "only these, such as ca.down" },
		       TYPE_TEXT,
		       AT(kind) },
	[OPT_LABEL] = { { "label", "LABEL",
			  "your word for a customer (add, set, import, "
			  "apply: to be set; else: only those that have it)" },
			TYPE_TEXT,
			AT(label) },
	[OPT_LIMIT] = { { "limit", "N", "at most N" }, TYPE_COUNT, AT(limit) },
	[OPT_MAX_AGE] = { { "max-age", "DURATION",
			    "how long senders keep the policy, such as 7d" },
			  TYPE_DURATION,
			  AT(max_age) },
	[OPT_MODE] = { { "mode", "MODE", "testing, enforce or none" },
		       TYPE_TEXT,
		       AT(mode) },
	[OPT_MX] = { { "mx", "HOST",
		       "a host that takes the domain's mail, or *.HOST; "
		       "repeatable, commas too" },
		     TYPE_LIST,
		     AT(mx) },
	[OPT_NEW_ACCOUNT] = { { "new-account", NULL,
				"another account, with another URL" },
			      TYPE_FLAG,
			      AT(new_account) },
	[OPT_NOW] = { { "now", NULL,
			"do not wait: for the replacement (revoke), for what "
			"senders hold (remove)" },
		      TYPE_FLAG,
		      AT(now) },
	[OPT_NO_ADOPT] = { { "no-adopt", NULL,
			     "a policy of its own, though DNS announces "
			     "another host's" },
			   TYPE_FLAG,
			   AT(no_adopt) },
	[OPT_PLAN] = { { "plan", "N/day",
			 "those that wait for DNS, in waves of so many a day" },
		       TYPE_TEXT,
		       AT(plan) },
	[OPT_PRESET] = { { "preset", "PROVIDER",
			   "the hosts of a mail provider: m365, google" },
			 TYPE_TEXT,
			 AT(preset) },
	[OPT_PRUNE] = { { "prune", NULL,
			  "hand over what is hosted and not in the file" },
			TYPE_FLAG,
			AT(prune) },
	[OPT_REASON] = { { "reason", "TEXT", "why, for the trail" },
			 TYPE_TEXT,
			 AT(reason) },
	[OPT_REPLACE] = { { "replace", NULL, "a file that is there already" },
			  TYPE_FLAG,
			  AT(replace) },
	[OPT_RUA] = { { "rua", "URI",
			"where TLS reports go, mailto: or https:; "
			"repeatable; '' is nowhere" },
		      TYPE_LIST,
		      AT(rua) },
	[OPT_SINCE] = { { "since", "DURATION", "no older than, such as 12h" },
			TYPE_DURATION,
			AT(since) },
	[OPT_SOCKET] = { { "socket", "PATH",
			   "the daemon's socket (or $MTASTS_SOCKET)" },
			 TYPE_TEXT,
			 AT(socket) },
	[OPT_STATE] = { { "state", "STATE",
			  "only waiting-for-dns, issuing, live, removing or "
			  "handing-over ones" },
			TYPE_TEXT,
			AT(state) },
	[OPT_TEMPLATE] = { { "template", "NAME",
			     "the template that its policy follows; '' is "
			     "none" },
			   TYPE_TEXT,
			   AT(template) },
	[OPT_TIMEOUT] = { { "timeout", "DURATION",
			    "how long --wait waits (default 2m)" },
			  TYPE_DURATION,
			  AT(timeout) },
	[OPT_TO] = { { "to", "N", "the version to go back to" },
		     TYPE_NUMBER,
		     AT(to) },
	[OPT_VERSION] = { { "version", NULL, "print the version" },
			  TYPE_FLAG,
			  AT(version) },
	[OPT_VIA] = { { "via", "WAY", "how it came: mail (default) or imap" },
		      TYPE_TEXT,
		      AT(via) },
	[OPT_WAIT] = { { "wait", NULL, "show progress until it is done" },
		       TYPE_FLAG,
		       AT(wait) },
	[OPT_WHY] = { { "why", "REASON",
			"for the CA: unspecified, keyCompromise, superseded, "
			"cessationOfOperation, ..." },
		      TYPE_TEXT,
		      AT(why) },
};

const struct option_about *option_about(enum option_id id)
{
	return &table[id].about;
}

static void add_list(struct words *list, const char *value)
{
	while (*value) {
		size_t len = strcspn(value, ",");

		if (len)
			words_add_some(list, value, len);
		value += len + (value[len] == ',');
	}
}

static bool set_count(const char *name, long least, const char *value,
		      long *to, struct err *err)
{
	if (str_to_long(value, strlen(value), LONG_MAX, to) && *to >= least)
		return true;
	return err_set(err, ERR_INPUT, "--%s: \"%.40s\" is not a number from "
				       "%ld up", name, value, least);
}

static bool set_value(struct options *o, enum option_id id, const char *value,
		      struct err *err)
{
	void *to = (char *)o + table[id].offset;
	const char *name = table[id].about.name;

	o->given |= OPTION_BIT(id);
	if (!value) {	/* it takes none */
		*(bool *)to = true;
		return true;
	}
	switch (table[id].type) {
	case TYPE_FLAG:
		break;
	case TYPE_TEXT:
		*(const char **)to = value;
		return true;
	case TYPE_LIST:
		add_list(to, value);
		return true;
	case TYPE_COUNT:
		return set_count(name, 1, value, to, err);
	case TYPE_NUMBER:
		return set_count(name, 0, value, to, err);
	case TYPE_DURATION:
		return duration_parse(value, to, err) ||
		       err_prefix(err, "--%s", name);
	}
	return err_set(err, ERR_INPUT, "--%s takes no value", name);
}

static bool unknown(const char *name, size_t len, struct err *err)
{
	const char *names[OPT_COUNT], *nearest;
	char *word = xstrndup(name, len);

	for (size_t i = 0; i < OPT_COUNT; i++)
		names[i] = table[i].about.name;
	nearest = words_nearest(word, names, OPT_COUNT);
	err_set(err, ERR_INPUT, "unknown option --%.40s", word);
	if (nearest)
		err_hint(err, "did you mean --%s?", nearest);
	free(word);
	return false;
}

/* `arg` follows the dashes; *used is set if `next` was its value. */
static bool parse_one(struct options *o, const char *arg, const char *next,
		      bool *used, struct err *err)
{
	size_t len = strcspn(arg, "="), id = 0;
	const char *value = arg[len] ? arg + len + 1 : NULL;

	while (id < OPT_COUNT && (strlen(table[id].about.name) != len ||
				  !str_starts(arg, table[id].about.name)))
		id++;
	if (id == OPT_COUNT)
		return unknown(arg, len, err);
	*used = table[id].type != TYPE_FLAG && !value;
	if (*used && !next)
		return err_set(err, ERR_INPUT, "--%s needs a value: %s",
			       table[id].about.name, table[id].about.value);
	return set_value(o, (enum option_id)id, *used ? next : value, err);
}

bool options_parse(struct options *o, int argc, const char *const *argv,
		   struct err *err)
{
	bool only_words = false, used;

	*o = (struct options){ .timeout = TIMEOUT_DEFAULT };
	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		used = false;
		if (only_words || arg[0] != '-' || !arg[1]) {
			words_add(&o->words, arg);
		} else if (streq(arg, "--")) {
			only_words = true;
		} else if (streq(arg, "-h")) {
			set_value(o, OPT_HELP, NULL, err);
		} else if (!str_starts(arg, "--")) {
			err_set(err, ERR_INPUT, "unknown option %.40s", arg);
			return err_hint(err, "options begin with two dashes");
		} else if (!parse_one(o, arg + 2, argv[i + 1], &used, err)) {
			return false;
		}
		i += used;
	}
	return true;
}

void options_release(struct options *o)
{
	words_release(&o->words);
	words_release(&o->mx);
	words_release(&o->resolver);
	words_release(&o->rua);
}
