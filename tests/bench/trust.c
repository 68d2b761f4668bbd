#include "tests/bench/trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DIGEST_SIZE 32

struct known {
	unsigned char digest[DIGEST_SIZE]; /* of the leaf; zero: none yet */
	SSL_SESSION *session;
};

struct trust {
	SSL_CTX *ctx;
	int index; /* of what is known of a connection's name, in its ex_data */
	size_t count;
	struct known known[];
};

static struct known *known_of(struct trust *t, const SSL *ssl)
{
	return SSL_get_ex_data(ssl, t->index);
}

/* The host is among the parameters of `chain`. */
static int on_certificate(X509_STORE_CTX *chain, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct known *known = known_of(arg, ssl);
	unsigned char digest[DIGEST_SIZE];

	if (X509_digest(X509_STORE_CTX_get0_cert(chain), EVP_sha256(), digest,
			NULL) != 1)
		return 0;
	if (memcmp(known->digest, digest, sizeof(digest)) == 0)
		return 1;
	if (X509_verify_cert(chain) != 1)
		return 0;
	memcpy(known->digest, digest, sizeof(digest));
	return 1;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct trust *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct known *known = known_of(t, ssl);

	SSL_SESSION_free(known->session);
	known->session = session;
	return 1;
}

struct trust *trust_new(const char *root_pem, size_t count)
{
	struct trust *t = xcalloc(1, sizeof(*t) + count * sizeof(t->known[0]));

	t->count = count;
	t->ctx = SSL_CTX_new(TLS_client_method());
	t->index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (!t->ctx || SSL_CTX_load_verify_file(t->ctx, root_pem) != 1) {
		fprintf(stderr, "%s: no certificates in it\n", root_pem);
		trust_free(t);
		return NULL;
	}
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(t->ctx, on_certificate, t);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
	return t;
}

void trust_free(struct trust *t)
{
	for (size_t i = 0; t && i < t->count; i++)
		SSL_SESSION_free(t->known[i].session);
	if (t)
		SSL_CTX_free(t->ctx);
	free(t);
}

SSL_CTX *trust_ctx(struct trust *t)
{
	return t->ctx;
}

void trust_resume(struct trust *t)
{
	SSL_CTX_set_session_cache_mode(
		t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, on_session);
}

SSL *trust_connect(struct trust *t, size_t number, const char *name, void *arg)
{
	SSL *ssl = SSL_new(t->ctx);

	if (!ssl)
		abort();
	SSL_set_app_data(ssl, arg);
	SSL_set_ex_data(ssl, t->index, &t->known[number]);
	SSL_set_tlsext_host_name(ssl, name);
	SSL_set1_host(ssl, name);
	if (t->known[number].session)
		SSL_set_session(ssl, t->known[number].session);
	SSL_set_connect_state(ssl);
	return ssl;
}

bool trust_was_refused(const SSL *ssl)
{
	return ERR_GET_REASON(ERR_peek_error()) ==
		       SSL_R_CERTIFICATE_VERIFY_FAILED ||
	       SSL_get_verify_result(ssl) != X509_V_OK;
}
