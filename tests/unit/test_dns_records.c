/*
 * base/dns_packet.c on answers for TXT, MX and CNAME, whole and damaged.
 */
#include "base/dns_packet.h"

#include <arpa/nameser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

/* A question for a.bc, whose name begins at 12; so 0xc00e is "bc". */
#define HEAD(type, answers)                                                    \
	"\x12\x34\x81\x80\0\x01\0" answers "\0\0\0\0\x01"                      \
	"a\x02"                                                                \
	"bc\0\0" type "\0\x01"
#define RECORD(type, ttl, len)	    LONG_RECORD(type, "\0\0" ttl, len)
#define LONG_RECORD(type, ttl, len) "\xc0\x0c\0" type "\0\x01" ttl "\0" len
#define TXT		       "\x10"
#define MX		       "\x0f"

static struct dns_record_set set;

static const struct row {
	const char *packet;
	size_t len;
	int type;
	enum dns_outcome outcome;
	size_t count;
	long ttl;
	const char *text; /* of the first one */
	long preference;
} rows[] = {
#define PACKET(text) text, sizeof(text) - 1
	/* The strings of a record are one; the shortest TTL counts. */
	{ PACKET(HEAD(TXT, "\x02") RECORD(TXT, "\x0e\x10",
					  "\x06") "\x02v=\x02"
						  "ST" RECORD(TXT, "\0\x3c",
							      "\x02") "\x01x"),
	  ns_t_txt, DNS_FOUND, 2, 60, "v=ST", 0 },
	{ PACKET(HEAD(TXT, "\x01") RECORD(TXT, "\0\x3c", "\x05") "\x04"
								 "a\0\xff\n"),
	  ns_t_txt, DNS_FOUND, 1, 60, "a\x7f\x7f\x7f", 0 },
	{ PACKET(HEAD(TXT, "\x01") RECORD(TXT, "\0\x3c", "\x01") "\0"),
	  ns_t_txt, DNS_FOUND, 1, 60, "", 0 },
	/* The top bit makes it none at all (RFC 2181, 8). */
	{ PACKET(HEAD(TXT, "\x01")
			 LONG_RECORD(TXT, "\x80\0\0\0", "\x02") "\x01x"),
	  ns_t_txt, DNS_FOUND, 1, 0, "x", 0 },
	{ PACKET(HEAD(TXT, "\x01")
			 LONG_RECORD(TXT, "\xff\xff\xff\xff", "\x02") "\x01x"),
	  ns_t_txt, DNS_FOUND, 1, 0, "x", 0 },
	{ PACKET(HEAD(TXT, "\x01")
			 LONG_RECORD(TXT, "\x7f\xff\xff\xff", "\x02") "\x01x"),
	  ns_t_txt, DNS_FOUND, 1, 0x7fffffff, "x", 0 },
	/* A string that says it is longer than its record. */
	{ PACKET(HEAD(TXT, "\x01") RECORD(TXT, "\0\x3c", "\x03") "\xff"
								 "ab"),
	  ns_t_txt, DNS_FOUND, 1, 60, "ab", 0 },
	{ PACKET(HEAD(MX, "\x01") RECORD(MX, "\0\x3c", "\x07") "\0\x0a\x02"
							       "mx\xc0\x0e"),
	  ns_t_mx, DNS_FOUND, 1, 60, "mx.bc", 10 },
	{ PACKET(HEAD(MX, "\x01") RECORD(MX, "\0\x3c", "\x03") "\0\0\0"),
	  ns_t_mx, DNS_FOUND, 1, 60, ".", 0 },
	{ PACKET(HEAD(MX, "\x01") RECORD(MX, "\0\x3c", "\x02") "\0\x0a"),
	  ns_t_mx, DNS_FAILED, 0, 0, NULL, 0 },
	{ PACKET(HEAD("\x05", "\x01")
			 RECORD("\x05", "\0\x3c", "\x02") "\xc0\x0e"),
	  ns_t_cname, DNS_FOUND, 1, 60, "bc", 0 },
	{ PACKET(HEAD(TXT, "\0")), ns_t_txt, DNS_NO_RECORD, 0, 0, NULL, 0 },
};

/* RFC 2181, 8: such a TTL is none. */
static void a_ttl_is_positive(void **state)
{
	static const char big[] = HEAD(TXT, "\x01") "\xc0\x0c\0" TXT "\0\x01"
						    "\x80\0\0\x01\0\x02\x01x";

	(void)state;
	dns_packet_records((const unsigned char *)big, sizeof(big) - 1,
			   ns_t_txt, &set);
	assert_int_equal(set.outcome, DNS_FOUND);
	assert_int_equal(set.ttl, 0);
}

#define A     "\x01"
#define CNAME "\x05"

/* Of a.bc, an alias of bc: the longest TTL on the way to its address. */
static const struct {
	const char *packet;
	size_t len;
	long ttl;
} ways[] = {
	{ PACKET(HEAD(A, "\x01") RECORD(A, "\0\x3c", "\x04") "\1\2\3\4"), 60 },
	{ PACKET(HEAD(A, "\x02") RECORD(A, "\0\x3c", "\x04") "\1\2\3\4" RECORD(
		  A, "\x0e\x10", "\x04") "\1\2\3\5"),
	  3600 },
	{ PACKET(HEAD(A, "\x02") RECORD(
		  CNAME, "\x0e\x10", "\x02") "\xc0\x0e"
					     "\xc0\x0e\0" A
					     "\0\x01\0\0\0\x3c\0\x04\1\2\3\4"),
	  3600 },
	{ PACKET(HEAD(A, "\x01") "\xc0\x0c\0" A "\0\x01\xff\xff\xff\xff"
				 "\0\x04\1\2\3\4"),
	  0 },
};

static void addresses_have_the_longest_ttl(void **state)
{
	struct dns_addresses out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		print_message("way %zu\n", i);
		dns_packet_addresses((const unsigned char *)ways[i].packet,
				     (int)ways[i].len, ns_t_a, &out);
		assert_int_equal(out.outcome, DNS_FOUND);
		assert_int_equal(out.ttl, ways[i].ttl);
	}
}

static void what_it_says_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];

		print_message("row %zu\n", i);
		dns_packet_records((const unsigned char *)row->packet,
				   (int)row->len, row->type, &set);
		assert_int_equal(set.outcome, row->outcome);
		assert_int_equal(set.count, row->count);
		if (!row->text)
			continue;
		assert_int_equal(set.ttl, row->ttl);
		assert_string_equal(set.record[0].text, row->text);
		assert_int_equal(set.record[0].preference, row->preference);
	}
}

/* Nothing is read that is not there: for a sanitizer to see. */
static void cut_and_damaged_ones_do_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t len = 0; len <= rows[i].len; len++) {
			unsigned char *exact = xmemdup(rows[i].packet,
						       len ? len : 1);

			if (len)
				exact[len - 1] ^= 0xff;
			dns_packet_records(exact, (int)len, rows[i].type, &set);
			assert_true(set.count <= DNS_RECORDS_MAX);
			free(exact);
		}
}

/* 40 records of 255 bytes and more each: the first ones count. */
static void too_many_are_cut(void **state)
{
	unsigned char packet[65535];
	const char head[] = HEAD(TXT, "\x28");
	size_t len = sizeof(head) - 1;

	(void)state;
	memcpy(packet, head, len);
	for (int i = 0; i < 40; i++) {
		static const unsigned char start[] = {
			0xc0, 0x0c, 0, 0x10, 0, 1, 0, 0, 0, 1, 5, 0
		};

		memcpy(packet + len, start, sizeof(start));
		len += sizeof(start);
		for (int piece = 0; piece < 5; piece++) {
			packet[len++] = 255;
			memset(packet + len, 'x', 255);
			len += 255;
		}
	}
	dns_packet_records(packet, (int)len, ns_t_txt, &set);
	assert_int_equal(set.outcome, DNS_FOUND);
	assert_int_equal(set.count, DNS_RECORDS_MAX);
	assert_true(set.is_cut);
	assert_int_equal(strlen(set.record[0].text), DNS_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_is_read),
		cmocka_unit_test(a_ttl_is_positive),
		cmocka_unit_test(addresses_have_the_longest_ttl),
		cmocka_unit_test(cut_and_damaged_ones_do_no_harm),
		cmocka_unit_test(too_many_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
