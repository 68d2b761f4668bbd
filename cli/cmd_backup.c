/*
 * mtastsctl backup FILE|-
 *
 * What comes is looked at on its way (base/seal.h): a backup that is not whole
 * is an error here, and no file.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/seal.h"
#include "base/str.h"
#include "base/write_all.h"
#include "cli/command.h"
#include "cli/new_file.h"
#include "cli/say.h"

#define KIND "mtastsd-backup"

struct backup {
	struct new_file file;
	bool is_stream; /* to standard output */
	struct unsealer seal;
	struct err *err;
};

static bool put(struct backup *b, const void *data, size_t len)
{
	if (!b->is_stream)
		return new_file_write(&b->file, data, len, b->err);
	return write_all(STDOUT_FILENO, data, len) ||
	       err_sys(b->err, "write standard output");
}

static bool take(const void *data, size_t len, void *arg)
{
	struct backup *b = arg;
	const void *body;
	size_t inside;

	return unsealer_feed(&b->seal, data, len, &body, &inside, b->err) &&
	       put(b, data, len);
}

static bool finish(struct backup *b)
{
	if (!unsealer_end(&b->seal, b->err))
		return err_prefix(b->err, "what mtastsd sent");
	if (!b->is_stream)
		return new_file_keep(&b->file, b->err);
	return fsync(STDOUT_FILENO) == 0 || errno == EINVAL || errno == EROFS ||
	       errno == ENOTSUP || err_sys(b->err, "write standard output");
}

static void say(const struct cli *cli, const struct backup *b)
{
	const struct seal_about *about = &b->seal.about;
	const char *name = b->is_stream ? "standard output" : b->file.path;
	json_t *facts;

	if (!cli->options.json) {
		fprintf(b->is_stream ? stderr : stdout,
			"%s: the box as of %s, %.1f MB. All private keys are "
			"in it: guard it well\n",
			name, about->made, (double)about->size / 1e6);
		return;
	}
	facts = json_pack("{s:s, s:s, s:I, s:s, s:I, s:s}", "file", name,
			  "made", about->made, "size", (json_int_t)about->size,
			  "program", about->program, "schema",
			  (json_int_t)about->schema, "sha256", b->seal.hex);
	say_json(facts);
	json_decref(facts);
}

static enum exit_code transfer(struct cli *cli, struct backup *b)
{
	const char *reason = cli->options.reason;
	json_t *body = json_object();
	enum exit_code code;

	if (reason)
		json_object_set_new(body, "reason", json_string(reason));
	unsealer_init(&b->seal, KIND);
	code = api_stream(cli->api, "/v1/backup", body, take, b, b->err);
	if (code == EXIT_FINE && !finish(b))
		code = EXIT_ERRORS;
	if (code == EXIT_FINE)
		say(cli, b);
	unsealer_release(&b->seal);
	json_decref(body);
	return code;
}

static enum exit_code to_stream(struct cli *cli, struct backup *b)
{
	if (cli->options.json || cli->options.replace) {
		err_set(b->err, ERR_INPUT, "--%s goes with a file, not with -",
			cli->options.json ? "json" : "replace");
		return EXIT_USAGE;
	}
	if (isatty(STDOUT_FILENO)) {
		err_set(b->err, ERR_REFUSED,
			"standard output is a terminal: no backup is shown");
		err_hint(b->err, "pipe it into what encrypts it: mtastsctl "
				 "backup - | gpg -e -r YOU >FILE");
		return EXIT_REFUSED;
	}
	signal(SIGPIPE, SIG_IGN);
	return transfer(cli, b);
}

static enum exit_code to_file(struct cli *cli, struct backup *b)
{
	enum exit_code code;

	if (!new_file_open(&b->file, cli->names[0], cli->options.replace,
			   b->err))
		return b->err->kind == ERR_REFUSED ? EXIT_REFUSED : EXIT_ERRORS;
	code = transfer(cli, b);
	new_file_close(&b->file);
	return code;
}

enum exit_code cmd_backup(struct cli *cli)
{
	struct err err = ERR_INIT;
	struct backup b = { .is_stream = streq(cli->names[0], "-"),
			    .err = &err };
	enum exit_code code = b.is_stream ? to_stream(cli, &b)
					  : to_file(cli, &b);

	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	return code;
}
