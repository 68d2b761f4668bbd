#include "base/address.h"

#include "base/mem.h"
#include "base/network.h"

/* IANA's special-purpose registries, as far as nobody is reached there. */
static const char *const not_public[] = {
	"0.0.0.0/8",	  "10.0.0.0/8",	    "100.64.0.0/10", "127.0.0.0/8",
	"169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/3",

	"2001::/23",	  "2001:db8::/32",  "2002::/16",     "3fff::/20",
};

static bool is_in(const struct ip *ip, const char *network)
{
	struct network n;

	return network_parse(network, &n) && network_has(&n, ip);
}

/* Of IPv6 all that is given out; what carries IPv4 is not asked for. */
static bool is_given_out(const struct ip *ip)
{
	return ip->family == AF_INET || is_in(ip, "2000::/3");
}

bool address_is_public(const char *text)
{
	struct ip ip;

	if (!ip_parse(text, &ip) || !is_given_out(&ip))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(not_public); i++)
		if (is_in(&ip, not_public[i]))
			return false;
	return true;
}

bool address_is_loopback(const char *text)
{
	struct ip ip;

	return ip_parse(text, &ip) &&
	       (is_in(&ip, "127.0.0.0/8") || is_in(&ip, "::1"));
}
