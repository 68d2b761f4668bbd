#include "policy/sts_record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/domain_name.h"
#include "policy/grammar.h"

#define QUOTE_MAX   60
#define URI_MAX     500
#define RECORD_MAX  (TLSRPT_URI_LIMIT * (URI_MAX + 1) + 64)
#define MAILTO      "mailto:"
#define HEX         "0123456789abcdefABCDEF"
#define LAST_SECOND 253402300799 /* of the year 9999 */

/* ids */

bool sts_id_is_valid(const char *id)
{
	size_t len = strnlen(id, STS_ID_SIZE);

	return len >= 1 && len <= STS_ID_MAX &&
	       strspn(id, GRAMMAR_ALNUM) == len;
}

void sts_id_make(time_t at, unsigned nth, char out[static STS_ID_SIZE])
{
	char digits[12];
	struct tm tm;
	size_t used;
	int n;

	/* A clock beside itself still gives an id, and `nth` a new one. */
	at = at < 0 ? 0 : at > LAST_SECOND ? LAST_SECOND : at;
	gmtime_r(&at, &tm);
	used = strftime(out, STS_ID_SIZE, "%Y%m%dT%H%M%SZ", &tm);
	if (nth == 0)
		return;

	/* The letter counts the digits, so that 10 sorts behind 9. */
	n = snprintf(digits, sizeof(digits), "%u", nth);
	snprintf(out + used, STS_ID_SIZE - used, "%c%s", 'a' + n - 1, digits);
}

/* The grammar that both records share: "v=X; name=value; name=value;" */

/* What follows "v=X", as senders look for it; NULL: to be skipped. */
static const char *after_version(const char *text, const char *version,
				 struct err *err)
{
	size_t len = strlen(version);
	char *shown;

	if (str_starts(text, version) && text[len] == ';')
		return text + len;
	shown = str_quoted(text, QUOTE_MAX);
	err_set(err, ERR_NOT_FOUND, "%s does not begin with \"%s;\"", shown,
		version);
	err_hint(err, "write \"%s;\" first, the semicolon right behind",
		 version);
	free(shown);
	return NULL;
}

static bool is_field_value(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (value[i] < 0x21 || value[i] > 0x7e || value[i] == '=')
			return false;
	return len > 0;
}

/* Splits "name=value" where it stands; NULL if it is no such thing. */
static char *split_field(char *field)
{
	char *value = strchr(field, '=');

	if (value)
		*value++ = '\0';
	if (!value || !grammar_is_field_name(field) ||
	    strchr(GRAMMAR_SPACE, *value))
		return NULL; /* strchr: no value at all is found as well */
	return value;
}

struct wanted {
	const char *name; /* the one field that must be there */
	bool (*take)(void *arg, char *value, struct err *err);
	void *arg;
	bool is_seen;
};

static bool take_field(struct wanted *w, char *field, struct err *err)
{
	char *shown = xstrdup(field), *value = split_field(field);
	bool ok;

	if (value && streq(field, w->name)) {
		ok = w->is_seen
			     ? grammar_refuse(shown, "is there a second time",
					      "keep one of the two", err)
			     : w->take(w->arg, value, err);
		w->is_seen = true;
	} else {
		ok = (value && is_field_value(value)) ||
		     grammar_refuse(shown, "is not \"name=value\"",
				    "write such fields, each with \";\" behind",
				    err);
	}
	free(shown);
	return ok;
}

/* Cuts white space at both ends, where it stands. */
static char *trim(char *s)
{
	size_t len;

	s += strspn(s, GRAMMAR_SPACE);
	len = strlen(s);
	while (len && strchr(GRAMMAR_SPACE, s[len - 1]))
		s[--len] = '\0';
	return s;
}

static bool take_fields(struct wanted *w, char *list, struct err *err)
{
	char *next = list, *field;

	strsep(&next, ";"); /* what stands before the first is the version */
	while (next) {
		field = trim(strsep(&next, ";"));
		if (!*field && !next)
			break; /* one more ";" may end the record */
		if (!take_field(w, field, err))
			return false;
	}
	if (w->is_seen)
		return true;
	err_set(err, ERR_INPUT, "the record has no \"%s=\"", w->name);
	return err_hint(err, "write \"%s=...;\" behind the version", w->name);
}

static bool parse_record(const char *text, const char *version,
			 struct wanted *w, struct err *err)
{
	const char *rest = after_version(text, version, err);
	char *list;
	bool ok;

	if (!rest)
		return false;
	list = xstrdup(rest);
	ok = take_fields(w, list, err);
	free(list);
	return ok;
}

/* _mta-sts */

char *sts_record_format(const char *id)
{
	assert(sts_id_is_valid(id));
	return xasprintf("v=STSv1; id=%s;", id);
}

static bool take_id(void *arg, char *value, struct err *err)
{
	if (!sts_id_is_valid(value))
		return grammar_refuse(value, "is not an id",
				      "write 1 to 32 letters and digits", err);
	memcpy(arg, value, strlen(value) + 1);
	return true;
}

bool sts_record_parse(const char *text, char id[static STS_ID_SIZE],
		      struct err *err)
{
	char found[STS_ID_SIZE] = "";
	struct wanted w = { .name = "id", .take = take_id, .arg = found };

	if (!parse_record(text, "v=STSv1", &w, err))
		return false;
	memcpy(id, found, strlen(found) + 1);
	return true;
}

/* _smtp._tls */

/* RFC 3986's characters, and every "%" with its two digits. */
static bool has_uri_characters(const char *uri)
{
	static const char allowed[] = GRAMMAR_ALNUM "-._~:/?#[]@$&'()*+=%";

	if (strspn(uri, allowed) < strlen(uri))
		return false;
	for (uri = strchr(uri, '%'); uri; uri = strchr(uri + 1, '%'))
		if (strspn(uri + 1, HEX) < 2)
			return false;
	return true;
}

/* "user@host", and perhaps "?subject=..." */
static bool is_mailbox(const char *text, struct err *err)
{
	size_t local = strcspn(text, "@?"), len;
	char host[DOMAIN_NAME_SIZE], *copy;
	bool ok;

	if (local == 0 || text[local] != '@')
		return grammar_refuse(
			text, "is not a mail address",
			"write one such as mailto:tls@example.org", err);
	text += local + 1;
	len = strcspn(text, "?");
	copy = xstrndup(text, len);
	ok = host_name_normalise(copy, host, err);
	free(copy);
	return ok;
}

/* A host must stand there; names, addresses and ports are all well. */
static bool is_web_location(const char *text, struct err *err)
{
	return strcspn(text, "/?#") > 0 ||
	       grammar_refuse(text, "has no host",
			      "write one such as https://example.org/reports",
			      err);
}

static const struct {
	const char *scheme;
	bool (*check)(const char *rest, struct err *err);
} schemes[] = {
	{ MAILTO, is_mailbox },
	{ "https://", is_web_location },
};

/* Its length if the URI has this scheme, in any case; else 0. */
static size_t scheme_len(const char *uri, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncasecmp(uri, scheme, len) == 0 ? len : 0;
}

static bool check_uri(const char *uri, struct err *err)
{
	if (strlen(uri) > URI_MAX)
		return grammar_refuse(uri, "is too long for a report URI",
				      "write one of at most 500 characters",
				      err);
	if (!has_uri_characters(uri))
		return grammar_refuse(
			uri, "has a character that no URI has",
			"percent-encode it: %2C for a comma, %21 for \"!\"",
			err);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = scheme_len(uri, schemes[i].scheme);

		if (len)
			return schemes[i].check(uri + len, err);
	}
	return grammar_refuse(uri, "is not a URI for reports",
			      "write mailto:ADDRESS or https://HOST/PATH", err);
}

static bool append_uri(struct tlsrpt_record *r, const char *uri,
		       struct err *err)
{
	if (!check_uri(uri, err))
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (streq(r->uri[i], uri))
			return true;
	if (r->count == TLSRPT_URI_LIMIT)
		return grammar_refuse(
			uri, "is one report URI too many",
			"keep to 8: many senders use the first one only", err);
	r->uri[r->count++] = xstrdup(uri);
	return true;
}

char *tlsrpt_record_format(const struct tlsrpt_record *r)
{
	struct buf out;

	assert(r->count > 0);
	buf_init(&out, RECORD_MAX);
	buf_puts(&out, "v=TLSRPTv1; rua=");
	for (size_t i = 0; i < r->count; i++)
		buf_printf(&out, "%s%s", i ? "," : "", r->uri[i]);
	return buf_take(&out);
}

static bool take_rua(void *arg, char *value, struct err *err)
{
	while (value)
		if (!append_uri(arg, trim(strsep(&value, ",")), err))
			return false;
	return true;
}

bool tlsrpt_record_parse(struct tlsrpt_record *r, const char *text,
			 struct err *err)
{
	struct wanted w = { .name = "rua", .take = take_rua, .arg = r };

	*r = (struct tlsrpt_record){ 0 };
	if (parse_record(text, "v=TLSRPTv1", &w, err))
		return true;
	tlsrpt_record_release(r);
	return false;
}

/* What ends a URI in the record is written as %NN (RFC 8460, 3). */
static bool encode(struct buf *out, const char *text)
{
	bool ok = true;

	for (; ok && *text; text++)
		ok = strchr(",!;", *text)
			     ? buf_printf(out, "%%%02X", (unsigned)*text)
			     : buf_add(out, text, 1);
	return ok;
}

/* A bare address: with its scheme, and the domain as A-labels. */
static bool write_address(struct buf *out, const char *text, const char *at,
			  struct err *err)
{
	char host[DOMAIN_NAME_SIZE];
	char *local;

	if (!host_name_normalise(at + 1, host, err))
		return false;
	local = xstrndup(text, (size_t)(at - text));
	buf_puts(out, MAILTO);
	if (encode(out, local))
		buf_printf(out, "@%s", host);
	free(local);
	return true;
}

bool tlsrpt_record_add(struct tlsrpt_record *r, const char *uri,
		       struct err *err)
{
	char *text = xstrndup(uri, URI_MAX + 1), *bare = trim(text);
	const char *address = bare + scheme_len(bare, MAILTO);
	const char *at = strrchr(address, '@');
	struct buf out;
	bool ok = true;

	/* Room for what is too long as well: check_uri says so. */
	buf_init(&out, (size_t)4 * URI_MAX);
	if (at && !strpbrk(address, ":/?"))
		ok = write_address(&out, address, at, err);
	else
		encode(&out, bare);
	ok = ok && append_uri(r, out.data, err);
	buf_release(&out);
	free(text);
	return ok;
}

void tlsrpt_record_release(struct tlsrpt_record *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->uri[i]);
	*r = (struct tlsrpt_record){ 0 };
}
