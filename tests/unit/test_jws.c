/* Signatures as a CA reads them; the key of RFC 7515, A.3 where one must be known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jws.h"
#include "base/b64.h"
#include "base/mem.h"
#include "tests/sim/es256.h"
#include "tests/sim/scratch.h"

static struct p256 known;

static void decode_into(const char *text, unsigned char *out)
{
	unsigned char *bytes;
	size_t len;

	must(b64url_decode(text, &bytes, &len) && len == 32, NULL);
	memcpy(out, bytes, len);
	free(bytes);
}

static int set_up(void **state)
{
	(void)state;
	known.point[0] = 4;
	decode_into("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
		    known.point + 1);
	decode_into("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
		    known.point + 33);
	decode_into("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
		    known.scalar);
	return 0;
}

static bool sign(void *ctx, const struct p256 *key, const void *data,
		 size_t len, unsigned char out[static P256_SIGNATURE],
		 struct err *err)
{
	(void)ctx;
	return p256_sign(key, data, len, out, err);
}

static bool sign_not(void *ctx, const struct p256 *key, const void *data,
		     size_t len, unsigned char out[static P256_SIGNATURE],
		     struct err *err)
{
	(void)ctx;
	(void)key;
	(void)data;
	(void)len;
	(void)out;
	return err_set(err, ERR_INTERNAL, "the token is gone");
}

static const struct world world = { .sign = sign };
static const struct world broken = { .sign = sign_not };

static const char *member(const json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name));
}

static const struct {
	const char *kid;	/* NULL: the key itself comes along */
	const char *payload;	/* NULL: POST-as-GET */
} cases[] = {
	{ NULL, "{\"termsOfServiceAgreed\":true}" },
	{ "https://ca.test/account/1", "{}" },
	{ "https://ca.test/account/1", NULL },
	{ "https://ca.test/account/\"\\", "" },
};

static void check_header(const json_t *header, const char *kid)
{
	unsigned char point[P256_POINT];

	assert_string_equal(member(header, "alg"), "ES256");
	assert_string_equal(member(header, "nonce"), "nonce-1");
	assert_string_equal(member(header, "url"), "https://ca.test/new");
	if (kid) {
		assert_string_equal(member(header, "kid"), kid);
		assert_null(json_object_get(header, "jwk"));
		return;
	}
	assert_null(json_object_get(header, "kid"));
	assert_true(es256_point(json_object_get(header, "jwk"), point));
	assert_memory_equal(point, known.point, P256_POINT);
	assert_null(json_object_get(json_object_get(header, "jwk"), "d"));
}

static void a_ca_can_verify_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct jws_header header = { .url = "https://ca.test/new",
					     .nonce = "nonce-1",
					     .kid = cases[i].kid };
		struct err err = ERR_INIT;
		struct es256 jws;
		char *text = jws_sign(&world, &known, &header,
				      cases[i].payload, &err);

		assert_non_null(text);
		assert_true(es256_read(&jws, text, strlen(text)));
		check_header(jws.header, cases[i].kid);
		assert_string_equal(jws.payload, cases[i].payload
						 ? cases[i].payload : "");
		assert_true(es256_verify(&jws, known.point));
		jws.input[5] ^= 1;	/* and only that */
		assert_false(es256_verify(&jws, known.point));
		es256_release(&jws);
		free(text);
	}
}

static void a_key_that_cannot_sign_is_said(void **state)
{
	struct jws_header header = { .url = "u", .nonce = "n" };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(jws_sign(&broken, &known, &header, "{}", &err));
	assert_string_equal(err.text, "the token is gone");
}

/* RFC 7638: SHA-256 over the members in order; computed beside, once. */
static void the_thumbprint_is_of_the_known_key(void **state)
{
	char *text = jws_thumbprint(&known);

	(void)state;
	assert_string_equal(text,
			    "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	free(text);
}

static void the_binding_is_an_hmac_over_our_key(void **state)
{
	static const unsigned char key[] = "0123456789abcdef0123456789abcdef";
	unsigned char mac[EVP_MAX_MD_SIZE], point[P256_POINT];
	char *text = jws_eab(&known, "kid-1", key, 32, "https://ca.test/new");
	struct es256 jws;
	json_t *jwk;

	(void)state;
	assert_true(es256_read(&jws, text, strlen(text)));
	assert_string_equal(member(jws.header, "alg"), "HS256");
	assert_string_equal(member(jws.header, "kid"), "kid-1");
	assert_string_equal(member(jws.header, "url"), "https://ca.test/new");
	assert_null(json_object_get(jws.header, "nonce"));
	jwk = json_loads(jws.payload, 0, NULL);
	assert_true(es256_point(jwk, point));
	assert_memory_equal(point, known.point, P256_POINT);
	json_decref(jwk);
	HMAC(EVP_sha256(), key, 32, (unsigned char *)jws.input,
	     strlen(jws.input), mac, NULL);
	assert_int_equal(jws.signature_len, 32);
	assert_memory_equal(jws.signature, mac, 32);
	es256_release(&jws);
	free(text);
}

static void a_key_change_names_both_keys(void **state)
{
	unsigned char point[P256_POINT];
	struct err err = ERR_INIT;
	struct es256 jws;
	struct p256 next;
	json_t *payload;
	char *text;

	(void)state;
	must(p256_generate(&next, &err), &err);
	text = jws_key_change(&world, &known, &next, "https://ca.test/a/1",
			      "https://ca.test/key-change", &err);
	assert_non_null(text);
	assert_true(es256_read(&jws, text, strlen(text)));
	assert_string_equal(member(jws.header, "url"),
			    "https://ca.test/key-change");
	assert_null(json_object_get(jws.header, "nonce"));
	assert_true(es256_point(json_object_get(jws.header, "jwk"), point));
	assert_memory_equal(point, next.point, P256_POINT);
	assert_true(es256_verify(&jws, next.point));
	payload = json_loads(jws.payload, 0, NULL);
	assert_string_equal(member(payload, "account"), "https://ca.test/a/1");
	assert_true(es256_point(json_object_get(payload, "oldKey"), point));
	assert_memory_equal(point, known.point, P256_POINT);
	assert_null(jws_key_change(&broken, &known, &next, "a", "u", &err));
	json_decref(payload);
	es256_release(&jws);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ca_can_verify_it),
		cmocka_unit_test(a_key_that_cannot_sign_is_said),
		cmocka_unit_test(the_thumbprint_is_of_the_known_key),
		cmocka_unit_test(the_binding_is_an_hmac_over_our_key),
		cmocka_unit_test(a_key_change_names_both_keys),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
