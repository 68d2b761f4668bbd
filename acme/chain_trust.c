#include "acme/chain_trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static X509 *read_der(const unsigned char **p, const unsigned char *end)
{
	return *p < end ? d2i_X509(NULL, p, end - *p) : NULL;
}

static STACK_OF(X509) * read_issuers(const struct buf *der)
{
	const unsigned char *p = (const unsigned char *)der->data;
	const unsigned char *end = p + der->len;
	STACK_OF(X509) *list = sk_X509_new_null();
	X509 *x;

	while (list && (x = read_der(&p, end)) != NULL)
		sk_X509_push(list, x);
	return list;
}

static X509_STORE *read_roots(const char *ca_file)
{
	X509_STORE *roots = X509_STORE_new();

	if (!roots)
		return NULL;
	X509_STORE_set_default_paths(roots);
	if (ca_file && *ca_file)
		X509_STORE_load_file(roots, ca_file);
	return roots;
}

static bool verify(X509_STORE *roots, X509 *leaf, STACK_OF(X509) * issuers,
		   time_t at, char *why)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = ctx && roots && leaf &&
		  X509_STORE_CTX_init(ctx, roots, leaf, issuers);
	int code = X509_V_ERR_OUT_OF_MEM;

	if (ok) {
		X509_STORE_CTX_set_time(ctx, 0, at);
		/* As libcurl has it: whatever stands in the file is a root. */
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
		ok = X509_verify_cert(ctx) == 1;
		code = X509_STORE_CTX_get_error(ctx);
	}
	if (!ok)
		snprintf(why, CHAIN_DISTRUST, "%s",
			 X509_verify_cert_error_string(code));
	X509_STORE_CTX_free(ctx);
	return ok;
}

bool chain_is_trusted(const struct chain *c, const char *ca_file, time_t at,
		      char why[static CHAIN_DISTRUST])
{
	const unsigned char *p = (const unsigned char *)c->leaf.data;
	X509 *leaf = read_der(&p, p + c->leaf.len);
	STACK_OF(X509) *issuers = read_issuers(&c->issuers);
	X509_STORE *roots = read_roots(ca_file);
	bool ok = verify(roots, leaf, issuers, at, why);

	X509_STORE_free(roots);
	sk_X509_pop_free(issuers, X509_free);
	X509_free(leaf);
	ERR_clear_error();
	return ok;
}
