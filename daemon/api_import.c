/*
 * /v1/domains/NAME/cert/import: a certificate and its key from elsewhere,
 * judged by acme/cert_import.h, served until one of ours replaces it.
 */
#include <stdlib.h>
#include <string.h>

#include "acme/cert_import.h"
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/edit.h"

#define PEM_MAX 65536	/* a chain of ten certificates, or a key */

struct import_input {
	struct edit_input common;
	const char *cert, *key;
};

static bool check_size(const char *field, const char *text, struct err *err)
{
	return strlen(text) <= PEM_MAX ||
	       err_set(err, ERR_INPUT, "%s is longer than %d bytes", field,
		       PEM_MAX);
}

/* What is served now, for the trail; empty: nothing. */
static void read_serial(const struct edit *e, char out[static CERT_SERIAL_SIZE])
{
	struct cert c;

	out[0] = '\0';
	if (e->domain.cert_id &&
	    cert_current(e->call->parts->store, &e->domain, &c, NULL))
		memcpy(out, c.serial, CERT_SERIAL_SIZE);
}

static bool import(struct edit *e, void *input, struct err *err)
{
	const struct import_input *in = input;
	struct cert_import wish = { in->cert, in->key, e->call->now,
				    arc4random(),
				    e->call->parts->config->check_trust };
	char before[CERT_SERIAL_SIZE];
	struct cert c;
	bool is_news;

	if (!api_domain(e->call, &e->domain, err))
		return false;
	read_serial(e, before);
	if (!cert_import(e->call->parts->store, &e->domain, &wish, &c, &is_news,
			 err))
		return false;
	if (is_news)
		edit_note(e, "certificate", before, c.serial);
	return true;
}

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	{ "cert", JSON_IN_TEXT, offsetof(struct import_input, cert), true },
	{ "key", JSON_IN_TEXT, offsetof(struct import_input, key), true },
};

bool api_cert_import(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "cert.imported", "imported",
					       import };
	struct import_input in = { .cert = NULL };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       check_size("cert", in.cert, err) &&
	       check_size("key", in.key, err) &&
	       edit_run(call, &kind, &in, err);
}
