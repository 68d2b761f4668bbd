#include "daemon/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/sts_record.h"

#define TXT_PIECE 255	/* octets of one character-string (RFC 1035, 3.3) */
#define ZONE_LINE_MAX  8192

static const char *const when_names[] = {
	[RECORD_NOW] = "now",
	[RECORD_INSTEAD] = "instead",
	[RECORD_ONCE_LIVE] = "once-live",
};

const char *record_when_name(enum record_when when)
{
	return when_names[when];
}

/* Takes value. */
static void add(struct records *r, const char *prefix, const char *domain,
		const char *type, char *value, enum record_when when,
		const char *why)
{
	struct record *item = &r->item[r->count++];

	*item = (struct record){ .type = type, .value = value, .when = when,
				 .why = why };
	snprintf(item->name, sizeof(item->name), "%s.%s", prefix, domain);
}

static void add_address(struct records *r, const char *domain,
			const char *address, bool is_instead)
{
	add(r, "mta-sts", domain, strchr(address, ':') ? "AAAA" : "A",
	    xstrdup(address), is_instead ? RECORD_INSTEAD : RECORD_NOW,
	    is_instead ? "instead of the CNAME"
		       : "leads the policy host here");
}

static void add_reports(struct records *r, const struct domain *d)
{
	struct tlsrpt_record record = { .count = 0 };
	char *uris = xstrdup(d->rua), *uri, *rest = uris;

	while ((uri = strsep(&rest, ",")) != NULL)
		if (*uri)
			tlsrpt_record_add(&record, uri, NULL);
	if (record.count)
		add(r, "_smtp._tls", d->name, "TXT",
		    tlsrpt_record_format(&record), RECORD_NOW,
		    "asks senders for TLS reports");
	tlsrpt_record_release(&record);
	free(uris);
}

void records_make(struct records *r, const struct domain_facts *f,
		  const struct config *c)
{
	const struct domain *d = &f->domain;
	bool is_live = d->state == DOMAIN_LIVE;

	r->count = 0;
	if (c->host_name[0])
		add(r, "mta-sts", d->name, "CNAME",
		    xasprintf("%s.", c->host_name), RECORD_NOW,
		    "leads the policy host here");
	for (size_t i = 0; i < c->engine.address_count; i++)
		add_address(r, d->name, c->engine.address[i],
			    c->host_name[0] != '\0');
	if (f->has_policy)
		add(r, "_mta-sts", d->name, "TXT",
		    sts_record_format(f->policy.sts_id),
		    is_live ? RECORD_NOW : RECORD_ONCE_LIVE,
		    "tells senders that there is a policy, and which");
	add_reports(r, d);
}

void records_release(struct records *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->item[i].value);
	r->count = 0;
}

static void add_quoted(struct buf *b, const char *text)
{
	size_t n = 0;

	buf_puts(b, "\"");
	for (; *text; text++) {
		if (n++ == TXT_PIECE) {
			buf_puts(b, "\" \"");
			n = 1;
		}
		if (*text == '"' || *text == '\\')
			buf_puts(b, "\\");
		buf_add(b, text, 1);
	}
	buf_puts(b, "\"");
}

char *record_zone_line(const struct record *r)
{
	struct buf b;
	char *line;

	buf_init(&b, ZONE_LINE_MAX);
	buf_printf(&b, "%s. %d IN %s ", r->name, RECORD_TTL, r->type);
	if (streq(r->type, "TXT"))
		add_quoted(&b, r->value);
	else
		buf_puts(&b, r->value);
	line = buf_take(&b);
	buf_release(&b);
	return line;
}
