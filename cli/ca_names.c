#include "cli/ca_names.h"

#include "cli/say.h"

static enum exit_code all_there_are(struct cli *cli, struct words *names,
				    struct err *err)
{
	enum exit_code code;
	json_t *answer, *ca;
	size_t i;

	code = api_do(cli->api, "GET", "/v1/cas", NULL, &answer, err);
	if (code != EXIT_FINE)
		return code;
	json_array_foreach(value_at(answer, "cas"), i, ca) {
		words_add(names, text_at(ca, "name"));
	}
	json_decref(answer);
	return EXIT_FINE;
}

static enum exit_code find_names(struct cli *cli, struct words *names,
				 struct err *err)
{
	for (size_t i = 0; i < cli->name_count; i++)
		words_add(names, cli->names[i]);
	return names->count ? EXIT_FINE : all_there_are(cli, names, err);
}

static enum exit_code do_each(struct cli *cli, const struct words *names,
			      target_fn *one)
{
	enum exit_code worst = EXIT_FINE, code;

	for (size_t i = 0; i < names->count; i++) {
		struct err err = ERR_INIT;

		code = one(cli, names->item[i], &err);
		if (code != EXIT_FINE)
			say_failure(names->item[i], &err);
		worst = exit_worse(worst, code);
		if (code == EXIT_UNREACHABLE)
			break;
	}
	return worst;
}

static enum exit_code which(const struct words *names)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_INPUT, "which CA?");
	err_hint(&err, names->count ? "there are several: mtastsctl ca list"
				    : "none is configured");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

static enum exit_code run(struct cli *cli, bool only_one, target_fn *one)
{
	struct words names = { 0 };
	struct err err = ERR_INIT;
	enum exit_code code = find_names(cli, &names, &err);

	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	else if (only_one && names.count != 1)
		code = which(&names);
	else
		code = do_each(cli, &names, one);
	words_release(&names);
	return code;
}

enum exit_code ca_names_each(struct cli *cli, target_fn *one)
{
	return run(cli, false, one);
}

enum exit_code ca_names_one(struct cli *cli, target_fn *one)
{
	return run(cli, true, one);
}
