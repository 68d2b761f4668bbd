#include "store/report_standing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/policy_lines.h"
#include "store/internal.h"
#include "store/report_rows.h"

static const char *const names[] = {
	[REPORT_NO_STS] = "no-sts",   [REPORT_UNTOLD] = "untold",
	[REPORT_CURRENT] = "current", [REPORT_OLD] = "old",
	[REPORT_FOREIGN] = "foreign",
};

const char *report_standing_name(enum report_standing standing)
{
	return names[standing];
}

/* What is looked for: the texts that are quoted. */
struct quotes {
	char *key[REPORT_POLICIES_KEPT]; /* owned; NULL: not looked for */
	size_t count, left;
};

static void quotes_release(struct quotes *q)
{
	for (size_t i = 0; i < q->count; i++)
		free(q->key[i]);
}

static void quote(struct quotes *q, const struct tls_report_policy *p,
		  struct report_link *link)
{
	char **key = &q->key[q->count++];

	*key = NULL;
	*link = (struct report_link){ 0, REPORT_NO_STS };
	if (p->type != TLS_POLICY_STS)
		return;
	link->standing = REPORT_UNTOLD;
	if (!*p->policy)
		return;
	link->standing = REPORT_FOREIGN;
	*key = policy_lines_key(p->policy);
	q->left++;
}

static void compare(struct quotes *q, const char *body,
		    const struct report_link *ours, struct report_link *links)
{
	char *own = policy_lines_key(body);

	for (size_t i = 0; i < q->count; i++) {
		if (!q->key[i] || links[i].policy_id || !streq(own, q->key[i]))
			continue;
		links[i] = *ours;
		q->left--;
	}
	free(own);
}

/*
 * From the newest on: that is nearly always the one, and to make the key of a
 * body takes some microseconds, so none is kept.
 */
static bool look_through(struct store *s, const struct report_entry *e,
			 struct quotes *quotes, struct report_link *links,
			 struct err *err)
{
	time_t replaced_at = 0;
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id, body, created_at FROM policy"
		   " WHERE domain_id = ? ORDER BY version DESC");
	bind_int(&q, e->domain_id);
	while (quotes->left && query_row(&q)) {
		bool is_old = replaced_at && replaced_at <= e->report->begin;
		const struct report_link ours = { col_int(&q, "id"),
						  is_old ? REPORT_OLD
							 : REPORT_CURRENT };

		compare(quotes, col_text_peek(&q, "body"), &ours, links);
		replaced_at = col_int(&q, "created_at");
	}
	return query_close(&q, err);
}

bool report_links_find(struct store *s, const struct report_entry *e,
		       size_t count, struct report_link *links, struct err *err)
{
	struct quotes quotes = { .count = 0 };
	bool ok;

	for (size_t i = 0; i < count; i++)
		quote(&quotes, &e->report->policy[e->policy[i]], &links[i]);
	ok = !quotes.left || look_through(s, e, &quotes, links, err);
	quotes_release(&quotes);
	return ok;
}
