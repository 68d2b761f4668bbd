/*
 * Reports on their way into a real store: the real threads that read and sync
 * them, and a loop that is run until all is said.
 */
#include "daemon/intake.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "base/when.h"
#include "store/domain.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define NOW  1795464900 /* 2026-11-23T20:15:00Z */
#define END  1795391999 /* of what is told of below */
#define OURS "shop.test"
#define MANY 300

#define POLICY(domain)                                                         \
	"{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"" domain     \
	"\"},\"summary\":{\"total-successful-session-count\":1}}"
#define SOME(sessions)                                                         \
	"{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"" OURS       \
	"\"},\"summary\":{\"total-successful-session-count\":" sessions "}}"
#define REPORT(id, policies)                                                   \
	"{\"organization-name\":\"Org\",\"report-id\":\"" id "\","             \
	"\"date-range\":{\"start-datetime\":\"2026-11-22T00:00:00Z\","         \
	"\"end-datetime\":\"2026-11-22T23:59:59Z\"},"                          \
	"\"policies\":[" policies "]}"

struct box {
	char *dir;
	struct loop *loop;
	struct store *store;
	struct syncer *syncer;
	struct config config;
	struct intake *intake;
	time_t now;
	bool is_time_known;
	size_t answered;
	enum intake_outcome outcome[2 * INTAKE_QUEUE_MAX]; /* in their order */
	unsigned pause;	      /* that was asked for last */
	unsigned retry_after; /* the last one's, as the rest */
	size_t domains, dropped;
	char id[64];
};

static time_t now_of(void *arg)
{
	const struct box *b = arg;

	return b->now;
}

static bool is_time_known(void *arg)
{
	const struct box *b = arg;

	return b->is_time_known;
}

static void start_intake(struct box *b)
{
	const struct intake_parts parts = { .loop = b->loop,
					    .store = b->store,
					    .syncer = b->syncer,
					    .config = &b->config,
					    .now = now_of,
					    .is_time_known = is_time_known,
					    .arg = b };
	struct err err = ERR_INIT;

	b->intake = intake_start(&parts, &err);
	must(b->intake, &err);
}

static int set_up(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct err err = ERR_INIT;

	b->dir = scratch_make();
	b->now = NOW;
	b->config.report_retention = 400 * WHEN_DAY;
	b->config.report_room = b->config.report_room_total = 64 << 20;
	b->loop = loop_new(&err);
	b->store = scratch_store(b->dir);
	must(store_begin(b->store, &err), &err);
	reports_shop(b->store, NOW);
	must(store_commit(b->store, &err), &err);
	b->syncer = syncer_start(b->loop, b->store, &err);
	must(b->syncer, &err);
	start_intake(b);
	*state = b;
	return 0;
}

static atomic_bool disk_hangs;

static int tear_down(void **state)
{
	struct box *b = *state;

	atomic_store(&disk_hangs, false);
	intake_stop(b->intake);
	syncer_stop(b->syncer);
	loop_free(b->loop);
	store_close(b->store);
	scratch_remove(b->dir);
	free(b);
	return 0;
}

static void on_done(const struct intake_answer *a, void *arg)
{
	struct box *b = arg;

	b->outcome[b->answered++] = a->outcome;
	b->retry_after = a->retry_after;
	if (a->retry_after)
		b->pause = a->retry_after;
	b->domains = a->domain_count;
	b->dropped = a->dropped;
	str_copy(b->id, sizeof(b->id), a->report ? a->report->id : "");
}

static struct intake_ask ask_of(struct box *b, const char *text,
				const char *path)
{
	struct intake_ask ask = { .via = *path ? REPORT_HTTPS : REPORT_MAIL,
				  .body = xstrdup(text),
				  .len = strlen(text),
				  .done = on_done,
				  .arg = b };

	str_copy(ask.domain, sizeof(ask.domain), path);
	return ask;
}

static void take(struct box *b, const char *text, const char *path)
{
	struct intake_ask ask = ask_of(b, text, path);

	intake_take(b->intake, &ask);
}

static void run_until(struct box *b, size_t answered)
{
	while (b->answered < answered)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_int_equal(b->answered, answered);
}

/*
 * How long the loop was held up at most: by this thread's own time, for other
 * programs are none of its business.
 */
static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double longest_turn_until(struct box *b, bool (*is_over)(struct box *b))
{
	double longest = 0;

	while (!is_over(b)) {
		double since = cpu_ms(), took;

		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
		took = cpu_ms() - since;
		longest = took > longest ? took : longest;
	}
	print_message("longest turn: %.1f ms\n", longest);
	return longest;
}

static long stored(struct box *b)
{
	return scratch_number(b->dir, "state.db",
			      "SELECT count(*) FROM report");
}

/* ---- what a report comes to ---- */

static const struct {
	const char *text, *path;
	enum intake_outcome outcome;
	size_t domains, dropped;
} cases[] = {
	{ REPORT("1", POLICY(OURS)), OURS, INTAKE_STORED, 1, 0 },
	{ REPORT("1", POLICY(OURS)), OURS, INTAKE_KNOWN, 1, 0 },
	{ REPORT("1", POLICY(OURS)), "", INTAKE_KNOWN, 1, 0 },
	{ REPORT("2", POLICY(OURS) "," POLICY("x.test")), OURS, INTAKE_STORED,
	  1, 1 },
	{ REPORT("3", POLICY(OURS) "," POLICY("x.test") "," POLICY("y.test")),
	  "", INTAKE_STORED, 1, 2 },
	{ REPORT("4", POLICY("x.test")), OURS, INTAKE_NOT_OURS, 0, 1 },
	{ REPORT("4", POLICY("x.test")), "", INTAKE_NOT_OURS, 0, 1 },
	{ REPORT("4", POLICY("x.test")), "x.test", INTAKE_NOT_OURS, 0, 1 },
	{ REPORT("5", ""), OURS, INTAKE_EMPTY, 1, 0 },
	{ REPORT("5", ""), "", INTAKE_EMPTY, 0, 0 },
	{ REPORT("", POLICY(OURS)), OURS, INTAKE_STORED, 1, 0 },
	{ REPORT("", POLICY(OURS)), OURS, INTAKE_KNOWN, 1, 0 },
	/* written in another way; with other sessions; and again */
	{ " " REPORT("1", POLICY(OURS)), OURS, INTAKE_KNOWN, 1, 0 },
	{ " " REPORT("", POLICY(OURS)), "", INTAKE_KNOWN, 1, 0 },
	{ REPORT("1", POLICY(OURS) "," POLICY(OURS)), OURS, INTAKE_STORED, 1,
	  0 },
	{ REPORT("1", POLICY(OURS)), "", INTAKE_KNOWN, 1, 0 },
	{ "{}", OURS, INTAKE_NO_REPORT, 0, 0 },
	{ "", OURS, INTAKE_NO_REPORT, 0, 0 },
	{ "\x1f\x8b", OURS, INTAKE_NO_REPORT, 0, 0 },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[", OURS, INTAKE_OVER_LIMIT, 0, 0 },
};

static void each_has_its_outcome(void **state)
{
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%zu\n", i);
		take(b, cases[i].text, cases[i].path);
		run_until(b, i + 1);
		assert_int_equal(b->outcome[i], cases[i].outcome);
		assert_int_equal(b->domains, cases[i].domains);
		assert_int_equal(b->dropped, cases[i].dropped);
		assert_true(store_is_durable(b->store));
	}
	assert_int_equal(stored(b), 6);
}

#define OF(type, domain, good)                                                 \
	"{\"policy\":{\"policy-type\":\"" type                                 \
	"\",\"policy-domain\":\"" domain                                       \
	"\"},\"summary\":{\"total-successful-session-count\":" #good "}}"

/* What comes by mail, and what its message says that it is about. */
static const struct {
	const char *policies, *about;
	enum intake_outcome outcome;
	long sessions; /* -1: as by HTTPS */
} mails[] = {
	{ OF("tlsa", "mx.test", 4) "," OF("sts", OURS, 2), "", INTAKE_STORED,
	  -1 },
	{ OF("tlsa", "mx.test", 4) "," OF("sts", OURS, 2), "other.test",
	  INTAKE_STORED, -1 },
	{ OF("tlsa", "mx.test", 4) "," OF("no-policy-found", "",
					  2) "," OF("sts", OURS, 1),
	  "", INTAKE_STORED, -1 },
	{ OF("tlsa", "mx.test", 4), OURS, INTAKE_STORED, -1 },
	{ OF("no-policy-found", "", 4), OURS, INTAKE_STORED, -1 },
	{ OF("tlsa", OURS, 4), "", INTAKE_STORED, -1 },
	{ OF("tlsa", "mx.test", 4), "", INTAKE_NOT_OURS, 0 },
	{ OF("tlsa", "mx.test", 4), "x.test", INTAKE_NOT_OURS, 0 },
	/* the body says more than the message, and MTA-STS names its own */
	{ OF("sts", "x.test", 4), OURS, INTAKE_NOT_OURS, 0 },
	{ OF("tlsa", "mx.test", 4) "," OF("sts", "x.test", 2), OURS,
	  INTAKE_NOT_OURS, 0 },
	{ OF("tlsa", "mx.test", 4) "," OF("sts", "other.test", 2), OURS,
	  INTAKE_STORED, 0 },
	/* what is of DANE and hosted, is no mail host of another */
	{ OF("tlsa", "other.test", 4) "," OF("sts", OURS, 2), "", INTAKE_STORED,
	  2 },
	{ OF("tlsa", "other.test", 4), OURS, INTAKE_STORED, 0 },
	/* of two that are hosted it may be either */
	{ OF("tlsa", "mx.test", 4) "," OF("sts", OURS,
					  2) "," OF("sts", "other.test", 1),
	  OURS, INTAKE_STORED, 2 },
};

static long sessions_of(struct box *b, const char *id)
{
	char *sql = xasprintf("SELECT COALESCE(SUM(r.successful), 0) FROM"
			      " report r JOIN domain d ON d.id = r.domain_id"
			      " WHERE d.name = '" OURS "' AND report_id = '%s'",
			      id);
	long n = scratch_number(b->dir, "state.db", sql);

	free(sql);
	return n;
}

static void take_numbered(struct box *b, char how, size_t i, const char *path)
{
	char *text = xasprintf(REPORT("%c%zu", "%s"), how, i,
			       mails[i].policies);
	struct intake_ask ask = ask_of(b, text, path);

	if (!*path)
		str_copy(ask.about, sizeof(ask.about), mails[i].about);
	intake_take(b->intake, &ask);
	run_until(b, b->answered + 1);
	free(text);
}

static void host_another(struct box *b)
{
	struct domain d = { .name = "other.test",
			    .created_at = NOW,
			    .state_at = NOW };

	must(store_begin(b->store, NULL), NULL);
	must(domain_insert(b->store, &d, NULL), NULL);
	must(store_commit(b->store, NULL), NULL);
}

static void mail_comes_to_the_same_as_https(void **state)
{
	struct box *b = *state;
	char mail[8], https[8];

	host_another(b);
	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		long sessions = mails[i].sessions;

		print_message("%zu\n", i);
		snprintf(mail, sizeof(mail), "m%zu", i);
		snprintf(https, sizeof(https), "h%zu", i);
		take_numbered(b, 'm', i, "");
		assert_int_equal(b->outcome[b->answered - 1], mails[i].outcome);
		take_numbered(b, 'h', i, OURS);
		if (sessions < 0) {
			sessions = sessions_of(b, https);
			assert_in_range(sessions, 4, 7);
		}
		assert_int_equal(sessions_of(b, mail), sessions);
	}
}

/*
 * Its window lies ahead. A clock may be behind, and who hears 4xx does not come
 * again; only with a clock that is known, what is far ahead never will be taken.
 */
static const struct {
	long ahead; /* of the end of its window */
	bool is_time_known;
	enum intake_outcome outcome;
	unsigned retry_after;
	bool is_mail;
} clocks[] = {
	{ REPORT_AHEAD, true, INTAKE_STORED, 0, false },
	{ REPORT_AHEAD + 1, true, INTAKE_LATER, INTAKE_EARLY_SECONDS, false },
	{ INTAKE_EARLY_MAX, true, INTAKE_LATER, INTAKE_EARLY_SECONDS, false },
	{ INTAKE_EARLY_MAX + 1, true, INTAKE_NO_REPORT, 0, false },
	{ INTAKE_EARLY_MAX + 1, false, INTAKE_LATER, INTAKE_EARLY_SECONDS,
	  false },
	{ 10000 * WHEN_DAY, false, INTAKE_LATER, INTAKE_EARLY_SECONDS, false },
	/* mail that waits keeps others waiting */
	{ REPORT_AHEAD + 1, true, INTAKE_NO_REPORT, 0, true },
	{ REPORT_AHEAD + 1, false, INTAKE_LATER, INTAKE_EARLY_SECONDS, true },
};

static void what_has_not_happened_may_come_again(void **state)
{
	struct box *b = *state;
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		print_message("%zu\n", i);
		b->now = END - clocks[i].ahead;
		b->is_time_known = clocks[i].is_time_known;
		text = xasprintf(REPORT("%zu", POLICY(OURS)), i);
		take(b, text, clocks[i].is_mail ? "" : OURS);
		free(text);
		run_until(b, i + 1);
		assert_int_equal(b->outcome[i], clocks[i].outcome);
		assert_int_equal(b->retry_after, clocks[i].retry_after);
	}
	assert_int_equal(stored(b), 1);
	/* what is known, is; and what is not ours is not */
	take(b, REPORT("0", POLICY(OURS)), OURS);
	take(b, REPORT("2", POLICY("x.test")), OURS);
	run_until(b, ARRAY_LEN(clocks) + 2);
	assert_int_equal(b->outcome[ARRAY_LEN(clocks)], INTAKE_KNOWN);
	assert_int_equal(b->outcome[ARRAY_LEN(clocks) + 1], INTAKE_NOT_OURS);
}

static void many_are_stored_together(void **state)
{
	struct box *b = *state;
	char id[64], *text;

	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "%d", i);
		text = xasprintf(REPORT("%s", POLICY(OURS)), id);
		take(b, text, OURS);
		free(text);
	}
	run_until(b, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(b->outcome[i], INTAKE_STORED);
	assert_int_equal(stored(b), MANY);
}

/* ---- what they are news of ---- */

#define FAILED(domain)                                                         \
	"{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"" domain     \
	"\"},\"summary\":{\"total-failure-session-count\":1},"                 \
	"\"failure-details\":[{\"result-type\":\"certificate-expired\","       \
	"\"failed-session-count\":1}]}"

static long alerts(struct box *b, const char *subject)
{
	char *sql = xasprintf("SELECT count(*) FROM alert WHERE ended_at = 0"
			      " AND kind = 'report.failing'"
			      " AND subject LIKE '%s'",
			      subject);
	long n = scratch_number(b->dir, "state.db", sql);

	free(sql);
	return n;
}

static void who_is_answered_has_raised_the_alert(void **state)
{
	struct box *b = *state;

	take(b, REPORT("1", POLICY(OURS)), OURS);
	run_until(b, 1);
	assert_int_equal(alerts(b, OURS), 0);
	take(b, REPORT("2", FAILED(OURS)), OURS);
	run_until(b, 2);
	assert_int_equal(b->outcome[1], INTAKE_STORED);
	assert_int_equal(alerts(b, OURS), 1);
}

#define CROWD 60

static void host_a_crowd(struct box *b, int count, int versions)
{
	must(store_begin(b->store, NULL), NULL);
	for (int i = 0; i < count; i++) {
		struct domain d = { .created_at = NOW, .state_at = NOW };

		snprintf(d.name, sizeof(d.name), "d%d.test", i);
		must(domain_insert(b->store, &d, NULL), NULL);
		for (int v = 0; v < versions; v++)
			reports_publish(b->store, &d,
					v % 2 ? "a.test" : "b.test",
					NOW - 2 * WHEN_DAY + v);
	}
	must(store_commit(b->store, NULL), NULL);
}

/* One report by mail of so many domains; the rest is for the looks at DNS. */
static void not_all_domains_of_a_crowd_are_judged(void **state)
{
	struct box *b = *state;
	char *policies = xstrdup(""), *text;

	host_a_crowd(b, CROWD, 0);
	for (int i = 0; i < CROWD; i++) {
		text = xasprintf("%s%s" FAILED("d%d.test"), policies,
				 i ? "," : "", i);
		free(policies);
		policies = text;
	}
	text = xasprintf(REPORT("1", "%s"), policies);
	take(b, text, "");
	run_until(b, 1);
	assert_int_equal(b->domains, CROWD);
	assert_int_equal(stored(b), CROWD);
	assert_int_equal(alerts(b, "d%.test"), 16);
	/* and not once more for what is known */
	take(b, text, "");
	run_until(b, 2);
	assert_int_equal(b->outcome[1], INTAKE_KNOWN);
	assert_int_equal(alerts(b, "d%.test"), 16);
	free(policies);
	free(text);
}

/* ---- limits ---- */

static void a_queue_has_an_end(void **state)
{
	struct box *b = *state;

	for (size_t i = 0; i < INTAKE_QUEUE_MAX + 10; i++)
		take(b, "{}", "");
	/* one is being read, and nine are too many */
	assert_int_equal(b->answered, 9);
	assert_int_equal(b->outcome[0], INTAKE_LATER);
	assert_int_equal(b->retry_after, INTAKE_LATER_SECONDS);
	run_until(b, INTAKE_QUEUE_MAX + 10);
}

static void bytes_have_an_end(void **state)
{
	struct box *b = *state;
	struct intake_ask ask;

	for (size_t i = 0; i < 20; i++) {
		ask = ask_of(b, "", "");
		ask.body = xrealloc_array(ask.body, 1, 1 << 20);
		memset(ask.body, ' ', 1 << 20);
		ask.len = 1 << 20;
		intake_take(b->intake, &ask);
	}
	assert_int_equal(b->answered, 3); /* 16, and one is being read */
	run_until(b, 20);
	assert_int_equal(b->outcome[2], INTAKE_LATER);
	assert_int_equal(b->outcome[3], INTAKE_NO_REPORT);
}

static void addresses_have_their_rate(void **state)
{
	struct box *b = *state;
	struct intake_ask ask;
	size_t taken = 0;

	/* Ten a second come back meanwhile. */
	while (!b->answered && taken < 2500) {
		ask = ask_of(b, "{}", "");
		ask.peer = (struct peer){ AF_INET, 12345 };
		intake_take(b->intake, &ask);
		taken++;
	}
	assert_true(taken > 2000);
	assert_int_equal(b->answered, 1);
	assert_int_equal(b->outcome[0], INTAKE_TOO_MANY);
	assert_int_equal(b->retry_after, 1);
	ask = ask_of(b, "{}", "");
	ask.peer = (struct peer){ AF_INET6, 12345 };
	intake_take(b->intake, &ask);
	run_until(b, taken + 1);
	assert_int_equal(b->outcome[taken], INTAKE_NO_REPORT);
}

/* As if by HTTPS, from so many addresses. */
static void take_from(struct box *b, const char *text, uint64_t net)
{
	struct intake_ask ask = ask_of(b, text, OURS);

	ask.peer = (struct peer){ AF_INET, net };
	intake_take(b->intake, &ask);
}

static void take_new(struct box *b, int i, uint64_t net)
{
	char *text = xasprintf(REPORT("%d", POLICY(OURS)), i);

	take_from(b, text, net);
	free(text);
}

static size_t count_outcome(const struct box *b, enum intake_outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < b->answered; i++)
		n += b->outcome[i] == outcome;
	return n;
}

static void what_is_no_report_costs_the_domain_nothing(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 3000; i++)
		take_from(b, "{}", (uint64_t)i / 100);
	run_until(b, 3000);
	assert_int_equal(count_outcome(b, INTAKE_NO_REPORT), 3000);
	for (int i = 0; i < 1000; i++)
		take_new(b, i, 77);
	run_until(b, 4000);
	assert_int_equal(count_outcome(b, INTAKE_STORED), 1000);
}

static void new_ones_are_so_many_in_a_day(void **state)
{
	struct box *b = *state;
	struct intake_ask ask;
	char *text;

	for (int i = 0; i < 2501; i++)
		take_new(b, i, (uint64_t)i / 20);
	run_until(b, 2501);
	assert_int_equal(count_outcome(b, INTAKE_TOO_MANY), 1);
	assert_int_equal(stored(b), 2500);
	text = xasprintf(REPORT("%d", POLICY(OURS)), 2501);
	ask = ask_of(b, text, "");
	free(text);
	ask.is_trusted = true;
	intake_take(b->intake, &ask);
	run_until(b, 2502);
	assert_int_equal(b->outcome[2501], INTAKE_STORED);
}

/* Half of what may come is for those who send a few. */
static void one_sender_leaves_room_for_others(void **state)
{
	struct box *b = *state;
	struct intake_ask ask;

	for (int i = 0; i < 1300; i++)
		take_new(b, i, 1);
	run_until(b, 1300);
	assert_int_equal(stored(b), 1250);
	assert_in_range(b->pause, 1, WHEN_DAY / 20 + 1);
	for (int i = 2000; i < 2021; i++)
		take_new(b, i, 2);
	run_until(b, 1321);
	assert_int_equal(stored(b), 1270);
	/* by mail, the signature is what an address is */
	for (int i = 0; i < 42; i++) {
		ask = ask_of(b, REPORT("m", POLICY(OURS)), "");
		free(ask.body);
		ask.body = xasprintf(REPORT("m%d", POLICY(OURS)), i);
		ask.len = strlen(ask.body);
		if (i % 2)
			str_copy(ask.signed_by, sizeof(ask.signed_by),
				 "x.test");
		intake_take(b->intake, &ask);
	}
	run_until(b, 1363);
	assert_int_equal(stored(b), 1310);
}

static void what_is_known_is_known_at_any_rate(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 1300; i++)
		take_new(b, i, 1);
	run_until(b, 1300);
	for (int i = 0; i < 100; i++)
		take_new(b, i, 1);
	run_until(b, 1400);
	assert_int_equal(count_outcome(b, INTAKE_KNOWN), 100);
	/* and it has cost the others nothing */
	take_new(b, 2000, 2);
	run_until(b, 1401);
	assert_int_equal(b->outcome[1400], INTAKE_STORED);
}

/* ---- the end of it, and of them ---- */

static void a_stop_answers_all(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 10; i++)
		take(b, REPORT("1", POLICY(OURS)), OURS);
	intake_stop(b->intake);
	assert_int_equal(b->answered, 10);
	assert_int_equal(b->outcome[9], INTAKE_LATER);
	start_intake(b);
	take(b, REPORT("1", POLICY(OURS)), OURS);
	run_until(b, 11);
	assert_true(b->outcome[10] <= INTAKE_KNOWN);
	assert_int_equal(stored(b), 1);
}

/* Some senders do not come again, whatever they are told. */
static void what_a_stop_finds_read_is_stored(void **state)
{
	struct box *b = *state;
	long told = 0;
	char *text;

	for (int i = 0; i < 50; i++) {
		text = xasprintf(REPORT("%d", POLICY(OURS)), i);
		take(b, text, OURS);
		free(text);
	}
	while (!stored(b))
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	intake_stop(b->intake);
	assert_int_equal(b->answered, 50);
	for (size_t i = 0; i < 50; i++)
		told += b->outcome[i] <= INTAKE_KNOWN;
	assert_true(told > 0);
	assert_int_equal(stored(b), told);
	start_intake(b);
}

#define TOLD(result)                                                           \
	REPORT("1", "{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":"  \
		    "\"" OURS                                                  \
		    "\"},\"summary\":{\"total-failure-session-count\":1},"     \
		    "\"failure-details\":[{\"result-type\":\"" result          \
		    "\",\"failed-session-count\":1}]}")

static bool alert_names(struct box *b, const char *result)
{
	char *sql = xasprintf("SELECT COUNT(*) FROM alert WHERE kind ="
			      " 'report.failing' AND text LIKE '%%: %s'",
			      result);
	long n = scratch_number(b->dir, "state.db", sql);

	free(sql);
	return n > 0;
}

/* Nothing new is kept, but another one of the two is in the sums. */
static void a_signature_is_news(void **state)
{
	struct box *b = *state;
	struct intake_ask ask = ask_of(b, TOLD("starttls-not-supported"), "");

	take(b, TOLD("certificate-expired"), OURS);
	run_until(b, 1);
	take(b, TOLD("starttls-not-supported"), OURS);
	run_until(b, 2);
	assert_true(alert_names(b, "certificate-expired"));
	str_copy(ask.signed_by, sizeof(ask.signed_by), "org.test");
	intake_take(b->intake, &ask);
	run_until(b, 3);
	assert_int_equal(b->outcome[2], INTAKE_KNOWN);
	assert_int_equal(stored(b), 2);
	assert_true(alert_names(b, "starttls-not-supported"));
}

/* A transaction of others, and what came after. */
static void a_full_disk_asks_to_come_again(void **state)
{
	struct box *b = *state;

	scratch_disk_full(true);
	take(b, REPORT("1", POLICY(OURS)), OURS);
	run_until(b, 1);
	scratch_disk_full(false);
	assert_int_equal(b->outcome[0], INTAKE_LATER);
	assert_int_equal(b->retry_after, INTAKE_LATER_SECONDS);
}

static void old_ones_go(void **state)
{
	struct box *b = *state;
	char *text;

	for (int i = 0; i < 30; i++) {
		text = xasprintf(REPORT("%d", POLICY(OURS)), i);
		take(b, text, OURS);
		free(text);
	}
	run_until(b, 30);
	b->now += 401 * WHEN_DAY;
	/* what comes gives them their turns; others come by themselves */
	for (size_t i = 31; i < 40; i++) {
		take(b, REPORT("x", ""), OURS);
		run_until(b, i);
	}
	assert_int_equal(stored(b), 1);
}

static long room_used(struct box *b)
{
	return scratch_number(b->dir, "state.db",
			      "SELECT bytes FROM report_room"
			      " WHERE domain_id = 0");
}

/* A flood of heavy ones of one domain: it comes back to its room by turns. */
static void a_flood_takes_no_more_than_its_room(void **state)
{
	struct box *b = *state;
	long room = 40000;
	char *text;

	b->config.report_room = room;
	for (int i = 0; i < 1000; i++) {
		text = xasprintf(REPORT("%d", FAILED(OURS)), i);
		take(b, text, OURS);
		free(text);
	}
	run_until(b, 1000);
	for (size_t i = 1001; i < 1200 && room_used(b) > room; i++) {
		take(b, REPORT("x", FAILED(OURS)), OURS);
		run_until(b, i);
	}
	assert_in_range(stored(b), 80, 100);
	assert_true(room_used(b) <= room);
	assert_true(scratch_number(b->dir, "state.db",
				   "SELECT shed FROM report_room"
				   " WHERE domain_id > 0") >= 900);
}

static void what_is_refused_is_counted(void **state)
{
	struct box *b = *state;

	take(b, "{}", OURS);
	take(b, REPORT("2", POLICY(OURS) "," POLICY("x.test")), OURS);
	run_until(b, 2);
	assert_int_equal(scratch_number(b->dir, "state.db",
					"SELECT sum(count) FROM report_drop"),
			 2);
}

/* ---- a disk that is slow ---- */

/* SQLite's, too: the thread that waits for the disk waits. */
int fdatasync(int fd) /* NOLINT(readability-inconsistent-*) */
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	char thread[16] = "";

	pthread_getname_np(pthread_self(), thread, sizeof(thread));
	while (streq(thread, "syncer") && atomic_load(&disk_hangs))
		nanosleep(&pause, NULL);
	return (int)syscall(SYS_fdatasync, fd);
}

/*
 * One report waits for the disk, and all others for that one. They are read
 * in their order, and the last is none: its answer says that all are.
 */
static void take_and_read_all(struct box *b, const char *const *texts,
			      size_t count)
{
	atomic_store(&disk_hangs, true);
	take(b, REPORT("first", POLICY(OURS)), OURS);
	while (!stored(b))
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	for (size_t i = 0; i < count; i++)
		take(b, texts[i], "");
	take(b, "{}", "");
	run_until(b, 1);
	assert_int_equal(b->outcome[0], INTAKE_NO_REPORT);
}

static long drops(struct box *b, enum report_drop why)
{
	char *sql = xasprintf("SELECT coalesce(sum(count), 0) FROM report_drop"
			      " WHERE why = %d",
			      (int)why);
	long n = scratch_number(b->dir, "state.db", sql);

	free(sql);
	return n;
}

/* Whoever knows its id: what comes after them is still no failure. */
static void what_is_too_many_of_an_id_is_dropped(void **state)
{
	static const char *const texts[] = {
		REPORT("1", SOME("1")), REPORT("1", SOME("2")),
		REPORT("1", SOME("3")), REPORT("1", SOME("4")),
		REPORT("1", SOME("5")), REPORT("1", SOME("6")),
	};
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		take(b, texts[i], OURS);
	run_until(b, ARRAY_LEN(texts));
	assert_int_equal(count_outcome(b, INTAKE_STORED), REPORT_ALIKE_MAX);
	assert_int_equal(count_outcome(b, INTAKE_KNOWN), 2);
	assert_int_equal(drops(b, REPORT_DROP_TOO_MANY), 2);
	assert_int_equal(stored(b), REPORT_ALIKE_MAX);
}

/* They are staged again without it, and what they count is counted once. */
static void one_bad_report_spoils_no_others(void **state)
{
	static const char *const texts[] = {
		REPORT("1", POLICY(OURS) "," POLICY("x.test")),
		REPORT("2", POLICY("x.test") "," POLICY("y.test")),
		REPORT("bad", POLICY(OURS) "," POLICY("x.test")),
		REPORT("3", POLICY(OURS) "," POLICY("x.test")),
	};
	struct box *b = *state;

	scratch_sql(b->dir, "state.db",
		    "CREATE TRIGGER bad BEFORE INSERT ON report"
		    " WHEN NEW.report_id = 'bad'"
		    " BEGIN SELECT RAISE(ABORT, 'bad'); END");
	take_and_read_all(b, texts, ARRAY_LEN(texts));
	atomic_store(&disk_hangs, false);
	run_until(b, 6);
	assert_int_equal(stored(b), 3);
	assert_int_equal(b->outcome[1], INTAKE_STORED); /* the first */
	assert_int_equal(b->outcome[2], INTAKE_LATER);
	assert_int_equal(b->outcome[3], INTAKE_STORED);
	assert_int_equal(b->outcome[4], INTAKE_NOT_OURS);
	assert_int_equal(b->outcome[5], INTAKE_STORED);
	assert_int_equal(drops(b, REPORT_DROP_NOT_OURS), 4);
	assert_int_equal(drops(b, REPORT_DROP_NO_REPORT), 1);
}

/* A hundred kilobytes that are two megabytes, once they are read. */
static char *heavy_report(int id)
{
	struct buf failures;
	char *text;

	buf_init(&failures, TLS_REPORT_JSON_MAX);
	for (int i = 0; i < TLS_REPORT_FAILURES_MAX; i++)
		buf_puts(&failures, i ? ",{}" : "{}");
	text = xasprintf(REPORT("%d", "{\"policy\":{\"policy-type\":\"sts\","
				      "\"policy-domain\":\"" OURS "\"},"
				      "\"failure-details\":[%s]}"),
			 id, failures.data);
	buf_release(&failures);
	return text;
}

static void run_for(struct box *b, int64_t ms)
{
	int64_t until = steady_ms() + ms;

	while (steady_ms() < until) {
		event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

#define HEAVY 8

static void what_is_read_is_bounded_while_the_disk_is_slow(void **state)
{
	struct box *b = *state;

	atomic_store(&disk_hangs, true);
	take(b, REPORT("first", POLICY(OURS)), OURS);
	while (!stored(b))
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	for (int i = 0; i < HEAVY; i++) {
		char *text = heavy_report(i);

		take(b, text, "");
		free(text);
	}
	take(b, "{}", ""); /* would be answered as soon as it is read */
	run_for(b, 700);
	assert_int_equal(b->answered, 0);
	atomic_store(&disk_hangs, false);
	run_until(b, HEAVY + 2);
	assert_int_equal(stored(b), HEAVY + 1);
}

/* ---- what cannot go ---- */

/* What is logged from here on, until told() has it. */
static int listen_to_log(int *saved)
{
	int file = memfd_create("log", MFD_CLOEXEC);

	*saved = dup(STDERR_FILENO);
	assert_true(file >= 0 && dup2(file, STDERR_FILENO) >= 0);
	return file;
}

static bool told(int file, int saved, const char *word)
{
	char text[4096] = "";

	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(pread(file, text, sizeof(text) - 1, 0) >= 0);
	close(file);
	return strstr(text, word) != NULL;
}

/* Reports go on meanwhile, also the one that came with it. */
static void a_prune_that_fails_is_tried_again(void **state)
{
	struct box *b = *state;
	int log, saved;

	take(b, REPORT("old", POLICY(OURS)), OURS);
	run_until(b, 1);
	scratch_sql(b->dir, "state.db",
		    "CREATE TRIGGER stays BEFORE DELETE ON report"
		    " BEGIN SELECT RAISE(ABORT, 'stays'); END");
	b->now += 401 * WHEN_DAY;
	log = listen_to_log(&saved);
	for (size_t i = 2; i < 5; i++) {
		char *text = xasprintf(REPORT("%zu", POLICY(OURS)), i);

		take(b, text, OURS);
		free(text);
		run_until(b, i);
		assert_int_equal(b->outcome[i - 1], INTAKE_STORED);
	}
	assert_true(told(log, saved, "stays"));
	assert_int_equal(stored(b), 4);
	scratch_sql(b->dir, "state.db", "DROP TRIGGER stays");
	b->now += WHEN_MINUTE - 1;
	take(b, "{}", OURS);
	run_until(b, 5);
	run_for(b, 50);
	assert_int_equal(stored(b), 4);
	b->now++;
	take(b, REPORT("last", POLICY(OURS)), OURS);
	run_until(b, 6);
	assert_int_equal(stored(b), 4); /* one came, one went */
}

/* ---- no turn is long ---- */

/*
 * A turn is cut at 10 ms, and what is begun goes to its end: 5 to 9 ms are
 * seen, and 45 to 110 under a sanitizer. Machines differ; that there is a cut
 * at all is counted, not timed, by test_report.
 */
#ifdef __SANITIZE_ADDRESS__
#define TURN_MAX_MS 1500
#else
#define TURN_MAX_MS 30
#endif

#define WIDE	   100 /* domains of one report */
#define WIDE_EACH  10  /* policies of each */
#define WIDE_FAILS 5   /* failures of each of these */
#define VERSIONS   10  /* of ours, none of which it quotes */

static bool has_answered(struct box *b)
{
	return b->answered > 0;
}

static void add_wide_policy(struct buf *text, int domain, int n)
{
	buf_printf(text,
		   "%s{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":"
		   "\"d%d.test\",\"policy-string\":\"version: STSv1\\nmode: "
		   "testing\\nmx: mx%d.example\\nmax_age: 9\"},"
		   "\"summary\":{\"total-failure-session-count\":9},"
		   "\"failure-details\":[",
		   text->len ? "," : "", domain, n);
	for (int i = 0; i < WIDE_FAILS; i++)
		buf_printf(text,
			   "%s{\"result-type\":\"certificate-expired\","
			   "\"receiving-mx-hostname\":\"mx%d-%d.d%d.test\","
			   "\"additional-information\":\"%0100d\","
			   "\"failed-session-count\":1}",
			   i ? "," : "", i, n, domain, i);
	buf_printf(text, "]}");
}

/* By mail, of as many domains and failures as there may be. */
static char *wide_report(const char *id)
{
	struct buf policies;
	char *text;

	buf_init(&policies, TLS_REPORT_JSON_MAX);
	for (int n = 0; n < WIDE_EACH; n++)
		for (int d = 0; d < WIDE; d++)
			add_wide_policy(&policies, d, n);
	text = xasprintf(REPORT("%s", "%s"), id, policies.data);
	buf_release(&policies);
	return text;
}

static void a_report_of_many_domains_is_no_long_turn(void **state)
{
	struct box *b = *state;
	char *text = wide_report("1");

	host_a_crowd(b, WIDE, VERSIONS);
	take(b, text, "");
	assert_true(longest_turn_until(b, has_answered) < TURN_MAX_MS);
	assert_int_equal(b->outcome[0], INTAKE_STORED);
	assert_int_equal(b->domains, WIDE);
	assert_int_equal(b->dropped, 0);
	assert_int_equal(stored(b), WIDE);
	take(b, text, "");
	run_until(b, 2);
	assert_int_equal(b->outcome[1], INTAKE_KNOWN);
	assert_int_equal(b->domains, WIDE);
	free(text);
}

/* It took turns that are durable, and goes on from the last of them. */
static void a_part_that_is_taken_back_is_stored_again(void **state)
{
	struct box *b = *state;
	char *text = wide_report("1");

	host_a_crowd(b, WIDE, VERSIONS);
	scratch_sql(b->dir, "state.db",
		    "CREATE TRIGGER bad BEFORE INSERT ON report"
		    " WHEN NEW.report_id = 'bad'"
		    " BEGIN SELECT RAISE(ABORT, 'bad'); END");
	take(b, text, "");
	take(b, REPORT("bad", POLICY(OURS)), "");
	run_until(b, 2);
	/* one is stored and one is not, whichever is done first */
	assert_int_equal(b->outcome[0] + b->outcome[1],
			 INTAKE_LATER + INTAKE_STORED);
	if (b->outcome[1] == INTAKE_STORED)
		assert_int_equal(b->domains, WIDE);
	assert_int_equal(b->dropped, 0);
	assert_int_equal(stored(b), WIDE);
	free(text);
}

/* What is there of it is known, and the rest is new. */
static void one_that_breaks_off_may_come_again(void **state)
{
	struct box *b = *state;
	char *text = wide_report("1");

	host_a_crowd(b, WIDE, VERSIONS);
	scratch_sql(b->dir, "state.db",
		    "CREATE TRIGGER bad BEFORE INSERT ON report"
		    " WHEN NEW.domain_id = (SELECT id FROM domain"
		    "  WHERE name = 'd99.test')"
		    " BEGIN SELECT RAISE(ABORT, 'bad'); END");
	take(b, text, "");
	run_until(b, 1);
	assert_int_equal(b->outcome[0], INTAKE_LATER);
	assert_true(stored(b) > 0 && stored(b) < WIDE);
	scratch_sql(b->dir, "state.db", "DROP TRIGGER bad");
	take(b, text, "");
	run_until(b, 2);
	assert_int_equal(b->outcome[1], INTAKE_STORED);
	assert_int_equal(b->domains, WIDE);
	assert_int_equal(stored(b), WIDE);
	free(text);
}

static bool is_pruned(struct box *b)
{
	return stored(b) == 0;
}

/* A limit that light reports have raised. */
static void heavy_reports_after_light_ones_go_in_short_turns(void **state)
{
	struct box *b = *state;
	char *text, id[16];

	for (int i = 0; i < 1200; i++) {
		text = xasprintf(REPORT("%d", POLICY(OURS)), i);
		take(b, text, OURS);
		free(text);
	}
	run_until(b, 1200);
	b->now++;
	host_a_crowd(b, WIDE, VERSIONS);
	for (size_t i = 0; i < 8; i++) {
		snprintf(id, sizeof(id), "wide %zu", i);
		text = wide_report(id);
		take(b, text, "");
		free(text);
		run_until(b, 1201 + i);
	}
	assert_int_equal(stored(b), 1200 + 8 * WIDE);
	b->now += 401 * WHEN_DAY;
	take(b, "{}", "");
	assert_true(longest_turn_until(b, is_pruned) < TURN_MAX_MS);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(each_has_its_outcome),
		STORY(mail_comes_to_the_same_as_https),
		STORY(what_has_not_happened_may_come_again),
		STORY(many_are_stored_together),
		STORY(who_is_answered_has_raised_the_alert),
		STORY(not_all_domains_of_a_crowd_are_judged),
		STORY(a_queue_has_an_end),
		STORY(bytes_have_an_end),
		STORY(addresses_have_their_rate),
		STORY(what_is_no_report_costs_the_domain_nothing),
		STORY(new_ones_are_so_many_in_a_day),
		STORY(one_sender_leaves_room_for_others),
		STORY(what_is_known_is_known_at_any_rate),
		STORY(what_is_too_many_of_an_id_is_dropped),
		STORY(a_stop_answers_all),
		STORY(what_a_stop_finds_read_is_stored),
		STORY(a_signature_is_news),
		STORY(a_full_disk_asks_to_come_again),
		STORY(old_ones_go),
		STORY(a_flood_takes_no_more_than_its_room),
		STORY(what_is_refused_is_counted),
		STORY(one_bad_report_spoils_no_others),
		STORY(what_is_read_is_bounded_while_the_disk_is_slow),
		STORY(a_prune_that_fails_is_tried_again),
		STORY(a_report_of_many_domains_is_no_long_turn),
		STORY(a_part_that_is_taken_back_is_stored_again),
		STORY(one_that_breaks_off_may_come_again),
		STORY(heavy_reports_after_light_ones_go_in_short_turns),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
