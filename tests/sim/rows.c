#include "tests/sim/rows.h"

#include <stdio.h>
#include <string.h>

#include "store/policy_version.h"
#include "tests/sim/scratch.h"

struct domain rows_domain(struct store *s, const char *name)
{
	struct domain d = { .created_at = ROWS_NOW, .state_at = ROWS_NOW,
			    .due_at = ROWS_NOW };
	struct sts_policy policy = { .mode = STS_TESTING,
				     .max_age = STS_MAX_AGE_DEFAULT };
	struct err err = ERR_INIT;
	bool changed;

	snprintf(d.name, sizeof(d.name), "%s", name);
	must(sts_policy_add_mx(&policy, "mx.example.net", &err), &err);
	must(domain_insert(s, &d, &err), &err);
	must(policy_version_publish(s, &d, &policy, ROWS_NOW, &changed, &err),
	     &err);
	sts_policy_release(&policy);
	return d;
}

struct ca rows_ca(struct store *s)
{
	struct err err = ERR_INIT;
	struct ca ca;

	must(ca_ensure(s, "test", "https://ca.test/directory", &ca, &err),
	     &err);
	return ca;
}

struct account rows_account(struct store *s)
{
	struct ca ca = rows_ca(s);
	struct account a = { .ca_id = ca.id, .created_at = ROWS_NOW };
	struct account there;
	struct err err = ERR_INIT;

	if (account_of_ca(s, ca.id, &there, &err))
		return there;
	must(p256_generate(&a.key, &err), &err);
	must(account_insert(s, &a, &err), &err);
	return a;
}

struct order rows_order(struct store *s, const struct domain *d)
{
	struct account a = rows_account(s);
	struct order o = { .domain_id = d->id, .ca_id = a.ca_id,
			   .account_id = a.id, .csr = "csr", .csr_len = 3,
			   .created_at = ROWS_NOW };
	struct err err = ERR_INIT;
	struct p256 key;

	must(p256_generate(&key, &err), &err);
	must(key_insert(s, d->id, &key, ROWS_NOW, &o.key_id, &err), &err);
	must(order_insert(s, &o, &err), &err);
	return o;
}

struct cert rows_cert(struct store *s, struct domain *d, const char *leaf,
		      const char *issuers)
{
	struct order o = rows_order(s, d);
	struct cert_chain chain = {
		.leaf = (const unsigned char *)leaf,
		.leaf_len = strlen(leaf),
		.issuers = (const unsigned char *)issuers,
		.issuers_len = strlen(issuers),
	};
	struct cert c = { .domain_id = d->id, .ca_id = o.ca_id,
			  .key_id = o.key_id, .order_id = o.id,
			  .not_before = ROWS_NOW, .not_after = ROWS_NOW + 99,
			  .renew_at = ROWS_NOW + 66, .created_at = ROWS_NOW,
			  .serial = "0abc", .issuer = "Test CA" };
	struct err err = ERR_INIT;

	d->state = DOMAIN_LIVE;
	must(cert_install(s, d, &c, &chain, &err), &err);
	o.state = ORDER_DONE;
	o.ended_at = ROWS_NOW;
	must(order_update(s, &o, &err), &err);
	return c;
}
