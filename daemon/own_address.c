#include "daemon/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"
#include "base/str.h"

#define ADDRESSES_MAX 256

bool own_address_normalise(const char *text, char out[static DNS_ADDRESS_TEXT])
{
	unsigned char raw[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	return inet_pton(family, text, raw) == 1 &&
	       inet_ntop(family, raw, out, DNS_ADDRESS_TEXT) != NULL;
}

static const void *address_of(const struct sockaddr *sa)
{
	if (!sa)
		return NULL;
	if (sa->sa_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	if (sa->sa_family == AF_INET6)
		return &((const struct sockaddr_in6 *)(const void *)sa)
				->sin6_addr;
	return NULL;
}

static bool is_reachable(const struct ifaddrs *ifa)
{
	const void *address = address_of(ifa->ifa_addr);

	if (!address || ifa->ifa_flags & IFF_LOOPBACK)
		return false;
	return ifa->ifa_addr->sa_family != AF_INET6 ||
	       !IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)address);
}

size_t own_address_list(char (*out)[DNS_ADDRESS_TEXT], size_t most)
{
	struct ifaddrs *list;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (const struct ifaddrs *i = list; i && n < most; i = i->ifa_next)
		if (is_reachable(i) &&
		    inet_ntop(i->ifa_addr->sa_family, address_of(i->ifa_addr),
			      out[n], DNS_ADDRESS_TEXT))
			n++;
	freeifaddrs(list);
	return n;
}

static bool is_among(const char *address, char (*list)[DNS_ADDRESS_TEXT],
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(list[i], address))
			return true;
	return false;
}

bool own_address_is(const char *address)
{
	char own[ADDRESSES_MAX][DNS_ADDRESS_TEXT];

	return address_is_loopback(address) ||
	       is_among(address, own, own_address_list(own, ADDRESSES_MAX));
}

bool own_address_same(char (*a)[DNS_ADDRESS_TEXT], size_t n,
		      char (*b)[DNS_ADDRESS_TEXT], size_t m)
{
	for (size_t i = 0; i < n; i++)
		if (!is_among(a[i], b, m))
			return false;
	return n == m;
}
