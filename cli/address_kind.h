/*
 * What an address of this machine means for those who should reach it.
 */
#ifndef CLI_ADDRESS_KIND_H
#define CLI_ADDRESS_KIND_H

enum address_kind {
	ADDRESS_NONE,	 /* no address at all */
	ADDRESS_LOCAL,	 /* loopback, link-local */
	ADDRESS_PRIVATE, /* behind NAT, or of no use */
	ADDRESS_CARRIER, /* 100.64.0.0/10, RFC 6598: behind somebody else's */
	ADDRESS_PUBLIC_4,
	ADDRESS_PUBLIC_6
};

enum address_kind address_kind_of(const char *text);

#endif
