/*
 * Policy templates: what the policies of many domains have in common. Table
 * `template`.
 *
 * A template says hosts and max_age; the mode is each domain's own, for that
 * is a matter of its roll-out. When it changes, its epoch rises, and domains
 * that were made by an earlier one are brought up to it, some at a time. What
 * earlier ones said, as long as a policy may have hosts of theirs, is in table
 * `template_past`.
 */
#ifndef STORE_TEMPLATE_H
#define STORE_TEMPLATE_H

#include "policy/sts_policy.h"
#include "store/domain.h"

#define TEMPLATE_NAME_SIZE   48
#define TEMPLATE_PRESET_SIZE 24

struct template {
	int64_t id;
	char name[TEMPLATE_NAME_SIZE];
	char preset[TEMPLATE_PRESET_SIZE];	/* policy/preset.h; or "" */
	struct sts_policy hosts;		/* its mx only, besides those */
	long max_age;				/* 0: the domain's own stays */
	long epoch;
};

void template_release(struct template *t);

/* ERR_NOT_FOUND, with the name. */
bool template_by_name(struct store *s, const char *name, struct template *t,
		      struct err *err);
bool template_by_id(struct store *s, int64_t id, struct template *t,
		    struct err *err);

/* Makes it, or (t->id is set) writes it with a higher epoch. */
bool template_write(struct store *s, struct template *t, struct err *err);
bool template_delete(struct store *s, const struct template *t,
		     struct err *err);

/* In order of name. */
bool template_each(struct store *s,
		   void (*each)(const struct template *t, void *arg),
		   void *arg, struct err *err);

/* How many domains follow it; -1 with err set. */
long template_domains(struct store *s, const struct template *t,
		      struct err *err);

/* Those that follow it, beyond the id `after`. Returns how many. */
size_t template_followers(struct store *s, const struct template *t,
			  int64_t after, int64_t *ids, size_t limit,
			  struct err *err);

/* Where a domain is among those that are behind; all zero: before the first. */
struct template_place {
	int64_t template_id;
	long epoch; /* the domain's */
	int64_t domain_id;
};

/*
 * Domains that an earlier epoch of theirs was applied to, in an order that stays,
 * beyond *after.
 */
size_t template_behind(struct store *s, const struct template_place *after,
		       struct template_place *places, size_t limit,
		       struct err *err);

/* Rises with each change of any template. */
bool template_epochs(struct store *s, int64_t *epochs, struct err *err);

/* That domain stays as it is until the template changes again. */
bool template_pass_over(struct store *s, int64_t domain_id, struct err *err);

/*
 * What it says, for `domain`, goes into *p, which keeps its mode. ERR_INPUT if
 * the policy would be none that can be served.
 */
bool template_apply(const struct template *t, const char *domain,
		    struct sts_policy *p, struct err *err);

/*
 * The same for a domain whose policy, *p, follows it already: of the hosts,
 * those go that came from it when it was last applied, and the domain's own
 * stay beside those that it says now. All stay if it says the same ones. A
 * max_age that did not come from it stays, too.
 */
bool template_follow(struct store *s, const struct template *t,
		     const struct domain *d, struct sts_policy *p,
		     struct err *err);

/* What of a policy that follows it is the domain's own all the same. */
struct template_own {
	bool mx, max_age;
};
struct template_own template_own(const struct template *t, const char *domain,
				 const struct sts_policy *p);

#endif
