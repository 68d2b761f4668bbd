/*
 * What DNS says of the policy: `_mta-sts`, and the id in it.
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "policy/findings_parts.h"

#define VERSION "v=STSv1"

/* Meant to be such a record, whether senders know it for one or not. */
static bool is_meant(const char *text)
{
	return strncasecmp(text, VERSION, strlen(VERSION)) == 0;
}

static bool counts(const char *text)
{
	return str_starts(text, VERSION ";");
}

static size_t count_of(const struct check_txt *t, bool (*is_it)(const char *))
{
	size_t n = 0;

	for (size_t i = 0; t->look == CHECK_SEEN && i < t->count; i++)
		n += is_it(t->text[i]);
	return n;
}

static const char *first_meant(const struct check_txt *t)
{
	for (size_t i = 0; t->look == CHECK_SEEN && i < t->count; i++)
		if (is_meant(t->text[i]))
			return t->text[i];
	return NULL;
}

/* The one that every sender takes. */
static bool has_id(const struct bench *b, char id[static STS_ID_SIZE])
{
	const struct check_txt *t = &b->f->sts;

	return count_of(t, counts) == 1 && count_of(t, is_meant) == 1 &&
	       sts_record_parse(first_meant(t), id, NULL);
}

static bool looked(struct bench *b)
{
	const struct check_txt *t = &b->f->sts;

	return (int)t->look == b->arg && bench_say(b, "%s", t->problem);
}

/* Others may be there: no record of ours is. */
static bool is_missing(struct bench *b)
{
	const struct check_txt *t = &b->f->sts;

	return t->look == CHECK_ABSENT ||
	       (t->look == CHECK_SEEN && !first_meant(t));
}

static bool is_twice(struct bench *b)
{
	size_t n = count_of(&b->f->sts, counts);

	return n > 1 && bench_say(b, "%zu", n);
}

static bool is_bad(struct bench *b)
{
	const char *text = first_meant(&b->f->sts);
	struct err err = ERR_INIT;
	char id[STS_ID_SIZE];

	if (!text || count_of(&b->f->sts, counts) > 1 ||
	    sts_record_parse(text, id, &err))
		return false;
	return bench_say(b, "%s", err.text);
}

static bool has_others(struct bench *b)
{
	const struct check_txt *t = &b->f->sts;

	for (size_t i = 0; t->look == CHECK_SEEN && i < t->count; i++)
		if (!is_meant(t->text[i]))
			return bench_quote(b, t->text[i]);
	return false;
}

static bool is_at_root(struct bench *b)
{
	const char *text = first_meant(&b->f->root);

	return text && bench_quote(b, text);
}

static bool is_slow(struct bench *b)
{
	const struct check_txt *t = &b->f->sts;
	char text[DURATION_TEXT];

	return t->look == CHECK_SEEN && t->ttl > WHEN_HOUR &&
	       bench_say(b, "%s", duration_rough(t->ttl, text));
}

static bool is_good(struct bench *b)
{
	char id[STS_ID_SIZE];

	return has_id(b, id) && bench_say(b, "%s", id);
}

static bool is_removable(struct bench *b)
{
	const struct check_expected *e = &b->f->expected;
	char until[INSTANT_TEXT];

	if (!e->removable_at || e->removable_at > b->now ||
	    !first_meant(&b->f->sts))
		return false;
	if (!e->foreign_until)
		return bench_say(b, "a policy of %s any more", b->f->domain);
	return bench_say(b,
			 "a policy of this box for %s any more; another "
			 "host's, seen in DNS, may be held until %s at the "
			 "latest",
			 b->f->domain, instant_format(e->foreign_until, until));
}

/* ---- whose id it is ---- */

enum { IN_STEP, BEHIND, AHEAD, FOREIGN, NO_MATTER };

/*
 * Ids are made of the time (sts_id_make), so that older ones are told by
 * themselves where the others are not known.
 */
static bool looks_older(const struct check_expected *e, const char *id)
{
	return !e->past_count && strlen(id) >= strlen("20261123T201500Z") &&
	       id[8] == 'T' && id[15] == 'Z' && strcmp(id, e->id) < 0;
}

static bool is_past(const struct check_expected *e, const char *id)
{
	for (size_t i = 0; i < e->past_count; i++)
		if (streq(e->past_id[i], id))
			return true;
	return false;
}

static bool leads_here(const struct check_facts *f)
{
	for (size_t i = 0; i < f->host.count; i++)
		if (bench_is_own(f, f->host.address[i]))
			return true;
	return !f->expected.address_count;
}

/*
 * An id that we never made is either for a policy that is still to be made,
 * or somebody else's: that depends on who answers.
 */
static int step_of(struct bench *b)
{
	const struct check_expected *e = &b->f->expected;
	char id[STS_ID_SIZE];

	if (!e->is_hosted || !*e->id || !has_id(b, id))
		return NO_MATTER;
	bench_say(b, "%s", id);
	if (streq(id, e->id))
		return IN_STEP;
	if (is_past(e, id) || (leads_here(b->f) && looks_older(e, id)))
		return BEHIND;
	return leads_here(b->f) ? AHEAD : FOREIGN;
}

static bool is_step(struct bench *b)
{
	return step_of(b) == b->arg;
}

/* ---- the zone, the resolvers ---- */

static bool is_unsigned(struct bench *b)
{
	return b->f->zone == CHECK_SEEN && b->f->zone_keys == CHECK_ABSENT;
}

static bool has_bad_resolver(struct bench *b)
{
	return *b->f->bad_resolver && bench_say(b, "%s", b->f->bad_resolver);
}

static bool differs(struct bench *b)
{
	return b->f->sts.differs;
}

#define RECORD "_mta-sts.{domain}. IN TXT \"v=STSv1; id={id};\""

static const struct rule rules[] = {
	{ "txt.missing", CHECK_ERROR, is_missing, 0,
	  "_mta-sts.{domain} has no MTA-STS record: no sender looks for a "
	  "policy",
	  "once the policy can be fetched, publish " RECORD },
	{ "txt.server-failed", CHECK_ERROR, looked, CHECK_FAILED,
	  "the name servers fail when asked for TXT of _mta-sts.{domain}: {}",
	  "have the name servers of {domain} put right: senders see no "
	  "policy" },
	{ "txt.not-tested", CHECK_WARNING, looked, CHECK_NOT_TESTED,
	  "_mta-sts.{domain} was not asked for: whether senders look for a "
	  "policy is not known",
	  "try again" },
	{ "txt.timeout", CHECK_WARNING, looked, CHECK_TIMED_OUT,
	  "nobody answered for TXT of _mta-sts.{domain}: {}",
	  "check the resolvers of this machine, then the name servers of "
	  "{domain}; and try again" },
	{ "txt.duplicate", CHECK_ERROR, is_twice, 0,
	  "_mta-sts.{domain} has {} MTA-STS records: senders then take it to "
	  "have none",
	  "keep one of them: " RECORD },
	{ "txt.grammar", CHECK_ERROR, is_bad, 0,
	  "the record of _mta-sts.{domain} is malformed: {}",
	  "publish " RECORD },
	{ "txt.other", CHECK_WARNING, has_others, 0,
	  "_mta-sts.{domain} has another TXT record beside, {}: some senders "
	  "(maddy, KumoMTA) then find no policy",
	  "take it out; if it comes from a wildcard such as *.{domain}, let "
	  "that be for other types only" },
	{ "txt.at-root", CHECK_ERROR, is_at_root, 0,
	  "the record {} is at {domain} itself, where no sender looks",
	  "move it to _mta-sts.{domain}" },
	{ "txt.ttl", CHECK_NOTE, is_slow, 0,
	  "the record of _mta-sts.{domain} is kept by resolvers for {}: a "
	  "change of policy is seen that much later",
	  "publish it with a TTL of 3600 or less" },
	{ "txt.removable", CHECK_NOTE, is_removable, 0, "no sender can hold {}",
	  "take mta-sts, _mta-sts and _smtp._tls out of DNS" },
	{ "txt.ok", CHECK_GOOD, is_good, 0,
	  "_mta-sts.{domain} has one record, with id {}", "" },
	{ "id.in-step", CHECK_GOOD, is_step, IN_STEP,
	  "the id announced, {}, is that of the policy served", "" },
	{ "id.behind", CHECK_WARNING, is_step, BEHIND,
	  "the id announced, {}, is that of an older policy: senders do not "
	  "look for the new one",
	  "publish " RECORD },
	{ "id.ahead", CHECK_WARNING, is_step, AHEAD,
	  "the id announced, {}, is one that this box never made: senders may "
	  "take the old policy for the new one",
	  "publish " RECORD },
	{ "id.foreign", CHECK_WARNING, is_step, FOREIGN,
	  "the id announced, {}, is another host's, which answers for "
	  "mta-sts.{domain} too",
	  "lead mta-sts.{domain} here first, then publish " RECORD },
	{ "dnssec.absent", CHECK_NOTE, is_unsigned, 0,
	  "the zone of {domain} is not signed: who forges DNS can hide the "
	  "policy from senders that do not hold it yet",
	  "sign the zone with DNSSEC, if you can" },
	{ "dns.differs", CHECK_NOTE, differs, 0,
	  "resolvers disagree on TXT of _mta-sts.{domain}",
	  "if that record has changed, wait for its TTL; else compare the "
	  "name servers of {domain}" },
	{ "dns.resolver", CHECK_NOTE, has_bad_resolver, 0,
	  "a resolver that was asked is of no use: {}",
	  "put it right, or ask others" },
};

const struct rule_set rules_records = { GROUP_RECORDS, ONCE, rules,
					ARRAY_LEN(rules) };
