#include "httpd/proxied.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

bool proxies_have(const struct proxies *p, const struct sockaddr *address)
{
	struct ip ip = ip_of(address);

	return proxies_have_ip(p, &ip);
}

bool proxies_have_ip(const struct proxies *p, const struct ip *ip)
{
	for (size_t i = 0; i < p->count; i++)
		if (network_has(&p->network[i], ip))
			return true;
	return false;
}

/* ---- version 1: a line ---- */

#define LINE_MAX_LEN 107 /* with its CR LF */
#define FIELDS	     6	 /* PROXY TCP4 from to port port */

static const char first[] = "PROXY ";

/* The line's words, by single spaces. How many; FIELDS + 1: more. */
static size_t split(char *line, char *field[static FIELDS])
{
	char *at = line, *space;
	size_t n = 0;

	while (at && n < FIELDS) {
		space = strchr(at, ' ');
		if (space)
			*space++ = '\0';
		field[n++] = at;
		at = space;
	}
	return at ? FIELDS + 1 : n;
}

static bool is_port(const char *text)
{
	long port;

	return str_to_long(text, strlen(text), 65535, &port);
}

static bool read_v4(const char *text, struct sockaddr_storage *from)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)from;

	v4->sin_family = AF_INET;
	return inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}

static bool read_v6(const char *text, struct sockaddr_storage *from)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)from;

	v6->sin6_family = AF_INET6;
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

static bool read_fields(char *line, struct sockaddr_storage *from)
{
	char *field[FIELDS];
	size_t n = split(line, field);

	if (n > 1 && streq(field[1], "UNKNOWN"))
		return true; /* whatever follows */
	if (n != FIELDS || !is_port(field[4]) || !is_port(field[5]))
		return false;
	if (streq(field[1], "TCP4"))
		return read_v4(field[2], from);
	return streq(field[1], "TCP6") && read_v6(field[2], from);
}

static enum proxied read_line(const char *data, size_t len, size_t *used,
			      struct sockaddr_storage *from)
{
	size_t seen = len < LINE_MAX_LEN ? len : LINE_MAX_LEN;
	const char *end = memchr(data, '\n', seen);
	char line[LINE_MAX_LEN];

	if (!end)
		return seen < LINE_MAX_LEN ? PROXIED_PART : PROXIED_BAD;
	*used = (size_t)(end - data) + 1;
	if (end[-1] != '\r' || memchr(data, '\0', *used))
		return PROXIED_BAD;
	memcpy(line, data, *used - 2);
	line[*used - 2] = '\0';
	return read_fields(line, from) ? PROXIED_WHOLE : PROXIED_BAD;
}

/* ---- version 2: bytes ---- */

#define HEAD_LEN     16
#define VERSION_2    0x20
#define COMMAND_SELF 0 /* "LOCAL" */
#define COMMAND_FOR  1 /* "PROXY" */
#define TCP_4	     0x11
#define TCP_6	     0x21

static const char signature[12] = { '\r', '\n', '\r', '\n', '\0', '\r',
				    '\n', 'Q',	'U',  'I',  'T',  '\n' };

/* Both ends' addresses, then both ports. */
#define ENDS_4 (2 * 4 + 4)
#define ENDS_6 (2 * 16 + 4)

/* What is no TCP is no peer of ours: it is passed over, as LOCAL is. */
static bool read_ends(unsigned char family, const unsigned char *ends,
		      size_t len, struct sockaddr_storage *from)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)from;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)from;

	if (family == TCP_4 && len >= ENDS_4) {
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_addr, ends, 4);
		return true;
	}
	if (family == TCP_6 && len >= ENDS_6) {
		v6->sin6_family = AF_INET6;
		memcpy(&v6->sin6_addr, ends, 16);
		return true;
	}
	return family != TCP_4 && family != TCP_6;
}

static enum proxied read_bytes(const unsigned char *head, size_t len,
			       size_t *used, struct sockaddr_storage *from)
{
	unsigned char command;
	size_t rest;

	if (len < HEAD_LEN)
		return PROXIED_PART;
	rest = (size_t)head[14] << 8 | head[15];
	command = head[12] & 0x0f;
	if ((head[12] & 0xf0) != VERSION_2 || command > COMMAND_FOR ||
	    rest > PROXIED_MAX - HEAD_LEN)
		return PROXIED_BAD;
	if (len < HEAD_LEN + rest)
		return PROXIED_PART;
	*used = HEAD_LEN + rest;
	if (command == COMMAND_SELF)
		return PROXIED_WHOLE;
	return read_ends(head[13], head + HEAD_LEN, rest, from) ? PROXIED_WHOLE
								: PROXIED_BAD;
}

/* ---- either ---- */

/* As far as it has come, it begins so. */
static bool begins(const char *data, size_t len, const char *with, size_t most)
{
	return memcmp(data, with, len < most ? len : most) == 0;
}

bool proxied_begins(const char *data, size_t len)
{
	return len >= sizeof(signature) &&
	       (begins(data, len, first, sizeof(first) - 1) ||
		begins(data, len, signature, sizeof(signature)));
}

enum proxied proxied_read(const char *data, size_t len, size_t *used,
			  struct sockaddr_storage *from)
{
	*used = 0;
	memset(from, 0, sizeof(*from));
	if (!len)
		return PROXIED_PART;
	if (begins(data, len, first, sizeof(first) - 1))
		return read_line(data, len, used, from);
	if (begins(data, len, signature, sizeof(signature)))
		return read_bytes((const unsigned char *)data, len, used, from);
	return PROXIED_BAD;
}
