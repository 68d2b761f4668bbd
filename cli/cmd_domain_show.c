/*
 * mtastsctl domain show: all about a domain on one screen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

/* "title       text", and nothing if there is no text. */
static void field(const char *title, const char *text)
{
	if (*text)
		printf("  %-12s %s\n", title, text);
}

static void show_findings(const json_t *d)
{
	const json_t *list = value_at(d, "findings"), *f;
	size_t i;

	json_array_foreach(list, i, f) {
		printf("  %-12s %s: %s\n", text_at(f, "level"),
		       text_at(f, "id"), text_at(f, "text"));
		field("", text_at(f, "hint"));
	}
}

static void show_policy(const json_t *d, time_t now)
{
	const json_t *p = value_at(d, "policy");
	char age[DURATION_TEXT], made[WHEN_TEXT];
	char *mx = joined_at(p, "mx", ", ");

	if (json_is_object(p)) {
		printf("  %-12s version %lld, id %s, made %s\n", "policy",
		       json_integer_value(value_at(p, "version")),
		       text_at(p, "id"), when_at(p, "created", now, made));
		field("  mode", text_at(p, "mode"));
		field("  max_age",
		      duration_format(
			      (long)json_integer_value(value_at(p, "max_age")),
			      age));
		field("  mx", mx);
	}
	free(mx);
}

static void show_cert(const json_t *d, time_t now)
{
	const json_t *c = value_at(d, "certificate");
	char when[WHEN_TEXT];

	if (!json_is_object(c)) {
		field("certificate", "none yet");
		return;
	}
	field("certificate", text_at(c, "serial"));
	field("  issued by", text_at(c, "issuer"));
	field("  from ca",
	      *text_at(c, "ca") ? text_at(c, "ca") : "none: it was imported");
	field("  since", when_at(c, "not_before", now, when));
	field("  until", when_at(c, "not_after", now, when));
	field("  renewal", *text_at(c, "renew_at")
				   ? when_at(c, "renew_at", now, when)
				   : "none: it is handed over");
}

static void show_work(const json_t *d, time_t now)
{
	char when[WHEN_TEXT];

	if (json_is_object(value_at(d, "order")))
		printf("  %-12s %s, since %s\n", "order",
		       text_at(d, "order.state"),
		       when_at(d, "order.since", now, when));
	if (json_is_object(value_at(d, "next")))
		printf("  %-12s %s at %s\n", "next", text_at(d, "next.what"),
		       when_at(d, "next.at", now, when));
}

static const struct {
	const char *is, *text;
} txt_words[] = {
	{ "in-step", "announces this version" },
	{ "behind", "does not show the new id yet" },
	{ "ahead", "announces an id that was not made here" },
	{ "foreign", "announces another host's policy" },
	{ "nothing", "is not there" },
	{ "damaged", "is doubled or damaged" },
};

static const char *txt_words_of(const char *is)
{
	for (size_t i = 0; i < ARRAY_LEN(txt_words); i++)
		if (streq(txt_words[i].is, is))
			return txt_words[i].text;
	return "not seen yet";
}

/* To be freed. */
static char *txt_text(const json_t *d)
{
	const char *is = text_at(d, "dns.txt.is"), *words = txt_words_of(is);
	const json_t *version = value_at(d, "dns.txt.version");

	if (!streq(is, "behind") || !json_is_integer(version))
		return xstrdup(words);
	return xasprintf("%s: senders still use version %lld", words,
			 json_integer_value(version));
}

/* A longer max_age protects longer, once enforce has proved itself. */
static void show_proposal(const json_t *d)
{
	long next = (long)json_integer_value(value_at(d, "next_max_age"));
	char age[DURATION_TEXT];

	if (next)
		printf("  %-12s mtastsctl policy set %s --max-age %s\n",
		       "proposal", text_at(d, "name"),
		       duration_format(next, age));
}

/* A part for which nobody answered in the last look is older than that. */
static void show_seen(const json_t *d, const char *title, const char *what,
		      const char *seen, time_t now)
{
	const char *at = text_at(d, seen);
	char when[WHEN_TEXT];

	if (!*at || streq(at, text_at(d, "dns.looked")))
		field(title, what);
	else
		printf("  %-12s %s; nobody answers since %s\n", title, what,
		       when_at(d, seen, now, when));
}

/* What the daemon saw in DNS, and when. */
static void show_dns(const json_t *d, time_t now)
{
	char *mx = joined_at(d, "dns.mx.hosts", ", "), when[WHEN_TEXT];
	char *host = xasprintf("leads %s", text_at(d, "dns.host.is"));
	char *txt = txt_text(d);

	if (json_is_object(value_at(d, "dns"))) {
		when_at(d, "dns.looked", now, when);
		printf("  %-12s %s%s\n", "dns",
		       *when ? "as seen at " : "not seen yet", when);
		show_seen(d, "  _mta-sts", txt, "dns.txt.seen", now);
		if (*text_at(d, "dns.txt.foreign_until"))
			printf("  %-12s another host's policy may be held "
			       "until %s at the latest\n",
			       "",
			       when_at(d, "dns.txt.foreign_until", now, when));
		show_seen(d, "  mta-sts", host, "dns.host.seen", now);
		show_seen(d, "  MX", *mx ? mx : text_at(d, "dns.mx.look"),
			  "dns.mx.seen", now);
	}
	free(txt);
	free(host);
	free(mx);
}

static void say_other_host(const char *name)
{
	printf("  %-12s waits until mta-sts.%s leads here, or nowhere: until "
	       "then another host may serve its policy\n",
	       "", name);
	printf("  %-12s mtastsctl domain remove %s --now does not wait\n", "",
	       name);
}

/* Only if it is not as a matter of course. */
static void show_announce(const json_t *d)
{
	static const char *const said[] = { "unseen", "not-from-here",
					    "by-hand" };

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		if (!streq(text_at(d, "announce.is"), said[i]) ||
		    streq(text_at(d, "state"), "handing-over"))
			continue;
		field("announced", text_at(d, "announce.why"));
		field("", text_at(d, "announce.todo"));
	}
}

/* How far it is on its way out. */
static void show_leaving(const json_t *d, time_t now)
{
	char when[WHEN_TEXT];

	if (!json_is_object(value_at(d, "leaving")))
		return;
	field("leaving", when_at(d, "leaving.since", now, when));
	if (json_is_true(value_at(d, "leaving.waits_for_txt")))
		field("", "waits until DNS shows the id above");
	if (json_is_true(value_at(d, "leaving.waits_for_host")))
		say_other_host(text_at(d, "name"));
	if (json_is_true(value_at(d, "leaving.waits_for_dns")))
		field("", "waits until DNS leads to the other host");
	if (json_is_true(value_at(d, "leaving.waits_for_cname")))
		field("", "waits until _mta-sts is the other host's, too");
	if (*text_at(d, "leaving.held_until"))
		field("  held until",
		      when_at(d, "leaving.held_until", now, when));
	if (!*text_at(d, "leaving.done"))
		return;
	field("  done", when_at(d, "leaving.done", now, when));
	field("", streq(text_at(d, "state"), "removing")
			  ? "from then on its records may go"
			  : "then it goes from this box");
}

static void show_told(const json_t *d)
{
	const json_t *list = value_at(d, "publication.records"), *r;
	size_t i;

	json_array_foreach(list, i, r)
	{
		printf("  %-12s %s %s %s\n", i ? "" : "published",
		       text_at(r, "name"), text_at(r, "type"),
		       text_at(r, "value"));
	}
}

static void show_publication(const json_t *d, time_t now)
{
	const char *state = text_at(d, "publication.state");
	char at[WHEN_TEXT];

	show_told(d);
	if (streq(state, "published"))
		field("  since", when_at(d, "publication.at", now, at));
	if (streq(state, "waiting"))
		field("to publish", "waits for its turn; mtastsctl status "
				    "says if something is in the way");
	if (streq(state, "nothing"))
		field("published", streq(text_at(d, "state"), "live")
					   ? "nothing"
					   : "nothing before it is live");
}

/* And what of the policy is not the template's. */
static void show_template(const json_t *d)
{
	char *own = joined_at(d, "own", " and ");

	if (*text_at(d, "template"))
		printf("  %-12s %s%s%s\n", "template", text_at(d, "template"),
		       *own ? ", with its own " : "", own);
	free(own);
}

static void show(const json_t *d)
{
	char *title = title_of(d), *rua = joined_at(d, "rua", ", ");
	time_t now = time(NULL);
	char since[WHEN_TEXT];

	printf("%s\n  %-12s %s, since %s\n", title, "state",
	       text_at(d, "state"), when_at(d, "state_since", now, since));
	field("health", text_at(d, "health"));
	show_findings(d);
	field("label", text_at(d, "label"));
	show_template(d);
	show_policy(d, now);
	if (json_is_true(json_object_get(d, "track_mx")))
		field("track-mx", "yes: new hosts of its provider go in, once "
				  "two resolvers agree on them");
	show_cert(d, now);
	show_proposal(d);
	show_dns(d, now);
	show_announce(d);
	show_leaving(d, now);
	show_work(d, now);
	field("reports to", rua);
	show_publication(d, now);
	free(title);
	free(rua);
}

static enum exit_code show_one(struct cli *cli, const char *name,
			       struct err *err)
{
	return targets_get(cli, name, "", show, err);
}

enum exit_code cmd_domain_show(struct cli *cli)
{
	return targets_each(cli, show_one);
}

