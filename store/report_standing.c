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

static bool has_key(const char *body, const char *key)
{
	char *own = policy_lines_key(body);
	bool same = streq(own, key);

	free(own);
	return same;
}

/*
 * From the newest on: that is nearly always the one, and to make the key of a
 * body takes some microseconds, so none is kept.
 */
static bool look_through(struct store *s, int64_t domain_id, time_t begin,
			 const char *key, struct report_link *link,
			 struct err *err)
{
	time_t replaced_at = 0;
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT id, body, created_at FROM policy"
		   " WHERE domain_id = ? ORDER BY version DESC");
	bind_int(&q, domain_id);
	while (!link->policy_id && query_row(&q)) {
		bool is_old = replaced_at && replaced_at <= begin;

		if (has_key(col_text_peek(&q, "body"), key)) {
			link->policy_id = col_int(&q, "id");
			link->standing = is_old ? REPORT_OLD : REPORT_CURRENT;
		}
		replaced_at = col_int(&q, "created_at");
	}
	return query_close(&q, err);
}

bool report_link_find(struct store *s, int64_t domain_id, time_t begin,
		      const struct tls_report_policy *p,
		      struct report_link *link, struct err *err)
{
	char *key;
	bool ok;

	*link = (struct report_link){ 0, REPORT_NO_STS };
	if (p->type != TLS_POLICY_STS)
		return true;
	link->standing = REPORT_UNTOLD;
	if (!*p->policy)
		return true;
	link->standing = REPORT_FOREIGN;
	key = policy_lines_key(p->policy);
	ok = look_through(s, domain_id, begin, key, link, err);
	free(key);
	return ok;
}
