#include "daemon/publish_problem.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define LINE_MAX_SHOWN 200

#define FILE_HINT                                                              \
	"it is to hold one line for knsupdate, algorithm:name:secret, or a "   \
	"key clause for nsupdate: see mtastsd.conf(5)"
#define CONNECT_HINT                                                           \
	"is publish_server right, does it run, and does it answer over TCP?"
#define KEY_HINT                                                               \
	"compare the name, the algorithm and the secret in publish_key_file "  \
	"with those that the server has"

/*
 * The first that is found counts: the file's words before the TSIG's, and
 * those before the answer's.
 */
static const struct {
	const char *word, *text, *hint;
} known[] = {
	{ "failed to parse keyfile", "publish_key_file cannot be read as a key",
	  FILE_HINT },
	{ "could not read key", "publish_key_file cannot be read as a key",
	  FILE_HINT },
	{ "BADSIG", "the server does not accept our key: BADSIG", KEY_HINT },
	{ "BADKEY", "the server does not know our key: BADKEY", KEY_HINT },
	{ "BADTIME", "the server's clock or ours is wrong: BADTIME",
	  "set both by NTP" },
	{ "NOTAUTH",
	  "the server does not have this zone, or not for our key: "
	  "NOTAUTH",
	  "is delegate_zone a zone of publish_server, and may the key change "
	  "it?" },
	{ "NOTZONE", "a name does not lie in the zone: NOTZONE",
	  "is delegate_zone the name of the zone itself?" },
	{ "REFUSED", "the server refuses the update: REFUSED",
	  "it must allow this key to change the zone: in Knot an acl with "
	  "action: update, in BIND an update-policy" },
	{ "SERVFAIL", "the server could not do it: SERVFAIL",
	  "its log says why" },
	{ "FORMERR", "the server does not understand the update: FORMERR",
	  "its log says why" },
	{ "imeout", "the server does not answer",
	  "is publish_server right, and can it be reached, over TCP too?" },
	{ "timed out", "the server does not answer",
	  "is publish_server right, and can it be reached, over TCP too?" },
	{ "onnection refused", "the server takes no connection", CONNECT_HINT },
	{ "can't connect", "the server takes no connection", CONNECT_HINT },
	{ "Communication with", "the server cannot be reached", CONNECT_HINT },
};

/* Borrowed from `text`, which is cut there. */
static const char *last_line(char *text)
{
	size_t len = strlen(text);
	char *line;

	while (len && strchr("\r\n \t", text[len - 1]))
		text[--len] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static void add_last_line(const char *output, struct err *err)
{
	char *copy = xstrdup(output);
	char *line = str_printable(last_line(copy), LINE_MAX_SHOWN);
	struct err as_it_was = *err;

	if (*line) {
		err_set(err, as_it_was.kind, "%.200s: %s", as_it_was.text,
			line);
		err_hint(err, "%s", as_it_was.hint);
	}
	free(line);
	free(copy);
}

void publish_problem(const char *output, bool is_hook, struct err *err)
{
	for (size_t i = 0; !is_hook && i < ARRAY_LEN(known); i++) {
		if (!strstr(output, known[i].word))
			continue;
		err_set(err, err->kind, "%s", known[i].text);
		err_hint(err, "%s", known[i].hint);
		return;
	}
	add_last_line(output, err);
}
