#include "httpd/host.h"

#include <string.h>

#include "base/str.h"

#define SNI_HOST_NAME 0

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_';
}

bool host_normalise(const char *name, size_t len,
		    char out[static DOMAIN_NAME_SIZE])
{
	out[0] = '\0';
	if (len && name[len - 1] == '.')
		len--;
	if (!len || len > DOMAIN_NAME_MAX || memchr(name, '\0', len))
		return false;
	memcpy(out, name, len);
	out[len] = '\0';
	str_lower(out);
	for (size_t i = 0; i < len; i++) {
		if (!is_host_char(out[i])) {
			out[0] = '\0';
			return false;
		}
	}
	return true;
}

bool host_of_header(const char *value, char out[static DOMAIN_NAME_SIZE])
{
	const char *colon = strchr(value, ':');
	long port;

	out[0] = '\0';
	if (!colon)
		return host_normalise(value, strlen(value), out);
	return str_to_long(colon + 1, strlen(colon + 1), 65535, &port) &&
	       host_normalise(value, (size_t)(colon - value), out);
}

static size_t read_u16(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

bool host_of_sni(const unsigned char *ext, size_t len,
		 char out[static DOMAIN_NAME_SIZE])
{
	/* One list, one entry in it: u16 length, u8 type, u16 length, name. */
	out[0] = '\0';
	if (len < 5 || read_u16(ext) != len - 2 || ext[2] != SNI_HOST_NAME ||
	    read_u16(ext + 3) != len - 5)
		return false;
	return host_normalise((const char *)ext + 5, len - 5, out);
}

uint32_t host_hash(const char *host)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *host; host++)
		h = (h ^ (unsigned char)*host) * 16777619u;
	return h;
}
