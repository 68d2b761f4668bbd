#include "cli/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/say.h"

#define PAGE 200L

/* ---- pages ---- */

struct pages {
	struct cli *cli;
	const char *path, *key;
	bool by_label;
	long left;		/* -1: no limit */
	char *after;		/* owned; NULL at the beginning */
};

static char *page_path(const struct pages *p)
{
	const struct options *o = &p->cli->options;
	long limit = p->left >= 0 && p->left < PAGE ? p->left : PAGE;
	char number[24], *path = xstrdup(p->path);

	snprintf(number, sizeof(number), "%ld", limit);
	path = api_path_with(path, "limit", number);
	path = api_path_with(path, "state", o->state);
	path = api_path_with(path, "label", p->by_label ? o->label : NULL);
	return api_path_with(path, "after", p->after);
}

/* The next page's entries, or NULL: at the end, or with a code that is bad. */
static json_t *next_page(struct pages *p, enum exit_code *code,
			 struct err *err)
{
	json_t *answer, *entries;
	const char *next;
	char *path;

	*code = EXIT_FINE;
	if (p->left == 0)
		return NULL;
	path = page_path(p);
	*code = api_do(p->cli->api, "GET", path, NULL, &answer, err);
	free(path);
	if (*code != EXIT_FINE)
		return NULL;
	entries = json_incref(json_object_get(answer, p->key));
	next = json_string_value(json_object_get(answer, "next"));
	free(p->after);
	p->after = xstrdup(next);
	if (!next)
		p->left = 0;
	else if (p->left > 0)
		p->left -= (long)json_array_size(entries);
	json_decref(answer);
	return entries;
}

static struct pages pages_of(struct cli *cli, const char *path,
			     const char *key, bool by_label)
{
	long limit = cli->options.limit;

	return (struct pages){ .cli = cli, .path = path, .key = key,
			       .by_label = by_label,
			       .left = limit ? limit : -1 };
}

/* A page is let go before the next is asked for: there may be many. */
static enum exit_code each_entry(struct pages *p,
				 void (*take)(json_t *entry, void *arg),
				 void *arg, struct err *err)
{
	enum exit_code code;
	json_t *page, *entry;
	size_t i;

	while ((page = next_page(p, &code, err)) != NULL) {
		json_array_foreach(page, i, entry) {
			take(entry, arg);
		}
		json_decref(page);
	}
	free(p->after);
	return code;
}

/* No failure, but a label is easily mistyped. */
static void say_nobody(const struct options *o, bool by_label, const char *hint)
{
	struct err err = ERR_INIT;

	if (o->file)
		err_set(&err, ERR_NOT_FOUND, "--file %s names no domain",
			o->file);
	else if (by_label && o->label)
		err_set(&err, ERR_NOT_FOUND, "no domain%s%s has label %s",
			o->state ? " in state " : "", o->state ? o->state : "",
			o->label);
	else if (o->state)
		err_set(&err, ERR_NOT_FOUND, "no domain is in state %s",
			o->state);
	else
		err_set(&err, ERR_NOT_FOUND, "no domain is hosted");
	err_hint(&err, "%s", hint);
	say_failure(NULL, &err);
}

struct listing {
	void (*row)(const json_t *entry, struct table *t);
	struct table table;
	json_t *all;		/* NULL without --json */
};

static void list_entry(json_t *entry, void *arg)
{
	struct listing *l = arg;

	if (l->all)
		json_array_append(l->all, entry);
	else
		l->row(entry, &l->table);
}

static void say_empty(const struct options *o, const char *key)
{
	bool is_all = !o->label && !o->state;

	if (streq(key, "domains"))
		say_nobody(o, true,
			   is_all ? "mtastsctl domain add NAME adds one" : "");
	else
		fprintf(stderr, "mtastsctl: no certificate%s is served yet\n",
			is_all ? "" : " of such a domain");
}

static void print_listing(const struct listing *l, const struct options *o,
			  const char *key)
{
	json_t *document;

	if (!l->all) {
		table_print(&l->table, stdout);
		if (!l->table.cells.count)
			say_empty(o, key);
		return;
	}
	document = json_pack("{s:O}", key, l->all);
	say_json(document);
	json_decref(document);
}

enum exit_code targets_list(struct cli *cli, const char *path, const char *key,
			    const char *const *header, size_t columns,
			    unsigned spare, unsigned below,
			    void (*row)(const json_t *entry, struct table *t))
{
	struct pages p = pages_of(cli, path, key, true);
	struct listing l = { .row = row };
	struct err err = ERR_INIT;
	enum exit_code code;

	table_init(&l.table, header, columns);
	l.table.shrinks = TABLE_COLUMN(0);
	l.table.spare = spare;
	l.table.below = below;
	l.all = cli->options.json ? json_array() : NULL;
	code = each_entry(&p, list_entry, &l, &err);
	if (code == EXIT_FINE)
		print_listing(&l, &cli->options, key);
	else
		say_failure(NULL, &err);
	table_release(&l.table);
	json_decref(l.all);
	return code;
}

static void collect(json_t *entry, void *arg)
{
	json_array_append(arg, entry);
}

enum exit_code targets_collect(struct cli *cli, const char *path,
			       const char *key, json_t **all, struct err *err)
{
	struct pages p = pages_of(cli, path, key, true);

	*all = json_array();
	return each_entry(&p, collect, *all, err);
}

/* ---- names ---- */

static void add_line(char *line, struct words *names)
{
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t\r\n");
	line[strcspn(line, " \t\r\n")] = '\0';
	if (*line)
		words_add(names, line);
}

bool targets_read_file(const char *path, struct words *names, struct err *err)
{
	FILE *from = streq(path, "-") ? stdin : fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	bool ok;

	if (!from) {
		err_set(err, ERR_INPUT, "--file %s: %s", path, strerror(errno));
		return false;
	}
	while (getline(&line, &size, from) >= 0)
		add_line(line, names);
	ok = !ferror(from);
	if (!ok)
		err_set(err, ERR_INPUT, "--file %s: %s", path, strerror(errno));
	free(line);
	if (from != stdin)
		fclose(from);
	return ok;
}

enum exit_code targets_domains(struct cli *cli,
			       void (*take)(json_t *domain, void *arg),
			       void *arg, struct err *err)
{
	struct pages p = pages_of(cli, "/v1/domains", "domains", true);

	p.left = -1;
	return each_entry(&p, take, arg, err);
}

bool targets_is_leaving(const json_t *domain)
{
	static const char *const states[] = { "removing", "handing-over",
					      "gone" };
	bool is_leaving = false;

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		is_leaving |= streq(text_at(domain, "state"), states[i]);
	return is_leaving;
}

static enum exit_code usage(struct err *err, const char *text,
			    const char *hint)
{
	err_set(err, ERR_INPUT, "%s", text);
	err_hint(err, "%s", hint);
	return EXIT_USAGE;
}

static const char *ways_to_name(const struct cli *cli, bool by_label)
{
	if (by_label)
		return "give one or more names, or --file, --label, --state or "
		       "--all";
	if (cli->command->options & OPTION(ALL))
		return "give one or more names, or --file, --state or --all; "
		       "--label is the new label";
	return "give one or more names, or --file";
}

static bool selects(const struct options *o, bool by_label)
{
	return o->all || o->state || (by_label && o->label);
}

/* None, if it is a selection that says which. */
static enum exit_code find_names(struct cli *cli, bool by_label,
				 struct words *names, struct err *err)
{
	const struct options *o = &cli->options;

	for (size_t i = 0; i < cli->name_count; i++)
		words_add(names, cli->names[i]);
	if (o->file && !targets_read_file(o->file, names, err))
		return EXIT_USAGE;
	if (selects(o, by_label) && (names->count || o->file))
		return usage(err, "names and a selection at once",
			     "either name them, or use --label, --state, "
			     "--all");
	if (!selects(o, by_label) && !names->count && !o->file)
		return usage(err, "which domain?", ways_to_name(cli, by_label));
	return EXIT_FINE;
}

/* ---- doing it ---- */

static void say_failed(const struct cli *cli, const char *name,
		       const struct err *err)
{
	json_t *document;

	say_failure(name, err);
	if (!cli->options.json)
		return;
	document = json_pack("{s:s, s:{s:s, s:s, s:s}}", "name", name, "error",
			     "kind", err_kind_name(err->kind), "message",
			     err->text, "hint", err->hint);
	if (document)
		say_json(document);
	json_decref(document);
}

/* Over the domains, until --limit is reached or nobody answers. */
struct round {
	struct cli *cli;
	target_fn *one;
	enum exit_code worst;
	size_t met;
	long done; /* of --limit */
	bool is_over;
};

/* What changes things has --dry-run; what is so already is free then. */
static bool limits_changes(const struct cli *cli)
{
	return cli->command->options & OPTION(DRY_RUN);
}

/* What was put off has begun a look: a limit bounds those, too. */
static bool is_counted(const struct cli *cli, enum exit_code code, long changed)
{
	return !limits_changes(cli) || cli->changed > changed ||
	       code == EXIT_TEMPFAIL;
}

static void do_one(struct round *r, const char *name)
{
	long changed = r->cli->changed, limit = r->cli->options.limit;
	struct err err = ERR_INIT;
	enum exit_code code = r->one(r->cli, name, &err);

	r->met++;
	if (err.kind != ERR_NONE)
		say_failed(r->cli, name, &err);
	r->worst = exit_worse(r->worst, code);
	r->done += is_counted(r->cli, code, changed);
	r->is_over = code == EXIT_UNREACHABLE || code == EXIT_USAGE ||
		     (limit && r->done >= limit);
}

static void do_named(struct round *r, const struct words *names)
{
	for (size_t i = 0; i < names->count && !r->is_over; i++)
		do_one(r, names->item[i]);
}

static enum exit_code do_selected(struct round *r, bool by_label,
				  struct err *err)
{
	struct pages p = pages_of(r->cli, "/v1/domains", "domains", by_label);
	enum exit_code code = EXIT_FINE;
	json_t *page;

	if (limits_changes(r->cli))
		p.left = -1;
	while (!r->is_over && (page = next_page(&p, &code, err)) != NULL) {
		for (size_t i = 0; i < json_array_size(page) && !r->is_over;
		     i++)
			do_one(r, text_at(json_array_get(page, i), "name"));
		json_decref(page);
	}
	free(p.after);
	return code;
}

static enum exit_code each(struct cli *cli, bool by_label, target_fn *one)
{
	struct round r = { .cli = cli, .one = one, .worst = EXIT_FINE };
	struct words names = { 0 };
	struct err err = ERR_INIT;
	enum exit_code code = find_names(cli, by_label, &names, &err);

	if (code == EXIT_FINE)
		do_named(&r, &names);
	if (code == EXIT_FINE && selects(&cli->options, by_label))
		code = do_selected(&r, by_label, &err);
	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	else if (!r.met)
		say_nobody(&cli->options, by_label, "nothing was done");
	words_release(&names);
	return exit_worse(r.worst, code);
}

enum exit_code targets_each(struct cli *cli, target_fn *one)
{
	return each(cli, true, one);
}

enum exit_code targets_each_labelled(struct cli *cli, target_fn *one)
{
	return each(cli, false, one);
}

enum exit_code targets_get(struct cli *cli, const char *name, const char *rest,
			   void (*show)(const json_t *document),
			   struct err *err)
{
	char *path = api_domain_path(name, rest);
	enum exit_code code;
	json_t *document;

	code = api_do(cli->api, "GET", path, NULL, &document, err);
	free(path);
	if (code != EXIT_FINE)
		return code;
	if (cli->options.json)
		say_json(document);
	else
		show(document);
	json_decref(document);
	return code;
}
