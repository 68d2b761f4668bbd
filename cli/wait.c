#include "cli/wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/command.h"
#include "cli/say.h"

#define PAUSE_MS    150
#define CA_EVERY_MS 2000

static struct waiting *add(struct wait_list *list, const json_t *answer)
{
	struct waiting *w;

	list->item = xrealloc_array(list->item, list->count + 1,
				    sizeof(*list->item));
	w = &list->item[list->count++];
	*w = (struct waiting){
		.name = xstrdup(text_at(answer, "name")),
		.after = json_integer_value(value_at(answer, "last_event")),
	};
	return w;
}

void wait_add(struct wait_list *list, const json_t *answer, const char *serial)
{
	add(list, answer)->serial = serial ? xstrdup(serial) : NULL;
}

void wait_add_trial(struct wait_list *list, const json_t *answer,
		    const char *ca)
{
	add(list, answer)->ca = xstrdup(ca);
}

void wait_release(struct wait_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->item[i].name);
		free(list->item[i].serial);
		free(list->item[i].ca);
		json_decref(list->item[i].outcome);
	}
	free(list->item);
	*list = (struct wait_list){ 0 };
}

/* ---- the screen ---- */

struct watch {
	struct cli *cli;
	FILE *to;		/* stdout, or stderr beside JSON */
	bool is_terminal;
	int64_t began_ms, end_ms, ca_at_ms;
	char *ca_told;		/* the CA's problem that was told last */
	bool has_late;		/* one is not there, and is left to mtastsd */
};

static void clear_line(const struct watch *w)
{
	if (w->is_terminal)
		fputs("\r\033[K", w->to);
}

static void show_waiting(const struct watch *w, size_t left)
{
	long seconds = (long)((steady_ms() - w->began_ms) / 1000);

	if (!w->is_terminal)
		return;
	fprintf(w->to, "\r\033[K  waiting for %zu, %ld s of %ld s ...", left,
		seconds, w->cli->options.timeout);
	fflush(w->to);
}

/* "20:15:03Z  example.org  text" */
static void tell(const struct watch *w, const char *at, const char *name,
		 const char *text)
{
	clear_line(w);
	fprintf(w->to, "%sZ  %s  %s\n", at, name, text);
	fflush(w->to);
}

static const char *now_text(char out[static 16])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, 16, "%H:%M:%S", &tm);
	return out;
}

/* ---- one look ---- */

/* Is it the end of the trial that is waited for? Others may be under way. */
static void note_outcome(struct waiting *item, json_t *event)
{
	const char *kind = text_at(event, "kind");
	char *words;

	if (!item->ca || item->outcome ||
	    (!streq(kind, "trial.passed") && !streq(kind, "trial.failed")))
		return;
	words = xasprintf("trial with %s ", item->ca);
	if (str_starts(text_at(event, "text"), words))
		item->outcome = json_incref(event);
	free(words);
}

static enum exit_code tell_events(struct watch *w, struct waiting *item,
				  struct err *err)
{
	char *path = api_path_with(xstrdup("/v1/log?limit=1000"), "name",
				   item->name), number[24];
	json_t *answer, *event;
	enum exit_code code;
	size_t i;

	snprintf(number, sizeof(number), "%lld", (long long)item->after);
	path = api_path_with(path, "after", number);
	code = api_do(w->cli->api, "GET", path, NULL, &answer, err);
	free(path);
	if (code != EXIT_FINE)
		return code;
	json_array_foreach(json_object_get(answer, "events"), i, event) {
		char at[16];
		const char *instant = text_at(event, "at");

		snprintf(at, sizeof(at), "%.8s",
			 strlen(instant) > 11 ? instant + 11 : "");
		tell(w, at, item->name, text_at(event, "text"));
		note_outcome(item, event);
	}
	item->after = json_integer_value(value_at(answer, "last"));
	json_decref(answer);
	return code;
}

static bool is_as_wished(const struct waiting *item, const json_t *domain)
{
	if (!streq(text_at(domain, "state"), "live"))
		return false;
	return !item->serial ||
	       !streq(text_at(domain, "certificate.serial"), item->serial);
}

static enum exit_code get_domain(struct watch *w, const struct waiting *item,
				 json_t **domain, struct err *err)
{
	char *path = api_domain_path(item->name, "");
	enum exit_code code;

	code = api_do(w->cli->api, "GET", path, NULL, domain, err);
	free(path);
	return code;
}

/*
 * Is the next try after the end? DNS is another matter: it may be published
 * while we wait, and a look is then brought forward.
 */
static bool is_put_off(const struct watch *w, const json_t *domain)
{
	json_int_t in = json_integer_value(value_at(domain, "next.in"));

	return !json_is_object(value_at(domain, "order")) &&
	       !streq(text_at(domain, "next.what"), "dns-look") &&
	       steady_ms() + in * 1000 > w->end_ms;
}

/* First the state, then the trail: what is told is never behind the end. */
static enum exit_code look(struct watch *w, struct waiting *item,
			   struct err *err)
{
	enum exit_code code;
	json_t *domain;

	code = get_domain(w, item, &domain, err);
	if (code != EXIT_FINE)
		return code;
	item->is_done = !item->ca && is_as_wished(item, domain);
	item->is_put_off = !item->ca && is_put_off(w, domain);
	json_decref(domain);
	code = tell_events(w, item, err);
	item->is_done = item->is_done || item->outcome;
	return code;
}

/* The CA that what is waited for depends on. */
static bool is_needed(const struct watch *w, const json_t *ca)
{
	const struct wait_list *list = &w->cli->wait;
	const char *name = text_at(ca, "name");

	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].ca)
			return streq(name, list->item[i].ca);
	return json_is_true(value_at(ca, "used"));
}

static void tell_ca(struct watch *w)
{
	json_t *answer, *ca;
	char at[16];
	size_t i;

	if (steady_ms() < w->ca_at_ms)
		return;
	w->ca_at_ms = steady_ms() + CA_EVERY_MS;
	if (api_do(w->cli->api, "GET", "/v1/cas", NULL, &answer, NULL) !=
	    EXIT_FINE)
		return;
	json_array_foreach(json_object_get(answer, "cas"), i, ca) {
		const char *problem = text_at(ca, "problem");
		const char *hint = text_at(ca, "hint");
		char *text;

		if (!is_needed(w, ca) || !*problem ||
		    streq(problem, w->ca_told))
			continue;
		free(w->ca_told);
		w->ca_told = xstrdup(problem);
		text = xasprintf("%s%s%s%s", problem, *hint ? " (" : "", hint,
				 *hint ? ")" : "");
		tell(w, now_text(at), text_at(ca, "name"), text);
		free(text);
	}
	json_decref(answer);
}

/* ---- the end ---- */

static enum exit_code say_late(struct watch *w, const struct waiting *item)
{
	struct err err = ERR_INIT;
	const json_t *finding;
	json_t *domain;

	if (get_domain(w, item, &domain, &err) != EXIT_FINE) {
		say_failure(item->name, &err);
		return EXIT_ERRORS;
	}
	w->has_late = true;
	if (w->cli->options.json)
		say_json(domain);
	finding = own_trouble(domain);
	if (finding) {
		err_set(&err, ERR_AGAIN, "%s", text_at(finding, "text"));
		err_hint(&err, "%s", text_at(finding, "hint"));
	} else if (w->ca_told) {
		err_set(&err, ERR_AGAIN, "%s", w->ca_told);
		err_hint(&err, "mtastsctl ca list");
	} else {
		err_set(&err, ERR_AGAIN, "still %s", text_at(domain, "state"));
		err_hint(&err, "mtastsctl log --follow %s", item->name);
	}
	say_failure(item->name, &err);
	json_decref(domain);
	return EXIT_ERRORS;
}

static enum exit_code say_outcome(struct watch *w, const struct waiting *item)
{
	bool has_passed = streq(text_at(item->outcome, "kind"),
				"trial.passed");
	struct err err = ERR_INIT;

	if (w->cli->options.json)
		say_json(item->outcome);
	if (!has_passed) {
		err_set(&err, ERR_REFUSED, "%s", text_at(item->outcome,
							 "text"));
		say_failure(item->name, &err);
	} else if (!w->cli->options.json) {
		printf("%s: %s; what is served is as it was\n", item->name,
		       text_at(item->outcome, "text"));
	}
	return has_passed ? EXIT_FINE : EXIT_ERRORS;
}

static void say_live(struct watch *w, const struct waiting *item)
{
	char until[WHEN_TEXT];
	struct err err = ERR_INIT;
	json_t *domain;

	if (get_domain(w, item, &domain, &err) != EXIT_FINE)
		return;
	if (w->cli->options.json)
		say_json(domain);
	else
		printf("%s is live: certificate %s by %s, valid until %s\n",
		       item->name, text_at(domain, "certificate.serial"),
		       text_at(domain, "certificate.issuer"),
		       when_at(domain, "certificate.not_after", time(NULL),
			       until));
	json_decref(domain);
}

static enum exit_code say_done(struct watch *w, const struct waiting *item)
{
	if (item->outcome)
		return say_outcome(w, item);
	say_live(w, item);
	return EXIT_FINE;
}

/* How many are not done; a failure ends the waiting for that one. */
static size_t look_at_all(struct watch *w, enum exit_code *worst)
{
	struct wait_list *list = &w->cli->wait;
	size_t left = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct waiting *item = &list->item[i];
		struct err err = ERR_INIT;
		enum exit_code code;

		if (item->is_done)
			continue;
		code = look(w, item, &err);
		if (code == EXIT_FINE && !item->is_done && !item->is_put_off) {
			left++;
			continue;
		}
		clear_line(w);
		if (code != EXIT_FINE)
			say_failure(item->name, &err);
		else
			code = item->is_done ? say_done(w, item)
					     : say_late(w, item);
		item->is_done = true;
		*worst = exit_worse(*worst, code);
	}
	return left;
}

/* Who only reads the last line is not to take it for a failure. */
static void say_goes_on(const struct watch *w)
{
	long waited = (long)((steady_ms() - w->began_ms) / 1000);
	char text[DURATION_TEXT];

	if (waited > w->cli->options.timeout)
		waited = w->cli->options.timeout;
	if (w->has_late)
		fprintf(stderr,
			"mtastsctl: stopped waiting after %s: mtastsd goes on "
			"by itself (mtastsctl status)\n",
			duration_format(waited, text));
}

enum exit_code wait_for_all(struct cli *cli)
{
	struct watch w = { .cli = cli, .began_ms = steady_ms() };
	struct wait_list *list = &cli->wait;
	enum exit_code worst = EXIT_FINE;
	size_t left;

	w.end_ms = w.began_ms + (int64_t)cli->options.timeout * 1000;
	w.to = cli->options.json ? stderr : stdout;
	w.is_terminal = isatty(fileno(w.to));
	while ((left = look_at_all(&w, &worst)) > 0 && steady_ms() < w.end_ms) {
		tell_ca(&w);
		show_waiting(&w, left);
		usleep(PAUSE_MS * 1000);
	}
	clear_line(&w);
	for (size_t i = 0; left && i < list->count; i++)
		if (!list->item[i].is_done &&
		    say_late(&w, &list->item[i]) > worst)
			worst = EXIT_ERRORS;
	say_goes_on(&w);
	free(w.ca_told);
	return worst;
}
