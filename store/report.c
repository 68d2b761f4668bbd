#include "store/report.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/utf8.h"
#include "base/when.h"
#include "policy/report_content.h"
#include "store/internal.h"
#include "store/report_last.h"
#include "store/report_rows.h"

static const char *const via_names[] = {
	[REPORT_HTTPS] = "https",
	[REPORT_MAIL] = "mail",
	[REPORT_IMAP] = "imap",
	[REPORT_FILE] = "file",
};

const char *report_via_name(enum report_via via)
{
	return via_names[via];
}

int64_t report_day(time_t begin, time_t end)
{
	return (begin + (end - begin) / 2) / WHEN_DAY;
}

/* ---- one goes ---- */

static bool find_alike(struct store *s, const struct report_place *at,
		       struct report_alike *of, bool *is_counted,
		       struct err *err)
{
	struct query q;

	*of = (struct report_alike){ at->domain_id, at->day, { 0 } };
	*is_counted = false;
	query_open(&q, store_db(s),
		   "SELECT same, counted FROM report WHERE id = ?");
	bind_int(&q, at->id);
	if (query_row(&q)) {
		size_t len;
		const void *blob = col_blob_peek(&q, "same", &len);

		*is_counted = col_int(&q, "counted");
		if (len == sizeof(of->same))
			memcpy(of->same, blob, len);
	}
	return query_close(&q, err);
}

/* Another takes its place in the sums. */
static bool remove_one(struct store *s, const struct report_place *at,
		       struct err *err)
{
	struct report_alike of;
	bool is_counted, is_news;
	struct query q;

	if (!find_alike(s, at, &of, &is_counted, err) ||
	    (is_counted && !report_tally_count(s, at, -1, err)) ||
	    !report_failure_remove(s, at, err) ||
	    !report_policy_remove(s, at, err))
		return false;
	query_open(&q, store_db_write(s), "DELETE FROM report WHERE id = ?");
	bind_int(&q, at->id);
	return query_run(&q, err) &&
	       (!is_counted || report_alike_settle(s, &of, &is_news, err));
}

/* ---- adding one ---- */

/* The row to be, beside what the entry has. */
struct row {
	struct report_place at;
	char *report_id;
	unsigned char same[REPORT_SAME_SIZE];
	unsigned char once[REPORT_SAME_SIZE]; /* as `same` was made before */
	long successful, failed;
	/* One is to go for it, or itself: of its signer's, or of all. */
	bool is_crowded, are_all_crowded;
};

/* A text as a number that is the same for no others. */
static bool number_of(const char *text,
		      unsigned char out[static REPORT_SAME_SIZE],
		      struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) !=
	    1)
		return err_set(err, ERR_INTERNAL, "SHA-256 fails");
	memcpy(out, digest, REPORT_SAME_SIZE);
	return true;
}

/*
 * Of the name, the id and the day, for some give each day's report the same id.
 * Rows that were made before the day was in it have `once`.
 */
static bool make_same(struct row *row, const char *name, struct err *err)
{
	char *once = xasprintf("%s\n%s", name, row->report_id);
	char *same = xasprintf("%s\n%lld", once, (long long)row->at.day);
	bool ok = number_of(once, row->once, err) &&
		  number_of(same, row->same, err);

	free(once);
	free(same);
	return ok;
}

/* Of all policies: by their summaries, whatever their failures add up to. */
static void add_up(const struct report_entry *e, struct row *row)
{
	for (size_t i = 0; i < e->policy_count; i++) {
		const struct tls_report_policy *p =
			&e->report->policy[e->policy[i]];

		row->successful += p->successful;
		row->failed += p->failed;
	}
	if (row->successful > REPORT_SESSIONS_MAX)
		row->successful = REPORT_SESSIONS_MAX;
	if (row->failed > REPORT_SESSIONS_MAX)
		row->failed = REPORT_SESSIONS_MAX;
}

static bool row_init(struct row *row, const struct report_entry *e,
		     struct err *err)
{
	const struct tls_report *r = e->report;

	char content[REPORT_CONTENT_TEXT];

	*row = (struct row){ .at = { .domain_id = e->domain_id,
				     .day = report_day(r->begin, r->end) } };
	report_content_text(e->content, content);
	row->report_id = *r->id ? xstrdup(r->id)
				: xasprintf("sha256:%s", content);
	add_up(e, row);
	return make_same(row, r->organization, err);
}

static void row_release(struct row *row)
{
	free(row->report_id);
}

static bool tells_of_failures(const struct report_entry *e)
{
	for (size_t i = 0; i < e->policy_count; i++) {
		const struct tls_report_policy *p =
			&e->report->policy[e->policy[i]];

		if (p->failed || p->failure_count)
			return true;
	}
	return false;
}

/*
 * What has come with its id of its day; and of that, what its signer sent:
 * nobody uses up another's. One of older times may be any. *unsigned_id: it is
 * there, and nobody had signed it.
 */
static bool look_alike(struct store *s, const struct report_entry *e,
		       struct row *row, enum report_novelty *is,
		       int64_t *unsigned_id, struct err *err)
{
	struct query q;

	*is = REPORT_NEW;
	*unsigned_id = 0;
	query_open(&q, store_db(s),
		   "SELECT COALESCE(SUM(signed_by = ?1), 0) AS alike,"
		   " COUNT(*) AS all_alike,"
		   " COALESCE(MAX(content IN (?2, x'')), 0) AS known,"
		   " COALESCE(MAX(CASE WHEN content = ?2 AND signed_by = ''"
		   "  THEN id END), 0) AS unsigned"
		   " FROM report WHERE domain_id = ?3 AND same IN (?4, ?5)"
		   "  AND day = ?6");
	bind_text(&q, e->signed_by);
	bind_blob(&q, e->content, REPORT_CONTENT_SIZE);
	bind_int(&q, row->at.domain_id);
	bind_blob(&q, row->same, sizeof(row->same));
	bind_blob(&q, row->once, sizeof(row->once));
	bind_int(&q, row->at.day);
	if (query_row(&q)) {
		row->is_crowded = col_int(&q, "alike") >= REPORT_ALIKE_MAX;
		row->are_all_crowded = col_int(&q, "all_alike") >=
				       REPORT_ALIKE_ALL;
		if ((row->is_crowded || row->are_all_crowded) &&
		    !tells_of_failures(e))
			*is = REPORT_SURPLUS;
		if (col_int(&q, "known"))
			*is = REPORT_KNOWN;
		*unsigned_id = col_int(&q, "unsigned");
	}
	return query_close(&q, err);
}

static struct report_alike alike_of(const struct row *row)
{
	struct report_alike of = { .domain_id = row->at.domain_id,
				   .day = row->at.day };

	memcpy(of.same, row->same, sizeof(of.same));
	return of;
}

/* What came unsigned has come again, with a signature. */
static bool note_signer(struct store *s, int64_t id, const struct row *row,
			const char *signed_by, bool *is_news, struct err *err)
{
	const struct report_alike of = alike_of(row);
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE report SET signed_by = ? WHERE id = ?");
	bind_text(&q, signed_by);
	bind_int(&q, id);
	return query_run(&q, err) && report_alike_settle(s, &of, is_news, err);
}

static bool meet(struct store *s, const struct report_entry *e, struct row *row,
		 enum report_novelty *is, bool *is_news, struct err *err)
{
	int64_t unsigned_id;

	*is_news = false;
	if (!look_alike(s, e, row, is, &unsigned_id, err))
		return false;
	if (!unsigned_id || !e->signed_by)
		return true;
	return note_signer(s, unsigned_id, row, e->signed_by, is_news, err);
}

static bool insert(struct store *s, const struct report_entry *e,
		   struct row *row, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO report(domain_id, reporter_id, same, content,"
		   " report_id, day, begin_at, end_at, received_at, via,"
		   " signed_by, contact, successful, failed, left_out,"
		   " counted)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)");
	bind_int(&q, row->at.domain_id);
	bind_int(&q, row->at.reporter_id);
	bind_blob(&q, row->same, sizeof(row->same));
	bind_blob(&q, e->content, REPORT_CONTENT_SIZE);
	bind_text(&q, row->report_id);
	bind_int(&q, row->at.day);
	bind_int(&q, e->report->begin);
	bind_int(&q, e->report->end);
	bind_int(&q, e->received);
	bind_int(&q, e->via);
	bind_text(&q, e->signed_by);
	bind_text(&q, e->report->contact);
	bind_int(&q, row->successful);
	bind_int(&q, row->failed);
	if (!query_run(&q, err))
		return false;
	row->at.id = db_last_id(store_db(s));
	return true;
}

static bool note_left_out(struct store *s, int64_t id, long left_out,
			  struct err *err)
{
	struct query q;

	if (!left_out)
		return true;
	query_open(&q, store_db_write(s),
		   "UPDATE report SET left_out = ? WHERE id = ?");
	bind_int(&q, left_out);
	bind_int(&q, id);
	return query_run(&q, err);
}

static bool find_reporter(struct store *s, const struct report_entry *e,
			  struct row *row, struct err *err)
{
	const char *given = e->report->organization;
	char *name = utf8_plain(given, strlen(given), REPORTER_NAME_KEPT);
	bool ok = reporter_ensure(s, name, e->domain_id, e->received,
				  &row->at.reporter_id, err);

	free(name);
	return ok;
}

/* By their texts, and their rows. */
static int64_t bytes_of(const struct report_entry *e, size_t texts,
			long failures)
{
	size_t rows = e->policy_count < REPORT_POLICIES_KEPT
			      ? e->policy_count
			      : REPORT_POLICIES_KEPT;

	return REPORT_BYTES_USUAL / 2 +
	       REPORT_BYTES_USUAL / 2 * (int64_t)(rows ? rows : 1) +
	       (int64_t)texts + REPORT_BYTES_FAILURE * failures;
}

/* So many are kept: the last goes, and that may be this one. */
static bool make_room(struct store *s, const struct report_entry *e,
		      const struct row *row, enum report_novelty *is,
		      struct err *err)
{
	const struct report_alike of = alike_of(row);
	struct report_place last;

	if (!row->is_crowded && !row->are_all_crowded)
		return true;
	if (!report_alike_last(s, &of, !row->is_crowded, e->signed_by, &last,
			       err))
		return false;
	if (last.id == row->at.id)
		*is = REPORT_SURPLUS;
	return remove_one(s, &last, err);
}

static bool add_new(struct store *s, const struct report_entry *e,
		    struct row *row, struct err *err)
{
	const struct report_alike of = alike_of(row);
	const size_t texts = e->is_brief ? REPORT_TEXTS_BRIEF
					 : REPORT_TEXTS_KEPT;
	size_t room = texts;
	long kept, left_out;
	bool is_news;

	return find_reporter(s, e, row, err) && insert(s, e, row, err) &&
	       report_last_note(s, row->at.domain_id, row->at.day, err) &&
	       report_policy_add(s, &row->at, e, &room, err) &&
	       report_failure_add(s, &row->at, e, &room, &kept, &left_out,
				  err) &&
	       note_left_out(s, row->at.id, left_out, err) &&
	       report_weigh(s, &row->at, bytes_of(e, texts - room, kept),
			    err) &&
	       report_alike_settle(s, &of, &is_news, err);
}

static bool domain_is_hosted(struct store *s, int64_t id, struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), "SELECT 1 FROM domain WHERE id = ?");
	bind_int(&q, id);
	found = query_row(&q);
	if (!query_close(&q, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "the domain is gone");
}

static bool may_be_added(struct store *s, const struct report_entry *e,
			 struct err *err)
{
	if (store_sheds(s))
		return err_set(err, ERR_AGAIN,
			       "the disk has no room for "
			       "reports");
	if (e->report->end > e->received + REPORT_AHEAD)
		return err_set(err, ERR_REFUSED,
			       "the days that it tells of have not come yet");
	return domain_is_hosted(s, e->domain_id, err);
}

bool report_meet(struct store *s, const struct report_entry *e,
		 enum report_novelty *is, bool *is_news, struct err *err)
{
	struct row row;
	bool ok = row_init(&row, e, err) && meet(s, e, &row, is, is_news, err);

	row_release(&row);
	return ok;
}

bool report_add(struct store *s, const struct report_entry *e,
		enum report_novelty *is, struct err *err)
{
	struct row row;
	bool is_news, ok;

	*is = REPORT_KNOWN;
	if (!may_be_added(s, e, err))
		return false;
	ok = row_init(&row, e, err) && meet(s, e, &row, is, &is_news, err) &&
	     (*is != REPORT_NEW ||
	      (add_new(s, e, &row, err) && make_room(s, e, &row, is, err)));
	row_release(&row);
	return ok;
}

/* ---- letting them go ---- */

/* The next one that `sql` picks by its parameter; at->id 0: none is left. */
static bool pick(struct store *s, const char *sql, int64_t by,
		 struct report_place *at, struct err *err)
{
	struct query q;

	*at = (struct report_place){ 0 };
	query_open(&q, store_db(s), sql);
	bind_int(&q, by);
	if (query_row(&q))
		report_place_read(&q, at);
	return query_close(&q, err);
}

static bool is_over(const struct report_piece *p)
{
	return p->gone >= p->limit ||
	       (p->gone && p->until && steady_ms() >= p->until);
}

/* *is_all: none is left that `sql` picks. */
static bool remove_each(struct store *s, const char *sql, int64_t by,
			struct report_piece *p, bool *is_all, struct err *err)
{
	struct report_place at;

	*is_all = false;
	while (!is_over(p)) {
		if (!pick(s, sql, by, &at, err))
			return false;
		*is_all = !at.id;
		if (*is_all)
			break;
		if (!remove_one(s, &at, err))
			return false;
		p->gone++;
	}
	return report_tally_sweep(s, err);
}

static bool remove_of_domain(struct store *s, int64_t domain_id,
			     struct report_piece *p, bool *is_all,
			     struct err *err)
{
	return remove_each(s,
			   "SELECT id, domain_id, reporter_id, day"
			   " FROM report WHERE domain_id = ? LIMIT 1",
			   domain_id, p, is_all, err);
}

bool report_forget_domain(struct store *s, int64_t domain_id,
			  struct report_piece *piece, struct err *err)
{
	piece->gone = 0;
	return remove_of_domain(s, domain_id, piece, &piece->is_all, err);
}

/* The next domain that is gone and has reports still; 0: none. */
static bool next_gone(struct store *s, int64_t *domain_id, struct err *err)
{
	struct query q;

	*domain_id = 0;
	query_open(&q, store_db(s),
		   "SELECT domain_id FROM report_gone LIMIT 1");
	if (query_row(&q))
		*domain_id = col_int(&q, "domain_id");
	return query_close(&q, err);
}

static bool is_done_with(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM report_gone WHERE domain_id = ?");
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

static bool remove_of_gone(struct store *s, struct report_piece *p,
			   struct err *err)
{
	int64_t domain_id;
	bool is_all;

	while (!is_over(p)) {
		if (!next_gone(s, &domain_id, err))
			return false;
		if (!domain_id)
			break;
		if (!remove_of_domain(s, domain_id, p, &is_all, err) ||
		    (is_all && !is_done_with(s, domain_id, err)))
			return false;
	}
	return true;
}

bool report_prune(struct store *s, time_t before, struct report_piece *piece,
		  struct err *err)
{
	piece->gone = 0;
	if (!remove_of_gone(s, piece, err) ||
	    !remove_each(s,
			 "SELECT id, domain_id, reporter_id, day"
			 " FROM report WHERE received_at < ?"
			 " ORDER BY received_at LIMIT 1",
			 before, piece, &piece->is_all, err))
		return false;
	/* Now nothing is left of who was last heard of before then. */
	return !piece->is_all ||
	       reporter_forget(s, before - WHEN_DAY, piece->limit, err);
}

/* ---- what takes too much room ---- */

/* By the days they tell of: a row of their policies is always there. */
static bool shed_one(struct store *s, int64_t domain_id, time_t now,
		     unsigned *gone, struct err *err)
{
	struct report_piece one = { .limit = 1 };
	bool is_all;

	if (!remove_each(s,
			 "SELECT id, domain_id, reporter_id, day FROM report"
			 " WHERE id = (SELECT report_id FROM report_policy"
			 "  WHERE domain_id = ? ORDER BY day, report_id"
			 "  LIMIT 1)",
			 domain_id, &one, &is_all, err))
		return false;
	*gone += one.gone;
	return !one.gone || report_room_note(s, domain_id, now, err);
}

bool report_shed(struct store *s, const struct report_bounds *bounds,
		 time_t now, struct report_piece *piece, struct err *err)
{
	int64_t domain_id;
	unsigned before;

	piece->gone = 0;
	piece->is_all = false;
	while (!is_over(piece)) {
		before = piece->gone;
		if (!report_room_heaviest(s, bounds, &domain_id, err))
			return false;
		piece->is_all = !domain_id;
		if (piece->is_all)
			break;
		if (!shed_one(s, domain_id, now, &piece->gone, err))
			return false;
		piece->is_all = piece->gone == before;
		if (piece->is_all)
			break; /* nothing could go: asked again at the next */
	}
	return true;
}
