/*
 * The failures that a report tells of: table `report_failure`.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/internal.h"
#include "store/report_rows.h"

struct told {
	const struct tls_failure *f;
	size_t n;     /* the row of its policy */
	size_t place; /* in the report: who comes first goes first */
};

static int by_sessions(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->f->sessions != y->f->sessions)
		return x->f->sessions > y->f->sessions ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* All of the domain's, most sessions first; the caller frees. */
static struct told *gather(const struct report_entry *e, size_t *count)
{
	struct told *told = xcalloc(e->report->failure_count + 1,
				    sizeof(*told));

	*count = 0;
	for (size_t i = 0; i < e->policy_count; i++) {
		const struct tls_report_policy *p =
			&e->report->policy[e->policy[i]];
		size_t n = i < REPORT_POLICIES_KEPT ? i
						    : REPORT_POLICIES_KEPT - 1;

		for (size_t k = 0; k < p->failure_count; k++, ++*count)
			told[*count] = (struct told){ &p->failure[k], n,
						      *count };
	}
	qsort(told, *count, sizeof(*told), by_sessions);
	return told;
}

static size_t size_of(const struct tls_failure *f)
{
	return strlen(f->mx_host) + strlen(f->result_text) +
	       strlen(f->mx_helo) + strlen(f->sending_ip) +
	       strlen(f->receiving_ip) + strlen(f->additional) +
	       strlen(f->reason);
}

static bool insert(struct store *s, const struct report_place *at,
		   const struct told *t, int64_t m, struct err *err)
{
	long sessions = t->f->sessions;
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO report_failure(domain_id, day, report_id, m, n,"
		   " result, sessions, mx_host, result_text, mx_helo,"
		   " sending_ip, receiving_ip, additional, reason)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, at->id);
	bind_int(&q, m);
	bind_int(&q, (int64_t)t->n);
	bind_int(&q, t->f->result);
	bind_int(&q, sessions < REPORT_SESSIONS_MAX ? sessions
						    : REPORT_SESSIONS_MAX);
	bind_text(&q, t->f->mx_host);
	bind_text(&q, t->f->result_text);
	bind_text(&q, t->f->mx_helo);
	bind_text(&q, t->f->sending_ip);
	bind_text(&q, t->f->receiving_ip);
	bind_text(&q, t->f->additional);
	bind_text(&q, t->f->reason);
	return query_run(&q, err);
}

bool report_failure_add(struct store *s, const struct report_place *at,
			const struct report_entry *e, size_t *room, long *kept,
			long *left_out, struct err *err)
{
	int64_t most = e->is_brief ? REPORT_FAILURES_BRIEF
				   : REPORT_FAILURES_KEPT;
	size_t count;
	struct told *told = gather(e, &count);
	int64_t m = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++) {
		size_t size = size_of(told[i].f);

		if (m == most || size > *room)
			continue;
		*room -= size;
		ok = insert(s, at, &told[i], m++, err);
	}
	free(told);
	*kept = (long)m;
	*left_out = (long)count - (long)m;
	return ok;
}

bool report_failure_remove(struct store *s, const struct report_place *at,
			   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM report_failure WHERE domain_id = ? AND day = ?"
		   " AND report_id = ?");
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, at->id);
	return query_run(&q, err);
}
