#include "daemon/cname_chain.h"

#include "base/str.h"

void cname_chain_begin(struct cname_chain *c, const char *name)
{
	*c = (struct cname_chain){ .count = 1 };
	str_copy(c->name[0], sizeof(c->name[0]), name);
}

const char *cname_chain_next(const struct cname_chain *c)
{
	return !c->is_led && c->asked < c->count ? c->name[c->asked] : NULL;
}

static bool is_known(const struct cname_chain *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (streq_case(c->name[i], name))
			return true;
	return false;
}

/* A loop leads nowhere, and ends here. */
static void go_on(struct cname_chain *c, const char *name)
{
	if (is_known(c, name))
		return;
	if (c->count == CNAME_CHAIN_MAX)
		c->is_unsure = true;
	else
		str_copy(c->name[c->count++], DNS_NAME_TEXT, name);
}

static void take_view(struct cname_chain *c, const struct dns_record_set *v,
		      const char *target)
{
	for (size_t k = 0; k < v->count; k++)
		if (streq_case(v->record[k].text, target))
			c->is_led = true;
		else
			go_on(c, v->record[k].text);
}

void cname_chain_take(struct cname_chain *c,
		      const struct dns_records_answer *answer,
		      const char *target)
{
	bool is_silent = true;

	c->asked++;
	for (size_t i = 0; i < answer->count; i++) {
		is_silent = is_silent && answer->view[i].outcome == DNS_FAILED;
		take_view(c, &answer->view[i], target);
	}
	c->is_unsure = c->is_unsure || is_silent;
}
