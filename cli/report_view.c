#include "cli/report_view.h"

#include <string.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/csv.h"
#include "cli/say.h"
#include "cli/screen.h"
#include "cli/table.h"

#define DAYS_MAX  70 /* lines of days; more of them are shown by the week */
#define BAR_WIDTH 40 /* at most; the terminal may have less, ... */
#define BAR_LEAST 10 /* ... but not less than this */
#define BESIDES	  16 /* columns of a line: the day, and what is between */
#define NUMBER	  24
#define BAR_WORDS 80
#define DAY_TEXT  10 /* "2026-11-28" */
#define TELLERS_TEXT 2048

static long long number_at(const json_t *value, const char *path)
{
	return json_integer_value(value_at(value, path));
}

static const char *number_text(long long n, char out[static NUMBER])
{
	snprintf(out, NUMBER, "%lld", n);
	return out;
}

/* Of all sessions, as "0.12 %"; a few of very many are not none. */
static const char *share_text(long long part, long long whole,
			      char out[static NUMBER])
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0.0;

	if (!part)
		snprintf(out, NUMBER, "-");
	else if (percent < 0.01)
		snprintf(out, NUMBER, "<0.01 %%");
	else
		snprintf(out, NUMBER, "%.2f %%", percent);
	return out;
}

static long long all_sessions(const json_t *v)
{
	return number_at(v, "successful") + number_at(v, "failed");
}

/* "2026-11-28" of an instant. */
static int day_width(const char *instant)
{
	size_t len = strcspn(instant, "T");

	return len < 10 ? (int)len : 10;
}

/* `before` and the text, in lines that fit, all as far in as the text. */
static void print_prose(const char *before, const char *text, FILE *to)
{
	fputs(before, to);
	screen_wrap(text, screen_width(before), screen_columns(to), to);
}

/* ---- days ---- */

struct bars {
	FILE *to;
	int width;	/* of the longest */
	size_t words;	/* ... and of the widest text behind a bar */
	long long most; /* sessions of the longest */
	char first[16]; /* day that the line begins with */
	long long good, bad;
	size_t days; /* on the line */
	time_t last; /* day that was looked at */
	long gap;    /* days without reports before the line, ... */
	long least;  /* ... told if they are so many */
};

/* At least one mark for what there is at all. */
static int marks(const struct bars *b, long long part)
{
	int n = b->most ? (int)((double)part * b->width / (double)b->most) : 0;

	return part && !n ? 1 : n;
}

static void repeat(FILE *to, char c, int times)
{
	while (times-- > 0)
		fputc(c, to);
}

/* What stands behind it. */
static void bar_words(const struct bars *b, char out[static BAR_WORDS])
{
	char share[NUMBER];

	if (b->bad)
		snprintf(out, BAR_WORDS, "%lld, %lld failed (%s)",
			 b->good + b->bad, b->bad,
			 share_text(b->bad, b->good + b->bad, share));
	else
		snprintf(out, BAR_WORDS, "%lld", b->good + b->bad);
}

/* That nothing came is what one would not see. */
static void draw_gap(const struct bars *b, long days)
{
	if (days >= b->least)
		fprintf(b->to, "  ...         no reports for %ld day%s\n", days,
			days == 1 ? "" : "s");
}

static void draw_bar(struct bars *b)
{
	int bad = marks(b, b->bad), good = marks(b, b->good);
	char words[BAR_WORDS];

	draw_gap(b, b->gap);
	fprintf(b->to, "  %s  ", b->first);
	repeat(b->to, '#', good);
	repeat(b->to, 'x', bad);
	repeat(b->to, ' ', b->width + 2 - good - bad);
	bar_words(b, words);
	fprintf(b->to, "%s\n", words);
}

static void measure_bar(struct bars *b)
{
	char words[BAR_WORDS];

	bar_words(b, words);
	if (strlen(words) > b->words)
		b->words = strlen(words);
	if (b->good + b->bad > b->most)
		b->most = b->good + b->bad;
}

/* After all were measured. */
static void fit_bars(struct bars *b)
{
	size_t columns = screen_columns(b->to), taken = BESIDES + b->words;

	b->width = BAR_WIDTH;
	if (columns && columns < taken + BAR_WIDTH)
		b->width = columns < taken + BAR_LEAST ? BAR_LEAST
						       : (int)(columns - taken);
}

typedef void bar_done(struct bars *b);

static time_t day_at(const char *day)
{
	char instant[INSTANT_TEXT];
	time_t at = 0;

	snprintf(instant, sizeof(instant), "%.10sT00:00:00Z", day);
	instant_parse(instant, &at);
	return at;
}

static bool is_of_line(const struct bars *b, const char *day, long span)
{
	return b->days && day_at(day) - day_at(b->first) < span;
}

static void begin_line(struct bars *b, const char *day)
{
	b->good = b->bad = 0;
	b->days = 0;
	b->gap = b->last ? (day_at(day) - b->last) / WHEN_DAY - 1 : 0;
	str_copy(b->first, sizeof(b->first), day);
}

/* `done` gets each line: of a day, or of so many that it spans. */
static void each_bar(struct bars *b, const json_t *days, long span,
		     bar_done *done)
{
	const json_t *day;
	size_t i;

	b->days = 0;
	b->last = 0;
	json_array_foreach(days, i, day)
	{
		const char *name = text_at(day, "day");

		if (!is_of_line(b, name, span)) {
			if (b->days)
				done(b);
			begin_line(b, name);
		}
		b->good += number_at(day, "successful");
		b->bad += number_at(day, "failed");
		b->days++;
		b->last = day_at(name);
	}
	if (b->days)
		done(b);
}

/* Up to yesterday's, which may come today. */
static void draw_last_gap(const struct bars *b, const char *until)
{
	draw_gap(b, (day_at(until) - b->last) / WHEN_DAY - 2);
}

static void print_days(const json_t *answer, FILE *to)
{
	const json_t *days = value_at(answer, "days");
	bool by_week = json_array_size(days) > DAYS_MAX;
	long span = by_week ? 7 * WHEN_DAY : WHEN_DAY;
	struct bars b = { .to = to, .least = span / WHEN_DAY };

	if (!json_array_size(days))
		return;
	fprintf(to, "\nSessions by %s (# fine, x failed)\n",
		by_week ? "week" : "day");
	each_bar(&b, days, span, measure_bar);
	fit_bars(&b);
	each_bar(&b, days, span, draw_bar);
	draw_last_gap(&b, text_at(answer, "until"));
}

/* ---- tables ---- */

/* A list of the answer, and how its rows become those of a table. */
struct listing {
	const char *key;
	const char *header[TABLE_COLUMNS];
	unsigned numbers; /* bits of TABLE_COLUMN */
	void (*add)(struct table *t, const json_t *answer, const json_t *row);
};

static const char *named(const json_t *row, const char *key)
{
	const char *name = text_at(row, key);

	return *name ? name : "(no name)";
}

/* The cells of what was counted, behind the name of it. */
static void add_counts(struct table *t, const char *name, const json_t *row)
{
	char reports[NUMBER], sessions[NUMBER], failed[NUMBER], share[NUMBER];
	const char *last = text_at(row, "last");
	char day[16];

	snprintf(day, sizeof(day), "%.*s", day_width(last), last);
	table_row(t,
		  (const char *const[]){
			  name, number_text(number_at(row, "reports"), reports),
			  number_text(all_sessions(row), sessions),
			  number_text(number_at(row, "failed"), failed),
			  share_text(number_at(row, "failed"),
				     all_sessions(row), share),
			  day });
}

static void add_reporter(struct table *t, const json_t *answer,
			 const json_t *row)
{
	(void)answer;
	add_counts(t, named(row, "reporter"), row);
}

static void add_domain(struct table *t, const json_t *answer, const json_t *row)
{
	(void)answer;
	add_counts(t, text_at(row, "name"), row);
}

static const struct {
	const char *kind, *words;
} standings[] = {
	{ "no-sts", "none by MTA-STS" },
	{ "untold", "MTA-STS, policy not said" },
	{ "current", "the one of that day" },
	{ "old", "one that had been replaced" },
	{ "foreign", "one never published here" },
};

/* "5 (enforce, now)", or how it stands to ours. */
static char *version_name(const json_t *row)
{
	const char *kind = text_at(row, "kind");

	for (size_t i = 0; i < ARRAY_LEN(standings); i++)
		if (streq(standings[i].kind, kind))
			return xstrdup(standings[i].words);
	return xasprintf(
		"%lld (%s%s)", number_at(row, "version"), text_at(row, "mode"),
		json_is_true(value_at(row, "is_current")) ? ", now" : "");
}

static void add_version(struct table *t, const json_t *answer,
			const json_t *row)
{
	char *name = version_name(row);

	(void)answer;
	add_counts(t, name, row);
	free(name);
}

/*
 * Only who lags behind is news: of a day before there was a newer one, or of
 * the same, nobody does.
 */
static bool is_held_late(const json_t *answer, const json_t *row)
{
	const char *since = text_at(answer, "current_since");
	const json_t *v;
	size_t i;

	if (strncmp(text_at(row, "last"), since, DAY_TEXT) <= 0)
		return false;
	json_array_foreach(value_at(answer, "versions"), i, v)
	{
		if (streq(text_at(v, "kind"), "ours") &&
		    number_at(v, "version") == number_at(row, "version"))
			return !json_is_true(value_at(v, "is_current"));
	}
	return true;
}

static void add_holder(struct table *t, const json_t *answer, const json_t *row)
{
	char version[NUMBER], first[16], last[16];

	if (!is_held_late(answer, row))
		return;
	snprintf(first, sizeof(first), "%.10s", text_at(row, "first"));
	snprintf(last, sizeof(last), "%.10s", text_at(row, "last"));
	table_row(t, (const char *const[]){
			     named(row, "reporter"),
			     number_text(number_at(row, "version"), version),
			     first, last });
}

/*
 * A number of failures, where many reporters have none. Details may tell of one
 * session more than once, so their sum is no number of sessions.
 */
static const char *told_text(const json_t *row, const char *key,
			     char text[static NUMBER])
{
	return json_is_integer(value_at(row, key))
		       ? number_text(number_at(row, key), text)
		       : "(not told)";
}

static void add_host(struct table *t, const json_t *answer, const json_t *row)
{
	const char *host = text_at(row, "mx");
	char failed[NUMBER];

	(void)answer;
	table_row(t, (const char *const[]){ *host ? host : "(not told)",
					    told_text(row, "failed", failed) });
}

#define COUNTED /* of add_counts() */                                          \
	(TABLE_COLUMN(1) | TABLE_COLUMN(2) | TABLE_COLUMN(3) | TABLE_COLUMN(4))

/* In the order in which they are shown. */
static const struct listing listings[] = {
	{ "domains",
	  { "DOMAIN", "REPORTS", "SESSIONS", "FAILED", "SHARE", "LAST" },
	  COUNTED,
	  add_domain },
	{ "reporters",
	  { "REPORTER", "REPORTS", "SESSIONS", "FAILED", "SHARE", "LAST" },
	  COUNTED,
	  add_reporter },
	{ "versions",
	  { "POLICY VERSION", "REPORTS", "SESSIONS", "FAILED", "SHARE",
	    "LAST" },
	  COUNTED,
	  add_version },
	{ "holders",
	  { "STILL HELD AN OLDER VERSION", "VERSION", "FROM", "TO" },
	  TABLE_COLUMN(1),
	  add_holder },
	{ "hosts",
	  { "MAIL HOST", "TOLD IN DETAILS" },
	  TABLE_COLUMN(1),
	  add_host },
};

static size_t columns_of(const struct listing *l)
{
	size_t n = 0;

	while (n < TABLE_COLUMNS && l->header[n])
		n++;
	return n;
}

static void print_more(const json_t *answer, const char *key, FILE *to)
{
	char path[32];
	long long n;

	snprintf(path, sizeof(path), "more.%s", key);
	n = number_at(answer, path);
	if (n > 0)
		fprintf(to, "  ... and %lld more\n", n);
}

static void print_listing(const json_t *answer, const struct listing *l,
			  FILE *to)
{
	const json_t *row;
	struct table t;
	size_t i;

	table_init(&t, l->header, columns_of(l));
	t.shrinks = TABLE_COLUMN(0);
	t.numbers = l->numbers;
	json_array_foreach(value_at(answer, l->key), i, row)
	{
		l->add(&t, answer, row);
	}
	if (t.cells.count) {
		fputc('\n', to);
		table_print(&t, to);
		print_more(answer, l->key, to);
	}
	table_release(&t);
}

/* "from 2026-11-03 to 2026-11-27" */
static void add_span(struct buf *words, const json_t *row)
{
	const char *first = text_at(row, "first"), *last = text_at(row, "last");

	if (!*first || !*last)
		return;
	if (strncmp(first, last, DAY_TEXT) == 0)
		buf_printf(words, "on %.*s", day_width(first), first);
	else
		buf_printf(words, "from %.*s to %.*s", day_width(first), first,
			   day_width(last), last);
}

static void add_tellers(struct buf *words, const json_t *row)
{
	long long more = number_at(row, "more_reporters");
	const char *between = words->len ? ", by " : "by ";
	const json_t *r;
	size_t i;

	json_array_foreach(value_at(row, "reporters"), i, r)
	{
		char sessions[NUMBER];

		buf_printf(words, "%s%s: %s", between, named(r, "reporter"),
			   told_text(r, "sessions", sessions));
		between = "; ";
	}
	if (more > 0)
		buf_printf(words, "; and %lld more", more);
}

static void print_who_and_when(const json_t *row, FILE *to)
{
	struct buf words;

	buf_init(&words, TELLERS_TEXT);
	add_span(&words, row);
	add_tellers(&words, row);
	if (words.len)
		print_prose("      told ", words.data, to);
	buf_release(&words);
}

/* What it means stands with each, for few know these names by heart. */
static void print_results(const json_t *answer, FILE *to)
{
	const json_t *list = value_at(answer, "results"), *row;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs("\nWhat failed, as senders tell it\n", to);
	json_array_foreach(list, i, row)
	{
		long long reports = number_at(row, "reports");
		char sessions[NUMBER];

		fprintf(to, "  %s: %s in %lld %s\n", text_at(row, "result"),
			told_text(row, "sessions", sessions), reports,
			reports == 1 ? "report" : "reports");
		print_who_and_when(row, to);
		print_prose("      ", text_at(row, "meaning"), to);
		print_prose("      -> ", text_at(row, "todo"), to);
	}
	print_more(answer, "results", to);
}

/* ---- the whole ---- */

static void print_totals(const json_t *answer, FILE *to)
{
	const char *name = text_at(answer, "name");
	const char *since = text_at(answer, "since");
	const char *until = text_at(answer, "until");
	long long failed = number_at(answer, "failed");
	long long reports = number_at(answer, "reports");
	char share[NUMBER];

	fprintf(to, "%s: TLS reports of %.*s to %.*s\n",
		*name ? name : "all domains", day_width(since), since,
		day_width(until), until);
	fprintf(to, "%lld sessions in %lld %s, ", all_sessions(answer), reports,
		reports == 1 ? "report" : "reports");
	if (failed)
		fprintf(to, "%lld failed (%s)\n", failed,
			share_text(failed, all_sessions(answer), share));
	else if (json_array_size(value_at(answer, "results")))
		fprintf(to, "how many failed is not told\n");
	else
		fprintf(to, "none failed\n");
}

/* From the first day on: nothing has ever shown that the way is open. */
static void print_unheard(const char *name, const char *asked, FILE *to)
{
	fprintf(to,
		"  DNS has asked for them here since %.*s at least, and none "
		"ever came\n"
		"  see that mail to its mailto: address gets here: mtastsctl "
		"domain check %s\n",
		day_width(asked), asked, name);
}

static void print_none(const json_t *answer, FILE *to)
{
	const char *name = text_at(answer, "name");
	const char *since = text_at(answer, "since");
	const char *asked = text_at(answer, "unheard_since");

	fprintf(to, "%s: no TLS reports of the days since %.*s\n",
		*name ? name : "all domains", day_width(since), since);
	if (*asked) {
		print_unheard(name, asked, to);
		return;
	}
	fprintf(to,
		"  whether senders are asked for them: mtastsctl domain "
		"records %s\n",
		*name ? name : "NAME");
	fputs("  they come a day late, and small senders write none\n", to);
}

/* Reports are one reason for it or against it. */
static void print_next(const json_t *answer, FILE *to)
{
	if (streq(text_at(answer, "mode"), "testing"))
		fprintf(to,
			"\nIn mode testing; whether it is safe to enforce:\n"
			"  mtastsctl policy readiness %s\n",
			text_at(answer, "name"));
}

static void print_what_came(const json_t *answer, FILE *to)
{
	print_totals(answer, to);
	print_days(answer, to);
	for (size_t i = 0; i < ARRAY_LEN(listings); i++)
		print_listing(answer, &listings[i], to);
	print_results(answer, to);
}

void report_view_summary(const json_t *answer, FILE *to)
{
	if (number_at(answer, "reports"))
		print_what_came(answer, to);
	else
		print_none(answer, to);
	print_next(answer, to);
}

/* ---- CSV ---- */

static void put_text(const char *text, FILE *to)
{
	char *cell = csv_safe(text);

	fputs(cell, to);
	free(cell);
}

static void put_number(const json_t *row, const char *key, FILE *to)
{
	const json_t *n = value_at(row, key);

	fputc(',', to);
	if (json_is_integer(n))
		fprintf(to, "%lld", json_integer_value(n));
}

static void csv_row(const char *section, const char *name, const json_t *row,
		    FILE *to)
{
	const bool has_sessions = json_is_integer(value_at(row, "sessions"));

	fprintf(to, "%s,", section);
	put_text(name, to);
	put_number(row, "reports", to);
	put_number(row, "successful", to);
	put_number(row, has_sessions ? "sessions" : "failed", to);
	fputs("\r\n", to);
}

static const struct {
	const char *list, *section, *name;
} csv_sections[] = {
	{ "days", "day", "day" },
	{ "domains", "domain", "name" },
	{ "reporters", "reporter", "reporter" },
	{ "hosts", "host", "mx" },
	{ "results", "result", "result" },
};

static void csv_versions(const json_t *answer, FILE *to)
{
	const json_t *row;
	size_t i;

	json_array_foreach(value_at(answer, "versions"), i, row)
	{
		char *name = version_name(row);

		csv_row("version", name, row, to);
		free(name);
	}
}

/* A last line for each list that is not whole: a file has no stderr. */
static void csv_more(const json_t *answer, FILE *to)
{
	const char *list;
	json_t *n;

	json_object_foreach(json_object_get(answer, "more"), list, n)
	{
		if (json_integer_value(n) > 0)
			fprintf(to, "cut,%s: %lld more,,,\r\n", list,
				json_integer_value(n));
	}
}

void report_view_summary_csv(const json_t *answer, FILE *to)
{
	const json_t *row;
	size_t j;

	fputs("section,name,reports,successful,failed\r\n", to);
	csv_row("total", text_at(answer, "name"), answer, to);
	for (size_t i = 0; i < ARRAY_LEN(csv_sections); i++)
		json_array_foreach(value_at(answer, csv_sections[i].list), j,
				   row)
		{
			csv_row(csv_sections[i].section,
				text_at(row, csv_sections[i].name), row, to);
		}
	csv_versions(answer, to);
	csv_more(answer, to);
}

void report_view_csv_header(FILE *to)
{
	fputs("id,domain,reporter,report_id,begin,end,received,via,signed_by,"
	      "successful,failed,results,counted\r\n",
	      to);
}

void report_view_list_csv(const json_t *reports, FILE *to)
{
	static const char *const texts[] = { "name",  "reporter", "report_id",
					     "begin", "end",	  "received",
					     "via",   "signed_by" };
	const json_t *r;
	size_t i;

	json_array_foreach(reports, i, r)
	{
		char *results = joined_at(r, "results", " ");

		fprintf(to, "%lld", number_at(r, "id"));
		for (size_t j = 0; j < ARRAY_LEN(texts); j++) {
			fputc(',', to);
			put_text(text_at(r, texts[j]), to);
		}
		put_number(r, "successful", to);
		put_number(r, "failed", to);
		fputc(',', to);
		put_text(results, to);
		fprintf(to, ",%s\r\n",
			json_is_false(value_at(r, "counted")) ? "no" : "yes");
		free(results);
	}
}

/* ---- list and one ---- */

/* Of those that are alike one is. */
static bool is_counted(const json_t *r)
{
	return !json_is_false(value_at(r, "counted"));
}

static void add_report(struct table *t, const json_t *r)
{
	char id[NUMBER], sessions[NUMBER], failed[NUMBER];
	const char *begin = text_at(r, "begin");
	char *results = joined_at(r, "results", " "), day[16];
	char *words = xasprintf("%s%s",
				is_counted(r) ? ""
				: *results    ? "(not counted) "
					      : "(not counted)",
				results);

	snprintf(day, sizeof(day), "%.*s", day_width(begin), begin);
	table_row(t,
		  (const char *const[]){
			  number_text(number_at(r, "id"), id), day,
			  text_at(r, "name"), named(r, "reporter"),
			  text_at(r, "via"),
			  number_text(all_sessions(r), sessions),
			  number_text(number_at(r, "failed"), failed), words });
	free(results);
	free(words);
}

void report_view_list(const json_t *reports, FILE *to)
{
	static const char *const header[] = { "ID",	"DAY",
					      "DOMAIN", "REPORTER",
					      "VIA",	"SESSIONS",
					      "FAILED", "WHAT FAILED" };
	const json_t *r;
	struct table t;
	size_t i;

	table_init(&t, header, ARRAY_LEN(header));
	t.spare = TABLE_COLUMN(4);
	t.below = TABLE_COLUMN(7);
	t.shrinks = TABLE_COLUMN(2) | TABLE_COLUMN(3);
	t.numbers = TABLE_COLUMN(0) | TABLE_COLUMN(5) | TABLE_COLUMN(6);
	json_array_foreach(reports, i, r)
	{
		add_report(&t, r);
	}
	table_print(&t, to);
	table_release(&t);
}

static void print_if(const json_t *v, const char *key, const char *what,
		     FILE *to)
{
	if (*text_at(v, key))
		print_prose(what, text_at(v, key), to);
}

static void print_failure(const json_t *f, FILE *to)
{
	char sessions[NUMBER];

	fprintf(to, "    %s failed: %s\n", told_text(f, "sessions", sessions),
		text_at(f, "result"));
	print_prose("        ", text_at(f, "meaning"), to);
	print_prose("        -> ", text_at(f, "todo"), to);
	print_if(f, "mx", "        mail host    ", to);
	print_if(f, "helo", "        it said      ", to);
	print_if(f, "receiving_ip", "        its address  ", to);
	print_if(f, "sending_ip", "        the sender's ", to);
	print_if(f, "reason", "        reason       ", to);
	print_if(f, "additional", "        more         ", to);
}

/* A text per line: report_view_split(). */
static void print_quoted(const json_t *p, FILE *to)
{
	const json_t *line, *lines = value_at(p, "policy");
	size_t i;

	if (!json_array_size(lines))
		return;
	fputs("    as they quote it:\n", to);
	json_array_foreach(lines, i, line)
	{
		fprintf(to, "      %s\n", json_string_value(line));
	}
}

static void print_policy(const json_t *p, FILE *to)
{
	char *mx = joined_at(p, "mx", " ");
	const json_t *f;
	size_t i;

	fprintf(to, "\n  policy of type %s", text_at(p, "type"));
	if (json_is_integer(value_at(p, "version")))
		fprintf(to, ", our version %lld", number_at(p, "version"));
	fprintf(to, "\n    %lld sessions fine, %lld failed\n",
		number_at(p, "successful"), number_at(p, "failed"));
	if (*mx)
		print_prose("    mail hosts: ", mx, to);
	print_quoted(p, to);
	json_array_foreach(value_at(p, "failures"), i, f)
	{
		print_failure(f, to);
	}
	free(mx);
}

void report_view_split(json_t *r)
{
	json_t *p;
	size_t i;

	json_array_foreach(value_at(r, "policies"), i, p)
	{
		char *text = xstrdup(text_at(p, "policy")), *rest = text, *line;
		json_t *lines = json_array();

		while ((line = strsep(&rest, "\r\n")) != NULL)
			if (*line)
				json_array_append_new(lines, json_string(line));
		json_object_set_new(p, "policy", lines);
		free(text);
	}
}

void report_view_one(const json_t *r, FILE *to)
{
	const json_t *p;
	size_t i;

	fprintf(to, "%s: TLS report %lld\n", text_at(r, "name"),
		number_at(r, "id"));
	print_prose("  reporter   ", named(r, "reporter"), to);
	print_if(r, "report_id", "  its id     ", to);
	if (json_integer_value(value_at(r, "alike")))
		fprintf(to,
			"  alike      one of %lld reports of this id and day, "
			"which say different things; %s counts\n",
			number_at(r, "alike") + 1,
			is_counted(r) ? "this one" : "another one");
	fprintf(to, "  of         %s to %s\n", text_at(r, "begin"),
		text_at(r, "end"));
	fprintf(to, "  received   %s, by %s\n", text_at(r, "received"),
		text_at(r, "via"));
	print_if(r, "signed_by", "  signed by  ", to);
	print_if(r, "contact", "  contact    ", to);
	json_array_foreach(value_at(r, "policies"), i, p)
	{
		print_policy(p, to);
	}
	if (!json_array_size(value_at(r, "policies")))
		fputs("  it tells of no session\n", to);
	if (number_at(r, "left_out"))
		fprintf(to, "\n  %lld more failures were told, and not kept\n",
			number_at(r, "left_out"));
}
