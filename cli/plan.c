#include "cli/plan.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
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

/* ---- what the CA that new domains go to lets through ---- */

struct pace {
	long a_day;
	int64_t per_domain; /* tokens of a registered domain; 0: no limit */
	int64_t period_ms;  /* in which so many come back */
	time_t last;	    /* by the box's own reckoning, of all; or 0 */
};

static void add_limit(struct pace *p, const json_t *limit)
{
	json_int_t burst = json_integer_value(value_at(limit, "burst"));
	json_int_t period = json_integer_value(value_at(limit, "period"));
	const char *kind = text_at(limit, "limit");

	if (burst <= 0 || period <= 0)
		return;
	if (streq(kind, "new-orders"))
		p->a_day = (long)((double)burst * WHEN_DAY / (double)period);
	else if (streq(kind, "per-domain")) {
		p->per_domain = burst;
		p->period_ms = period * 1000;
	}
}

static void add_ca(struct pace *p, const json_t *ca)
{
	const json_t *one;
	size_t i;

	json_array_foreach(value_at(ca, "limits"), i, one)
	{
		add_limit(p, one);
	}
	instant_parse(text_at(ca, "onboarding.last_if_all_came_now"), &p->last);
}

static struct pace pace_of(struct cli *cli)
{
	json_t *cas = NULL, *ca = NULL;
	struct pace p = { .a_day = 0 };
	const json_t *one;
	struct err ignored = ERR_INIT;
	char *path = NULL;
	size_t i;

	api_do(cli->api, "GET", "/v1/cas", NULL, &cas, &ignored);
	json_array_foreach(value_at(cas, "cas"), i, one)
	{
		if (!path && json_is_true(value_at(one, "used")))
			path = api_ca_path(text_at(one, "name"), "");
	}
	if (path &&
	    api_do(cli->api, "GET", path, NULL, &ca, &ignored) == EXIT_FINE)
		add_ca(&p, ca);
	free(path);
	json_decref(cas);
	json_decref(ca);
	return p;
}

/* ---- which day ---- */

struct due {
	const char *name, *registered;
	size_t day;
};

/*
 * The first day with room for one more. Days before `open` are full: those of
 * a registered domain come in order, so nothing is looked at twice for long.
 */
struct calendar {
	long *used;
	size_t count, open;
	long a_day;
};

static size_t take_day(struct calendar *c, size_t from)
{
	size_t day = from > c->open ? from : c->open;

	while (day < c->count && c->used[day] >= c->a_day)
		day++;
	if (day >= c->count) {
		c->used = xrealloc_array(c->used, day + 1, sizeof(*c->used));
		memset(c->used + c->count, 0,
		       (day + 1 - c->count) * sizeof(*c->used));
		c->count = day + 1;
	}
	c->used[day]++;
	while (c->open < c->count && c->used[c->open] >= c->a_day)
		c->open++;
	return day;
}

#define DAY_MS ((int64_t)WHEN_DAY * 1000)

/*
 * Those of one registered domain. `full` is when its bucket is full again: as
 * long before that as all but one of its tokens take, one is there.
 */
static void plan_group(struct calendar *c, struct due *due, size_t count,
		       const struct pace *p)
{
	int64_t each = p->per_domain ? p->period_ms / p->per_domain : 0;
	int64_t full = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t ready = full - (p->per_domain - 1) * each;
		int64_t at;

		due[i].day = take_day(
			c, each && ready > 0
				   ? (size_t)((ready + DAY_MS - 1) / DAY_MS)
				   : 0);
		at = (int64_t)due[i].day * DAY_MS;
		full = (full > at ? full : at) + each;
	}
}

static int by_registered(const void *a, const void *b)
{
	const struct due *x = a, *y = b;
	int order = strcmp(x->registered, y->registered);

	return order ? order : strcmp(x->name, y->name);
}

static int by_day(const void *a, const void *b)
{
	const struct due *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t same_from(const struct due *due, size_t count, size_t first)
{
	size_t end = first + 1;

	while (end < count && streq(due[end].registered, due[first].registered))
		end++;
	return end - first;
}

static void slower(const struct due *due, size_t count, const struct pace *p)
{
	if (p->per_domain && count > (size_t)p->per_domain)
		fprintf(stderr,
			"mtastsctl: %zu are under %s, of which the authority "
			"certifies %lld in %.1f days: the plan is for that\n",
			count, due->registered, (long long)p->per_domain,
			(double)p->period_ms / (double)DAY_MS);
}

static struct due *plan_days(const json_t *domains, size_t count,
			     const struct pace *p)
{
	struct due *due = xcalloc(count + 1, sizeof(*due));
	struct calendar c = { .a_day = p->a_day };

	for (size_t i = 0; i < count; i++) {
		const json_t *d = json_array_get(domains, i);

		due[i].name = text_at(d, "name");
		due[i].registered = text_at(d, "registered");
	}
	qsort(due, count, sizeof(*due), by_registered);
	for (size_t i = 0, n; i < count; i += n) {
		n = same_from(due, count, i);
		slower(due + i, n, p);
		plan_group(&c, due + i, n, p);
	}
	qsort(due, count, sizeof(*due), by_day);
	free(c.used);
	return due;
}

/* ---- the waves ---- */

static void date_of(time_t at, char out[static DATE_TEXT])
{
	char text[INSTANT_TEXT];

	instant_format(at, text);
	snprintf(out, DATE_TEXT, "%.10s", text);
}

/* All of one day. */
static json_t *wave_of(const struct due *due, size_t count, time_t now,
		       size_t *at)
{
	json_t *names = json_array();
	size_t day = due[*at].day;
	char date[DATE_TEXT];

	for (; *at < count && due[*at].day == day; ++*at)
		json_array_append_new(names, json_string(due[*at].name));
	date_of(now + (time_t)day * WHEN_DAY, date);
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

static void print_waves(const struct cli *cli, const json_t *waves, long a_day)
{
	const json_t *wave;
	json_t *document;
	size_t i;

	if (cli->options.json) {
		document = json_pack("{s:I, s:O}", "a_day", (json_int_t)a_day,
				     "waves", waves);
		say_json(document);
		json_decref(document);
		return;
	}
	json_array_foreach(waves, i, wave)
	{
		print_wave(wave, i + 1);
	}
}

/* It knows what is ordered already; of all that wait, not of a label's. */
static void say_later(const struct cli *cli, const struct pace *p, time_t end)
{
	char date[DATE_TEXT];

	if (cli->options.label || p->last <= end + WHEN_DAY)
		return;
	date_of(p->last, date);
	fprintf(stderr,
		"mtastsctl: with what is ordered already, the last is not "
		"certified before %s\n",
		date);
}

enum exit_code plan_print(struct cli *cli, const json_t *domains, long a_day)
{
	size_t count = json_array_size(domains), at = 0;
	struct pace p = pace_of(cli);
	json_t *waves = json_array();
	time_t now = time(NULL);
	struct due *due;

	if (p.a_day && a_day > p.a_day)
		fprintf(stderr,
			"mtastsctl: the authority lets %ld new orders "
			"through in a day: the plan is for that\n",
			p.a_day);
	if (!p.a_day || a_day < p.a_day)
		p.a_day = a_day;
	due = plan_days(domains, count, &p);
	while (at < count)
		json_array_append_new(waves, wave_of(due, count, now, &at));
	print_waves(cli, waves, p.a_day);
	if (count)
		say_later(cli, &p, now + (time_t)due[count - 1].day * WHEN_DAY);
	free(due);
	json_decref(waves);
	return EXIT_FINE;
}
