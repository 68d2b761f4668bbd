#include "httpd/alpn_cert.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/domain_name.h"

#define ID_PE_ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31"
#define A_DAY 86400L	/* a validator's clock may be wrong by as much */

struct kept {
	char host[DOMAIN_NAME_SIZE];
	unsigned char digest[SHA256_DIGEST_LENGTH];	/* of the key auth. */
	time_t made_at;
	struct cert_pair pair;		/* its key is borrowed */
};

struct alpn_certs {
	EVP_PKEY *key;
	struct kept kept[ALPN_CERTS_KEPT];
	size_t next;			/* the one to be replaced next */
};

struct alpn_certs *alpn_certs_new(void)
{
	return xcalloc(1, sizeof(struct alpn_certs));
}

void alpn_certs_free(struct alpn_certs *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < ALPN_CERTS_KEPT; i++)
		X509_free(c->kept[i].pair.leaf);
	EVP_PKEY_free(c->key);
	free(c);
}

/* The only name in it: a validator refuses any beside. */
static bool add_host(X509 *x, const char *host)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	bool ok = names && name && text && ASN1_STRING_set(text, host, -1);

	if (ok) {
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
		text = NULL;
		ok = sk_GENERAL_NAME_push(names, name) > 0;
	}
	if (ok) {
		name = NULL;
		ok = X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0,
				       X509V3_ADD_DEFAULT) == 1;
	}
	ASN1_IA5STRING_free(text);
	GENERAL_NAME_free(name);
	GENERAL_NAMES_free(names);
	return ok;
}

/* Critical: nobody takes it for a certificate to be trusted. */
static bool add_digest(X509 *x, const unsigned char *digest)
{
	unsigned char der[2 + SHA256_DIGEST_LENGTH] = {
		V_ASN1_OCTET_STRING, SHA256_DIGEST_LENGTH,
	};
	ASN1_OBJECT *id = OBJ_txt2obj(ID_PE_ACME_IDENTIFIER, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	bool ok;

	memcpy(der + 2, digest, SHA256_DIGEST_LENGTH);
	if (id && value && ASN1_OCTET_STRING_set(value, der, sizeof(der)))
		ext = X509_EXTENSION_create_by_OBJ(NULL, id, 1, value);
	ok = ext && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(id);
	return ok;
}

/* A name of its own, and short: the host may be longer than a CN may. */
static bool add_names(X509 *x)
{
	static const unsigned char cn[] = "ACME challenge";
	X509_NAME *name = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
					  cn, sizeof(cn) - 1, -1, 0) &&
	       X509_set_issuer_name(x, name);
}

static bool fill(X509 *x, const struct kept *k, EVP_PKEY *key)
{
	return X509_set_version(x, X509_VERSION_3) &&
	       ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
	       ASN1_TIME_set(X509_getm_notBefore(x), k->made_at - A_DAY) &&
	       ASN1_TIME_set(X509_getm_notAfter(x), k->made_at + A_DAY) &&
	       add_names(x) && X509_set_pubkey(x, key) &&
	       add_host(x, k->host) && add_digest(x, k->digest) &&
	       X509_sign(x, key, EVP_sha256()) > 0;
}

static struct kept *find(struct alpn_certs *c, const char *host,
			 const unsigned char *digest, time_t now)
{
	for (size_t i = 0; i < ALPN_CERTS_KEPT; i++) {
		struct kept *k = &c->kept[i];

		if (k->pair.leaf && streq(k->host, host) &&
		    memcmp(k->digest, digest, sizeof(k->digest)) == 0 &&
		    k->made_at <= now && now < k->made_at + ALPN_CERT_SECONDS)
			return k;
	}
	return NULL;
}

static struct kept *make(struct alpn_certs *c, const char *host,
			 const unsigned char *digest, time_t now)
{
	struct kept *place = &c->kept[c->next];
	struct kept k = { .made_at = now, .pair = { .leaf = X509_new() } };

	if (!c->key)
		c->key = EVP_EC_gen("P-256");
	memcpy(k.digest, digest, sizeof(k.digest));
	if (!str_copy(k.host, sizeof(k.host), host) || !k.pair.leaf ||
	    !c->key || !fill(k.pair.leaf, &k, c->key)) {
		X509_free(k.pair.leaf);
		return NULL;
	}
	k.pair.key = c->key;
	X509_free(place->pair.leaf);
	*place = k;
	c->next = (c->next + 1) % ALPN_CERTS_KEPT;
	return place;
}

const struct cert_pair *alpn_cert_get(struct alpn_certs *c, const char *host,
				      const char *key_auth, time_t now,
				      struct err *err)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct kept *k;

	SHA256((const unsigned char *)key_auth, strlen(key_auth), digest);
	k = find(c, host, digest, now);
	if (!k)
		k = make(c, host, digest, now);
	if (k)
		return &k->pair;
	ERR_clear_error();
	err_set(err, ERR_INTERNAL, "OpenSSL made no challenge certificate");
	return NULL;
}
