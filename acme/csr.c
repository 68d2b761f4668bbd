#include "acme/csr.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/mem.h"

static bool add_name(X509_REQ *req, const char *host)
{
	char *san = xasprintf("DNS:%s", host);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL,
						  NID_subject_alt_name, san);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	bool ok = ext && list && sk_X509_EXTENSION_push(list, ext) > 0;

	if (ok)
		ok = X509_REQ_add_extensions(req, list) == 1;
	else
		X509_EXTENSION_free(ext);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	free(san);
	return ok;
}

static bool encode(X509_REQ *req, unsigned char *out, size_t *len)
{
	int need = i2d_X509_REQ(req, NULL);

	if (need <= 0 || need > ORDER_CSR_MAX)
		return false;
	*len = (size_t)i2d_X509_REQ(req, &out);
	return true;
}

bool csr_make(const struct p256 *key, const char *host,
	      unsigned char out[static ORDER_CSR_MAX], size_t *len,
	      struct err *err)
{
	EVP_PKEY *pkey = p256_to_pkey(key, err);
	X509_REQ *req = X509_REQ_new();
	bool ok;

	ok = pkey && req && X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
	     X509_REQ_set_pubkey(req, pkey) && add_name(req, host) &&
	     X509_REQ_sign(req, pkey, EVP_sha256()) > 0 &&
	     encode(req, out, len);
	if (pkey && !ok)
		err_set(err, ERR_INTERNAL, "OpenSSL made no CSR for %s", host);
	X509_REQ_free(req);
	EVP_PKEY_free(pkey);
	return ok;
}
