#include "base/tls_look.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define NAME_MAX_SHOWN 253

/* As senders, and libcurl, do it: "m*.example.org" is the name of no host. */
#define HOST_CHECK                                                             \
	(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |                                 \
	 X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)

static time_t to_time(const ASN1_TIME *at)
{
	struct tm tm;

	return at && ASN1_TIME_to_tm(at, &tm) ? timegm(&tm) : 0;
}

static void copy_printable(char *out, size_t size, const char *text)
{
	char *clean = str_printable(text, size);

	strncpy(out, clean, size - 1);	/* *out is all zeros */
	free(clean);
}

/* What fits; the first ones are those that matter. */
static void copy_names(struct tls_look *look, X509 *leaf)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name,
					       NULL, NULL);
	struct buf names;

	buf_init(&names, sizeof(look->names) - 1);
	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);
		const ASN1_STRING *text = name->d.dNSName;
		char raw[NAME_MAX_SHOWN + 1], *clean;

		if (name->type != GEN_DNS ||
		    ASN1_STRING_length(text) > NAME_MAX_SHOWN)
			continue;
		str_copy(raw, sizeof(raw),
			 (const char *)ASN1_STRING_get0_data(text));
		clean = str_printable(raw, NAME_MAX_SHOWN);
		if (!buf_printf(&names, "%s%s", names.len ? ", " : "", clean))
			i = sk_GENERAL_NAME_num(list);
		free(clean);
	}
	memcpy(look->names, names.data, names.len + 1);
	buf_release(&names);
	GENERAL_NAMES_free(list);
}

static void copy_issuer(struct tls_look *look, X509 *leaf)
{
	X509_NAME *issuer = X509_get_issuer_name(leaf);
	char text[sizeof(look->issuer)] = "";

	if (X509_NAME_get_text_by_NID(issuer, NID_organizationName, text,
				      sizeof(text)) < 0)
		X509_NAME_get_text_by_NID(issuer, NID_commonName, text,
					  sizeof(text));
	copy_printable(look->issuer, sizeof(look->issuer), text);
}

static void note(struct tls_look *look, X509_STORE_CTX *ctx)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);

	look->is_seen = leaf != NULL;
	if (!leaf)
		return;
	look->is_for_host = X509_check_host(leaf, look->host, 0, HOST_CHECK,
					    NULL) == 1;
	look->not_before = to_time(X509_get0_notBefore(leaf));
	look->not_after = to_time(X509_get0_notAfter(leaf));
	look->chain_length = sk_X509_num(X509_STORE_CTX_get0_untrusted(ctx));
	if (!X509_digest(leaf, EVP_sha256(), look->leaf_sha256, NULL))
		memset(look->leaf_sha256, 0, sizeof(look->leaf_sha256));
	copy_names(look, leaf);
	copy_issuer(look, leaf);
}

static int verify(X509_STORE_CTX *ctx, void *arg)
{
	struct tls_look *look = arg;
	int ok;

	note(look, ctx);
	ok = X509_verify_cert(ctx);
	look->is_trusted = ok == 1;
	if (ok != 1)
		copy_printable(look->problem, sizeof(look->problem),
			       X509_verify_cert_error_string(
				       X509_STORE_CTX_get_error(ctx)));
	return ok;
}

static CURLcode on_context(CURL *easy, void *context, void *arg)
{
	(void)easy;
	SSL_CTX_set_cert_verify_callback(context, verify, arg);
	return CURLE_OK;
}

void tls_look_at(CURL *easy, struct tls_look *look, const char *host)
{
	*look = (struct tls_look){ .host = host };
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, look);
	/* Where a session is resumed no certificate is shown. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}
