/*
 * What a packet filter does to the first packet of a connection: the rules of
 * `nft -j list ruleset` (libnftables-json(5)), which has those of iptables-nft
 * as well, walked as the kernel walks them.
 *
 * A condition that is not understood may hold or not, and a statement that is
 * not known may do anything; what then might be dropped is unsure, and never
 * said to pass. Pure.
 */
#ifndef CLI_NFT_RULES_H
#define CLI_NFT_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct nft_packet {
	bool is_v6, is_udp;
	bool is_out; /* from here to somewhere; else from somewhere to here */
	long port;   /* that is connected to */
};

enum nft_fate { NFT_PASSES, NFT_UNSURE, NFT_DROPPED };

/* `where` is the chain that drops it, or may: "inet filter input". */
enum nft_fate nft_rules_fate(const json_t *ruleset,
			     const struct nft_packet *packet, char *where,
			     size_t size);

#endif
