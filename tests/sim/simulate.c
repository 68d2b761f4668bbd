/*
 * The simulator: many boxes, each for a year or more, in every weather.
 *
 *	simulate [--orders N] [--jobs N] [--verbose] [--whole] FIRST [LAST]
 *
 * A seed is one box and one test. Seeds are run by several processes at once,
 * each taking every nth; what they counted is added up. The same seed does
 * the same for ever: its fingerprint is told, so that one can see. --whole is
 * for a run that must not be a small one: each of its minima that was missed is
 * a failure.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/bulk_signer.h"
#include "tests/sim/dice.h"
#include "tests/sim/judge.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sham.h"
#include "tests/sim/shortcuts.h"
#include "tests/sim/spare.h"
#include "tests/sim/weather.h"

#define ORDERS	   4950		/* that make one box's life */
#define CALM	   (12 * WHEN_DAY)	/* at its end */
#define CALM_MORE  (WHEN_DAY / 2)	/* for names that a limit holds up */
#define UP_MINUTES 60			/* for a box to be there again */
#define SEQUEL	   (7 * WHEN_DAY) /* of a box that is condemned, at most */
#define KEYS	   12000
#define YEARS_MAX  12
#define JOBS_MAX   64

struct sums {
	unsigned long passed, failed;
	double domain_years, down_hours, all_down_hours;
	double unpromised_s;
	unsigned long promised_s, orders, certs, real_certs, crashes,
		power_losses;
	unsigned long duplicates, breaches, events, ticks, exchanges, lapses;
	unsigned long starts, ari_polls, looks;
};

struct options {
	uint64_t first, last;
	unsigned long orders;
	unsigned jobs;
	bool is_verbose, is_whole;
};

static unsigned long orders_of(const struct rig *r)
{
	unsigned long n = 0;

	for (size_t i = 0; i < r->ca_count; i++)
		n += r->ca[i].new_orders;
	return n;
}

static void run_until(struct rig *r, int64_t end_ms, unsigned long orders)
{
	while (r->now_ms < end_ms && !*r->verdict && orders_of(r) < orders)
		rig_step(r);
}

/* Of a box that was killed just before the end there is nothing to judge. */
static void run_until_up(struct rig *r, int64_t end)
{
	run_until(r, end, -1UL);
	for (unsigned i = 0; i < UP_MINUTES && !r->is_up; i++)
		run_until(r, end += WHEN_MINUTE * 1000, -1UL);
}

/*
 * A hundred names and more do not get their first certificates in so short a
 * time where a CA grants fifty a week: it goes on while they still come.
 */
static void calm_down(struct rig *r)
{
	unsigned missing, before = r->names + 1;

	weather_end(r);
	run_until_up(r, r->now_ms + CALM * 1000);
	while ((missing = judge_missing(r)) > 0 && missing < before) {
		before = missing;
		run_until_up(r, r->now_ms + CALM_MORE * 1000);
	}
}

/* How long are names expired that should not be? */
static void run_on(struct rig *r)
{
	int64_t end = r->now_ms + SEQUEL * 1000;

	while (r->now_ms < end && judge_is_counting(r))
		rig_step(r);
	judge_give_up(r);
}

static unsigned long started_s(int64_t ms)
{
	return (unsigned long)((ms + 999) / 1000);
}

static void add_up(const struct rig *r, struct sums *s)
{
	for (size_t i = 0; i < r->ca_count; i++) {
		s->orders += r->ca[i].new_orders;
		s->certs += r->ca[i].certs;
		s->real_certs += r->ca[i].real_certs;
		s->duplicates += r->ca[i].duplicates;
		s->breaches += r->ca[i].breaches;
		s->ari_polls += r->ca[i].ari_polls;
	}
	s->domain_years += (double)(r->now_ms - RIG_START * 1000) / 1000 /
			   (365.25 * WHEN_DAY) * r->names;
	s->down_hours += weather_down_hours(r);
	s->all_down_hours += weather_all_down_hours(r);
	s->promised_s += started_s(r->judge->promised_ms);
	s->unpromised_s += (double)r->judge->unpromised_ms / 1000;
	s->crashes += r->crashes;
	s->power_losses += r->power_losses;
	s->events += r->events;
	s->ticks += r->ticks;
	s->exchanges += r->exchanges;
	s->starts += r->starts;
	s->lapses += r->judge->lapses;
	s->looks += r->judge->looks;
	s->passed += !*r->verdict;
	s->failed += *r->verdict != '\0';
}

/* With as many orders: where a box's life ends depends on them. */
static void tell_replay(uint64_t seed, const struct options *o)
{
	printf("  replay: make sim SEED='--orders %lu %llu'\n", o->orders,
	       (unsigned long long)seed);
}

static void tell(const struct rig *r, const struct options *o)
{
	if (*r->verdict) {
		printf("FAILED seed %llu at %s\n", (unsigned long long)r->seed,
		       r->verdict);
		tell_replay(r->seed, o);
	}
	if (o->is_verbose || o->first == o->last)
		printf("seed %llu: %lu events, fingerprint %016llx\n",
		       (unsigned long long)r->seed, r->events,
		       (unsigned long long)r->hash);
	fflush(stdout);
}

static void run_seed(uint64_t seed, const struct options *o,
		     struct bulk_signer *signer, struct sums *sums)
{
	uint64_t dice = dice_seed(seed ^ 0xb0c5);
	unsigned names = 40 + dice_below(&dice, 160);
	size_t cas = 1 + dice_below(&dice, RIG_CAS);
	struct rig r;

	rig_init(&r, seed, names, cas, signer);
	r.is_verbose = o->is_verbose;
	rig_install(&r);
	run_until(&r, (RIG_START + YEARS_MAX * 365 * WHEN_DAY) * 1000,
		  o->orders);
	if (!*r.verdict)
		calm_down(&r);
	if (!*r.verdict)
		judge_end(&r);
	tell(&r, o);
	if (*r.verdict)
		run_on(&r);
	add_up(&r, sums);
	rig_release(&r);
}

/* ---- several processes ---- */

/* What a job has done, seen by all: a process that dies takes nothing along. */
struct job {
	pid_t process;
	uint64_t seed; /* it is at this one, or past the last */
	struct sums sums;
};

static void run_share(const struct options *o, struct job *job)
{
	struct bulk_signer *signer;

	if (!o->is_verbose)	/* a disk that is full is told of a lot */
		must(freopen("/dev/null", "w", stderr), NULL);
	sham_init(KEYS);
	signer = bulk_signer_new(RIG_START - 2 * 365 * WHEN_DAY,
				 RIG_START + 20 * 365 * WHEN_DAY);
	shortcuts_init(bulk_signer_shape(signer));
	for (; job->seed <= o->last; job->seed += o->jobs)
		run_seed(job->seed, o, signer, &job->sums);
	shortcuts_release();
	bulk_signer_free(signer);
}

static void merge(struct sums *all, const struct sums *one)
{
	all->passed += one->passed;
	all->failed += one->failed;
	all->domain_years += one->domain_years;
	all->down_hours += one->down_hours;
	all->all_down_hours += one->all_down_hours;
	all->promised_s += one->promised_s;
	all->unpromised_s += one->unpromised_s;
	all->orders += one->orders;
	all->certs += one->certs;
	all->real_certs += one->real_certs;
	all->crashes += one->crashes;
	all->power_losses += one->power_losses;
	all->duplicates += one->duplicates;
	all->breaches += one->breaches;
	all->events += one->events;
	all->ticks += one->ticks;
	all->exchanges += one->exchanges;
	all->lapses += one->lapses;
	all->starts += one->starts;
	all->ari_polls += one->ari_polls;
	all->looks += one->looks;
}

static void start_job(const struct options *o, struct job *job)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	must(child >= 0, NULL);
	if (child == 0) {
		run_share(o, job);
		exit(0);
	}
	job->process = child;
}

static struct job *start_jobs(const struct options *o)
{
	struct job *jobs = mmap(NULL, o->jobs * sizeof(*jobs),
				PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(jobs != MAP_FAILED, NULL);
	for (unsigned i = 0; i < o->jobs; i++) {
		jobs[i].seed = o->first + i;
		start_job(o, &jobs[i]);
	}
	return jobs;
}

/*
 * What ends while its seed has not is a failure of that seed, and of those
 * that it would have gone on to. What it ran before counts.
 */
static void end_job(const struct options *o, const struct job *job,
		    struct sums *all)
{
	int status;

	must(waitpid(job->process, &status, 0) == job->process, NULL);
	merge(all, &job->sums);
	if (job->seed > o->last && status != 0) {
		printf("FAILED a process, after its last seed (status %d): "
		       "--verbose shows what it said\n",
		       status);
		all->failed++;
	}
	if (job->seed > o->last)
		return;
	printf("FAILED seed %llu: its process died\n",
	       (unsigned long long)job->seed);
	tell_replay(job->seed, o);
	all->failed += (o->last - job->seed) / o->jobs + 1;
}

static void close_with(const struct sums *s, double seconds)
{
	printf("%.0f s; %lu events, %lu ticks, %lu exchanges, %lu starts, "
	       "%lu ARI polls, %lu looks\n", seconds, s->events, s->ticks,
	       s->exchanges, s->starts, s->ari_polls, s->looks);
	printf("%.0f domain-years, %lu orders, %lu certificates, %lu crashes "
	       "(%lu without power), %.0f CA-outage hours (%.0f of all CAs), "
	       "lapsed-while-promised %lu s, duplicate certificates %lu, "
	       "limit breaches %lu, lapsed outside the promise %.0f s (%lu "
	       "times), %lu certificates with real cryptography (1 in %.0f)\n",
	       s->domain_years, s->orders, s->certs, s->crashes,
	       s->power_losses, s->down_hours, s->all_down_hours, s->promised_s,
	       s->duplicates, s->breaches, s->unpromised_s, s->lapses,
	       s->real_certs,
	       s->real_certs ? (double)s->certs / (double)s->real_certs : 0);
	printf("%lu passed, %lu failed\n", s->passed, s->failed);
}

/* What was promised of a whole run. */
static unsigned long missed(const struct sums *s)
{
	const struct {
		const char *what;
		double seen, least;
	} minima[] = {
		{ "orders", (double)s->orders, 1e6 },
		{ "crashes", (double)s->crashes, 1e5 },
		{ "CA-outage hours", s->down_hours, 1e5 },
		{ "certificates with real cryptography", (double)s->real_certs,
		  (double)s->orders / 1000 },
	};
	unsigned long n = 0;

	for (size_t i = 0; i < ARRAY_LEN(minima); i++) {
		if (minima[i].seen >= minima[i].least)
			continue;
		printf("FAILED %.0f %s, and %.0f are the least\n",
		       minima[i].seen, minima[i].what, minima[i].least);
		n++;
	}
	return n;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	int i = 1;

	*o = (struct options){ .orders = ORDERS, .jobs = 2 };
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (streq(argv[i], "--verbose"))
			o->is_verbose = true;
		else if (streq(argv[i], "--whole"))
			o->is_whole = true;
		else if (streq(argv[i], "--orders") && i + 1 < argc)
			o->orders = strtoul(argv[++i], NULL, 10);
		else if (streq(argv[i], "--jobs") && i + 1 < argc)
			o->jobs = (unsigned)strtoul(argv[++i], NULL, 10);
		else
			return false;
	}
	if (i >= argc || argc > i + 2)
		return false;
	o->first = o->last = strtoull(argv[i], NULL, 10);
	if (i + 1 < argc)
		o->last = strtoull(argv[i + 1], NULL, 10);
	if (o->jobs > JOBS_MAX)
		o->jobs = JOBS_MAX;
	if (o->jobs > o->last - o->first + 1)
		o->jobs = (unsigned)(o->last - o->first + 1);
	return o->last >= o->first && o->jobs > 0;
}

/*
 * A tenth of all time went into an allocator that gives back at once. How
 * much it keeps is read before main() only.
 */
static void keep_memory(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	if (getenv(name))
		return;
	setenv(name, "glibc.malloc.tcache_count=2000:"
		     "glibc.malloc.tcache_max=8192:"
		     "glibc.malloc.trim_threshold=1000000000:"
		     "glibc.malloc.mmap_threshold=1000000000", 1);
	execv("/proc/self/exe", argv);	/* without it, it only takes longer */
}

int main(int argc, char **argv)
{
	struct options o;
	struct sums all = { 0 };
	struct job *jobs;
	time_t began = time(NULL);

	if (!read_options(&o, argc, argv)) {
		fprintf(stderr, "usage: simulate [--orders N] [--jobs N] "
				"[--verbose] [--whole] FIRST [LAST]\n");
		return 64;
	}
	keep_memory(argv);
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	spare_init();
	log_init(o.is_verbose ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
	jobs = start_jobs(&o);
	for (unsigned i = 0; i < o.jobs; i++)
		end_job(&o, &jobs[i], &all);
	if (o.is_whole)
		all.failed += missed(&all);
	close_with(&all, difftime(time(NULL), began));
	return all.failed ? 1 : 0;
}
