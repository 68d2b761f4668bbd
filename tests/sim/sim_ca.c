#include "tests/sim/sim_ca.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/es256.h"
#include "tests/sim/scratch.h"

const char *sim_ca_origin = SIM_CA_ORIGIN;

static const char *const status_words[] = {
	[SIM_PENDING] = "pending", [SIM_READY] = "ready",
	[SIM_PROCESSING] = "processing", [SIM_VALID] = "valid",
	[SIM_INVALID] = "invalid",
};

/* One POST on its way through a handler. */
struct post {
	struct sim_ca *ca;
	struct sim_answer *answer;
	struct es256 jws;
	json_t *payload;		/* NULL: POST-as-GET */
	unsigned account;
	unsigned id;			/* the number in the URL */
	unsigned page;
};

/* ---- answers ---- */

/* Takes `body`. */
static void answer_json(struct sim_answer *a, long status, json_t *body)
{
	must(body, NULL);
	a->status = status;
	a->body = json_dumps(body, JSON_COMPACT);
	json_decref(body);
}

static json_t *problem_of(const char *type, const char *detail)
{
	char *urn = xasprintf("urn:ietf:params:acme:error:%s", type);
	json_t *p = json_pack("{s:s, s:s}", "type", urn, "detail", detail);

	free(urn);
	return p;
}

static void refuse(struct sim_answer *a, long status, const char *type,
		   const char *detail)
{
	answer_json(a, status, problem_of(type, detail));
}

/* What no correct client ever does. */
static void complain(struct sim_ca *ca, struct sim_answer *a, const char *what)
{
	if (!*ca->complaint)
		snprintf(ca->complaint, sizeof(ca->complaint), "%s", what);
	refuse(a, 400, "malformed", what);
}

static char *url_of(const char *kind, unsigned id)
{
	return xasprintf("%s/%s/%u", sim_ca_origin, kind, id);
}

/* Of a fixed path. */
static json_t *place_json(const char *path)
{
	return json_sprintf("%s%s", sim_ca_origin, path);
}

static json_t *url_json(const char *kind, unsigned id)
{
	char *url = url_of(kind, id);
	json_t *text = json_string(url);

	free(url);
	return text;
}

static void set_location(struct sim_answer *a, const char *kind, unsigned id)
{
	char *url = url_of(kind, id);

	snprintf(a->location, sizeof(a->location), "%s", url);
	free(url);
}

/* ---- nonces ---- */

static void new_nonce(struct sim_ca *ca, struct sim_answer *a)
{
	ca->nonce_is_used[ca->nonces % SIM_NONCES] = false;
	snprintf(a->nonce, sizeof(a->nonce), "n%llu",
		 (unsigned long long)ca->nonces++);
}

static bool spend_nonce(struct sim_ca *ca, const char *text)
{
	uint64_t n;

	if (!text || text[0] != 'n')
		return false;
	n = strtoull(text + 1, NULL, 10);
	if (n >= ca->nonces || ca->nonces - n > SIM_NONCES ||
	    ca->nonce_is_used[n % SIM_NONCES])
		return false;
	ca->nonce_is_used[n % SIM_NONCES] = true;
	if ((ca->posts * 2654435761u >> 16) % 100 < ca->bad_nonce_percent)
		return false;
	return !ca->bad_nonce_every || ca->posts % ca->bad_nonce_every != 0;
}

/* ---- orders as JSON ---- */

static json_t *order_json(const struct sim_ca *ca, unsigned id)
{
	const struct sim_order *o = &ca->order[id];
	char expires[INSTANT_TEXT];
	json_t *root;

	instant_format(o->expires_at, expires);
	root = json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[o], s:o}", "status",
			 status_words[o->status], "expires", expires,
			 "identifiers", "type", "dns", "value", o->name,
			 "authorizations", url_json("authz", id), "finalize",
			 url_json("finalize", id));
	if (o->status == SIM_VALID)
		json_object_set_new(root, "certificate",
				    ca->links_elsewhere
					    ? json_string("http://inside/cert")
					    : url_json("cert", id));
	if (o->status == SIM_INVALID)
		json_object_set_new(root, "error",
				    problem_of("incorrectResponse",
					       "the token was not there"));
	return root;
}

static json_t *challenge_json(unsigned id, const struct sim_order *o)
{
	char token[32];
	json_t *root;

	snprintf(token, sizeof(token), "token-%u", id);
	root = json_pack("{s:s, s:s, s:s, s:o}", "type", "http-01", "status",
			 status_words[o->authz], "token", token, "url",
			 url_json("chall", id));
	if (o->chall_failed)
		json_object_set_new(root, "error",
				    problem_of("incorrectResponse",
					       "the token was not there"));
	return root;
}

static json_t *authz_json(unsigned id, const struct sim_order *o)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:o}, o]}",
			 "status", status_words[o->authz], "identifier", "type",
			 "dns", "value", o->name, "challenges", "type",
			 "dns-01", "status", status_words[o->authz], "token",
			 "x", "url", place_json("/dns-01"),
			 challenge_json(id, o));
}

/* The order in the URL, if it is this account's. */
static struct sim_order *order_of(struct post *p)
{
	struct sim_order *o = p->id < p->ca->orders ? &p->ca->order[p->id]
						    : NULL;

	if (!o || !o->is_known) {
		refuse(p->answer, 404, "malformed", "no such order");
		return NULL;
	}
	if (o->account != p->account) {
		refuse(p->answer, 403, "unauthorized", "another's order");
		return NULL;
	}
	return o;
}

/* ---- accounts ---- */

static void show_account(struct post *p, unsigned id, long status)
{
	json_t *root = json_pack("{s:s, s:[s]}", "status", "valid", "contact",
				 p->ca->account[id].contact);

	if (p->ca->lists_orders)
		json_object_set_new(root, "orders", url_json("orders", id));
	set_location(p->answer, "account", id);
	answer_json(p->answer, status, root);
}

static void read_contact(struct post *p, unsigned id)
{
	const char *contact = json_string_value(json_array_get(
		json_object_get(p->payload, "contact"), 0));

	if (contact)
		snprintf(p->ca->account[id].contact, SIM_TEXT, "%s", contact);
}

static void make_thumbprint(struct sim_ca *ca, unsigned id)
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

static void post_new_account(struct post *p)
{
	struct sim_ca *ca = p->ca;
	unsigned char point[P256_POINT];
	unsigned id = 0;

	es256_point(json_object_get(p->jws.header, "jwk"), point);
	while (id < ca->accounts && (!ca->account[id].is_known ||
				     memcmp(ca->account[id].point, point,
					    P256_POINT) != 0))
		id++;
	if (id < ca->accounts) {
		show_account(p, id, 200);
		return;
	}
	if (ca->wants_eab &&
	    !json_object_get(p->payload, "externalAccountBinding")) {
		refuse(p->answer, 401, "externalAccountRequired", "no binding");
		return;
	}
	if (ca->refuses_accounts) {
		refuse(p->answer, 403, "unauthorized", "not today");
		return;
	}
	must(id < SIM_ACCOUNTS, NULL);
	ca->accounts++;
	ca->registrations++;
	ca->account[id].is_known = true;
	memcpy(ca->account[id].point, point, P256_POINT);
	make_thumbprint(ca, id);
	read_contact(p, id);
	show_account(p, id, 201);
}

static void post_account(struct post *p)
{
	read_contact(p, p->account);
	show_account(p, p->account, 200);
}

static void post_orders(struct post *p)
{
	struct sim_ca *ca = p->ca;
	json_t *list = json_array();
	unsigned seen = 0, page = ca->page ? ca->page : 3;

	for (unsigned i = 0; i < ca->orders; i++) {
		if (!ca->order[i].is_known || ca->order[i].account != p->id)
			continue;
		if (seen / page == p->page)
			json_array_append_new(list, url_json("order", i));
		seen++;
	}
	if (seen > (p->page + 1) * page)
		snprintf(p->answer->link, sizeof(p->answer->link),
			 "<%s/directory>;rel=\"index\"\n"
			 "<%s/orders/%u?%u>;rel=\"next\"",
			 sim_ca_origin, sim_ca_origin, p->id, p->page + 1);
	answer_json(p->answer, 200, json_pack("{s:o}", "orders", list));
}

/* ---- orders ---- */

static bool is_validated(const struct sim_ca *ca, const char *name)
{
	for (unsigned i = 0; ca->reuses_authz && i < ca->orders; i++)
		if (ca->order[i].is_known && streq(ca->order[i].name, name) &&
		    ca->order[i].authz == SIM_VALID)
			return true;
	return false;
}

static unsigned open_order(const struct sim_ca *ca, const char *name)
{
	unsigned i = 0;

	while (i < ca->orders &&
	       (!ca->reuses_orders || !ca->order[i].is_known ||
		!streq(ca->order[i].name, name) ||
		(ca->order[i].status != SIM_PENDING &&
		 ca->order[i].status != SIM_READY)))
		i++;
	return i;
}

static void make_order(struct sim_ca *ca, const char *name, unsigned account)
{
	struct sim_order *o = &ca->order[ca->orders];

	must(ca->orders < SIM_ORDERS, NULL);
	*o = (struct sim_order){
		.is_known = true,
		.account = account,
		.expires_at = ca->now +
			      (ca->order_life ? ca->order_life : WHEN_DAY),
	};
	snprintf(o->name, sizeof(o->name), "%s", name);
	if (is_validated(ca, name)) {
		o->authz = SIM_VALID;
		o->status = SIM_READY;
	}
	ca->orders++;
}

static void post_new_order(struct post *p)
{
	const json_t *first = json_array_get(
		json_object_get(p->payload, "identifiers"), 0);
	const char *name = json_string_value(json_object_get(first, "value"));
	unsigned id;

	if (!name) {
		complain(p->ca, p->answer, "an order without a name");
		return;
	}
	if (p->ca->knows_no_replaces &&
	    json_object_get(p->payload, "replaces")) {
		refuse(p->answer, 404, "malformed", "no such certificate");
		return;
	}
	if (p->ca->declines &&
	    (!*p->ca->declines || streq(p->ca->declines, name))) {
		refuse(p->answer, p->ca->declines_status, p->ca->declines_as,
		       "not this name");
		if (p->ca->declines_for)
			strcpy(p->answer->retry_after, p->ca->declines_for);
		return;
	}
	id = open_order(p->ca, name);
	if (id == p->ca->orders)
		make_order(p->ca, name, p->account);
	set_location(p->answer, "order", id);
	answer_json(p->answer, 201, order_json(p->ca, id));
}

static void post_order(struct post *p)
{
	struct sim_order *o = order_of(p);

	if (!o)
		return;
	if (o->status == SIM_PROCESSING && o->looks && --o->looks == 0)
		o->status = SIM_VALID;
	answer_json(p->answer, 200, order_json(p->ca, p->id));
}

/* ---- validation ---- */

static void decide(struct sim_ca *ca, unsigned id, struct sim_order *o)
{
	char token[32], *key_auth;

	snprintf(token, sizeof(token), "token-%u", id);
	key_auth = xasprintf("%s.%s", token,
			     ca->account[o->account].thumbprint);
	if (ca->token_is_served(ca->arg, token, key_auth)) {
		o->authz = SIM_VALID;
		o->status = SIM_READY;
		o->chall_failed = false;
	} else {
		ca->failed_looks++;
		o->chall_failed = true;
	}
	if (o->chall_failed && !ca->keeps_failed_pending) {
		o->authz = SIM_INVALID;
		o->status = SIM_INVALID;
	}
	free(key_auth);
}

static void post_chall(struct post *p)
{
	struct sim_order *o = order_of(p);

	if (!o)
		return;
	if (!p->payload) {
		complain(p->ca, p->answer, "a challenge asked for, not told");
		return;
	}
	if (o->authz != SIM_PENDING) {
		refuse(p->answer, 400, "malformed", "not pending any more");
		return;
	}
	o->told++;
	o->looks = p->ca->validation_looks;
	if (!o->looks)
		decide(p->ca, p->id, o);
	answer_json(p->answer, 200, challenge_json(p->id, o));
}

static void post_authz(struct post *p)
{
	struct sim_order *o = order_of(p);

	if (!o)
		return;
	if (p->id + 1 == p->ca->cursed) {
		refuse(p->answer, 500, "serverInternal", "a bug of ours");
		return;
	}
	if (o->authz == SIM_PENDING && o->told && o->looks && --o->looks == 0)
		decide(p->ca, p->id, o);
	answer_json(p->answer, 200, authz_json(p->id, o));
}

/* ---- issuance ---- */

static bool names_only(X509_REQ *req, const char *host)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(req);
	GENERAL_NAMES *names = X509V3_get_d2i(list, NID_subject_alt_name, NULL,
					      NULL);
	bool ok = sk_GENERAL_NAME_num(names) == 1;

	if (ok) {
		int type;
		ASN1_STRING *name = GENERAL_NAME_get0_value(
			sk_GENERAL_NAME_value(names, 0), &type);

		ok = type == GEN_DNS &&
		     streq((const char *)ASN1_STRING_get0_data(name), host);
	}
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return ok;
}

static X509_REQ *read_csr(const struct post *p, const char *host)
{
	const char *text = json_string_value(
		json_object_get(p->payload, "csr"));
	unsigned char *der = NULL;
	const unsigned char *at;
	size_t len = 0;
	X509_REQ *req = NULL;

	if (text && b64url_decode(text, &der, &len)) {
		at = der;
		req = d2i_X509_REQ(NULL, &at, (long)len);
	}
	free(der);
	if (req && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1 &&
	    names_only(req, host))
		return req;
	X509_REQ_free(req);
	return NULL;
}

static void issue(struct sim_ca *ca, struct sim_order *o, X509_REQ *req)
{
	struct tiny_leaf leaf = {
		.host = o->name,
		.key = X509_REQ_get0_pubkey(req),
		.from = ca->now - ca->backdate,
		.until = ca->now - ca->backdate + ca->life,
		.names_issuer_key = ca->more.has_ari,
		.serial = 1000 + (long)ca->certs,
	};
	X509 *x = tiny_ca_issue(ca->signer, &leaf);
	char *pem = tiny_ca_pem((X509 *[]){ x, ca->signer->cert, NULL });

	must(str_copy(o->pem, sizeof(o->pem), pem), NULL);
	free(pem);
	X509_free(x);
	ca->certs++;
	o->csrs++;
	o->looks = ca->issuance_looks;
	o->status = o->looks ? SIM_PROCESSING : SIM_VALID;
}

static void post_finalize(struct post *p)
{
	struct sim_order *o = order_of(p);
	X509_REQ *req;

	if (!o)
		return;
	if (o->status != SIM_READY) {
		p->ca->refused_csrs++;
		refuse(p->answer, 403, "orderNotReady", "it is not ready");
		return;
	}
	req = read_csr(p, o->name);
	if (!req) {
		complain(p->ca, p->answer, "a bad CSR");
		return;
	}
	issue(p->ca, o, req);
	X509_REQ_free(req);
	answer_json(p->answer, 200, order_json(p->ca, p->id));
}

static void post_cert(struct post *p)
{
	struct sim_order *o = order_of(p);
	const char *instead = p->ca->sends_instead;

	if (!o)
		return;
	if (o->status != SIM_VALID) {
		complain(p->ca, p->answer, "a certificate before its time");
		return;
	}
	p->answer->status = 200;
	p->answer->body = xstrdup(instead ? instead : o->pem);
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
	{ "/chall/", false, post_chall },
	{ "/finalize/", false, post_finalize },
	{ "/cert/", false, post_cert },
};

static bool find_account(struct post *p)
{
	const char *kid = json_string_value(
		json_object_get(p->jws.header, "kid"));
	size_t len = strlen(sim_ca_origin) + strlen("/account/");

	if (!kid || strlen(kid) <= len)
		return false;
	p->account = (unsigned)strtoul(kid + len, NULL, 10);
	return p->account < p->ca->accounts &&
	       p->ca->account[p->account].is_known;
}

static bool is_signed(struct post *p, bool by_key)
{
	unsigned char point[P256_POINT];

	if (by_key)
		return es256_point(json_object_get(p->jws.header, "jwk"),
				   point) &&
		       es256_verify(&p->jws, point);
	return es256_verify(&p->jws, p->ca->account[p->account].point);
}

static void check_and_handle(struct post *p, const char *url, size_t route)
{
	const char *said = json_string_value(
		json_object_get(p->jws.header, "url"));
	const char *nonce = json_string_value(
		json_object_get(p->jws.header, "nonce"));
	bool by_key = routes[route].by_key;

	if (!streq(said, url))
		complain(p->ca, p->answer, "the url that is signed is another");
	else if (!spend_nonce(p->ca, nonce))
		refuse(p->answer, 400, "badNonce", "not a nonce of today");
	else if (!by_key && !find_account(p) && p->ca->is_vague)
		answer_json(p->answer, 500, json_object());
	else if (!by_key && !find_account(p))
		refuse(p->answer, 400, "accountDoesNotExist", "who are you?");
	else if (!is_signed(p, by_key))
		complain(p->ca, p->answer, "a bad signature");
	else
		routes[route].handle(p);
}

static void answer_post(struct sim_ca *ca, const struct fetch_request *rq,
			size_t route, struct sim_answer *answer)
{
	const char *tail = rq->url + strlen(sim_ca_origin) +
			   strlen(routes[route].path);
	const char *page = strchr(tail, '?');
	struct post p = { .ca = ca, .answer = answer };

	ca->posts++;
	p.id = (unsigned)strtoul(tail, NULL, 10);
	p.page = page ? (unsigned)strtoul(page + 1, NULL, 10) : 0;
	if (es256_read(&p.jws, rq->body, rq->body_len)) {
		p.payload = json_loads(p.jws.payload, 0, NULL);
		check_and_handle(&p, rq->url, route);
	} else {
		complain(ca, answer, "not a JWS");
	}
	json_decref(p.payload);
	es256_release(&p.jws);
}

static void answer_directory(const struct sim_ca *ca, struct sim_answer *a)
{
	answer_json(a, 200,
		    json_pack("{s:o, s:o, s:o, s:{s:b}}", "newNonce",
			      place_json("/new-nonce"), "newAccount",
			      place_json("/new-account"), "newOrder",
			      place_json("/new-order"), "meta",
			      "externalAccountRequired", ca->wants_eab));
}

static void answer_any_post(struct sim_ca *ca, const struct fetch_request *rq,
			    struct sim_answer *answer)
{
	const char *path = rq->url + strlen(sim_ca_origin);

	if (sim_ca_more(ca, rq, answer))
		return;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!str_starts(path, routes[i].path))
			continue;
		answer_post(ca, rq, i, answer);
		return;
	}
	complain(ca, answer, "no such URL");
}

void sim_ca_answer(struct sim_ca *ca, const struct fetch_request *rq,
		   struct sim_answer *answer)
{
	bool is_ours = str_starts(rq->url, sim_ca_origin);
	const char *path = is_ours ? rq->url + strlen(sim_ca_origin) : "";
	bool is_directory = streq(path, "/directory");

	*answer = (struct sim_answer){ .status = 200 };
	if (*path != '/')
		complain(ca, answer, "a request for somebody else");
	else if (rq->method == FETCH_POST)
		answer_any_post(ca, rq, answer);
	else if (is_directory)
		answer_directory(ca, answer);
	else if (rq->method == FETCH_GET)
		sim_ca_more_get(ca, path, answer);
	if (is_directory)
		sim_ca_more_directory(ca, answer);
	else
		new_nonce(ca, answer);
	if (!answer->body)
		answer->body = xstrdup("");
}

void sim_ca_wipe(struct sim_ca *ca)
{
	for (unsigned i = 0; i < ca->accounts; i++)
		ca->account[i].is_known = false;
	for (unsigned i = 0; i < ca->orders; i++)
		ca->order[i].is_known = false;
	memset(ca->nonce_is_used, true, sizeof(ca->nonce_is_used));
}

unsigned sim_ca_orders_of(const struct sim_ca *ca, const char *host)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ca->orders; i++)
		n += streq(ca->order[i].name, host);
	return n;
}

unsigned sim_ca_csrs_of(const struct sim_ca *ca, const char *host)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ca->orders; i++)
		if (streq(ca->order[i].name, host))
			n += ca->order[i].csrs;
	return n;
}
