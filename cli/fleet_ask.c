#include "cli/fleet_ask.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cli/change.h"
#include "cli/say.h"

/* A body with --reason and --dry-run, and what the entry says. */
static json_t *body_of(const struct cli *cli, const json_t *entry)
{
	json_t *body = change_body(cli);

	json_object_update(body, (json_t *)entry);
	return body;
}

static const char *const settings_keys[] = { "label", "rua", "track_mx",
					     "template", NULL };
static const char *const policy_keys[] = { "mx", "preset", "mode", "max_age",
					   NULL };

/* Those of the entry's fields. */
static json_t *part_of(const json_t *entry, const char *const *keys)
{
	json_t *part = json_object();

	for (; *keys; keys++)
		if (value_at(entry, *keys))
			json_object_set(part, *keys,
					(json_t *)value_at(entry, *keys));
	return part;
}

/* Takes `part`. */
static enum exit_code ask(const struct cli *cli, const char *method, char *path,
			  json_t *part, bool is_dry, json_t **answer,
			  struct err *err)
{
	json_t *body = body_of(cli, part);
	enum exit_code code;

	if (is_dry)
		json_object_set_new(body, "dry_run", json_true());
	code = api_do(cli->api, method, path, body, answer, err);
	json_decref(part);
	json_decref(body);
	free(path);
	return code;
}

enum exit_code fleet_ask_to_add(const struct cli *cli, const json_t *entry,
				 bool is_dry, json_t **answer, struct err *err)
{
	json_t *whole = json_copy((json_t *)entry);

	change_add_enforce(cli, whole);
	if (cli->options.no_adopt)
		json_object_set_new(whole, "no_adopt", json_true());
	return ask(cli, "POST", xstrdup("/v1/domains"), whole, is_dry, answer,
		   err);
}

enum exit_code fleet_ask_to_let_go(const struct cli *cli, const char *name,
				   bool is_dry, json_t **answer,
				   struct err *err)
{
	return ask(cli, "POST", api_domain_path(name, "/handover"),
		   json_pack("{s:b}", "or_remove", 1), is_dry, answer, err);
}

enum exit_code fleet_ask_settings(const struct cli *cli, const char *name,
				   const json_t *entry, bool is_dry,
				   json_t **answer, struct err *err)
{
	json_t *part = part_of(entry, settings_keys);

	if (value_at(entry, "mx") || value_at(entry, "preset"))
		json_object_set_new(part, "keep_policy", json_true());
	return ask(cli, "PATCH", api_domain_path(name, ""), part, is_dry,
		   answer, err);
}

enum exit_code fleet_ask_policy(const struct cli *cli, const char *name,
				 const json_t *entry, bool is_dry,
				 json_t **answer, struct err *err)
{
	json_t *part = part_of(entry, policy_keys);

	*answer = NULL;
	if (!json_object_size(part)) {
		json_decref(part);
		return EXIT_FINE;
	}
	change_add_enforce(cli, part);
	return ask(cli, "PUT", api_domain_path(name, "/policy"), part, is_dry,
		   answer, err);
}
