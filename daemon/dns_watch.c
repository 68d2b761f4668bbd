#include "daemon/dns_watch.h"

#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/dns.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "daemon/cname_chain.h"
#include "daemon/config_resolver.h"
#include "daemon/leaving.h"
#include "daemon/mx_track.h"
#include "daemon/policy_alerts.h"
#include "daemon/records.h"
#include "daemon/watch_merge.h"
#include "daemon/watch_news.h"
#include "daemon/zone.h"
#include "policy/domain_field.h"
#include "store/health.h"
#include "store/policy_version.h"
#include "store/publication.h"
#include "store/reached.h"

#define AT_ONCE	     128
#define SLOW_AT_ONCE 32 /* of these: names that took long the last time */
#define TURN_MS	     320
#define TURN_BEGINS  16 /* fifty a second */
#define TURN_KEEPS   32 /* in one transaction: some ten milliseconds */
#define SLOW_MS	     2000
#define LATE_MS	     4000 /* after that the least is left out */

struct look {
	struct dns_watch *watch;
	int64_t domain_id;
	char name[DOMAIN_NAME_SIZE];
	time_t due_at; /* as it was then; another since: asked for again */
	time_t began_at;
	int64_t began_ms, took_ms;
	bool was_slow; /* the last time: it has one of few slots */
	bool is_leaving;	/* does _mta-sts lead into the zone still? */
	struct cname_chain chain;
	struct watch_seen seen;
	char rua[DOMAIN_RUA_SIZE]; /* that its reports were compared with */
	bool is_done;		/* to be kept at the next turn */
};

struct dns_watch {
	struct dns_watch_parts parts;
	struct resolver *resolver;
	struct event *timer;
	struct look *look[AT_ONCE];
	size_t slow_count;
	bool is_stopping;
};

static time_t now_of(const struct dns_watch *w)
{
	return engine_clock(w->parts.engine);
}

/* ---- the end of a look ---- */

static unsigned dice(void)
{
	unsigned n = 0;

	return RAND_bytes((unsigned char *)&n, sizeof(n)) == 1 ? n : 0;
}

/* Who is told of the policy already is told of it whatever is seen later. */
static bool announce(struct dns_watch *w, const struct domain *d,
		     const struct watch *k, struct err *err)
{
	if ((k->txt == ANNOUNCED_IN_STEP || k->txt == ANNOUNCED_BEHIND) &&
	    !reached_told(w->parts.store, d->id, now_of(w), err))
		return false;
	return k->txt != ANNOUNCED_IN_STEP ||
	       policy_version_announce(w->parts.store, d, k->txt_id, now_of(w),
				       err);
}

/* Another host is not asked any more from then on. */
static bool note_host(struct dns_watch *w, const struct domain *d,
		      const struct watch *k, unsigned news, struct err *err)
{
	if (k->host != HOST_HERE && k->host != HOST_NOWHERE)
		return true;
	/* After a cutover senders get it from here: worth a look at once. */
	if ((news & NEWS_HOST) && k->host == HOST_HERE &&
	    !reached_anew(w->parts.store, d->id, now_of(w), err))
		return false;
	return policy_version_led_here(w->parts.store, d, k->host_since,
				       watch_cached(k), now_of(w), err);
}

#define ZONE_TIME 600	/* s: the TTL of what we publish, and a look or two */

/* What the zone took, and DNS does not show, is told again: as often as DNS is
   looked at. */
static bool tell_zone_again(struct dns_watch *w, const struct domain *d,
			    const struct watch *k, struct err *err)
{
	struct publication p;
	struct policy_version v;
	bool is_shown, is_old;

	if (k->txt == ANNOUNCED_UNKNOWN || d->state != DOMAIN_LIVE ||
	    !publication_of(w->parts.store, d->name, &p, NULL))
		return true;
	is_old = p.told_at && !p.is_due && p.told_at < now_of(w) - ZONE_TIME &&
		 zone_announces(p.told, w->parts.config->publish.zone, d->name);
	publication_release(&p);
	if (!is_old || !policy_version_current(w->parts.store, d, &v, NULL))
		return true;
	is_shown = watch_announced(k, v.sts_id) == ANNOUNCED_IN_STEP;
	policy_version_release(&v);
	return is_shown || publication_again(w->parts.store, d->name, err);
}

/* What follows from it: a domain on its way out; a provider's new host. */
static bool go_on(struct dns_watch *w, struct domain *d, const struct watch *k,
		  bool *is_gone, struct err *err)
{
	return mx_track_step(w->parts.store, d, k, now_of(w), err) &&
	       leaving_step(w->parts.store, d, k, now_of(w), is_gone, err);
}

/* As it stands after all that. */
static bool judge(struct dns_watch *w, int64_t id, struct err *err)
{
	struct domain_facts facts;
	struct domain d;
	bool ok;

	if (!domain_by_id(w->parts.store, id, &d, err))
		return false;
	domain_facts_load(&facts, w->parts.store, &d, now_of(w));
	ok = policy_alerts_judge(w->parts.store, &facts, w->parts.config,
				 now_of(w), err);
	domain_facts_release(&facts);
	return ok;
}

static void note_strays(struct dns_watch *w, const struct domain *d,
			struct watch *k)
{
	struct policy_version v;

	if (!policy_version_current(w->parts.store, d, &v, NULL))
		return;
	watch_note_strays(k, &v.policy, now_of(w));
	policy_version_release(&v);
}

/* As long as it does, or nobody says, it is not let go. */
static bool note_led(struct dns_watch *w, const struct look *l,
		     const struct domain *d, struct watch *k, struct err *err)
{
	k->is_fresh_host = k->is_fresh_host && !l->chain.is_unsure;
	return !l->chain.is_led ||
	       reached_led(w->parts.store, d->id, now_of(w), err);
}

/* Who asked within the second in which it began asked for a later one. */
static time_t asked_at(const struct look *l, const struct watch *k)
{
	bool is_asked_again = k->due_at != l->due_at;

	return is_asked_again && l->began_at >= k->due_at ? k->due_at - 1
							  : l->began_at;
}

static bool keep(struct dns_watch *w, const struct look *l, struct domain *d,
		 struct err *err)
{
	struct watch_seen seen = l->seen;
	struct watch k;
	unsigned news;
	bool is_gone = false, is_first;

	if (!watch_of(w->parts.store, d, &k, err))
		return false;
	is_first = !k.looked_at;	/* then nothing is news */
	if (!streq(l->rua, d->rua))
		seen.reports = REPORTS_UNKNOWN; /* it is others' by now */
	news = watch_merge(&k, &seen, now_of(w));
	watch_as_of(&k, asked_at(l, &k));
	k.is_slow = l->took_ms >= SLOW_MS;
	note_strays(w, d, &k);
	if (k.due_at == l->due_at) /* else it is asked for again */
		k.due_at = now_of(w) + watch_pace(&k, d, now_of(w), dice());
	return (is_first ||
		watch_news_tell(w->parts.store, d, &k, news, now_of(w), err)) &&
	       watch_write(w->parts.store, &k, err) &&
	       note_led(w, l, d, &k, err) && note_host(w, d, &k, news, err) &&
	       announce(w, d, &k, err) && tell_zone_again(w, d, &k, err) &&
	       go_on(w, d, &k, &is_gone, err) &&
	       (is_gone || judge(w, d->id, err));
}

/* What fails would fail at once again, and hold up all others. */
static void put_off(struct dns_watch *w, int64_t id)
{
	struct store *s = w->parts.store;
	struct err err = ERR_INIT;

	if (!store_begin(s, &err))
		return;
	if (watch_put_off(s, id, now_of(w) + WHEN_HOUR, &err))
		store_commit(s, &err);
	else
		store_rollback(s);
}

/* A domain that is gone by now is nothing to be kept, and no failure. */
static bool store_look(struct dns_watch *w, const struct look *l,
		       struct err *err)
{
	struct err none = ERR_INIT;
	struct domain d;

	if (domain_by_id(w->parts.store, l->domain_id, &d, &none))
		return keep(w, l, &d, err);
	return none.kind == ERR_NOT_FOUND ||
	       err_set(err, none.kind, "%s", none.text);
}

static void drop(struct dns_watch *w, size_t slot)
{
	w->slow_count -= w->look[slot]->was_slow;
	free(w->look[slot]);
	w->look[slot] = NULL;
}

/* The first that are done, at most so many. */
static size_t pick_done(const struct dns_watch *w, size_t *slots, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < AT_ONCE && n < most; i++)
		if (w->look[i] && w->look[i]->is_done)
			slots[n++] = i;
	return n;
}

/* One that cannot be kept is put off, and the others come with the next turn. */
static bool store_all(struct dns_watch *w, const size_t *slots, size_t n,
		      struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct look *l = w->look[slots[i]];

		if (store_look(w, l, err))
			continue;
		log_about(LOG_LEVEL_WARN, domain_field(l->name),
			  "dns watch: %s: %s", l->name, err->text);
		store_rollback(w->parts.store);
		put_off(w, l->domain_id);
		drop(w, slots[i]);
		return false;
	}
	return true;
}

/* All in one transaction: each costs the loop a sync of the disk. */
static void store_done(struct dns_watch *w)
{
	struct err err = ERR_INIT;
	size_t slots[TURN_KEEPS], n = pick_done(w, slots, TURN_KEEPS);

	if (!n || !store_begin(w->parts.store, &err) ||
	    !store_all(w, slots, n, &err))
		return;
	if (!store_commit(w->parts.store, &err) ||
	    !store_project(w->parts.store, &err))
		log_warn("dns watch: %s", err.text);
	while (n > 0)
		drop(w, slots[--n]);
}

/* The next turn keeps what it saw. */
static void finish(struct look *l)
{
	l->took_ms = steady_ms() - l->began_ms;
	l->is_done = true;
}

/* ---- a look ---- */

static bool is_over(struct look *l)
{
	return l->watch->is_stopping;
}

static void ask(struct look *l, const char *prefix, enum dns_type type,
		dns_records_done *done)
{
	char *name = xasprintf("%s.%s", prefix, l->name);

	resolver_records(l->watch->resolver, name, type, done, l);
	free(name);
}

static void on_reports(const struct dns_records_answer *answer, void *arg)
{
	struct look *l = arg;
	struct domain d;
	char *own;

	if (is_over(l)) {
		free(l);
		return;
	}
	if (domain_by_id(l->watch->parts.store, l->domain_id, &d, NULL)) {
		own = records_own_collector(
			&d, l->watch->parts.config->collect_reports);
		l->seen.reports = watch_reports_of(answer, own, d.rua);
		free(own);
		memcpy(l->rua, d.rua, sizeof(l->rua));
	}
	finish(l);
}

/* Where reports go costs nobody mail: it is left out where all is slow. */
static void on_mx(const struct dns_records_answer *answer, void *arg)
{
	struct look *l = arg;

	mx_seen_read(answer, &l->seen.mx);
	if (is_over(l))
		free(l);
	else if (steady_ms() - l->began_ms > LATE_MS)
		finish(l);
	else
		ask(l, "_smtp._tls", DNS_TXT, on_reports);
}

struct past {
	struct store *store;
	struct domain domain;
};

static bool is_past(void *arg, const char *id)
{
	const struct past *p = arg;

	return policy_version_has_id(p->store, &p->domain, id);
}

static void judge_txt(struct look *l, const struct dns_records_answer *answer)
{
	struct past past = { .store = l->watch->parts.store };
	struct policy_version v;
	struct announced_known known = {
		.leads_here = l->seen.host == HOST_HERE ||
			      l->seen.host == HOST_PARTLY,
		.is_past = is_past,
		.arg = &past,
	};

	if (!domain_by_id(past.store, l->domain_id, &past.domain, NULL) ||
	    !policy_version_current(past.store, &past.domain, &v, NULL))
		return;
	known.id = v.sts_id;
	announced_judge(answer, &known, &l->seen.txt);
	policy_version_release(&v);
}

static void on_txt(const struct dns_records_answer *answer, void *arg)
{
	struct look *l = arg;

	if (is_over(l)) {
		free(l);
		return;
	}
	judge_txt(l, answer);
	resolver_records(l->watch->resolver, l->name, DNS_MX, on_mx, l);
}

static void ask_cname(struct look *l, dns_records_done *done)
{
	resolver_records(l->watch->resolver, cname_chain_next(&l->chain),
			 DNS_CNAME, done, l);
}

static void on_cname(const struct dns_records_answer *answer, void *arg)
{
	struct look *l = arg;
	char zone_name[DOMAIN_NAME_SIZE];

	if (is_over(l)) {
		free(l);
		return;
	}
	zone_sts_name(l->watch->parts.config->publish.zone, l->name, zone_name);
	cname_chain_take(&l->chain, answer, zone_name);
	if (cname_chain_next(&l->chain))
		ask_cname(l, on_cname);
	else
		ask(l, "_mta-sts", DNS_TXT, on_txt);
}

/* Who is handed over: does his _mta-sts lead into the zone still? */
static void follow_cname(struct look *l)
{
	char name[DOMAIN_NAME_SIZE + 16];

	snprintf(name, sizeof(name), "_mta-sts.%s", l->name);
	cname_chain_begin(&l->chain, name);
	ask_cname(l, on_cname);
}

static void on_host(const struct dns_answer *answer, void *arg)
{
	struct look *l = arg;
	char host[DOMAIN_NAME_SIZE + 16];

	if (is_over(l)) {
		free(l);
		return;
	}
	snprintf(host, sizeof(host), "mta-sts.%s", l->name);
	l->seen.host = watch_host_of(host, answer,
				     &l->watch->parts.config->engine,
				     l->seen.host_problem);
	l->seen.host_ttl = watch_host_ttl(answer);
	if (l->is_leaving)
		follow_cname(l);
	else
		ask(l, "_mta-sts", DNS_TXT, on_txt);
}

static void begin(struct dns_watch *w, size_t slot, int64_t id)
{
	struct look *l = xcalloc(1, sizeof(*l));
	struct domain d;
	struct watch k;
	char *host;

	if (!domain_by_id(w->parts.store, id, &d, NULL) ||
	    !watch_of(w->parts.store, &d, &k, NULL)) {
		put_off(w, id);
		free(l);
		return;
	}
	l->watch = w;
	l->domain_id = id;
	l->due_at = k.due_at;
	l->began_at = now_of(w);
	l->began_ms = steady_ms();
	l->was_slow = k.is_slow;
	l->is_leaving = d.leaving == DOMAIN_HANDING_OVER &&
			*w->parts.config->publish.zone;
	w->slow_count += k.is_slow;
	memcpy(l->name, d.name, sizeof(l->name));
	w->look[slot] = l;
	host = xasprintf("mta-sts.%s", d.name);
	resolver_addresses(w->resolver, host, on_host, l);
	free(host);
}

static bool is_under_way(const struct dns_watch *w, int64_t id)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (w->look[i] && w->look[i]->domain_id == id)
			return true;
	return false;
}

static size_t free_slots(const struct dns_watch *w, size_t *slots, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < AT_ONCE && n < most; i++)
		if (!w->look[i])
			slots[n++] = i;
	return n;
}

/* At most so many of those that were slow, or of the others. */
static void begin_some(struct dns_watch *w, bool is_slow, size_t most)
{
	int64_t ids[AT_ONCE + TURN_BEGINS];
	size_t slots[TURN_BEGINS], used = 0;
	size_t count = free_slots(w, slots, most);
	size_t n = count ? watch_due(w->parts.store, now_of(w), is_slow, ids,
				     ARRAY_LEN(ids), NULL)
			 : 0;

	for (size_t i = 0; i < n && used < count; i++)
		if (!is_under_way(w, ids[i]))
			begin(w, slots[used++], ids[i]);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Who is slow holds a slot for many seconds, and so has few of them. */
static void begin_due(struct dns_watch *w)
{
	if (!store_may_start(w->parts.store, NULL))
		return; /* what would be seen could not be kept */
	begin_some(w, false, TURN_BEGINS);
	begin_some(w, true, least(TURN_BEGINS, SLOW_AT_ONCE - w->slow_count));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval turn = { .tv_usec = TURN_MS * 1000L };
	struct dns_watch *w = arg;

	(void)fd;
	(void)what;
	store_done(w);
	begin_due(w);
	event_add(w->timer, &turn);
}

void dns_watch_poke(struct dns_watch *w)
{
	if (w)
		event_active(w->timer, EV_TIMEOUT, 1);
}

/* ---- life ---- */

/* What is under way goes on with the new one. */
void dns_watch_use(struct dns_watch *w, struct resolver *resolver)
{
	struct resolver *former = w->resolver;

	w->resolver = resolver;
	resolver_free(former);
}

struct dns_watch *dns_watch_start(const struct dns_watch_parts *parts,
				  struct err *err)
{
	struct dns_watch *w = xcalloc(1, sizeof(*w));

	w->parts = *parts;
	w->timer = evtimer_new(loop_base(parts->loop), on_timer, w);
	w->resolver = config_resolver(w->parts.config, w->parts.loop,
						 err);
	if (w->resolver && w->timer) {
		dns_watch_poke(w);
		return w;
	}
	dns_watch_stop(w);
	return NULL;
}

void dns_watch_stop(struct dns_watch *w)
{
	if (!w)
		return;
	w->is_stopping = true;
	for (size_t i = 0; i < AT_ONCE; i++)
		if (w->look[i] && w->look[i]->is_done)
			drop(w, i);
	resolver_free(w->resolver);
	if (w->timer)
		event_free(w->timer);
	free(w);
}
