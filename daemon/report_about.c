#include "daemon/report_about.h"

#include "base/str.h"
#include "store/domain.h"

/* Of some only the report as a whole can say whose they are. */
static bool needs_domain(const struct tls_report_policy *p)
{
	return p->type == TLS_POLICY_TLSA || (!*p->domain && !*p->domain_text);
}

static void add(struct report_names *n, const char *name)
{
	if (report_names_has(n, name))
		return;
	n->is_cut = n->count == REPORT_NAMES;
	if (!n->is_cut)
		n->name[n->count++] = name;
}

/* False: it need not be known. */
static bool gather(const struct tls_report *r, struct report_names *n)
{
	bool is_needed = false;

	for (size_t i = 0; i < r->policy_count && !n->is_cut; i++) {
		const struct tls_report_policy *p = &r->policy[i];

		if (needs_domain(p))
			is_needed = true;
		else
			add(n, p->domain);
	}
	return is_needed && !n->is_cut;
}

static bool look_up(struct store *s, const char *name, bool *is_hosted,
		    struct err *err)
{
	struct err why = ERR_INIT;
	struct domain d;

	*is_hosted = domain_by_name(s, name, &d, &why);
	if (*is_hosted || why.kind == ERR_NOT_FOUND)
		return true;
	*err = why;
	return false;
}

/* The others are none of ours. */
static bool keep_hosted(struct store *s, struct report_names *n,
			struct err *err)
{
	size_t count = n->count;
	bool is_hosted;

	n->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!look_up(s, n->name[i], &is_hosted, err))
			return false;
		if (is_hosted)
			n->name[n->count++] = n->name[i];
	}
	return true;
}

/* Of DANE a policy may be a mail host's, or a domain's like any other. */
static void gather_dane(const struct tls_report *r, struct report_names *n)
{
	for (size_t i = 0; i < r->policy_count && !n->is_cut; i++)
		if (r->policy[i].type == TLS_POLICY_TLSA &&
		    *r->policy[i].domain)
			add(n, r->policy[i].domain);
}

bool report_about(struct store *s, const struct tls_report *r, const char *told,
		  char about[static DOMAIN_NAME_SIZE], struct report_names *own,
		  struct err *err)
{
	struct report_names n = { .count = 0 };

	about[0] = '\0';
	*own = (struct report_names){ .count = 0 };
	if (!gather(r, &n))
		return true;
	if (!n.count && *told)
		add(&n, told);
	if (!keep_hosted(s, &n, err))
		return false;
	if (n.count != 1)
		return true;
	str_copy(about, DOMAIN_NAME_SIZE, n.name[0]);
	gather_dane(r, own);
	return keep_hosted(s, own, err);
}
