#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static unsigned bits_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

static struct ip ip_of_v6(const struct in6_addr *address)
{
	struct ip ip = { .family = AF_INET6 };

	if (IN6_IS_ADDR_V4MAPPED(address)) {
		ip.family = AF_INET;
		memcpy(ip.bytes, address->s6_addr + 12, 4);
	} else {
		memcpy(ip.bytes, address->s6_addr, sizeof(ip.bytes));
	}
	return ip;
}

bool ip_parse(const char *text, struct ip *out)
{
	*out = (struct ip){ 0 };
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, text, out->bytes) == 1)
		out->family = AF_INET6;
	return out->family != 0;
}

struct ip ip_of(const struct sockaddr *address)
{
	struct ip ip = { 0 };
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address && address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		return ip_of_v6(&v6.sin6_addr);
	}
	if (address && address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		ip.family = AF_INET;
		memcpy(ip.bytes, &v4.sin_addr, 4);
	}
	return ip;
}

const char *ip_to_text(const struct sockaddr *address, char out[static IP_TEXT])
{
	struct ip ip = ip_of(address);

	if (!ip.family || !inet_ntop(ip.family, ip.bytes, out, IP_TEXT))
		snprintf(out, IP_TEXT, "?");
	return out;
}

const char *ip_of_peer(int fd, char out[static IP_TEXT])
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);

	getpeername(fd, (struct sockaddr *)&at, &len);
	return ip_to_text((struct sockaddr *)&at, out);
}

/* Which bits of byte `i` count. */
static unsigned mask_at(const struct network *n, unsigned i)
{
	unsigned before = i * 8;

	if (n->bits >= before + 8)
		return 0xff;
	return n->bits <= before ? 0 : 0xffu << (8 - (n->bits - before)) & 0xff;
}

static bool has_no_more(const struct network *n)
{
	for (unsigned i = 0; i < sizeof(n->base.bytes); i++)
		if (n->base.bytes[i] & ~mask_at(n, i))
			return false;
	return true;
}

/* Sockets never have such a one: ip_of(). */
static bool is_mapped(const struct ip *ip)
{
	struct in6_addr v6;

	memcpy(&v6, ip->bytes, sizeof(v6));
	return ip->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6);
}

bool network_parse(const char *text, struct network *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[NETWORK_TEXT];
	long bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!ip_parse(address, &out->base) || is_mapped(&out->base))
		return false;
	out->bits = bits_of(out->base.family);
	if (!slash)
		return true;
	if (!str_to_long(slash + 1, strlen(slash + 1), out->bits, &bits))
		return false;
	out->bits = (unsigned)bits;
	return has_no_more(out);
}

bool network_has(const struct network *n, const struct ip *ip)
{
	if (ip->family != n->base.family)
		return false;
	for (unsigned i = 0; i * 8 < n->bits; i++)
		if ((ip->bytes[i] ^ n->base.bytes[i]) & mask_at(n, i))
			return false;
	return true;
}
