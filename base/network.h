/*
 * A range of IP addresses: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32".
 *
 * No I/O. Any thread.
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define NETWORK_TEXT 50 /* of the longest, with its NUL */

/* One address. */
struct ip {
	int family; /* AF_INET, AF_INET6; 0: none */
	unsigned char bytes[sizeof(struct in6_addr)];
};

/* False, and *out is none, for what is no address. */
bool ip_parse(const char *text, struct ip *out);

/* Of a socket; there an IPv4 address in IPv6 clothes is an IPv4 address. */
struct ip ip_of(const struct sockaddr *address);

#define IP_TEXT 46 /* INET6_ADDRSTRLEN */

/* As people write it; "?" if it is of no internet address. Returns `out`. */
const char *ip_to_text(const struct sockaddr *address,
		       char out[static IP_TEXT]);

/* Who is at the other end of a socket; "?" if nobody is. Returns `out`. */
const char *ip_of_peer(int fd, char out[static IP_TEXT]);

struct network {
	struct ip base;
	unsigned bits; /* that count */
};

/*
 * False for what is none, for bits that are set beyond those that count, and
 * for IPv4 in IPv6 clothes.
 */
bool network_parse(const char *text, struct network *out);
bool network_has(const struct network *n, const struct ip *ip);

#endif
