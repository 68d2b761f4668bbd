#include "acme/revoke_ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "acme/revoke_reason.h"
#include "base/mem.h"
#include "store/box.h"

#define CERTS_MAX 64	/* of one domain; a handful is kept */

static bool check(struct store *s, const struct domain *d,
		  const struct cert *c, const struct revoke_wish *wish,
		  struct err *err)
{
	if (!c->ca_id) {
		err_set(err, ERR_REFUSED, "the certificate of %s was imported: "
					  "only who ordered it can have it "
					  "revoked", d->name);
		return err_hint(err, "mtastsctl cert renew %s replaces it here",
				d->name);
	}
	if (!wish->at_once && box_is_frozen(s)) {
		err_set(err, ERR_REFUSED, "the box is frozen: no other "
					  "certificate would come first");
		return err_hint(err, "mtastsctl thaw ends that; --now revokes "
				     "what is served at once");
	}
	return true;
}

/* ---- the one served ---- */

static bool is_so_already(const struct cert *c, const struct revoke_wish *wish)
{
	if (c->revoked_at)
		return true;
	return c->revoke_due_at && c->revoke_reason == wish->reason &&
	       (!wish->at_once ||
		c->revoke_due_at != CERT_REVOKE_ONCE_REPLACED);
}

static bool mark(struct store *s, struct cert *c, int reason, time_t due_at,
		 struct err *err)
{
	c->revoke_reason = reason;
	c->revoke_due_at = due_at;
	c->revoke_failures = 0;
	return cert_update(s, c, err);
}

/* Before all renewals; an order that is under way will do. */
static bool replace(struct store *s, struct domain *d, time_t now,
		    struct err *err)
{
	struct order o;
	struct err none = ERR_INIT;

	d->revoked = true;
	if (d->ready_at && d->rank > RANK_REVOKED)
		d->rank = RANK_REVOKED;
	if (!d->ready_at && !order_of_domain(s, d->id, &o, &none)) {
		if (none.kind != ERR_NOT_FOUND)
			return err_set(err, none.kind, "%s", none.text);
		d->due_at = now;
		d->failures = 0;
	}
	return domain_update(s, d, err);
}

/* ---- all that a thief may have ---- */

struct list {
	struct cert cert[CERTS_MAX];
	size_t count;
};

static bool add(const struct cert *c, void *arg)
{
	struct list *list = arg;

	list->cert[list->count++] = *c;
	return list->count < CERTS_MAX;
}

static bool condemn(struct store *s, struct cert *c, int64_t served,
		    time_t now, struct err *err)
{
	if (!key_compromise(s, c->key_id, now, err))
		return false;
	if (c->id == served || !c->ca_id || c->revoked_at ||
	    c->not_after <= now)
		return true;
	return mark(s, c, REVOKE_KEY_COMPROMISE, now, err);
}

typedef bool find_order(struct store *s, int64_t domain_id, struct order *o,
			struct err *err);

/* Its key lay beside the others: it must not be certified. */
static bool drop_order(struct store *s, const struct domain *d,
		       find_order *find, time_t now, struct err *err)
{
	struct err none = ERR_INIT;
	struct order o;

	if (!find(s, d->id, &o, &none))
		return none.kind == ERR_NOT_FOUND ||
		       err_set(err, none.kind, "%s", none.text);
	o.state = ORDER_DEAD;
	o.ended_at = now;
	o.wake_ms = 0;
	snprintf(o.problem, sizeof(o.problem), "its key is compromised");
	return key_compromise(s, o.key_id, now, err) &&
	       order_update(s, &o, err);
}

static bool condemn_all(struct store *s, const struct domain *d, time_t now,
			struct err *err)
{
	struct list *list = xcalloc(1, sizeof(*list));
	bool ok = cert_each(s, d->id, add, list, err) &&
		  drop_order(s, d, order_of_domain, now, err) &&
		  drop_order(s, d, order_trial_of_domain, now, err);

	for (size_t i = 0; ok && i < list->count; i++)
		ok = condemn(s, &list->cert[i], d->cert_id, now, err);
	free(list);
	return ok;
}

bool revoke_ask(struct store *s, struct domain *d,
		const struct revoke_wish *wish, time_t now, bool *is_news,
		struct err *err)
{
	time_t due_at = wish->at_once ? now : CERT_REVOKE_ONCE_REPLACED;
	struct cert c;

	*is_news = false;
	if (!cert_current(s, d, &c, err) || !check(s, d, &c, wish, err))
		return false;
	if (is_so_already(&c, wish))
		return true;
	*is_news = true;
	if (wish->reason == REVOKE_KEY_COMPROMISE &&
	    !condemn_all(s, d, now, err))
		return false;
	return mark(s, &c, wish->reason, due_at, err) &&
	       replace(s, d, now, err);
}

bool revoke_cancel(struct store *s, struct domain *d, bool *is_news,
		   struct err *err)
{
	struct list *list = xcalloc(1, sizeof(*list));
	bool ok = cert_each(s, d->id, add, list, err);

	*is_news = false;
	for (size_t i = 0; ok && i < list->count; i++) {
		struct cert *c = &list->cert[i];

		if (!c->revoke_due_at)
			continue;
		*is_news = true;
		ok = mark(s, c, 0, 0, err);
	}
	free(list);
	if (!ok || !*is_news)
		return ok;
	d->revoked = false;
	return domain_update(s, d, err);
}

static bool is_settled(const struct cert *c, void *arg)
{
	bool *is_pending = arg;

	*is_pending = c->revoke_due_at != 0;
	return !*is_pending;
}

bool revoke_is_pending(struct store *s, const struct domain *d)
{
	bool is_pending = false;

	cert_each(s, d->id, is_settled, &is_pending, NULL);
	return is_pending;
}
