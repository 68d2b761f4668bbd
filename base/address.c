#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"

struct network {
	const char *address;
	unsigned bits;
};

/* IANA's special-purpose registries, as far as nobody is reached there. */
static const struct network v4[] = {
	{ "0.0.0.0", 8 },      { "10.0.0.0", 8 },     { "100.64.0.0", 10 },
	{ "127.0.0.0", 8 },    { "169.254.0.0", 16 }, { "172.16.0.0", 12 },
	{ "192.0.0.0", 24 },   { "192.0.2.0", 24 },   { "192.88.99.0", 24 },
	{ "192.168.0.0", 16 }, { "198.18.0.0", 15 },  { "198.51.100.0", 24 },
	{ "203.0.113.0", 24 }, { "224.0.0.0", 3 },
};

/* All that is given out is in 2000::/3; what carries IPv4 is not asked for. */
static const struct network v6[] = {
	{ "2001::", 23 },
	{ "2001:db8::", 32 },
	{ "2002::", 16 },
	{ "3fff::", 20 },
};

static bool is_within(int family, const unsigned char *bytes,
		      const struct network *n)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;
	unsigned char base[sizeof(struct in6_addr)];
	unsigned mask = 0xffu << (8 - rest);

	inet_pton(family, n->address, base);
	return memcmp(bytes, base, whole) == 0 &&
	       (!rest || ((bytes[whole] ^ base[whole]) & mask & 0xff) == 0);
}

static bool is_in_any(int family, const unsigned char *bytes,
		      const struct network *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_within(family, bytes, &list[i]))
			return true;
	return false;
}

bool address_is_public(const char *text)
{
	static const struct network given_out = { "2000::", 3 };
	unsigned char bytes[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return !is_in_any(AF_INET, bytes, v4, ARRAY_LEN(v4));
	return inet_pton(AF_INET6, text, bytes) == 1 &&
	       is_within(AF_INET6, bytes, &given_out) &&
	       !is_in_any(AF_INET6, bytes, v6, ARRAY_LEN(v6));
}

bool address_is_loopback(const char *text)
{
	static const struct network own = { "127.0.0.0", 8 };
	struct in6_addr v6_own = IN6ADDR_LOOPBACK_INIT;
	unsigned char bytes[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return is_within(AF_INET, bytes, &own);
	return inet_pton(AF_INET6, text, bytes) == 1 &&
	       memcmp(bytes, &v6_own, sizeof(v6_own)) == 0;
}
