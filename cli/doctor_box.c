#include "cli/doctor_box.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/say.h"

#define CALL_SECONDS   2L /* for the daemon, each time */
#define PROGRAM_MS     2000L
#define CONFIG_TEXT    (256UL * 1024)
#define CONFIG_DEFAULT "/etc/mtastsd/mtastsd.conf"

/* ---- a program, asked ---- */

struct asking {
	struct loop *loop;
	char **output;
	struct err *result;
};

static void on_end(const struct err *result, const char *output, void *arg)
{
	struct asking *a = arg;

	*a->result = *result;
	*a->output = xstrdup(output);
	loop_stop(a->loop);
}

void doctor_ask(const char *const *argv, size_t output_max, long timeout_ms,
		char **output, struct err *result)
{
	const struct child_task task = { .argv = argv,
					 .input = "",
					 .timeout_ms = timeout_ms,
					 .keeps_output = true,
					 .output_max = output_max };
	struct asking a = { .output = output, .result = result };

	*output = NULL;
	a.loop = loop_new(result);
	if (a.loop && child_start(a.loop, &task, on_end, &a, result))
		loop_run(a.loop);
	loop_free(a.loop);
	if (!*output)
		*output = xstrdup("");
}

json_t *doctor_json_in(const char *output)
{
	const char *at = output;

	while (at && *at != '{') {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return at ? json_loads(at, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

/* ---- where mtastsd is ---- */

/* Beside this program, as `make` and `make install` put it. */
static void find_program(char out[static DOCTOR_PATH])
{
	char self[PATH_MAX] = "", *end;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	end = n > 0 ? strrchr(self, '/') : NULL;
	out[0] = '\0';
	if (!end)
		return;
	*end = '\0';
	snprintf(out, DOCTOR_PATH, "%.400s/mtastsd", self);
	if (access(out, X_OK) < 0)
		snprintf(out, DOCTOR_PATH, "%.400s/../sbin/mtastsd", self);
	if (access(out, X_OK) < 0)
		out[0] = '\0';
}

static json_t *facts_of_file(const struct doctor_box *b)
{
	const char *argv[] = { b->program, "--show-config",
			       b->config ? "--config" : NULL, b->config, NULL };
	struct err result = ERR_INIT;
	json_t *facts = NULL;
	char *output;

	if (!*b->program)
		return NULL;
	doctor_ask(argv, CONFIG_TEXT, PROGRAM_MS, &output, &result);
	if (result.kind == ERR_NONE)
		facts = doctor_json_in(output);
	free(output);
	return facts;
}

static void ask_daemon(struct doctor_box *b, struct api *api)
{
	struct err ignored = ERR_INIT;

	api_limit(api, CALL_SECONDS);
	if (api_do(api, "GET", "/v1/status", NULL, &b->status, &b->silence) ==
	    EXIT_FINE)
		api_do(api, "GET", "/v1/box", NULL, &b->facts, &ignored);
}

void doctor_box_init(struct doctor_box *b, struct api *api, const char *config)
{
	*b = (struct doctor_box){ .root = "", .config = config };
	loop_init_library();
	find_program(b->program);
	ask_daemon(b, api);
	if (!b->facts)
		b->facts = facts_of_file(b);
}

void doctor_box_release(struct doctor_box *b)
{
	json_decref(b->facts);
	json_decref(b->status);
}

/* ---- what looks have in common ---- */

const char *doctor_config_of(const struct doctor_box *box)
{
	const char *read = text_at(box->facts, "config");

	if (*read)
		return read;
	return box->config ? box->config : CONFIG_DEFAULT;
}

bool doctor_knows_config(const struct doctor_box *box, struct doctor_notes *n)
{
	if (!box->facts)
		doctor_say(n, DOCTOR_UNSEEN, "config.unknown",
			   "the configuration is not known");
	return box->facts != NULL;
}

char *doctor_path(const struct doctor_box *box, const char *path)
{
	return xasprintf("%s%s", box->root, path);
}

bool doctor_is_there(const struct doctor_box *box, const char *path)
{
	char *whole = doctor_path(box, path);
	bool is = access(whole, F_OK) == 0;

	free(whole);
	return is;
}

bool doctor_has_systemd(const struct doctor_box *box)
{
	return doctor_is_there(box, "/run/systemd/system");
}

bool doctor_has_unit(const struct doctor_box *box, const char *unit)
{
	static const char *const folders[] = {
		"/etc/systemd/system",
		"/usr/lib/systemd/system",
		"/usr/local/lib/systemd/system",
		"/lib/systemd/system",
	};
	bool has = false;

	for (size_t i = 0; i < ARRAY_LEN(folders) && !has; i++) {
		char *path = xasprintf("%s/%s", folders[i], unit);

		has = doctor_is_there(box, path);
		free(path);
	}
	return has;
}
