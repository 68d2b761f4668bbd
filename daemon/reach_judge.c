#include "daemon/reach_judge.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define HTTP_OK 200

static enum reached_why say(char *problem, enum reached_why why,
			    const char *what, const char *more)
{
	snprintf(problem, REACHED_WORDS, "%s%s", what, more);
	return why;
}

/* ---- where the name leads ---- */

static enum reached_why judge_host(const struct check_host *h, char *problem)
{
	switch (h->look) {
	case CHECK_SEEN:
		break;
	case CHECK_ABSENT:
		return say(problem, REACHED_WRONG,
			   "its policy host has no address", "");
	case CHECK_NOT_TESTED:
	case CHECK_FAILED:
	case CHECK_TIMED_OUT:
		return say(problem, REACHED_CUT_OFF,
			   "DNS does not say where its policy host is: ",
			   h->problem);
	}
	if (*h->private)
		return say(problem, REACHED_WRONG,
			   "its policy host leads to what is no address of "
			   "the public Internet: ",
			   h->private);
	return REACHED_NOT_TRIED;
}

/* ---- what answers there ---- */

static bool is_same_body(const struct check_https *h, const char *body)
{
	return h->body_len == strlen(body) &&
	       memcmp(h->body, body, h->body_len) == 0;
}

/*
 * The policy alone is no proof: whoever served it before may serve it still, as
 * it was adopted. Nobody else can show our certificate, unless he has our key.
 */
static const char *not_ours(const struct check_https *h,
			    const struct reach_own *own)
{
	if (h->status != HTTP_OK)
		return "no answer with status 200";
	if (!is_same_body(h, own->body))
		return "another policy than the one served here";
	if (own->leaf &&
	    memcmp(h->cert.leaf_sha256, own->leaf, TLS_LOOK_SHA256) != 0)
		return "the policy served here, but with another certificate: "
		       "it is another machine that answers";
	return NULL;
}

static enum reached_why judge_answer(const struct check_https *h,
				     const struct reach_own *own,
				     const char **what)
{
	switch (h->outcome) {
	case HTTPS_NOT_TESTED:
		*what = "not tried";
		return REACHED_CUT_OFF;
	case HTTPS_UNREACHABLE:
	case HTTPS_TIMED_OUT:
		*what = h->problem;
		return REACHED_CUT_OFF;
	case HTTPS_CERT_REFUSED:
		*what = *h->cert.problem ? h->cert.problem : h->problem;
		return REACHED_WRONG;
	case HTTPS_TLS_FAILED:
	case HTTPS_TLS_OLD:
	case HTTPS_BROKEN:
		*what = h->problem;
		return REACHED_WRONG;
	case HTTPS_TOO_BIG:
		*what = "what answers is over 64 KB";
		return REACHED_WRONG;
	case HTTPS_ANSWERED:
		break;
	}
	*what = not_ours(h, own);
	return *what ? REACHED_WRONG : REACHED_NOT_TRIED;
}

static bool is_v6(const struct check_https *h)
{
	return strchr(h->address, ':') != NULL;
}

/* The other family works: most senders will not notice. */
static bool is_forgiven(const struct check_facts *f,
			const struct check_https *bad)
{
	for (size_t i = 0; i < ARRAY_LEN(f->https); i++)
		if (is_v6(bad) && !is_v6(&f->https[i]) &&
		    f->https[i].outcome == HTTPS_ANSWERED)
			return true;
	return false;
}

/* What is wrong somewhere says more than what is out of reach. */
enum reached_why reach_judge(const struct check_facts *f,
			     const struct reach_own *own,
			     char problem[static REACHED_WORDS])
{
	enum reached_why worst = judge_host(&f->host, problem);

	if (worst == REACHED_NOT_TRIED && !*f->https[0].address)
		return say(problem, REACHED_CUT_OFF,
			   "no address of its policy host was tried", "");
	for (size_t i = 0; i < ARRAY_LEN(f->https); i++) {
		const struct check_https *h = &f->https[i];
		const char *what = "";
		enum reached_why is;

		if (!*h->address)
			continue;
		is = judge_answer(h, own, &what);
		if (is <= worst || (is == REACHED_CUT_OFF && is_forgiven(f, h)))
			continue;
		worst = is;
		snprintf(problem, REACHED_WORDS, "at %s: %s", h->address, what);
	}
	return worst;
}

/* ---- the next look ---- */

static const struct {
	long tries, pace;
} paces[] = {
	{ 1, WHEN_MINUTE },
	{ 2, 5 * WHEN_MINUTE },
	{ 3, 30 * WHEN_MINUTE },
	{ 24, WHEN_HOUR },
};

static long pace_of(long tries)
{
	for (size_t i = 0; i < ARRAY_LEN(paces); i++)
		if (tries <= paces[i].tries)
			return paces[i].pace;
	return 6 * WHEN_HOUR;
}

/*
 * Where something answers, it is not this box that cannot look. And what was
 * let through once is not held back again.
 */
void reach_failed(struct reached *r, enum reached_why why, const char *problem,
		  time_t now)
{
	time_t end = r->since + REACH_LET_AFTER;

	r->due_at = now + pace_of(++r->tries);
	if (reached_is_by_hand(r))
		return;
	r->why = why;
	str_copy(r->problem, sizeof(r->problem), problem);
	if (why != REACHED_CUT_OFF)
		return;
	if (now >= end && r->tries >= REACH_LET_TRIES && !r->let_at)
		r->let_at = now;
	else if (now < end && r->due_at > end)
		r->due_at = end;
}
