/*
 * IP addresses as text, and those this box has.
 */
#ifndef DAEMON_OWN_ADDRESS_H
#define DAEMON_OWN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/dns.h"

/* The one spelling of an address, or false if it is none. */
bool own_address_normalise(const char *text,
			   char out[static DNS_ADDRESS_TEXT]);

/*
 * The addresses of this machine's interfaces that others may reach: no
 * loopback, no link-local. Returns how many.
 */
size_t own_address_list(char (*out)[DNS_ADDRESS_TEXT], size_t most);

/* One of them, or of loopback. */
bool own_address_is(const char *address);

/* The same ones, in whatever order? Neither list has one twice. */
bool own_address_same(char (*a)[DNS_ADDRESS_TEXT], size_t n,
		      char (*b)[DNS_ADDRESS_TEXT], size_t m);

#endif
