/*
 * Names that do not lead here yet: DNS looks, at a pace that slows down.
 *
 * What a look needs to survive a crash is in the row already (due_at), so
 * looks under way are only remembered, never written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/arrival.h"
#include "acme/engine_parts.h"
#include "acme/schedule.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/trail.h"

static int64_t *slot_of(struct engine *e, int64_t domain_id)
{
	for (size_t i = 0; i < LOOKS_IN_FLIGHT; i++)
		if (e->looking[i] == domain_id)
			return &e->looking[i];
	return NULL;
}

static effect_act look;
static arrived_take got_dns;

/* ---- staging ---- */

static void will_look(struct engine *e, int64_t id)
{
	struct effect *effect;
	struct domain d;

	engine_at(e, ROW_DOMAIN, id);
	if (!engine_domain(e, id, &d))
		return;
	effect = engine_will(e, look, NULL);
	effect->id = id;
	domain_name_policy_host(d.name, effect->host);
}

/* Rows under way are still due in the store: they are passed over here. */
void arrivals_stage(struct engine *e)
{
	int64_t ids[LOOKS_IN_FLIGHT];
	struct err err = ERR_INIT;
	size_t room = LOOKS_IN_FLIGHT - e->look_count;
	size_t n = 0;

	e->looked_at = engine_now(e);
	if (room)
		n = domain_due(e->store, DOMAIN_WAITING_FOR_DNS, e->looked_at,
			       ids, LOOKS_IN_FLIGHT, &err);
	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && room && !e->has_failed; i++) {
		if (slot_of(e, ids[i]))
			continue;
		will_look(e, ids[i]);
		room--;
	}
}

int64_t arrivals_next_ms(struct engine *e)
{
	if (e->look_count == LOOKS_IN_FLIGHT)
		return 0;
	return domain_next_due(e->store, DOMAIN_WAITING_FOR_DNS,
			       e->looked_at) * 1000;
}

/* ---- acting ---- */

struct look {
	struct engine *engine;
	int64_t domain_id;
	char host[DOMAIN_NAME_SIZE];
};

static void add_addresses(char *out, size_t size,
			  const struct dns_addresses *found)
{
	for (size_t i = 0; i < found->count; i++) {
		size_t used = strlen(out);

		snprintf(out + used, size - used, "%s%s", used ? ", " : "",
			 found->address[i]);
	}
}

static void look_done(const struct dns_answer *answer, void *arg)
{
	struct look *look = arg;
	struct engine *e = look->engine;
	struct arrived *got = arrived_new(got_dns, NULL, look->domain_id, 0);
	int64_t *slot = slot_of(e, look->domain_id);

	got->is_good = arrival_leads_here(look->host, answer, &e->settings,
					  &got->verdict);
	if (answer->count) {
		add_addresses(got->found, sizeof(got->found),
			      &answer->view[0].a);
		add_addresses(got->found, sizeof(got->found),
			      &answer->view[0].aaaa);
	}
	if (slot) {
		*slot = 0;
		e->look_count--;
	}
	free(look);
	engine_arrived(e, got);
}

static void look(struct engine *e, const struct effect *effect)
{
	struct look *l = xmalloc(sizeof(*l));

	l->engine = e;
	l->domain_id = effect->id;
	memcpy(l->host, effect->host, sizeof(l->host));
	*slot_of(e, 0) = effect->id;
	e->look_count++;
	e->world->addresses(e->world->ctx, l->host, look_done, l);
}

/* ---- what came back ---- */

static void arrived_here(struct engine *e, struct domain *d,
			 const struct arrived *got)
{
	char *text = xasprintf("mta-sts.%s leads here: %s", d->name,
			       got->found);

	d->state = DOMAIN_ISSUING;
	d->state_at = d->due_at = engine_now(e);
	d->dns_looks = 0;
	d->problem[0] = d->hint[0] = '\0';
	engine_event(e, &(struct trail){ .kind = "dns.ready", .domain = d->name,
					 .text = text });
	free(text);
}

static void not_here_yet(struct engine *e, struct domain *d,
			 const struct err *why)
{
	bool is_news = !streq(d->problem, why->text);
	time_t now = engine_now(e);

	d->due_at = now + schedule_dns_pause(d->dns_looks++);
	d->problem_at = now;
	snprintf(d->problem, sizeof(d->problem), "%s", why->text);
	snprintf(d->hint, sizeof(d->hint), "%s", why->hint);
	if (is_news)
		engine_event(e, &(struct trail){ .kind = "dns.waiting",
						 .domain = d->name,
						 .text = why->text });
}

static void got_dns(struct engine *e, const struct arrived *got)
{
	struct err err = ERR_INIT;
	struct domain d;

	engine_at(e, ROW_DOMAIN, got->id);
	if (!engine_ok(e, domain_by_id(e->store, got->id, &d, &err), &err) ||
	    d.state != DOMAIN_WAITING_FOR_DNS)
		return;
	if (got->is_good)
		arrived_here(e, &d, got);
	else
		not_here_yet(e, &d, &got->verdict);
	engine_ok(e, domain_update(e->store, &d, &err), &err);
}

void engine_set_addresses(struct engine *e,
			  const struct engine_settings *settings)
{
	memcpy(e->settings.address, settings->address,
	       sizeof(e->settings.address));
	e->settings.address_count = settings->address_count;
}
