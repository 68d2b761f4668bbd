#include "cli/onboarding.h"

#include <stdio.h>

#include "cli/say.h"

#define SOON 60 /* seconds: not worth a word */

static long long number(const json_t *value, const char *path)
{
	return json_integer_value(value_at(value, path));
}

void onboarding_show(const json_t *status, time_t now)
{
	const json_t *o = value_at(status, "onboarding");
	long long ready = number(o, "waiting");
	long long all = ready + number(o, "waiting_for_dns");
	char last[WHEN_TEXT];

	if (ready && age_at(o, "last_ordered", now) < -SOON)
		printf("onboarding: %lld may be ordered; by the limit of %s "
		       "the last is live at %s\n",
		       ready, text_at(o, "ca"),
		       when_at(o, "last_ordered", now, last));
	if (all > ready && age_at(o, "last_if_all_came_now", now) < -SOON)
		printf("onboarding: %lld with those that wait for DNS; by the "
		       "limit of %s the last is live not before %s\n",
		       all, text_at(o, "ca"),
		       when_at(o, "last_if_all_came_now", now, last));
}

void onboarding_say(struct cli *cli)
{
	struct err err = ERR_INIT;
	json_t *status;

	if (api_do(cli->api, "GET", "/v1/status", NULL, &status, &err) !=
	    EXIT_FINE)
		return;
	onboarding_show(status, time(NULL));
	json_decref(status);
}
