#include "base/openssl.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <string.h>

#include "base/str.h"

/* ---- two providers, each a part of the default one: provider(7) ---- */

static OSSL_PROVIDER *whole; /* of the usual context, never unloaded */
static const OSSL_ALGORITHM none[1];
static OSSL_ALGORITHM encoders[2], digests[2]; /* one each, and the end */

static const OSSL_ALGORITHM *query_whole(int operation, int *no_cache)
{
	return OSSL_PROVIDER_query_operation(whole, operation, no_cache);
}

/* Of encoders, that of the public key which X509_set_pubkey() wants. */
static const OSSL_ALGORITHM *query_keys(void *context, int operation,
					int *no_cache)
{
	(void)context;
	*no_cache = 0;
	if (operation == OSSL_OP_ENCODER)
		return encoders;
	if (operation == OSSL_OP_DECODER)
		return none;
	return query_whole(operation, no_cache);
}

/* The fingerprint that OpenSSL takes of each certificate, and nothing else. */
static const OSSL_ALGORITHM *query_leaves(void *context, int operation,
					  int *no_cache)
{
	(void)context;
	*no_cache = 0;
	return operation == OSSL_OP_DIGEST ? digests : none;
}

/* TLS groups. */
static int capabilities(void *context, const char *capability,
			OSSL_CALLBACK *found, void *arg)
{
	(void)context;
	return OSSL_PROVIDER_get_capabilities(whole, capability, found, arg);
}

static int init_as(const OSSL_DISPATCH *functions, const OSSL_DISPATCH **ours,
		   void **context)
{
	*ours = functions;
	*context = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

static int init_keys(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *offers,
		     const OSSL_DISPATCH **ours, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION,
		  (void (*)(void))query_keys },
		{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
		  (void (*)(void))capabilities },
		{ 0, NULL },
	};

	(void)core;
	(void)offers;
	return init_as(functions, ours, context);
}

static int init_leaves(const OSSL_CORE_HANDLE *core,
		       const OSSL_DISPATCH *offers, const OSSL_DISPATCH **ours,
		       void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION,
		  (void (*)(void))query_leaves },
		{ 0, NULL },
	};

	(void)core;
	(void)offers;
	return init_as(functions, ours, context);
}

/* ---- their library contexts ---- */

static OSSL_LIB_CTX *of_keys, *of_leaves;

/* The first of that name and with these properties, or none. */
static void choose(OSSL_ALGORITHM *one, int operation, const char *name,
		   const char *properties)
{
	const OSSL_ALGORITHM *a;
	int no_cache;

	for (a = query_whole(operation, &no_cache); a && a->algorithm_names;
	     a++) {
		if (str_starts(a->algorithm_names, name) &&
		    strstr(a->property_definition, properties)) {
			*one = *a;
			return;
		}
	}
}

static OSSL_LIB_CTX *make_context(const char *name, OSSL_provider_init_fn *init)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	if (context && OSSL_PROVIDER_add_builtin(context, name, init) &&
	    OSSL_PROVIDER_load(context, name))
		return context;
	OSSL_LIB_CTX_free(context);
	return NULL;
}

static int note_other(OSSL_PROVIDER *provider, void *arg)
{
	const char *name = OSSL_PROVIDER_get0_name(provider);
	bool *is_other = arg;

	if (!streq(name, "default") && !streq(name, "base") &&
	    !streq(name, "legacy"))
		*is_other = true;
	return 1;
}

/* Who has set up another provider, or FIPS, has set it up for us, too. */
static bool is_usual(void)
{
	bool is_other = false;

	return OSSL_PROVIDER_available(NULL, "default") &&
	       OSSL_PROVIDER_do_all(NULL, note_other, &is_other) && !is_other &&
	       !EVP_default_properties_is_fips_enabled(NULL);
}

/* From 3.5 on OpenSSL remembers which decoder it was: seen with 3.5.9. */
static bool is_worth_it(void)
{
	return OpenSSL_version_num() < 0x30500000UL;
}

static void make_contexts(void)
{
	if (is_worth_it() && is_usual())
		whole = OSSL_PROVIDER_load(NULL, "default");
	if (whole) {
		choose(encoders, OSSL_OP_ENCODER, "EC",
		       "output=der,structure=SubjectPublicKeyInfo");
		choose(digests, OSSL_OP_DIGEST, "SHA1:", "");
	}
	if (encoders[0].algorithm_names && digests[0].algorithm_names) {
		of_leaves = make_context("mtastsd-leaves", init_leaves);
		of_keys = of_leaves ? make_context("mtastsd-keys", init_keys)
				    : NULL;
	}
	if (!of_keys) {
		OSSL_LIB_CTX_free(of_leaves);
		of_leaves = NULL;
	}
	ERR_clear_error();
}

static void have_contexts(void)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

	CRYPTO_THREAD_run_once(&once, make_contexts);
}

OSSL_LIB_CTX *openssl_keys(void)
{
	have_contexts();
	return of_keys;
}

OSSL_LIB_CTX *openssl_leaves(void)
{
	have_contexts();
	return of_leaves;
}
