#include "daemon/report_about.h"

#include "base/str.h"
#include "store/domain.h"

/* The domains that a report names, each once. */
struct names {
	const char *name[REPORT_ABOUT_NAMES];
	size_t count;
	bool is_cut; /* there are more */
};

/* Of some only the report as a whole can say whose they are. */
static bool needs_domain(const struct tls_report_policy *p)
{
	return p->type == TLS_POLICY_TLSA || (!*p->domain && !*p->domain_text);
}

static void add(struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (streq(n->name[i], name))
			return;
	n->is_cut = n->count == REPORT_ABOUT_NAMES;
	if (!n->is_cut)
		n->name[n->count++] = name;
}

/* False: it need not be known. */
static bool gather(const struct tls_report *r, struct names *n)
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

bool report_about(struct store *s, const struct tls_report *r, const char *told,
		  char about[static DOMAIN_NAME_SIZE], struct err *err)
{
	struct names n = { .count = 0 };
	const char *only = "";
	bool is_hosted;

	about[0] = '\0';
	if (!gather(r, &n))
		return true;
	if (!n.count && *told)
		add(&n, told);
	for (size_t i = 0; i < n.count; i++) {
		if (!look_up(s, n.name[i], &is_hosted, err))
			return false;
		if (is_hosted && *only)
			return true;
		if (is_hosted)
			only = n.name[i];
	}
	str_copy(about, DOMAIN_NAME_SIZE, only);
	return true;
}
