/* What a CA may send for a chain, and what of it is let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "acme/chain.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/tiny_ca.h"

#define NOW  1800000000L
#define HOST "mta-sts.example.org"

static struct tiny_ca ca, unrelated;
static struct p256 ours;
static EVP_PKEY *our_key, *other_key;

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	tiny_ca_init(&ca, "Tiny CA", NOW - WHEN_DAY, NOW + 1000 * WHEN_DAY);
	tiny_ca_init(&unrelated, "Another CA", NOW - WHEN_DAY,
		     NOW + 1000 * WHEN_DAY);
	must(p256_generate(&ours, &err), &err);
	our_key = p256_to_pkey(&ours, &err);
	other_key = EVP_EC_gen("P-256");
	return our_key && other_key ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tiny_ca_release(&ca);
	tiny_ca_release(&unrelated);
	EVP_PKEY_free(our_key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* ---- the leaf ---- */

static const struct {
	const char *what, *host;
	bool other_key;
	long from, until;	/* seconds from NOW */
	const char *refusal;	/* in the error's text; NULL: accepted */
} leaves[] = {
	{ "as wished", HOST, false, -3600, 90 * WHEN_DAY, NULL },
	{ "name in upper case", "MTA-STS.Example.ORG", false, 0, 90, NULL },
	{ "lives a minute", HOST, false, 0, 60, NULL },
	{ "lives for ever", HOST, false, 0, 250000 * WHEN_DAY, NULL },
	{ "begins in four minutes", HOST, false, 240, 9999, NULL },
	{ "begins in an hour", HOST, false, 3600, 99999, "not valid yet" },
	{ "ends now", HOST, false, -3600, 0, "expired already" },
	{ "ended yesterday", HOST, false, -99999, -86400, "expired already" },
	{ "another name", "mta-sts.example.com", false, 0, 9999,
	  "does not name mta-sts.example.org" },
	{ "part of a label", "mta-s*.example.org", false, 0, 9999,
	  "does not name mta-sts.example.org" },
	{ "the domain only", "example.org", false, 0, 9999, "does not name" },
	{ "another key", HOST, true, 0, 9999, "for another key" },
};

static bool read_with(char *pem, struct chain *c, struct err *err)
{
	struct chain_wanted wanted = { .host = HOST, .key = &ours,
				       .now = NOW };
	bool ok = chain_read(c, pem, strlen(pem), &wanted, err);

	free(pem);
	return ok;
}

static X509 *leaf_like(size_t i)
{
	return tiny_ca_issue(&ca, &(struct tiny_leaf){
		.host = leaves[i].host,
		.key = leaves[i].other_key ? other_key : our_key,
		.from = NOW + leaves[i].from,
		.until = NOW + leaves[i].until,
		.serial = 0xabc,
	});
}

static void leaves_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		X509 *leaf = leaf_like(i);
		struct err err = ERR_INIT;
		struct chain c;
		bool ok = read_with(tiny_ca_pem((X509 *[]){ leaf, ca.cert,
							    NULL }), &c, &err);

		print_message("%s: %s\n", leaves[i].what, err.text);
		assert_int_equal(ok, !leaves[i].refusal);
		if (!ok && leaves[i].refusal) {
			assert_int_equal(err.kind, ERR_REFUSED);
			assert_non_null(strstr(err.text, leaves[i].refusal));
		}
		assert_int_equal(c.not_after, NOW + leaves[i].until);
		assert_int_equal(c.not_before, NOW + leaves[i].from);
		assert_string_equal(c.serial, "0abc");
		assert_string_equal(c.issuer, "Tiny CA");
		chain_release(&c);
		X509_free(leaf);
	}
}

/* ---- what stands behind it ---- */

/* L leaf, I its issuer, R the root; i and r: the same of an unrelated CA. */
static const struct {
	const char *certs;
	bool accepted;
} chains[] = {
	{ "LI", true },
	{ "LIR", true },
	{ "LIi", false },	/* the last one is the anchor: not above L */
	{ "L", false },
	{ "", false },
	{ "IL", false },
	{ "IR", false },
	{ "LR", false },	/* a link is missing */
	{ "Li", false },
	{ "Lir", false },
	{ "LL", false },
	{ "LIIIIIIIII", true },	/* ten: silly, and it builds */
	{ "LIIIIIIIIII", false },	/* eleven */
	{ "LIIIIIIIIIIIIIIIIIII", false },
};

static char *pem_of(const char *letters, X509 *leaf)
{
	X509 *certs[32] = { NULL };

	for (size_t i = 0; letters[i]; i++)
		switch (letters[i]) {
		case 'L':
			certs[i] = leaf;
			break;
		case 'I':
			certs[i] = ca.cert;
			break;
		case 'R':
			certs[i] = ca.root;
			break;
		case 'i':
			certs[i] = unrelated.cert;
			break;
		case 'r':
			certs[i] = unrelated.root;
			break;
		}
	return tiny_ca_pem(certs);
}

static void chains_are_checked(void **state)
{
	X509 *leaf = leaf_like(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		struct err err = ERR_INIT;
		struct chain c;
		bool ok = read_with(pem_of(chains[i].certs, leaf), &c, &err);

		print_message("\"%s\": %s\n", chains[i].certs, err.text);
		assert_int_equal(ok, chains[i].accepted);
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_REFUSED);
		assert_int_equal(c.leaf.len > 0, chains[i].certs[0] != '\0');
		chain_release(&c);
	}
	X509_free(leaf);
}

/* ---- junk ---- */

static void junk_is_refused(void **state)
{
	X509 *leaf = leaf_like(0);
	char *good = pem_of("LI", leaf);
	char *cases[] = {
		xstrdup("<html>Bad Gateway</html>"),
		xstrdup("-----BEGIN CERTIFICATE-----\n"),
		xstrdup("-----BEGIN CERTIFICATE-----\nAAAA\n"
			"-----END CERTIFICATE-----\n"),
		xstrndup(good, strlen(good) / 2),
		xstrndup(good, strlen(good) - 40),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct chain c;

		assert_false(read_with(cases[i], &c, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		chain_release(&c);
	}
	free(good);
	X509_free(leaf);
}

/* Text between the certificates is allowed (RFC 7468); bytes stay bytes. */
static void what_comes_out_is_der(void **state)
{
	X509 *leaf = leaf_like(0), *again;
	char *l = pem_of("L", leaf), *i = pem_of("I", leaf);
	char *pem = xasprintf("subject=leaf\n%s\nissuer:\n%s\nthe end\n", l, i);
	struct err err = ERR_INIT;
	const unsigned char *der;
	struct chain c;

	(void)state;
	assert_true(read_with(pem, &c, &err));
	der = (const unsigned char *)c.leaf.data;
	again = d2i_X509(NULL, &der, (long)c.leaf.len);
	assert_int_equal(X509_cmp(again, leaf), 0);
	X509_free(again);
	der = (const unsigned char *)c.issuers.data;
	again = d2i_X509(NULL, &der, (long)c.issuers.len);
	assert_int_equal(X509_cmp(again, ca.cert), 0);
	assert_ptr_equal(der, (unsigned char *)c.issuers.data + c.issuers.len);
	X509_free(again);
	chain_release(&c);
	X509_free(leaf);
	free(l);
	free(i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_are_checked),
		cmocka_unit_test(chains_are_checked),
		cmocka_unit_test(junk_is_refused),
		cmocka_unit_test(what_comes_out_is_der),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
