#include "tests/sim/shortcuts.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "base/mem.h"
#include "httpd/pair.h"
#include "tests/sim/bulk_ca.h"
#include "tests/sim/bulk_signer.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sham.h"

#define CERTS 4096		/* powers of two */
#define KEYS  65536		/* several times those of the pool */
#define HEAD  4			/* of the outer SEQUENCE, with a long length */
#define BULK_DER_MAX 640

/* What the linker calls the functions that are wrapped, and ours. */
X509 *__real_d2i_X509(X509 **x, const unsigned char **in, long len);
int __real_X509_verify_cert(X509_STORE_CTX *ctx);
bool __real_pair_make(struct cert_pair *pair, const unsigned char *der,
		      size_t len, const struct p256 *key, struct err *err);
bool __real_csr_make(const struct p256 *key, const char *host,
		     unsigned char out[static ORDER_CSR_MAX], size_t *len,
		     struct err *err);
X509 *__wrap_d2i_X509(X509 **out, const unsigned char **in, long most);
X509 *__wrap_PEM_read_bio_X509(BIO *in, X509 **out, pem_password_cb *ask,
			       void *arg);
int __wrap_X509_verify_cert(X509_STORE_CTX *ctx);
bool __wrap_pair_make(struct cert_pair *pair, const unsigned char *der,
		      size_t len, const struct p256 *key, struct err *err);
bool __wrap_csr_make(const struct p256 *key, const char *host,
		     unsigned char out[static ORDER_CSR_MAX], size_t *len,
		     struct err *err);

static struct {
	unsigned char *der;
	size_t len;
	X509 *x;
} certs[CERTS];

static struct {
	struct p256 key;
	EVP_PKEY *pkey;
} keys[KEYS];

/* For each key the certificate that was the last to have it. */
static struct mould {
	unsigned char der[BULK_DER_MAX];
	size_t len;
	unsigned world;
	X509 *x;
} *moulds[KEYS];

static const struct bulk_shape *shape;
static unsigned world;

static struct {
	unsigned char tbs[ORDER_CSR_MAX];
	size_t len, host_at, point_at;
} template;

static bool is_off;

void shortcuts_off(bool off)
{
	is_off = off;
}

static size_t hash(const unsigned char *p, size_t len)
{
	uint64_t h = len, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0x9fb21c651e98df25u;
		h ^= h >> 29;
	}
	return (size_t)(h ^ h >> 32);
}

void shortcuts_new_world(void)
{
	world++;
}

/* ---- certificates of the bulk signer's ---- */

static const unsigned char *signature_in(const unsigned char *der, size_t len)
{
	return der + len - SHAM_DER;
}

/* Is it one with a sham signature? */
static bool is_bulk(const unsigned char *der, size_t len)
{
	return shape && len <= BULK_DER_MAX &&
	       len > HEAD + shape->len + SHAM_DER &&
	       sham_is_sham_der(signature_in(der, len), SHAM_DER);
}

static struct mould **mould_of(const unsigned char *der)
{
	return &moulds[hash(der + HEAD + shape->point_at, P256_POINT) &
		       (KEYS - 1)];
}

static bool has_key_of(const struct mould *m, const unsigned char *der)
{
	size_t at = HEAD + shape->point_at;

	return memcmp(m->der + at, der + at, P256_POINT) == 0;
}

static void put_text(const ASN1_STRING *into, const unsigned char *tbs,
		     size_t at)
{
	memcpy((unsigned char *)ASN1_STRING_get0_data(into), tbs + at,
	       (size_t)ASN1_STRING_length(into));
}

/* The host is the end of the extension: GeneralNames with one dNSName. */
static void put_host(X509 *x, const unsigned char *tbs)
{
	int i = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
	ASN1_OCTET_STRING *san = X509_EXTENSION_get_data(X509_get_ext(x, i));
	int at = ASN1_STRING_length(san) - BULK_HOST_LEN;

	memcpy((unsigned char *)ASN1_STRING_get0_data(san) + at,
	       tbs + shape->host_at, BULK_HOST_LEN);
}

static void put_signature(X509 *x, const unsigned char *der, size_t len)
{
	const ASN1_BIT_STRING *signature;

	X509_get0_signature(&signature, NULL, x);
	put_text(signature, signature_in(der, len), 0);
}

/* OpenSSL encodes it anew: is it what was to be parsed? */
static bool is_same(X509 *x, const unsigned char *der, size_t len)
{
	unsigned char again[BULK_DER_MAX], *p = again;

	i2d_re_X509_tbs(x, &p);
	if ((size_t)(p - again) != shape->len ||
	    memcmp(again, der + HEAD, shape->len) != 0)
		return false;
	p = again;
	return i2d_X509(x, &p) == (int)len && memcmp(again, der, len) == 0;
}

static X509 *mould(struct mould *m, const unsigned char *der, size_t len)
{
	const unsigned char *tbs = der + HEAD;

	put_text(X509_get0_serialNumber(m->x), tbs, shape->serial_at);
	put_text(X509_get0_notBefore(m->x), tbs, shape->from_at);
	put_text(X509_get0_notAfter(m->x), tbs, shape->until_at);
	put_host(m->x, tbs);
	put_signature(m->x, der, len);
	memcpy(m->der, der, len);
	m->world = world;
	must(is_same(m->x, der, len), NULL);
	return m->x;
}

static X509 *first_of_key(struct mould **place, const unsigned char *der,
			  size_t len)
{
	const unsigned char *p = der;
	X509 *x = __real_d2i_X509(NULL, &p, (long)len);

	if (!x)
		return NULL;
	if (*place)
		X509_free((*place)->x);
	else
		*place = xcalloc(1, sizeof(**place));
	**place = (struct mould){ .len = len, .world = world, .x = x };
	memcpy((*place)->der, der, len);
	return x;
}

/* NULL: it must be parsed. */
static X509 *moulded(const unsigned char *der, size_t len)
{
	struct mould **place, *m;

	if (!is_bulk(der, len))
		return NULL;
	place = mould_of(der);
	m = *place;
	if (m && m->len == len && memcmp(m->der, der, len) == 0)
		return m->x;
	if (m && m->len == len && m->world != world && has_key_of(m, der))
		return mould(m, der, len);
	return first_of_key(place, der, len);
}

/* ---- certificates ---- */

/* The length of a SEQUENCE with a length of two bytes; 0: it is another. */
static size_t whole(const unsigned char *der, long most)
{
	size_t len = most < HEAD || der[0] != 0x30 || der[1] != 0x82
			     ? 0 : HEAD + ((size_t)der[2] << 8 | der[3]);

	return len <= (size_t)most ? len : 0;
}

static X509 *remember(size_t at, const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	X509 *x = __real_d2i_X509(NULL, &p, (long)len);

	if (!x || p != der + len) {
		X509_free(x);
		return NULL;
	}
	X509_free(certs[at].x);
	free(certs[at].der);
	certs[at].der = xmemdup(der, len);
	certs[at].len = len;
	certs[at].x = x;
	return x;
}

static X509 *remembered(const unsigned char *der, size_t len)
{
	size_t at = hash(der, len) & (CERTS - 1);
	X509 *x = certs[at].x;

	if (!x || certs[at].len != len || memcmp(certs[at].der, der, len) != 0)
		x = remember(at, der, len);
	return x;
}

X509 *__wrap_d2i_X509(X509 **out, const unsigned char **in, long most)
{
	size_t len = out ? 0 : whole(*in, most);
	X509 *x;

	if (!len)
		return __real_d2i_X509(out, in, most);
	x = moulded(*in, len);
	if (!x)
		x = remembered(*in, len);
	if (!x)
		return __real_d2i_X509(out, in, most);
	X509_up_ref(x);
	*in += len;
	return x;
}

X509 *__wrap_PEM_read_bio_X509(BIO *in, X509 **out, pem_password_cb *ask,
			       void *arg)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	long len;
	X509 *x;

	if (!PEM_bytes_read_bio(&der, &len, NULL, PEM_STRING_X509, in, ask,
				arg))
		return NULL;
	p = der;
	x = __wrap_d2i_X509(out, &p, len);
	OPENSSL_free(der);
	return x;
}

/* ---- chains ---- */

static bool is_sham_signed(X509 *x)
{
	const ASN1_BIT_STRING *signature;

	X509_get0_signature(&signature, NULL, x);
	return sham_is_sham_der(signature->data, (size_t)signature->length);
}

static bool is_signed_by(X509 *x, const X509 *issuer)
{
	const ASN1_BIT_STRING *signature, *key = X509_get0_pubkey_bitstr(issuer);
	unsigned char *tbs = NULL;
	int len = i2d_re_X509_tbs(x, &tbs);
	bool ok;

	X509_get0_signature(&signature, NULL, x);
	ok = len > 0 && key && key->length == P256_POINT &&
	     sham_verify_der(key->data, tbs, (size_t)len, signature->data);
	OPENSSL_free(tbs);
	return ok;
}

static int is_wrong(X509_STORE_CTX *ctx, int depth, int why)
{
	X509_STORE_CTX_set_error_depth(ctx, depth);
	X509_STORE_CTX_set_error(ctx, why);
	return 0;
}

/* In place of internal_verify(): leaf and anchor, and both of this time. */
static int verify_sham(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	const X509_VERIFY_PARAM *when = X509_STORE_CTX_get0_param(ctx);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		int off = X509_cmp_timeframe(when, X509_get0_notBefore(x),
					     X509_get0_notAfter(x));

		if (off)
			return is_wrong(ctx, i, off > 0
				? X509_V_ERR_CERT_HAS_EXPIRED
				: X509_V_ERR_CERT_NOT_YET_VALID);
	}
	if (sk_X509_num(chain) != 2 ||
	    !is_signed_by(sk_X509_value(chain, 0), sk_X509_value(chain, 1)))
		return is_wrong(ctx, 0, X509_V_ERR_CERT_SIGNATURE_FAILURE);
	return 1;
}

int __wrap_X509_verify_cert(X509_STORE_CTX *ctx)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);

	if (leaf && is_sham_signed(leaf))
		X509_STORE_CTX_set_verify(ctx, verify_sham);
	return __real_X509_verify_cert(ctx);
}

/* ---- keys ---- */

static EVP_PKEY *remembered_key(const struct p256 *key)
{
	size_t at = hash(key->point, P256_POINT) & (KEYS - 1);
	EVP_PKEY *pkey = keys[at].pkey;

	if (!pkey || memcmp(&keys[at].key, key, sizeof(*key)) != 0) {
		pkey = p256_to_pkey(key, NULL);
		if (!pkey)
			return NULL;
		EVP_PKEY_free(keys[at].pkey);
		keys[at].key = *key;
		keys[at].pkey = pkey;
	}
	EVP_PKEY_up_ref(pkey);
	return pkey;
}

/* What is not as it should be is judged by the real one. */
bool __wrap_pair_make(struct cert_pair *pair, const unsigned char *der,
		      size_t len, const struct p256 *key, struct err *err)
{
	const unsigned char *p = der;

	*pair = (struct cert_pair){ .leaf = __wrap_d2i_X509(NULL, &p,
							    (long)len) };
	if (pair->leaf && p == der + len)
		pair->key = remembered_key(key);
	if (pair->key && X509_check_private_key(pair->leaf, pair->key) == 1)
		return true;
	pair_release(pair);
	ERR_clear_error();
	return __real_pair_make(pair, der, len, key, err);
}

/* ---- requests for certificates ---- */

static const unsigned char algorithm[] = {
	0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
	0x03, P256_SIGNATURE + 1, 0x00		/* and the BIT STRING's head */
};

static void make_template(void)
{
	unsigned char der[ORDER_CSR_MAX], *tbs = NULL;
	const unsigned char *p = der;
	struct err err = ERR_INIT;
	struct p256 key;
	char host[32];
	X509_REQ *req;
	size_t len;
	int tbs_len;

	snprintf(host, sizeof(host), BULK_HOST, 12345u);
	must(sham_key(0, &key), NULL);
	must(__real_csr_make(&key, host, der, &len, &err), &err);
	req = d2i_X509_REQ(NULL, &p, (long)len);
	tbs_len = i2d_re_X509_REQ_tbs(req, &tbs);
	must(tbs_len > 0, NULL);
	template.len = (size_t)tbs_len;
	memcpy(template.tbs, tbs, template.len);
	p = memmem(tbs, template.len, host, BULK_HOST_LEN);
	must(p, NULL);
	template.host_at = (size_t)(p - tbs);
	p = memmem(tbs, template.len, key.point, P256_POINT);
	must(p, NULL);
	template.point_at = (size_t)(p - tbs);
	OPENSSL_free(tbs);
	X509_REQ_free(req);
}

bool __wrap_csr_make(const struct p256 *key, const char *host,
		     unsigned char out[static ORDER_CSR_MAX], size_t *len,
		     struct err *err)
{
	size_t inner = template.len + sizeof(algorithm) + P256_SIGNATURE;
	unsigned char *p = out;

	if (is_off || strlen(host) != BULK_HOST_LEN)
		return __real_csr_make(key, host, out, len, err);
	*p++ = 0x30;
	*p++ = 0x82;
	*p++ = (unsigned char)(inner >> 8);
	*p++ = (unsigned char)inner;
	memcpy(p, template.tbs, template.len);
	memcpy(p + template.host_at, host, BULK_HOST_LEN);
	memcpy(p + template.point_at, key->point, P256_POINT);
	p += template.len;
	memcpy(p, algorithm, sizeof(algorithm));
	sham_sign(key->point, out + HEAD, template.len, p + sizeof(algorithm));
	*len = HEAD + inner;
	return true;
}

enum sham_request shortcuts_look(const unsigned char *der, size_t len)
{
	size_t ours = HEAD + template.len + sizeof(algorithm) + P256_SIGNATURE;
	const unsigned char *signature = der + ours - P256_SIGNATURE;

	if (len != ours || !sham_is_sham(signature))
		return REQUEST_REAL;
	return sham_verify(der + HEAD + template.point_at, der + HEAD,
			   template.len, signature) ? REQUEST_SHAM
						    : REQUEST_FORGED;
}

/* ---- life ---- */

void shortcuts_init(const struct bulk_shape *of_certs)
{
	shape = of_certs;
	make_template();
}

void shortcuts_release(void)
{
	for (size_t i = 0; i < CERTS; i++) {
		X509_free(certs[i].x);
		free(certs[i].der);
		certs[i].x = NULL;
		certs[i].der = NULL;
	}
	for (size_t i = 0; i < KEYS; i++) {
		EVP_PKEY_free(keys[i].pkey);
		keys[i].pkey = NULL;
		if (moulds[i])
			X509_free(moulds[i]->x);
		free(moulds[i]);
		moulds[i] = NULL;
	}
}
