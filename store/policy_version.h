/*
 * Every policy that was ever published for a domain: table `policy`.
 *
 * A version is never edited. Its id (RFC 8461, 3.1) is unique for the name
 * over all versions, so that a sender can trust "same id, same policy": also
 * if the domain was removed in between and added again.
 */
#ifndef STORE_POLICY_VERSION_H
#define STORE_POLICY_VERSION_H

#include <time.h>

#include "policy/sts_policy.h"
#include "policy/sts_record.h"
#include "store/domain.h"

struct policy_version {
	int64_t id;
	int64_t domain_id;
	long version;			/* 1, 2, ... per domain */
	char sts_id[STS_ID_SIZE];
	struct sts_policy policy;
	char *body;			/* owned: the exact bytes served */
	time_t created_at;
	time_t replaced_at;		/* by the next one; 0: it is current */
	time_t served_to;		/* never too early; perhaps to come, if
					   another host serves it, too */
	time_t first_served;		/* 0: never, as far as is known */
	time_t last_served;		/* served_to, but none to come */
	long fetches;			/* that were counted */
	time_t announced_at;		/* DNS first showed its id; 0: never */
	char *actor, *channel, *reason; /* owned: who made it and why, as in
					   struct trail; "": from before */
};

void policy_version_release(struct policy_version *v);

/*
 * Makes `policy` the domain's current one (d->policy_id is set and the row
 * written). The same content as the current version is success and makes no
 * new one; *changed tells. `policy` must be valid.
 */
bool policy_version_publish(struct store *s, struct domain *d,
			    const struct sts_policy *policy, time_t now,
			    bool *changed, struct err *err);

/*
 * Likewise, but under the id that it had, if no other policy of this name has
 * it: it is taken over from serve.db.
 */
bool policy_version_bring_back(struct store *s, struct domain *d,
			       const struct sts_policy *policy,
			       const char *sts_id, time_t now, bool *changed,
			       struct err *err);

/*
 * The policy that another host serves of this name becomes version 0, and the
 * current one, with its own id: DNS and senders see no change when the name
 * leads here. ERR_REFUSED for an id that another policy of this name had here;
 * the same one, which had left, may come back. Until policy_version_led_here()
 * it counts as served by that host.
 */
bool policy_version_adopt(struct store *s, struct domain *d,
			  const struct sts_policy *policy, const char *sts_id,
			  time_t now, struct err *err);

/*
 * Who made the current version, in the words of struct trail, kept with it for
 * as long as it is; until then it is mtastsd itself. Inside the transaction
 * that made it. NULL for the reason: none was given.
 */
struct policy_author {
	const char *actor, *channel, *reason;
};
bool policy_version_sign(struct store *s, const struct domain *d,
			 const struct policy_author *by, struct err *err);

/*
 * This box comes of a backup: another one may serve what is current here, of
 * every domain.
 */
bool policy_version_elsewhere(struct store *s, time_t now, struct err *err);

/*
 * DNS has led here, or nowhere, since then: nobody asks another host any more,
 * but who has its address in a cache, for so long. After a week without a break no look at DNS makes
 * anything count as served elsewhere again.
 */
bool policy_version_led_here(struct store *s, const struct domain *d,
			     time_t since, long cached, time_t now,
			     struct err *err);

/*
 * May another host serve it to senders just now? Then what they hold has no
 * end yet. Mode none does not count.
 */
bool policy_version_is_elsewhere(struct store *s, const struct domain *d,
				 bool *is_elsewhere, struct err *err);

/*
 * The domain goes: what senders may hold of it stays known, in `retired_id`,
 * for whoever adds one of that name. Inside a transaction.
 */
bool policy_version_retire(struct store *s, const struct domain *d, time_t now,
			   struct err *err);

/*
 * Until when a sender may hold one of the versions that `counts` picks: from
 * the last time that it was served, for its max_age; the current one is served
 * just now. Those of an earlier domain of this name count as well. 0: none of
 * them was ever served. One that is damaged counts, for it may have been
 * anything.
 */
typedef bool policy_version_test(const struct policy_version *v,
				 const void *arg);
bool policy_version_held_until(struct store *s, const struct domain *d,
			       time_t now, policy_version_test *counts,
			       const void *arg, time_t *until, struct err *err);

/* Those of mode enforce; those that are not `none`. */
policy_version_test policy_version_is_enforced, policy_version_is_live;

/* Those that lack one of the mx of `arg`, a struct sts_policy. */
policy_version_test policy_version_refuses;

/* DNS shows its id: noted once. Inside a transaction. */
bool policy_version_announce(struct store *s, const struct domain *d,
			     const char *sts_id, time_t now, struct err *err);

/*
 * Since when DNS has announced in mode testing all mail hosts that the current
 * version has: a version that adds one begins anew, one that drops some or has
 * another max_age does not. 0: not yet, or it is in another mode.
 */
bool policy_version_tested_since(struct store *s, const struct domain *d,
				 time_t *since, struct err *err);

/*
 * Since when DNS has announced this mode: the first of the versions of it that
 * the current one is the last of. 0: not yet, or it is another mode.
 */
bool policy_version_mode_since(struct store *s, const struct domain *d,
			       enum sts_mode mode, time_t *since,
			       struct err *err);

/*
 * What senders go by that look for an id: the version with the id that DNS
 * shows; if it shows none, "", the one that it announced last. Not known if it
 * is none of these, as one of an earlier domain of this name.
 */
struct policy_shown {
	bool is_known;
	long version;
	enum sts_mode mode;
};

bool policy_version_shown(struct store *s, const struct domain *d,
			  const char *sts_id, struct policy_shown *out,
			  struct err *err);

/* Was the id ever that of a policy of this name? */
bool policy_version_has_id(struct store *s, const struct domain *d,
			   const char *sts_id);

/* The domain's current version; and one by its number, at the time `now`. */
bool policy_version_current(struct store *s, const struct domain *d,
			    struct policy_version *v, struct err *err);
bool policy_version_numbered(struct store *s, const struct domain *d, long n,
			     time_t now, struct policy_version *v,
			     struct err *err);

/*
 * Up to `most` versions before number `before` (0: from the last one), the
 * newest first; the times of serving as they are known at `now`. Returns how
 * many; each is to be released. One that is damaged is passed over.
 */
size_t policy_version_list(struct store *s, const struct domain *d,
			   long before, time_t now, struct policy_version *out,
			   size_t most, struct err *err);

#endif
