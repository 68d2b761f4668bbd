/*
 * policy/findings*.c: for every finding a row of facts in which it appears,
 * and facts near by in which it does not.
 *
 * Facts are written as what differs from a domain that is all well:
 * "key=value" with "~" between.
 */
#include "policy/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "policy/provider.h"

#define NOW  1795464900
#define V4   "192.0.2.1"
#define V6   "2001:db8::1"
#define BODY                                                                   \
	"version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\n"            \
	"mx: b.example.org\r\nmax_age: 1209600\r\n"

static struct check_facts *f; /* that are being made */

/* ---- facts out of words ---- */

static long number(const char *value)
{
	return strtol(value, NULL, 10);
}

static enum check_look look(const char *value)
{
	static const char *const names[] = {
		[CHECK_NOT_TESTED] = "none",   [CHECK_SEEN] = "seen",
		[CHECK_ABSENT] = "absent",     [CHECK_FAILED] = "failed",
		[CHECK_TIMED_OUT] = "timeout",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (streq(names[i], value))
			return (enum check_look)i;
	fail_msg("%s is no look", value);
	return CHECK_NOT_TESTED;
}

static void set_txt(struct check_txt *t, const char *value)
{
	char *copy = xstrdup(value), *rest = copy, *one;

	memset(t, 0, sizeof(*t));
	t->look = CHECK_SEEN;
	while ((one = strsep(&rest, "|")))
		str_copy(t->text[t->count++], CHECK_TXT_SIZE, one);
	free(copy);
}

static void set_look(struct check_txt *t, const char *value)
{
	memset(t, 0, sizeof(*t));
	t->look = look(value);
	str_copy(t->problem, sizeof(t->problem), "SERVFAIL");
}

static void sts(const char *v) { set_txt(&f->sts, v); }
static void sts_look(const char *v) { set_look(&f->sts, v); }
static void ttl(const char *v) { f->sts.ttl = number(v); }
static void differs(const char *v) { f->sts.differs = number(v); }
static void root(const char *v) { set_txt(&f->root, v); }
static void rpt(const char *v) { set_txt(&f->report, v); }
static void rpt_look(const char *v) { set_look(&f->report, v); }
static void keys(const char *v) { f->zone_keys = look(v); }
static void zone(const char *v) { f->zone = look(v); }

static void resolver(const char *v)
{
	str_copy(f->bad_resolver, sizeof(f->bad_resolver), v);
}

static void set_host(struct check_host *h, const char *value)
{
	char *copy = xstrdup(value), *rest = copy, *one;

	h->look = CHECK_SEEN;
	h->count = 0;
	while ((one = strsep(&rest, ",")))
		str_copy(h->address[h->count++], DNS_ADDRESS_TEXT, one);
	free(copy);
}

static void set_host_look(struct check_host *h, const char *value)
{
	h->look = look(value);
	h->count = 0;
}

static void host(const char *v) { set_host(&f->host, v); }
static void host_look(const char *v) { set_host_look(&f->host, v); }
static void alias(const char *v) { str_copy(f->host.alias, 256, v); }
static void private(const char *v) { str_copy(f->host.private, 46, v); }
static void port80(const char *v) { f->port80 = look(v); }

static struct check_https *h4(void) { return &f->https[0]; }
static struct check_https *h6(void) { return &f->https[1]; }

static void out4(const char *v)
{
	h4()->outcome = (enum https_outcome)number(v);
}

static void out6(const char *v)
{
	h6()->outcome = (enum https_outcome)number(v);
}

static void took(const char *v) { h4()->elapsed_ms = number(v); }
static void status(const char *v) { h4()->status = number(v); }
static void location(const char *v) { str_copy(h4()->location, 200, v); }
static void type(const char *v) { str_copy(h4()->content_type, 200, v); }

static void set_body(struct check_https *h, const char *v)
{
	h->body_len = strlen(v);
	memcpy(h->body, v, h->body_len + 1);
}

/* What is served is what was made, unless it is said to be. */
static void body(const char *v)
{
	set_body(h4(), v);
	set_body(h6(), v);
	f->expected.body = NULL;
}

static void body6(const char *v) { set_body(h6(), v); }
/* Facts borrow it. */
static void ours(const char *v)
{
	static char kept[100];

	str_copy(kept, sizeof(kept), v);
	f->expected.body = kept;
}

/* An enforcing policy with this line too. */
static void line(const char *v)
{
	char *text = xasprintf("%s%s", BODY, v);

	body(text);
	free(text);
}

static void max_age(const char *v)
{
	char *text = xasprintf("version: STSv1\nmode: enforce\n"
			       "mx: mx.example.org\nmx: b.example.org\n"
			       "max_age: %s\n", v);

	body(text);
	free(text);
}

static void mode(const char *v)
{
	char *text = xasprintf("version: STSv1\nmode: %s\n"
			       "mx: mx.example.org\nmx: b.example.org\n"
			       "max_age: 86400\n", v);

	body(text);
	free(text);
}

static void pattern(const char *v)
{
	char *text = xasprintf("version: STSv1\nmode: enforce\nmx: %s\n"
			       "max_age: 1209600\n", v);

	body(text);
	free(text);
}

static void fill(const char *v)
{
	char *text = xmalloc(STS_BODY_MAX);
	long n = number(v);
	size_t len = (size_t)sprintf(text, "%s", BODY);

	for (long i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "mx: h%ld.example.org\r\n",
				       i);
	body(text);
	free(text);
}

static void since(const char *v)
{
	f->expected.policy_since = NOW - number(v) * WHEN_DAY;
}

/* ---- certificates ---- */

static void end_in(struct tls_look *c, const char *days)
{
	c->not_after = NOW + number(days) * WHEN_DAY;
}

static void distrust(struct tls_look *c, const char *why)
{
	c->is_trusted = false;
	str_copy(c->problem, sizeof(c->problem), why);
}

static void cert_name(const char *v) { h4()->cert.is_for_host = number(v); }
static void cert_seen(const char *v)
{
	h4()->cert.is_seen = h6()->cert.is_seen = number(v);
}
static void cert_end(const char *v) { end_in(&h4()->cert, v); }
static void cert_begin(const char *v)
{
	h4()->cert.not_before = NOW + number(v) * WHEN_DAY;
}
static void cert_bad(const char *v) { distrust(&h4()->cert, v); }
static void mx_cert_name(const char *v)
{
	f->mx[1].smtp[0].cert.is_for_host = number(v);
}
static void mx_cert_end(const char *v)
{
	end_in(&f->mx[1].smtp[0].cert, v);
}
static void mx_cert_begin(const char *v)
{
	f->mx[1].smtp[0].cert.not_before = NOW + number(v) * WHEN_DAY;
}
static void mx_cert_bad(const char *v)
{
	distrust(&f->mx[1].smtp[0].cert, v);
}

static void caa(const char *v)
{
	f->caa_look = CHECK_SEEN;
	f->caa.outcome = DNS_FOUND;
	f->caa.count = 1;
	str_copy(f->caa.found_at, sizeof(f->caa.found_at), "example.org");
	str_copy(f->caa.record[0].tag, DNS_CAA_TAG, "issue");
	str_copy(f->caa.record[0].value, DNS_CAA_VALUE, v);
}

static void caa_look(const char *v) { f->caa_look = look(v); }
static void ca(const char *v)
{
	struct check_ca *one = &f->ca[f->ca_count++];

	str_copy(one->name, sizeof(one->name), v);
	str_copy(one->identity[one->identity_count++], DNS_CAA_VALUE, v);
}

/* Of the last one. */
static void identity(const char *v)
{
	struct check_ca *one = &f->ca[f->ca_count - 1];

	str_copy(one->identity[one->identity_count++], DNS_CAA_VALUE, v);
}

static void account(const char *v)
{
	str_copy(f->ca[f->ca_count - 1].account, CHECK_URL, v);
}

/* ---- mail ---- */

static void mx_look(const char *v)
{
	f->mx_look = look(v);
	f->mx_count = 0;
}

static void mx_null(const char *v)
{
	f->mx_is_null = number(v);
	f->mx_count = 0;
}

static void mx_cut(const char *v) { f->mx_is_cut = number(v); }
static void mx_bad(const char *v)
{
	f->mx_bad_count = (size_t)number(v);
	str_copy(f->mx_bad, sizeof(f->mx_bad), "mx_2.example.org");
}
static void mx(const char *v) { str_copy(f->mx[1].name, 256, v); }
static void mx_first(const char *v) { str_copy(f->mx[0].name, 256, v); }
static void mx_alias(const char *v) { str_copy(f->mx[1].host.alias, 256, v); }
static void mx_host(const char *v) { set_host_look(&f->mx[1].host, v); }
static void mx_private(const char *v)
{
	str_copy(f->mx[1].host.private, 46, v);
}
static void tlsa(const char *v) { f->mx[1].has_tlsa = number(v); }
static void asked(const char *v) { f->smtp_is_tested = number(v); }
static void smtp(const char *v)
{
	f->mx[1].smtp[0].outcome = (enum smtp_outcome)number(v);
}

static void smtp_all(const char *v)
{
	f->mx[0].smtp[0].outcome = f->mx[1].smtp[0].outcome =
		(enum smtp_outcome)number(v);
}

/* With addresses, of which the second, and the last one, answer like that. */
static void smtp_more(const char *v)
{
	struct check_mx *m = &f->mx[1];

	str_copy(m->host.address[1], DNS_ADDRESS_TEXT, v);
	m->host.count = 2;
	m->smtp[1] = m->smtp[0];
	m->smtp_count = 2;
	str_copy(m->smtp[1].address, DNS_ADDRESS_TEXT, v);
}

static void smtp2(const char *v)
{
	f->mx[1].smtp[1].outcome = (enum smtp_outcome)number(v);
}
static void smtp_none(const char *v)
{
	f->mx[1].smtp_count = 1 - (size_t)number(v);
}
static void mx_addresses(const char *v)
{
	set_host(&f->mx[1].host, v);
}

/* A third address of the policy host. */
static void out3(const char *v)
{
	f->https[2] = f->https[0];
	str_copy(f->https[2].address, DNS_ADDRESS_TEXT, "192.0.2.3");
	f->https[2].outcome = (enum https_outcome)number(v);
}
static void body3(const char *v)
{
	set_body(&f->https[2], v);
}

/* ---- the box ---- */

static void hosted(const char *v) { f->expected.is_hosted = number(v); }
static void past(const char *v)
{
	str_copy(f->expected.past_id[f->expected.past_count++], STS_ID_SIZE, v);
}
static void removable(const char *v)
{
	f->expected.removable_at = NOW + number(v);
}
static void foreign(const char *v)
{
	f->expected.foreign_until = NOW + number(v);
}
static void trouble(const char *v)
{
	str_copy(f->expected.trouble, CHECK_WORDS, v);
	f->expected.trouble_is_error = str_starts(v, "error");
}
static void collector(const char *v)
{
	struct check_expected *e = &f->expected;

	str_copy(e->collector[e->collector_count++], CHECK_WORDS, v);
}
static void handed(const char *v)
{
	f->expected.is_handed_over = number(v);
}
static void waits(const char *v)
{
	str_copy(f->expected.waits, 200, v);
}
static void delegated(const char *v)
{
	struct check_expected *e = &f->expected;

	str_copy(e->sts_cname, sizeof(e->sts_cname), "s.z.example");
	str_copy(e->report_cname, sizeof(e->report_cname), "t.z.example");
	e->is_published = number(v);
}
static void reports(const char *v)
{
	struct check_expected *e = &f->expected;

	char *end;

	e->failures = strtol(v, &end, 10);
	assert_int_equal(*end++, '/');
	e->sessions = strtol(end, &end, 10);
	assert_int_equal(*end++, '/');
	e->silent_days = strtol(end, &end, 10);
	e->has_reports = true;
}

#define KEY(name) { #name, name }
static const struct {
	const char *name;
	void (*set)(const char *value);
} settings[] = {
	KEY(sts),	   KEY(sts_look),      KEY(ttl),
	KEY(differs),	   KEY(root),	       KEY(rpt),
	KEY(rpt_look),	   KEY(keys),	       KEY(zone),
	KEY(resolver),	   KEY(host),	       KEY(host_look),
	KEY(alias),	   KEY(private),       KEY(port80),
	KEY(out4),	   KEY(out6),	       KEY(took),
	KEY(status),	   KEY(location),      KEY(type),
	KEY(body),	   KEY(body6),	       KEY(ours),
	KEY(line),	   KEY(max_age),       KEY(mode),
	KEY(pattern),	   KEY(fill),	       KEY(since),
	KEY(cert_name),	   KEY(cert_seen),     KEY(cert_end),
	KEY(cert_begin),   KEY(cert_bad),      KEY(mx_cert_name),
	KEY(mx_cert_end),  KEY(mx_cert_begin), KEY(mx_cert_bad),
	KEY(caa),	   KEY(caa_look),      KEY(ca),
	KEY(identity),	   KEY(account),       KEY(mx_look),
	KEY(mx_null),	   KEY(mx_cut),	       KEY(mx_bad),
	KEY(mx),	   KEY(mx_first),      KEY(mx_alias),
	KEY(mx_host),	   KEY(mx_private),    KEY(tlsa),
	KEY(asked),	   KEY(smtp),	       KEY(smtp_all),
	KEY(smtp_more),	   KEY(smtp2),	       KEY(smtp_none),
	KEY(mx_addresses), KEY(out3),	       KEY(body3),
	KEY(hosted),	   KEY(past),	       KEY(removable),
	KEY(collector),	   KEY(trouble),       KEY(reports),
	KEY(handed),	   KEY(waits),	       KEY(delegated),
	KEY(foreign),
};

static void apply(const char *words)
{
	char *copy = xstrdup(words), *rest = copy, *one, *value;

	while ((one = strsep(&rest, "~")) && *one) {
		size_t i = 0;

		value = strchr(one, '=');
		assert_non_null(value);
		*value++ = '\0';
		while (i < ARRAY_LEN(settings) && !streq(settings[i].name, one))
			i++;
		if (i < ARRAY_LEN(settings))
			settings[i].set(value);
		else
			fail_msg("there is no setting %s", one);
	}
	free(copy);
}

/* ---- a domain that is all well ---- */

static void make_cert(struct tls_look *c)
{
	*c = (struct tls_look){ .is_seen = true, .is_for_host = true,
				.is_trusted = true, .names = "other.example",
				.issuer = "A CA",
				.not_before = NOW - 10 * WHEN_DAY,
				.not_after = NOW + 80 * WHEN_DAY };
}

static void make_https(struct check_https *h, const char *address)
{
	h->outcome = HTTPS_ANSWERED;
	h->status = 200;
	h->elapsed_ms = 90;
	str_copy(h->address, sizeof(h->address), address);
	str_copy(h->content_type, CHECK_WORDS, "text/plain; charset=utf-8");
	set_body(h, BODY);
	make_cert(&h->cert);
}

static void make_smtp(struct check_smtp *s, const char *address)
{
	s->outcome = SMTP_SECURE;
	str_copy(s->address, sizeof(s->address), address);
	make_cert(&s->cert);
}

static void make_mx(struct check_mx *m, const char *name)
{
	str_copy(m->name, sizeof(m->name), name);
	set_host(&m->host, V4);
	m->smtp_count = 1;
	make_smtp(&m->smtp[0], V4);
}

static void make_well(void)
{
	memset(f, 0, sizeof(*f));
	str_copy(f->domain, sizeof(f->domain), "example.org");
	sts("v=STSv1; id=20261123T201500Z;");
	f->sts.ttl = 3600;
	rpt("v=TLSRPTv1; rua=mailto:tls@example.net");
	f->root.look = CHECK_ABSENT;
	f->zone = f->zone_keys = CHECK_SEEN;
	host(V4 "," V6);
	make_https(&f->https[0], V4);
	make_https(&f->https[1], V6);
	f->caa_look = f->mx_look = CHECK_SEEN;
	caa_look("absent");
	f->mx_count = 2;
	make_mx(&f->mx[0], "mx.example.org");
	make_mx(&f->mx[1], "b.example.org");
	f->smtp_is_tested = true;
	f->expected.is_hosted = true;
	str_copy(f->expected.id, STS_ID_SIZE, "20261123T201500Z");
	f->expected.body = BODY;
	f->port80 = CHECK_SEEN;
	f->expected.address_count = 2;
	str_copy(f->expected.address[0], DNS_ADDRESS_TEXT, V4);
	str_copy(f->expected.address[1], DNS_ADDRESS_TEXT, V6);
}

/* ---- the rows ---- */

#define MODE_NONE "version: STSv1\nmode: none\nmax_age: 86400\n"
#define GOOGLE	  "aspmx.l.google.com"
#define ACCOUNT	  "https://ca.example/acct/1"

/* An empty `without` is the domain that is all well. */
static const struct row {
	const char *id;
	enum check_severity severity;
	const char *with, *without;
} rows[] = {
	{ "txt.missing", CHECK_ERROR, "sts_look=absent", "sts_look=failed" },
	{ "txt.missing", CHECK_ERROR, "sts=v=spf1 -all", "" },
	{ "txt.server-failed", CHECK_ERROR, "sts_look=failed",
	  "sts_look=timeout" },
	{ "txt.timeout", CHECK_WARNING, "sts_look=timeout", "sts_look=failed" },
	{ "txt.not-tested", CHECK_WARNING, "sts_look=none", "" },
	{ "txt.duplicate", CHECK_ERROR, "sts=v=STSv1; id=1;|v=STSv1; id=2;",
	  "sts=v=STSv1; id=1;|v=STSv2; id=2;" },
	{ "txt.grammar", CHECK_ERROR, "sts=v=STSv1 ; id=1;", "" },
	{ "txt.grammar", CHECK_ERROR, "sts=v=STSv1;", "sts=v=spf1" },
	{ "txt.grammar", CHECK_ERROR, "sts=v=STSv1; id=2026-11-23;",
	  "sts=v=STSv1; id=20261123" },
	{ "txt.other", CHECK_WARNING, "sts=v=STSv1; id=1;|v=spf1 -all", "" },
	{ "txt.at-root", CHECK_ERROR, "root=v=STSv1; id=1;", "root=v=spf1" },
	{ "txt.ttl", CHECK_NOTE, "ttl=3601", "ttl=3600" },
	{ "txt.removable", CHECK_NOTE, "removable=-1", "removable=1" },
	{ "txt.removable", CHECK_NOTE, "removable=-1~foreign=9",
	  "removable=1~foreign=9" },
	{ "txt.ok", CHECK_GOOD, "", "sts=v=STSv1; id=1;|v=STSv1; id=2;" },
	{ "id.in-step", CHECK_GOOD, "", "sts=v=STSv1; id=1;" },
	{ "id.behind", CHECK_WARNING, "sts=v=STSv1; id=1;~past=1",
	  "sts=v=STSv1; id=1;~past=2" },
	{ "id.behind", CHECK_WARNING, "sts=v=STSv1; id=20251123T201500Z;",
	  "sts=v=STSv1; id=20271123T201500Z;" },
	{ "id.ahead", CHECK_WARNING, "sts=v=STSv1; id=1;~past=2",
	  "sts=v=STSv1; id=1;~past=2~host=192.0.2.9" },
	{ "id.foreign", CHECK_WARNING, "sts=v=STSv1; id=1;~host=192.0.2.9",
	  "sts=v=STSv1; id=1;~host=192.0.2.9~hosted=0" },
	{ "dnssec.absent", CHECK_NOTE, "keys=absent",
	  "keys=absent~zone=absent" },
	{ "dns.differs", CHECK_NOTE, "differs=1", "" },
	{ "dns.resolver", CHECK_NOTE, "resolver=192.0.2.53:53: timeout", "" },

	{ "host.missing", CHECK_ERROR, "host_look=absent",
	  "host_look=absent~alias=gone.example.net" },
	{ "host.alias", CHECK_ERROR, "host_look=absent~alias=gone.example.net",
	  "alias=policy.example.net" },
	{ "host.server-failed", CHECK_ERROR, "host_look=failed",
	  "host_look=timeout" },
	{ "host.dns-timeout", CHECK_WARNING, "host_look=timeout",
	  "host_look=failed" },
	{ "host.private", CHECK_ERROR, "private=10.0.0.1", "" },
	{ "host.not-here", CHECK_ERROR, "host=192.0.2.9",
	  "host=192.0.2.1,192.0.2.9" },
	{ "host.not-tested", CHECK_WARNING, "out4=0~out6=0",
	  "out4=0~out6=0~host_look=absent" },
	{ "host.not-tested", CHECK_WARNING, "out4=0~out6=0~host_look=none",
	  "out4=0~out6=0~private=10.0.0.1" },
	{ "host.not-tested", CHECK_WARNING, "out6=0", "out6=1" },
	{ "host.partly-here", CHECK_WARNING, "host=192.0.2.1,192.0.2.9",
	  "host=192.0.2.9" },
	{ "host.differs", CHECK_WARNING, "body6=version: STSv1", "" },
	{ "host.differs", CHECK_WARNING, "out3=8~body3=version: STSv1",
	  "out3=1~body3=version: STSv1" },
	{ "host.unreachable", CHECK_ERROR, "out3=1", "out3=8" },
	{ "host.v6-unreachable", CHECK_WARNING, "out4=1~out6=1~out3=8",
	  "out4=1~out6=1~out3=1" },
	{ "policy.too-big", CHECK_ERROR, "out3=7", "out3=8" },
	{ "host.addresses", CHECK_NOTE,
	  "host=192.0.2.1,192.0.2.3,192.0.2.4," V6,
	  "host=192.0.2.1,192.0.2.3," V6 "~out3=8" },
	{ "host.port80", CHECK_WARNING, "port80=absent", "port80=none" },
	{ "host.port80", CHECK_WARNING, "port80=absent",
	  "port80=absent~host=192.0.2.9" },
	{ "host.port80", CHECK_WARNING, "port80=absent",
	  "port80=absent~hosted=0" },
	{ "host.unreachable", CHECK_ERROR, "out4=1", "out6=1" },
	{ "host.v6-unreachable", CHECK_WARNING, "out6=1", "out4=1" },
	{ "host.timeout", CHECK_ERROR, "out4=2", "out4=1" },
	{ "host.tls", CHECK_ERROR, "out4=3", "out4=4" },
	{ "host.tls-old", CHECK_ERROR, "out4=4", "out4=3" },
	{ "host.broken", CHECK_ERROR, "out4=6", "out4=3" },
	{ "host.slow", CHECK_WARNING, "took=2001", "took=2000" },
	{ "http.redirect", CHECK_ERROR, "status=301~location=https://a/",
	  "status=404" },
	{ "http.status", CHECK_ERROR, "status=404", "status=302" },
	{ "http.content-type", CHECK_ERROR, "type=text/html",
	  "type=Text/Plain" },
	{ "http.content-type", CHECK_ERROR, "type=text/plainer",
	  "type=text/plain;charset=us-ascii" },
	{ "http.content-type-case", CHECK_WARNING, "type=Text/Plain",
	  "type=text/plain" },
	{ "host.ok", CHECK_GOOD, "", "status=404~out6=1" },

	{ "cert.name", CHECK_ERROR, "cert_name=0", "cert_name=0~cert_seen=0" },
	{ "cert.expired", CHECK_ERROR, "cert_end=-1~cert_bad=expired",
	  "cert_end=1" },
	{ "cert.early", CHECK_ERROR, "cert_begin=1", "cert_begin=-1" },
	{ "cert.untrusted", CHECK_ERROR, "cert_bad=self-signed certificate",
	  "cert_bad=expired~cert_end=-1" },
	{ "cert.soon", CHECK_WARNING, "cert_begin=-80~cert_end=13",
	  "cert_begin=-80~cert_end=15" },
	/* Six days of life are no reason to worry on the second of them. */
	{ "cert.soon", CHECK_WARNING, "cert_begin=-5~cert_end=1",
	  "cert_begin=-2~cert_end=4" },
	{ "cert.due", CHECK_NOTE, "cert_begin=-80~cert_end=29",
	  "cert_begin=-60~cert_end=31" },
	{ "cert.refused", CHECK_ERROR, "out4=5", "out4=5~cert_name=0" },
	{ "cert.refused", CHECK_ERROR, "out4=5~cert_seen=0", "cert_seen=0" },
	{ "cert.refused", CHECK_ERROR, "out4=5~cert_begin=-80~cert_end=13",
	  "out4=5~cert_end=-1" },
	{ "cert.ok", CHECK_GOOD, "", "out4=5~out6=1~cert_seen=0" },
	{ "cert.ok", CHECK_GOOD, "", "cert_name=0~out6=1~cert_seen=0" },
	{ "caa.forbids", CHECK_WARNING, "caa=;", "caa=letsencrypt.org" },
	{ "caa.forbids", CHECK_WARNING, "caa=letsencrypt.org~ca=pki.goog",
	  "caa=letsencrypt.org~ca=pki.goog~ca=letsencrypt.org" },
	{ "caa.forbids", CHECK_WARNING,
	  "caa=letsencrypt.org~ca=pki.goog~identity=google.com",
	  "caa=google.com~ca=pki.goog~identity=google.com" },
	{ "caa.forbids", CHECK_WARNING,
	  "ca=pki.goog~account=" ACCOUNT "~caa=pki.goog; accounturi=" ACCOUNT
	  "2",
	  "ca=pki.goog~account=" ACCOUNT "~caa=pki.goog; accounturi=" ACCOUNT },
	{ "caa.forbids", CHECK_WARNING,
	  "ca=pki.goog~caa=pki.goog; accounturi=" ACCOUNT, "ca=pki.goog" },
	{ "caa.forbids", CHECK_WARNING,
	  "ca=pki.goog~caa=pki.goog; validationmethods=dns-01",
	  "ca=pki.goog~caa=pki.goog; validationmethods=dns-01,tls-alpn-01" },
	{ "caa.forbids", CHECK_WARNING,
	  "ca=pki.goog~account=" ACCOUNT "~ca=other.example~account=" ACCOUNT
	  "2~caa=pki.goog; accounturi=" ACCOUNT "2",
	  "ca=pki.goog~account=" ACCOUNT "~ca=other.example~account=" ACCOUNT
	  "2~caa=other.example; accounturi=" ACCOUNT "2" },
	{ "caa.not-all", CHECK_NOTE,
	  "caa=letsencrypt.org~ca=pki.goog~ca=letsencrypt.org",
	  "caa=letsencrypt.org~ca=letsencrypt.org" },
	{ "caa.not-all", CHECK_NOTE,
	  "caa=letsencrypt.org~ca=letsencrypt.org~ca=pki.goog",
	  "caa=letsencrypt.org~ca=pki.goog" },
	{ "caa.unknown", CHECK_WARNING, "caa_look=failed", "" },
	{ "caa.unknown", CHECK_WARNING, "caa_look=none",
	  "caa=letsencrypt.org" },
	{ "caa.ok", CHECK_GOOD, "", "caa=;" },

	{ "policy.too-big", CHECK_ERROR, "out4=7", "" },
	{ "policy.not-ours", CHECK_ERROR, "ours=version: STSv1", "" },
	{ "policy.max-age-short", CHECK_ERROR, "max_age=86399",
	  "max_age=86400" },
	{ "policy.max-age-short", CHECK_WARNING,
	  "body=version: STSv1\nmode: testing\nmx: mx.example.org\n"
	  "max_age: 60\n",
	  "body=version: STSv1\nmode: none\nmx: mx.example.org\n"
	  "max_age: 86400\n" },
	{ "policy.max-age-short", CHECK_WARNING,
	  "body=version: STSv1\nmode: none\nmx: mx.example.org\n"
	  "max_age: 60\n",
	  "line=max_age: 60\r\n" },
	{ "policy.max-age-low", CHECK_WARNING, "max_age=1209599", "" },
	{ "policy.testing", CHECK_NOTE, "mode=testing", "" },
	{ "policy.testing-long", CHECK_NOTE, "mode=testing~since=31",
	  "mode=testing~since=29" },
	{ "policy.none", CHECK_NOTE, "mode=none", "mode=testing" },
	{ "policy.ok", CHECK_GOOD, "", "line=\r\n" },
	{ "policy.ok", CHECK_GOOD, "", "max_age=86399" },
	{ "policy.version", CHECK_ERROR, "body=mode: none\n", "" },
	{ "policy.version", CHECK_ERROR, "body=version: STSv2\n", "" },
	{ "policy.version-late", CHECK_WARNING,
	  "body=mode: none\nversion: STSv1\n", "" },
	{ "policy.mode", CHECK_ERROR, "mode=Enforce", "mode=report" },
	{ "policy.mode", CHECK_ERROR, "body=version: STSv1\n", "mode=none" },
	{ "policy.mode-report", CHECK_ERROR, "mode=report", "mode=testing" },
	{ "policy.max-age", CHECK_ERROR, "max_age=31557601",
	  "max_age=31557600" },
	{ "policy.max-age", CHECK_ERROR, "max_age=0", "max_age=1" },
	{ "policy.no-mx", CHECK_ERROR,
	  "body=version: STSv1\nmode: enforce\nmax_age: 86400\n",
	  "body=" MODE_NONE },
	{ "policy.no-mx", CHECK_ERROR,
	  "body=version: STSv1\nmode: enforce\nmax_age: 86400\n",
	  "pattern=mx.example.org." },
	{ "policy.none-without-mx", CHECK_WARNING, "body=" MODE_NONE,
	  "mode=none" },
	{ "policy.mx", CHECK_ERROR, "pattern=mx.*.example.org",
	  "pattern=*.example.org" },
	{ "policy.mx", CHECK_ERROR, "pattern=mx.example.org.", "" },
	{ "policy.mx", CHECK_ERROR, "pattern=192.0.2.1", "" },
	{ "policy.mx-unicode", CHECK_ERROR,
	  "pattern=mx.b\xc3\xbc"
	  "cher.org",
	  "pattern=mx.xn--bcher-kva.org" },
	{ "policy.mx-many", CHECK_WARNING, "fill=49", "fill=48" },
	{ "policy.blank-line", CHECK_WARNING, "line=\r\n", "" },
	{ "policy.bad-line", CHECK_ERROR, "line=hello\r\n", "line=a: b\r\n" },
	{ "policy.bad-line", CHECK_ERROR, "line=a: b\rc: d\r\n", "" },
	{ "policy.colon", CHECK_WARNING, "line=url: https://a\r\n",
	  "line=url: a\r\n" },
	{ "policy.twice", CHECK_WARNING, "line=mode: none\r\n",
	  "line=mx: c.example.org\r\n" },
	{ "policy.unknown-field", CHECK_WARNING, "line=a: b\r\n", "" },
	{ "policy.not-ascii", CHECK_WARNING, "line=a: \xc3\xbc\r\n",
	  "line=mx: \xc3\xbc.org\r\n" },
	{ "policy.line-endings", CHECK_WARNING, "line=a: b\n",
	  "line=a: b\r\n" },
	{ "policy.large", CHECK_WARNING, "fill=500", "fill=400" },

	{ "mx.missing", CHECK_ERROR, "mx_look=absent", "mx_look=failed" },
	{ "mx.server-failed", CHECK_ERROR, "mx_look=failed",
	  "mx_look=timeout" },
	{ "mx.timeout", CHECK_WARNING, "mx_look=timeout", "mx_look=absent" },
	{ "mx.not-tested", CHECK_WARNING, "mx_look=none", "mx_look=absent" },
	{ "mx.unusable", CHECK_ERROR, "mx_look=seen", "mx_null=1" },
	{ "mx.unusable", CHECK_ERROR, "mx_look=seen", "mx_look=seen~mx_bad=1" },
	{ "mx.bad-name", CHECK_ERROR, "mx_bad=1", "mx=mx_2.example.org" },
	{ "mx.bad-name", CHECK_ERROR, "mx_look=seen~mx_bad=2", "mx_look=seen" },
	{ "mx.covered", CHECK_GOOD, "", "mx_bad=1" },
	{ "mx.null", CHECK_NOTE, "mx_null=1", "" },
	{ "mx.many", CHECK_NOTE, "mx_cut=1", "" },
	{ "mx.stale", CHECK_WARNING, "line=mx: old.example.org\r\n",
	  "line=mx: old.example.org\r\n~mx_cut=1" },
	{ "mx.stale", CHECK_WARNING, "line=mx: old.example.org\r\n",
	  "line=mx: old.example.org\r\n~mx_bad=1" },
	{ "mx.wildcard-broad", CHECK_WARNING, "pattern=*.example.org",
	  "pattern=*.mail.example.org" },
	{ "mx.wildcard-broad", CHECK_WARNING, "pattern=*.mx.microsoft",
	  "pattern=*.a-v1.mx.microsoft" },
	{ "mx.wildcard-one-label", CHECK_NOTE, "pattern=*.mail.example.org",
	  "pattern=*.example.org" },
	{ "mx.provider", CHECK_WARNING, "mx_first=" GOOGLE,
	  "mx_first=" GOOGLE "~line=mx: " GOOGLE "\r\n" },
	{ "mx.provider", CHECK_WARNING,
	  "pattern=a-b.mail.protection.outlook.com", "" },
	{ "mx.covered", CHECK_GOOD, "", "mx=backup.example.net" },
	{ "mx.not-covered", CHECK_ERROR, "mx=backup.example.net",
	  "mx=B.EXAMPLE.ORG" },
	{ "mx.not-covered", CHECK_WARNING, "mode=testing~mx=x.example.net",
	  "mode=none~mx=x.example.net" },
	{ "mx.cname", CHECK_WARNING, "mx_alias=mx.example.net", "" },
	{ "mx.no-address", CHECK_ERROR, "mx_host=absent", "mx_host=failed" },
	{ "mx.host-failed", CHECK_ERROR, "mx_host=failed", "mx_host=timeout" },
	{ "mx.host-timeout", CHECK_WARNING, "mx_host=timeout",
	  "mx_host=absent" },
	{ "mx.private", CHECK_WARNING, "mx_private=127.0.0.1", "" },
	{ "smtp.not-tested", CHECK_NOTE, "asked=0~smtp_all=0",
	  "asked=0~mx_null=1" },
	{ "smtp.untested", CHECK_WARNING, "smtp=0", "smtp=0~asked=0" },
	{ "smtp.untested", CHECK_WARNING, "smtp_none=1~mx_host=none",
	  "smtp_none=1~mx_host=absent" },
	{ "smtp.untested", CHECK_WARNING, "smtp_none=1",
	  "smtp_none=1~mx_private=10.0.0.1" },
	{ "smtp.unreachable", CHECK_WARNING, "smtp=1", "smtp=0" },
	{ "smtp.unreachable", CHECK_WARNING, "smtp_more=192.0.2.9~smtp2=1",
	  "smtp_more=" V6 "~smtp2=1" },
	{ "smtp.unreachable", CHECK_WARNING, "smtp_more=" V6 "~smtp2=1~smtp=1",
	  "smtp_more=" V6 "~smtp2=1" },
	{ "smtp.v6-unreachable", CHECK_NOTE, "smtp_more=" V6 "~smtp2=1",
	  "smtp_more=" V6 "~smtp2=1~smtp=1" },
	{ "smtp.partly", CHECK_NOTE, "smtp_more=192.0.2.9~smtp2=1",
	  "smtp_more=192.0.2.9~smtp2=1~smtp=1" },
	{ "smtp.partly", CHECK_NOTE, "smtp_more=192.0.2.9~smtp=1",
	  "smtp_more=192.0.2.9~smtp=3" },
	{ "smtp.partly", CHECK_NOTE, "smtp_more=" V6 "~smtp2=2",
	  "smtp_more=" V6 "~smtp2=1" },
	{ "smtp.untested", CHECK_WARNING, "smtp_more=192.0.2.9~smtp2=0",
	  "smtp_more=192.0.2.9~smtp2=1" },
	{ "smtp.no-starttls", CHECK_ERROR, "smtp_more=192.0.2.9~smtp2=3",
	  "smtp_more=192.0.2.9" },
	{ "smtp.ok", CHECK_GOOD, "smtp_more=" V6 "~smtp2=1~smtp_all=7",
	  "smtp_more=" V6 "~smtp2=1~smtp_all=3" },
	{ "mx.addresses", CHECK_NOTE, "mx_addresses=192.0.2.1,192.0.2.9",
	  "smtp_more=192.0.2.9" },
	{ "mx.addresses", CHECK_NOTE, "mx_addresses=192.0.2.1," V6,
	  "mx_addresses=192.0.2.1,10.0.0.1~mx_private=10.0.0.1" },
	{ "smtp.refused", CHECK_WARNING, "smtp=2", "smtp=1" },
	{ "smtp.no-starttls", CHECK_ERROR, "smtp=3", "smtp=2" },
	{ "smtp.tls", CHECK_ERROR, "smtp=4", "smtp=5" },
	{ "smtp.tls-old", CHECK_ERROR, "smtp=5", "smtp=4" },
	{ "smtp.cert-name", CHECK_ERROR, "smtp=6~mx_cert_name=0", "" },
	{ "smtp.cert-expired", CHECK_ERROR, "smtp=6~mx_cert_end=-1",
	  "mx_cert_end=1" },
	{ "smtp.cert-early", CHECK_ERROR, "smtp=6~mx_cert_begin=1", "" },
	{ "smtp.cert-untrusted", CHECK_ERROR, "smtp=6~mx_cert_bad=no root",
	  "mx_cert_end=-1~mx_cert_bad=expired" },
	{ "smtp.cert-refused", CHECK_ERROR, "smtp=6", "smtp=6~mx_cert_end=-1" },
	{ "smtp.cert-refused", CHECK_ERROR,
	  "smtp=6~mx_cert_begin=-80~mx_cert_end=13", "smtp=6~mx_cert_name=0" },
	{ "smtp.cert-soon", CHECK_WARNING, "mx_cert_begin=-80~mx_cert_end=13",
	  "mx_cert_begin=-80~mx_cert_end=15" },
	{ "smtp.ok", CHECK_GOOD, "", "smtp_all=1" },
	{ "dane.present", CHECK_NOTE, "tlsa=1", "" },

	{ "rpt.missing", CHECK_WARNING, "rpt_look=absent", "rpt_look=failed" },
	{ "rpt.missing", CHECK_WARNING, "rpt=v=spf1", "" },
	{ "rpt.server-failed", CHECK_WARNING, "rpt_look=failed",
	  "rpt_look=timeout" },
	{ "rpt.timeout", CHECK_WARNING, "rpt_look=timeout", "" },
	{ "rpt.not-tested", CHECK_WARNING, "rpt_look=none", "" },
	{ "rpt.duplicate", CHECK_ERROR,
	  "rpt=v=TLSRPTv1; rua=mailto:a@b.org|v=TLSRPTv1; rua=mailto:c@b.org",
	  "rpt=v=TLSRPTv1; rua=mailto:a@b.org|v=spf1" },
	{ "rpt.bad", CHECK_ERROR, "rpt=v=TLSRPTv1; rua=ftp://a.org",
	  "rpt=v=TLSRPTv1; rua=https://a.org/x" },
	{ "rpt.bad", CHECK_ERROR, "rpt=v=TLSRPTv1; rua=mailto:nobody",
	  "rpt_look=absent" },
	{ "rpt.https-only", CHECK_WARNING,
	  "rpt=v=TLSRPTv1; rua=https://a.org/x",
	  "rpt=v=TLSRPTv1; rua=https://a.org/x,mailto:a@b.org" },
	{ "rpt.elsewhere", CHECK_NOTE, "collector=https://box.example/r", "" },
	{ "rpt.first-elsewhere", CHECK_WARNING,
	  "collector=https://a.org/x"
	  "~rpt=v=TLSRPTv1; rua=mailto:a@b.org,https://a.org/x",
	  "collector=https://a.org/x"
	  "~rpt=v=TLSRPTv1; rua=https://a.org/x,mailto:a@b.org" },
	{ "rpt.own-mailbox", CHECK_NOTE,
	  "rpt=v=TLSRPTv1; rua=mailto:tls@example.org",
	  "rpt=v=TLSRPTv1; rua=mailto:tls@example.org.uk" },
	{ "rpt.ok", CHECK_GOOD, "", "rpt_look=absent" },
	{ "rpt.failures", CHECK_ERROR, "reports=50/100/0", "reports=0/100/0" },
	{ "rpt.failures", CHECK_WARNING, "reports=10/100/0", "" },
	{ "rpt.failures", CHECK_NOTE, "reports=9/100/0", "" },
	{ "rpt.silent", CHECK_WARNING, "reports=0/100/8", "reports=0/100/7" },
	{ "box.trouble", CHECK_WARNING, "trouble=no certificate yet", "" },
	{ "box.trouble", CHECK_ERROR, "trouble=error: no more", "" },
};

/* The finding in these facts, or NULL. */
static const struct check_finding *judge(const char *words, const char *id,
					 struct check_findings *found)
{
	make_well();
	apply(words);
	check_judge(f, NOW, found);
	for (size_t i = 0; i < found->count; i++)
		if (streq(found->item[i].id, id))
			return &found->item[i];
	return NULL;
}

/* No placeholder is left over, and there is an advice unless all is well. */
static void is_readable(const struct check_finding *one)
{
	assert_true(*one->text);
	assert_null(strpbrk(one->text, "{}\r\n"));
	assert_null(strpbrk(one->todo, "{}\r\n"));
	assert_null(strstr(one->text, "(;"));
	assert_null(strstr(one->text, "()"));
	if (one->severity >= CHECK_WARNING)
		assert_true(*one->todo);
	for (const char *p = one->text; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
}

/* ---- what to do, where it is hosted here ---- */

#define STS_CNAME "_mta-sts.example.org. IN CNAME s.z.example."
#define RPT_CNAME "_smtp._tls.example.org. IN CNAME t.z.example."
#define STS_TXT	  "_mta-sts.example.org. IN TXT \"v=STSv1; id=20261123T201500Z;\""

static const struct {
	const char *id, *with;
	const char *todo;  /* a part of it */
	const char * not ; /* and what is no part of it */
} todos[] = {
	{ "txt.missing", "sts_look=absent", "publish " STS_TXT, "CNAME" },
	{ "txt.missing", "sts_look=absent~hosted=0", "once the policy can be",
	  "CNAME" },
	{ "txt.missing", "sts_look=absent~waits=no port; see",
	  "it waits: no port; see", "publish" },
	{ "txt.missing", "sts_look=absent~delegated=1", STS_CNAME, "IN TXT" },
	{ "txt.missing", "sts_look=absent~delegated=1", "published by this box",
	  "and publish" },
	{ "txt.missing", "sts_look=absent~delegated=0", "and publish there",
	  "by this box" },
	{ "txt.missing", "sts_look=absent~delegated=1~handed=1",
	  "what the other host says of _mta-sts.example.org", "CNAME" },
	{ "txt.missing", "sts_look=absent~delegated=1~waits=no port; see",
	  "it waits", "CNAME" },
	{ "txt.duplicate", "sts=v=STSv1; id=1;|v=STSv1; id=2;~delegated=1",
	  STS_CNAME, "IN TXT" },
	{ "txt.duplicate", "sts=v=STSv1; id=1;|v=STSv1; id=2;", STS_TXT,
	  "CNAME" },
	{ "txt.grammar", "sts=v=STSv1; id=a-b;~delegated=1", STS_CNAME,
	  "IN TXT" },
	{ "id.behind", "sts=v=STSv1; id=old1;~past=old1~delegated=1", STS_CNAME,
	  "IN TXT" },
	{ "id.behind", "sts=v=STSv1; id=old1;~past=old1", STS_TXT, "CNAME" },
	{ "id.ahead", "sts=v=STSv1; id=x1;~delegated=1", STS_CNAME, "IN TXT" },
	{ "host.missing", "host_look=absent",
	  "mtastsctl domain records example.org", "A, AAAA" },
	{ "mx.not-covered", "mx_first=new.example.net",
	  "mtastsctl policy mx example.org add new.example.net", "mx: " },
	{ "mx.not-covered", "mx_first=new.example.net",
	  "mtastsctl policy accept example.org", "new id" },
	{ "mx.not-covered", "mx_first=new.example.net~hosted=0",
	  "to the policy, and a new id", "mtastsctl" },
	{ "mx.stale", "mx_first=new.example.net",
	  "mtastsctl policy mx example.org drop", "take it out" },
	{ "policy.max-age-low", "max_age=604800",
	  "mtastsctl policy set example.org --max-age 14d", "1209600" },
	{ "rpt.missing", "rpt_look=absent", "domain set example.org --rua",
	  "IN TXT" },
	{ "rpt.missing", "rpt_look=absent~collector=mailto:a@b.example",
	  "domain records example.org", "IN TXT" },
	{ "rpt.missing",
	  "rpt_look=absent~collector=mailto:a@b.example~delegated=1", RPT_CNAME,
	  "IN TXT" },
	{ "rpt.missing", "rpt_look=absent~hosted=0", "IN TXT", "mtastsctl" },
};

static void advice_is_in_the_verbs_of_the_box(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(todos); i++) {
		struct check_findings found;
		const struct check_finding *one = judge(todos[i].with,
							todos[i].id, &found);

		print_message("%s: %s\n", todos[i].id, todos[i].with);
		assert_non_null(one);
		print_message("\t%s\n", one->todo);
		assert_non_null(strstr(one->todo, todos[i].todo));
		assert_null(strstr(one->todo, todos[i].not ));
		check_findings_release(&found);
	}
}

static void each_appears_and_does_not(void **state)
{
	struct check_findings found;
	const struct check_finding *one;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s: %s\n", rows[i].id, rows[i].with);
		one = judge(rows[i].with, rows[i].id, &found);
		assert_non_null(one);
		assert_int_equal(one->severity, rows[i].severity);
		is_readable(one);
		check_findings_release(&found);

		one = judge(rows[i].without, rows[i].id, &found);
		assert_null(one);
		check_findings_release(&found);
	}
}

/* What another host announced is none of the box's dates. */
static void another_hosts_policy_is_told_of(void **state)
{
	static const char id[] = "txt.removable";
	struct check_findings found;
	const struct check_finding *one;

	(void)state;
	one = judge("removable=-1", id, &found);
	assert_non_null(one);
	assert_null(strstr(one->text, "another"));
	check_findings_release(&found);
	one = judge("removable=-1~foreign=9", id, &found);
	assert_non_null(one);
	assert_non_null(strstr(one->text, "of this box for example.org"));
	assert_non_null(strstr(one->text, "another host's"));
	check_findings_release(&found);
}

static void none_is_without_a_row(void **state)
{
	const char *id;

	(void)state;
	for (size_t n = 0; (id = check_finding_id(n)); n++) {
		size_t i = 0;

		while (i < ARRAY_LEN(rows) && !streq(rows[i].id, id))
			i++;
		if (i == ARRAY_LEN(rows))
			fail_msg("%s has no row", id);
		for (size_t m = 0; m < n; m++)
			assert_string_not_equal(check_finding_id(m), id);
	}
}

/* Nothing but praise, in the order of the groups, and once for two addresses. */
static void what_is_well_is_good(void **state)
{
	struct check_findings found;

	(void)state;
	judge("", "", &found);
	assert_int_equal(check_findings_worst(&found), CHECK_GOOD);
	for (size_t i = 1; i < found.count; i++)
		assert_true(found.item[i].group >= found.item[i - 1].group);
	assert_int_equal(found.item[found.count - 1].group, GROUP_REPORTS);
	check_findings_release(&found);
}

/* ---- that nothing but good outcomes is good ---- */

static bool is_green(void)
{
	struct check_findings found;
	bool ok;

	check_judge(f, NOW, &found);
	ok = check_findings_worst(&found) < CHECK_WARNING;
	check_findings_release(&found);
	return ok;
}

/* Of what was not tested nothing good is said, and each part says so. */
static void nothing_seen_is_nothing_good(void **state)
{
	static const char *const ids[] = { "txt.not-tested", "host.not-tested",
					   "caa.unknown", "mx.not-tested",
					   "rpt.not-tested" };
	struct check_findings found;

	(void)state;
	memset(f, 0, sizeof(*f));
	str_copy(f->domain, sizeof(f->domain), "example.org");
	check_judge(f, NOW, &found);
	assert_int_equal(found.count, ARRAY_LEN(ids));
	for (size_t i = 0; i < found.count; i++) {
		assert_string_equal(found.item[i].id, ids[i]);
		assert_int_equal(found.item[i].severity, CHECK_WARNING);
	}
	check_findings_release(&found);
}

/* The client's word counts, whatever our own judge thinks of a certificate. */
static void no_other_answer_of_the_policy_host_is_good(void **state)
{
	(void)state;
	for (int i = 0; i < (HTTPS_ANSWERED + 1) * (HTTPS_ANSWERED + 1) * 2;
	     i++) {
		enum https_outcome a = i / 2 % (HTTPS_ANSWERED + 1),
				   b = i / 2 / (HTTPS_ANSWERED + 1);

		print_message("%d and %d, %d\n", a, b, i % 2);
		make_well();
		h4()->outcome = a;
		h6()->outcome = b;
		cert_seen(i % 2 ? "1" : "0");
		assert_int_equal(is_green(),
				 a == HTTPS_ANSWERED && b == HTTPS_ANSWERED);
	}
}

static void no_other_answer_of_a_mail_host_is_good(void **state)
{
	(void)state;
	for (int i = 0; i < (SMTP_SECURE + 1) * 2; i++) {
		print_message("%d, %d\n", i / 2, i % 2);
		make_well();
		f->mx[1].smtp[0].outcome = (enum smtp_outcome)(i / 2);
		f->mx[1].smtp[0].cert.is_seen = i % 2;
		assert_int_equal(is_green(), i / 2 == SMTP_SECURE);
	}
}

/* At another address than the first, too. */
static void no_other_answer_at_a_second_address_is_good(void **state)
{
	(void)state;
	for (int i = 0; i <= SMTP_SECURE; i++) {
		print_message("%d\n", i);
		make_well();
		smtp_more("192.0.2.9");
		f->mx[1].smtp[1].outcome = (enum smtp_outcome)i;
		assert_int_equal(is_green(), i == SMTP_SECURE);
	}
	for (int i = 0; i <= HTTPS_ANSWERED; i++) {
		print_message("%d\n", i);
		make_well();
		out3("0");
		f->https[2].outcome = (enum https_outcome)i;
		assert_int_equal(is_green(), i == HTTPS_ANSWERED);
	}
}

/* DNS: each look, with nothing that could be learned from it. */
static void no_other_look_is_good(void **state)
{
	static const struct {
		const char *words; /* and one of the looks behind */
		const char *good;  /* of the looks */
	} parts[] = {
		{ "sts_look", "" },
		{ "rpt_look", "" },
		{ "mx_look", "" },
		{ "out4=0~out6=0~host_look", "" },
		{ "smtp_none=1~mx_host", "" },
		{ "caa_look", "absent seen" },
	};
	static const char *const looks[] = { "none", "seen", "absent", "failed",
					     "timeout" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts) * ARRAY_LEN(looks); i++) {
		const char *one = looks[i % ARRAY_LEN(looks)];
		size_t part = i / ARRAY_LEN(looks);
		char *words = xasprintf("%s=%s", parts[part].words, one);

		print_message("%s\n", words);
		make_well();
		apply(words);
		assert_int_equal(is_green(),
				 strstr(parts[part].good, one) != NULL);
		free(words);
	}
}

/* What strangers wrote is quoted, cut, and moves no cursor. */
static void text_of_strangers_is_harmless(void **state)
{
	static const char *const words[] = {
		"sts=\x1b[2J{domain}\n\xff",
		"rpt=v=TLSRPTv1; rua=\x1b[2J{}\n\xff",
		"status=301~location=\x1b[2J{}\n",
		"type=\x1b[2J\n{mx}",
		"body=\x1b[2J\n{}: {}\nmx: \x07\n",
	};
	struct check_findings found;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		judge(words[i], "", &found);
		for (size_t n = 0; n < found.count; n++)
			for (const char *p = found.item[n].text; *p; p++)
				assert_true(*p >= ' ' && *p <= '~');
		check_findings_release(&found);
	}
}

static const struct {
	const char *host, *provider;
} hosts[] = {
	{ "contoso-com.mail.protection.outlook.com", "Microsoft 365" },
	{ "contoso-com.a-v1.mx.microsoft", "Microsoft 365" },
	{ "*.a-v1.mx.microsoft", "Microsoft 365" },
	{ "contoso.mail.protection.office365.us", "Microsoft 365" },
	{ "contoso-cn.mail.protection.partner.outlook.cn", "Microsoft 365" },
	{ "ALT1.ASPMX.L.GOOGLE.COM", "Google Workspace" },
	{ "smtp.google.com", "Google Workspace" },
	{ "aspmx2.googlemail.com", "Google Workspace" },
	{ "mx-01-eu-west-1.prod.hydra.sophos.com", "Sophos" },
	{ "cust12345-s.in.mailcontrol.com", "Forcepoint" },
	{ "mx2.antispamcloud.com", "SpamExperts" },
	{ "mx.spamexperts.com", "SpamExperts" },
	{ "outlook.cn", NULL },
	{ "www.sophos.com", NULL },
	{ "mx.microsoft.example", NULL },
	{ "notgooglemail.com", NULL },
	{ "example.org", NULL },
	{ "", NULL },
};

static void providers_are_known_by_their_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		const char *provider = provider_of(hosts[i].host);

		print_message("%s\n", hosts[i].host);
		if (hosts[i].provider)
			assert_string_equal(provider, hosts[i].provider);
		else
			assert_null(provider);
	}
}

static int set_up(void **state)
{
	(void)state;
	f = xcalloc(1, sizeof(*f));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_appears_and_does_not),
		cmocka_unit_test(another_hosts_policy_is_told_of),
		cmocka_unit_test(none_is_without_a_row),
		cmocka_unit_test(advice_is_in_the_verbs_of_the_box),
		cmocka_unit_test(what_is_well_is_good),
		cmocka_unit_test(nothing_seen_is_nothing_good),
		cmocka_unit_test(no_other_answer_of_the_policy_host_is_good),
		cmocka_unit_test(no_other_answer_of_a_mail_host_is_good),
		cmocka_unit_test(no_other_answer_at_a_second_address_is_good),
		cmocka_unit_test(no_other_look_is_good),
		cmocka_unit_test(text_of_strangers_is_harmless),
		cmocka_unit_test(providers_are_known_by_their_hosts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
