/*
 * Our own names as clients see them: is the certificate served the one that
 * is stored? All names in turn within a day, each one soon after it got a new
 * certificate, and those with an open alert every few seconds.
 *
 * A few of them right after a start. One look at a time. What is seen wrong once may have been a swap, a start or
 * a full box: it counts when several looks in a row agree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/alerts_parts.h"
#include "policy/domain_name.h"

#define LOOK_MS	     5000
#define ROUND_SMALL  WHEN_HOUR	/* all names once, as long as ... */
#define RATE_SMALL   0.5	/* ... that is no more a second than this */
#define ALLOWANCE    4.0
#define SOON_A_TURN  4
#define SAMPLE_ROWS  20

static void look_next(struct alerts *a);

/* ---- whose turn it is ---- */

static bool is_soon(const struct self_state *s, const char *domain)
{
	for (size_t i = 0; i < s->soon_count; i++)
		if (streq(s->soon[i], domain))
			return true;
	return s->look && streq(s->host, domain);
}

/* What finds no place comes with the sample. */
void alerts_self_soon(struct alerts *a, const char *domain)
{
	struct self_state *s = &a->self;

	if (s->soon_count < SELF_SOON && !is_soon(s, domain))
		snprintf(s->soon[s->soon_count++], DOMAIN_NAME_SIZE, "%s",
			 domain);
}

static bool take_soon(struct self_state *s)
{
	if (!s->soon_count || !s->soon_left)
		return false;
	s->soon_left--;
	memcpy(s->host, s->soon[0], sizeof(s->host));
	s->soon_count--;
	memmove(s->soon[0], s->soon[1], s->soon_count * sizeof(s->soon[0]));
	return true;
}

struct sample {
	struct self_state *self;
	bool found;
	long seen;
};

static bool take_live(const struct domain *d, void *arg)
{
	struct sample *sample = arg;

	sample->seen++;
	memcpy(sample->self->after, d->name, sizeof(d->name));
	sample->found = d->cert_id != 0;
	if (sample->found)
		memcpy(sample->self->host, d->name, sizeof(d->name));
	return !sample->found;
}

/* Past the last of them it begins anew, in the next turn. */
static bool take_sample(struct alerts *a)
{
	struct self_state *s = &a->self;
	struct sample sample = { .self = s };
	char after[DOMAIN_NAME_SIZE];
	const struct domain_filter rows = { .after = after,
					    .limit = SAMPLE_ROWS };

	if (s->allowance < 1)
		return false;
	memcpy(after, s->after, sizeof(after));
	if (!domain_each(a->parts.store, &rows, take_live, &sample, NULL) ||
	    (!sample.found && sample.seen < SAMPLE_ROWS))
		s->after[0] = '\0';
	if (sample.found)
		s->allowance -= 1;
	return sample.found;
}

/* ---- what was seen ---- */

static bool settle(struct alerts *a, bool is_wrong, const char *text,
		   struct err *err)
{
	time_t now = alerts_now(a);
	const char *host = a->self.host;
	struct store *s = a->parts.store;
	bool ok;

	if (!store_begin(s, err))
		return false;
	ok = is_wrong ? alerts_raise(a, KIND_SERVED, host, ALERT_ERROR,
				     "restart mtastsd if it stays so; its log "
				     "may say more", now, err, "%s", text)
		      : alert_end(s, KIND_SERVED, host, now, err);
	if (ok)
		return store_commit(s, err);
	store_rollback(s);
	return false;
}

/* NULL: it is as it should be, or nothing should be served. */
static char *judge(struct alerts *a, const char *serial,
		   const struct err *problem)
{
	struct domain d;
	struct cert c;

	if (!domain_by_name(a->parts.store, a->self.host, &d, NULL) ||
	    !d.cert_id || d.leaving == DOMAIN_HANDING_OVER ||
	    !cert_current(a->parts.store, &d, &c, NULL))
		return NULL;
	if (!serial)
		return xasprintf("it is not served: %s", problem->text);
	if (streq(serial, c.serial))
		return NULL;
	return xasprintf("the certificate served is %s, and should be %s",
			 serial, c.serial);
}

static void on_seen(const char *serial, const struct err *problem, void *arg)
{
	struct alerts *a = arg;
	struct self_state *s = &a->self;
	char *wrong = judge(a, serial, problem);
	struct err err = ERR_INIT;

	s->look = NULL;
	s->strikes = wrong ? s->strikes + 1 : 0;
	if (!wrong || s->strikes >= SELF_AGAIN) {
		if (!settle(a, wrong != NULL, wrong, &err))
			alerts_could_not(a, s->host, &err);
		s->strikes = 0;
		s->host[0] = '\0';
	}
	free(wrong);
	if (!s->strikes)
		look_next(a);
}

/* ---- looking ---- */

static void look(struct alerts *a)
{
	const struct config *c = a->parts.config;
	struct self_state *s = &a->self;
	char host[DOMAIN_NAME_SIZE];
	struct self_look_options o = { .loop = a->parts.loop,
				       .tls = s->tls,
				       .host = host,
				       .proxies = &c->proxies,
				       .timeout_ms = LOOK_MS };

	domain_name_policy_host(s->host, host);
	o.listener = c->listen_https[s->turn++ % c->listen_https_count];
	s->look = self_look_start(&o, on_seen, a);
}

static void look_next(struct alerts *a)
{
	if (take_soon(&a->self) || take_sample(a))
		look(a);
}

/* Looks a second. */
static double rate_of(int64_t names)
{
	double slow = (double)names / WHEN_DAY;
	double fast = (double)names / ROUND_SMALL;

	if (fast > RATE_SMALL)
		fast = RATE_SMALL;
	return slow > fast ? slow : fast;
}

/* Once a second, about. One that was seen wrong is looked at again. */
void alerts_self_turn(struct alerts *a)
{
	struct self_state *s = &a->self;

	s->soon_left = SOON_A_TURN;
	s->allowance += rate_of(domain_last_id(a->parts.store));
	if (s->allowance > ALLOWANCE)
		s->allowance = ALLOWANCE;
	if (s->look || !a->parts.config->listen_https_count)
		return;
	if (s->strikes)
		look(a);
	else
		look_next(a);
}

void alerts_self_start(struct alerts *a)
{
	a->self.allowance = ALLOWANCE;
	a->self.tls = self_look_tls();
}

void alerts_self_stop(struct alerts *a)
{
	self_look_stop(a->self.look);
	a->self.look = NULL;
	SSL_CTX_free(a->self.tls);
	a->self.tls = NULL;
}
