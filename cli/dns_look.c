#include "cli/dns_look.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/when.h"
#include "cli/say.h"

#define NAMES_MOST 8 /* each may cost as long as nobody answers */
#define OLD	   (5 * WHEN_MINUTE)
#define TRIES	   40 /* quarters of a second */

static json_t *ask(struct cli *cli, const char *method, const char *name,
		   const char *rest)
{
	char *path = api_domain_path(name, rest);
	struct err ignored = ERR_INIT;
	json_t *answer = NULL;

	api_do(cli->api, method, path, NULL, &answer, &ignored);
	free(path);
	return answer;
}

static bool is_old(struct cli *cli, const char *name)
{
	json_t *d = ask(cli, "GET", name, "/policy/proposal");
	const json_t *ago = value_at(d, "looked_ago");
	bool old = d &&
		   (!json_is_integer(ago) || json_integer_value(ago) > OLD);

	json_decref(d);
	return old;
}

/* Instants of one form sort as their texts do. */
static bool is_over(struct cli *cli, const char *name, const char *asked)
{
	json_t *d = ask(cli, "GET", name, "/policy/proposal");
	bool over = !d || strcmp(text_at(d, "looked"), asked) >= 0;

	json_decref(d);
	return over;
}

void dns_look(struct cli *cli, const char *name)
{
	json_t *begun = ask(cli, "POST", name, "/look");

	for (int i = 0; begun && i < TRIES; i++) {
		if (is_over(cli, name, text_at(begun, "asked")))
			break;
		usleep(250000);
	}
	json_decref(begun);
}

void dns_look_if_old(struct cli *cli, const char *name)
{
	if (cli->name_count && cli->name_count <= NAMES_MOST &&
	    is_old(cli, name))
		dns_look(cli, name);
}
