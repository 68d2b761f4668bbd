#include "tests/sim/es256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/mem.h"

static const char *member(const json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name));
}

static bool read_header(struct es256 *jws, const char *text)
{
	unsigned char *bytes = NULL;
	size_t len = 0;

	if (text && b64url_decode(text, &bytes, &len))
		jws->header = json_loadb((char *)bytes, len,
					 JSON_REJECT_DUPLICATES, NULL);
	free(bytes);
	return jws->header != NULL;
}

bool es256_read(struct es256 *jws, const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *head = member(root, "protected");
	const char *body = member(root, "payload");
	const char *sig = member(root, "signature");
	unsigned char *bytes = NULL;
	size_t n = 0;
	bool ok;

	*jws = (struct es256){ .header = NULL };
	ok = read_header(jws, head) && body && sig &&
	     b64url_decode(body, &bytes, &n) &&
	     b64url_decode(sig, &jws->signature, &jws->signature_len);
	if (ok) {
		jws->payload = xstrndup((char *)bytes, n);
		jws->input = xasprintf("%s.%s", head, body);
	}
	free(bytes);
	json_decref(root);
	return ok;
}

void es256_release(struct es256 *jws)
{
	json_decref(jws->header);
	free(jws->payload);
	free(jws->input);
	free(jws->signature);
}

static bool read_coordinate(const json_t *jwk, const char *name,
			    unsigned char *out)
{
	const char *text = member(jwk, name);
	unsigned char *bytes = NULL;
	size_t len = 0;
	bool ok = text && b64url_decode(text, &bytes, &len) && len == 32;

	if (ok)
		memcpy(out, bytes, 32);
	free(bytes);
	return ok;
}

bool es256_point(const json_t *jwk, unsigned char point[static P256_POINT])
{
	point[0] = 4;
	return read_coordinate(jwk, "x", point + 1) &&
	       read_coordinate(jwk, "y", point + 33);
}

static EVP_PKEY *public_key(const unsigned char *point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char[]){ "prime256v1" }, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)point, P256_POINT),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int raw_to_der(const unsigned char *raw, unsigned char **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len;

	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL),
		       BN_bin2bn(raw + 32, 32, NULL));
	len = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	return len;
}

bool es256_verify(const struct es256 *jws,
		  const unsigned char point[static P256_POINT])
{
	EVP_PKEY *key = public_key(point);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool ok = false;

	if (key && jws->signature_len == P256_SIGNATURE) {
		int len = raw_to_der(jws->signature, &der);

		ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
					  key) > 0 &&
		     EVP_DigestVerify(ctx, der, (size_t)len,
				      (unsigned char *)jws->input,
				      strlen(jws->input)) == 1;
	}
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}
