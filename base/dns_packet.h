/*
 * What a DNS answer says, read from the packet itself: c-ares's own parsers
 * give no response code and no time to live.
 *
 * Answers are strangers' text: lengths are checked, loops end, and of too
 * many records the first ones count. No I/O. Any thread.
 */
#ifndef BASE_DNS_PACKET_H
#define BASE_DNS_PACKET_H

#include "base/dns.h"

/*
 * The addresses of `type` (ns_t_a or ns_t_aaaa) for the name in the packet's
 * question, CNAMEs followed within the packet. Overwrites *out.
 */
void dns_packet_addresses(const unsigned char *packet, int len, int type,
			  struct dns_addresses *out);

/* Overwrites *out with DNS_FAILED and why. */
void dns_addresses_fail(struct dns_addresses *out, const char *problem);

/*
 * The same for the CAA records. Server and found_at are left as they are;
 * a name that does not exist has DNS_NO_RECORD.
 */
void dns_packet_caa(const unsigned char *packet, int len,
		    struct dns_caa_set *set);
void dns_caa_fail(struct dns_caa_set *set, const char *problem);

/* All records of `type` (ns_t_*); the server is left as it is. */
void dns_packet_records(const unsigned char *packet, int len, int type,
			struct dns_record_set *set);
void dns_records_fail(struct dns_record_set *set, const char *problem);

#endif
