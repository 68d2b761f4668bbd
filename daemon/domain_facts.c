#include "daemon/domain_facts.h"

#include "base/log.h"

/* True if it was read; what is wrong, other than its absence, is logged. */
static bool have(bool ok, const struct err *err, const char *what,
		 const struct domain *d)
{
	if (!ok && err->kind != ERR_NOT_FOUND)
		log_error("%s %s: %s", what, d->name, err->text);
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

void domain_facts_load(struct domain_facts *f, struct store *s,
		       const struct domain *d)
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
}

void domain_facts_release(struct domain_facts *f)
{
	if (f->has_policy)
		policy_version_release(&f->policy);
	if (f->has_publication)
		publication_release(&f->publication);
	f->has_policy = f->has_publication = false;
}
