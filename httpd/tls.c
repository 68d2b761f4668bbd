#include "httpd/tls.h"

#include <string.h>

#include "base/str.h"

#define CIPHERS_1_2                                                            \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"         \
	"ECDHE-ECDSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"

static struct tls_state *state_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

/* The one host_name entry of the server_name extension (RFC 6066, 3). */
static bool sni_of(SSL *ssl, char out[static DOMAIN_NAME_SIZE])
{
	const unsigned char *ext;
	size_t len, list, name;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext,
				       &len) || len < 5)
		return false;
	list = (size_t)ext[0] << 8 | ext[1];
	name = (size_t)ext[3] << 8 | ext[4];
	if (list + 2 != len || ext[2] != TLSEXT_NAMETYPE_host_name ||
	    name + 5 > len || !name || name > DOMAIN_NAME_MAX ||
	    memchr(ext + 5, '\0', name))
		return false;
	memcpy(out, ext + 5, name);
	out[name] = '\0';
	str_lower(out);
	return true;
}

static int on_hello(SSL *ssl, int *alert, void *arg)
{
	const struct tls_hooks *hooks = arg;
	struct tls_state *state = state_of(ssl);
	struct cert_entry cert;

	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (!sni_of(ssl, state->host) ||
	    hooks->find(hooks->arg, state->host, &cert) != SERVE_FOUND)
		return SSL_CLIENT_HELLO_ERROR;
	if (SSL_use_cert_and_key(ssl, cert.leaf, cert.key, cert.chain, 1) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void on_info(const SSL *ssl, int where, int ret)
{
	(void)ret;
	if (where & SSL_CB_HANDSHAKE_DONE)
		state_of(ssl)->is_finished = true;
}

SSL_CTX *tls_context_new(const struct tls_hooks *hooks, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) ||
	    !SSL_CTX_set1_groups_list(ctx, GROUPS) ||
	    !SSL_CTX_set_num_tickets(ctx, 0)) {
		SSL_CTX_free(ctx);
		err_set(err, ERR_INTERNAL, "OpenSSL gave no TLS context");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, (void *)hooks);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_info_callback(ctx, on_info);
	return ctx;
}

SSL *tls_new(SSL_CTX *ctx, struct tls_state *state)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl)
		SSL_set_app_data(ssl, state);
	return ssl;
}
