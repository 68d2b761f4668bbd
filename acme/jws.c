#include "acme/jws.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"

/* Members in the order of their names, as the thumbprint needs them. */
static char *jwk_text(const struct p256 *key)
{
	char *x = b64url_encode(key->point + 1, 32);
	char *y = b64url_encode(key->point + 33, 32);
	char *jwk = xasprintf("{\"crv\":\"P-256\",\"kty\":\"EC\","
			      "\"x\":\"%s\",\"y\":\"%s\"}", x, y);

	free(x);
	free(y);
	return jwk;
}

static json_t *jwk_json(const struct p256 *key)
{
	char *text = jwk_text(key);
	json_t *jwk = json_loads(text, 0, NULL);

	free(text);
	return jwk;
}

char *jws_thumbprint(const struct p256 *key)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *jwk = jwk_text(key), *text = NULL;
	unsigned len = 0;

	if (EVP_Digest(jwk, strlen(jwk), digest, &len, EVP_sha256(), NULL))
		text = b64url_encode(digest, len);
	free(jwk);
	return text ? text : xstrdup("");
}

/* Takes `object`: its text, base64url. */
static char *encode_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	char *out = b64url_encode(text, strlen(text));

	free(text);
	json_decref(object);
	return out;
}

static char *encode_header(const struct p256 *key, const struct jws_header *h)
{
	json_t *object = json_pack("{s:s, s:s}", "alg", "ES256", "url",
				   h->url);

	if (h->nonce)
		json_object_set_new(object, "nonce", json_string(h->nonce));
	if (h->kid) {
		json_object_set_new(object, "kid", json_string(h->kid));
	} else {
		json_object_set_new(object, "jwk", jwk_json(key));
	}
	return encode_json(object);
}

/* Takes the three parts. */
static char *flatten(char *header, char *payload, char *signature)
{
	char *out = xasprintf("{\"protected\":\"%s\",\"payload\":\"%s\","
			      "\"signature\":\"%s\"}",
			      header, payload, signature);

	free(header);
	free(payload);
	free(signature);
	return out;
}

char *jws_sign(const struct world *world, const struct p256 *key,
	       const struct jws_header *header, const char *payload,
	       struct err *err)
{
	unsigned char raw[P256_SIGNATURE];
	char *head = encode_header(key, header);
	char *body = payload ? b64url_encode(payload, strlen(payload))
			     : xstrdup("");
	char *input = xasprintf("%s.%s", head, body);
	bool ok = world->sign(world->ctx, key, input, strlen(input), raw, err);

	free(input);
	if (ok)
		return flatten(head, body, b64url_encode(raw, sizeof(raw)));
	free(head);
	free(body);
	return NULL;
}

char *jws_eab(const struct p256 *key, const char *eab_kid,
	      const unsigned char *hmac_key, size_t hmac_key_len,
	      const char *new_account_url)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	char *jwk = jwk_text(key);
	char *body = b64url_encode(jwk, strlen(jwk));
	char *head = encode_json(json_pack("{s:s, s:s, s:s}", "alg", "HS256",
					   "kid", eab_kid, "url",
					   new_account_url));
	char *input = xasprintf("%s.%s", head, body);

	HMAC(EVP_sha256(), hmac_key, (int)hmac_key_len,
	     (const unsigned char *)input, strlen(input), mac, &mac_len);
	free(input);
	free(jwk);
	return flatten(head, body, b64url_encode(mac, mac_len));
}

char *jws_key_change(const struct world *world, const struct p256 *old_key,
		     const struct p256 *new_key, const char *account_url,
		     const char *url, struct err *err)
{
	struct jws_header header = { .url = url };
	json_t *object = json_pack("{s:s, s:o}", "account", account_url,
				   "oldKey", jwk_json(old_key));
	char *payload = json_dumps(object, JSON_COMPACT);
	char *jws = jws_sign(world, new_key, &header, payload, err);

	json_decref(object);
	free(payload);
	return jws;
}
