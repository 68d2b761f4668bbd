#include "daemon/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/zone.h"
#include "httpd/report.h"
#include "policy/sts_record.h"

#define TXT_PIECE 255	/* octets of one character-string (RFC 1035, 3.3) */
#define ZONE_LINE_MAX  8192
#define COMMANDS_MAX   65536

static const char *const when_names[] = {
	[RECORD_NOW] = "now",
	[RECORD_INSTEAD] = "instead",
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

char *records_own_collector(const struct domain *d, bool collects)
{
	if (!collects || !d->report_token[0])
		return xstrdup("");
	return xasprintf("https://mta-sts.%s" HTTPD_REPORT_PATH "%s", d->name,
			 d->report_token);
}

char *records_collectors(const struct domain *d, bool collects)
{
	char *own = records_own_collector(d, collects);
	char *all = xasprintf("%s%s%s", own, *own && d->rua[0] ? "," : "",
			      d->rua);

	free(own);
	return all;
}

char *records_reports(const struct domain *d, bool collects)
{
	struct tlsrpt_record record = { .count = 0 };
	char *uris = records_collectors(d, collects), *uri, *rest = uris;
	char *text = NULL;

	while ((uri = strsep(&rest, ",")) != NULL)
		if (*uri)
			tlsrpt_record_add(&record, uri, NULL);
	if (record.count)
		text = tlsrpt_record_format(&record);
	tlsrpt_record_release(&record);
	free(uris);
	return text;
}

/* ---- the delegated form: CNAMEs, set once ---- */

static void add_cname(struct records *r, const char *prefix, const char *domain,
		      const char *to, const char *why)
{
	add(r, prefix, domain, "CNAME", xasprintf("%s.", to), RECORD_NOW, why);
}

static void add_delegated(struct records *r, const struct domain *d,
			  const struct config *c)
{
	char to[DOMAIN_NAME_SIZE];

	if (c->host_name[0])
		add_cname(r, "mta-sts", d->name, c->host_name,
			  "leads the policy host here");
	if (!c->publish.zone[0])
		return;
	zone_sts_name(c->publish.zone, d->name, to);
	add_cname(r, "_mta-sts", d->name, to,
		  "leads to what tells senders of the policy");
	zone_tls_name(c->publish.zone, d->name, to);
	add_cname(r, "_smtp._tls", d->name, to,
		  "leads to what asks senders for TLS reports, if anything");
}

/* ---- the plain form ---- */

static void add_policy(struct records *r, const struct domain *d,
		       const char *sts_id, bool is_instead)
{
	add(r, "_mta-sts", d->name, "TXT", sts_record_format(sts_id),
	    is_instead ? RECORD_INSTEAD : RECORD_NOW,
	    is_instead ? "instead of the CNAME; a new one for each policy"
		       : "tells senders that there is a policy, and which");
}

static void add_reports(struct records *r, const struct domain *d,
			bool collects, bool is_instead)
{
	char *text = records_reports(d, collects);

	if (text)
		add(r, "_smtp._tls", d->name, "TXT", text,
		    is_instead ? RECORD_INSTEAD : RECORD_NOW,
		    is_instead ? "instead of the CNAME"
			       : "asks senders for TLS reports");
}

bool records_have_policy(const struct domain_facts *f)
{
	bool is_there = f->reached.at && watch_announced(&f->watch,
							 f->policy.sts_id) ==
						 ANNOUNCED_IN_STEP;

	return f->has_policy &&
	       (announce_stands(f->announce, &f->domain, &f->reached) ||
		is_there);
}

void records_make(struct records *r, const struct domain_facts *f,
		  const struct config *c)
{
	const struct domain *d = &f->domain;
	bool is_delegated = c->publish.zone[0] != '\0';

	r->count = 0;
	if (d->leaving == DOMAIN_HANDING_OVER)
		return;
	add_delegated(r, d, c);
	for (size_t i = 0; i < c->engine.address_count; i++)
		add_address(r, d->name, c->engine.address[i],
			    c->host_name[0] != '\0');
	if (records_have_policy(f))
		add_policy(r, d, f->policy.sts_id, is_delegated);
	add_reports(r, d, c->collect_reports, is_delegated);
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

void record_add_value(struct buf *b, const char *type, const char *value)
{
	if (streq(type, "TXT"))
		add_quoted(b, value);
	else
		buf_puts(b, value);
}

char *record_zone_line(const struct record *r)
{
	struct buf b;
	char *line;

	buf_init(&b, ZONE_LINE_MAX);
	buf_printf(&b, "%s. %d IN %s ", r->name, RECORD_TTL, r->type);
	record_add_value(&b, r->type, r->value);
	line = buf_take(&b);
	buf_release(&b);
	return line;
}

/* ---- commands ---- */

/* Nothing may stand beside a CNAME; A and AAAA are one thing here. */
static void add_deletes(struct buf *b, const struct record *r)
{
	if (streq(r->type, "CNAME")) {
		buf_printf(b, "update delete %s.\n", r->name);
		return;
	}
	buf_printf(b, "update delete %s. CNAME\n", r->name);
	if (streq(r->type, "TXT"))
		buf_printf(b, "update delete %s. TXT\n", r->name);
	else
		buf_printf(b,
			   "update delete %s. A\n"
			   "update delete %s. AAAA\n",
			   r->name, r->name);
}

char *records_commands(const struct records *r)
{
	const char *last = "";
	struct buf b;
	char *text;

	buf_init(&b, COMMANDS_MAX);
	for (size_t i = 0; i < r->count; i++) {
		const struct record *item = &r->item[i];

		if (item->when != RECORD_NOW)
			continue;
		if (!streq(item->name, last))
			add_deletes(&b, item);
		last = item->name;
		buf_printf(&b, "update add %s. %d %s ", item->name, RECORD_TTL,
			   item->type);
		record_add_value(&b, item->type, item->value);
		buf_puts(&b, "\n");
	}
	buf_puts(&b, b.len ? "send\n" : "; nothing is due now\n");
	text = buf_take(&b);
	buf_release(&b);
	return text;
}
