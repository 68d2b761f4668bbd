/*
 * What a report says of each policy: table `report_policy`.
 *
 * Row 0 of a report is always there, also if it has no policies: who counts
 * these rows counts the reports.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/internal.h"
#include "store/report_rows.h"

#define TEXT_KEPT 4096 /* of one policy, or of its mx */

/* A row as it is to be: most of it is the policy's own. */
struct row {
	const struct tls_report_policy *p;
	int64_t n;
	int type;
	struct report_link link;
	long successful, failed;
};

static long no_more_than(long n, long max)
{
	return n < max ? n : max;
}

/* Whole lines, as far as there is room; the caller frees. */
static char *lines_within(const char *text, size_t *room)
{
	size_t max = *room < TEXT_KEPT ? *room : TEXT_KEPT;
	size_t len = strlen(text);

	if (len > max)
		for (len = max; len && text[len] != '\n';)
			len--;
	*room -= len;
	return xstrndup(text, len);
}

static bool insert(struct store *s, const struct report_place *at,
		   const struct row *row, size_t *room, struct err *err)
{
	char *policy = lines_within(row->link.policy_id ? "" : row->p->policy,
				    room);
	char *mx = lines_within(row->p->mx, room);
	struct query q;
	bool ok;

	query_open(&q, store_db_write(s),
		   "INSERT INTO report_policy(domain_id, day, report_id, n,"
		   " reporter_id, type, standing, policy_id, successful,"
		   " failed, type_text, policy, mx)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, at->id);
	bind_int(&q, row->n);
	bind_int(&q, at->reporter_id);
	bind_int(&q, row->type);
	bind_int(&q, row->link.standing);
	bind_int(&q, row->link.policy_id);
	bind_int(&q, row->successful);
	bind_int(&q, row->failed);
	bind_text(&q, row->p->type_text);
	bind_text(&q, policy);
	bind_text(&q, mx);
	ok = query_run(&q, err);
	free(policy);
	free(mx);
	return ok;
}

/* A report that says that nothing was sent. */
static bool insert_none(struct store *s, const struct report_place *at,
			struct err *err)
{
	static char nothing[1];
	const struct tls_report_policy none = { .type_text = nothing,
						.policy = nothing,
						.mx = nothing };
	const struct row row = { .p = &none, .type = -1 };
	size_t room = 0;

	return insert(s, at, &row, &room, err);
}

/* The counts of the last row are those of all that have none of their own. */
static void count_row(const struct report_entry *e, size_t i, struct row *row)
{
	size_t end = i + 1 < REPORT_POLICIES_KEPT ? i + 1 : e->policy_count;

	for (; i < end; i++) {
		const struct tls_report_policy *p =
			&e->report->policy[e->policy[i]];

		row->successful = no_more_than(row->successful + p->successful,
					       REPORT_SESSIONS_MAX);
		row->failed = no_more_than(row->failed + p->failed,
					   REPORT_SESSIONS_MAX);
	}
}

static bool insert_each(struct store *s, const struct report_place *at,
			const struct report_entry *e, size_t count,
			size_t *room, struct err *err)
{
	struct report_link links[REPORT_POLICIES_KEPT];
	bool ok = report_links_find(s, e, count, links, err);

	for (size_t i = 0; ok && i < count; i++) {
		struct row row = { .p = &e->report->policy[e->policy[i]],
				   .n = (int64_t)i,
				   .link = links[i] };

		row.type = row.p->type;
		count_row(e, i, &row);
		ok = insert(s, at, &row, room, err);
	}
	return ok;
}

bool report_policy_add(struct store *s, const struct report_place *at,
		       const struct report_entry *e, size_t *room,
		       struct err *err)
{
	size_t count = e->policy_count;

	if (!count)
		return insert_none(s, at, err);
	if (count > REPORT_POLICIES_KEPT)
		count = REPORT_POLICIES_KEPT;
	return insert_each(s, at, e, count, room, err);
}

bool report_policy_remove(struct store *s, const struct report_place *at,
			  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM report_policy WHERE domain_id = ? AND day = ?"
		   " AND report_id = ?");
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, at->id);
	return query_run(&q, err);
}
