#include "tests/sim/bulk_signer.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/bulk_ca.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sham.h"
#include "tests/sim/tiny_ca.h"

#define TBS_MAX	 1024
#define AKI	 "sim-ca-key-identifier"

struct bulk_signer {
	struct tiny_ca ca;
	struct sham_signer *sham;
	unsigned char tbs[TBS_MAX];
	struct bulk_shape at;
	unsigned char point[P256_POINT];	/* the CA's own key */
	char *issuer;		/* PEM */
};

static void add_key_id(X509 *x)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

	id->keyid = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(id->keyid, (const unsigned char *)AKI,
			      (int)strlen(AKI));
	must(X509_add1_ext_i2d(x, NID_authority_key_identifier, id, 0,
			       X509V3_ADD_DEFAULT) == 1, NULL);
	AUTHORITY_KEYID_free(id);
}

static void set_marks(X509 *x, const unsigned char *serial)
{
	BIGNUM *n = BN_bin2bn(serial, BULK_SERIAL, NULL);

	BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	ASN1_TIME_set_string(X509_getm_notBefore(x), "270102030405Z");
	ASN1_TIME_set_string(X509_getm_notAfter(x), "280706050403Z");
	BN_free(n);
}

static size_t where(const struct bulk_signer *s, const void *mark, size_t len)
{
	const unsigned char *at = memmem(s->tbs, s->at.len, mark, len);

	must(at, NULL);
	return (size_t)(at - s->tbs);
}

static void find_marks(struct bulk_signer *s, const unsigned char *serial,
		       const char *host)
{
	static const unsigned char point[] = { 0x03, 0x42, 0x00 };

	s->at.serial_at = where(s, serial, BULK_SERIAL);
	s->at.from_at = where(s, "270102030405Z", BULK_UTC);
	s->at.until_at = where(s, "280706050403Z", BULK_UTC);
	s->at.host_at = where(s, host, strlen(host));
	s->at.point_at = where(s, point, sizeof(point)) + sizeof(point);
}

static void make_template(struct bulk_signer *s)
{
	static const unsigned char serial[BULK_SERIAL] =
		{ 0x4c, 1, 2, 3, 4, 5, 6, 7 };
	char host[32];
	struct tiny_leaf leaf = { .host = host, .key = s->ca.key, .serial = 1 };
	unsigned char *der = NULL;
	X509 *x;
	int len;

	snprintf(host, sizeof(host), BULK_HOST, 12345u);
	must(strlen(host) == BULK_HOST_LEN, NULL);
	x = tiny_ca_issue(&s->ca, &leaf);
	add_key_id(x);
	set_marks(x, serial);
	must(X509_sign(x, s->ca.key, EVP_sha256()) > 0, NULL);
	len = i2d_re_X509_tbs(x, &der);
	must(len > 0 && len <= TBS_MAX, NULL);
	memcpy(s->tbs, der, (size_t)len);
	s->at.len = (size_t)len;
	OPENSSL_free(der);
	X509_free(x);
	find_marks(s, serial, host);
}

struct bulk_signer *bulk_signer_new(time_t from, time_t until)
{
	struct bulk_signer *s = xcalloc(1, sizeof(*s));

	tiny_ca_init(&s->ca, "Sim CA", from, until);
	s->sham = sham_signer_new(s->ca.key);
	memcpy(s->point, X509_get0_pubkey_bitstr(s->ca.cert)->data,
	       P256_POINT);
	s->issuer = tiny_ca_pem((X509 *[]){ s->ca.cert, NULL });
	make_template(s);
	return s;
}

void bulk_signer_free(struct bulk_signer *s)
{
	if (!s)
		return;
	tiny_ca_release(&s->ca);
	sham_signer_free(s->sham);
	free(s->issuer);
	free(s);
}

static void put_time(unsigned char *out, time_t at)
{
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	snprintf(text, sizeof(text), "%02d%02d%02d%02d%02d%02dZ",
		 tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec);
	memcpy(out, text, BULK_UTC);
}

static void fill_in(struct bulk_signer *s, const struct bulk_leaf *leaf)
{
	unsigned char *serial = s->tbs + s->at.serial_at;

	memset(serial, 0, BULK_SERIAL);
	serial[0] = 0x4c;
	serial[1] = (unsigned char)leaf->ca;
	for (int i = 0; i < 4; i++)
		serial[4 + i] = (unsigned char)(leaf->number >> (24 - 8 * i));
	put_time(s->tbs + s->at.from_at, leaf->from);
	put_time(s->tbs + s->at.until_at, leaf->until);
	memcpy(s->tbs + s->at.host_at, leaf->host, BULK_HOST_LEN);
	memcpy(s->tbs + s->at.point_at, leaf->point, P256_POINT);
}

const struct bulk_shape *bulk_signer_shape(const struct bulk_signer *s)
{
	return &s->at;
}

uint32_t bulk_serial_number(const unsigned char serial[static BULK_SERIAL])
{
	return (uint32_t)serial[4] << 24 | (uint32_t)serial[5] << 16 |
	       (uint32_t)serial[6] << 8 | serial[7];
}

/* SEQUENCE { tbs, ecdsa-with-SHA256, BIT STRING { signature } } */
static size_t assemble(struct bulk_signer *s, bool is_sham, unsigned char *out)
{
	static const unsigned char algorithm[] = {
		0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04,
		0x03, 0x02
	};
	size_t inner = s->at.len + sizeof(algorithm) + 3 + SHAM_DER;
	unsigned char *p = out;

	*p++ = 0x30;
	*p++ = 0x82;
	*p++ = (unsigned char)(inner >> 8);
	*p++ = (unsigned char)inner;
	memcpy(p, s->tbs, s->at.len);
	p += s->at.len;
	memcpy(p, algorithm, sizeof(algorithm));
	p += sizeof(algorithm);
	*p++ = 0x03;
	*p++ = SHAM_DER + 1;
	*p++ = 0;
	if (is_sham)
		sham_sign_der(s->point, s->tbs, s->at.len, p);
	else
		sham_signer_sign(s->sham, s->tbs, s->at.len, p);
	return inner + 4;
}

/* In lines of 64, as everybody's. */
static size_t put_lines(char *out, const char *text, size_t len)
{
	char *p = out;

	for (size_t at = 0; at < len; at += 64) {
		size_t n = len - at < 64 ? len - at : 64;

		memcpy(p, text + at, n);
		p += n;
		*p++ = '\n';
	}
	return (size_t)(p - out);
}

char *bulk_signer_issue(struct bulk_signer *s, const struct bulk_leaf *leaf)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	static const char end[] = "-----END CERTIFICATE-----\n";
	unsigned char der[TBS_MAX + 256];
	char text[2 * sizeof(der)];
	size_t len, used = sizeof(begin) - 1;
	char *out;

	fill_in(s, leaf);
	len = assemble(s, leaf->is_sham, der);
	len = (size_t)EVP_EncodeBlock((unsigned char *)text, der, (int)len);
	out = xmalloc(len + len / 64 + 128 + strlen(s->issuer));
	memcpy(out, begin, used);
	used += put_lines(out + used, text, len);
	memcpy(out + used, end, sizeof(end));
	strcat(out + used, s->issuer);
	return out;
}
