#include "tests/sim/sim_ca_more.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jws.h"
#include "base/b64.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/es256.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_ca.h"

/* One POST, read. */
struct errand_post {
	struct sim_ca *ca;
	const struct fetch_request *rq;
	struct sim_answer *answer;
	struct es256 jws;
	json_t *payload;		/* NULL: no JSON */
};

static void refuse(struct errand_post *p, long status, const char *type)
{
	p->answer->status = status;
	p->answer->body = xasprintf(
		"{\"type\":\"urn:ietf:params:acme:error:%s\","
		"\"detail\":\"%s\"}", type, type);
}

static void complain(struct errand_post *p, const char *what)
{
	if (!*p->ca->complaint)
		snprintf(p->ca->complaint, SIM_TEXT, "%s", what);
	refuse(p, 400, "malformed");
}

static void agree(struct errand_post *p)
{
	p->answer->status = 200;
	p->answer->body = xstrdup("{}");
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The account with this key, or `accounts`. */
static unsigned with_key(const struct sim_ca *ca,
			 const unsigned char point[static P256_POINT])
{
	unsigned i = 0;

	while (i < ca->accounts && (!ca->account[i].is_known ||
				    memcmp(ca->account[i].point, point,
					   P256_POINT) != 0))
		i++;
	return i;
}

/* The account that it is signed for and by, or `accounts`. */
static unsigned signer(struct errand_post *p)
{
	struct sim_ca *ca = p->ca;
	const char *kid = text_of(p->jws.header, "kid"), *path;
	unsigned id = ca->accounts;

	path = str_starts(kid, sim_ca_origin) ? kid + strlen(sim_ca_origin)
					      : "";
	if (str_starts(path, "/account/"))
		id = (unsigned)strtoul(path + strlen("/account/"), NULL, 10);
	if (id < ca->accounts && ca->account[id].is_known &&
	    es256_verify(&p->jws, ca->account[id].point))
		return id;
	return ca->accounts;
}

/* ---- revocation ---- */

static X509 *read_cert(const json_t *payload)
{
	unsigned char *der = NULL;
	const unsigned char *at;
	X509 *x = NULL;
	size_t len = 0;

	if (b64url_decode(text_of(payload, "certificate"), &der, &len)) {
		at = der;
		x = d2i_X509(NULL, &at, (long)len);
	}
	free(der);
	return x;
}

static void read_serial(X509 *x, char *out, size_t size)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = BN_bn2hex(n);

	snprintf(out, size, "%s", hex);
	str_lower(out);
	OPENSSL_free(hex);
	BN_free(n);
}

/* Signed by the key that the certificate is for? */
static bool is_by_its_key(struct errand_post *p, X509 *x)
{
	unsigned char point[P256_POINT], own[P256_POINT];
	size_t len = 0;

	return es256_point(json_object_get(p->jws.header, "jwk"), point) &&
	       es256_verify(&p->jws, point) &&
	       EVP_PKEY_get_octet_string_param(X509_get0_pubkey(x), "pub", own,
					       sizeof(own), &len) &&
	       len == P256_POINT && memcmp(point, own, P256_POINT) == 0;
}

static bool is_revoked(const struct sim_more *more, const char *serial)
{
	for (unsigned i = 0; i < more->revocations; i++)
		if (streq(more->revoked[i].serial, serial))
			return true;
	return false;
}

static void revoke(struct errand_post *p, X509 *x, bool by_key)
{
	struct sim_more *more = &p->ca->more;
	struct sim_revocation r = { .by_key = by_key };

	r.reason = (int)json_integer_value(
		json_object_get(p->payload, "reason"));
	read_serial(x, r.serial, sizeof(r.serial));
	if (is_revoked(more, r.serial)) {
		refuse(p, 400, "alreadyRevoked");
	} else if (r.reason && r.reason == more->refused_reason) {
		refuse(p, 400, "badRevocationReason");
	} else {
		must(more->revocations < SIM_REVOCATIONS, NULL);
		more->revoked[more->revocations++] = r;
		agree(p);
	}
}

static void post_revocation(struct errand_post *p)
{
	struct sim_more *more = &p->ca->more;
	X509 *x = read_cert(p->payload);
	bool by_key = x && is_by_its_key(p, x);

	more->revoke_requests++;
	if (!x)
		complain(p, "no certificate to revoke");
	else if (more->breaks_on_revocation)
		refuse(p, 500, "serverInternal");
	else if (by_key)
		revoke(p, x, true);
	else if (signer(p) == p->ca->accounts || more->hears_no_account ||
		 more->is_deactivated)
		refuse(p, 403, "unauthorized");
	else
		revoke(p, x, false);
	X509_free(x);
}

/* ---- another key ---- */

static void set_key(struct sim_ca *ca, unsigned id,
		    const unsigned char point[static P256_POINT])
{
	struct p256 key = { .scalar = { 0 } };
	char *text;

	memcpy(key.point, point, P256_POINT);
	memcpy(ca->account[id].point, point, P256_POINT);
	text = jws_thumbprint(&key);
	snprintf(ca->account[id].thumbprint, 64, "%s", text);
	free(text);
}

/* What RFC 8555, 7.3.5 lets a server check, but for the nonce. */
static bool inner_is_good(struct errand_post *p, const struct es256 *inner,
			  unsigned id, unsigned char next[static P256_POINT])
{
	json_t *ask = json_loads(inner->payload, 0, NULL);
	const char *kid = text_of(p->jws.header, "kid");
	unsigned char old[P256_POINT];
	bool ok = es256_point(json_object_get(inner->header, "jwk"), next) &&
		  es256_verify(inner, next) &&
		  streq(text_of(inner->header, "url"), p->rq->url) &&
		  !json_object_get(inner->header, "nonce") &&
		  streq(text_of(ask, "account"), kid) &&
		  es256_point(json_object_get(ask, "oldKey"), old) &&
		  memcmp(old, p->ca->account[id].point, P256_POINT) == 0;

	json_decref(ask);
	return ok;
}

static void post_key_change(struct errand_post *p)
{
	struct sim_ca *ca = p->ca;
	unsigned char next[P256_POINT];
	unsigned id = signer(p);
	struct es256 inner;

	ca->more.key_change_requests++;
	if (id == ca->accounts || ca->more.is_deactivated) {
		refuse(p, 403, "unauthorized");
		return;
	}
	if (!es256_read(&inner, p->jws.payload, strlen(p->jws.payload)) ||
	    !inner_is_good(p, &inner, id, next)) {
		complain(p, "a bad change of keys");
	} else if (ca->more.refuses_key_change) {
		refuse(p, 409, "malformed");
	} else {
		set_key(ca, id, next);
		ca->more.key_changes++;
		agree(p);
	}
	es256_release(&inner);
}

/* ---- requests ---- */

/* Only what a plain registration would get wrong. */
static bool is_hopeless(struct errand_post *p)
{
	struct sim_ca *ca = p->ca;
	unsigned char point[P256_POINT];
	bool by_key = es256_point(json_object_get(p->jws.header, "jwk"), point);
	unsigned id = by_key ? with_key(ca, point) : signer(p);

	if (ca->more.is_deactivated && id < ca->accounts) {
		refuse(p, 403, "unauthorized");
		return true;
	}
	if (by_key && id == ca->accounts &&
	    json_is_true(json_object_get(p->payload, "onlyReturnExisting"))) {
		refuse(p, 400, "accountDoesNotExist");
		return true;
	}
	return false;
}

static bool answer(struct errand_post *p)
{
	const char *path = p->rq->url + strlen(sim_ca_origin);

	if (streq(path, "/revoke-cert"))
		post_revocation(p);
	else if (streq(path, "/key-change"))
		post_key_change(p);
	else
		return is_hopeless(p);
	return true;
}

bool sim_ca_more(struct sim_ca *ca, const struct fetch_request *rq,
		 struct sim_answer *ans)
{
	struct errand_post p = { .ca = ca, .rq = rq, .answer = ans };
	bool is_answered = false;

	if (es256_read(&p.jws, rq->body, rq->body_len)) {
		p.payload = json_loads(p.jws.payload, 0, NULL);
		is_answered = answer(&p);
	}
	json_decref(p.payload);
	es256_release(&p.jws);
	return is_answered;
}

static void explain(const struct sim_more *more, json_t *root)
{
	char turn[16] = "";

	if (!more->ari_url)
		return;
	if (more->ari_url_turns)
		snprintf(turn, sizeof(turn), "%u", more->ari_polls);
	json_object_set_new(root, "explanationURL",
			    json_sprintf("%s%s", more->ari_url, turn));
}

static char *window_of(const struct sim_ca *ca)
{
	const struct sim_more *more = &ca->more;
	long start = more->ari_start, end = more->ari_end;
	char from[INSTANT_TEXT], until[INSTANT_TEXT];
	json_t *root;
	char *text;

	if (more->ari_is_haste) {
		start = ca->now - WHEN_HOUR;
		end = ca->now - WHEN_HOUR / 2;
	}
	root = json_pack("{s:{s:s,s:s}}", "suggestedWindow", "start",
			 instant_format(start, from), "end",
			 instant_format(end, until));
	must(root, NULL);
	explain(more, root);
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

void sim_ca_more_get(struct sim_ca *ca, const char *path,
		     struct sim_answer *ans)
{
	struct sim_more *more = &ca->more;

	if (!more->has_ari || !str_starts(path, "/ari/"))
		return;
	more->ari_polls++;
	ans->status = more->ari_status ? more->ari_status : 200;
	ans->body = more->ari_status ? xstrdup("{}") : window_of(ca);
	memcpy(ans->retry_after, more->ari_retry_after,
	       sizeof(ans->retry_after));
}

static void add_place(json_t *directory, const char *key, const char *path)
{
	json_object_set_new(directory, key,
			    json_sprintf("%s%s", sim_ca_origin, path));
}

void sim_ca_more_directory(const struct sim_ca *ca, struct sim_answer *ans)
{
	json_t *root = json_loads(ans->body, 0, NULL);

	must(root, NULL);
	add_place(root, "revokeCert", "/revoke-cert");
	if (!ca->more.lacks_key_change)
		add_place(root, "keyChange", "/key-change");
	if (ca->more.has_ari)
		add_place(root, "renewalInfo", "/ari");
	free(ans->body);
	ans->body = json_dumps(root, JSON_COMPACT);
	json_decref(root);
}
