/* What a packet filter does to a packet, by the JSON of nft. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/nft_rules.h"

#define CHAIN(hook, policy)                                                    \
	"{'chain': {'family': 'inet', 'table': 'f', 'name': 'in', 'type': "    \
	"'filter', 'hook': '" hook "', 'prio': 0, 'policy': '" policy "'}}"
#define RULE(expr)                                                             \
	", {'rule': {'family': 'inet', 'table': 'f', 'chain': 'in', 'expr': "  \
	"[" expr "]}}"
#define IN_SUB(expr)                                                           \
	", {'rule': {'family': 'inet', 'table': 'f', 'chain': 'sub', "         \
	"'expr': [" expr "]}}"
#define MATCH(left, op, right)                                                 \
	"{'match': {'op': '" op "', 'left': " left ", 'right': " right "}}"
#define DPORT(right)                                                           \
	MATCH("{'payload': {'protocol': 'tcp', 'field': "                      \
	      "'dport'}}",                                                     \
	      "==", right)
#define UDP(right)                                                             \
	MATCH("{'payload': {'protocol': 'udp', 'field': "                      \
	      "'dport'}}",                                                     \
	      "==", right)
#define FIELD(protocol, field, op, right)                                      \
	MATCH("{'payload': {'protocol': '" protocol "', 'field': '" field      \
	      "'}}",                                                           \
	      op, right)
#define STATE(right)	 MATCH("{'ct': {'key': 'state'}}", "in", right)
#define META(key, right) MATCH("{'meta': {'key': '" key "'}}", "==", right)
#define SADDR                                                                  \
	MATCH("{'payload': {'protocol': 'ip', 'field': 'saddr'}}",             \
	      "==", "'192.0.2.9'")
#define ACCEPT "{'accept': null}"
#define DROP   "{'drop': null}"
#define LIMIT  "{'limit': {'rate': 10, 'per': 'second'}}"
#define TARGET(name)   "{'xt': {'type': 'target', 'name': '" name "'}}"
#define XT_MATCH(name) "{'xt': {'type': 'match', 'name': '" name "'}}"
#define QUEUE	       "{'queue': {'num': 1}}"
#define COUNT  "{'counter': {'packets': 1, 'bytes': 2}}"

/* IPv4, TCP, to port 443 of this machine, and of a new connection. */
static const struct {
	const char *rules;
	enum nft_fate fate;
} cases[] = {
	{ "", NFT_PASSES },
	{ CHAIN("input", "accept"), NFT_PASSES },
	{ CHAIN("input", "drop"), NFT_DROPPED },
	{ CHAIN("forward", "drop"), NFT_PASSES },
	{ CHAIN("output", "drop"), NFT_PASSES },
	{ CHAIN("prerouting", "drop"), NFT_DROPPED },
	{ CHAIN("input", "drop") RULE(DPORT("443") "," ACCEPT), NFT_PASSES },
	{ CHAIN("input", "drop") RULE(DPORT("443") "," COUNT "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(DPORT("22") "," ACCEPT), NFT_DROPPED },
	{ CHAIN("input", "drop") RULE(UDP("443") "," ACCEPT), NFT_DROPPED },
	{ CHAIN("input", "drop") RULE(DPORT("{'set': [80, 443]}") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(
		  DPORT("{'set': [80, {'range': [400, 500]}]}") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "drop")
		  RULE(DPORT("{'range': [444, 500]}") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "drop") RULE(DPORT("'@open'") "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "drop") RULE(ACCEPT), NFT_PASSES },
	{ CHAIN("input", "accept") RULE(DROP) RULE(ACCEPT), NFT_DROPPED },
	{ CHAIN("input", "accept") RULE("{'reject': {'type': 'tcp reset'}}"),
	  NFT_DROPPED },
	/* What goes on as ever: established, loopback, then the policy. */
	{ CHAIN("input", "drop")
		  RULE(STATE("['established', 'related']") "," ACCEPT)
			  RULE(META("iifname", "'lo'") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "drop") RULE(STATE("['new']") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "accept") RULE(STATE("'invalid'") "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(META("iifname", "'eth0'") "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "drop") RULE(META("l4proto", "'tcp'") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(META("nfproto", "'ipv6'") "," ACCEPT),
	  NFT_DROPPED },
	/* Some addresses, some of the time: who knows. */
	{ CHAIN("input", "accept") RULE(SADDR "," DROP), NFT_UNSURE },
	{ CHAIN("input", "accept") RULE(DPORT("22") "," SADDR "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(DPORT("443") "," LIMIT "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "accept") RULE("{'xt': null}," DROP), NFT_UNSURE },
	{ CHAIN("input", "drop") RULE(SADDR "," ACCEPT)
		  RULE(DPORT("443") "," ACCEPT),
	  NFT_PASSES },
	/* As iptables-nft writes "-j REJECT", "-j NFQUEUE", "-j LOG". */
	{ CHAIN("input", "accept") RULE(COUNT "," TARGET("REJECT")),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(META("l4proto", "'tcp'") "," COUNT "," TARGET("REJECT")),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(DPORT("22") "," COUNT "," TARGET("REJECT")),
	  NFT_PASSES },
	{ CHAIN("input", "accept")
		  RULE(XT_MATCH("conntrack") "," COUNT "," TARGET("REJECT")),
	  NFT_UNSURE },
	{ CHAIN("input", "accept") RULE(LIMIT "," COUNT "," TARGET("REJECT")),
	  NFT_UNSURE },
	{ CHAIN("input", "accept") RULE(COUNT "," TARGET("NFQUEUE")),
	  NFT_UNSURE },
	{ CHAIN("input", "accept") RULE(LIMIT "," COUNT "," TARGET("LOG")),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(COUNT "," TARGET("LOG")), NFT_DROPPED },
	{ CHAIN("input", "accept") RULE(XT_MATCH("conntrack") "," COUNT),
	  NFT_PASSES },
	{ CHAIN("input", "accept") RULE("{'xt': null}"), NFT_UNSURE },
	{ CHAIN("input", "accept") RULE("{'xt': null}," COUNT), NFT_UNSURE },
	{ CHAIN("input", "accept") RULE("{'xt': null}," ACCEPT), NFT_PASSES },
	{ CHAIN("input", "accept") RULE(QUEUE), NFT_UNSURE },
	{ CHAIN("input", "drop") RULE(QUEUE), NFT_UNSURE },
	{ CHAIN("input", "accept") RULE(DPORT("22") "," QUEUE), NFT_PASSES },
	{ CHAIN("input", "accept") RULE(LIMIT), NFT_PASSES },
	{ CHAIN("input", "accept") RULE("{'jump': {'target': 'sub'}}")
		  IN_SUB(QUEUE) IN_SUB(ACCEPT),
	  NFT_UNSURE },
	/* No condition holds on a header that it has not; as the kernel does. */
	{ CHAIN("input", "accept")
		  RULE(FIELD("udp", "dport", "!=", "53") "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop")
		  RULE(FIELD("udp", "dport", "!=", "53") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(FIELD("udp", "dport", ">", "1") "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop")
		  RULE(FIELD("udp", "dport", ">", "1") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(FIELD("ip6", "saddr", "!=", "'fe80::1'") "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop")
		  RULE(FIELD("ip6", "saddr", "!=", "'fe80::1'") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(FIELD("icmp", "type", "!=", "'echo-request'") "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(
		  FIELD("icmp", "type", "!=", "'echo-request'") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(FIELD("sctp", "dport", "!=", "53") "," DROP),
	  NFT_PASSES },
	{ CHAIN("input", "drop")
		  RULE(FIELD("sctp", "dport", "!=", "53") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept")
		  RULE(FIELD("tcp", "dport", "!=", "22") "," DROP),
	  NFT_DROPPED },
	{ CHAIN("input", "drop")
		  RULE(FIELD("tcp", "dport", "!=", "22") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "accept")
		  RULE(FIELD("th", "dport", "!=", "53") "," DROP),
	  NFT_DROPPED },
	{ CHAIN("input", "drop")
		  RULE(FIELD("th", "dport", "!=", "53") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "accept") RULE(FIELD(
		  "ether", "saddr", "!=", "'02:00:00:00:00:01'") "," DROP),
	  NFT_UNSURE },
	{ CHAIN("input", "drop") RULE(FIELD(
		  "ether", "saddr", "!=", "'02:00:00:00:00:01'") "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "accept") RULE(FIELD(
		  "ether", "saddr", "==", "'02:00:00:00:00:01'") "," DROP),
	  NFT_UNSURE },
	{ CHAIN("input", "drop") RULE(FIELD(
		  "ether", "saddr", "==", "'02:00:00:00:00:01'") "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "accept")
		  RULE(FIELD("vlan", "id", "!=", "7") "," DROP),
	  NFT_UNSURE },
	{ CHAIN("input", "drop")
		  RULE(FIELD("vlan", "id", "!=", "7") "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "accept")
		  RULE(FIELD("ip", "saddr", "!=", "'192.0.2.9'") "," DROP),
	  NFT_UNSURE },
	{ CHAIN("input", "drop")
		  RULE(FIELD("ip", "saddr", "!=", "'192.0.2.9'") "," ACCEPT),
	  NFT_UNSURE },
	{ CHAIN("input", "accept")
		  RULE("{'vmap': {'key': {'payload': {'protocol': 'udp', "
		       "'field': 'dport'}}, 'data': '@ports'}}"),
	  NFT_PASSES },
	{ CHAIN("input", "accept") RULE(
		  "{'vmap': {'key': {'payload': {'protocol': 'udp', "
		  "'field': 'dport'}}, 'data': {'set': [[443, " DROP "]]}}}"),
	  NFT_PASSES },
	/* Chains that are jumped to. */
	{ CHAIN("input", "drop") RULE("{'jump': {'target': 'sub'}}")
		  IN_SUB(DPORT("443") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE("{'jump': {'target': 'sub'}}")
		  IN_SUB("{'return': null}") IN_SUB(ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept") RULE("{'jump': {'target': 'sub'}}")
		  RULE(DROP) IN_SUB(DPORT("22") "," ACCEPT),
	  NFT_DROPPED },
	{ CHAIN("input", "accept") RULE("{'goto': {'target': 'sub'}}")
		  RULE(DROP) IN_SUB(DPORT("22") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "accept") RULE("{'jump': {'target': 'in'}}"),
	  NFT_UNSURE },
	/* Maps to verdicts. */
	{ CHAIN("input", "drop")
		  RULE("{'vmap': {'key': {'ct': {'key': 'state'}}, 'data': "
		       "{'set': [['invalid', " DROP "], ['established', " ACCEPT
		       "]]}}}") RULE(DPORT("443") "," ACCEPT),
	  NFT_PASSES },
	{ CHAIN("input", "drop") RULE(
		  "{'vmap': {'key': {'payload': {'protocol': 'tcp', "
		  "'field': 'dport'}}, 'data': {'set': [[22, " ACCEPT
		  "], [443, {'jump': {'target': 'sub'}}]]}}}") IN_SUB(ACCEPT),
	  NFT_PASSES },
	/* What is no ruleset harms nobody. */
	{ "{'chain': 7}, {'rule': []}, 3", NFT_PASSES },
};

static json_t *ruleset(const char *rules)
{
	char *text = xasprintf("{'nftables': [%s]}", rules);
	json_t *value;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	value = json_loads(text, 0, NULL);
	assert_non_null(value);
	free(text);
	return value;
}

static enum nft_fate fate(const char *rules, struct nft_packet packet,
			  char where[static 64])
{
	json_t *value = ruleset(rules);
	enum nft_fate result;

	where[0] = '\0';
	result = nft_rules_fate(value, &packet, where, 64);
	json_decref(value);
	return result;
}

static void rules_are_walked_as_the_kernel_does(void **state)
{
	char where[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%zu: %s\n", i, cases[i].rules);
		assert_int_equal(fate(cases[i].rules,
				      (struct nft_packet){ .port = 443 },
				      where),
				 cases[i].fate);
		if (cases[i].fate != NFT_PASSES)
			assert_string_equal(where, "inet f in");
	}
}

static void a_packet_is_of_one_kind(void **state)
{
	static const char in[] = CHAIN("input", "drop");
	static const char out[] = CHAIN("output", "drop")
		RULE(UDP("53") "," ACCEPT);
	static const char ip[] =
		"{'chain': {'family': 'ip', 'table': 'f', 'name': 'in', "
		"'type': 'filter', 'hook': 'input', 'policy': 'drop'}}";
	static const char not_v4[] = CHAIN("input", "accept")
		RULE(FIELD("ip", "saddr", "!=", "'192.0.2.9'") "," DROP);
	static const char not_v6[] = CHAIN("input", "accept")
		RULE(FIELD("ip6", "saddr", "!=", "'fe80::1'") "," DROP);
	struct nft_packet dns = { .is_out = true, .is_udp = true, .port = 53 };
	struct nft_packet v6 = { .is_v6 = true, .port = 443 };
	char where[64];

	(void)state;
	assert_int_equal(fate(in, dns, where), NFT_PASSES);
	assert_int_equal(fate(in, v6, where), NFT_DROPPED);
	assert_int_equal(fate(out, dns, where), NFT_PASSES);
	dns.is_udp = false;
	assert_int_equal(fate(out, dns, where), NFT_DROPPED);
	assert_int_equal(fate(out, v6, where), NFT_PASSES);
	assert_int_equal(fate(ip, v6, where), NFT_PASSES);
	assert_int_equal(fate(not_v4, v6, where), NFT_PASSES);
	assert_int_equal(fate(not_v6, v6, where), NFT_UNSURE);
	v6.is_v6 = false;
	assert_int_equal(fate(not_v4, v6, where), NFT_UNSURE);
	assert_int_equal(fate(not_v6, v6, where), NFT_PASSES);
	assert_int_equal(fate(ip, v6, where), NFT_DROPPED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_walked_as_the_kernel_does),
		cmocka_unit_test(a_packet_is_of_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
