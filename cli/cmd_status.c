/*
 * mtastsctl status: the screen for the morning.
 *
 * What is well in a line or two; then what needs a hand, in words, each with
 * what helps. The exit code says the worst of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/command.h"
#include "cli/onboarding.h"
#include "cli/say.h"
#include "cli/screen.h"

static long long number(const json_t *value, const char *path)
{
	return json_integer_value(value_at(value, path));
}

static void show_domains(const json_t *s)
{
	long long all = number(s, "domains.total");

	printf(": %lld of %lld domain%s live", number(s, "domains.live"), all,
	       all == 1 ? "" : "s");
	if (number(s, "domains.issuing"))
		printf(", %lld issuing", number(s, "domains.issuing"));
	if (number(s, "domains.waiting-for-dns"))
		printf(", %lld waiting for DNS",
		       number(s, "domains.waiting-for-dns"));
	if (number(s, "domains.removing"))
		printf("; %lld removing of these",
		       number(s, "domains.removing"));
	if (number(s, "domains.handing-over"))
		printf("; %lld handing over of these",
		       number(s, "domains.handing-over"));
}

/* Of what nobody has asked for yet there is nothing to say. */
static void show_serving(const json_t *s)
{
	long long policies = number(s, "serving.policies");
	long long handshakes = number(s, "serving.handshakes");
	long long open = number(s, "serving.open");

	if (policies || handshakes || open)
		printf("%lld policies served over %lld handshakes, %lld open "
		       "connections\n",
		       policies, handshakes, open);
}

static void show_box(const json_t *s, time_t now)
{
	char up[DURATION_TEXT], expiry[WHEN_TEXT];

	printf("mtastsd %s, up %s", text_at(s, "version"),
	       duration_rough(age_at(s, "started", now), up));
	if (json_is_object(value_at(s, "domains")))
		show_domains(s);
	putchar('\n');
	if (*text_at(s, "nearest_expiry"))
		printf("nearest expiry %s\n",
		       when_at(s, "nearest_expiry", now, expiry));
	show_serving(s);
}

/* Open, and not just news. */
static long long alerts(const json_t *s)
{
	return number(s, "alerts.open") - number(s, "alerts.news");
}

static void show_alerts(const json_t *s)
{
	long long open = alerts(s), news = number(s, "alerts.news");

	if (open)
		printf("%lld alert%s open, %lld grave: mtastsctl alert list\n",
		       open, open == 1 ? "" : "s", number(s, "alerts.grave"));
	if (news)
		printf("%lld piece%s of news: mtastsctl alert list\n", news,
		       news == 1 ? "" : "s");
}

/* Without an account nothing was ever ordered there; why not is a finding. */
static bool has_news(const json_t *ca)
{
	return json_is_true(value_at(ca, "used")) && !*text_at(ca, "problem") &&
	       (!streq(text_at(ca, "account"), "none") ||
		number(ca, "in_flight"));
}

static void show_cas(const json_t *s)
{
	const json_t *list = value_at(s, "cas"), *ca;
	size_t i;

	json_array_foreach(list, i, ca) {
		bool is_none = streq(text_at(ca, "account"), "none");

		if (!has_news(ca))
			continue;
		printf("ca %s: %s%s, %lld orders in flight\n",
		       text_at(ca, "name"),
		       is_none ? "no account yet" : "account ",
		       is_none ? "" : text_at(ca, "account"),
		       number(ca, "in_flight"));
	}
}

static const struct {
	const char *why, *words;
} drops[] = {
	{ "not_ours", "of other domains" },
	{ "no_report", "not readable" },
	{ "over_limit", "too large" },
	{ "too_many", "too many at once" },
	{ "no_room", "without room for them" },
	{ "ahead", "of days to come" },
};

/* Anybody may post what is none: so much is no news by itself. */
static void show_drops(const json_t *s)
{
	const json_t *dropped = value_at(s, "reports.dropped");
	const char *before = "TLS reports not taken so far: ";

	for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
		long long n = number(dropped, drops[i].why);

		if (!n)
			continue;
		printf("%s%lld %s", before, n, drops[i].words);
		before = ", ";
	}
	if (*before == ',')
		putchar('\n');
}

static void show_reports(const json_t *s)
{
	long long kept = number(s, "reports.kept");

	if (kept)
		printf("TLS reports: %lld kept: mtastsctl report summary\n",
		       kept);
	show_drops(s);
}

static void show_zone(const json_t *s)
{
	long long waiting = number(s, "zone.waiting");

	if (!json_is_object(value_at(s, "zone")))
		return;
	printf("zone %s: ", text_at(s, "zone.zone"));
	if (!waiting)
		puts("has all that it needs");
	else
		printf("%lld name%s to be told%s\n", waiting,
		       waiting == 1 ? "" : "s",
		       json_is_true(value_at(s, "zone.frozen"))
			       ? ", not while this box is frozen"
			       : "");
}

/* What is wrong with it stands below, with what needs a hand. */
static void show_backup(const json_t *s, time_t now)
{
	char when[WHEN_TEXT];

	if (!json_is_object(value_at(s, "backup")))
		return;
	printf("backup %s: ", text_at(s, "backup.folder"));
	if (*text_at(s, "backup.newest"))
		printf("%lld kept, the last one of %s\n",
		       number(s, "backup.count"),
		       when_at(s, "backup.newest", now, when));
	else
		puts("none yet");
}

static void show_finding(const char *about, const json_t *f)
{
	char *text = xasprintf("%s%s%s", about, *about ? ": " : "",
			       text_at(f, "text"));

	printf("  %-8s ", text_at(f, "level"));
	screen_wrap(text, 11, screen_columns(stdout), stdout);
	free(text);
	if (*text_at(f, "hint"))
		printf("  %-8s   %s\n", "", text_at(f, "hint"));
}

static void show_findings(const char *about, const json_t *findings)
{
	const json_t *f;
	size_t i;

	json_array_foreach(findings, i, f) {
		show_finding(about, f);
	}
}

#define WAITING_SHOWN                                                          \
	3 /* of those that wait for DNS: after an import, all do */

/* The gravest are first, and who waits is last. How many were left out. */
static long long show_domains_in_need(const json_t *list, bool *wait)
{
	long long waiting = 0;
	const json_t *domain;
	size_t i;

	json_array_foreach(list, i, domain)
	{
		*wait = streq(text_at(domain, "state"), "waiting-for-dns");
		waiting += *wait;
		if (waiting <= WAITING_SHOWN)
			show_findings(text_at(domain, "name"),
				      value_at(domain, "findings"));
	}
	return waiting > WAITING_SHOWN ? waiting - WAITING_SHOWN : 0;
}

static void show_problems(const json_t *s)
{
	const json_t *list = value_at(s, "problems");
	long long more = number(s, "domains.with_problem") -
			 (long long)json_array_size(list);
	bool wait = false;

	if (!json_array_size(list) && !json_array_size(value_at(s, "findings")))
		return;
	puts("\nneeds a hand:");
	show_findings("", value_at(s, "findings"));
	more += show_domains_in_need(list, &wait);
	if (more > 0 && wait)
		printf("  and %lld more that wait%s for DNS: mtastsctl domain "
		       "list --state waiting-for-dns\n",
		       more, more == 1 ? "s" : "");
	else if (more > 0)
		printf("  and %lld more: mtastsctl domain list\n", more);
}

static const struct {
	const char *path, *one, *many;
} progress[] = {
	{ "progress.issuing", "certificate of a new domain is ordered",
	  "certificates of new domains are ordered" },
	{ "progress.fetching",
	  "policy is fetched as senders do, before its record is due",
	  "policies are fetched as senders do, before their records are due" },
	{ "progress.publishing", "name is published in the zone",
	  "names are published in the zone" },
};

/* What the box does by itself. Is there any? */
static bool show_progress(const json_t *s)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(progress); i++) {
		long long n = number(s, progress[i].path);

		if (!n)
			continue;
		if (!any)
			puts("\nin progress, and needs nobody:");
		any = true;
		printf("  %lld %s\n", n,
		       n == 1 ? progress[i].one : progress[i].many);
	}
	return any;
}

static enum exit_code code_of(const json_t *status)
{
	static const struct {
		const char *health;
		enum exit_code code;
	} codes[] = { { "ok", EXIT_FINE },
		      { "warning", EXIT_WARNINGS },
		      { "error", EXIT_ERRORS } };

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (streq(codes[i].health, text_at(status, "health")))
			return codes[i].code;
	return EXIT_ERRORS;
}

static void show(const json_t *s)
{
	time_t now = time(NULL);
	bool is_busy;

	show_box(s, now);
	show_cas(s);
	show_zone(s);
	show_backup(s, now);
	show_reports(s);
	onboarding_show(s, now);
	show_alerts(s);
	show_problems(s);
	is_busy = show_progress(s);
	if (streq(text_at(s, "health"), "ok") && !alerts(s))
		puts(is_busy ? "nothing needs a hand" : "all is well");
}

enum exit_code cmd_status(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *status;

	code = api_do(cli->api, "GET", "/v1/status", NULL, &status, &err);
	if (code != EXIT_FINE) {
		say_failure(NULL, &err);
		return code;
	}
	if (cli->options.json)
		say_json(status);
	else
		show(status);
	code = code_of(status);
	json_decref(status);
	return code;
}
