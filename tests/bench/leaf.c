#include "tests/bench/leaf.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tests/sim/scratch.h"

#define SCTS_SIZE 242 /* of two, as two logs give them */

static const struct {
	int nid;
	const char *value;
} extensions[] = {
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_info_access, "caIssuers;URI:http://tiny.example.net/i/" },
	{ NID_crl_distribution_points, "URI:http://tiny.example.net/c/12.crl" },
	{ NID_subject_key_identifier, "hash" },
};

/* Nobody here reads them, but everybody carries them. */
static void add_scts(X509 *x)
{
	unsigned char bytes[SCTS_SIZE];
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	must(data && RAND_bytes(bytes, sizeof(bytes)) == 1, NULL);
	ASN1_OCTET_STRING_set(data, bytes, sizeof(bytes));
	ext = X509_EXTENSION_create_by_NID(NULL, NID_ct_precert_scts, 0, data);
	must(ext && X509_add_ext(x, ext, -1), NULL);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(data);
}

X509 *leaf_issue(const struct tiny_ca *ca, const struct tiny_leaf *leaf)
{
	X509 *x = tiny_ca_issue(ca, leaf);
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, ca->cert, x, NULL, NULL, 0);
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(
			NULL, &ctx, extensions[i].nid, extensions[i].value);

		must(ext && X509_add_ext(x, ext, -1), NULL);
		X509_EXTENSION_free(ext);
	}
	add_scts(x);
	must(X509_sign(x, ca->key, EVP_sha256()) > 0, NULL);
	return x;
}
