#include "cli/report_csv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/csv.h"
#include "cli/say.h"

enum part { REPORT, POLICY, FAILURE, ITSELF };

/* What a row is about: the failure, its policy, the report; or fewer. */
struct row {
	const json_t *part[FAILURE + 1];
	enum part itself;
	size_t policy; /* its number, from 1 on */
};

static const struct {
	const char *title;
	enum part of;
	const char *key;
} columns[] = {
	{ "id", REPORT, "id" },
	{ "domain", REPORT, "name" },
	{ "reporter", REPORT, "reporter" },
	{ "report_id", REPORT, "report_id" },
	{ "begin", REPORT, "begin" },
	{ "end", REPORT, "end" },
	{ "received", REPORT, "received" },
	{ "via", REPORT, "via" },
	{ "signed_by", REPORT, "signed_by" },
	{ "contact", REPORT, "contact" },
	{ "policy_type", POLICY, "type" },
	{ "policy_version", POLICY, "version" },
	{ "policy_standing", POLICY, "standing" },
	{ "policy_mx", POLICY, "mx" },
	{ "policy_text", POLICY, "policy" },
	{ "successful", ITSELF, "successful" },
	{ "failed", ITSELF, "failed" },
	{ "failure_sessions", FAILURE, "sessions" },
	{ "result", FAILURE, "result" },
	{ "mx_host", FAILURE, "mx" },
	{ "helo", FAILURE, "helo" },
	{ "receiving_ip", FAILURE, "receiving_ip" },
	{ "sending_ip", FAILURE, "sending_ip" },
	{ "reason", FAILURE, "reason" },
	{ "additional", FAILURE, "additional" },
};

/* Takes text. */
static void put_text(char *text, FILE *to)
{
	char *cell = csv_safe(text);

	fputs(cell, to);
	free(cell);
	free(text);
}

static void put_value(const json_t *of, const char *key, FILE *to)
{
	const json_t *value = value_at(of, key);

	if (json_is_integer(value))
		fprintf(to, "%lld", json_integer_value(value));
	else if (json_is_array(value))
		put_text(joined_at(of, key, " "), to);
	else
		put_text(xstrdup(text_at(of, key)), to);
}

static void put_row(const struct row *r, FILE *to)
{
	static const char *const sections[] = { "report", "policy", "failure" };

	fprintf(to, "%s,", sections[r->itself]);
	if (r->policy)
		fprintf(to, "%zu", r->policy);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		enum part of = columns[i].of == ITSELF ? r->itself
						       : columns[i].of;

		fputc(',', to);
		put_value(r->part[of], columns[i].key, to);
	}
	fputs("\r\n", to);
}

static void put_header(FILE *to)
{
	fputs("section,policy", to);
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		fprintf(to, ",%s", columns[i].title);
	fputs("\r\n", to);
}

static void put_policy(const json_t *report, const json_t *p, size_t number,
		       FILE *to)
{
	struct row row = { .part = { report, p },
			   .itself = POLICY,
			   .policy = number };
	const json_t *failure;
	size_t i;

	put_row(&row, to);
	row.itself = FAILURE;
	json_array_foreach(value_at(p, "failures"), i, failure)
	{
		row.part[FAILURE] = failure;
		put_row(&row, to);
	}
}

void report_csv_one(const json_t *report, FILE *to)
{
	struct row row = { .part = { report }, .itself = REPORT };
	const json_t *p;
	size_t i;

	put_header(to);
	put_row(&row, to);
	json_array_foreach(value_at(report, "policies"), i, p)
	{
		put_policy(report, p, i + 1, to);
	}
}
