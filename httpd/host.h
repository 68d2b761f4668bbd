/*
 * Host names as strangers send them: in a ClientHello or a Host header.
 *
 * Made into the form that serve.db has (lower case, no trailing dot), so
 * that two of them can be compared with streq(). Nothing is guessed: what is
 * not a DNS name in ASCII gives the empty string, which equals no host.
 * Any thread.
 */
#ifndef HTTPD_HOST_H
#define HTTPD_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/domain_name.h"

/* `name` need not end in a NUL. False, with *out empty, if it is no name. */
bool host_normalise(const char *name, size_t len,
		    char out[static DOMAIN_NAME_SIZE]);

/* As host_normalise, of "name" or "name:port". */
bool host_of_header(const char *value, char out[static DOMAIN_NAME_SIZE]);

/* The body of a server_name extension (RFC 6066, 3): its one host name. */
bool host_of_sni(const unsigned char *ext, size_t len,
		 char out[static DOMAIN_NAME_SIZE]);

/* For tables of hosts of ours: strangers cannot choose what is in them. */
uint32_t host_hash(const char *host);

#endif
