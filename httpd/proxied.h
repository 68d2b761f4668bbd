/*
 * The PROXY protocol, versions 1 and 2, as HAProxy's proxy-protocol.txt has it:
 * what a proxy says of a connection before the first byte that it passes on.
 *
 * Pure. Any thread.
 */
#ifndef HTTPD_PROXIED_H
#define HTTPD_PROXIED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/network.h"

#define PROXIES_MAX 16

/* Who is believed, and has to say it. */
struct proxies {
	struct network network[PROXIES_MAX];
	size_t count;
};

bool proxies_have(const struct proxies *p, const struct sockaddr *address);
bool proxies_have_ip(const struct proxies *p, const struct ip *ip);

#define PROXIED_MAX 4096 /* bytes of a header; with all that it may carry */

enum proxied {
	PROXIED_PART, /* more is to come */
	PROXIED_WHOLE,
	PROXIED_BAD /* it is no such header */
};

/* What the first bytes of a connection are, if a proxy sent them. */
bool proxied_begins(const char *data, size_t len);

/*
 * Reads the header that `data` begins with. PROXIED_WHOLE: it has *used bytes,
 * and *from is whom the proxy speaks for; of family AF_UNSPEC, if it speaks for
 * itself or does not know.
 */
enum proxied proxied_read(const char *data, size_t len, size_t *used,
			  struct sockaddr_storage *from);

#endif
