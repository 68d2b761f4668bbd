#include "daemon/template_roll.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/health.h"
#include "store/trail.h"
#include "store/watch.h"

#define AT_ONCE	  20
#define TURN_MS	  100
#define PAUSE_MS  1000	/* while there is nothing to do */

struct template_roll {
	struct store *store;
	struct event *timer;
	time_t (*now)(void *arg);
	void *arg;
};

static bool tell(struct template_roll *r, const struct domain *d,
		 const struct template *t, bool changed, const struct err *why,
		 struct err *err)
{
	char *text = changed ? xasprintf("follows template %s: a new version, "
					 "whose id is to be published",
					 t->name)
			     : xasprintf("cannot follow template %s: %s",
					 t->name, why->text);

	return trail_say(
		r->store, d->name,
		&(struct trail){ .at = r->now(r->arg),
				 .level = changed ? TRAIL_INFO : TRAIL_WARNING,
				 .kind = "policy.template",
				 .channel = "template" },
		text, err);
}

/* What enforces is not changed so that mail would bounce. */
static bool keeps_mail(struct store *s, const struct domain *d,
		       const struct sts_policy *was,
		       const struct sts_policy *wanted, time_t now,
		       struct err *why)
{
	const char *host;
	struct watch w;

	if (wanted->mode != STS_ENFORCE || !watch_of(s, d, &w, NULL))
		return true;
	if (mx_drops(was, wanted) && !watch_knows_mx(&w, d, now))
		return err_set(why, ERR_REFUSED,
			       "its MX were not seen lately, and it would "
			       "name fewer hosts");
	host = mx_lost(&w.mx, was, wanted);
	return !host || err_set(why, ERR_REFUSED, "DNS sends its mail to %s, "
						  "which it would refuse", host);
}

bool template_roll_would(struct store *s, const struct domain *d,
			 const struct template *t, const struct sts_policy *is,
			 time_t now, struct sts_policy *wanted, struct err *why)
{
	sts_policy_copy(wanted, is);
	return template_follow(s, t, d, wanted, why) &&
	       keeps_mail(s, d, is, wanted, now, why);
}

static bool publish(struct template_roll *r, struct domain *d,
		    const struct template *t,
		    const struct policy_version *is, struct err *err)
{
	struct err why = ERR_INIT;
	struct sts_policy wanted;
	bool changed = false, ok, fits;

	fits = template_roll_would(r->store, d, t, &is->policy, r->now(r->arg),
				   &wanted, &why);
	if (fits)
		d->template_applied = t->epoch;
	ok = !fits || (domain_update(r->store, d, err) &&
		       policy_version_publish(r->store, d, &wanted,
					      r->now(r->arg), &changed, err));
	sts_policy_release(&wanted);
	return ok && ((fits && !changed) || tell(r, d, t, changed, &why, err));
}

/* Whatever comes of it, this epoch is done with. */
static bool bring_up(struct template_roll *r, int64_t id, struct err *err)
{
	struct policy_version is;
	struct template t;
	struct domain d;
	bool ok = true;

	if (!domain_by_id(r->store, id, &d, err) ||
	    !template_by_id(r->store, d.template_id, &t, err))
		return false;
	d.template_epoch = t.epoch;
	ok = domain_update(r->store, &d, err);
	if (ok && !d.leaving) {
		ok = policy_version_current(r->store, &d, &is, err) &&
		     publish(r, &d, &t, &is, err);
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

/* How many were brought up; fewer than were due after a failure. */
static size_t turn(struct template_roll *r, struct err *err)
{
	int64_t ids[AT_ONCE];
	size_t n = template_behind(r->store, ids, AT_ONCE, err);

	if (!n || !store_may_start(r->store, NULL) ||
	    !store_begin(r->store, err))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!bring_up(r, ids[i], err)) {
			store_rollback(r->store);
			pass_over(r, ids[i]);
			return 0;
		}
	return store_commit(r->store, err) && store_project(r->store, err)
		       ? n : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct template_roll *r = arg;
	struct err err = ERR_INIT;
	size_t n = turn(r, &err);
	long ms = n ? TURN_MS : PAUSE_MS;

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
	free(r);
}
