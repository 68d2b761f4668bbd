#include "cli/check_view.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/clean.h"
#include "cli/screen.h"
#include "policy/domain_name.h"

#define WIDTH 78 /* of a line on a terminal */

/* ---- for people ---- */

static void print_finding(const struct check_finding *f)
{
	char *text = clean_text(f->text), *todo = clean_text(f->todo);

	printf("  %-8s ", check_severity_name(f->severity));
	screen_wrap(text, 11, WIDTH, stdout);
	if (*todo)	/* whole: there may be a record in it, to be copied */
		printf("%13s%s\n", "- ", todo);
	if (f->severity != CHECK_GOOD)
		printf("%11s(%s)\n", "", f->id);
	free(text);
	free(todo);
}

static size_t count(const struct check_findings *f, enum check_severity s)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += f->item[i].severity == s;
	return n;
}

static void print_count(size_t n, const char *noun, const char *separator)
{
	printf("%zu %s%s%s", n, noun, n == 1 ? "" : "s", separator);
}

/* No resolver answered for any of it: that says nothing of the domain. */
static bool is_nothing_known(const struct check_findings *f)
{
	static const char *const unanswered[] = { "txt.timeout",
						  "host.dns-timeout",
						  "mx.timeout" };
	size_t found = 0;

	for (size_t i = 0; i < f->count; i++)
		for (size_t k = 0; k < ARRAY_LEN(unanswered); k++)
			found += streq(f->item[i].id, unanswered[k]);
	return found == ARRAY_LEN(unanswered);
}

void check_view_print(const char *domain, const struct check_findings *f)
{
	char *title = domain_name_display(domain);

	printf("%s\n", title);
	for (size_t i = 0; i < f->count; i++) {
		if (!i || f->item[i].group != f->item[i - 1].group)
			printf("\n%s\n", check_group_name(f->item[i].group));
		print_finding(&f->item[i]);
	}
	putchar('\n');
	print_count(count(f, CHECK_ERROR), "error", ", ");
	print_count(count(f, CHECK_WARNING), "warning", ", ");
	print_count(count(f, CHECK_NOTE), "note", "\n");
	if (is_nothing_known(f))
		puts("nothing could be checked: no resolver answers");
	free(title);
}

/* ---- for scripts ---- */

json_t *check_view_json(const char *domain, time_t at,
			const struct check_findings *f)
{
	json_t *list = json_array();
	char when[INSTANT_TEXT];

	for (size_t i = 0; i < f->count; i++) {
		const struct check_finding *one = &f->item[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", one->id,
				  "group", check_group_name(one->group),
				  "severity",
				  check_severity_name(one->severity), "text",
				  one->text, "todo", one->todo));
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "name", domain, "at",
			 instant_format(at, when), "worst",
			 check_severity_name(check_findings_worst(f)),
			 "findings", list);
}

enum exit_code check_view_code(const struct check_findings *f)
{
	if (is_nothing_known(f))
		return EXIT_ERRORS;
	switch (check_findings_worst(f)) {
	case CHECK_GOOD:
	case CHECK_NOTE:
		return EXIT_FINE;
	case CHECK_WARNING:
		return EXIT_WARNINGS;
	case CHECK_ERROR:
		break;
	}
	return EXIT_ERRORS;
}
