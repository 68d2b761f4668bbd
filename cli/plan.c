#include "cli/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/when.h"
#include "cli/say.h"

#define DATE_TEXT sizeof("2026-11-28")

/* "300/day", or "300". */
bool plan_parse(const char *text, long *a_day, struct err *err)
{
	size_t len = strcspn(text, "/");

	if (str_to_long(text, len, 1000000, a_day) && *a_day > 0 &&
	    (!text[len] || streq(text + len, "/day")))
		return true;
	err_set(err, ERR_INPUT, "--plan: \"%.40s\" is no number of names a day",
		text);
	return err_hint(err, "write it as 300/day");
}

/* What the CA that new domains go to lets through in a day; 0: no limit. */
static long most_a_day(const json_t *cas)
{
	const json_t *list = value_at(cas, "limits"), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		long burst = (long)json_integer_value(value_at(one, "burst"));
		long period = (long)json_integer_value(value_at(one, "period"));

		if (streq(text_at(one, "limit"), "new-orders") && burst &&
		    period)
			return (long)((double)burst * WHEN_DAY / (double)period);
	}
	return 0;
}

static long limit_of(struct cli *cli)
{
	json_t *cas = NULL, *ca = NULL;
	const json_t *one;
	struct err ignored = ERR_INIT;
	char *path = NULL;
	size_t i;
	long most = 0;

	api_do(cli->api, "GET", "/v1/cas", NULL, &cas, &ignored);
	json_array_foreach(value_at(cas, "cas"), i, one)
	{
		if (!path && json_is_true(value_at(one, "used")))
			path = api_ca_path(text_at(one, "name"), "");
	}
	if (path &&
	    api_do(cli->api, "GET", path, NULL, &ca, &ignored) == EXIT_FINE)
		most = most_a_day(ca);
	free(path);
	json_decref(cas);
	json_decref(ca);
	return most;
}

static void date_of(time_t at, char out[static DATE_TEXT])
{
	char text[INSTANT_TEXT];

	instant_format(at, text);
	snprintf(out, DATE_TEXT, "%.10s", text);
}

static json_t *wave_of(const json_t *domains, size_t from, size_t count,
		       const char *date)
{
	json_t *names = json_array();

	for (size_t i = from; i < from + count; i++)
		json_array_append_new(
			names, json_string(text_at(json_array_get(domains, i),
						   "name")));
	return json_pack("{s:s, s:o}", "date", date, "names", names);
}

static void print_wave(const json_t *wave, size_t number)
{
	const json_t *name;
	size_t i;

	printf("# wave %zu, %s: %zu\n", number, text_at(wave, "date"),
	       json_array_size(value_at(wave, "names")));
	json_array_foreach(value_at(wave, "names"), i, name)
	{
		printf("%s\n", json_string_value(name));
	}
}

enum exit_code plan_print(struct cli *cli, const json_t *domains, long a_day)
{
	size_t count = json_array_size(domains), at = 0, n = 0;
	json_t *waves = json_array();
	long most = limit_of(cli);
	time_t day = time(NULL);
	char date[DATE_TEXT];

	if (most && a_day > most) {
		fprintf(stderr, "mtastsctl: the authority lets %ld new orders "
				"through in a day: the plan is for that\n",
			most);
		a_day = most;
	}
	for (; at < count; at += (size_t)a_day, day += WHEN_DAY) {
		size_t left = count - at;
		json_t *wave;

		date_of(day, date);
		wave = wave_of(domains, at,
			       left < (size_t)a_day ? left : (size_t)a_day,
			       date);
		if (!cli->options.json)
			print_wave(wave, ++n);
		json_array_append_new(waves, wave);
	}
	if (cli->options.json) {
		json_t *document = json_pack("{s:I, s:O}", "a_day",
					     (json_int_t)a_day, "waves", waves);

		say_json(document);
		json_decref(document);
	}
	json_decref(waves);
	return EXIT_FINE;
}
