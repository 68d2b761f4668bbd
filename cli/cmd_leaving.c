/*
 * mtastsctl domain remove and handover: a domain's way out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/str.h"
#include "base/when.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/policy_say.h"
#include "cli/say.h"
#include "cli/targets.h"

/* In days or hours, rounded up. */
static const char *at_most(long seconds, char out[static DURATION_TEXT])
{
	long unit = seconds > WHEN_DAY ? WHEN_DAY : WHEN_HOUR;

	return duration_format((seconds + unit - 1) / unit * unit, out);
}

/* By name, as far as TLS reports tell; a sender need not report. */
static void say_reporters(const json_t *answer)
{
	long long more = json_integer_value(
		value_at(answer, "enforced_by.more"));
	char *names = joined_at(answer, "enforced_by.reporters", ", ");
	const char *name = text_at(answer, "name");

	if (!*names) {
		printf("%s: no TLS report of the last 30 days says who they "
		       "are\n",
		       name);
	} else {
		printf("%s: by TLS reports of the last 30 days they are, among "
		       "others, %s",
		       name, names);
		if (more)
			printf(" and %lld more", more);
		putchar('\n');
	}
	free(names);
}

/* They hold what they have fetched, whether it is still served or not. */
static void say_holders(const json_t *answer)
{
	long left = (long)json_integer_value(value_at(answer, "enforced_for"));
	const char *name = text_at(answer, "name");
	char text[DURATION_TEXT];

	if (!left)
		return;
	printf("%s: senders go on refusing other hosts for up to %s: see "
	       "\"Taking a domain away\" in mtastsctl(1)\n",
	       name, at_most(left, text));
	say_reporters(answer);
}

static void say_next(const json_t *answer)
{
	const json_t *d = value_at(answer, "domain");
	const char *name = text_at(answer, "name");
	char when[WHEN_TEXT];

	if (json_is_true(value_at(d, "leaving.waits_for_txt")))
		policy_say_record(d);
	if (json_is_true(value_at(d, "leaving.waits_for_host")))
		printf("%s: now lead mta-sts.%s here, or take it out of DNS: "
		       "until then another host may serve its policy\n",
		       name, name);
	if (json_is_true(value_at(d, "leaving.waits_for_dns")))
		printf("%s: now lead mta-sts.%s to the other host%s\n", name,
		       name,
		       json_is_object(value_at(d, "publication"))
			       ? ", and publish what it says of _mta-sts and "
				 "_smtp._tls in place of the CNAMEs"
			       : "");
	if (*text_at(d, "leaving.done"))
		printf(streq(text_at(d, "state"), "removing")
			       ? "%s: its records may go at %s\n"
			       : "%s: it is gone from this box at %s\n", name,
		       when_at(d, "leaving.done", time(NULL), when));
	else
		printf("%s: mtastsctl domain show %s says when it is over\n",
		       name, name);
	policy_say_foreign(d);
}

static void say_leaving(const json_t *answer)
{
	const char *name = text_at(answer, "name");

	if (!json_is_object(value_at(answer, "domain"))) {
		printf("%s: removed; what of mta-sts, _mta-sts and _smtp._tls "
		       "was published for this box may go out of DNS\n",
		       name);
		return;
	}
	printf("%s: %s%s\n", name,
	       json_is_true(value_at(answer, "changed")) ? "" : "already ",
	       text_at(answer, "domain.state"));
	say_next(answer);
}

static enum exit_code leave(struct cli *cli, const char *method, char *path,
			    json_t *body, struct err *err)
{
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, method, path, body, &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_leaving(answer);
	if (code == EXIT_FINE && !cli->options.json)
		say_holders(answer);
	json_decref(answer);
	return code;
}

static enum exit_code remove_it(struct cli *cli, const char *name,
				struct err *err)
{
	json_t *body = change_body(cli);

	if (cli->options.now)
		json_object_set_new(body, "now", json_true());
	return leave(cli, "DELETE", api_domain_path(name, ""), body, err);
}

enum exit_code cmd_domain_remove(struct cli *cli)
{
	return targets_each(cli, remove_it);
}

static enum exit_code hand_over(struct cli *cli, const char *name,
				struct err *err)
{
	return leave(cli, "POST", api_domain_path(name, "/handover"),
		     change_body(cli), err);
}

enum exit_code cmd_domain_handover(struct cli *cli)
{
	return targets_each(cli, hand_over);
}
