#include "policy/contact.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static const char *const reserved[] = {
	"example.com", "example.net", "example.org", "example",
	"test",	       "invalid",     "localhost",
};

/* Is it `domain`, or a name below it? */
static bool is_below(const char *name, const char *domain)
{
	size_t len = strlen(name), tail = strlen(domain);

	return len >= tail && strcasecmp(name + len - tail, domain) == 0 &&
	       (len == tail || name[len - tail - 1] == '.');
}

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (is_below(name, reserved[i]))
			return true;
	return false;
}

static bool is_lets_encrypt(const char *directory_url)
{
	const char *host = strstr(directory_url, "://");
	bool is_theirs;
	char *name;

	if (!host)
		return false;
	host += strlen("://");
	name = xstrndup(host, strcspn(host, ":/"));
	is_theirs = is_below(name, "letsencrypt.org");
	free(name);
	return is_theirs;
}

bool contact_is_refused(const char *contact, const char *directory_url)
{
	const char *at = strrchr(contact, '@');

	return at && is_reserved(at + 1) && is_lets_encrypt(directory_url);
}
