#include "daemon/reacher.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/announce.h"
#include "daemon/domain_facts.h"
#include "daemon/look_options.h"
#include "daemon/policy_alerts.h"
#include "daemon/reach_judge.h"
#include "daemon/self_proxied.h"
#include "policy/domain_field.h"
#include "store/cert.h"
#include "store/health.h"
#include "store/reached.h"
#include "store/trail.h"

#define AT_ONCE	    16 /* each has a socket or two, and some 100 KB */
#define TURN_MS	    160
#define TURN_BEGINS 4 /* twenty-five a second */
#define SECONDS	    8L
#define LEAF_MAX    65536

struct look {
	struct reacher *reacher;
	struct outside *outside;
	int64_t domain_id;
	char name[DOMAIN_NAME_SIZE];
	time_t due_at; /* by which it began */
	bool is_done; /* to be kept at the next turn */
};

struct reacher {
	struct reacher_parts parts;
	struct event *timer;
	struct fetcher *fetcher;
	struct look *look[AT_ONCE];
};

static time_t now_of(const struct reacher *r)
{
	return engine_clock(r->parts.engine);
}

/* ---- the end of a look ---- */

/* Of the certificate served; false: none can be read. */
static bool leaf_of(struct store *s, const struct domain *d,
		    unsigned char sha256[TLS_LOOK_SHA256])
{
	struct buf der;
	bool ok;

	buf_init(&der, LEAF_MAX);
	ok = cert_leaf(s, d->cert_id, &der, NULL) &&
	     EVP_Digest(der.data, der.len, sha256, NULL, EVP_sha256(), NULL);
	buf_release(&der);
	return ok;
}

static enum reached_why judge(struct store *s, const struct domain *d,
			      const struct check_facts *facts, const char *body,
			      char problem[static REACHED_WORDS])
{
	unsigned char sha256[TLS_LOOK_SHA256];
	const struct reach_own own = {
		.body = body,
		.leaf = leaf_of(s, d, sha256) ? sha256 : NULL,
	};

	return reach_judge(facts, &own, problem);
}

/* What was let through by hand is so no more, and the trail says it. */
static bool note_success(struct store *s, const struct domain *d, time_t now,
			 struct err *err)
{
	static const char text[] = "fetched as senders do: it is announced by "
				   "hand no more";
	const struct trail e = { .at = now,
				 .level = TRAIL_INFO,
				 .kind = "policy.fetched" };
	struct reached was;

	return reached_of(s, d, &was, err) &&
	       reached_note(s, d->id, now, err) &&
	       (!reached_is_by_hand(&was) ||
		trail_say(s, d->name, &e, xstrdup(text), err));
}

bool reacher_note(struct store *s, const struct domain *d,
		  const struct check_facts *facts, const char *body, time_t now,
		  struct err *err)
{
	char problem[REACHED_WORDS];

	return judge(s, d, facts, body, problem) != REACHED_NOT_TRIED ||
	       note_success(s, d, now, err);
}

static bool note_failure(struct reacher *r, const struct domain_facts *f,
			 time_t was_due, enum reached_why why, const char *problem,
			 struct err *err)
{
	struct reached reached = f->reached;

	reach_failed(&reached, why, problem, now_of(r));
	if (reached.let_at && !f->reached.let_at)
		log_about(
			LOG_LEVEL_WARN, domain_field(f->domain.name),
			"domain %s: its policy could not be fetched from here "
			"for a day (%s): it is announced all the same",
			f->domain.name, problem);
	return reached_write(r->parts.store, f->domain.id, &reached, was_due,
			     err);
}

/* What was found may change what is wrong with it. */
static bool alert(struct reacher *r, const struct domain *d, struct err *err)
{
	struct domain_facts f;
	bool ok;

	domain_facts_load(&f, r->parts.store, d, now_of(r));
	ok = policy_alerts_judge(r->parts.store, &f, r->parts.config, now_of(r),
				 err);
	domain_facts_release(&f);
	return ok;
}

static bool keep(struct reacher *r, struct look *l, const struct domain *d,
		 struct err *err)
{
	char problem[REACHED_WORDS];
	struct domain_facts f;
	enum reached_why why;
	bool ok = true;

	domain_facts_load(&f, r->parts.store, d, now_of(r));
	if (f.has_policy) {
		why = judge(r->parts.store, d, outside_facts(l->outside),
			    f.policy.body, problem);
		ok = why == REACHED_NOT_TRIED
			     ? note_success(r->parts.store, d, now_of(r), err)
			     : note_failure(r, &f, l->due_at, why, problem,
					    err);
	}
	domain_facts_release(&f);
	return ok && alert(r, d, err);
}

/* What fails would fail at once again, and hold up all others. */
static void put_off(struct reacher *r, int64_t id)
{
	struct store *s = r->parts.store;

	if (!store_begin_async(s, NULL)) /* lost, it is put off again */
		return;
	if (reached_put_off(s, id, now_of(r) + WHEN_DAY, NULL))
		store_commit(s, NULL);
	else
		store_rollback(s);
}

static bool store_look(struct reacher *r, struct look *l, struct err *err)
{
	struct err none = ERR_INIT;
	struct domain d;

	if (domain_by_id(r->parts.store, l->domain_id, &d, &none))
		return keep(r, l, &d, err);
	return none.kind == ERR_NOT_FOUND ||
	       err_set(err, none.kind, "%s", none.text);
}

static void drop(struct reacher *r, size_t slot)
{
	outside_free(r->look[slot]->outside);
	free(r->look[slot]);
	r->look[slot] = NULL;
}

/* One that cannot be kept is put off, and the others come with the next turn. */
static bool store_all(struct reacher *r, bool *any, struct err *err)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct look *l = r->look[i];

		if (!l || !l->is_done)
			continue;
		*any = true;
		if (store_look(r, l, err))
			continue;
		log_about(LOG_LEVEL_WARN, domain_field(l->name),
			  "look at %s: %s", l->name, err->text);
		store_rollback(r->parts.store);
		put_off(r, l->domain_id);
		drop(r, i);
		return false;
	}
	return true;
}

static bool some_are_done(const struct reacher *r)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (r->look[i] && r->look[i]->is_done)
			return true;
	return false;
}

/* All in one transaction: each costs the loop a sync of the disk. */
static void store_done(struct reacher *r)
{
	struct err err = ERR_INIT;
	bool any = false;

	if (!some_are_done(r) || !store_begin(r->parts.store, &err) ||
	    !store_all(r, &any, &err))
		return;
	if (!store_commit(r->parts.store, &err))
		log_warn("looks at policies: %s", err.text);
	for (size_t i = 0; i < AT_ONCE; i++)
		if (r->look[i] && r->look[i]->is_done)
			drop(r, i);
}

static void on_done(void *arg)
{
	struct look *l = arg;

	l->is_done = true;
}

/* ---- the beginning ---- */

/* What nobody trusts need not be fetched; and what goes is not announced. */
static bool is_worth_it(struct reacher *r, const struct domain *d,
			time_t *due_at)
{
	struct domain_facts f;
	bool ok;

	domain_facts_load(&f, r->parts.store, d, now_of(r));
	ok = f.has_policy && d->leaving != DOMAIN_HANDING_OVER &&
	     (f.announce == ANNOUNCE_UNSEEN ||
	      f.announce == ANNOUNCE_NOT_FROM_HERE ||
	      f.announce == ANNOUNCE_BY_HAND);
	*due_at = f.reached.due_at;
	domain_facts_release(&f);
	return ok;
}

static struct outside *look_at(struct reacher *r, struct look *l)
{
	struct look_room room;
	struct outside_options o = look_options(r->parts.config, r->fetcher,
						SECONDS, &room);
	struct err err = ERR_INIT;
	struct outside *outside;

	o.policy_only = true;
	outside = outside_start(r->parts.loop, l->name, &o, on_done, l, &err);
	if (!outside)
		log_about(LOG_LEVEL_WARN, domain_field(l->name),
			  "look at %s: %s", l->name, err.text);
	return outside;
}

static void begin(struct reacher *r, size_t slot, int64_t id)
{
	struct look *l = xcalloc(1, sizeof(*l));
	struct domain d;

	l->reacher = r;
	l->domain_id = id;
	if (domain_by_id(r->parts.store, id, &d, NULL) &&
	    is_worth_it(r, &d, &l->due_at)) {
		memcpy(l->name, d.name, sizeof(l->name));
		l->outside = look_at(r, l);
	}
	if (l->outside) {
		r->look[slot] = l;
		return;
	}
	put_off(r, id);
	free(l);
}

static bool is_under_way(const struct reacher *r, int64_t id)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (r->look[i] && r->look[i]->domain_id == id)
			return true;
	return false;
}

static bool free_slot(const struct reacher *r, size_t *slot)
{
	for (*slot = 0; *slot < AT_ONCE; ++*slot)
		if (!r->look[*slot])
			return true;
	return false;
}

static void begin_due(struct reacher *r)
{
	int64_t ids[AT_ONCE + TURN_BEGINS];
	size_t slot, begun = 0, n;

	if (!store_may_start(r->parts.store, NULL) || !free_slot(r, &slot))
		return;
	n = reached_due(r->parts.store, now_of(r), ids, ARRAY_LEN(ids), NULL);
	for (size_t i = 0; i < n && begun < TURN_BEGINS && free_slot(r, &slot);
	     i++) {
		if (is_under_way(r, ids[i]))
			continue;
		begin(r, slot, ids[i]);
		begun++;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval turn = { .tv_usec = TURN_MS * 1000L };
	struct reacher *r = arg;

	(void)fd;
	(void)what;
	store_done(r);
	begin_due(r);
	event_add(r->timer, &turn);
}

/* ---- life ---- */

struct reacher *reacher_start(const struct reacher_parts *parts,
			      struct err *err)
{
	struct reacher *r = xcalloc(1, sizeof(*r));

	r->parts = *parts;
	r->fetcher = fetcher_new(parts->loop, parts->agent, err);
	if (r->fetcher)
		self_proxied_fetches(r->fetcher, parts->config);
	r->timer = evtimer_new(loop_base(parts->loop), on_timer, r);
	if (r->timer && r->fetcher) {
		event_active(r->timer, EV_TIMEOUT, 1);
		return r;
	}
	if (!r->timer)
		err_set(err, ERR_INTERNAL, "libevent gave no timer");
	reacher_stop(r);
	return NULL;
}

void reacher_stop(struct reacher *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < AT_ONCE; i++)
		if (r->look[i])
			drop(r, i);
	fetcher_free(r->fetcher);
	if (r->timer)
		event_free(r->timer);
	free(r);
}
