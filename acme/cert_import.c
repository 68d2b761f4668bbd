#include "acme/cert_import.h"

#include <string.h>

#include "acme/chain_trust.h"
#include "acme/schedule.h"
#include "base/str.h"
#include "base/when.h"
#include "store/reached.h"

/* Of a domain that may have one already. */
static bool check_gain(struct store *s, const struct domain *d,
		       const struct chain *chain, time_t now, bool *is_there,
		       struct err *err)
{
	char until[INSTANT_TEXT];
	struct cert served;

	*is_there = false;
	if (!d->cert_id || !cert_current(s, d, &served, NULL))
		return true;
	*is_there = streq(served.serial, chain->serial) &&
		    streq(served.issuer, chain->issuer) &&
		    served.not_after == chain->not_after;
	if (*is_there || d->revoked || served.not_after <= now ||
	    served.not_after < chain->not_after)
		return true;
	err_set(err, ERR_REFUSED, "what is served lives longer, until %s",
		instant_format(served.not_after, until));
	return err_hint(err, "mtastsctl cert renew %s gets a new one", d->name);
}

static bool check_key(struct store *s, const struct p256 *key, struct err *err)
{
	if (!key_is_compromised(s, key->point))
		return true;
	err_set(err, ERR_REFUSED, "its key is compromised: it is never used "
				  "again");
	return err_hint(err, "a certificate that is ordered here has a key of "
			     "its own");
}

/* An order that is under way goes on, and its certificate comes after this. */
static bool make_live(struct store *s, struct domain *d, const struct cert *c,
		      struct err *err)
{
	struct err none = ERR_INIT;
	struct order o;
	bool is_under_way = order_of_domain(s, d->id, &o, &none);

	if (!is_under_way && none.kind != ERR_NOT_FOUND)
		return err_set(err, none.kind, "%s", none.text);
	if (d->state != DOMAIN_LIVE)
		d->state_at = c->created_at;
	d->state = DOMAIN_LIVE;
	d->ready_at = 0;
	d->due_at = is_under_way ? 0 : c->renew_at;
	d->failures = 0;
	d->revoked = false;
	d->problem[0] = d->hint[0] = '\0';
	return true;
}

static bool put(struct store *s, struct domain *d, struct cert *c,
		const struct p256 *key, const struct chain *chain,
		struct err *err)
{
	struct cert_chain bytes = {
		.leaf = (const unsigned char *)chain->leaf.data,
		.leaf_len = chain->leaf.len,
		.issuers = (const unsigned char *)chain->issuers.data,
		.issuers_len = chain->issuers.len,
	};

	return make_live(s, d, c, err) &&
	       key_insert(s, d->id, key, c->created_at, &c->key_id, err) &&
	       cert_install(s, d, c, &bytes, err);
}

static time_t first_use(const struct chain *chain, time_t now)
{
	return chain->not_before > now ? chain->not_before : now;
}

static bool take(struct store *s, struct domain *d,
		 const struct cert_import *in, const struct p256 *key,
		 const struct chain *chain, struct cert *c, bool *is_news,
		 struct err *err)
{
	char why[CHAIN_DISTRUST];
	bool is_there, is_trusted, ok;

	if (!check_key(s, key, err) ||
	    !check_gain(s, d, chain, in->now, &is_there, err))
		return false;
	*is_news = !is_there;
	is_trusted = chain_is_trusted(chain, in->ca_file,
				      first_use(chain, in->now), why);
	if (is_there) /* whose roots may be known here only now */
		return reached_begin(s, d->id, in->now, is_trusted ? NULL : why,
				     err) &&
		       cert_current(s, d, c, err);
	*c = (struct cert){
		.domain_id = d->id,
		.state = CERT_ACTIVE,
		.not_before = chain->not_before,
		.not_after = chain->not_after,
		.created_at = in->now,
		.renew_at = schedule_renewal(chain->not_before,
					     chain->not_after, in->now,
					     in->dice),
	};
	memcpy(c->serial, chain->serial, sizeof(c->serial));
	memcpy(c->issuer, chain->issuer, sizeof(c->issuer));
	if (!is_trusted)
		c->distrust = why;
	ok = put(s, d, c, key, chain, err);
	c->distrust = NULL;
	return ok;
}

/* cert.pem in place of fullchain.pem is what goes wrong most. */
static void say_alone(const struct chain *chain, struct err *err)
{
	if (!chain->leaf.len || chain->issuers.len)
		return;
	err_set(err, ERR_REFUSED,
		"the certificate came alone: the intermediate certificates "
		"between it and its CA's root are missing");
	err_hint(err,
		 "put them behind it in the same file, each before the "
		 "one that has signed it; of certbot take fullchain.pem, not "
		 "cert.pem");
}

bool cert_import(struct store *s, struct domain *d,
		 const struct cert_import *in, struct cert *c, bool *is_news,
		 struct err *err)
{
	char host[DOMAIN_NAME_SIZE];
	struct p256 key = { .scalar = { 0 } };
	struct chain_wanted wanted = { .host = host, .key = &key,
				       .now = in->now };
	struct chain chain;
	bool ok;

	domain_name_policy_host(d->name, host);
	if (!p256_from_pem(&key, in->key, strlen(in->key), err))
		return false;
	ok = chain_read(&chain, in->chain, strlen(in->chain), &wanted, err) &&
	     take(s, d, in, &key, &chain, c, is_news, err);
	if (!ok)
		say_alone(&chain, err);
	chain_release(&chain);
	p256_release(&key);
	return ok;
}
