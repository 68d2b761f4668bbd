#include "cli/report_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MARK "!"

/* What stands behind the next mark; NULL: there is none. */
static const char *next(const char *part)
{
	const char *mark = part ? strstr(part, MARK) : NULL;

	return mark ? mark + 1 : NULL;
}

/* A second since 1970, and then one of `ends`. */
static bool is_instant(const char *part, const char *ends)
{
	size_t len = part ? strspn(part, "0123456789") : 0;

	return len && part[len] && strchr(ends, part[len]);
}

bool report_name_domain(const char *name, char domain[static DOMAIN_NAME_SIZE])
{
	const char *slash = name ? strrchr(name, '/') : NULL;
	const char *sender = slash ? slash + 1 : name;
	const char *about = next(sender);
	const char *begin = next(about), *end = next(begin);
	char *text;
	bool is_name;

	if (!end || about == sender + 1 || !is_instant(begin, MARK) ||
	    !is_instant(end, MARK "."))
		return false;
	text = xstrndup(about, (size_t)(begin - 1 - about));
	is_name = host_name_normalise(text, domain, NULL);
	free(text);
	return is_name;
}
