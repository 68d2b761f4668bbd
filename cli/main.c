/*
 * mtastsctl: the administrator's hand on mtastsd.
 *
 * It knows no database and decides nothing: it reads the command line, asks
 * the daemon over its admin socket, and shows the answer.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/say.h"

static enum exit_code usage(const struct err *err)
{
	say_failure(NULL, err);
	return EXIT_USAGE;
}

/* Mail is read by those who may do nothing else. */
static const char *usual_socket(const struct command *c)
{
	return c->run == cmd_report_import || c->run == cmd_report_fetch
		       ? SUBMIT_DEFAULT
		       : SOCKET_DEFAULT;
}

static const char *socket_path(const struct options *o, const struct command *c)
{
	const char *from_env = getenv("MTASTS_SOCKET");

	if (o->socket)
		return o->socket;
	return str_is_empty(from_env) ? usual_socket(c) : from_env;
}

static enum exit_code run(struct cli *cli, const struct command *c)
{
	enum exit_code code, waited;

	cli->api = api_new(socket_path(&cli->options, c), !cli->options.json);
	code = c->run(cli);
	waited = wait_for_all(cli);
	change_print_plan(cli);
	wait_release(&cli->wait);
	api_free(cli->api);
	return exit_worse(code, waited);
}

static enum exit_code find_and_run(struct cli *cli)
{
	const struct words *words = &cli->options.words;
	struct err err = ERR_INIT;
	const struct command *c;
	size_t used = 0;

	c = command_find(words, &used, &err);
	if (!c)
		return usage(&err);
	cli->names = words->item + used;
	cli->name_count = words->count - used;
	cli->command = c;
	if (!command_check(c, cli, &err))
		return usage(&err);
	return run(cli, c);
}

/* "help NOUN VERB", "NOUN VERB --help", "NOUN --help" ... */
static enum exit_code help(const struct words *words)
{
	struct words about = *words;
	struct err err = ERR_INIT;

	while (about.count && streq(about.item[0], "help")) {
		about.item++;
		about.count--;
	}
	if (about.count && !command_is_known(&about, &err))
		return usage(&err);
	command_help(stdout, about.count > 0 ? about.item[0] : NULL,
		     about.count > 1 ? about.item[1] : NULL);
	return EXIT_FINE;
}

/* For `make install`. */
static enum exit_code completion(const struct words *words)
{
	if (words->count == 2 && completion_print(stdout, words->item[1]))
		return EXIT_FINE;
	fputs("usage: mtastsctl completion bash|zsh\n", stderr);
	return EXIT_USAGE;
}

static enum exit_code dispatch(struct cli *cli)
{
	const struct options *o = &cli->options;

	if (o->version) {
		puts("mtastsctl " MTASTSD_VERSION);
		return EXIT_FINE;
	}
	if (o->help || (o->words.count && streq(o->words.item[0], "help")))
		return help(&o->words);
	if (!o->words.count) {
		command_help(stderr, NULL, NULL);
		return EXIT_USAGE;
	}
	if (streq(o->words.item[0], "completion"))
		return completion(&o->words);
	return find_and_run(cli);
}

int main(int argc, char **argv)
{
	struct cli cli = { .api = NULL };
	struct err err = ERR_INIT;
	enum exit_code code;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (options_parse(&cli.options, argc - 1,
			  (const char *const *)argv + 1, &err))
		code = dispatch(&cli);
	else
		code = usage(&err);
	options_release(&cli.options);
	curl_global_cleanup();
	return code;
}
