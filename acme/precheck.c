#include "acme/precheck.h"

#include <assert.h>
#include <stdio.h>

#include "acme/arrival.h"
#include "acme/schedule.h"
#include "base/str.h"

#define MANY	  5	/* names that fail alike, and three in four do */
#define PAUSE_MIN WHEN_MINUTE
#define PAUSE_MAX WHEN_HOUR

/* ---- what was seen ---- */

static bool is_target(const struct precheck *p, const char *address)
{
	for (size_t i = 0; i < p->target_count; i++)
		if (streq_case(p->target[i], address))
			return true;
	return false;
}

static void add_target(struct precheck *p, const struct dns_addresses *found,
		       size_t i, const struct engine_settings *settings)
{
	if (i >= found->count || p->target_count == PRECHECK_PROBES ||
	    !arrival_is_ours(settings, found->address[i]) ||
	    is_target(p, found->address[i]))
		return;
	snprintf(p->target[p->target_count++], DNS_ADDRESS_TEXT, "%s",
		 found->address[i]);
}

/* Both families have their turn, and IPv6, which CAs prefer, the first. */
static void add_targets(struct precheck *p, const struct dns_answer *answer,
			const struct engine_settings *settings)
{
	for (size_t i = 0; i < DNS_ADDRESSES_MAX; i++) {
		for (size_t v = 0; v < answer->count; v++) {
			add_target(p, &answer->view[v].aaaa, i, settings);
			add_target(p, &answer->view[v].a, i, settings);
		}
	}
}

void precheck_take_addresses(struct precheck *p, const char *host,
			     const struct dns_answer *answer,
			     const struct engine_settings *settings)
{
	struct err *problem = &p->look[PRECHECK_ADDRESSES].problem;

	if (!arrival_leads_here(host, answer, settings, problem))
		p->look[PRECHECK_ADDRESSES].finding = PRECHECK_WRONG;
	add_targets(p, answer, settings);
}

static const enum precheck_finding caa_findings[] = {
	[CAA_ALLOWS] = PRECHECK_FINE,
	[CAA_UNKNOWN] = PRECHECK_DOUBT,
	[CAA_FORBIDS] = PRECHECK_WRONG,
};

/* The first of several CAs that finds less wrong than the others counts. */
void precheck_take_caa(struct precheck *p, const struct dns_caa_answer *answer,
		       const struct caa_asker *asker)
{
	struct err problem = ERR_INIT;
	enum caa_verdict verdict = caa_judge(answer, asker, &problem);
	enum precheck_finding finding = caa_findings[verdict];

	assert(p->ca_count < ENGINE_CA_LIMIT);
	if (!p->ca_count || finding < p->look[PRECHECK_CAA].finding) {
		p->look[PRECHECK_CAA].finding = finding;
		p->look[PRECHECK_CAA].problem = problem;
	}
	p->caa[p->ca_count++] = verdict;
}

void precheck_take_probe(struct precheck *p, const struct err *problem)
{
	if (problem->kind == ERR_NONE ||
	    p->look[PRECHECK_PROBE].finding != PRECHECK_FINE)
		return;
	p->look[PRECHECK_PROBE].finding = PRECHECK_DOUBT;
	p->look[PRECHECK_PROBE].problem = *problem;
}

/* ---- what follows from it ---- */

bool precheck_is_many(const struct precheck_mood *mood)
{
	return mood->failed >= MANY && 4ul * mood->failed >= 3ul * mood->asked;
}

static const char *despite_first(enum precheck_finding finding,
				 const struct precheck_case *c)
{
	if (finding == PRECHECK_DOUBT && c->since >= PRECHECK_PATIENCE)
		return "it was waited for long enough, and only the CA's own "
		       "look decides";
	return NULL;
}

static long time_to_spare(const struct precheck_case *c)
{
	return c->left - c->life / 4;
}

static const char *despite_renewal(const struct precheck_case *c)
{
	if (time_to_spare(c) <= 0)
		return "no more than a quarter of the certificate's life is "
		       "left";
	if (c->was_delayed)
		return "the renewal before this one was put off already";
	if (c->since >= PRECHECK_DELAY_MAX)
		return "it was put off for six hours";
	return NULL;
}

static struct schedule_life life_of(const struct precheck_case *c)
{
	return (struct schedule_life){ .left = c->left, .whole = c->life };
}

static const char *despite_gone(enum precheck_finding finding,
				const struct precheck_case *c)
{
	if (c->since < WHEN_DAY ||
	    (finding == PRECHECK_WRONG && schedule_is_dormant(life_of(c))))
		return NULL;
	return "its certificate has ended, and once a day the CA's own look "
	       "decides";
}

/* Why what was found is no reason to hold the order back; NULL: it is. */
static const char *despite(enum precheck_look look,
			   enum precheck_finding finding,
			   const struct precheck_case *c)
{
	bool is_known = c->is_first && finding == PRECHECK_WRONG;

	if (schedule_is_gone(life_of(c)))
		return despite_gone(finding, c);
	if (!is_known && precheck_is_many(&c->mood[look]))
		return "so many names have it alike that it is this box or its "
		       "network";
	return c->is_first ? despite_first(finding, c) : despite_renewal(c);
}

static long least(long a, long b)
{
	return a < b ? a : b;
}

/* As long again as it has been waited for, within bounds. */
static long pause_after(long since)
{
	long pause = least(since, PAUSE_MAX);

	return pause < PAUSE_MIN ? PAUSE_MIN : pause;
}

static long renewal_pause(const struct precheck_case *c)
{
	long pause = least(pause_after(c->since),
			   PRECHECK_DELAY_MAX - c->since);

	return least(pause, time_to_spare(c));
}

long precheck_waited(bool is_first, long times)
{
	long most = is_first ? PRECHECK_PATIENCE : PRECHECK_DELAY_MAX;
	long since = 0;

	while (times-- > 0 && since < most)
		since += is_first ? PAUSE_MIN : pause_after(since);
	return least(since, most);
}

static long wait_pause(enum precheck_finding finding,
		       const struct precheck_case *c)
{
	if (schedule_is_gone(life_of(c)))
		return PRECHECK_GONE;
	if (finding == PRECHECK_WRONG)
		return 0;
	return least(PAUSE_MIN, PRECHECK_PATIENCE - c->since);
}

static enum precheck_verdict verdict_of(const struct precheck_case *c,
					const char *why_go)
{
	if (why_go)
		return PRECHECK_GO;
	return c->is_first || schedule_is_gone(life_of(c)) ? PRECHECK_WAIT
							   : PRECHECK_DELAY;
}

/* What is wrong keeps an order longer than a doubt, so it is told first. */
static bool is_weightier(const struct precheck *p, enum precheck_look look,
			 enum precheck_verdict verdict,
			 const struct precheck_result *so_far)
{
	if (so_far->problem.kind == ERR_NONE || verdict > so_far->verdict)
		return true;
	return verdict == so_far->verdict &&
	       p->look[look].finding > p->look[so_far->look].finding;
}

static void judge_look(const struct precheck *p, enum precheck_look look,
		       const struct precheck_case *c,
		       struct precheck_result *result)
{
	enum precheck_finding finding = p->look[look].finding;
	const char *why_go = despite(look, finding, c);
	enum precheck_verdict verdict = verdict_of(c, why_go);

	if (!is_weightier(p, look, verdict, result))
		return;
	*result = (struct precheck_result){
		.verdict = verdict,
		.look = look,
		.problem = p->look[look].problem,
		.despite = why_go,
	};
	if (verdict == PRECHECK_DELAY)
		result->again_in = renewal_pause(c);
	else if (verdict == PRECHECK_WAIT)
		result->again_in = wait_pause(finding, c);
}

void precheck_judge(const struct precheck *p, const struct precheck_case *c,
		    struct precheck_result *result)
{
	*result = (struct precheck_result){ .verdict = PRECHECK_GO };
	for (enum precheck_look i = 0; i < PRECHECK_LOOKS; i++)
		if (p->look[i].finding != PRECHECK_FINE)
			judge_look(p, i, c, result);
}
