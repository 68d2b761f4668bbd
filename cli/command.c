#include "cli/command.h"

#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

#define ENFORCE (OPTION(FORCE) | OPTION(KEEP_STALE) | OPTION(WITHOUT_REPORTS))
#define CHANGE (OPTION(DRY_RUN) | OPTION(REASON))
#define FILTER (OPTION(LABEL) | OPTION(STATE) | OPTION(LIMIT))
#define CHECK                                                                  \
	(OPTION(RESOLVER) | OPTION(CA_FILE) | OPTION(ALLOW_PRIVATE) |          \
	 OPTION(NO_SMTP) | OPTION(HTTP_PORT) | OPTION(HTTPS_PORT) |            \
	 OPTION(SMTP_PORT))
#define SELECT (FILTER | OPTION(FILE) | OPTION(ALL))
#define POLICY (OPTION(MX) | OPTION(PRESET) | OPTION(MODE) | OPTION(MAX_AGE))
#define WAIT   (OPTION(WAIT) | OPTION(TIMEOUT))

static const struct command table[] = {
	{ "status", NULL, cmd_status, NAMES_NONE, 0,
	  "the box on one screen: what is well, what needs a hand" },
	{ "doctor", NULL, cmd_doctor, NAMES_NONE, OPTION(CONFIG),
	  "is this machine fit for it: ports, addresses, disk, clock, CAs" },
	{ "domain", "add", cmd_domain_add, NAMES_MANY,
	  CHANGE | POLICY | WAIT | OPTION(LABEL) | OPTION(RUA) | OPTION(FILE) |
		  OPTION(LIMIT) | OPTION(TRACK_MX) | ENFORCE | OPTION(ADOPT) |
		  OPTION(NO_ADOPT) | OPTION(TEMPLATE) | OPTION(RESOLVER) |
		  OPTION(CA_FILE) | OPTION(ALLOW_PRIVATE) | OPTION(HTTPS_PORT),
	  "host the policy of a mail domain" },
	{ "domain", "list", cmd_domain_list, NAMES_NONE, FILTER | OPTION(PLAN),
	  "the domains hosted here" },
	{ "domain", "show", cmd_domain_show, NAMES_MANY, SELECT,
	  "all about a domain on one screen" },
	{ "domain", "set", cmd_domain_set, NAMES_MANY,
	  CHANGE | SELECT | OPTION(RUA) | OPTION(TRACK_MX) | OPTION(TEMPLATE),
	  "change its label, rua, template or track-mx" },
	{ "domain", "remove", cmd_domain_remove, NAMES_MANY,
	  CHANGE | SELECT | OPTION(NOW),
	  "host it no more, once no sender relies on it" },
	{ "domain", "handover", cmd_domain_handover, NAMES_MANY,
	  CHANGE | SELECT, "another host goes on with its policy" },
	{ "domain", "records", cmd_domain_records, NAMES_MANY,
	  SELECT | OPTION(FORMAT), "the DNS records to publish" },
	{ "domain", "publish", cmd_domain_publish, NAMES_MANY, CHANGE | SELECT,
	  "tell your own zone again what it is to have of it" },
	{ "domain", "check", cmd_domain_check, NAMES_MANY, SELECT | CHECK,
	  "look at a domain from outside, hosted here or not" },
	{ "domain", "import", cmd_domain_import, NAMES_FILE,
	  CHANGE | ENFORCE | OPTION(FORMAT) | OPTION(LABEL) | OPTION(LIMIT) |
		  OPTION(NO_ADOPT),
	  "add the domains of a CSV or JSON file" },
	{ "domain", "export", cmd_domain_export, NAMES_NONE,
	  OPTION(FORMAT) | OPTION(LABEL) | OPTION(STATE),
	  "write the domains as a file that import and apply read" },
	{ "domain", "apply", cmd_domain_apply, NAMES_FILE,
	  CHANGE | ENFORCE | OPTION(FORMAT) | OPTION(LABEL) | OPTION(LIMIT) |
		  OPTION(PRUNE) | OPTION(NO_ADOPT),
	  "make it so: add, change, with --prune hand over" },
	{ "template", "list", cmd_template_list, NAMES_NONE, 0,
	  "what the policies of many domains have in common" },
	{ "template", "show", cmd_template_show, NAMES_MANY, 0,
	  "a template by its name" },
	{ "template", "set", cmd_template_set, NAMES_MANY,
	  CHANGE | OPTION(MX) | OPTION(PRESET) | OPTION(MAX_AGE),
	  "make or change one: its domains get new versions" },
	{ "template", "remove", cmd_template_remove, NAMES_MANY, CHANGE,
	  "remove one that no domain follows" },
	{ "policy", "show", cmd_policy_show, NAMES_MANY, SELECT,
	  "the policy that is served" },
	{ "policy", "history", cmd_policy_history, NAMES_MANY, SELECT,
	  "every version: what it said, when it was served" },
	{ "policy", "set", cmd_policy_set, NAMES_MANY,
	  CHANGE | SELECT | POLICY | ENFORCE,
	  "publish a new version; --mx names all hosts, not one more" },
	{ "policy", "mx", cmd_policy_mx, NAMES_MANY,
	  CHANGE | SELECT | OPTION(FORCE),
	  "a planned move of its mail hosts: add, later drop" },
	{ "policy", "diff", cmd_policy_diff, NAMES_MANY, SELECT,
	  "what DNS has that the policy has not" },
	{ "policy", "accept", cmd_policy_accept, NAMES_MANY,
	  CHANGE | SELECT | OPTION(FORCE),
	  "take what policy diff shows into the policy" },
	{ "policy", "testing", cmd_policy_testing, NAMES_MANY, CHANGE | SELECT,
	  "ask senders to report, not to refuse: never itself refused" },
	{ "policy", "readiness", cmd_policy_readiness, NAMES_MANY, SELECT,
	  "what speaks against mode enforce yet" },
	{ "policy", "enforce", cmd_policy_enforce, NAMES_MANY,
	  CHANGE | SELECT | ENFORCE,
	  "ask senders to refuse other hosts, once it is ready" },
	{ "policy", "announce", cmd_policy_announce, NAMES_MANY,
	  CHANGE | SELECT,
	  "senders get it, though this box cannot fetch it: announce it" },
	{ "policy", "rollback", cmd_policy_rollback, NAMES_MANY,
	  CHANGE | SELECT | ENFORCE | OPTION(TO),
	  "a new version with the content of an old one" },
	{ "cert", "list", cmd_cert_list, NAMES_NONE, FILTER,
	  "the certificates served" },
	{ "cert", "show", cmd_cert_show, NAMES_MANY, SELECT,
	  "a certificate and its chain" },
	{ "cert", "renew", cmd_cert_renew, NAMES_MANY, CHANGE | SELECT | WAIT,
	  "get a new one now, or the first: waits for nothing" },
	{ "cert", "try", cmd_cert_try, NAMES_MANY,
	  CHANGE | SELECT | WAIT | OPTION(CA),
	  "prove that --ca issues, and serve on what is served" },
	{ "cert", "revoke", cmd_cert_revoke, NAMES_MANY,
	  CHANGE | SELECT | OPTION(WHY) | OPTION(NOW) | OPTION(CANCEL),
	  "replace it, then have its CA take it back" },
	{ "cert", "import", cmd_cert_import, NAMES_MAYBE_ONE,
	  CHANGE | OPTION(CERT) | OPTION(KEY),
	  "serve a certificate from elsewhere until ours replaces it" },
	{ "ca", "list", cmd_ca_list, NAMES_NONE, 0,
	  "the certificate authorities, in order of preference" },
	{ "ca", "show", cmd_ca_show, NAMES_MANY, 0,
	  "all about one: account, trouble, orders, limits" },
	{ "ca", "rollover", cmd_ca_rollover, NAMES_MAYBE_ONE,
	  CHANGE | OPTION(NEW_ACCOUNT), "another key for our account there" },
	{ "zone", "take", cmd_zone_take, NAMES_NONE, CHANGE,
	  "publish your own zone from this box, whichever did before" },
	{ "report", "import", cmd_report_import, NAMES_FILE,
	  OPTION(AUTH_RESULTS) | OPTION(REQUIRE_DKIM) | OPTION(VIA),
	  "take TLS reports out of mail, a mailbox or a file" },
	{ "report", "fetch", cmd_report_fetch, NAMES_NONE,
	  OPTION(CONFIG) | OPTION(LIMIT),
	  "take TLS reports out of a mailbox, by IMAP" },
	{ "freeze", NULL, cmd_freeze, NAMES_NONE, CHANGE,
	  "serve on, but begin no order: for the old box during a move" },
	{ "thaw", NULL, cmd_thaw, NAMES_NONE, CHANGE, "order again" },
	{ "backup", NULL, cmd_backup, NAMES_FILE,
	  OPTION(REASON) | OPTION(REPLACE),
	  "all of the box, keys too, for mtastsd --restore" },
	{ "report", "summary", cmd_report_summary, NAMES_MAYBE_ONE,
	  OPTION(SINCE) | OPTION(CSV),
	  "what senders tell of their sessions: who failed, and why" },
	{ "report", "list", cmd_report_list, NAMES_MAYBE_ONE,
	  OPTION(SINCE) | OPTION(CSV) | OPTION(FAILED) | OPTION(LIMIT),
	  "the TLS reports that came, the newest first" },
	{ "report", "show", cmd_report_show, NAMES_MAYBE_ONE, OPTION(CSV),
	  "one of them, whole" },
	{ "alert", "list", cmd_alert_list, NAMES_NONE,
	  OPTION(ENDED) | OPTION(KIND) | OPTION(LIMIT),
	  "what is wrong, the gravest first, and who is told" },
	{ "alert", "silence", cmd_alert_silence, NAMES_MANY,
	  CHANGE | OPTION(FOR) | OPTION(CANCEL),
	  "no word of it, by id or kind, --for a while" },
	{ "alert", "test", cmd_alert_test, NAMES_NONE, CHANGE,
	  "send a test to everybody who is told" },
	{ "log", NULL, cmd_log, NAMES_MAYBE_ONE,
	  OPTION(FOLLOW) | OPTION(SINCE) | OPTION(ACTOR) | OPTION(LABEL) |
		  OPTION(LIMIT),
	  "the trail: who did what, when, and why" },
};

const struct command *command_at(size_t i)
{
	return i < ARRAY_LEN(table) ? &table[i] : NULL;
}

/* ---- finding one ---- */

static bool unknown(const char *what, const char *word,
		    const char *const *candidates, size_t count,
		    struct err *err)
{
	const char *nearest = words_nearest(word, candidates, count);

	err_set(err, ERR_INPUT, "unknown %s \"%.40s\"", what, word);
	if (nearest)
		err_hint(err, "did you mean %s?", nearest);
	return false;
}

/* Every noun once, or with a noun its verbs. */
static size_t list(const char *noun, const char **out)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (noun && streq(noun, table[i].noun))
			out[count++] = table[i].verb;
		if (!noun && (!count || !streq(out[count - 1], table[i].noun)))
			out[count++] = table[i].noun;
	}
	return count;
}

static bool no_such(const struct words *words, struct err *err)
{
	const char *candidates[ARRAY_LEN(table)];
	const char *noun = words->item[0];
	size_t count = list(noun, candidates);
	char what[64];

	if (!count)
		return unknown("command", noun, candidates,
			       list(NULL, candidates), err);
	snprintf(what, sizeof(what), "command after %.30s:", noun);
	if (words->count > 1)
		return unknown(what, words->item[1], candidates, count, err);
	err_set(err, ERR_INPUT, "%s: what about it?", noun);
	return err_hint(err, "mtastsctl help %s lists what there is", noun);
}

bool command_is_known(const struct words *words, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (streq(table[i].noun, words->item[0]) &&
		    (words->count < 2 || !table[i].verb ||
		     streq(table[i].verb, words->item[1])))
			return true;
	return no_such(words, err);
}

const struct command *command_find(const struct words *words, size_t *used,
				   struct err *err)
{
	if (!words->count) {
		err_set(err, ERR_INPUT, "no command");
		err_hint(err, "mtastsctl help lists them");
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct command *c = &table[i];

		if (!streq(c->noun, words->item[0]) ||
		    (c->verb && (words->count < 2 ||
				 !streq(c->verb, words->item[1]))))
			continue;
		*used = c->verb ? 2 : 1;
		return c;
	}
	no_such(words, err);
	return NULL;
}

/* ---- is it used as it may be? ---- */

static void name_of(const struct command *c, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", c->noun, c->verb ? " " : "",
		 c->verb ? c->verb : "");
}

static bool check_options(const struct command *c, const struct options *o,
			  const char *name, struct err *err)
{
	unsigned long long stray = o->given & ~(c->options | OPTIONS_ALWAYS);

	for (unsigned id = 0; id < OPT_COUNT; id++) {
		if (!(stray & OPTION_BIT(id)))
			continue;
		err_set(err, ERR_INPUT, "%s does not take --%s", name,
			option_about((enum option_id)id)->name);
		return err_hint(err, "mtastsctl help %s", name);
	}
	if (o->given & OPTION(TIMEOUT) && !o->wait)
		return err_set(err, ERR_INPUT, "--timeout goes with --wait");
	return true;
}

bool command_check(const struct command *c, const struct cli *cli,
		   struct err *err)
{
	static const size_t most[] = {
		[NAMES_NONE] = 0,
		[NAMES_MAYBE_ONE] = 1,
		[NAMES_FILE] = 1,
		[NAMES_MANY] = SIZE_MAX,
	};
	char name[64];

	name_of(c, name, sizeof(name));
	if (cli->name_count > most[c->names]) {
		err_set(err, ERR_INPUT, "%s does not take \"%.60s\"", name,
			cli->names[most[c->names]]);
		return err_hint(err, "mtastsctl help %s", name);
	}
	if (c->names == NAMES_FILE && !cli->name_count) {
		err_set(err, ERR_INPUT, "%s: which file?", name);
		return err_hint(err, c->run == cmd_backup
					     ? "- is standard output"
					     : "- is standard input");
	}
	return check_options(c, &cli->options, name, err);
}

/* ---- help ---- */

static void help_options(FILE *to, unsigned long long options)
{
	for (unsigned id = 0; id < OPT_COUNT; id++) {
		const struct option_about *o = option_about((enum option_id)id);
		char left[40];

		if (!(options & OPTION_BIT(id)))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		fprintf(to, "  %-20s  %s\n", left, o->about);
	}
}

/* What stands behind a command whose names are no domains. */
static const struct {
	const char *noun, *verb, *args;
} other_args[] = {
	{ "policy", "mx", " NAME... add|drop HOST..." },
	{ "template", "show", " TEMPLATE..." },
	{ "template", "set", " TEMPLATE..." },
	{ "template", "remove", " TEMPLATE..." },
	{ "ca", "show", " CA..." },
	{ "ca", "rollover", " [CA]" },
	{ "alert", "silence", " ID|KIND..." },
	{ "report", "show", " ID" },
};

static const char *args_of(const struct command *c)
{
	static const char *const usual[] = {
		[NAMES_NONE] = "",
		[NAMES_MAYBE_ONE] = " [NAME]",
		[NAMES_FILE] = " FILE",
		[NAMES_MANY] = " NAME...",
	};

	for (size_t i = 0; c->verb && i < ARRAY_LEN(other_args); i++)
		if (streq(other_args[i].noun, c->noun) &&
		    streq(other_args[i].verb, c->verb))
			return other_args[i].args;
	return usual[c->names];
}

static void help_one(FILE *to, const struct command *c)
{
	char name[64];

	name_of(c, name, sizeof(name));
	fprintf(to, "mtastsctl %s%s [options]\n\n  %s\n\n", name, args_of(c),
		c->about);
	help_options(to, c->options | OPTIONS_ALWAYS);
}

static void help_all(FILE *to, const char *noun)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char name[64];

		if (noun && !streq(noun, table[i].noun))
			continue;
		name_of(&table[i], name, sizeof(name));
		fprintf(to, "  %-16s  %s\n", name, table[i].about);
	}
}

void command_help(FILE *to, const char *noun, const char *verb)
{
	for (size_t i = 0; noun && i < ARRAY_LEN(table); i++) {
		const struct command *c = &table[i];

		if (!streq(c->noun, noun) ||
		    (c->verb && !streq(c->verb, verb)))
			continue;
		help_one(to, c);
		return;
	}
	fputs("usage: mtastsctl NOUN VERB [NAME...] [options]\n\n", to);
	help_all(to, noun);
	fputs("\nNames may be many, or --file, --label, --state, --all; "
	      "durations: 90s 15m 12h 7d.\n"
	      "mtastsctl help NOUN VERB tells the options of one. "
	      "See mtastsctl(1).\n",
	      to);
}
