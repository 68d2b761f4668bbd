/*
 * mtastsctl ca show: all about one CA on one screen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/when.h"
#include "cli/ca_names.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/table.h"

static long long number(const json_t *value, const char *path)
{
	return json_integer_value(value_at(value, path));
}

/* "  label     text", or nothing for no text. */
static void show_line(const char *label, const char *text)
{
	if (*text)
		printf("  %-12s %s\n", label, text);
}

static void show_when(const json_t *ca, const char *label, const char *path,
		      time_t now)
{
	char when[WHEN_TEXT];

	show_line(label, when_at(ca, path, now, when));
}

static void show_account(const json_t *ca, time_t now)
{
	const json_t *account = value_at(ca, "registration");

	show_line("account", text_at(ca, "account"));
	if (!json_is_object(account))
		return;
	show_line("", text_at(account, "url"));
	show_line("contact", text_at(account, "contact"));
	show_when(account, "since", "created", now);
	if (number(account, "superseded"))
		printf("  %-12s %lld earlier accounts or keys are kept\n", "",
		       number(account, "superseded"));
	if (!json_is_object(value_at(account, "rollover")))
		return;
	show_line("rollover", text_at(account, "rollover.state"));
	show_when(account, "", "rollover.next_try", now);
}

static void show_health(const json_t *ca, time_t now)
{
	show_line("problem", text_at(ca, "problem"));
	show_line("", text_at(ca, "hint"));
	show_when(ca, "down since", "down_since", now);
	show_when(ca, "next try", "next_try", now);
	if (number(ca, "failures"))
		printf("  %-12s %lld in a row\n", "failures",
		       number(ca, "failures"));
}

/* Those that wait for DNS may come at any time. */
static void show_onboarding(const json_t *ca, time_t now)
{
	long long ready = number(ca, "onboarding.waiting");
	long long later = number(ca, "onboarding.waiting_for_dns");
	char when[WHEN_TEXT];

	if (ready)
		printf("  %-12s %lld wait for their first certificate; the "
		       "last "
		       "is ordered by %s\n",
		       "onboarding", ready,
		       when_at(ca, "onboarding.last_ordered", now, when));
	if (later)
		printf("  %-12s %lld wait for DNS; if all came now, the last "
		       "would be ordered by %s\n",
		       ready ? "" : "onboarding", later,
		       when_at(ca, "onboarding.last_if_all_came_now", now,
			       when));
}

static void show_work(const json_t *ca, time_t now)
{
	char when[WHEN_TEXT];

	printf("  %-12s %lld live (%lld with a request under way), %lld done, "
	       "%lld dead, of those that are kept\n", "orders",
	       number(ca, "orders.live"), number(ca, "in_flight"),
	       number(ca, "orders.done"), number(ca, "orders.dead"));
	printf("  %-12s %s\n", "issued last",
	       *when_at(ca, "canary.proven", now, when) ? when : "never");
	show_when(ca, "next trial", "canary.next", now);
	show_onboarding(ca, now);
}

/* ---- limits ---- */

static void limit_row(const json_t *limit, struct table *t, time_t now)
{
	char left[32] = "per name", of[96], period[DURATION_TEXT];
	char next[WHEN_TEXT], full[WHEN_TEXT];

	if (json_is_integer(value_at(limit, "left")))
		snprintf(left, sizeof(left), "%lld", number(limit, "left"));
	snprintf(of, sizeof(of), "%lld in %s", number(limit, "burst"),
		 duration_rough((long)number(limit, "period"), period));
	table_row(t, (const char *const[]){
			     text_at(limit, "limit"), left, of,
			     when_at(limit, "next", now, next),
			     when_at(limit, "full", now, full) });
}

static void show_limits(const json_t *ca, time_t now)
{
	static const char *const header[] = { "LIMIT", "LEFT", "OF",
					      "NEXT AT", "FULL AT" };
	const json_t *list = value_at(ca, "limits"), *limit;
	struct table t;
	size_t i;

	if (!json_array_size(list))
		return;
	putchar('\n');
	table_init(&t, header, ARRAY_LEN(header));
	json_array_foreach(list, i, limit) {
		limit_row(limit, &t, now);
	}
	table_print(&t, stdout);
	table_release(&t);
}

/* ---- all of it ---- */

static void show(const json_t *ca)
{
	static bool is_next;
	time_t now = time(NULL);

	printf("%s%s\n", is_next ? "\n" : "", text_at(ca, "name"));
	is_next = true;
	show_line("directory", text_at(ca, "directory"));
	show_line("role", json_is_true(value_at(ca, "used"))
				  ? "new orders go here" : "in reserve");
	show_line("profile", text_at(ca, "profile"));
	show_line("binding", text_at(ca, "eab_kid"));
	show_account(ca, now);
	show_health(ca, now);
	show_work(ca, now);
	show_limits(ca, now);
}

static enum exit_code show_one(struct cli *cli, const char *name,
			       struct err *err)
{
	char *path = api_ca_path(name, "");
	enum exit_code code;
	json_t *answer;

	code = api_do(cli->api, "GET", path, NULL, &answer, err);
	free(path);
	if (code != EXIT_FINE)
		return code;
	if (cli->options.json)
		say_json(answer);
	else
		show(answer);
	json_decref(answer);
	return code;
}

enum exit_code cmd_ca_show(struct cli *cli)
{
	return ca_names_each(cli, show_one);
}
