#include "httpd/tls.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/openssl.h"
#include "base/str.h"
#include "httpd/alpn_cert.h"
#include "httpd/wanted.h"
#include "policy/domain_field.h"

#define ACME_TLS_1 "acme-tls/1"
#define COMPLAIN_EVERY_MS 10000	/* about certificates that cannot be read */

struct tls {
	SSL_CTX *ctx;
	struct tls_options options;
	struct alpn_certs *challenges;
	struct wanted wanted;
	int64_t silent_until_ms;
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *domain_of(const char *host)
{
	static const char prefix[] = "mta-sts.";

	return str_starts(host, prefix) ? host + sizeof(prefix) - 1 : host;
}

static void complain(struct tls *t, const char *host, const struct err *err)
{
	int64_t now = monotonic_ms();

	if (now < t->silent_until_ms)
		return;
	t->silent_until_ms = now + COMPLAIN_EVERY_MS;
	log_about(LOG_LEVEL_ERROR, domain_field(domain_of(host)), "cert %s: %s",
		  host, err->text);
}

static void want(struct tls *t, const char *host)
{
	if (t->options.wanted &&
	    wanted_may_tell(&t->wanted, host, monotonic_ms()))
		t->options.wanted(host, t->options.arg);
}

static bool use(SSL *ssl, const struct cert_pair *pair)
{
	if (pair && SSL_use_cert_and_key(ssl, pair->leaf, pair->key,
					 pair->issuers, 1))
		return true;
	ERR_clear_error();
	return false;
}

static bool present(struct tls *t, SSL *ssl, const char *host)
{
	const struct cert_pair *pair;
	struct err err = ERR_INIT;
	enum serve_found found = site_cache_cert(t->options.sites, host, &pair,
						 &err);

	if (err.kind != ERR_NONE)
		complain(t, host, &err);
	else if (found == SERVE_NO_CERT)
		want(t, host);
	return found == SERVE_FOUND && use(ssl, pair);
}

/* One look, and no more, if there is nothing to be validated. */
static bool present_challenge(struct tls *t, SSL *ssl, const char *host)
{
	char key_auth[SERVE_CHALLENGE_SIZE];
	const struct cert_pair *pair;
	struct err err = ERR_INIT;

	if (!serve_alpn_challenge(t->options.serve, host, key_auth))
		return false;
	pair = alpn_cert_get(t->challenges, host, key_auth, time(NULL), &err);
	if (!pair)
		complain(t, host, &err);
	return use(ssl, pair);
}

static bool offers_only_acme(SSL *ssl)
{
	static const unsigned char only[] = "\0\x0b\x0a" ACME_TLS_1;
	const unsigned char *ext;
	size_t len;

	return SSL_client_hello_get0_ext(
		       ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
		       &ext, &len) &&
	       len == sizeof(only) - 1 && memcmp(ext, only, len) == 0;
}

/*
 * The earliest moment in a handshake, the same for TLS 1.2 and 1.3. It comes
 * a second time after a HelloRetryRequest; what was presented must still be
 * right. Under TLS 1.2 no later callback that may choose sees the ALPN.
 */
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct tls_peer *peer = SSL_get_app_data(ssl);
	bool is_validator = offers_only_acme(ssl);
	char host[DOMAIN_NAME_SIZE];
	const unsigned char *ext;
	size_t len;

	*alert = SSL_AD_UNRECOGNIZED_NAME;
	peer->is_unknown = true; /* until something is presented */
	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext,
				       &len) ||
	    !host_of_sni(ext, len, host))
		return SSL_CLIENT_HELLO_ERROR;
	if (is_validator)
		*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	if (peer->host[0] && (!streq(peer->host, host) ||
			      peer->is_validator != is_validator))
		return SSL_CLIENT_HELLO_ERROR;
	peer->is_unknown = !peer->host[0];
	if (peer->host[0])
		return SSL_CLIENT_HELLO_SUCCESS;
	if (!(is_validator ? present_challenge : present)(arg, ssl, host))
		return SSL_CLIENT_HELLO_ERROR;
	peer->is_unknown = false;
	memcpy(peer->host, host, sizeof(host));
	peer->is_validator = is_validator;
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;	/* acknowledged: RFC 6066, 3 */
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char http[] = "\x08http/1.1";
	static const unsigned char acme[] = "\x0a" ACME_TLS_1;
	const struct tls_peer *peer = SSL_get_app_data(ssl);
	unsigned char *chosen;

	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len,
				  peer->is_validator ? acme : http,
				  peer->is_validator ? sizeof(acme) - 1
						     : sizeof(http) - 1,
				  in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Before a cipher is chosen SSL_version() is what we would like. */
enum tally_version tls_version(const SSL *ssl)
{
	if (!SSL_get_current_cipher(ssl) && !SSL_get_pending_cipher(ssl))
		return VERSION_NONE;
	switch (SSL_version(ssl)) {
	case TLS1_2_VERSION:
		return VERSION_1_2;
	case TLS1_3_VERSION:
		return VERSION_1_3;
	default:
		return VERSION_NONE;
	}
}

/* By TLS 1.3 our Finished comes with it, by TLS 1.2 at the very end. */
bool tls_has_signed(const SSL *ssl)
{
	char byte;

	if (SSL_version(ssl) == TLS1_3_VERSION)
		return SSL_get_finished(ssl, &byte, sizeof(byte)) > 0;
	return SSL_get_state(ssl) >= TLS_ST_SW_KEY_EXCH;
}

static void on_progress(const SSL *ssl, int where, int value)
{
	struct tls_peer *peer = SSL_get_app_data(ssl);
	struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)value;
	if (!(where & SSL_CB_HANDSHAKE_DONE) || peer->is_shaken)
		return;
	peer->is_shaken = true;
	tally_add(t->options.tally, TALLY_HANDSHAKES);
	tally_shake(t->options.tally, SHAKE_FINISHED, tls_version(ssl));
	if (peer->is_validator)
		tally_add(t->options.tally, TALLY_CHALLENGES);
}

/*
 * OpenSSL's own, but AES-128 first: a handshake hashes a lot, and for SHA-256 a
 * processor has instructions that it lacks for SHA-384. That is a twentieth of
 * what libssl does for a fetch.
 */
static const char ciphersuites[] = "TLS_AES_128_GCM_SHA256:"
				   "TLS_AES_256_GCM_SHA384:"
				   "TLS_CHACHA20_POLY1305_SHA256";

/*
 * No finite fields, which OpenSSL has by default: one handshake of ffdhe8192
 * takes a tenth of a second, for a hello that costs whoever sends it again
 * nothing. Under TLS 1.2 those need parameters (SSL_CTX_set_dh_auto()), and
 * there are none. The first list that OpenSSL knows all of.
 */
static const char *const groups[] = {
	"X25519MLKEM768:X25519:P-256:X448:P-521:P-384", /* from 3.5 on */
	"X25519:P-256:X448:P-521:P-384",
};

static bool set_groups(SSL_CTX *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (SSL_CTX_set1_groups_list(ctx, groups[i]) == 1)
			return true;
	return false;
}

static SSL_CTX *make_ctx(struct tls *t)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(openssl_keys(), NULL,
				      TLS_server_method());

	if (!ctx || !set_groups(ctx)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	ERR_clear_error(); /* of groups that are not known */
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_ciphersuites(ctx, ciphersuites);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_NO_COMPRESSION |
				 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, t);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_info_callback(ctx, on_progress);
	return ctx;
}

struct tls *tls_new(const struct tls_options *options, struct err *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->options = *options;
	t->challenges = alpn_certs_new();
	t->ctx = make_ctx(t);
	if (t->ctx)
		return t;
	ERR_clear_error();
	err_set(err, ERR_INTERNAL, "OpenSSL made no TLS context");
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	alpn_certs_free(t->challenges);
	free(t);
}

SSL *tls_accept(struct tls *t, struct tls_peer *peer)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl)
		SSL_set_app_data(ssl, peer);
	ERR_clear_error();
	return ssl;
}
