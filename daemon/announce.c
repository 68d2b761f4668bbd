#include "daemon/announce.h"

#include <stdio.h>

#include "base/when.h"
#include "daemon/reach_judge.h"

static const char *const names[] = {
	[ANNOUNCE_NO_CERTIFICATE] = "no-certificate",
	[ANNOUNCE_UNTRUSTED] = "untrusted",
	[ANNOUNCE_UNSEEN] = "unseen",
	[ANNOUNCE_NOT_FROM_HERE] = "not-from-here",
	[ANNOUNCE_BY_HAND] = "by-hand",
	[ANNOUNCE_OK] = "ok",
};

const char *announce_name(enum announce is)
{
	return names[is];
}

bool announce_may(enum announce is)
{
	return is >= ANNOUNCE_NOT_FROM_HERE;
}

bool announce_stands(enum announce is, const struct domain *d,
		     const struct reached *r)
{
	return announce_may(is) ||
	       (d->state == DOMAIN_LIVE && (r->at || reached_is_by_hand(r)));
}

enum announce announce_judge(const struct domain *d, bool has_cert,
			     const struct ca *ca, const struct reached *r)
{
	if (d->state < DOMAIN_LIVE || !has_cert)
		return ANNOUNCE_NO_CERTIFICATE;
	if (ca_is_staging(ca) || *r->distrust)
		return ANNOUNCE_UNTRUSTED;
	if (r->at)
		return ANNOUNCE_OK;
	if (reached_is_by_hand(r))
		return ANNOUNCE_BY_HAND;
	return r->let_at ? ANNOUNCE_NOT_FROM_HERE : ANNOUNCE_UNSEEN;
}

/* ---- in words ---- */

#define SAY(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)

/* Adopted, perhaps: another host serves it until the name leads here. */
static void say_no_certificate(const struct domain *d, const struct reached *r,
			       struct announce_words *w)
{
	if (r->at) {
		SAY(w->why, "DNS announces the policy already, and there is no "
			    "certificate yet to serve it with");
		SAY(w->todo,
		    "leave the record as it is: mtastsctl domain show "
		    "%s says how far it is",
		    d->name);
		return;
	}
	SAY(w->why, "there is no certificate yet, so that senders would look "
		    "for a policy that they cannot fetch");
	if (d->state == DOMAIN_WAITING_FOR_DNS)
		SAY(w->todo,
		    "publish the other records: mtastsctl domain "
		    "records %s; then it is for this box to go on",
		    d->name);
	else
		SAY(w->todo, "mtastsctl domain show %s says how far it is",
		    d->name);
}

static void say_untrusted(const struct domain *d, const struct ca *ca,
			  const struct reached *r, struct announce_words *w)
{
	if (ca_is_staging(ca)) {
		SAY(w->why,
		    "the certificate served is from %s, a CA for "
		    "trying things out, and no sender trusts it",
		    ca->name);
		SAY(w->todo,
		    "set ca_order to another, then mtastsctl cert "
		    "renew %s --wait",
		    d->name);
		return;
	}
	SAY(w->why,
	    "the certificate that was imported is trusted by no "
	    "sender: %s",
	    r->distrust);
	SAY(w->todo, "mtastsctl cert renew %s --wait gets another", d->name);
}

/* A router may answer its own address itself, whatever senders see. */
#define OVERRIDE                                                               \
	"if that machine gets it, and only this one does not: mtastsctl "      \
	"policy announce %s --reason TEXT"

static void say_unseen(const struct domain *d, const struct reached *r,
		       struct announce_words *w)
{
	char next[INSTANT_TEXT], end[INSTANT_TEXT];

	instant_format(r->due_at, next);
	switch (r->why) {
	case REACHED_NOT_TRIED:
		SAY(w->why, "this box has not yet fetched the policy as "
			    "senders do");
		SAY(w->todo, "wait: it looks by itself, within some minutes");
		break;
	case REACHED_CUT_OFF:
		SAY(w->why,
		    "the policy could not be fetched as senders do: "
		    "%s",
		    r->problem);
		SAY(w->todo,
		    "see that port 443 leads here: mtasts-check %s on "
		    "another machine tells; this box looks again at "
		    "%s, and waits no longer than until %s; " OVERRIDE,
		    d->name, next,
		    instant_format(r->since + REACH_LET_AFTER, end), d->name);
		break;
	case REACHED_WRONG:
		SAY(w->why, "what senders would get is not the policy: %s",
		    r->problem);
		SAY(w->todo,
		    "have that put right: mtastsctl domain check %s "
		    "says more; this box looks again at %s; " OVERRIDE,
		    d->name, next, d->name);
		break;
	case REACHED_BY_HAND: /* is no reason to wait */
		break;
	}
}

static void say_not_from_here(const struct domain *d, const struct reached *r,
			      struct announce_words *w)
{
	SAY(w->why,
	    "that senders can fetch the policy could not be seen from "
	    "this box for a day: %s",
	    r->problem);
	SAY(w->todo,
	    "if its own network lets it not reach its own address, "
	    "that is no harm: mtasts-check %s on another machine "
	    "tells",
	    d->name);
}

static void say_by_hand(const struct domain *d, const struct reached *r,
			struct announce_words *w)
{
	char at[INSTANT_TEXT];

	SAY(w->why,
	    "it is announced by hand since %s%s%s, for this box has not "
	    "fetched the policy itself",
	    instant_format(r->let_at, at), *r->problem ? ": " : "", r->problem);
	SAY(w->todo,
	    "mtasts-check %s on another machine tells whether senders get it; "
	    "once this box does, nothing is by hand any more",
	    d->name);
}

void announce_say(enum announce is, const struct domain *d, const struct ca *ca,
		  const struct reached *r, struct announce_words *out)
{
	*out = (struct announce_words){ .why = "" };
	switch (is) {
	case ANNOUNCE_NO_CERTIFICATE:
		say_no_certificate(d, r, out);
		break;
	case ANNOUNCE_UNTRUSTED:
		say_untrusted(d, ca, r, out);
		break;
	case ANNOUNCE_UNSEEN:
		say_unseen(d, r, out);
		break;
	case ANNOUNCE_NOT_FROM_HERE:
		say_not_from_here(d, r, out);
		break;
	case ANNOUNCE_BY_HAND:
		say_by_hand(d, r, out);
		break;
	case ANNOUNCE_OK:
		break;
	}
}

/* ---- by hand ---- */

static const struct {
	const char *text, *hint; /* NULL: as announce_say() has them */
} no_override[] = {
	[ANNOUNCE_NO_CERTIFICATE] = { NULL, NULL },
	[ANNOUNCE_UNTRUSTED] = { NULL, NULL },
	[ANNOUNCE_UNSEEN] = { "this box has not looked yet",
			      "wait: it looks by itself, within some minutes" },
	[ANNOUNCE_NOT_FROM_HERE] = { "it is announced already, for this box "
				     "could not look for a day",
				     NULL },
	[ANNOUNCE_BY_HAND] = { "it is announced by hand already", NULL },
	[ANNOUNCE_OK] = { "nothing keeps it from being announced",
			  "mtastsctl domain records prints its record" },
};

bool announce_may_override(enum announce is, const struct domain *d,
			   const struct ca *ca, const struct reached *r,
			   struct err *err)
{
	struct announce_words w;

	announce_say(is, d, ca, r, &w);
	if (d->leaving == DOMAIN_HANDING_OVER) {
		err_set(err, ERR_REFUSED,
			"%s is handed over: it is for the other host to "
			"announce it",
			d->name);
		return err_hint(err,
				"mtastsctl domain show %s says how far "
				"it is",
				d->name);
	}
	if (is == ANNOUNCE_UNSEEN && r->why != REACHED_NOT_TRIED)
		return true;
	err_set(err, ERR_REFUSED, "%s: there is nothing to override: %s",
		d->name, no_override[is].text ? no_override[is].text : w.why);
	return err_hint(err, "%s",
			no_override[is].hint ? no_override[is].hint : w.todo);
}
