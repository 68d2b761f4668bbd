#include "tests/sim/shortcuts.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "base/mem.h"
#include "tests/sim/bulk_ca.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sham.h"

#define CERTS 4096		/* powers of two */
#define KEYS  16384
#define HEAD  4			/* of the outer SEQUENCE, with a long length */

/* What the linker calls the functions that are wrapped, and ours. */
X509 *__real_d2i_X509(X509 **x, const unsigned char **in, long len);
EVP_PKEY *__real_p256_to_pkey(const struct p256 *key, struct err *err);
bool __real_csr_make(const struct p256 *key, const char *host,
		     unsigned char out[static ORDER_CSR_MAX], size_t *len,
		     struct err *err);
X509 *__wrap_d2i_X509(X509 **out, const unsigned char **in, long most);
X509 *__wrap_PEM_read_bio_X509(BIO *in, X509 **out, pem_password_cb *ask,
			       void *arg);
EVP_PKEY *__wrap_p256_to_pkey(const struct p256 *key, struct err *err);
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

X509 *__wrap_d2i_X509(X509 **out, const unsigned char **in, long most)
{
	size_t len = out ? 0 : whole(*in, most), at;
	X509 *x;

	if (!len)
		return __real_d2i_X509(out, in, most);
	at = hash(*in, len) & (CERTS - 1);
	x = certs[at].x;
	if (!x || certs[at].len != len || memcmp(certs[at].der, *in, len) != 0)
		x = remember(at, *in, len);
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

/* ---- keys ---- */

EVP_PKEY *__wrap_p256_to_pkey(const struct p256 *key, struct err *err)
{
	size_t at = hash(key->point, P256_POINT) & (KEYS - 1);
	EVP_PKEY *pkey = keys[at].pkey;

	if (!pkey || memcmp(&keys[at].key, key, sizeof(*key)) != 0) {
		pkey = __real_p256_to_pkey(key, err);
		if (!pkey)
			return NULL;
		EVP_PKEY_free(keys[at].pkey);
		keys[at].key = *key;
		keys[at].pkey = pkey;
	}
	EVP_PKEY_up_ref(pkey);
	return pkey;
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

void shortcuts_init(void)
{
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
	}
}
