#include "daemon/report_share.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* A policy, on its way to the share that it belongs to. */
struct told {
	const char *domain;
	size_t number;
};

bool report_names_has(const struct report_names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (streq(n->name[i], name))
			return true;
	return false;
}

/* The one domain that is named at all, or "". */
static const char *only_domain(const struct tls_report *r)
{
	const char *only = "";

	for (size_t i = 0; i < r->policy_count; i++) {
		const char *domain = r->policy[i].domain;

		if (!*domain)
			continue;
		if (*only && !streq(only, domain))
			return "";
		only = domain;
	}
	return only;
}

/* "" if it cannot be told; `otherwise` is whose it is if nothing is said. */
static const char *domain_of(const struct tls_report_policy *p,
			     const char *about, const struct report_names *own,
			     const char *otherwise)
{
	if (*about && p->type == TLS_POLICY_TLSA &&
	    !report_names_has(own, p->domain))
		return about;
	if (*p->domain || *p->domain_text)
		return p->domain; /* "" if it is no name */
	return otherwise;
}

static int by_domain(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	int order = strcmp(x->domain, y->domain);

	return order ? order
		     : (x->number > y->number) - (x->number < y->number);
}

static int by_place(const void *a, const void *b)
{
	const struct report_share *x = a, *y = b;

	return (*x->policy > *y->policy) - (*x->policy < *y->policy);
}

/* Sorted: those of one domain beside each other. The caller frees. */
static struct told *sort_policies(const struct tls_report *r, const char *about,
				  const struct report_names *own)
{
	struct told *told = xcalloc(r->policy_count + 1, sizeof(*told));
	const char *otherwise = *about ? about : only_domain(r);

	for (size_t i = 0; i < r->policy_count; i++)
		told[i] = (struct told){
			domain_of(&r->policy[i], about, own, otherwise), i
		};
	qsort(told, r->policy_count, sizeof(*told), by_domain);
	return told;
}

static void add(struct report_shares *s, const struct told *t, size_t *policy)
{
	struct report_share *last = s->count ? &s->share[s->count - 1] : NULL;

	*policy = t->number;
	if (last && streq(last->domain, t->domain))
		last->count++;
	else
		s->share[s->count++] = (struct report_share){ t->domain, policy,
							      1 };
}

void report_shares_init(struct report_shares *s, const struct tls_report *r,
			const char *about, const struct report_names *own)
{
	size_t count = r->policy_count;
	struct told *told = sort_policies(r, about, own);

	*s = (struct report_shares){
		.share = xcalloc(count + 1, sizeof(*s->share)),
		.policy = xcalloc(count + 1, sizeof(*s->policy)),
	};
	for (size_t i = 0; i < count; i++)
		add(s, &told[i], &s->policy[i]);
	qsort(s->share, s->count, sizeof(*s->share), by_place);
	free(told);
}

void report_shares_release(struct report_shares *s)
{
	free(s->share);
	free(s->policy);
	*s = (struct report_shares){ 0 };
}

const struct report_share *report_shares_find(const struct report_shares *s,
					      const char *domain)
{
	for (size_t i = 0; i < s->count; i++)
		if (streq(s->share[i].domain, domain))
			return &s->share[i];
	return NULL;
}
