#include "cli/address_kind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/address.h"

static enum address_kind kind_of_4(const char *text, const struct in_addr *a)
{
	uint32_t bits = ntohl(a->s_addr);

	if (bits >> 24 == 127 || bits >> 16 == 0xa9fe)
		return ADDRESS_LOCAL;
	if (bits >> 22 == (100U << 24 | 64U << 16) >> 22)
		return ADDRESS_CARRIER;
	return address_is_public(text) ? ADDRESS_PUBLIC_4 : ADDRESS_PRIVATE;
}

enum address_kind address_kind_of(const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return kind_of_4(text, &v4);
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return ADDRESS_NONE;
	if (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6))
		return ADDRESS_LOCAL;
	return address_is_public(text) ? ADDRESS_PUBLIC_6 : ADDRESS_PRIVATE;
}
