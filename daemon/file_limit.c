#include "daemon/file_limit.h"

#include <sys/resource.h>

#include "base/log.h"

#define OURS 200 /* requests to CAs, DNS, databases, admin clients */

void file_limit_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

unsigned file_limit_share(unsigned wanted)
{
	struct rlimit limit;
	rlim_t share;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	share = limit.rlim_cur > 2 * OURS ? limit.rlim_cur - OURS
					  : limit.rlim_cur / 2;
	if (share >= wanted)
		return wanted;
	log_warn("mtastsd: %lu descriptors are allowed: at most %lu "
		 "connections at once, not %u (raise LimitNOFILE)",
		 (unsigned long)limit.rlim_cur, (unsigned long)share, wanted);
	return (unsigned)share;
}
