/*
 * mtastsctl domain apply: make it so.
 *
 * First all is looked at and nothing changed: the daemon says, in dry runs,
 * what each line of the file would change. That is shown as a table, and then
 * done. What is hosted and not in the file stays, unless --prune was said and
 * every line of the file was understood: then it is handed over, so that no
 * sender is told "none" of a domain that goes on elsewhere. Who was never live
 * has nothing to hand over, and is removed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/change.h"
#include "cli/fleet.h"
#include "cli/fleet_ask.h"
#include "cli/names.h"
#include "cli/say.h"
#include "cli/targets.h"

enum deed {
	DEED_ADD,
	DEED_TAKE_BACK,
	DEED_CHANGE,
	DEED_HAND_OVER,
	DEED_REMOVE
};

static const char *const deed_names[] = {
	[DEED_ADD] = "add",	  [DEED_TAKE_BACK] = "take back",
	[DEED_CHANGE] = "change", [DEED_HAND_OVER] = "hand over",
	[DEED_REMOVE] = "remove",
};

/* What is to be done to one domain. */
struct task {
	enum deed deed;
	char *name;	       /* owned */
	json_t *entry;	       /* what the file says of it, or NULL */
	bool settings, policy; /* of a change: what differs */
};

struct apply {
	struct fleet fleet;
	struct table plan;
	struct task *task;
	size_t count, room;
	struct words unnamed; /* hosted, and not in the file */
	long same;
	long left; /* more than --limit */
	long done[ARRAY_LEN(deed_names)];
};

static const char *const plan_header[] = { "DO", "NAME", "WHAT", "NOW",
					   "THEN" };

/* ---- the plan ---- */

static bool has_room(const struct apply *a)
{
	long limit = a->fleet.cli->options.limit;

	return !limit || a->count < (size_t)limit;
}

static void note(struct apply *a, enum deed deed, const json_t *answer)
{
	const json_t *changes = value_at(answer, "changes"), *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		table_row(&a->plan,
			  (const char *const[]){ deed_names[deed],
						 text_at(answer, "name"),
						 text_at(change, "field"),
						 text_at(change, "before"),
						 text_at(change, "after") });
	}
}

/* What was found in a dry run: to be told with --json if it stays one. */
static void show(struct apply *a, enum deed deed, const json_t *answer)
{
	const struct options *o = &a->fleet.cli->options;

	if (!json_is_true(value_at(answer, "changed")))
		return;
	if (o->json && o->dry_run)
		say_json(answer);
	else if (!o->json)
		note(a, deed, answer);
}

static void add_task(struct apply *a, struct task t, const char *name,
		     json_t *entry)
{
	if (a->count == a->room) {
		a->room = a->room ? a->room * 2 : 64;
		a->task = xrealloc_array(a->task, a->room, sizeof(*a->task));
	}
	t.name = xstrdup(name);
	t.entry = entry ? json_incref(entry) : NULL;
	a->task[a->count++] = t;
}

static void release_tasks(struct apply *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->task[i].name);
		json_decref(a->task[i].entry);
	}
	free(a->task);
}

/* ---- looking ---- */

static bool differs(const json_t *answer)
{
	return json_is_true(value_at(answer, "changed"));
}

/* DNS is looked at for the dry run: once that is done, it may be seen. */
static bool is_asked_again(const struct apply *a, enum exit_code code)
{
	return code == EXIT_TEMPFAIL && !a->fleet.cli->options.dry_run;
}

/* What there is to do, the dry run could not say. */
static void note_unseen(struct apply *a, enum deed deed, const char *name)
{
	if (!a->fleet.cli->options.json)
		table_row(&a->plan, (const char *const[]){
					    deed_names[deed], name, "policy",
					    "", "once its MX are seen" });
}

static void plan_unseen(struct apply *a, struct task t, json_t *entry)
{
	const char *name = text_at(entry, "name");

	if (!has_room(a)) {
		a->left++;
		return;
	}
	note_unseen(a, t.deed, name);
	add_task(a, t, name, entry);
}

static void plan_to_change(struct apply *a, const json_t *settings,
			   const json_t *policy, json_t *entry)
{
	struct task t = { .deed = DEED_CHANGE,
			  .settings = differs(settings),
			  .policy = differs(policy) };

	if (!t.settings && !t.policy) {
		a->same++;
		return;
	}
	if (!has_room(a)) {
		a->left++;
		return;
	}
	show(a, t.deed, settings);
	show(a, t.deed, policy);
	mx_looks_add(a->fleet.looks, policy, a->fleet.line.first);
	add_task(a, t, text_at(entry, "name"), entry);
}

/* It is there: what of it differs? */
static enum exit_code look_at_change(struct apply *a, json_t *entry,
				     struct err *err)
{
	const char *name = text_at(entry, "name");
	json_t *settings = NULL, *policy = NULL;
	enum exit_code code;

	code = fleet_ask_settings(a->fleet.cli, name, entry, true, &settings,
				  err);
	if (code == EXIT_FINE)
		code = fleet_ask_policy(a->fleet.cli, name, entry, true,
					&policy, err);
	if (code == EXIT_FINE) {
		plan_to_change(a, settings, policy, entry);
	} else if (is_asked_again(a, code)) {
		plan_unseen(a,
			    (struct task){ .deed = DEED_CHANGE,
					   .settings = !settings ||
						       differs(settings),
					   .policy = true },
			    entry);
		code = EXIT_FINE;
	}
	json_decref(settings);
	json_decref(policy);
	return code;
}

/* Or to take back: what was on its way out, and is in the file, stays. */
static void plan_to_add(struct apply *a, const json_t *answer, json_t *entry)
{
	struct task t = { .deed = change_takes_back(answer) ? DEED_TAKE_BACK
							    : DEED_ADD };

	if (!differs(answer)) {
		a->same++;
		return;
	}
	if (!has_room(a)) {
		a->left++;
		return;
	}
	show(a, t.deed, answer);
	mx_looks_add(a->fleet.looks, answer, a->fleet.line.first);
	add_task(a, t, text_at(answer, "name"), entry);
}

/* Adding is asked first: it answers for what is as it should be, too. */
static enum exit_code look_at(struct fleet *f, json_t *entry, struct err *err)
{
	struct apply *a = (struct apply *)f;
	struct err why = ERR_INIT;
	enum exit_code code;
	json_t *answer;

	code = fleet_ask_to_add(a->fleet.cli, entry, true, &answer, err);
	if (code == EXIT_FINE) {
		plan_to_add(a, answer, entry);
		json_decref(answer);
	}
	if (is_asked_again(a, code)) {
		plan_unseen(a, (struct task){ .deed = DEED_TAKE_BACK }, entry);
		return EXIT_FINE;
	}
	if (code != EXIT_REFUSED)
		return code;
	code = look_at_change(a, entry, &why);
	if (code == EXIT_FINE)
		*err = (struct err)ERR_INIT;
	else if (why.kind != ERR_NOT_FOUND)
		*err = why;
	return code;
}

/* ---- what the file does not name ---- */

static bool may_prune(struct apply *a)
{
	struct fleet *f = &a->fleet;
	struct err err = ERR_INIT;

	if (f->entries && !f->refused && !f->failed && !f->is_broken)
		return true;
	if (!f->entries)
		err_set(&err, ERR_REFUSED,
			"nothing is pruned: %s names no "
			"domain",
			f->cli->names[0]);
	else
		err_set(&err, ERR_REFUSED,
			"nothing is pruned: not every line "
			"of %s could be used",
			f->cli->names[0]);
	err_hint(&err, f->entries ? "put those lines right, and do it again"
				  : "domain handover and domain remove "
				    "let domains go");
	fleet_failed(f, NULL, EXIT_REFUSED, &err, false);
	return false;
}

static void find_unnamed(json_t *domain, void *arg)
{
	struct apply *a = arg;
	const char *name = text_at(domain, "name");

	if (!names_line(a->fleet.seen, name) && !targets_is_leaving(domain))
		words_add(&a->unnamed, name);
}

static void look_at_leaver(struct apply *a, const char *name)
{
	struct task t = { .deed = DEED_HAND_OVER };
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *answer;

	if (!has_room(a)) {
		a->left++;
		return;
	}
	code = fleet_ask_to_let_go(a->fleet.cli, name, true, &answer, &err);
	if (code != EXIT_FINE) {
		fleet_failed(&a->fleet, name, code, &err, false);
		return;
	}
	if (!json_is_object(value_at(answer, "domain")))
		t.deed = DEED_REMOVE;
	show(a, t.deed, answer);
	add_task(a, t, name, NULL);
	json_decref(answer);
}

static void look_at_leavers(struct apply *a)
{
	struct err err = ERR_INIT;
	enum exit_code code;

	if (!a->fleet.cli->options.prune || !may_prune(a))
		return;
	code = targets_domains(a->fleet.cli, find_unnamed, a, &err);
	if (code != EXIT_FINE) {
		fleet_failed(&a->fleet, NULL, code, &err, false);
		return;
	}
	for (size_t i = 0; i < a->unnamed.count && !a->fleet.is_stopped; i++)
		look_at_leaver(a, a->unnamed.item[i]);
}

/* ---- doing it ---- */

/* Of two changes the first may be done when the second is refused. */
static enum exit_code change(struct apply *a, const struct task *t,
			     struct err *err)
{
	enum exit_code code = EXIT_FINE;
	json_t *answer = NULL;

	if (t->settings)
		code = fleet_ask_settings(a->fleet.cli, t->name, t->entry,
					  false, &answer, err);
	if (answer && a->fleet.cli->options.json)
		say_json(answer);
	json_decref(answer);
	answer = NULL;
	if (code == EXIT_FINE && t->policy)
		code = fleet_ask_policy(a->fleet.cli, t->name, t->entry, false,
					&answer, err);
	if (answer && a->fleet.cli->options.json)
		say_json(answer);
	json_decref(answer);
	return code;
}

static enum exit_code do_it(struct apply *a, const struct task *t,
			    struct err *err)
{
	json_t *answer = NULL;
	enum exit_code code = EXIT_FINE;

	switch (t->deed) {
	case DEED_ADD:
	case DEED_TAKE_BACK:
		code = fleet_ask_to_add(a->fleet.cli, t->entry, false, &answer,
					err);
		break;
	case DEED_CHANGE:
		return change(a, t, err);
	case DEED_HAND_OVER:
	case DEED_REMOVE:
		code = fleet_ask_to_let_go(a->fleet.cli, t->name, false,
					   &answer, err);
		break;
	}
	if (answer && a->fleet.cli->options.json)
		say_json(answer);
	json_decref(answer);
	return code;
}

static void do_all(struct apply *a)
{
	struct fleet *f = &a->fleet;

	for (size_t i = 0; i < a->count && !f->is_stopped; i++) {
		const struct task *t = &a->task[i];
		struct err err = ERR_INIT;
		enum exit_code code = do_it(a, t, &err);

		if (code == EXIT_FINE) {
			a->done[t->deed]++;
			f->failed_in_a_row = 0;
		} else {
			fleet_failed(f, t->name, code, &err, false);
		}
		progress_show(&f->progress, (int)(i * 100 / a->count),
			      (long)i + 1);
	}
	progress_clear(&f->progress);
}

/* A dry run counts what it would do. */
static void count_all(struct apply *a)
{
	for (size_t i = 0; i < a->count; i++)
		a->done[a->task[i].deed]++;
}

/* ---- telling ---- */

static void summary_as_json(const struct apply *a)
{
	const long *done = a->done;
	json_t *all;

	all = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "added",
		(json_int_t)done[DEED_ADD], "taken_back",
		(json_int_t)done[DEED_TAKE_BACK], "changed",
		(json_int_t)done[DEED_CHANGE], "handed_over",
		(json_int_t)done[DEED_HAND_OVER], "removed",
		(json_int_t)done[DEED_REMOVE], "already_so",
		(json_int_t)a->same, "refused", (json_int_t)a->fleet.refused,
		"failed", (json_int_t)a->fleet.failed, "put_off",
		(json_int_t)a->fleet.put_off, "left", (json_int_t)a->left);
	say_json(all);
	json_decref(all);
}

/* It is not over with the command, and may not be what was meant. */
static void say_handed_over(const struct apply *a)
{
	if (a->done[DEED_HAND_OVER])
		puts("What is handed over is served on, with no new "
		     "certificate, until DNS has led its\nmta-sts name to "
		     "another host for as long as caches may lead here. "
		     "Where no other\nhost goes on with the policy: "
		     "mtastsctl domain remove NAME.");
}

static void summary(const struct apply *a)
{
	const struct fleet *f = &a->fleet;

	if (f->cli->options.json) {
		summary_as_json(a);
		return;
	}
	say_handed_over(a);
	printf("%s%ld added, ", fleet_would(f->cli), a->done[DEED_ADD]);
	if (a->done[DEED_TAKE_BACK])
		printf("%ld taken back, ", a->done[DEED_TAKE_BACK]);
	printf("%ld changed, %ld handed over, %ld removed; %ld already so, %ld "
	       "refused",
	       a->done[DEED_CHANGE], a->done[DEED_HAND_OVER],
	       a->done[DEED_REMOVE], a->same, f->refused);
	if (f->failed)
		printf(", %ld failed", f->failed);
	fleet_say_put_off(f);
	fleet_say_strays(f);
	if (a->left)
		printf("; %ld left for the next run, as --limit says", a->left);
	putchar('\n');
}

enum exit_code cmd_domain_apply(struct cli *cli)
{
	struct apply a = { .count = 0 };

	if (!fleet_begin(&a.fleet, cli, true))
		return EXIT_USAGE;
	table_init(&a.plan, plan_header, ARRAY_LEN(plan_header));
	fleet_read(&a.fleet, look_at);
	if (!a.fleet.is_stopped)
		look_at_leavers(&a);
	table_print(&a.plan, stdout);
	fflush(stdout);
	if (cli->options.dry_run)
		count_all(&a);
	else
		do_all(&a);
	summary(&a);
	table_release(&a.plan);
	words_release(&a.unnamed);
	release_tasks(&a);
	fleet_end(&a.fleet);
	return a.fleet.worst;
}
