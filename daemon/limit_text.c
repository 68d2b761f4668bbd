#include "daemon/limit_text.h"

#include <string.h>

#include "base/str.h"
#include "base/when.h"

bool limit_text_parse(const char *text, struct limit *limit)
{
	const char *slash = strchr(text, '/');
	struct limit read = { .burst = 0, .period = 1 };

	if (streq(text, "none")) {
		*limit = read;
		return true;
	}
	if (!slash ||
	    !str_to_long(text, (size_t)(slash - text), LIMIT_BURST_MAX,
			 &read.burst) ||
	    !duration_parse(slash + 1, &read.period, NULL) ||
	    read.burst == 0 || !limit_is_sane(read))
		return false;
	*limit = read;
	return true;
}
