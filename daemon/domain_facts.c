#include "daemon/domain_facts.h"

#include <string.h>

#include "base/log.h"
#include "policy/domain_field.h"
#include "store/checked.h"

/* True if it was read; what is wrong, other than its absence, is logged. */
static bool have(bool ok, const struct err *err, const char *what,
		 const struct domain *d)
{
	if (!ok && err->kind != ERR_NOT_FOUND)
		log_about(LOG_LEVEL_ERROR, domain_field(d->name), "%s %s: %s",
			  what, d->name, err->text);
	return ok;
}

static void load_cert(struct domain_facts *f, struct store *s)
{
	struct err err = ERR_INIT;

	f->has_cert = have(cert_current(s, &f->domain, &f->cert, &err), &err,
			   "cert", &f->domain);
	if (!f->has_cert)
		return;
	err = (struct err)ERR_INIT;
	have(ca_by_id(s, f->cert.ca_id, &f->ca, &err), &err, "ca of",
	     &f->domain);
}

/* By what it will be in some seconds, if the template has changed. */
static struct template_own own_of(const struct domain_facts *f, struct store *s,
				  const struct template *t)
{
	bool is_behind = f->domain.template_epoch < t->epoch;
	struct template_own own;
	struct sts_policy p;

	sts_policy_copy(&p, &f->policy.policy);
	if (is_behind)
		template_follow(s, t, &f->domain, &p, NULL);
	own = template_own(t, f->domain.name, &p);
	sts_policy_release(&p);
	return own;
}

static void load_template(struct domain_facts *f, struct store *s)
{
	struct err err = ERR_INIT;
	struct template t;

	if (!f->domain.template_id ||
	    !have(template_by_id(s, f->domain.template_id, &t, &err), &err,
		  "template of", &f->domain))
		return;
	memcpy(f->template, t.name, sizeof(f->template));
	if (f->has_policy)
		f->own = own_of(f, s, &t);
	template_release(&t);
}

static void load_watch(struct domain_facts *f, struct store *s, time_t now)
{
	struct err err = ERR_INIT;

	have(watch_of(s, &f->domain, &f->watch, &err), &err, "watch of",
	     &f->domain);
	err = (struct err)ERR_INIT;
	have(leaving_of(s, &f->domain, &f->watch, now, &f->leaving, &err),
	     &err, "leaving", &f->domain);
}

/* Senders keep to another version than the one that is served. */
static void load_shown(struct domain_facts *f, struct store *s)
{
	const char *id = f->watch.txt_id;
	struct err err = ERR_INIT;

	if (f->has_policy &&
	    watch_announced(&f->watch, f->policy.sts_id) != ANNOUNCED_IN_STEP)
		have(policy_version_shown(s, &f->domain, id, &f->shown, &err),
		     &err, "versions of", &f->domain);
}

static void load_reached(struct domain_facts *f, struct store *s)
{
	struct err err = ERR_INIT;

	have(reached_of(s, &f->domain, &f->reached, &err), &err, "reach of",
	     &f->domain);
	f->announce = announce_judge(&f->domain, f->has_cert, &f->ca,
				     &f->reached);
}

/* What it costs is of no concern in any other mode. */
static void load_checked(struct domain_facts *f, struct store *s)
{
	struct err err = ERR_INIT;
	struct checked c;

	if (!f->has_policy || f->policy.policy.mode != STS_ENFORCE)
		return;
	if (have(checked_of(s, &f->domain, &c, &err), &err, "looks at",
		 &f->domain)) {
		mx_health_of(c.findings, &f->mx);
		f->mx_is_sure = f->mx.is == MX_BAD && c.bad_since &&
				c.at > c.bad_since;
	}
	checked_release(&c);
}

void domain_facts_load(struct domain_facts *f, struct store *s,
		       const struct domain *d, time_t now)
{
	struct err err = ERR_INIT;

	*f = (struct domain_facts){ .domain = *d };
	load_cert(f, s);
	f->has_order = have(order_of_domain(s, d->id, &f->order, &err), &err,
			    "order", d);
	err = (struct err)ERR_INIT;
	f->has_policy = have(policy_version_current(s, d, &f->policy, &err),
			     &err, "policy", d);
	err = (struct err)ERR_INIT;
	f->has_publication = have(
		publication_of(s, d->name, &f->publication, &err), &err,
		"publication of", d);
	err = (struct err)ERR_INIT;
	have(!f->has_policy ||
		     policy_version_mode_since(s, d, f->policy.policy.mode,
					       &f->mode_since, &err),
	     &err, "versions of", d);
	load_template(f, s);
	load_watch(f, s, now);
	load_shown(f, s);
	load_reached(f, s);
	load_checked(f, s);
}

void domain_facts_release(struct domain_facts *f)
{
	if (f->has_policy)
		policy_version_release(&f->policy);
	if (f->has_publication)
		publication_release(&f->publication);
	f->has_policy = f->has_publication = false;
}
