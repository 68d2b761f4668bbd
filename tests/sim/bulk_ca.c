#include "tests/sim/bulk_ca.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/bulk_signer.h"
#include "tests/sim/es256.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sham.h"
#include "tests/sim/shortcuts.h"

#define BODY_MAX     8192
#define LOOKS_APART_MS 300
#define LISTED	       50 /* orders of an account */
#define HEARD_LATE     2  /* s, from an answer to its commit */
#define ORDER_LIFE   (8 * WHEN_HOUR)
#define RENEWAL_LOOK (120 * WHEN_DAY)	/* a renewal of what was in these */
#define RENEWAL_SURE   (119 * WHEN_DAY) /* ... to whom goes by another clock */

/*
 * Let's Encrypt's, by which it counts; and as published where it says more, in
 * whole minutes rounded up: who goes by that comes later.
 */
static const struct rate {
	const char *what;
	double burst;
	double refill;	/* seconds for one */
} new_orders = { "new orders per account", 300, 36 },
  new_certs = { "certificates per registered domain", 50, 12096 },
  new_certs_said = { "as published", 50, 202 * WHEN_MINUTE },
  duplicates = { "certificates per exact set of names", 5, 34 * 3600 },
  failed = { "failed authorizations per name", 5, 720 };

static const char *const status_words[] = {
	[SIM_PENDING] = "pending", [SIM_READY] = "ready",
	[SIM_PROCESSING] = "processing", [SIM_VALID] = "valid",
	[SIM_INVALID] = "invalid",
};

/* One POST on its way through a handler. */
struct post {
	struct bulk_ca *ca;
	struct sim_answer *answer;
	char *header, *payload;		/* decoded, owned */
	bool is_get;			/* POST-as-GET */
	bool is_real;			/* the signature is */
	unsigned account;
	uint32_t id;			/* the number in the URL */
	unsigned page;
};

/* ---- answers ---- */

static void answer_text(struct sim_answer *a, long status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void answer_text(struct sim_answer *a, long status, const char *fmt, ...)
{
	char body[BODY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(body, sizeof(body), fmt, args);
	va_end(args);
	a->status = status;
	free(a->body);
	a->body = xstrdup(body);
}

static void refuse(struct sim_answer *a, long status, const char *type,
		   const char *detail)
{
	answer_text(a, status, "{\"type\":\"urn:ietf:params:acme:error:%s\","
			       "\"detail\":\"%s\"}", type, detail);
}

/* What no correct client ever does. */
static void complain(struct bulk_ca *ca, struct sim_answer *a, const char *what)
{
	if (!*ca->complaint)
		snprintf(ca->complaint, sizeof(ca->complaint), "%s", what);
	refuse(a, 400, "malformed", what);
}

/* ---- token buckets ---- */

static double level_of(const struct bulk_bucket *b, const struct rate *r,
		       time_t now)
{
	double level;

	if (!b->at)
		return r->burst;
	level = b->level + (double)(now - b->at) / r->refill;
	return level > r->burst ? r->burst : level;
}

static void spend(struct bulk_bucket *b, const struct rate *r, time_t now)
{
	b->level = level_of(b, r, now) - 1;
	b->at = now;
}

static bool is_empty(const struct bulk_bucket *b, const struct rate *r,
		     time_t now)
{
	return level_of(b, r, now) < 1;
}

static void host_of(uint32_t name, char out[static 32])
{
	snprintf(out, 32, BULK_HOST, name);
}

static void refuse_rate(struct post *p, const struct bulk_bucket *b,
			const struct rate *r, uint32_t name)
{
	double missing = 1 - level_of(b, r, p->ca->now);
	long wait = (long)(missing * r->refill) + 1;
	char host[32];

	host_of(name, host);
	if (wait <= p->ca->client_ahead)
		p->ca->came_early = name;
	else if (!p->ca->breaches++)
		snprintf(p->ca->breach, sizeof(p->ca->breach), "%s (%s)",
			 r->what, host);
	refuse(p->answer, 429, "rateLimited", r->what);
	snprintf(p->answer->retry_after, sizeof(p->answer->retry_after), "%ld",
		 wait);
}

/* ---- names ---- */

static bool read_name(const struct bulk_ca *ca, const char *host,
		      uint32_t *name)
{
	unsigned n;

	if (strncmp(host, "mta-sts.d", 9) != 0)
		return false;
	n = (unsigned)strtoul(host + 9, NULL, 10);
	*name = n;
	return n < ca->names;
}

/* ---- reading requests ---- */

/* The value of "KEY":"VALUE" in compact JSON without escapes. */
static bool member(const char *text, const char *key, char *out, size_t size)
{
	char pattern[40];
	const char *at, *end;

	snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	at = strstr(text, pattern);
	if (!at)
		return false;
	at += strlen(pattern);
	end = strchr(at, '"');
	if (!end || (size_t)(end - at) >= size)
		return false;
	memcpy(out, at, (size_t)(end - at));
	out[end - at] = '\0';
	return true;
}

static const char *part_of(const char *body, const char *key, size_t *len)
{
	char pattern[40];
	const char *at;

	snprintf(pattern, sizeof(pattern), "\"%s\":\"", key);
	at = strstr(body, pattern);
	if (!at)
		return NULL;
	at += strlen(pattern);
	*len = strcspn(at, "\"");
	return at;
}

static char *decode(const char *text, size_t len)
{
	unsigned char *bytes = NULL;
	char *copy = xstrndup(text, len), *out = NULL;
	size_t n = 0;

	if (b64url_decode(copy, &bytes, &n))
		out = xstrndup((char *)bytes, n);
	free(bytes);
	free(copy);
	return out;
}

/* What is signed, and by what; the caller frees `input`. */
struct envelope {
	char *input;
	unsigned char *signature;
	size_t signature_len;
};

static bool open_envelope(struct post *p, const struct fetch_request *rq,
			  struct envelope *e)
{
	size_t head_len, body_len, sig_len;
	const char *head = part_of(rq->body, "protected", &head_len);
	const char *body = part_of(rq->body, "payload", &body_len);
	const char *sig = part_of(rq->body, "signature", &sig_len);
	char *text;
	bool ok;

	*e = (struct envelope){ 0 };
	if (!head || !body || !sig)
		return false;
	p->header = decode(head, head_len);
	p->payload = decode(body, body_len);
	p->is_get = body_len == 0;
	e->input = xasprintf("%.*s.%.*s", (int)head_len, head, (int)body_len,
			     body);
	text = xstrndup(sig, sig_len);
	ok = b64url_decode(text, &e->signature, &e->signature_len) &&
	     e->signature_len == P256_SIGNATURE;
	free(text);
	return ok && p->header && p->payload;
}

/* ---- nonces ---- */

static void new_nonce(struct bulk_ca *ca, struct sim_answer *a)
{
	ca->nonce_is_used[ca->nonces % BULK_NONCES] = false;
	snprintf(a->nonce, sizeof(a->nonce), "n%llu",
		 (unsigned long long)ca->nonces++);
}

static bool spend_nonce(struct bulk_ca *ca, const char *text)
{
	uint64_t n = strtoull(text + 1, NULL, 10);

	if (n >= ca->nonces || n < ca->nonces_from ||
	    ca->nonces - n > BULK_NONCES || ca->nonce_is_used[n % BULK_NONCES])
		return false;
	ca->nonce_is_used[n % BULK_NONCES] = true;
	return !ca->bad_nonce_every || ca->posts % ca->bad_nonce_every != 0;
}

/* ---- orders as JSON ---- */

static const char *instant(time_t at, char out[static INSTANT_TEXT])
{
	return instant_format(at, out);
}

static void say_when(struct post *p)
{
	long part = p->ca->issuance_time / 16, after = p->ca->poll_after;

	if (part > WHEN_MINUTE)
		after = part;
	if (after)
		snprintf(p->answer->retry_after,
			 sizeof(p->answer->retry_after), "%ld", after);
}

static void show_order(struct post *p, uint32_t id, long status)
{
	const struct bulk_ca *ca = p->ca;
	const struct bulk_order *o = &ca->order[id];
	char host[32], expires[INSTANT_TEXT], cert[128] = "", error[160] = "";

	host_of(o->name, host);
	if (o->status == SIM_VALID)
		snprintf(cert, sizeof(cert), ",\"certificate\":\"%s/cert/%u\"",
			 ca->origin, id);
	if (o->status == SIM_INVALID)
		snprintf(error, sizeof(error),
			 ",\"error\":{\"type\":\"urn:ietf:params:acme:error:%s\""
			 ",\"detail\":\"it did not come through\"}",
			 o->problem);
	answer_text(p->answer, status,
		    "{\"status\":\"%s\",\"expires\":\"%s\",\"identifiers\":"
		    "[{\"type\":\"dns\",\"value\":\"%s\"}],\"authorizations\":"
		    "[\"%s/authz/%u\"],\"finalize\":\"%s/finalize/%u\"%s%s}",
		    status_words[o->status], instant(o->expires_at, expires),
		    host, ca->origin, id, ca->origin, id, cert, error);
	if (o->status == SIM_PROCESSING)
		say_when(p);
}

static void challenge_text(const struct bulk_ca *ca, uint32_t id,
			   const char *type, const char *path, char *out,
			   size_t size)
{
	const struct bulk_order *o = &ca->order[id];
	char error[160] = "";

	if (o->chall_failed)
		snprintf(error, sizeof(error),
			 ",\"error\":{\"type\":\"urn:ietf:params:acme:error:%s\""
			 ",\"detail\":\"it was not there\"}", o->problem);
	snprintf(out, size,
		 "{\"type\":\"%s\",\"status\":\"%s\",\"token\":\"t%u-%u\","
		 "\"url\":\"%s/%s/%u\"%s}", type,
		 o->chall_failed && o->authz == SIM_PENDING
			 ? "pending" : status_words[o->authz],
		 ca->number, id, ca->origin, path, id, error);
}

/* The order in the URL, if it is this account's. */
static struct bulk_order *order_of(struct post *p)
{
	struct bulk_order *o = p->id < p->ca->orders ? &p->ca->order[p->id]
						     : NULL;

	if (!o || !o->is_known) {
		refuse(p->answer, 404, "malformed", "no such order");
		return NULL;
	}
	if (o->account != p->account) {
		refuse(p->answer, 403, "unauthorized", "another's order");
		return NULL;
	}
	o->is_real = o->is_real && p->is_real;
	if (o->status == SIM_PROCESSING && p->ca->now >= o->busy_until)
		o->status = SIM_VALID;
	if (p->ca->now > o->expires_at && o->status != SIM_VALID) {
		if (o->status == SIM_PROCESSING)
			bulk_ca_lose(p->ca, o->cert);
		o->status = SIM_INVALID;
		o->problem = "malformed";
	} else if (!o->is_asked) {
		o->is_asked = true; /* in time to be found again */
		o->asked_at = p->ca->now;
	}
	return o;
}

/* ---- accounts ---- */

static void show_account(struct post *p, unsigned id, long status)
{
	char orders[80] = "";

	if (p->ca->lists_orders)
		snprintf(orders, sizeof(orders), ",\"orders\":\"%s/orders/%u\"",
			 p->ca->origin, id);
	snprintf(p->answer->location, sizeof(p->answer->location),
		 "%s/account/%u", p->ca->origin, id);
	answer_text(p->answer, status,
		    "{\"status\":\"valid\",\"contact\":[\"mailto:ops@example.net"
		    "\"]%s}", orders);
}

static void make_thumbprint(struct bulk_ca *ca, unsigned id)
{
	char *x = b64url_encode(ca->account[id].point + 1, 32);
	char *y = b64url_encode(ca->account[id].point + 33, 32);
	char *jwk = xasprintf("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\","
			      "\"y\":\"%s\"}", x, y);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *text;

	EVP_Digest(jwk, strlen(jwk), digest, NULL, EVP_sha256(), NULL);
	text = b64url_encode(digest, 32);
	snprintf(ca->account[id].thumbprint, 64, "%s", text);
	free(text);
	free(jwk);
	free(x);
	free(y);
}

static bool read_point(const char *header, unsigned char *point)
{
	json_t *root = json_loads(header, 0, NULL);
	bool ok = es256_point(json_object_get(root, "jwk"), point);

	json_decref(root);
	return ok;
}

static unsigned account_of(const struct bulk_ca *ca, const unsigned char *point)
{
	unsigned id = 0;

	while (id < ca->accounts &&
	       (!ca->account[id].is_known ||
		memcmp(ca->account[id].point, point, P256_POINT) != 0))
		id++;
	return id;
}

static void post_new_account(struct post *p)
{
	struct bulk_ca *ca = p->ca;
	unsigned char point[P256_POINT];
	unsigned id;

	read_point(p->header, point);
	id = account_of(ca, point);
	if (id < ca->accounts) {
		show_account(p, id, 200);
		return;
	}
	if (strstr(p->payload, "\"onlyReturnExisting\":true")) {
		refuse(p->answer, 400, "accountDoesNotExist", "who are you?");
		return;
	}
	if (ca->wants_eab && !strstr(p->payload, "externalAccountBinding")) {
		refuse(p->answer, 401, "externalAccountRequired", "no binding");
		return;
	}
	must(id < BULK_ACCOUNTS, NULL);
	ca->accounts++;
	ca->registrations++;
	ca->account[id].is_known = true;
	memcpy(ca->account[id].point, point, P256_POINT);
	make_thumbprint(ca, id);
	show_account(p, id, 201);
}

static void post_account(struct post *p)
{
	show_account(p, p->account, 200);
}

/* The newest 50 only: pages are for tests/sim/sim_ca.h. */
static void post_orders(struct post *p)
{
	struct bulk_ca *ca = p->ca;
	char list[BODY_MAX - 64] = "";
	size_t used = 0;
	unsigned n = 0;

	for (uint32_t i = ca->orders; i-- > 0 && n < LISTED;) {
		const struct bulk_order *o = &ca->order[i];

		if (!o->is_known || o->account != p->account)
			continue;
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "%s\"%s/order/%u\"", n++ ? "," : "",
					 ca->origin, i);
	}
	answer_text(p->answer, 200, "{\"orders\":[%s]}", list);
}

/* ---- new orders ---- */

static uint32_t cert_of_id(const struct bulk_ca *ca, const char *ari_id)
{
	const char *dot = strchr(ari_id, '.');
	unsigned char *serial = NULL;
	size_t len = 0;
	uint32_t cert = BULK_NONE;

	if (dot && b64url_decode(dot + 1, &serial, &len) &&
	    len == BULK_SERIAL && serial[1] == ca->number)
		cert = bulk_serial_number(serial);
	free(serial);
	return cert < ca->certs ? cert : BULK_NONE;
}

static void ari_window(const struct bulk_ca *ca, const struct bulk_cert *c,
		       time_t *start, time_t *end)
{
	long life = (long)(c->until - c->from);
	time_t middle = c->from + (life < 10 * WHEN_DAY ? life / 2
							: life / 3 * 2);

	*start = middle - life / 100;
	*end = middle + life / 100;
	if (ca->ari_is_late) {
		*start = c->until + WHEN_DAY;
		*end = c->until + 2 * WHEN_DAY;
	}
	if (c->is_revoked || (ca->is_incident &&
			      c->issued_at < ca->incident_before)) {
		*start = ca->now - WHEN_HOUR;
		*end = ca->now - WHEN_HOUR / 2;
	}
}

static bool is_under_way(const struct bulk_ca *ca, uint32_t order)
{
	return order != BULK_NONE && ca->order[order].is_known &&
	       ca->order[order].status != SIM_INVALID;
}

/* May `replaces` stand in an order? If not, it is refused. */
static bool check_replaces(struct post *p, uint32_t name, uint32_t *replaces,
			   bool *is_exempt)
{
	struct bulk_ca *ca = p->ca;
	char id[160];
	const struct bulk_cert *c;
	time_t start, end;

	*replaces = BULK_NONE;
	*is_exempt = false;
	if (!member(p->payload, "replaces", id, sizeof(id)))
		return true;
	*replaces = cert_of_id(ca, id);
	if (*replaces == BULK_NONE || ca->cert[*replaces].is_lost ||
	    ca->cert[*replaces].name != name) {
		refuse(p->answer, 404, "malformed", "unknown certificate");
		return false;
	}
	c = &ca->cert[*replaces];
	if (is_under_way(ca, c->replaced_by)) {
		ca->conflicts++;
		refuse(p->answer, 409, "alreadyReplaced", "it is already");
		return false;
	}
	ari_window(ca, c, &start, &end);
	*is_exempt = start <= ca->now && ca->now < end;
	return true;
}

static bool is_renewal(const struct bulk_ca *ca, const struct bulk_name *n,
		       long look)
{
	return n->issued_at && n->issued_at > ca->now - look;
}

/* Those that all new names share. */
static bool within_common_limits(struct post *p, uint32_t name)
{
	struct bulk_ca *ca = p->ca;
	struct bulk_bucket *orders = &ca->account[p->account].orders;

	if (is_empty(orders, &new_orders, ca->now))
		refuse_rate(p, orders, &new_orders, name);
	else if (is_empty(&ca->new_certs, &new_certs, ca->now))
		refuse_rate(p, &ca->new_certs, &new_certs, name);
	else
		return true;
	return false;
}

static bool within_limits(struct post *p, struct bulk_name *n, uint32_t name,
			  bool is_exempt)
{
	struct bulk_ca *ca = p->ca;

	if (!ca->has_limits || is_exempt)
		return true;
	if (is_empty(&n->failed, &failed, ca->now))
		refuse_rate(p, &n->failed, &failed, name);
	else if (is_empty(&n->duplicates, &duplicates, ca->now))
		refuse_rate(p, &n->duplicates, &duplicates, name);
	else
		return is_renewal(ca, n, RENEWAL_LOOK) ||
		       within_common_limits(p, name);
	return false;
}

static bool has_lasted(const struct bulk_bucket *b, const struct rate *r,
		       time_t now, long seconds)
{
	return level_of(b, r, now) >= 1 + (double)seconds / r->refill;
}

bool bulk_ca_has_budget(struct bulk_ca *ca, unsigned name, long seconds)
{
	struct bulk_name *n = &ca->name[name];

	return !ca->has_limits ||
	       (has_lasted(&n->failed, &failed, ca->now, seconds) &&
		has_lasted(&n->duplicates, &duplicates, ca->now, seconds) &&
		(is_renewal(ca, n, RENEWAL_SURE) ||
		 has_lasted(&ca->new_certs_said, &new_certs_said, ca->now,
			    seconds)));
}

static uint32_t open_order(const struct bulk_ca *ca, const struct bulk_name *n,
			   unsigned account)
{
	const struct bulk_order *o;

	if (!ca->reuses_orders || n->open_order == BULK_NONE)
		return BULK_NONE;
	o = &ca->order[n->open_order];
	if (!o->is_known || o->account != account || o->expires_at < ca->now ||
	    (o->status != SIM_PENDING && o->status != SIM_READY))
		return BULK_NONE;
	return n->open_order;
}

/* The last one's answer never came, and there is no finding it any more. */
static bool is_gone(const struct bulk_ca *ca, uint32_t order)
{
	return order != BULK_NONE && !ca->order[order].is_asked &&
	       (!ca->order[order].is_known ||
		ca->order[order].expires_at < ca->now ||
		(!ca->reuses_orders && ca->orders - order > LISTED));
}

static struct bulk_order *make_order(struct post *p, uint32_t name)
{
	struct bulk_ca *ca = p->ca;
	struct bulk_order *o;

	if (ca->orders == ca->order_cap) {
		ca->order_cap = ca->order_cap ? ca->order_cap * 2 : 1024;
		ca->order = xrealloc_array(ca->order, ca->order_cap,
					   sizeof(*o));
	}
	o = &ca->order[ca->orders++];
	*o = (struct bulk_order){
		.name = name,
		.account = p->account,
		.is_known = true,
		.is_real = p->is_real,
		.problem = "malformed",
		.made_at = ca->now,
		.expires_at = ca->now + ORDER_LIFE,
		.cert = BULK_NONE,
	};
	if (ca->name[name].validated_until > ca->now) {
		o->authz = SIM_VALID;
		o->status = SIM_READY;
	}
	ca->new_orders++;
	ca->gone_orders += is_gone(ca, ca->name[name].open_order);
	if (ca->has_limits && !is_renewal(ca, &ca->name[name], RENEWAL_LOOK))
		spend(&ca->account[p->account].orders, &new_orders, ca->now);
	return o;
}

/* The certificate whose window has begun when another is asked for. */
static uint32_t urged(const struct bulk_ca *ca, const struct bulk_name *n)
{
	time_t start, end;

	if (n->newest == BULK_NONE)
		return BULK_NONE;
	ari_window(ca, &ca->cert[n->newest], &start, &end);
	return start <= ca->now ? n->newest : BULK_NONE;
}

static void post_new_order(struct post *p)
{
	struct bulk_ca *ca = p->ca;
	uint32_t name, replaces, id;
	bool is_exempt;
	char host[64];

	if (!member(p->payload, "value", host, sizeof(host)) ||
	    !read_name(ca, host, &name)) {
		complain(ca, p->answer, "an order for no name of the world's");
		return;
	}
	if (!check_replaces(p, name, &replaces, &is_exempt) ||
	    !within_limits(p, &ca->name[name], name, is_exempt))
		return;
	id = open_order(ca, &ca->name[name], p->account);
	if (id == BULK_NONE) {
		make_order(p, name);
		id = ca->orders - 1;
	} else {
		ca->order[id].is_reused = true;
	}
	ca->order[id].is_exempt = is_exempt;
	ca->order[id].urged = urged(ca, &ca->name[name]);
	ca->name[name].open_order = id;
	ca->order[id].replaces = replaces;
	if (replaces != BULK_NONE)
		ca->cert[replaces].replaced_by = id;
	snprintf(p->answer->location, sizeof(p->answer->location),
		 "%s/order/%u", ca->origin, id);
	show_order(p, id, 201);
}

static void post_order(struct post *p)
{
	if (order_of(p))
		show_order(p, p->id, 200);
}

/* ---- validation ---- */

static void found(struct bulk_ca *ca, struct bulk_order *o)
{
	o->chall_failed = false;
	o->authz = SIM_VALID;
	o->status = SIM_READY;
	ca->name[o->name].validated_until = ca->now + ca->authz_reuse;
}

static void not_found(struct bulk_ca *ca, struct bulk_order *o,
		      const char *problem)
{
	o->chall_failed = true;
	o->looks = 0;
	o->problem = problem;
	ca->failed_looks++;
	spend(&ca->name[o->name].failed, &failed, ca->now);
	if (!ca->keeps_failed_pending) {
		o->authz = SIM_INVALID;
		o->status = SIM_INVALID;
	}
}

/* All must find it, and each looks when it does: nobody waits for a poll. */
void bulk_ca_look(struct bulk_ca *ca, uint32_t id)
{
	struct bulk_order *o = &ca->order[id];
	char token[40], key_auth[128];
	const char *problem;

	if (!o->is_known || o->authz != SIM_PENDING || !o->looks ||
	    ca->now > o->expires_at)
		return;
	snprintf(token, sizeof(token), "t%u-%u", ca->number, id);
	snprintf(key_auth, sizeof(key_auth), "%s.%s", token,
		 ca->account[o->account].thumbprint);
	problem = ca->validate(ca->arg, ca, o->name,
			       (enum bulk_method)o->method, token, key_auth);
	if (!problem && !ca->allows(ca->arg, ca, o->name))
		problem = "caa";
	if (problem)
		not_found(ca, o, problem);
	else if (--o->looks == 0)
		found(ca, o);
	else
		ca->later(ca->arg, ca, id, LOOKS_APART_MS);
}

static void told_to_look(struct post *p, enum bulk_method method,
			 const char *type, const char *path)
{
	struct bulk_order *o = order_of(p);
	char text[512];

	if (!o)
		return;
	if (p->is_get) {
		complain(p->ca, p->answer, "a challenge asked for, not told");
		return;
	}
	if (o->authz != SIM_PENDING) {
		refuse(p->answer, 400, "malformed", "not pending any more");
		return;
	}
	if (!o->looks) {
		o->looks = (uint8_t)p->ca->looks;
		o->method = (uint8_t)method;
		o->chall_failed = false;
		if (p->ca->look_after_ms)
			p->ca->later(p->ca->arg, p->ca, p->id,
				     p->ca->look_after_ms);
		else
			bulk_ca_look(p->ca, p->id);
	}
	challenge_text(p->ca, p->id, type, path, text, sizeof(text));
	answer_text(p->answer, 200, "%s", text);
}

static void post_chall(struct post *p)
{
	told_to_look(p, BULK_HTTP_01, "http-01", "chall");
}

static void post_chall_tls(struct post *p)
{
	told_to_look(p, BULK_TLS_ALPN_01, "tls-alpn-01", "challtls");
}

static void post_authz(struct post *p)
{
	struct bulk_order *o = order_of(p);
	char host[32], http[512], tls[512];

	if (!o)
		return;
	host_of(o->name, host);
	challenge_text(p->ca, p->id, "http-01", "chall", http, sizeof(http));
	challenge_text(p->ca, p->id, "tls-alpn-01", "challtls", tls,
		       sizeof(tls));
	answer_text(p->answer, 200,
		    "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\","
		    "\"value\":\"%s\"},\"challenges\":[%s,%s]}",
		    status_words[o->authz], host, tls, http);
	if (o->authz == SIM_PENDING && o->looks)
		say_when(p);
}

/* ---- issuance ---- */

/*
 * Was there a decision to order this one? There was, if this CA has given no
 * other for the name, or that one was lost, or was revoked or recalled when it
 * was asked, or has been served and is in the second half of its life, less a
 * tenth. A certificate that was issued and never served is not one that may be
 * ordered again.
 */
static void count_duplicate(struct bulk_ca *ca, const struct bulk_order *o,
			    const char *host)
{
	uint32_t newest = ca->name[o->name].newest;
	const struct bulk_cert *c =
		newest == BULK_NONE ? NULL : &ca->cert[newest];

	if (!c || c->is_lost || c->is_trial || o->urged == newest)
		return;
	if (c->is_served && o->made_at - c->from >= (c->until - c->from) * 2 / 5)
		return;
	if (!c->is_served && c->until <= o->made_at)
		return;		/* nobody could have fetched it in time */
	if (!ca->duplicates++)
		snprintf(ca->duplicate, sizeof(ca->duplicate),
			 "%s from %s: the one before, order %u, %s", host,
			 ca->origin, c->order,
			 c->is_served ? "was new" : "was never served");
}

static bool is_key_new(const struct bulk_ca *ca, uint32_t name,
		       const unsigned char *point)
{
	uint32_t newest = ca->name[name].newest;

	return newest == BULK_NONE || memcmp(ca->cert[newest].point, point,
					     P256_POINT) != 0;
}

static uint32_t add_cert(struct bulk_ca *ca, uint32_t order,
			 const unsigned char *point)
{
	struct bulk_order *o = &ca->order[order];
	struct bulk_cert *c;

	if (ca->certs == ca->cert_cap) {
		ca->cert_cap = ca->cert_cap ? ca->cert_cap * 2 : 1024;
		ca->cert = xrealloc_array(ca->cert, ca->cert_cap, sizeof(*c));
	}
	c = &ca->cert[ca->certs];
	*c = (struct bulk_cert){
		.name = o->name,
		.order = order,
		.from = ca->now - ca->backdate,
		.until = ca->now - ca->backdate + ca->life[o->name % 3],
		.issued_at = ca->now,
		.replaced_by = BULK_NONE,
	};
	memcpy(c->point, point, P256_POINT);
	return ca->certs++;
}

static void count_issued(struct bulk_ca *ca, struct bulk_name *n)
{
	spend(&n->duplicates, &duplicates, ca->now);
	if (!is_renewal(ca, n, RENEWAL_LOOK))
		spend(&ca->new_certs, &new_certs, ca->now);
	if (!is_renewal(ca, n, RENEWAL_SURE))
		spend(&ca->new_certs_said, &new_certs_said, ca->now);
}

static void issue(struct bulk_ca *ca, uint32_t id, const unsigned char *point)
{
	struct bulk_order *o = &ca->order[id];
	struct bulk_name *n = &ca->name[o->name];
	bool is_trial = ca->is_trial && ca->is_trial(ca->arg, ca, id);
	char host[32];

	host_of(o->name, host);
	if (!is_trial)
		count_duplicate(ca, o, host);
	if (ca->has_limits && !o->is_exempt)
		count_issued(ca, n);
	n->issued_at = ca->now;
	o->cert = add_cert(ca, id, point);
	ca->cert[o->cert].is_trial = is_trial;
	if (!is_trial || n->newest == BULK_NONE)
		n->newest = o->cert;
	o->busy_until = ca->now + ca->issuance_time;
	o->status = ca->issuance_time ? SIM_PROCESSING : SIM_VALID;
	ca->real_certs += o->is_real;
}

static const unsigned char *point_in(const unsigned char *der, size_t len,
				     const char *host)
{
	static const unsigned char head[] = { 0x03, 0x42, 0x00 };
	const unsigned char *at = memmem(der, len, head, sizeof(head));

	if (!at || at + 3 + P256_POINT > der + len ||
	    !memmem(der, len, host, strlen(host)))
		return NULL;
	return at + 3;
}

/* By the key that is in it, be that a real signature or a sham one. */
static bool is_signed_csr(struct bulk_order *o, const unsigned char *der,
			  size_t len)
{
	enum sham_request kind = shortcuts_look(der, len);
	X509_REQ *req;
	bool ok;

	if (kind != REQUEST_REAL) {
		o->is_real = false;
		return kind == REQUEST_SHAM;
	}
	req = d2i_X509_REQ(NULL, &der, (long)len);
	ok = req && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1;
	X509_REQ_free(req);
	return ok;
}

static void finalize(struct post *p, struct bulk_order *o,
		     const unsigned char *der, size_t len)
{
	const unsigned char *point;
	char host[32];

	host_of(o->name, host);
	point = point_in(der, len, host);
	if (!point || !is_signed_csr(o, der, len)) {
		complain(p->ca, p->answer, "a bad CSR");
		return;
	}
	if (!is_key_new(p->ca, o->name, point)) {
		complain(p->ca, p->answer, "a key that was used before");
		return;
	}
	issue(p->ca, p->id, point);
	show_order(p, p->id, 200);
}

static void post_finalize(struct post *p)
{
	struct bulk_order *o = order_of(p);
	unsigned char *der = NULL;
	char text[2048];
	size_t len = 0;

	if (!o)
		return;
	if (o->status != SIM_READY) {
		refuse(p->answer, 403, "orderNotReady", "it is not ready");
		return;
	}
	if (member(p->payload, "csr", text, sizeof(text)) &&
	    b64url_decode(text, &der, &len))
		finalize(p, o, der, len);
	else
		complain(p->ca, p->answer, "no CSR");
	free(der);
}

static void post_cert(struct post *p)
{
	struct bulk_order *o = order_of(p);
	const struct bulk_cert *c;
	char host[32];

	if (!o)
		return;
	if (o->status != SIM_VALID) {
		complain(p->ca, p->answer, "a certificate before its time");
		return;
	}
	c = &p->ca->cert[o->cert];
	host_of(o->name, host);
	p->answer->status = 200;
	p->answer->body = bulk_signer_issue(
		p->ca->signer, &(struct bulk_leaf){
			.ca = p->ca->number, .number = o->cert, .host = host,
			.from = c->from, .until = c->until,
			.point = c->point, .is_sham = !o->is_real });
}

static void post_revoke(struct post *p)
{
	p->answer->status = 200;
}

/* ---- requests ---- */

static const struct {
	const char *path;
	bool by_key;		/* signed with a key that comes along */
	void (*handle)(struct post *p);
} routes[] = {
	{ "/new-account", true, post_new_account },
	{ "/new-order", false, post_new_order },
	{ "/account/", false, post_account },
	{ "/orders/", false, post_orders },
	{ "/order/", false, post_order },
	{ "/authz/", false, post_authz },
	{ "/challtls/", false, post_chall_tls },
	{ "/chall/", false, post_chall },
	{ "/finalize/", false, post_finalize },
	{ "/cert/", false, post_cert },
	{ "/revoke-cert", false, post_revoke },
};

static bool find_account(struct post *p)
{
	char kid[128];
	size_t len = strlen(p->ca->origin) + strlen("/account/");

	if (!member(p->header, "kid", kid, sizeof(kid)) || strlen(kid) <= len)
		return false;
	p->account = (unsigned)strtoul(kid + len, NULL, 10);
	return p->account < p->ca->accounts &&
	       p->ca->account[p->account].is_known;
}

static bool is_signed(struct post *p, const struct fetch_request *rq,
		      const struct envelope *e, const unsigned char *point)
{
	struct es256 jws;
	bool ok;

	if (sham_is_sham(e->signature))
		return sham_verify(point, e->input, strlen(e->input),
				   e->signature);
	ok = es256_read(&jws, rq->body, rq->body_len) &&
	     es256_verify(&jws, point);
	es256_release(&jws);
	p->is_real = ok;
	return ok;
}

static void check_and_handle(struct post *p, const struct fetch_request *rq,
			     const struct envelope *e, size_t route)
{
	unsigned char key[P256_POINT];
	const unsigned char *point = key;
	bool by_key = routes[route].by_key;
	char url[256], nonce[64];

	if (!member(p->header, "url", url, sizeof(url)) || !streq(url, rq->url))
		complain(p->ca, p->answer, "the url that is signed is another");
	else if (!member(p->header, "nonce", nonce, sizeof(nonce)) ||
		 !spend_nonce(p->ca, nonce))
		refuse(p->answer, 400, "badNonce", "not a nonce of today");
	else if (by_key && !read_point(p->header, key))
		complain(p->ca, p->answer, "no key");
	else if (!by_key && !find_account(p))
		refuse(p->answer, 400, "accountDoesNotExist", "who are you?");
	else if (!is_signed(p, rq, e,
			    by_key ? point : p->ca->account[p->account].point))
		complain(p->ca, p->answer, "a bad signature");
	else
		routes[route].handle(p);
}

static void answer_post(struct bulk_ca *ca, const struct fetch_request *rq,
			size_t route, struct sim_answer *answer)
{
	const char *tail = rq->url + strlen(ca->origin) +
			   strlen(routes[route].path);
	struct post p = { .ca = ca, .answer = answer };
	struct envelope e;

	ca->posts++;
	p.id = (uint32_t)strtoul(tail, NULL, 10);
	if (open_envelope(&p, rq, &e))
		check_and_handle(&p, rq, &e, route);
	else
		complain(ca, answer, "not a JWS");
	free(e.input);
	free(e.signature);
	free(p.header);
	free(p.payload);
}

static void answer_any_post(struct bulk_ca *ca, const struct fetch_request *rq,
			    struct sim_answer *answer)
{
	const char *path = rq->url + strlen(ca->origin);

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!str_starts(path, routes[i].path))
			continue;
		answer_post(ca, rq, i, answer);
		return;
	}
	complain(ca, answer, "no such URL");
}

static void answer_directory(const struct bulk_ca *ca, struct sim_answer *a)
{
	char ari[80] = "";

	if (ca->has_ari)
		snprintf(ari, sizeof(ari), "\"renewalInfo\":\"%s/ari\",",
			 ca->origin);
	answer_text(a, 200,
		    "{\"newNonce\":\"%s/new-nonce\",\"newAccount\":"
		    "\"%s/new-account\",\"newOrder\":\"%s/new-order\","
		    "\"revokeCert\":\"%s/revoke-cert\",%s\"meta\":{"
		    "\"externalAccountRequired\":%s}}", ca->origin, ca->origin,
		    ca->origin, ca->origin, ari,
		    ca->wants_eab ? "true" : "false");
}

static void answer_ari(struct bulk_ca *ca, const char *id,
		       struct sim_answer *a)
{
	uint32_t cert = cert_of_id(ca, id);
	char from[INSTANT_TEXT], to[INSTANT_TEXT];
	time_t start, end;

	ca->ari_polls++;
	if (cert == BULK_NONE || ca->cert[cert].is_lost) {
		refuse(a, 404, "malformed", "unknown certificate");
		return;
	}
	if (ca->cert[cert].until < ca->now && !*ca->complaint)
		snprintf(ca->complaint, sizeof(ca->complaint),
			 "renewal information about what has expired");
	ari_window(ca, &ca->cert[cert], &start, &end);
	snprintf(a->retry_after, sizeof(a->retry_after), "%ld", ca->ari_retry);
	answer_text(a, 200, "{\"suggestedWindow\":{\"start\":\"%s\","
			    "\"end\":\"%s\"}}",
		    instant(start, from), instant(end, to));
}

bool bulk_ca_owns(const struct bulk_ca *ca, const char *url)
{
	size_t len = strlen(ca->origin);

	return strncmp(url, ca->origin, len) == 0 && url[len] == '/';
}

void bulk_ca_answer(struct bulk_ca *ca, const struct fetch_request *rq,
		    struct sim_answer *answer)
{
	const char *path = rq->url + strlen(ca->origin);

	*answer = (struct sim_answer){ .status = 200 };
	if (rq->method == FETCH_POST)
		answer_any_post(ca, rq, answer);
	else if (streq(path, "/directory"))
		answer_directory(ca, answer);
	else if (str_starts(path, "/ari/"))
		answer_ari(ca, path + strlen("/ari/"), answer);
	if (rq->method != FETCH_GET)
		new_nonce(ca, answer);
	if (!answer->body)
		answer->body = xstrdup("");
}

/* ---- life ---- */

void bulk_ca_init(struct bulk_ca *ca, unsigned number, unsigned names,
		  struct bulk_signer *signer)
{
	*ca = (struct bulk_ca){
		.number = number,
		.signer = signer,
		.names = names,
		.reuses_orders = true,
		.looks = 1,
		.came_early = BULK_NONE,
	};
	snprintf(ca->origin, sizeof(ca->origin), "https://%c.ca.test",
		 'a' + (int)number);
	ca->name = xcalloc(names, sizeof(*ca->name));
	for (unsigned i = 0; i < names; i++)
		ca->name[i].open_order = ca->name[i].newest = BULK_NONE;
}

void bulk_ca_release(struct bulk_ca *ca)
{
	free(ca->name);
	free(ca->order);
	free(ca->cert);
}

void bulk_ca_lose(struct bulk_ca *ca, uint32_t cert)
{
	struct bulk_cert *c = &ca->cert[cert];

	ca->lost_certs += !c->is_served && !c->is_lost;
	c->is_lost = true;
}

void bulk_ca_unheard(struct bulk_ca *ca)
{
	for (uint32_t i = ca->orders; i-- > 0 && ca->orders - i <= LISTED;)
		if (ca->order[i].asked_at >= ca->now - HEARD_LATE)
			ca->order[i].is_asked = false;
}

void bulk_ca_wipe(struct bulk_ca *ca)
{
	for (unsigned i = 0; i < ca->accounts; i++)
		ca->account[i].is_known = false;
	for (uint32_t i = 0; i < ca->orders; i++)
		ca->order[i].is_known = false;
	for (uint32_t i = 0; i < ca->certs; i++)
		bulk_ca_lose(ca, i);
	ca->nonces_from = ca->nonces;
}

void bulk_ca_revoke(struct bulk_ca *ca, uint32_t cert)
{
	if (ca->cert[cert].is_revoked)
		return;
	ca->cert[cert].is_revoked = true;
	ca->cert[cert].revoked_at = ca->now;
}

struct bulk_cert *bulk_ca_find(struct bulk_ca *ca, const char *serial)
{
	uint32_t n;

	if (strlen(serial) != 2 * BULK_SERIAL ||
	    strtoul((char[]){ serial[2], serial[3], 0 }, NULL, 16) !=
		    ca->number)
		return NULL;
	n = (uint32_t)strtoul(serial + 2 * BULK_SERIAL - 8, NULL, 16);
	return n < ca->certs ? &ca->cert[n] : NULL;
}
