#define OPENSSL_SUPPRESS_DEPRECATED	/* RAND_METHOD: the only way in */

#include "tests/sim/sham.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/dice.h"
#include "tests/sim/scratch.h"

#define NONCES 32

static const unsigned char mark[16] = "sham, not ECDSA";

static struct p256 *pool;
static size_t pool_size;
static uint64_t dice;

/* ---- randomness ---- */

static int fill(unsigned char *out, int len)
{
	dice_fill(&dice, out, (size_t)len);
	return 1;
}

static int is_seeded(void)
{
	return 1;
}

void sham_seed(uint64_t seed)
{
	dice = dice_seed(seed);
}

/* ---- keys ---- */

void sham_init(size_t keys)
{
	static const RAND_METHOD method = { .bytes = fill, .pseudorand = fill,
					    .status = is_seeded };
	struct err err = ERR_INIT;

	must(RAND_set_rand_method(&method) == 1, NULL);
	sham_seed(0);
	pool = xcalloc(keys, sizeof(*pool));
	pool_size = keys;
	for (size_t i = 0; i < keys; i++)
		must(p256_generate(&pool[i], &err), &err);
}

bool sham_key(size_t n, struct p256 *key)
{
	if (n >= pool_size)
		return false;
	*key = pool[n];
	return true;
}

/* ---- signatures of requests ---- */

static uint64_t mix(uint64_t h, const unsigned char *p, size_t len)
{
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0x9fb21c651e98df25u;
		h ^= h >> 29;
	}
	while (len--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h ^ h >> 32;
}

void sham_sign(const unsigned char point[static P256_POINT], const void *data,
	       size_t len, unsigned char out[static P256_SIGNATURE])
{
	uint64_t h = mix(mix(len, point, P256_POINT), data, len);

	memcpy(out, mark, sizeof(mark));
	for (size_t i = sizeof(mark); i < P256_SIGNATURE; i += 8) {
		h = h * 0x9e3779b97f4a7c15u + i;
		memcpy(out + i, &h, 8);
	}
}

bool sham_is_sham(const unsigned char *signature)
{
	return memcmp(signature, mark, sizeof(mark)) == 0;
}

bool sham_verify(const unsigned char point[static P256_POINT],
		 const void *data, size_t len, const unsigned char *signature)
{
	unsigned char right[P256_SIGNATURE];

	sham_sign(point, data, len, right);
	return memcmp(signature, right, sizeof(right)) == 0;
}

/* ---- signatures of certificates ---- */

#define R_AT 5		/* SEQUENCE, INTEGER, a zero before the top bit */
#define S_AT 40

static void frame(unsigned char out[static SHAM_DER])
{
	static const unsigned char head[] = { 0x30, SHAM_DER - 2, 2, 33, 0 };

	memcpy(out, head, sizeof(head));
	memcpy(out + S_AT - 3, head + 2, 3);
}

void sham_sign_der(const unsigned char point[static P256_POINT],
		   const void *data, size_t len,
		   unsigned char out[static SHAM_DER])
{
	unsigned char raw[P256_SIGNATURE];

	sham_sign(point, data, len, raw);
	frame(out);
	memcpy(out + R_AT, raw, 32);
	memcpy(out + S_AT, raw + 32, 32);
}

bool sham_is_sham_der(const unsigned char *der, size_t len)
{
	return len == SHAM_DER && sham_is_sham(der + R_AT);
}

bool sham_verify_der(const unsigned char point[static P256_POINT],
		     const void *data, size_t len,
		     const unsigned char der[static SHAM_DER])
{
	unsigned char right[SHAM_DER];

	sham_sign_der(point, data, len, right);
	return memcmp(der, right, sizeof(right)) == 0;
}

struct sham_signer {
	BIGNUM *secret, *order, *half;
	BIGNUM *inverse[NONCES], *r[NONCES];
	BN_CTX *ctx;
	unsigned next;
};

/* A nonce whose r is 33 bytes in DER, so that lengths never vary. */
static void make_nonce(struct sham_signer *s, const EC_GROUP *group, size_t i)
{
	BIGNUM *k = BN_new(), *x = BN_new();
	EC_POINT *at = EC_POINT_new(group);

	do {
		must(BN_rand_range(k, s->order) &&
		     EC_POINT_mul(group, at, k, NULL, NULL, s->ctx) &&
		     EC_POINT_get_affine_coordinates(group, at, x, NULL,
						     s->ctx) &&
		     BN_nnmod(s->r[i], x, s->order, s->ctx), NULL);
	} while (BN_num_bits(s->r[i]) != 256);
	must(BN_mod_inverse(s->inverse[i], k, s->order, s->ctx) != NULL, NULL);
	EC_POINT_free(at);
	BN_free(x);
	BN_free(k);
}

struct sham_signer *sham_signer_new(EVP_PKEY *key)
{
	struct sham_signer *s = xcalloc(1, sizeof(*s));
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);

	s->ctx = BN_CTX_new();
	s->order = BN_dup(EC_GROUP_get0_order(group));
	s->half = BN_new();
	must(BN_rshift1(s->half, s->order) &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &s->secret),
	     NULL);
	for (size_t i = 0; i < NONCES; i++) {
		s->inverse[i] = BN_new();
		s->r[i] = BN_new();
		make_nonce(s, group, i);
	}
	EC_GROUP_free(group);
	return s;
}

void sham_signer_free(struct sham_signer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < NONCES; i++) {
		BN_free(s->inverse[i]);
		BN_free(s->r[i]);
	}
	BN_free(s->secret);
	BN_free(s->order);
	BN_free(s->half);
	BN_CTX_free(s->ctx);
	free(s);
}

static void put_number(unsigned char *out, const BIGNUM *n)
{
	must(BN_bn2binpad(n, out, 32) == 32, NULL);
}

/* Of s and order - s, both right, the one with its top bit set. */
static void make_s(struct sham_signer *s, unsigned i, const BIGNUM *z,
		   BIGNUM *out)
{
	must(BN_mod_mul(out, s->r[i], s->secret, s->order, s->ctx) &&
	     BN_mod_add(out, out, z, s->order, s->ctx) &&
	     BN_mod_mul(out, out, s->inverse[i], s->order, s->ctx), NULL);
	if (BN_cmp(out, s->half) <= 0)
		must(BN_sub(out, s->order, out), NULL);
}

void sham_signer_sign(struct sham_signer *s, const void *data, size_t len,
		      unsigned char out[static SHAM_DER])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	BIGNUM *z, *result = BN_new();
	unsigned i;

	SHA256(data, len, digest);
	z = BN_bin2bn(digest, sizeof(digest), NULL);
	do {
		i = s->next++ % NONCES;
		make_s(s, i, z, result);
	} while (BN_num_bits(result) != 256);
	frame(out);
	put_number(out + R_AT, s->r[i]);
	put_number(out + S_AT, result);
	BN_free(z);
	BN_free(result);
}
