/*
 * /v1/status: the box in one answer: how much there is, what is well, and
 * the first few domains that need a hand, the gravest first.
 */
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/json_view.h"
#include "store/cert.h"

#define PROBLEMS_SHOWN 20

static json_t *view_domains(const struct domain_counts *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total",
			 (json_int_t)(c->waiting + c->issuing + c->live),
			 domain_state_name(DOMAIN_WAITING_FOR_DNS),
			 (json_int_t)c->waiting,
			 domain_state_name(DOMAIN_ISSUING),
			 (json_int_t)c->issuing,
			 domain_state_name(DOMAIN_LIVE), (json_int_t)c->live,
			 "with_problem", (json_int_t)c->with_problem);
}

static json_t *view_serving(const struct httpd *httpd)
{
	struct httpd_counts c;

	if (!httpd)
		return json_null();
	httpd_count(httpd, &c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections",
			 (json_int_t)c.connections, "open", (json_int_t)c.open,
			 "shed", (json_int_t)c.shed, "handshakes",
			 (json_int_t)c.handshakes, "handshakes_failed",
			 (json_int_t)c.handshakes_failed, "policies",
			 (json_int_t)c.policies, "challenges",
			 (json_int_t)c.challenges);
}

/* A CA that knows us may only be away for a while; else nothing will come. */
static void judge_ca(const struct engine_ca_status *ca, struct findings *out)
{
	bool has_account = ca->account_url[0] != '\0';

	if (ca->is_used && ca->problem[0])
		findings_add(out, "ca.cannot-order",
			     has_account ? HEALTH_WARNING : HEALTH_ERROR,
			     ca->hint, "ca %s: %s", ca->name, ca->problem);
}

static void judge_box(struct api_call *call, struct findings *out)
{
	struct engine *engine = call->parts->engine;
	time_t expiry = cert_nearest_expiry(call->parts->store);
	struct engine_ca_status ca;
	char at[INSTANT_TEXT];

	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, &ca);
		judge_ca(&ca, out);
	}
	if (expiry && expiry <= call->now)
		findings_add(out, "cert.expired", HEALTH_ERROR,
			     "mtastsctl domain list shows which",
			     "a certificate that is served expired at %s",
			     instant_format(expiry, at));
}

struct problems {
	struct api_call *call;
	json_t *list;
	enum health worst;
};

static bool add_problem(const struct domain *d, void *arg)
{
	struct problems *p = arg;
	struct findings findings = { .count = 0 };
	struct domain_facts facts;

	domain_facts_load(&facts, p->call->parts->store, d);
	health_of_domain(&facts, p->call->now, &findings);
	domain_facts_release(&facts);
	if (findings_worst(&findings) > p->worst)
		p->worst = findings_worst(&findings);
	json_array_append_new(p->list,
			      json_pack("{s:s, s:s, s:o}", "name", d->name,
					"state", domain_state_name(d->state),
					"findings", view_findings(&findings)));
	return true;
}

bool api_status(struct api_call *call, struct err *err)
{
	struct problems p = { .call = call, .worst = HEALTH_OK };
	struct findings box = { .count = 0 };
	struct store *s = call->parts->store;
	struct domain_counts counts;

	if (!domain_count(s, &counts, err))
		return false;
	p.list = json_array();
	if (!domain_each_problem(s, PROBLEMS_SHOWN, add_problem, &p, err)) {
		json_decref(p.list);
		return false;
	}
	judge_box(call, &box);
	if (findings_worst(&box) > p.worst)
		p.worst = findings_worst(&box);
	if (!api_ca_list(call, err)) {
		json_decref(p.list);
		return false;
	}
	json_object_set_new(call->answer, "version",
			    json_string(MTASTSD_VERSION));
	json_object_set_new(call->answer, "started",
			    view_instant(call->parts->started_at));
	json_object_set_new(call->answer, "now", view_instant(call->now));
	json_object_set_new(call->answer, "health",
			    json_string(health_name(p.worst)));
	json_object_set_new(call->answer, "findings", view_findings(&box));
	json_object_set_new(call->answer, "domains", view_domains(&counts));
	json_object_set_new(call->answer, "problems", p.list);
	json_object_set_new(call->answer, "nearest_expiry",
			    view_instant(cert_nearest_expiry(s)));
	json_object_set_new(call->answer, "serving",
			    view_serving(call->parts->httpd));
	return true;
}
