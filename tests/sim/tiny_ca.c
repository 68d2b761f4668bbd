#include "tests/sim/tiny_ca.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/scratch.h"

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	must(ext && X509_add_ext(x, ext, -1), NULL);
	X509_EXTENSION_free(ext);
}

/* The first 20 bytes of SHA-256 over the issuer's public key, say. */
static void add_issuer_key(X509 *x, EVP_PKEY *key)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	unsigned char point[65], digest[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (!id)
		abort();
	must(EVP_PKEY_get_octet_string_param(key, "pub", point,
						     sizeof(point), &len) &&
		     EVP_Digest(point, len, digest, NULL, EVP_sha256(), NULL),
	     NULL);
	id->keyid = ASN1_OCTET_STRING_new();
	must(id->keyid && ASN1_OCTET_STRING_set(id->keyid, digest, 20) &&
		     X509_add1_ext_i2d(x, NID_authority_key_identifier, id, 0,
				       0),
	     NULL);
	AUTHORITY_KEYID_free(id);
}

static X509 *blank(const char *name, long serial, time_t from, time_t until)
{
	X509 *x = X509_new();

	must(x, NULL);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	ASN1_TIME_set(X509_getm_notBefore(x), from);
	ASN1_TIME_set(X509_getm_notAfter(x), until);
	if (name)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
					   MBSTRING_ASC,
					   (const unsigned char *)name, -1, -1,
					   0);
	return x;
}

static X509 *make_authority(const char *name, EVP_PKEY *key, X509 *issuer,
			    EVP_PKEY *issuer_key, time_t from, time_t until)
{
	X509 *x = blank(name, issuer ? 2 : 1, from, until);

	X509_set_pubkey(x, key);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
	must(X509_sign(x, issuer_key, EVP_sha256()) > 0, NULL);
	return x;
}

void tiny_ca_init(struct tiny_ca *ca, const char *name, time_t from,
		  time_t until)
{
	char *root_name = xasprintf("%s root", name);

	ca->root_key = EVP_EC_gen("P-256");
	ca->key = EVP_EC_gen("P-256");
	must(ca->root_key && ca->key, NULL);
	ca->root = make_authority(root_name, ca->root_key, NULL, ca->root_key,
				  from, until);
	ca->cert = make_authority(name, ca->key, ca->root, ca->root_key, from,
				  until);
	free(root_name);
}

void tiny_ca_release(struct tiny_ca *ca)
{
	X509_free(ca->root);
	X509_free(ca->cert);
	EVP_PKEY_free(ca->root_key);
	EVP_PKEY_free(ca->key);
}

X509 *tiny_ca_issue(const struct tiny_ca *ca, const struct tiny_leaf *leaf)
{
	X509 *x = blank(NULL, leaf->serial, leaf->from, leaf->until);
	char *san = xasprintf("DNS:%s", leaf->host);

	X509_set_pubkey(x, leaf->key);
	X509_set_issuer_name(x, X509_get_subject_name(ca->cert));
	add_extension(x, NID_subject_alt_name, san);
	add_extension(x, NID_ext_key_usage, "serverAuth");
	if (leaf->names_issuer_key)
		add_issuer_key(x, ca->key);
	must(X509_sign(x, ca->key, EVP_sha256()) > 0, NULL);
	free(san);
	return x;
}

char *tiny_ca_pem(X509 *const *certs)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	for (; *certs; certs++)
		must(PEM_write_bio_X509(out, *certs), NULL);
	len = BIO_get_mem_data(out, &data);
	text = xstrndup(len ? data : "", (size_t)len);
	BIO_free(out);
	return text;
}

void tiny_ca_write_root(const struct tiny_ca *ca, const char *path)
{
	X509 *const certs[] = { ca->root, NULL };
	char *text = tiny_ca_pem(certs);
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
	free(text);
}
