#include "tests/sim/sim_world.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/policy_version.h"
#include "store/serve.h"
#include "tests/sim/date.h"
#include "tests/sim/scratch.h"

#define REPLY_MS     40
#define TIMEOUT_MS   10000	/* until a lost exchange is noticed */
#define DNS_MS	     20
#define IDLE_MS	     55000	/* a timer so far ahead is an idle one */
#define OVERSLEEP_MS (50 * WHEN_MINUTE * 1000)

/* Something that will happen: of the five callbacks one is set. */
struct sim_event {
	struct sim_event *next;
	int64_t at_ms;
	fetch_done *fetched;
	dns_done *resolved;
	dns_caa_done *caa_found;
	probe_done *probed;
	sync_done *synced;
	void *arg;
	struct sim_answer answer;
	struct err error;
};

time_t sim_now(const struct sim_world *w)
{
	return w->shared->now_ms / 1000;
}

static struct sim_event *event_after(struct sim_world *w, long after_ms,
				   void *arg)
{
	struct sim_event *e = xcalloc(1, sizeof(*e)), **at = &w->events;

	e->at_ms = w->shared->now_ms + after_ms;
	e->arg = arg;
	while (*at && (*at)->at_ms <= e->at_ms)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
	return e;
}

/* ---- what the engine sees ---- */

static int64_t steady_ms(void *ctx)
{
	struct sim_world *w = ctx;

	return w->shared->now_ms;
}

static int64_t now_ms(void *ctx)
{
	struct sim_world *w = ctx;

	w->shared->now_ms += w->look_ms;
	return w->shared->now_ms + w->shared->skew_ms;
}

static void throw_dice(void *ctx, void *out, size_t len)
{
	struct sim_world *w = ctx;
	unsigned char *p = out;
	uint64_t *x = &w->shared->dice;

	while (len--) {
		*x ^= *x << 13;
		*x ^= *x >> 7;
		*x ^= *x << 17;
		*p++ = (unsigned char)(*x >> 32);
	}
}

static bool make_key(void *ctx, struct p256 *key, struct err *err)
{
	struct sim_world *w = ctx;

	w->shared->now_ms += w->key_ms;
	return p256_generate(key, err);
}

static bool sign(void *ctx, const struct p256 *key, const void *data,
		 size_t len, unsigned char out[static P256_SIGNATURE],
		 struct err *err)
{
	(void)ctx;
	return p256_sign(key, data, len, out, err);
}

static void wake_at(void *ctx, int64_t at_ms)
{
	struct sim_world *w = ctx;

	w->wake_at_ms = at_ms - w->shared->skew_ms;
}

static void at_point(void *ctx, const char *where, const char *what)
{
	struct sim_world *w = ctx;

	(void)what;
	w->shared->points++;
	if (streq(where, "after-commit") && w->slow_tick != w->ticks) {
		w->slow_tick = w->ticks;
		w->shared->now_ms += w->commit_ms;
	}
	if (w->crash_at && --w->crash_at == 0)
		_exit(SIM_CRASHED);
}

/* ---- exchanges with the CA ---- */

static enum sim_fault fault_of(struct sim_world *w,
			       const struct fetch_request *request)
{
	unsigned long nth = w->shared->exchanges++;

	if (w->spares && w->spares(request))
		return SIM_FAULTLESS;
	if (nth >= w->fault_from && nth < w->fault_until)
		return w->fault;
	return SIM_FAULTLESS;
}

static void lose(struct sim_event *e)
{
	err_set(&e->error, ERR_AGAIN, "the connection timed out");
}

static void answer_with(struct sim_event *e, long status, const char *body)
{
	free(e->answer.body);
	e->answer = (struct sim_answer){ .status = status,
					 .body = xstrdup(body) };
}

static const char internal[] =
	"{\"type\":\"urn:ietf:params:acme:error:serverInternal\"}";
static const char busy[] =
	"{\"type\":\"urn:ietf:params:acme:error:rateLimited\","
	"\"detail\":\"Service busy; retry later.\"}";

static void spoil(const struct sim_world *w, struct sim_event *e,
		  enum sim_fault fault)
{
	switch (fault) {
	case SIM_LOST_REQUEST:
	case SIM_LOST_REPLY:
		lose(e);
		break;
	case SIM_ERROR_500:
		answer_with(e, 500, internal);
		strcpy(e->answer.retry_after, w->peace ? w->peace : "");
		break;
	case SIM_HTML_500:
		answer_with(e, 502, "<html>Bad Gateway</html>");
		break;
	case SIM_BUSY_503:
		answer_with(e, 503, busy);
		strcpy(e->answer.retry_after, w->peace ? w->peace : "30");
		break;
	case SIM_GARBAGE_200:
		answer_with(e, 200, "<html>Welcome</html>");
		break;
	case SIM_TOO_MANY_429:
		answer_with(e, 429, "<html>Too Many Requests</html>");
		strcpy(e->answer.retry_after, w->peace ? w->peace : "");
		break;
	case SIM_GONE_404:
		answer_with(e, 404, "<html>Not Found</html>");
		break;
	case SIM_BAD_400:
		answer_with(e, 400, "<html>Bad Request</html>");
		break;
	case SIM_FORBIDDEN_403:
		answer_with(e, 403, "<html>Forbidden</html>");
		break;
	case SIM_FOUND_302:
		answer_with(e, 302, "<html>We are back soon</html>");
		break;
	case SIM_FAULTLESS:
	case SIM_FAULTS:
		break;
	}
}

static bool ca_hears(enum sim_fault fault)
{
	return fault == SIM_FAULTLESS || fault == SIM_LOST_REPLY ||
	       fault == SIM_HTML_500 || fault == SIM_GARBAGE_200;
}

/* The CA acts at once; its answer takes a while. */
static void fetch(void *ctx, const struct fetch_request *request,
		  fetch_done *done, void *arg)
{
	struct sim_world *w = ctx;
	enum sim_fault fault = fault_of(w, request);
	bool is_lost = fault == SIM_LOST_REQUEST || fault == SIM_LOST_REPLY;
	struct sim_event *e = event_after(w, is_lost ? TIMEOUT_MS : REPLY_MS,
					arg);

	e->fetched = done;
	w->shared->ca.now = sim_now(w);
	if (ca_hears(fault))
		sim_ca_answer(&w->shared->ca, request, &e->answer);
	spoil(w, e, fault);
	if (++w->in_flight > w->most_in_flight)
		w->most_in_flight = w->in_flight;
}

static void deliver_reply(struct sim_world *w, const struct sim_event *e)
{
	const char *body = e->answer.body ? e->answer.body : "";
	char date[SIM_DATE];
	struct fetch_reply reply = {
		.status = e->answer.status,
		.body = body,
		.body_len = strlen(body),
		.content_type = "",
		.location = e->answer.location,
		.replay_nonce = e->answer.nonce,
		.retry_after = e->answer.retry_after,
		.link = e->answer.link,
		.date = sim_date(sim_now(w), date),
		.error = e->error,
	};

	w->in_flight--;
	e->fetched(&reply, e->arg);
}

/* ---- DNS ---- */

static void addresses(void *ctx, const char *name, dns_done *done, void *arg)
{
	struct sim_world *w = ctx;

	(void)name;
	event_after(w, w->dns_ms, arg)->resolved = done;
}

static void deliver_answer(struct sim_world *w, const struct sim_event *e)
{
	struct dns_answer answer = { .count = 2 };

	for (size_t i = 0; i < answer.count; i++) {
		struct dns_view *v = &answer.view[i];

		snprintf(v->server, sizeof(v->server), "192.0.2.5%zu:53", i);
		v->a.outcome = v->aaaa.outcome = DNS_NO_NAME;
		if (e->error.kind != ERR_NONE || w->dns_fails) {
			v->a.outcome = v->aaaa.outcome = DNS_FAILED;
		} else if (w->names_lead_here) {
			v->a.outcome = DNS_FOUND;
			v->a.count = 1;
			strcpy(v->a.address[0], SIM_ADDRESS);
			v->aaaa.outcome = DNS_NO_RECORD;
		}
	}
	e->resolved(&answer, e->arg);
}

static void caa(void *ctx, const char *name, dns_caa_done *done, void *arg)
{
	struct sim_world *w = ctx;

	(void)name;
	event_after(w, w->dns_ms, arg)->caa_found = done;
	w->caa_asked++;
	if (++w->caa_open > w->most_caa_open)
		w->most_caa_open = w->caa_open;
}

static void publish_caa(struct dns_caa_set *set, const char *issue)
{
	set->outcome = DNS_FOUND;
	set->count = 1;
	strcpy(set->found_at, "example.org");
	strcpy(set->record[0].tag, "issue");
	snprintf(set->record[0].value, sizeof(set->record[0].value), "%s",
		 issue);
}

static void deliver_caa(struct sim_world *w, const struct sim_event *e)
{
	struct dns_caa_answer answer = { .count = 2 };

	w->caa_open--;
	for (size_t i = 0; i < answer.count; i++) {
		answer.view[i].outcome = DNS_NO_RECORD;
		if (e->error.kind != ERR_NONE || w->dns_fails)
			answer.view[i].outcome = DNS_FAILED;
		else if (w->caa_issue)
			publish_caa(&answer.view[i], w->caa_issue);
	}
	e->caa_found(&answer, e->arg);
}

/* ---- our own listener, seen from here ---- */

static void probe(void *ctx, const char *host, const char *address,
		  probe_done *done, void *arg)
{
	struct sim_world *w = ctx;

	struct sim_event *event = event_after(w, REPLY_MS, arg);

	event->probed = done;
	if (w->probe_fails)
		err_set(&event->error, ERR_AGAIN, "%s at %s: no answer", host,
			address);
}

/* ---- the disk ---- */

static void sync_soon(void *ctx, sync_done *done, void *arg)
{
	struct sim_world *w = ctx;

	event_after(w, w->sync_ms, arg)->synced = done;
	w->is_syncing = true;
}

static void deliver_sync(struct sim_world *w, struct sim_event *e)
{
	w->is_syncing = false;
	if (e->error.kind == ERR_NONE && w->syncs_fail)
		err_set(&e->error, ERR_INTERNAL, "the sync fails");
	if (e->error.kind == ERR_NONE)
		store_sync(w->store, &e->error);
	e->synced(&e->error, e->arg);
}

static void deliver(struct sim_world *w)
{
	struct sim_event *e = w->events;

	w->events = e->next;
	if (e->fetched)
		deliver_reply(w, e);
	else if (e->resolved)
		deliver_answer(w, e);
	else if (e->caa_found)
		deliver_caa(w, e);
	else if (e->synced)
		deliver_sync(w, e);
	else
		e->probed(&e->error, e->arg);
	free(e->answer.body);
	free(e);
}

/* ---- time ---- */

static int64_t next_wake(const struct sim_world *w)
{
	bool is_idle = !w->events &&
		       w->wake_at_ms - w->shared->now_ms > IDLE_MS;

	return w->wake_at_ms + (w->sleeps && is_idle ? OVERSLEEP_MS : 0);
}

static void pass_time(struct sim_world *w, int64_t until_ms)
{
	if (until_ms > w->shared->now_ms)
		w->shared->now_ms = until_ms;
}

void sim_step(struct sim_world *w)
{
	int64_t wake = next_wake(w);

	if (w->events && w->events->at_ms <= wake) {
		pass_time(w, w->events->at_ms);
		deliver(w);
	} else {
		pass_time(w, wake);
		w->ticks++;
		w->wake_at_ms = SIM_NEVER_MS;
		engine_tick(w->engine);
	}
	if (w->watch)
		w->watch(w);
}

bool sim_run(struct sim_world *w, bool (*done)(struct sim_world *w),
	     long seconds)
{
	int64_t end = w->shared->now_ms + (int64_t)seconds * 1000;

	while (w->shared->now_ms < end) {
		sim_step(w);
		if (done && !w->is_syncing && done(w))
			return true;
	}
	return false;
}

/* ---- life ---- */

static bool token_is_served(void *arg, const char *token, const char *key_auth)
{
	struct sim_world *w = arg;
	char found[SERVE_CHALLENGE_SIZE];
	struct err err = ERR_INIT;
	struct serve *s = serve_open(w->dir, NULL, &err);
	bool ok;

	must(s, &err);
	ok = serve_challenge(s, token, found) && streq(found, key_auth);
	serve_close(s);
	return ok;
}

static void make_settings(struct engine_settings *s)
{
	*s = (struct engine_settings){
		.contact = "ops@example.net",
		.agree_tos = true,
		.ca_count = 1,
		.address_count = 1,
		.orders_in_flight = 32,
	};
	strcpy(s->ca[0].name, "test");
	s->ca[0].limits = limits_default();
	strcpy(s->ca[0].directory_url, SIM_CA_DIRECTORY);
	strcpy(s->address[0], SIM_ADDRESS);
}

void sim_init(struct sim_world *w)
{
	*w = (struct sim_world){ .names_lead_here = true, .dns_ms = DNS_MS };
	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(w->shared != MAP_FAILED, NULL);
	w->shared->now_ms = SIM_START * 1000;
	w->shared->dice = 88172645463325252u;
	tiny_ca_init(&w->signer, "Test CA", SIM_START - WHEN_DAY,
		     SIM_START + 3650 * WHEN_DAY);
	w->shared->ca.life = 90 * WHEN_DAY;
	w->shared->ca.lists_orders = true;
	w->shared->ca.signer = &w->signer;
	w->shared->ca.token_is_served = token_is_served;
	w->shared->ca.arg = w;
	w->dir = scratch_make_box();
	make_settings(&w->settings);
}

void sim_release(struct sim_world *w)
{
	sim_stop(w);
	tiny_ca_release(&w->signer);
	scratch_remove(w->dir);
	munmap(w->shared, sizeof(*w->shared));
}

void sim_start(struct sim_world *w)
{
	struct err err = ERR_INIT;

	w->world = (struct world){
		.ctx = w,
		.now_ms = now_ms,
		.steady_ms = steady_ms,
		.random = throw_dice,
		.key_make = make_key,
		.sign = sign,
		.fetch = fetch,
		.addresses = addresses,
		.caa = caa,
		.probe = probe,
		.sync = sync_soon,
		.wake_at = wake_at,
		.point = at_point,
	};
	w->store = scratch_store(w->dir);
	w->engine = engine_new(&w->world, w->store, &w->settings, &err);
	must(w->engine, &err);
}

/* As the fetcher and the resolver do: each callback comes, with an error. */
void sim_stop(struct sim_world *w)
{
	if (!w->engine)
		return;
	while (w->events) {
		lose(w->events);
		deliver(w);
	}
	engine_free(w->engine);
	store_close(w->store);
	w->engine = NULL;
	w->store = NULL;
}

bool sim_in_child(struct sim_world *w, void (*story)(struct sim_world *w))
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, NULL);
	if (pid == 0) {
		story(w);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid, NULL);
	must(WIFEXITED(status) && (WEXITSTATUS(status) == 0 ||
				   WEXITSTATUS(status) == SIM_CRASHED), NULL);
	return WEXITSTATUS(status) == 0;
}

/* ---- domains ---- */

static bool add_rows(struct sim_world *w, struct domain *d, struct err *err)
{
	struct sts_policy policy = { .mode = STS_TESTING,
				     .max_age = STS_MAX_AGE_DEFAULT };
	bool changed, ok;

	ok = sts_policy_add_mx(&policy, "mx.example.net", err) &&
	     domain_insert(w->store, d, err) &&
	     policy_version_publish(w->store, d, &policy, sim_now(w), &changed,
				    err);
	sts_policy_release(&policy);
	return ok;
}

void sim_add(struct sim_world *w, const char *name)
{
	struct domain d = { .created_at = sim_now(w), .state_at = sim_now(w),
			    .due_at = sim_now(w) };
	struct err err = ERR_INIT;

	snprintf(d.name, sizeof(d.name), "%s", name);
	must(store_begin(w->store, &err), &err);
	must(add_rows(w, &d, &err), &err);
	must(store_commit(w->store, &err), &err);
	must(store_project(w->store, &err), &err);
	engine_poke(w->engine);
}

struct domain sim_domain(struct sim_world *w, const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	must(domain_by_name(w->store, name, &d, &err), &err);
	return d;
}

long sim_rows(const struct sim_world *w, const char *sql)
{
	return scratch_number(w->dir, "state.db", sql);
}

long sim_told(const struct sim_world *w, const char *kind)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM trail WHERE kind = '%s'", kind);
	return sim_rows(w, sql);
}

bool sim_all_live(struct sim_world *w)
{
	struct domain_counts n;
	struct err err = ERR_INIT;

	must(domain_count(w->store, &n, &err), &err);
	return n.live && !n.waiting && !n.issuing;
}

static time_t end_of(const struct serve_cert *cert)
{
	const unsigned char *der = cert->leaf;
	X509 *x = d2i_X509(NULL, &der, (long)cert->leaf_len);
	struct tm tm;

	must(x && ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm), NULL);
	X509_free(x);
	return timegm(&tm);
}

time_t sim_served_until(struct sim_world *w, const char *name)
{
	char host[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;
	struct serve *s = serve_open(w->dir, NULL, &err);
	struct serve_cert cert;
	time_t end = 0;

	must(s, &err);
	domain_name_policy_host(name, host);
	if (serve_cert(s, host, &cert, &err) == SERVE_FOUND)
		end = end_of(&cert);
	serve_cert_release(&cert);
	serve_close(s);
	return end;
}
