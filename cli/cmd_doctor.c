/*
 * mtastsctl doctor: is this machine fit to be a box?
 *
 * It asks the daemon what it knows, and looks by itself whether one runs or
 * not. It changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/steady.h"
#include "cli/command.h"
#include "cli/doctor_box.h"
#include "cli/doctor_view.h"
#include "cli/say.h"

static void show(const struct cli *cli, const struct doctor_result *r)
{
	json_t *view;

	if (!cli->options.json) {
		doctor_view_print(r, stdout);
		return;
	}
	view = doctor_view_json(r);
	say_json(view);
	json_decref(view);
}

enum exit_code cmd_doctor(struct cli *cli)
{
	int64_t begun = steady_ms();
	struct doctor_result result;
	struct doctor_box box;
	enum exit_code code;

	doctor_box_init(&box, cli->api, cli->options.config);
	doctor_run(&box, DOCTOR_SECONDS * 1000 - (long)(steady_ms() - begun),
		   &result);
	show(cli, &result);
	code = doctor_view_code(&result);
	if (!result.is_whole) { /* looks go on, with what is in use here */
		fflush(stdout);
		_exit(code);
	}
	free(result.note);
	doctor_box_release(&box);
	return code;
}
