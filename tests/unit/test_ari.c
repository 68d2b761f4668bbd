/* Renewal information: what CAs say, and how far we follow it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "acme/ari.h"
#include "acme/schedule.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"

#define NOW 1800000000L

static const uint32_t dice[] = { 0, 1, 77777, UINT32_MAX / 2,
				 UINT32_MAX / 2 + 1, UINT32_MAX - 1,
				 UINT32_MAX };

/* ---- the certificate's name ---- */

static void add_key_id(X509 *x, const unsigned char *id, int len)
{
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();

	if (id) {
		aki->keyid = ASN1_OCTET_STRING_new();
		must(ASN1_OCTET_STRING_set(aki->keyid, id, len), NULL);
	} else {
		aki->serial = ASN1_INTEGER_new();
		ASN1_INTEGER_set(aki->serial, 7);
	}
	must(X509_add1_ext_i2d(x, NID_authority_key_identifier, aki, 0,
			       X509V3_ADD_DEFAULT) == 1, NULL);
	AUTHORITY_KEYID_free(aki);
}

static void set_serial(X509 *x, const char *hex)
{
	BIGNUM *n = NULL;
	ASN1_INTEGER *serial;

	must(BN_hex2bn(&n, hex) > 0, NULL);
	serial = BN_to_ASN1_INTEGER(n, NULL);
	must(serial && X509_set_serialNumber(x, serial), NULL);
	ASN1_INTEGER_free(serial);
	BN_free(n);
}

/* A leaf, DER. `key_id` NULL: no such extension; it has `len` octets. */
static int make_leaf(const char *serial, const unsigned char *key_id, int len,
		     unsigned char **der)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	int size;

	must(key && x, NULL);
	X509_set_version(x, X509_VERSION_3);
	set_serial(x, serial);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + WHEN_DAY);
	X509_set_pubkey(x, key);
	if (key_id)
		add_key_id(x, len ? key_id : NULL, len);
	must(X509_sign(x, key, EVP_sha256()) > 0, NULL);
	*der = NULL;
	size = i2d_X509(x, der);
	must(size > 0, NULL);
	X509_free(x);
	EVP_PKEY_free(key);
	return size;
}

/* That of the RFC's example. */
static const unsigned char key_id[] = {
	0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84,
	0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4
};

static const struct {
	const char *serial, *id;
} ids[] = {
	{ "8765432101", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyEB" },
	{ "87654321", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" },	/* RFC 9773 */
	{ "7F", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.fw" },
	{ "80", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIA" },
	{ "0", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AA" },
	{ "-80", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.gA" },
	{ "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
	  "aYhba4dGQEHhs3uEe6CuLN4ByNQ.f_________________________8" },
};

static void a_certificate_is_called_as_in_the_rfc(void **state)
{
	char out[ARI_ID_SIZE];
	unsigned char *der;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		int len = make_leaf(ids[i].serial, key_id, sizeof(key_id),
				    &der);

		assert_true(ari_cert_id(der, (size_t)len, out));
		assert_string_equal(out, ids[i].id);
		OPENSSL_free(der);
	}
}

static const struct {
	const unsigned char *key_id;
	int len;
	bool is_fine;
} key_ids[] = {
	{ NULL, 0, false },		/* no extension */
	{ key_id, 0, false },		/* one without a key id */
	{ key_id, 1, true },
	{ key_id, sizeof(key_id), true },
};

static void without_a_key_id_there_is_no_name(void **state)
{
	char out[ARI_ID_SIZE];
	unsigned char *der;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(key_ids); i++) {
		int len = make_leaf("87654321", key_ids[i].key_id,
				    key_ids[i].len, &der);

		strcpy(out, "left over");
		assert_int_equal(ari_cert_id(der, (size_t)len, out),
				 key_ids[i].is_fine);
		assert_int_equal(out[0] != '\0', key_ids[i].is_fine);
		OPENSSL_free(der);
	}
}

static void an_absurd_key_id_is_none(void **state)
{
	static const unsigned char long_id[] = { [199] = 1 };
	char out[ARI_ID_SIZE];
	unsigned char *der;
	int len;

	(void)state;
	len = make_leaf("1", long_id, sizeof(long_id), &der);
	assert_false(ari_cert_id(der, (size_t)len, out));
	OPENSSL_free(der);
}

static void what_is_no_certificate_has_no_name(void **state)
{
	char out[ARI_ID_SIZE];
	unsigned char *der, *longer;
	int len = make_leaf("87654321", key_id, sizeof(key_id), &der);

	(void)state;
	for (int cut = 0; cut < len; cut++) {
		unsigned char *part = xmemdup(der, (size_t)cut);

		assert_false(ari_cert_id(part, (size_t)cut, out));
		free(part);
	}
	longer = xcalloc(1, (size_t)len + 1);
	memcpy(longer, der, (size_t)len);
	assert_false(ari_cert_id(longer, (size_t)len + 1, out));
	free(longer);
	OPENSSL_free(der);
}

/* ---- the answer ---- */

#define WINDOW(start, end)                                                     \
	"{\"suggestedWindow\":{\"start\":\"" start "\",\"end\":\"" end "\"}}"

static const struct {
	const char *body;
	time_t start, end;	/* 0: no answer */
} answers[] = {
	{ WINDOW("2027-01-15T08:00:00Z", "2027-01-17T08:00:00Z"), NOW,
	  NOW + 2 * WHEN_DAY },
	{ WINDOW("2027-01-15T08:00:00.25Z", "2027-01-15T08:00:01.999999999Z"),
	  NOW, NOW + 1 },
	{ WINDOW("2027-01-15T10:30:00+02:30", "2027-01-15T03:00:00-06:00"),
	  NOW, NOW + WHEN_HOUR },
	{ WINDOW("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), 0,
	  253402300799 },
	{ WINDOW("9999-12-31T23:59:58-23:59", "9999-12-31T23:59:59-23:59"),
	  253402300798 + 86340, 253402300799 + 86340 },
	{ WINDOW("1969-01-15T08:00:00Z", "1970-01-01T00:00:01Z"),
	  -351 * WHEN_DAY + 8 * WHEN_HOUR, 1 },

	/* that ends before it begins, or in the same moment */
	{ WINDOW("2027-01-17T08:00:00Z", "2027-01-15T08:00:00Z"), 0, 0 },
	{ WINDOW("2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z"), 0, 0 },
	{ WINDOW("2027-01-15T10:00:00+02:00", "2027-01-15T08:00:00Z"), 0, 0 },

	/* moments that are none */
	{ WINDOW("0001-01-01T00:00:00Z", "2027-01-15T08:00:00Z"), 0, 0 },
	{ WINDOW("2027-01-15T08:00:00Z", "10000-01-01T00:00:00Z"), 0, 0 },
	{ WINDOW("2027-02-30T08:00:00Z", "2027-03-15T08:00:00Z"), 0, 0 },
	{ WINDOW("2027-01-15T08:00:00", "2027-01-17T08:00:00"), 0, 0 },
	{ WINDOW("2027-01-15T08:00:00.Z", "2027-01-17T08:00:00Z"), 0, 0 },
	{ WINDOW("2027-01-15", "2027-01-17"), 0, 0 },
	{ WINDOW("", ""), 0, 0 },
	{ WINDOW("2027-01-15T08:00:00Z\\u0000", "2027-01-17T08:00:00Z"), 0,
	  0 },

	/* no such thing */
	{ "{\"suggestedWindow\":{\"start\":1800000000,\"end\":1800000001}}", 0,
	  0 },
	{ "{\"suggestedWindow\":{\"end\":\"2027-01-15T08:00:00Z\"}}", 0, 0 },
	{ "{\"suggestedWindow\":[\"2027-01-15T08:00:00Z\"]}", 0, 0 },
	{ "{\"suggestedWindow\":null}", 0, 0 },
	{ "{\"suggestedWindow\":{},\"suggestedWindow\":{}}", 0, 0 },
	{ "{}", 0, 0 },
	{ "[]", 0, 0 },
	{ "null", 0, 0 },
	{ "\"\"", 0, 0 },
	{ "", 0, 0 },
	{ "<html>502 Bad Gateway</html>", 0, 0 },
	{ "{\"suggestedWindow\":{\"start\":\"2027-01-15T08:00:00Z\",", 0, 0 },
	{ "{\"type\":\"urn:ietf:params:acme:error:malformed\"}", 0, 0 },
	{ "\xff\xfe{\"suggestedWindow\":{}}", 0, 0 },
};

static void answers_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct ari_window w = { 1, 2, "left over" };
		struct err err = ERR_INIT;
		bool is_answer = answers[i].start || answers[i].end;

		assert_int_equal(ari_parse(&w, answers[i].body,
					   strlen(answers[i].body), &err),
				 is_answer);
		assert_int_equal(w.start, answers[i].start);
		assert_int_equal(w.end, answers[i].end);
		assert_string_equal(w.url, "");
		assert_int_equal(err.kind, is_answer ? ERR_NONE : ERR_AGAIN);
	}
}

#define EXPLAINED(url)                                                         \
	"{\"suggestedWindow\":{\"start\":\"2027-01-15T08:00:00Z\","           \
	"\"end\":\"2027-01-17T08:00:00Z\"},\"explanationURL\":" url "}"

static const struct {
	const char *body, *url;
} explanations[] = {
	{ EXPLAINED("\"https://ca.test/incident?id=1#why\""),
	  "https://ca.test/incident?id=1#why" },
	{ EXPLAINED("\"http://ca.test/\""), "http://ca.test/" },
	{ EXPLAINED("\"javascript:alert(1)\""), "" },
	{ EXPLAINED("\"https://ca.test/\\u001b[2J\""), "" },
	{ EXPLAINED("\"https://ca.test/a b\""), "" },
	{ EXPLAINED("\"https://ca.test/\\u00fc\""), "" },
	{ EXPLAINED("\"\""), "" },
	{ EXPLAINED("17"), "" },
	{ EXPLAINED("null"), "" },
};

static void explanations_are_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(explanations); i++) {
		struct err err = ERR_INIT;
		struct ari_window w;

		assert_true(ari_parse(&w, explanations[i].body,
				      strlen(explanations[i].body), &err));
		assert_int_equal(w.start, NOW);
		assert_string_equal(w.url, explanations[i].url);
	}
}

static void what_is_too_long_is_left_out_or_refused(void **state)
{
	char *path = xasprintf("%0*d", URL_SIZE, 0);
	char *body = xasprintf(EXPLAINED("\"https://ca.test/%s\""), path);
	char *huge = xasprintf("%s%*s", body, ARI_BODY_MAX, "");
	char *deep = xmalloc(ARI_BODY_MAX);
	struct err err = ERR_INIT;
	struct ari_window w;

	(void)state;
	assert_true(ari_parse(&w, body, strlen(body), &err));
	assert_string_equal(w.url, "");
	assert_false(ari_parse(&w, huge, strlen(huge), &err));
	memset(deep, '[', ARI_BODY_MAX);
	assert_false(ari_parse(&w, deep, ARI_BODY_MAX, &err));
	free(deep);
	free(huge);
	free(body);
	free(path);
}

/* ---- the pick ---- */

static const struct {
	time_t start, end;
} windows[] = {
	{ NOW, NOW + 1 },
	{ NOW, NOW + 2 },
	{ NOW, NOW + 11520 },		/* 2 % of 160 h */
	{ NOW, NOW + 2 * WHEN_DAY },
	{ -NOW, NOW },
	{ -30610224000, 253402387139 },	/* all that can be written */
};

static void a_pick_is_within_its_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		struct ari_window w = { windows[i].start, windows[i].end, "" };
		time_t before = w.start;

		assert_int_equal(ari_pick(&w, 0), w.start);
		for (size_t d = 0; d < ARRAY_LEN(dice); d++) {
			time_t at = ari_pick(&w, dice[d]);

			assert_true(at >= before && at < w.end);
			before = at;
		}
		assert_true(ari_pick(&w, UINT32_MAX) >=
			    w.end - 1 - (w.end - w.start) / UINT32_MAX);
	}
}

static void picks_are_spread_evenly(void **state)
{
	struct ari_window w = { NOW, NOW + 1000, "" };

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		uint32_t roll = (uint32_t)(((uint64_t)i << 32) / 10);

		assert_in_range(ari_pick(&w, roll), NOW + 100 * i - 1,
				NOW + 100 * i);
	}
}

static const struct {
	time_t had_start, had_end;	/* 0, 0: none; from NOW */
	time_t start, end;
	bool is_new;
} news[] = {
	{ 0, 0, 100, 200, true },
	{ 0, 0, -200, -100, true },
	{ 100, 200, 100, 200, false },
	{ 100, 200, 101, 200, true },
	{ 100, 200, 100, 201, true },
	{ -100, 100, -100, 100, false },
	{ 100, 200, -3600, -1800, true },	/* revoked */
	{ -3660, -1860, -3600, -1800, false },	/* and asked again */
	{ -3660, -1860, 100, 200, true },	/* and called off */
	{ -200, 0, -100, 0, false },		/* over at this moment */
	{ -200, 1, -100, 1, true },
};

static void an_immediate_window_asks_but_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(news); i++) {
		struct ari_window had = { NOW + news[i].had_start,
					  NOW + news[i].had_end, "" };
		struct ari_window got = { NOW + news[i].start,
					  NOW + news[i].end, "" };

		assert_int_equal(ari_window_is_new(news[i].had_end ||
						   news[i].had_start
							   ? &had : NULL,
						   &got, NOW),
				 news[i].is_new);
	}
}

static void a_window_is_open_from_start_to_end(void **state)
{
	struct ari_window w = { NOW, NOW + 10, "" };

	(void)state;
	assert_false(ari_window_is_open(&w, NOW - 1));
	assert_true(ari_window_is_open(&w, NOW));
	assert_true(ari_window_is_open(&w, NOW + 9));
	assert_false(ari_window_is_open(&w, NOW + 10));
}

/* ---- when to ask ---- */

static const struct {
	long retry_after, low, high;
} polls[] = {
	{ 0, 60, 60 },
	{ 59, 60, 60 },
	{ 61, 61, 61 },
	{ 6 * WHEN_HOUR, 6 * WHEN_HOUR, 6 * WHEN_HOUR },
	{ WHEN_DAY, WHEN_DAY, WHEN_DAY },
	{ WHEN_DAY + 1, WHEN_DAY, WHEN_DAY },
	{ INT64_MAX, WHEN_DAY, WHEN_DAY },
	{ -1, 6 * WHEN_HOUR, 6 * WHEN_HOUR + 36 * WHEN_MINUTE },
	{ INT64_MIN, 6 * WHEN_HOUR, 6 * WHEN_HOUR + 36 * WHEN_MINUTE },
};

static void the_ca_says_when_to_ask_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(polls); i++)
		for (size_t d = 0; d < ARRAY_LEN(dice); d++)
			assert_in_range(ari_next_poll(NOW,
						      polls[i].retry_after,
						      dice[d]),
					NOW + polls[i].low,
					NOW + polls[i].high);
}

static const struct {
	long n;
	bool is_temporary;
	long pause;		/* and up to a fifth more */
} retries[] = {
	{ 1, true, 60 },	  { 2, true, 120 },
	{ 3, true, 240 },	  { 9, true, 15360 },
	{ 10, true, 21600 },	  { INT64_MAX, true, 21600 },
	{ 0, true, 60 },	  { -5, true, 60 },
	{ 1, false, 21600 },	  { 2, false, 21600 },
	{ INT64_MAX, false, 21600 },
};

static void failures_wait_ever_longer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(retries); i++)
		for (size_t d = 0; d < ARRAY_LEN(dice); d++)
			assert_in_range(ari_retry(retries[i].n,
						  retries[i].is_temporary,
						  dice[d]),
					retries[i].pause,
					retries[i].pause * 6 / 5);
}

static void a_ca_that_fails_is_held_longer_each_time(void **state)
{
	static const struct {
		long n, retry_after, hold;
	} holds[] = {
		{ 1, -1, 30 },	{ 2, -1, 60 },	{ 8, -1, 3600 },
		{ 99, -1, 3600 }, { 1, 5, 30 }, { 1, 600, 600 },
		{ 3, 600, 600 }, { 9, 600, 3600 }, { 1, 999999, 86400 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(holds); i++)
		assert_int_equal(ari_hold(holds[i].n, holds[i].retry_after),
				 holds[i].hold);
}

/* ---- when to renew ---- */

static const long lives[] = { 60,	      6 * WHEN_DAY,  160 * WHEN_HOUR,
			      45 * WHEN_DAY, 64 * WHEN_DAY, 90 * WHEN_DAY,
			      398 * WHEN_DAY };

#define FOREVER 253402300799L
#define AGES	(-30610224000L)

/*
 * In thousandths of the life from NOW, where the certificate begins; what is
 * over 9000 is for ever. The plan is at 2/3.
 */
static const struct {
	long start, end;
	const char *url;
	uint32_t roll;
	long renew;
} advice[] = {
	{ 656, 676, "", 0, 656 },		/* as CAs do */
	{ 656, 676, "", UINT32_MAX, 676 },
	{ 500, 600, "", 0, 500 },		/* earlier is honoured */
	{ 300, 301, "", 0, 300 },
	{ 700, 740, "", 0, 700 },		/* later, to a quarter */
	{ 740, 760, "", UINT32_MAX, 750 },
	{ 800, 900, "", 0, 750 },
	{ 1000, 1001, "", 0, 750 },
	{ 2000, 3000, "why", 0, 750 },
	{ 2000, 9999, "", 0, 750 },
	{ -9999, 9999, "why", 0, -9999 },
	{ -9999, 9999, "", UINT32_MAX, 750 },
	{ -50, -20, "why", 0, -50 },		/* at once, and why */
	{ 1, 2, "why", 0, 1 },
};

static time_t thousandths(long life, long n)
{
	if (n > 9000)
		return FOREVER;
	return n < -9000 ? AGES : NOW + life * n / 1000;
}

static time_t renew_at(time_t life, time_t planned, time_t first_seen,
		       const struct ari_window *w, uint32_t roll)
{
	return ari_renew_at(&(struct ari_case){
		.not_before = NOW,
		.not_after = NOW + life,
		.first_seen = first_seen,
		.planned = planned,
		.window = w,
		.pick = w ? ari_pick(w, roll) : 0,
	});
}

static void advice_is_followed_within_bounds(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(lives); l++)
		for (size_t i = 0; i < ARRAY_LEN(advice); i++) {
			long life = lives[l];
			struct ari_window w = {
				.start = thousandths(life, advice[i].start),
				.end = thousandths(life, advice[i].end),
			};
			time_t at;

			if (w.end <= w.start)
				continue;	/* of a minute */
			strcpy(w.url, advice[i].url);
			at = renew_at(life, NOW + life * 2 / 3, NOW, &w,
				      advice[i].roll);
			assert_in_range(at - AGES,
					thousandths(life, advice[i].renew) -
						AGES - (advice[i].roll ? 1 : 0),
					thousandths(life, advice[i].renew) -
						AGES);
			assert_true(at <= NOW + life - life / 4);
		}
}

static void without_advice_it_is_as_planned(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(lives); l++) {
		time_t planned = schedule_renewal(NOW, NOW + lives[l], NOW, 7);

		assert_int_equal(renew_at(lives[l], planned, NOW, NULL, 0),
				 planned);
		assert_true(planned <= NOW + lives[l] - lives[l] / 4);
	}
}

/* How long a certificate counts as new, against "at once" without a reason. */
static const struct {
	long life, young;
} youth[] = {
	{ 60, 15 },
	{ WHEN_HOUR, 15 * WHEN_MINUTE },
	{ 4 * WHEN_HOUR, WHEN_HOUR },
	{ 12 * WHEN_HOUR, WHEN_HOUR },
	{ 6 * WHEN_DAY, 10368 },
	{ 160 * WHEN_HOUR, 11520 },
	{ 45 * WHEN_DAY, 77760 },
	{ 90 * WHEN_DAY, 155520 },
	{ 398 * WHEN_DAY, 687744 },
};

static void at_once_needs_a_reason_while_it_is_new(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(youth); i++) {
		struct ari_window w = { NOW - 3600, NOW - 1800, "" };
		time_t life = youth[i].life, planned = NOW + life * 2 / 3;

		assert_int_equal(renew_at(life, planned, NOW, &w, 0),
				 NOW + youth[i].young);
		/* backdated by its CA: from when we got it */
		assert_int_equal(renew_at(life, planned, NOW + life / 10, &w,
					  0),
				 NOW + life / 10 + youth[i].young);
		assert_int_equal(renew_at(life, planned, 0, &w, 0),
				 NOW + youth[i].young);
		strcpy(w.url, "https://ca.test/");
		assert_int_equal(renew_at(life, planned, NOW, &w, 0),
				 NOW - 3600);
	}
}

/* A reason counts once: what was met already, and a third in a row, waits. */
static const struct {
	long hastened;
	bool is_stale, is_repeated;
	long waits; /* s, after it was made */
} rows_of_haste[] = {
	{ 0, false, false, -3600 },
	{ 1, false, false, -3600 },
	{ 1, true, true, 90 * WHEN_DAY / 4 },
	{ 2, false, true, 90 * WHEN_DAY / 50 },
	{ 9, true, true, 90 * WHEN_DAY / 4 },
};

static void a_reason_counts_once(void **state)
{
	struct ari_window w = { NOW - 3600, NOW - 1800, "https://ca.test/" };
	struct ari_case c = { .not_before = NOW,
			      .not_after = NOW + 90 * WHEN_DAY,
			      .first_seen = NOW,
			      .planned = NOW + 60 * WHEN_DAY,
			      .window = &w,
			      .pick = NOW - 3600 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows_of_haste); i++) {
		c.hastened = rows_of_haste[i].hastened;
		c.is_stale = rows_of_haste[i].is_stale;
		assert_int_equal(ari_is_repeated(&c),
				 rows_of_haste[i].is_repeated);
		assert_int_equal(ari_renew_at(&c),
				 NOW + rows_of_haste[i].waits);
	}
}

/* Revoked in the middle of its life: there is nothing to wait for. */
static void at_once_is_at_once_when_it_is_not_new(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(lives); l++) {
		time_t now = NOW + lives[l] / 2;
		struct ari_window w = { now - lives[l] / 50,
					now - lives[l] / 100, "" };

		assert_true(renew_at(lives[l], NOW + lives[l] * 2 / 3, NOW, &w,
				     UINT32_MAX) <= now);
	}
}

/* One that came to us old: as planned at the latest, even past the quarter. */
static void what_came_old_is_used_for_a_while(void **state)
{
	static const long days[] = { 60, 66, 80 }; /* gone when it came */
	long life = 90 * WHEN_DAY;
	struct ari_window past = { NOW - 2, NOW - 1, "" };
	struct ari_window late = { NOW + life, NOW + 2 * life, "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		time_t got = NOW + days[i] * WHEN_DAY;
		time_t planned = schedule_renewal(NOW, NOW + life, got, 0);
		time_t new = got + life / 50;

		assert_true(planned > got);
		assert_int_equal(renew_at(life, planned, got, &late, 0),
				 days[i] < 68 ? NOW + life - life / 4
					      : planned);
		assert_int_equal(renew_at(life, planned, got, &past, 0),
				 new < planned ? new : planned);
	}
}

/* A pick that was kept from another window. */
static void a_pick_stays_in_its_window(void **state)
{
	struct ari_window w = { NOW + 1000, NOW + 2000, "https://ca.test/" };
	struct ari_case c = { .not_before = NOW, .not_after = NOW + 10000,
			      .planned = NOW + 6000, .window = &w };

	(void)state;
	c.pick = 0;
	assert_int_equal(ari_renew_at(&c), NOW + 1000);
	c.pick = FOREVER;
	assert_int_equal(ari_renew_at(&c), NOW + 2000);
}

static void a_certificate_that_cannot_be_does_no_harm(void **state)
{
	struct ari_window w = { AGES, FOREVER, "" };

	(void)state;
	assert_true(renew_at(-WHEN_DAY, NOW, NOW, &w, 0) <= NOW);
	assert_true(renew_at(0, NOW, NOW, &w, UINT32_MAX) <= NOW);
}

/*
 * A CA that answers "at once" for whatever it has just made: it gets a few
 * certificates in each life out of us, not one in each second.
 */
static void a_ca_that_is_never_content_gets_no_loop(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(lives); l++) {
		time_t now = NOW, until = NOW + lives[l];
		long orders = 0;

		while (now < until) {
			struct ari_window w = { now - 3600, now - 1800, "" };
			struct ari_case c = {
				.not_before = now,
				.not_after = now + lives[l],
				.first_seen = now,
				.planned = schedule_renewal(
					now, now + lives[l], now, 0),
				.window = &w,
				.pick = ari_pick(&w, 0),
			};

			now = ari_renew_at(&c);
			orders++;
		}
		assert_in_range(orders, 1, 51);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_called_as_in_the_rfc),
		cmocka_unit_test(without_a_key_id_there_is_no_name),
		cmocka_unit_test(an_absurd_key_id_is_none),
		cmocka_unit_test(what_is_no_certificate_has_no_name),
		cmocka_unit_test(answers_are_read_strictly),
		cmocka_unit_test(explanations_are_urls),
		cmocka_unit_test(what_is_too_long_is_left_out_or_refused),
		cmocka_unit_test(a_pick_is_within_its_window),
		cmocka_unit_test(picks_are_spread_evenly),
		cmocka_unit_test(an_immediate_window_asks_but_once),
		cmocka_unit_test(a_window_is_open_from_start_to_end),
		cmocka_unit_test(the_ca_says_when_to_ask_again),
		cmocka_unit_test(failures_wait_ever_longer),
		cmocka_unit_test(a_ca_that_fails_is_held_longer_each_time),
		cmocka_unit_test(advice_is_followed_within_bounds),
		cmocka_unit_test(without_advice_it_is_as_planned),
		cmocka_unit_test(at_once_needs_a_reason_while_it_is_new),
		cmocka_unit_test(a_reason_counts_once),
		cmocka_unit_test(at_once_is_at_once_when_it_is_not_new),
		cmocka_unit_test(what_came_old_is_used_for_a_while),
		cmocka_unit_test(a_pick_stays_in_its_window),
		cmocka_unit_test(a_certificate_that_cannot_be_does_no_harm),
		cmocka_unit_test(a_ca_that_is_never_content_gets_no_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
