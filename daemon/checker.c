#include "daemon/checker.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "check/outside.h"
#include "daemon/check_known.h"
#include "daemon/json_view.h"
#include "daemon/look_options.h"
#include "daemon/mx_health.h"
#include "daemon/policy_alerts.h"
#include "daemon/reacher.h"
#include "daemon/self_proxied.h"
#include "policy/domain_field.h"
#include "policy/findings.h"
#include "store/checked.h"
#include "store/health.h"

#define AT_ONCE	    16		/* a look takes a megabyte or two */
#define OWN_AT_ONCE 12		/* of these: that nobody has asked for */
#define TURN_MS	    500		/* one of those begins: a day has 172,800 */
#define STALE_TURNS 20		/* ten seconds: a part of the domains */
#define STALE_PART  5000	/* of them: a millisecond or two */
#define FRESH	    WHEN_DAY
#define SECONDS	    20L

struct run {
	struct checker *checker;
	bool is_own; /* nobody has asked for it */
	struct outside *outside;
	int64_t domain_id;
	time_t asked_at; /* when it began; who asks later gets another */
	char name[DOMAIN_NAME_SIZE];
};

struct checker {
	struct checker_parts parts;
	struct event *timer;
	struct fetcher *fetcher;
	struct run *run[AT_ONCE];
	unsigned turns;
	int64_t stale[64];
	size_t stale_count;
	int64_t stale_after;		/* they were looked through so far */
};

static time_t now_of(const struct checker *c)
{
	return engine_clock(c->parts.engine);
}

/* ---- the end of one ---- */

/* What is well of a mail host is kept: others want to see that it was tested. */
static bool is_kept(const struct check_finding *f)
{
	return f->severity != CHECK_GOOD || f->mx;
}

static json_t *finding_text(const struct check_finding *f)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o*}", "id", f->id, "severity",
			 check_severity_name(f->severity), "text",
			 view_text(f->text), "todo", view_text(f->todo), "mx",
			 f->mx ? view_text(f->mx) : NULL);
}

static char *findings_text(const struct check_findings *all)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < all->count; i++)
		if (is_kept(&all->item[i]))
			json_array_append_new(list,
					      finding_text(&all->item[i]));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static char *judge(struct run *r, const struct domain_facts *f)
{
	struct checker *c = r->checker;
	struct check_facts *facts = outside_facts(r->outside);
	struct check_findings all;
	char *text;

	check_known_add(facts, f, c->parts.config, c->parts.engine,
			c->parts.store, now_of(c));
	check_judge(facts, now_of(c), &all);
	text = findings_text(&all);
	check_findings_release(&all);
	return text;
}

/* What could not be tested is as it was. */
static bool write(const struct run *r, const struct domain *d,
		  const char *text, struct err *err)
{
	struct checker *c = r->checker;
	struct mx_verdict mx;
	struct checked was;
	time_t bad_since = 0;
	bool ok = checked_of(c->parts.store, d, &was, err);

	mx_health_of(text, &mx);
	if (mx.is != MX_WELL)
		bad_since = was.bad_since;
	if (mx.is == MX_BAD && !bad_since)
		bad_since = now_of(c);
	checked_release(&was);
	return ok && checked_write(c->parts.store, d->id, now_of(c),
				   r->asked_at, bad_since, text, err);
}

/* By what is known now. */
static bool alert(struct checker *c, const struct domain *d, struct err *err)
{
	struct domain_facts facts;
	bool ok;

	domain_facts_load(&facts, c->parts.store, d, now_of(c));
	ok = policy_alerts_judge(c->parts.store, &facts, c->parts.config,
				 now_of(c), err);
	domain_facts_release(&facts);
	return ok;
}

static bool note_reached(const struct run *r, const struct domain_facts *f,
			 struct err *err)
{
	struct checker *c = r->checker;

	return !f->has_policy || reacher_note(c->parts.store, &f->domain,
					      outside_facts(r->outside),
					      f->policy.body, now_of(c), err);
}

static bool keep(struct run *r, struct err *err)
{
	struct checker *c = r->checker;
	struct store *s = c->parts.store;
	struct domain_facts facts;
	struct domain d;
	char *text;
	bool ok;

	if (!domain_by_id(s, r->domain_id, &d, err))
		return false;
	domain_facts_load(&facts, s, &d, now_of(c));
	text = judge(r, &facts);
	ok = write(r, &d, text, err) && note_reached(r, &facts, err);
	free(text);
	domain_facts_release(&facts);
	return ok && alert(c, &d, err);
}

/* What cannot be looked at, or kept, holds up no other. */
static void give_up(struct checker *c, int64_t id)
{
	if (!store_begin(c->parts.store, NULL))
		return;
	if (checked_give_up(c->parts.store, id, NULL))
		store_commit(c->parts.store, NULL);
	else
		store_rollback(c->parts.store);
}

static void finish(void *arg)
{
	struct run *r = arg;
	struct checker *c = r->checker;
	struct err err = ERR_INIT;

	if (store_begin(c->parts.store, &err)) {
		if (keep(r, &err)) {
			store_commit(c->parts.store, &err);
		} else {
			store_rollback(c->parts.store);
			give_up(c, r->domain_id);
		}
	}
	if (err.kind != ERR_NONE && err.kind != ERR_NOT_FOUND)
		log_about(LOG_LEVEL_WARN, domain_field(r->name),
			  "check of %s: %s", r->name, err.text);
	for (size_t i = 0; i < AT_ONCE; i++)
		if (c->run[i] == r)
			c->run[i] = NULL;
	outside_free(r->outside);
	free(r);
}

/* It is not freed from within itself: the next turn does it. */
static void on_done(void *arg)
{
	struct run *r = arg;

	loop_defer(r->checker->parts.loop, finish, r);
}

/* ---- the beginning ---- */

static struct outside *look(struct checker *c, struct run *r, struct err *err)
{
	struct look_room room;
	struct outside_options o = look_options(c->parts.config, c->fetcher,
						SECONDS, &room);

	return outside_start(c->parts.loop, r->name, &o, on_done, r, err);
}

static bool read_asked(const struct checker *c, const struct domain *d,
		       time_t *asked_at, struct err *err)
{
	struct checked is;
	bool ok = checked_of(c->parts.store, d, &is, err);

	*asked_at = is.asked_at;
	checked_release(&is);
	return ok;
}

static bool begin(struct checker *c, size_t slot, int64_t id, bool is_own)
{
	struct run *r = xcalloc(1, sizeof(*r));
	struct err err = ERR_INIT;
	struct domain d;

	r->checker = c;
	r->domain_id = id;
	r->is_own = is_own;
	if (domain_by_id(c->parts.store, id, &d, &err) &&
	    read_asked(c, &d, &r->asked_at, &err)) {
		memcpy(r->name, d.name, sizeof(r->name));
		r->outside = look(c, r, &err);
	}
	if (r->outside) {
		c->run[slot] = r;
		return true;
	}
	if (*r->name)
		log_about(LOG_LEVEL_WARN, domain_field(r->name),
			  "check of %s: %s", r->name, err.text);
	else if (err.kind != ERR_NOT_FOUND)
		log_warn("check of domain %lld: %s", (long long)id, err.text);
	give_up(c, id);
	free(r);
	return false;
}

static bool is_under_way(const struct checker *c, int64_t id)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (c->run[i] && c->run[i]->domain_id == id)
			return true;
	return false;
}

static bool next_asked(const struct checker *c, int64_t *id)
{
	int64_t ids[AT_ONCE + 1];
	size_t n = checked_asked(c->parts.store, ids, ARRAY_LEN(ids), NULL);

	for (size_t i = 0; i < n; i++) {
		*id = ids[i];
		if (!is_under_way(c, *id))
			return true;
	}
	return false;
}

static bool next_stale(struct checker *c, int64_t *id)
{
	while (c->stale_count) {
		*id = c->stale[--c->stale_count];
		if (!is_under_way(c, *id))
			return true;
	}
	return false;
}

static size_t own_under_way(const struct checker *c)
{
	size_t n = 0;

	for (size_t i = 0; i < AT_ONCE; i++)
		n += c->run[i] && c->run[i]->is_own;
	return n;
}

static bool free_slot(const struct checker *c, size_t *slot)
{
	for (*slot = 0; *slot < AT_ONCE; ++*slot)
		if (!c->run[*slot])
			return true;
	return false;
}

/* All that people wait for, and one that nobody does. */
static void begin_some(struct checker *c)
{
	size_t slot;
	int64_t id;

	if (!store_may_start(c->parts.store, NULL))
		return;
	while (free_slot(c, &slot) && next_asked(c, &id))
		if (!begin(c, slot, id, false))
			break;
	if (own_under_way(c) < OWN_AT_ONCE && free_slot(c, &slot) &&
	    next_stale(c, &id))
		begin(c, slot, id, true);
}

static void find_stale(struct checker *c)
{
	const struct config *config = c->parts.config;
	time_t now = now_of(c);
	struct checked_stale which = {
		.after = c->stale_after,
		.up_to = c->stale_after + STALE_PART,
		.testing_since = now - config->testing_time,
		.before = now - FRESH,
		.now = now,
	};

	c->stale_after = which.up_to < domain_last_id(c->parts.store)
				 ? which.up_to
				 : 0;
	c->stale_count = checked_stale(c->parts.store, &which, c->stale,
				       ARRAY_LEN(c->stale), NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval turn = { .tv_usec = TURN_MS * 1000L };
	struct checker *c = arg;

	(void)fd;
	(void)what;
	if (c->turns++ % STALE_TURNS == 0 && !c->stale_count)
		find_stale(c);
	begin_some(c);
	event_add(c->timer, &turn);
}

struct checker *checker_start(const struct checker_parts *parts,
			      struct err *err)
{
	struct checker *c = xcalloc(1, sizeof(*c));

	c->parts = *parts;
	c->fetcher = fetcher_new(parts->loop, parts->agent, err);
	if (c->fetcher)
		self_proxied_fetches(c->fetcher, parts->config);
	c->timer = evtimer_new(loop_base(parts->loop), on_timer, c);
	if (c->timer && c->fetcher) {
		event_active(c->timer, EV_TIMEOUT, 1);
		return c;
	}
	if (!c->timer)
		err_set(err, ERR_INTERNAL, "libevent gave no timer");
	checker_stop(c);
	return NULL;
}

/* What is deferred already runs first, for it holds a run. */
void checker_stop(struct checker *c)
{
	if (!c)
		return;
	loop_drain(c->parts.loop);
	for (size_t i = 0; i < AT_ONCE; i++) {
		if (!c->run[i])
			continue;
		outside_free(c->run[i]->outside);
		free(c->run[i]);
	}
	fetcher_free(c->fetcher);
	if (c->timer)
		event_free(c->timer);
	free(c);
}
