/*
 * Senders, many of them: each connects, shakes hands in full, fetches one
 * policy of a name chosen at random, looks at the certificate, the status and
 * every byte of the body, and says good-bye. `load --help` lists what else.
 *
 * One loop and no threads, so that a core is enough for it. In the end one
 * line of JSON: what was fetched and how fast, and what failed. With a rate,
 * the times are counted from when a fetch was due, so that a server that holds
 * everybody up does not look well for it. Who means no good makes up for no
 * lost time: it is a rate that is tried, not a number of tries. SIGTERM ends it early. Status 1: a
 * fetch failed, 64: the command line is wrong.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "tests/bench/load_options.h"

#define SECOND_NS  1000000000LL
#define TICK_NS	   (SECOND_NS / 10)
#define EVENTS_MAX 64

static struct {
	struct load_options options;
	struct results results;
	struct picker *picker;
	struct client *client; /* as many as may be open at once */
	size_t *vacant;	       /* numbers of those that are not */
	size_t vacant_count;
	size_t most; /* that were open at once */
	int epoll;
	long begun;
	int64_t start_ns, tick_ns;
	int64_t pace_ns; /* a rate counts from here */
} run;

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

/* ---- who comes when ---- */

static bool ends(int64_t now)
{
	const struct load_options *o = &run.options;

	return is_over || (o->count && run.begun >= o->count) ||
	       (o->seconds && now - run.start_ns >= o->seconds * SECOND_NS);
}

/* When the next one should begin. */
static int64_t next_due(int64_t now)
{
	long rate = run.options.rate;

	if (!rate)
		return now;
	return run.pace_ns + run.begun / rate * SECOND_NS +
	       run.begun % rate * SECOND_NS / rate;
}

static void leave(struct client *c)
{
	run.vacant[run.vacant_count++] = (size_t)(c - run.client);
}

static void begin(int64_t due)
{
	struct client *c = &run.client[run.vacant[--run.vacant_count]];
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = c,
	};
	size_t open = run.options.connections - run.vacant_count;

	run.begun++;
	if (!client_begin(c, &run.options.errand, &run.results,
			  picker_next(run.picker), due)) {
		leave(c);
		return;
	}
	if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		abort();
	if (open > run.most)
		run.most = open;
}

static bool is_prompt(void)
{
	return run.options.errand.manner == MANNER_PROMPT;
}

/* Else all that was due while nobody was free would come at once. */
static void forgo_what_is_past(int64_t now)
{
	int64_t past = now - next_due(now);

	if (!is_prompt() && past > TICK_NS)
		run.pace_ns += past;
}

static void begin_all_due(void)
{
	int64_t now = times_now_ns(), due;

	forgo_what_is_past(now);
	while (run.vacant_count && !ends(now) && (due = next_due(now)) <= now)
		begin(due);
}

/* ---- what they do ---- */

static bool is_open(const struct client *c)
{
	return c->fd >= 0;
}

static void tick(int64_t now)
{
	if (now - run.tick_ns < TICK_NS)
		return;
	run.tick_ns = now;
	for (size_t i = 0; i < run.options.connections; i++)
		if (is_open(&run.client[i]) &&
		    !client_tick(&run.client[i], now))
			leave(&run.client[i]);
}

static void look(int timeout_ms)
{
	struct epoll_event event[EVENTS_MAX];
	int n = epoll_wait(run.epoll, event, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct client *c = event[i].data.ptr;

		if (!client_go_on(c))
			leave(c);
	}
	tick(times_now_ns());
}

static void finish(void)
{
	if (is_prompt())
		while (run.vacant_count < run.options.connections)
			look(100);
	for (size_t i = 0; i < run.options.connections; i++)
		client_break_off(&run.client[i]);
}

static void go(void)
{
	run.start_ns = run.tick_ns = run.pace_ns = times_now_ns();
	while (!ends(times_now_ns())) {
		begin_all_due();
		look(run.options.rate ? 1 : 100);
	}
	finish();
}

/* ---- what came of it ---- */

static unsigned long count_failed(void)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < FAILURES; i++)
		sum += run.results.failed[i];
	return sum;
}

static json_t *failures(void)
{
	json_t *found = json_object();

	for (size_t i = 0; i < FAILURES; i++)
		json_object_set_new(
			found, failure_names[i],
			json_integer((json_int_t)run.results.failed[i]));
	return found;
}

static void tell(double seconds)
{
	struct results *r = &run.results;
	json_t *text = json_pack(
		"{s:I, s:I, s:o, s:s, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I,"
		" s:I, s:I, s:I}",
		"fetches", (json_int_t)r->fetches, "failures",
		(json_int_t)count_failed(), "failed", failures(), "why",
		*r->why ? r->why : "", "seconds", seconds, "per_second",
		(double)r->fetches / seconds, "p50_us",
		(json_int_t)times_percentile(&r->times, 50), "p99_us",
		(json_int_t)times_percentile(&r->times, 99), "max_us",
		(json_int_t)times_percentile(&r->times, 100), "connections",
		(json_int_t)r->connections, "resumed", (json_int_t)r->resumed,
		"hellos", (json_int_t)r->hellos, "ended", (json_int_t)r->ended,
		"rude", (json_int_t)r->rude, "most_open", (json_int_t)run.most);

	if (!text)
		abort();
	json_dumpf(text, stdout, JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(text);
}

static void set_up(void)
{
	size_t n = run.options.connections;
	const struct rlimit many = { n + 64, n + 64 };

	setrlimit(RLIMIT_NOFILE, &many);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	run.picker = picker_new(run.options.how, run.options.names.count,
				run.options.exponent, run.options.seed);
	run.client = xcalloc(n, sizeof(*run.client));
	run.vacant = xcalloc(n, sizeof(*run.vacant));
	for (size_t i = n; i-- > 0;) {
		run.client[i].fd = -1;
		leave(&run.client[i]);
	}
}

static void take_down(void)
{
	picker_free(run.picker);
	times_release(&run.results.times);
	load_options_release(&run.options);
	free(run.client);
	free(run.vacant);
}

int main(int argc, char **argv)
{
	int status;

	if (!load_options_read(&run.options, argc, argv))
		return 64;
	set_up();
	go();
	tell((double)(times_now_ns() - run.start_ns) / SECOND_NS);
	status = count_failed() || (is_prompt() && !run.results.fetches);
	take_down();
	return status;
}
