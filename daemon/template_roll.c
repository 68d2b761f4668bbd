#include "daemon/template_roll.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/steady.h"
#include "store/health.h"
#include "store/trail.h"

#define AT_ONCE	  20
#define TURN_MS	  100
#define PAUSE_MS  1000	/* while there is nothing to do */
#define ROUND_MS  3000	/* between two rounds */
#define REST_MS                                                                \
	60000 /* ... if nothing came of the former; as long as that, too */
#define ASKED_MAX                                                              \
	128 /* looks that are waited for: some seconds of the watch's */

struct template_roll {
	struct store *store;
	struct event *timer;
	time_t (*now)(void *arg);
	void *arg;
	struct template_place at; /* in this round; zero: it begins */
	bool has_moved;		  /* in this round something came of one */
	int64_t began_ms;	  /* it did, of steady_ms() */
	int64_t rests_until;	  /* likewise, unless a template changes */
	int64_t epochs;		  /* template_epochs() when the round began */
	int64_t asked[ASKED_MAX]; /* domains that were to be looked at */
	size_t asked_count;
	unsigned char *told; /* owned; a bit for each id */
	size_t told_size;
};

/* `why` NULL: it does. */
static bool tell(struct template_roll *r, const struct domain *d,
		 const char *how, const char *template, const char *why,
		 struct err *err)
{
	char *text = xasprintf("%s template %s: %s", how, template,
			       why ? why
				   : "a new version, whose id is to be "
				     "published");

	return trail_say(
		r->store, d->name,
		&(struct trail){ .at = r->now(r->arg),
				 .level = why ? TRAIL_WARNING : TRAIL_INFO,
				 .kind = "policy.template",
				 .channel = "template" },
		text, err);
}

/* What enforces is not changed so that mail would bounce. */
static enum mx_drop judge(struct store *s, const struct domain *d,
			  const struct sts_policy *was,
			  const struct sts_policy *wanted, time_t now,
			  struct err *why)
{
	struct watch w;

	if (wanted->mode != STS_ENFORCE || !watch_of(s, d, &w, NULL))
		return MX_DROP_FINE;
	return mx_drop_judge(&w, d, was, wanted, now, why);
}

enum mx_drop template_roll_would(struct store *s, const struct domain *d,
				 const struct template *t,
				 const struct sts_policy *is, time_t now,
				 struct sts_policy *wanted, struct err *why)
{
	sts_policy_copy(wanted, is);
	return template_follow(s, t, d, wanted, why)
		       ? judge(s, d, is, wanted, now, why)
		       : MX_DROP_LOSES;
}

/* ---- those that wait ---- */

/* Told once each; a restart tells them again. */
static bool is_told(struct template_roll *r, int64_t id)
{
	size_t at = (size_t)id / 8, size = at + 1;
	unsigned char bit = (unsigned char)(1U << (id % 8));
	bool told;

	if (size > r->told_size) {
		r->told = xrealloc_array(r->told, 2 * size, 1);
		memset(r->told + r->told_size, 0, 2 * size - r->told_size);
		r->told_size = 2 * size;
	}
	told = r->told[at] & bit;
	r->told[at] |= bit;
	return told;
}

static void forget(struct template_roll *r, int64_t id)
{
	size_t at = (size_t)id / 8;

	if (at < r->told_size)
		r->told[at] &= (unsigned char)~(1U << (id % 8));
}

/* The watch goes on asking those that nobody answers for, at its own pace. */
static bool is_silent(const struct watch *w)
{
	return w->unanswered && !watch_answers_mx(w);
}

/* Of those that have a look asked for already one more is not waited for. */
static bool ask(struct template_roll *r, const struct domain *d,
		const struct watch *w, struct err *err)
{
	time_t now = r->now(r->arg);

	if (w->due_at <= now || r->asked_count == ASKED_MAX)
		return true;
	r->asked[r->asked_count++] = d->id;
	r->has_moved = true;
	return watch_now(r->store, d->id, now, err);
}

/* That it is looked at first is nothing to tell, unless nothing comes of it. */
static bool wait(struct template_roll *r, const struct domain *d,
		 const struct template *t, enum mx_drop drop,
		 const struct err *why, struct err *err)
{
	struct watch w;

	if (!watch_of(r->store, d, &w, err))
		return false;
	if (drop == MX_DROP_LOOK && !is_silent(&w))
		return ask(r, d, &w, err);
	return is_told(r, d->id) ||
	       tell(r, d, "waits to follow", t->name, why->text, err);
}

/* ---- a domain ---- */

static bool sign(struct template_roll *r, const struct domain *d,
		 struct err *err)
{
	return policy_version_sign(
		r->store, d,
		&(struct policy_author){ .actor = "mtastsd",
					 .channel = "template" },
		err);
}

static bool publish(struct template_roll *r, struct domain *d,
		    const struct template *t, const struct sts_policy *wanted,
		    struct err *err)
{
	bool changed;

	d->template_applied = t->epoch;
	return domain_update(r->store, d, err) &&
	       policy_version_publish(r->store, d, wanted, r->now(r->arg),
				      &changed, err) &&
	       (!changed ||
		(sign(r, d, err) && tell(r, d, "follows", t->name, NULL, err)));
}

/* Unless it has to wait, this epoch is done with, whatever comes of it. */
static bool follow(struct template_roll *r, struct domain *d,
		   const struct template *t, const struct sts_policy *is,
		   struct err *err)
{
	struct err why = ERR_INIT;
	struct sts_policy wanted;
	enum mx_drop drop = template_roll_would(r->store, d, t, is,
						r->now(r->arg), &wanted, &why);
	bool waits = drop == MX_DROP_LOOK || drop == MX_DROP_WAIT, ok;

	if (waits) {
		ok = wait(r, d, t, drop, &why, err);
	} else {
		forget(r, d->id);
		r->has_moved = true;
		d->template_epoch = t->epoch;
		ok = drop == MX_DROP_FINE
			     ? publish(r, d, t, &wanted, err)
			     : domain_update(r->store, d, err) &&
				       tell(r, d, "cannot follow", t->name,
					    why.text, err);
	}
	sts_policy_release(&wanted);
	return ok;
}

static bool bring_up(struct template_roll *r, int64_t id, struct err *err)
{
	struct policy_version is;
	struct template t;
	struct domain d;
	bool ok = true;

	if (!domain_by_id(r->store, id, &d, err))
		return false;
	if (!d.template_id)
		return true;
	if (!template_by_id(r->store, d.template_id, &t, err))
		return false;
	if (d.template_epoch < t.epoch && d.leaving) {
		d.template_epoch = t.epoch;
		ok = domain_update(r->store, &d, err);
	} else if (d.template_epoch < t.epoch) {
		ok = policy_version_current(r->store, &d, &is, err) &&
		     follow(r, &d, &t, &is.policy, err);
		policy_version_release(&is);
	}
	template_release(&t);
	return ok;
}

/* One that cannot be worked with holds up no other. */
static void pass_over(struct template_roll *r, int64_t id)
{
	if (!store_begin(r->store, NULL))
		return;
	if (template_pass_over(r->store, id, NULL))
		store_commit(r->store, NULL);
	else
		store_rollback(r->store);
}

/* ---- whose turn it is ---- */

/* Those that have been looked at since, or are gone, are waited for no more. */
static size_t pick_asked(struct template_roll *r, int64_t *ids, size_t limit)
{
	size_t n = 0, left = 0;
	time_t now = r->now(r->arg);

	for (size_t i = 0; i < r->asked_count; i++) {
		const struct domain d = { .id = r->asked[i] };
		struct watch w;

		watch_of(r->store, &d, &w, NULL);
		if (w.due_at && (w.due_at <= now || n == limit))
			r->asked[left++] = d.id;
		else if (w.due_at)
			ids[n++] = d.id;
	}
	r->asked_count = left;
	return n;
}

static void end_round(struct template_roll *r)
{
	int64_t now = steady_ms(), took = now - r->began_ms,
		rest = took > REST_MS ? took : REST_MS;

	if (!r->at.domain_id)
		rest = 0; /* nobody was behind */
	else if (r->has_moved || r->asked_count)
		rest = ROUND_MS;
	r->rests_until = now + rest;
	r->at = (struct template_place){ 0 };
}

/* Does it go on, or rest until a template changes? */
static bool is_at_work(struct template_roll *r, struct err *err)
{
	int64_t epochs;

	if (r->at.domain_id)
		return true;
	if (!template_epochs(r->store, &epochs, err) ||
	    (steady_ms() < r->rests_until && epochs == r->epochs))
		return false;
	r->epochs = epochs;
	r->began_ms = steady_ms();
	r->has_moved = false;
	return true;
}

static size_t pick_behind(struct template_roll *r, int64_t *ids, size_t limit,
			  struct template_place *last, struct err *err)
{
	struct template_place places[AT_ONCE];
	size_t n;

	if (!is_at_work(r, err))
		return 0;
	n = template_behind(r->store, &r->at, places, limit, err);
	for (size_t i = 0; i < n; i++)
		ids[i] = places[i].domain_id;
	if (!n)
		end_round(r);
	*last = n ? places[n - 1] : r->at;
	return n;
}

static bool bring_up_all(struct template_roll *r, const int64_t *ids, size_t n,
			 struct err *err)
{
	if (!store_begin(r->store, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!bring_up(r, ids[i], err)) {
			store_rollback(r->store);
			pass_over(r, ids[i]);
			return false;
		}
	return store_commit(r->store, err) && store_project(r->store, err);
}

/* How many were brought up; 0 after a failure, too. */
static size_t turn(struct template_roll *r, struct err *err)
{
	struct template_place last = r->at;
	int64_t ids[AT_ONCE];
	size_t n;

	if (!store_may_start(r->store, NULL))
		return 0;
	n = pick_asked(r, ids, AT_ONCE / 2);
	n += pick_behind(r, ids + n, AT_ONCE - n, &last, err);
	if (!n || !bring_up_all(r, ids, n, err))
		return 0;
	r->at = last;
	return n;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct template_roll *r = arg;
	struct err err = ERR_INIT;
	long ms = turn(r, &err) ? TURN_MS : PAUSE_MS;

	(void)fd;
	(void)what;
	if (err.kind != ERR_NONE)
		log_warn("templates: %s", err.text);
	event_add(r->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

struct template_roll *template_roll_start(struct loop *loop, struct store *s,
					  time_t (*now)(void *arg), void *arg,
					  struct err *err)
{
	struct template_roll *r = xcalloc(1, sizeof(*r));

	*r = (struct template_roll){ .store = s, .now = now, .arg = arg };
	r->timer = evtimer_new(loop_base(loop), on_timer, r);
	if (r->timer) {
		event_active(r->timer, EV_TIMEOUT, 1);
		return r;
	}
	free(r);
	err_set(err, ERR_INTERNAL, "libevent gave no timer");
	return NULL;
}

void template_roll_stop(struct template_roll *r)
{
	if (!r)
		return;
	event_free(r->timer);
	free(r->told);
	free(r);
}
