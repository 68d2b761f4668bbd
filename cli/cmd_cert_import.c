/*
 * mtastsctl cert import: a certificate and its key, from files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

#define PEM_MAX 65536

/* The caller releases *text, in either case. */
static bool read_all(FILE *from, struct buf *text)
{
	char part[4096];
	size_t len;

	while ((len = fread(part, 1, sizeof(part), from)) > 0) {
		if (buf_add(text, part, len))
			continue;
		errno = EFBIG;
		return false;
	}
	return !ferror(from);
}

static bool read_file(const char *path, struct buf *text, struct err *err)
{
	FILE *from = streq(path, "-") ? stdin : fopen(path, "r");
	bool ok = from && read_all(from, text);

	if (!ok)
		err_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
	if (from && from != stdin)
		fclose(from);
	return ok;
}

static void say_imported(const json_t *answer)
{
	printf("%s: certificate %s %s, until %s\n", text_at(answer, "name"),
	       text_at(answer, "domain.certificate.serial"),
	       json_is_true(value_at(answer, "changed")) ? "is served"
							 : "was served already",
	       text_at(answer, "domain.certificate.not_after"));
}

static enum exit_code send_pair(struct cli *cli, const char *name,
				const struct buf *cert, const struct buf *key,
				struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_text(body, "cert", cert->data);
	change_add_text(body, "key", key->data);
	code = change_send(cli, "POST", api_domain_path(name, "/cert/import"),
			   body, &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_imported(answer);
	json_decref(answer);
	return code;
}

static enum exit_code import(struct cli *cli, const char *name,
			     struct err *err)
{
	enum exit_code code = EXIT_USAGE;
	struct buf cert, key;

	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	if (read_file(cli->options.cert, &cert, err) &&
	    read_file(cli->options.key, &key, err))
		code = send_pair(cli, name, &cert, &key, err);
	buf_release(&cert);
	buf_release(&key);
	return code;
}

enum exit_code cmd_cert_import(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (cli->name_count == 1 && cli->options.cert && cli->options.key)
		return targets_each(cli, import);
	err_set(&err, ERR_INPUT, "cert import: which certificate, of which "
				 "domain?");
	err_hint(&err, "mtastsctl cert import %.120s --cert FILE --key FILE",
		 cli->name_count ? cli->names[0] : "NAME");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}
