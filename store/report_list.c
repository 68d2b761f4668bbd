#include "store/report_list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/report_reading.h"
#include "store/report_rows.h"

#define COLUMNS                                                                \
	"SELECT r.*, d.name AS domain, COALESCE(p.name, '') AS reporter,"      \
	" (SELECT COALESCE(SUM(DISTINCT 1 << f.result), 0)"                    \
	"  FROM report_failure f WHERE f.domain_id = r.domain_id"              \
	"  AND f.day = r.day AND f.report_id = r.id) AS results,"              \
	" (SELECT COUNT(*) - 1 FROM report o"                                  \
	"  WHERE o.domain_id = r.domain_id AND o.same = r.same) AS alike"      \
	" FROM report r JOIN domain d ON d.id = r.domain_id"                   \
	" LEFT JOIN reporter p ON p.id = r.reporter_id"

static char *text(struct query *q, const char *name)
{
	return xstrdup(col_text_peek(q, name));
}

static void read_item(struct query *q, struct report_item *item)
{
	*item = (struct report_item){
		.id = col_int(q, "id"),
		.reporter = text(q, "reporter"),
		.report_id = text(q, "report_id"),
		.contact = text(q, "contact"),
		.signed_by = text(q, "signed_by"),
		.begin = col_int(q, "begin_at"),
		.end = col_int(q, "end_at"),
		.received = col_int(q, "received_at"),
		.via = (enum report_via)col_enum(q, "via", REPORT_FILE),
		.successful = col_int(q, "successful"),
		.failed = col_int(q, "failed"),
		.left_out = col_long(q, "left_out"),
		.alike = col_long(q, "alike"),
		.is_counted = col_int(q, "counted"),
		.results = (unsigned)col_int(q, "results"),
	};
	col_text(q, "domain", item->domain, sizeof(item->domain));
}

void report_item_release(struct report_item *item)
{
	free(item->reporter);
	free(item->report_id);
	free(item->contact);
	free(item->signed_by);
	*item = (struct report_item){ 0 };
}

/* ---- the list ---- */

/* Of some that failed, how many they are is not told, or not kept. */
#define HAS_FAILED                                                             \
	"(?4 < 0 OR r.failed > ?4 OR r.left_out > 0 OR EXISTS"                 \
	" (SELECT 1 FROM report_failure f WHERE f.domain_id = r.domain_id"     \
	"  AND f.day = r.day AND f.report_id = r.id))"

/*
 * Of a domain, ids come out of its index, which is small; of the box, they are
 * in order already.
 */
static const char of_domain[] = COLUMNS
	" WHERE r.id IN (SELECT id FROM report r INDEXED BY report_same"
	"  WHERE domain_id = ?1 AND id < ?2 AND day >= ?3"
	"  AND " HAS_FAILED " ORDER BY id DESC LIMIT ?5)"
	" ORDER BY r.id DESC";
static const char of_domain_any[] = COLUMNS
	" WHERE r.id IN (SELECT id FROM report INDEXED BY report_same"
	"  WHERE domain_id = ?1 AND id < ?2 AND ?3 = 0 AND ?4 < 0"
	"  ORDER BY id DESC LIMIT ?5)"
	" ORDER BY r.id DESC";
static const char of_box[] = COLUMNS
	" WHERE ?1 = 0 AND r.id < ?2 AND r.id >= ?6 AND r.day >= ?3"
	" AND " HAS_FAILED " ORDER BY r.id DESC LIMIT ?5";

/* Ids from `least` on, below `before`. */
struct window {
	int64_t least, before;
};

/* What it finds may be few, and the table is long. */
static bool find_window(struct db *db, const struct report_filter *f,
			struct window *w, int64_t *oldest, struct err *err)
{
	struct query q;

	*w = (struct window){ 0, f->before ? f->before : INT64_MAX };
	*oldest = 0;
	if (f->domain_id)
		return true;
	query_open(&q, db,
		   "SELECT MIN(id) AS oldest,"
		   " (SELECT MAX(id) FROM report) AS newest FROM report");
	if (query_row(&q)) {
		*oldest = col_int(&q, "oldest");
		if (w->before > col_int(&q, "newest"))
			w->before = col_int(&q, "newest") + 1;
	}
	if (w->before > REPORT_LIST_LOOK)
		w->least = w->before - REPORT_LIST_LOOK;
	return query_close(&q, err);
}

static void open_list(struct query *q, struct db *db,
		      const struct report_filter *f, const struct window *w,
		      size_t most)
{
	bool is_any = !f->since && !f->failed_only;

	query_open(q, db,
		   !f->domain_id ? of_box
		   : is_any	 ? of_domain_any
				 : of_domain);
	bind_int(q, f->domain_id);
	bind_int(q, w->before);
	bind_int(q, f->since / WHEN_DAY);
	bind_int(q, f->failed_only ? 0 : -1);
	bind_int(q, (int64_t)most + 1);
	if (!f->domain_id)
		bind_int(q, w->least);
}

size_t report_list(struct report_reader *r, const struct report_filter *filter,
		   struct report_item *out, size_t most, int64_t *next,
		   struct err *err)
{
	struct db *db = report_reader_db(r);
	size_t n = 0, seen = 0;
	int64_t oldest, last = 0;
	struct window w;
	struct query q;

	*next = 0;
	if (!find_window(db, filter, &w, &oldest, err))
		return 0;
	open_list(&q, db, filter, &w, most);
	while (query_row(&q) && ++seen <= most) {
		last = col_int(&q, "id");
		read_item(&q, &out[n]);
		if (query_row_is_good(&q, "report"))
			n++;
		else
			report_item_release(&out[n]);
	}
	if (query_close(&q, err)) {
		*next = seen > most ? last : w.least > oldest ? w.least : 0;
		return n;
	}
	while (n)
		report_item_release(&out[--n]);
	return 0;
}

/* ---- one of them ---- */

static bool find_item(struct db *db, int64_t id, struct report_item *item,
		      struct report_place *at, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, db, COLUMNS " WHERE r.id = ?");
	bind_int(&q, id);
	found = query_row(&q);
	if (found) {
		read_item(&q, item);
		*at = (struct report_place){
			.id = id,
			.domain_id = col_int(&q, "domain_id"),
			.day = col_int(&q, "day"),
		};
	}
	if (!query_close(&q, err))
		return false;
	if (found)
		return true;
	err_set(err, ERR_NOT_FOUND, "there is no report %lld", (long long)id);
	return err_hint(err, "mtastsctl report list shows those there are");
}

static void read_policy(struct query *q, struct tls_report_policy *p,
			struct report_ours *ours)
{
	*p = (struct tls_report_policy){
		.type = (enum tls_policy_type)col_enum(q, "type",
						       TLS_POLICY_OTHER),
		.type_text = text(q, "type_text"),
		.domain_text = xstrdup(""),
		.policy = text(q, "policy"),
		.mx = text(q, "mx"),
		.successful = col_long(q, "successful"),
		.failed = col_long(q, "failed"),
	};
	*ours = (struct report_ours){
		.policy_id = col_int(q, "policy_id"),
		.version = col_long(q, "version"),
		.standing = (enum report_standing)col_enum(q, "standing",
							   REPORT_FOREIGN),
	};
	col_text(q, "sts_id", ours->sts_id, sizeof(ours->sts_id));
}

/* One that does not decode stays in its place, for its failures. */
static void blank_policy(struct tls_report_policy *p, struct report_ours *ours)
{
	p->type = TLS_POLICY_OTHER;
	*ours = (struct report_ours){ .standing = REPORT_UNTOLD };
}

/* A report of no policies has one row, of no type. */
static bool read_policies(struct db *db, const struct report_place *at,
			  struct report_whole *w, struct err *err)
{
	struct tls_report *said = &w->said;
	struct query q;

	said->policy = xcalloc(REPORT_POLICIES_KEPT, sizeof(*said->policy));
	w->ours = xcalloc(REPORT_POLICIES_KEPT, sizeof(*w->ours));
	query_open(&q, db,
		   "SELECT r.*, COALESCE(p.version, 0) AS version,"
		   " COALESCE(p.sts_id, '') AS sts_id FROM report_policy r"
		   " LEFT JOIN policy p ON p.id = r.policy_id"
		   " WHERE r.domain_id = ? AND day = ? AND report_id = ?"
		   " AND type >= 0 ORDER BY n");
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, at->id);
	while (said->policy_count < REPORT_POLICIES_KEPT && query_row(&q)) {
		size_t i = said->policy_count++;

		read_policy(&q, &said->policy[i], &w->ours[i]);
		if (!query_row_is_good(&q, "report_policy"))
			blank_policy(&said->policy[i], &w->ours[i]);
	}
	return query_close(&q, err);
}

static void read_failure(struct query *q, struct tls_failure *f)
{
	*f = (struct tls_failure){
		.result = (enum tls_result)col_enum(q, "result",
						    TLS_RESULT_COUNT - 1),
		.result_text = text(q, "result_text"),
		.sending_ip = text(q, "sending_ip"),
		.receiving_ip = text(q, "receiving_ip"),
		.mx_host = text(q, "mx_host"),
		.mx_helo = text(q, "mx_helo"),
		.sessions = col_long(q, "sessions"),
		.additional = text(q, "additional"),
		.reason = text(q, "reason"),
	};
}

static void failure_release(struct tls_failure *f)
{
	free(f->result_text);
	free(f->sending_ip);
	free(f->receiving_ip);
	free(f->mx_host);
	free(f->mx_helo);
	free(f->additional);
	free(f->reason);
}

/* Room for all that a report may have; takes f's texts. */
static void keep_failure(struct report_whole *w, int64_t n,
			 const struct tls_failure *f)
{
	struct tls_report_policy *p = &w->said.policy[n];

	if (!p->failure)
		p->failure = xcalloc(REPORT_FAILURES_KEPT, sizeof(*f));
	p->failure[p->failure_count++] = *f;
	w->said.failure_count++;
}

static bool read_failures(struct db *db, const struct report_place *at,
			  struct report_whole *w, struct err *err)
{
	struct query q;

	query_open(&q, db,
		   "SELECT * FROM report_failure WHERE domain_id = ?"
		   " AND day = ? AND report_id = ? ORDER BY m");
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, at->id);
	while (w->said.failure_count < REPORT_FAILURES_KEPT && query_row(&q)) {
		int64_t n = col_int(&q, "n");
		struct tls_failure f;

		read_failure(&q, &f);
		if (query_row_is_good(&q, "report_failure") && n >= 0 &&
		    n < (int64_t)w->said.policy_count)
			keep_failure(w, n, &f);
		else
			failure_release(&f);
	}
	return query_close(&q, err);
}

static bool read_whole(struct db *db, int64_t id, struct report_whole *w,
		       struct err *err)
{
	struct report_place at = { 0 };

	return find_item(db, id, &w->item, &at, err) &&
	       read_policies(db, &at, w, err) && read_failures(db, &at, w, err);
}

bool report_show(struct report_reader *r, int64_t id,
		 struct report_whole *whole, struct err *err)
{
	bool ok;

	*whole = (struct report_whole){ .ours = NULL };
	if (!report_reader_begin(r, err))
		return false;
	ok = read_whole(report_reader_db(r), id, whole, err);
	if (!ok)
		report_whole_release(whole);
	return report_reader_end(r, ok);
}

void report_whole_release(struct report_whole *whole)
{
	report_item_release(&whole->item);
	tls_report_release(&whole->said);
	free(whole->ours);
	whole->ours = NULL;
}
