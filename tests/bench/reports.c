/*
 * A year of TLS reports: what it costs to take them, to sum them up, to let
 * them go, and to keep them.
 *
 *	reports [DOMAINS [REPORTERS [DAYS]]]	1000 10 365
 *
 * Each domain is told of by each reporter each day; one report in twenty has
 * failures, one in ten two policies; of one domain all have failures, ten each,
 * as one that never works. All of it goes the way that the daemon's
 * reports go. The folder is made below TMPDIR (/tmp) and removed. Ends with 1 if
 * a summary takes longer than is promised.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/report_list.h"
#include "store/report_sum.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define DAY_0 1764547200L /* 2025-12-01 */
#define BATCH 100	  /* reports in one transaction */
#define PIECE 20	  /* that go in one */
#define LINES 20

/* What the median may be, in ms. */
#define DOMAIN_MOST 100
#define BOX_MOST    2000

static struct {
	long domains, reporters, days;
} of = { 1000, 10, 365 };

static struct bench {
	char *dir;
	struct store *store;
	struct domain *domain;
	unsigned seed;
	bool is_slow; /* something took longer than it may */
} b;

/* ---- time ---- */

struct moment {
	double wall, cpu; /* ms */
};

static double clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct moment moment(void)
{
	return (struct moment){ clock_ms(CLOCK_MONOTONIC),
				clock_ms(CLOCK_THREAD_CPUTIME_ID) };
}

/* On a machine that is busy otherwise, the processor's time says more. */
struct times {
	double *ms;
	size_t count;
	double cpu; /* all of them */
};

static void note(struct times *t, struct moment since)
{
	struct moment now = moment();

	if ((t->count & (t->count - 1)) == 0)
		t->ms = xrealloc_array(t->ms, t->count ? 2 * t->count : 1,
				       sizeof(*t->ms));
	t->ms[t->count++] = now.wall - since.wall;
	t->cpu += now.cpu - since.cpu;
}

static int by_size(const void *a, const void *c)
{
	double x = *(const double *)a, y = *(const double *)c;

	return (x > y) - (x < y);
}

static void tell(const char *what, struct times *t)
{
	qsort(t->ms, t->count, sizeof(*t->ms), by_size);
	printf("%-40s %9.2f %9.2f %9.2f %9.2f\n", what, t->ms[t->count / 2],
	       t->ms[t->count * 99 / 100], t->ms[t->count - 1],
	       t->cpu / (double)t->count);
	fflush(stdout);
	free(t->ms);
	*t = (struct times){ 0 };
}

/* The same, of what may take `most` ms. */
static void tell_bound(const char *what, struct times *t, double most)
{
	double median;

	qsort(t->ms, t->count, sizeof(*t->ms), by_size);
	median = t->ms[t->count / 2];
	tell(what, t);
	if (median <= most)
		return;
	printf("TOO SLOW: %s may take %.0f ms\n", what, most);
	b.is_slow = true;
}

static void tell_head(void)
{
	printf("%-40s %9s %9s %9s %9s\n", "ms", "median", "p99", "most", "cpu");
}

static unsigned dice(unsigned sides)
{
	b.seed = b.seed * 1103515245u + 12345u;
	return (b.seed >> 16) % sides;
}

/* ---- the reports ---- */

static void begin(void)
{
	struct err err = ERR_INIT;

	must(store_begin_async(b.store, &err), &err);
}

static void commit(void)
{
	struct err err = ERR_INIT;

	must(store_commit(b.store, &err), &err);
}

static void sync_all(void)
{
	struct err err = ERR_INIT;
	int64_t written = store_written(b.store);

	must(store_sync(b.store, &err), &err);
	store_synced(b.store, written);
	must(store_checkpoint(b.store, &err), &err);
}

static void set_up(void)
{
	b.dir = scratch_make();
	b.store = scratch_store(b.dir);
	b.domain = xcalloc((size_t)of.domains, sizeof(*b.domain));
	begin();
	for (long i = 0; i < of.domains; i++) {
		struct domain *d = &b.domain[i];
		struct err err = ERR_INIT;

		snprintf(d->name, sizeof(d->name), "customer-%ld.example", i);
		d->created_at = d->state_at = DAY_0;
		must(domain_insert(b.store, d, &err), &err);
		reports_publish(b.store, d, "mx1.example.net", DAY_0 - 3);
		reports_publish(b.store, d, "mx1.example.net mx2.example.net",
				DAY_0 + 100 * WHEN_DAY);
		reports_publish(b.store, d, "mx2.example.net",
				DAY_0 + 200 * WHEN_DAY);
	}
	commit();
}

/* Versions change, and a reporter in five is a week behind. */
static const char *quoted(long day, long reporter)
{
	static const char *const texts[] = {
		"version: STSv1\r\nmode: testing\r\nmx: mx1.example.net\r\n"
		"max_age: 604800\r\n",
		"version: STSv1\r\nmode: testing\r\nmx: mx1.example.net\r\n"
		"mx: mx2.example.net\r\nmax_age: 604800\r\n",
		"version: STSv1\r\nmode: testing\r\nmx: mx2.example.net\r\n"
		"max_age: 604800\r\n",
	};

	if (reporter % 5 == 0)
		day -= 7;
	return texts[day >= 200 ? 2 : day >= 100 ? 1 : 0];
}

static const struct domain *bad_one(void)
{
	return &b.domain[of.domains / 3];
}

static void add_failures(struct tls_report *r, unsigned count)
{
	static const char *const hosts[] = { "mx1.example.net",
					     "mx2.example.net", "" };

	r->policy->failed = 1 + dice(20);
	for (unsigned i = count; i > 0; i--)
		reports_fail(r, (enum tls_result)(1 + dice(11)), hosts[dice(3)],
			     1 + dice(9));
}

/* The second of two policies is tlsa, as of a sender that looks at both. */
static void add_policy(struct tls_report *r)
{
	struct tls_report other = reports_make("", "", r->begin, 3, 0);

	r->policy = xrealloc_array(r->policy, 2, sizeof(*r->policy));
	r->policy[1] = *other.policy;
	r->policy[1].type = TLS_POLICY_TLSA;
	r->policy_count = 2;
	other.policy_count = 0;
	tls_report_release(&other);
}

static struct tls_report make(const struct domain *d, long day, long reporter)
{
	char *who = xasprintf("Reporter %ld of Mail, Inc.", reporter);
	char *id = xasprintf("%ld_%s_%ld@reports.sender-%ld.example",
			     DAY_0 + day * WHEN_DAY, d->name, day, reporter);
	struct tls_report r = reports_make(who, id, DAY_0 + day * WHEN_DAY,
					   5 + dice(500), 0);

	free(r.contact);
	r.contact = xasprintf("tls-reports@sender-%ld.example", reporter);
	free(r.policy->policy);
	r.policy->policy = xstrdup(quoted(day, reporter));
	if (d == bad_one())
		add_failures(&r, 10);
	else if (dice(20) == 0)
		add_failures(&r, 1 + dice(3));
	if (dice(10) == 0)
		add_policy(&r);
	free(who);
	free(id);
	return r;
}

/* As they come: of one day, of any domain. */
static void add_day(long day, struct times *batches)
{
	long count = of.domains * of.reporters;
	long step = 7919 % count ? 7919 : 1; /* a prime: all come once */
	struct moment since = moment();
	long k = 0;

	begin();
	for (long i = 0; i < count; i++, k = (k + step) % count) {
		const struct domain *d = &b.domain[k / of.reporters];
		struct tls_report r = make(d, day, k % of.reporters);

		reports_add(b.store, d, &r,
			    DAY_0 + (day + 1) * WHEN_DAY + 60 + i);
		tls_report_release(&r);
		if (i % BATCH == BATCH - 1 || i == count - 1) {
			commit();
			note(batches, since);
			since = moment();
			begin();
		}
	}
	commit();
	sync_all();
}

static void fill(void)
{
	struct times first = { 0 }, last = { 0 };
	struct moment since = moment();

	for (long day = 0; day < of.days; day++)
		add_day(day, day < of.days - 5 ? &first : &last);
	printf("%ld reports in %.0f s\n\n", of.domains * of.reporters * of.days,
	       (moment().wall - since.wall) / 1e3);
	tell_head();
	if (first.count)
		tell("100 reports added and committed", &first);
	if (last.count)
		tell("the same, in the last five days", &last);
}

/* ---- reading ---- */

static struct report_reader *reader(void)
{
	struct store_options o = { .dir = b.dir };
	struct err err = ERR_INIT;
	struct report_reader *r = report_reader_open(&o, &err);

	must(r, &err);
	return r;
}

/* The kernel forgets what it has of the file, if all of it is on the disk. */
static void forget_pages(void)
{
	char *path = scratch_path(b.dir, "state.db");
	int fd = open(path, O_RDONLY);

	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	free(path);
}

static time_t the_end(void)
{
	return DAY_0 + of.days * WHEN_DAY;
}

static void sum_domains(const char *what, long days, bool is_cold)
{
	struct times t = { 0 };
	struct report_sum sum;
	struct err err = ERR_INIT;

	for (long i = 0; i < 100 && i < of.domains; i++) {
		long which = i * 7919 % of.domains;
		struct report_reader *r;
		struct moment since;

		if (is_cold)
			forget_pages();
		since = moment();
		r = reader();
		must(report_sum_domain(r, b.domain[which].id,
				       the_end() - days * WHEN_DAY, the_end(),
				       LINES, &sum, &err),
		     &err);
		report_reader_close(r);
		note(&t, since);
		must(sum.all.reports ==
			     of.reporters * (days < of.days ? days : of.days),
		     NULL);
		report_sum_release(&sum);
	}
	tell_bound(what, &t, DOMAIN_MOST);
}

/* What each report tells of is read, and by whom. */
static void sum_bad(const char *what)
{
	struct times t = { 0 };
	struct report_reader *r = reader();
	struct report_sum sum;
	struct err err = ERR_INIT;

	for (int i = 0; i < 20; i++) {
		struct moment since = moment();

		must(report_sum_domain(r, bad_one()->id, DAY_0, the_end(),
				       LINES, &sum, &err),
		     &err);
		note(&t, since);
		must(sum.tellers[1].count > 0, NULL);
		report_sum_release(&sum);
	}
	report_reader_close(r);
	tell_bound(what, &t, DOMAIN_MOST);
}

static void sum_boxes(const char *what, long days, bool is_cold)
{
	struct times t = { 0 };
	struct report_sum sum;
	struct err err = ERR_INIT;

	for (int i = 0; i < 5; i++) {
		struct report_reader *r;
		struct moment since;

		if (is_cold)
			forget_pages();
		since = moment();
		r = reader();
		must(report_sum_box(r, the_end() - days * WHEN_DAY, the_end(),
				    LINES, &sum, &err),
		     &err);
		report_reader_close(r);
		note(&t, since);
		report_sum_release(&sum);
	}
	tell_bound(what, &t, BOX_MOST);
}

static void read_pages(const char *what, struct report_filter f)
{
	struct report_item items[100];
	struct times t = { 0 };
	struct report_reader *r = reader();
	struct err err = ERR_INIT;
	int pages = 0;

	do {
		struct moment since = moment();
		size_t n = report_list(r, &f, items, 100, &f.before, &err);

		note(&t, since);
		while (n)
			report_item_release(&items[--n]);
	} while (f.before && ++pages < 20);
	report_reader_close(r);
	tell_bound(what, &t, BOX_MOST);
}

static void read_lists(void)
{
	int64_t one = b.domain[7].id;

	read_pages("100 reports listed, of a domain",
		   (struct report_filter){ .domain_id = one });
	read_pages("the same, those with failures",
		   (struct report_filter){ .domain_id = one,
					   .failed_only = true });
	read_pages("the same, of the last days",
		   (struct report_filter){ .domain_id = one,
					   .since = the_end() - 7 * WHEN_DAY });
	read_pages("100 reports listed, of the box",
		   (struct report_filter){ .domain_id = 0 });
	read_pages("the same, those with failures",
		   (struct report_filter){ .failed_only = true });
	read_pages("the same, of days to come",
		   (struct report_filter){ .since = the_end() + 7 * WHEN_DAY });
}

static void read_wholes(void)
{
	long count = of.domains * of.reporters * of.days;
	struct times t = { 0 };
	struct report_reader *r = reader();
	struct report_whole w;
	struct err err = ERR_INIT;

	for (long i = 1; i <= count; i += count / 200 + 1) {
		struct moment since = moment();

		must(report_show(r, i, &w, &err), &err);
		note(&t, since);
		report_whole_release(&w);
	}
	report_reader_close(r);
	tell("one report, whole", &t);
}

/* ---- what it is compared with, and how large it is ---- */

static void run_sql(const char *sql, bool tells)
{
	char *path = scratch_path(b.dir, "state.db");
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ==
			     SQLITE_OK &&
		     sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK,
	     NULL);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		if (tells)
			printf("  %-30s %8.1f MB\n",
			       (const char *)sqlite3_column_text(stmt, 0),
			       sqlite3_column_double(stmt, 1) / 1e6);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	free(path);
}

static void sum_by_rows(void)
{
	struct times t = { 0 };

	for (int i = 0; i < 3; i++) {
		struct moment since = moment();

		run_sql("SELECT reporter_id, SUM(n = 0), SUM(successful),"
			" SUM(failed) FROM report_policy GROUP BY reporter_id",
			false);
		note(&t, since);
	}
	tell("(the box by reporter, without tallies)", &t);
}

static void tell_size(void)
{
	char *path = scratch_path(b.dir, "state.db");
	struct stat st;

	stat(path, &st);
	free(path);
	printf("\nstate.db: %.1f MB, %.0f bytes a report\n",
	       (double)st.st_size / 1e6,
	       (double)st.st_size /
		       (double)(of.domains * of.reporters * of.days));
	run_sql("SELECT name, SUM(pgsize) FROM dbstat"
		" WHERE name LIKE 'report%' GROUP BY name"
		" HAVING SUM(pgsize) > 100000 ORDER BY 2 DESC",
		true);
	printf("\n");
}

/* ---- our versions, and letting go ---- */

/* What it costs to find that a text is none of ours. */
static void add_strange(const char *what, long versions)
{
	struct domain *d = &b.domain[0];
	struct times t = { 0 };

	begin();
	for (long i = 3; i < versions; i++) {
		char *mx = xasprintf("mx%ld.example.net mxb.example.net", i);

		reports_publish(b.store, d, mx, the_end());
		free(mx);
	}
	for (long i = 0; i < 1000; i++) {
		char *id = xasprintf("strange-%ld-%ld", versions, i);
		struct tls_report r = reports_make("S", id, the_end(), 1, 0);
		struct moment since;

		free(r.policy->policy);
		r.policy->policy = xstrdup("version: STSv1\nmode: enforce\n"
					   "mx: mx.evil.example\nmax_age: 9");
		since = moment();
		reports_add(b.store, d, &r, the_end());
		note(&t, since);
		tls_report_release(&r);
		free(id);
	}
	store_rollback(b.store);
	tell(what, &t);
}

/* What may hold control up longest. */
static void add_largest(const char *what)
{
	struct times t = { 0 };

	begin();
	for (int i = 0; i < 100; i++) {
		char *id = xasprintf("large-%d", i);
		struct tls_report r = reports_make("S", id, the_end(), 1, 0);
		struct moment since;

		for (long k = 0; k < TLS_REPORT_FAILURES_MAX; k++)
			reports_fail(&r, (enum tls_result)dice(12),
				     "mx1.example.net", dice(1000));
		since = moment();
		reports_add(b.store, &b.domain[1], &r, the_end());
		note(&t, since);
		tls_report_release(&r);
		free(id);
	}
	store_rollback(b.store);
	tell(what, &t);
}

static void prune(const char *what, time_t before, long pieces)
{
	struct times t = { 0 };
	struct err err = ERR_INIT;
	struct report_piece piece = { .limit = PIECE };

	for (long i = 0; !piece.is_all && i < pieces; i++) {
		struct moment since = moment();

		begin();
		must(report_prune(b.store, before, &piece, &err), &err);
		commit();
		note(&t, since);
	}
	sync_all();
	tell(what, &t);
}

static void delete_a_domain(void)
{
	struct times t = { 0 };
	struct domain *d = &b.domain[of.domains / 2];
	struct err err = ERR_INIT;
	struct moment since = moment();

	begin();
	must(domain_by_id(b.store, d->id, d, &err) &&
		     domain_delete(b.store, d, the_end(), &err),
	     &err);
	commit();
	note(&t, since);
	tell("a domain is deleted", &t);
	prune("its reports go, 20 at once", 0, 1000000);
}

static void read_numbers(int argc, char **argv)
{
	long *const numbers[] = { &of.domains, &of.reporters, &of.days };

	for (int i = 1; i < argc && i <= (int)ARRAY_LEN(numbers); i++)
		must(str_to_long(argv[i], strlen(argv[i]), 1000000,
				 numbers[i - 1]) &&
			     *numbers[i - 1] > 0,
		     NULL);
}

int main(int argc, char **argv)
{
	if (!getenv("TMPDIR"))
		setenv("TMPDIR", "/tmp", 0);
	read_numbers(argc, argv);
	set_up();
	fill();
	sum_domains("a domain, 30 days", 30, false);
	sum_domains("a domain, a year", 365, false);
	sum_domains("a domain, a year, from the disk", 365, true);
	sum_bad("one that never works, a year");
	sum_boxes("the box, 30 days", 30, false);
	sum_boxes("the box, a year", 365, false);
	sum_boxes("the box, a year, from the disk", 365, true);
	sum_by_rows();
	read_lists();
	read_wholes();
	tell_size();
	tell_head();
	add_strange("one that quotes none of 3 versions", 3);
	add_strange("one that quotes none of 100 versions", 100);
	add_largest("one of 5,000 failures");
	prune("20 old reports go", DAY_0 + 9 * WHEN_DAY, 2000);
	delete_a_domain();
	store_close(b.store);
	scratch_remove(b.dir);
	free(b.domain);
	return b.is_slow;
}
