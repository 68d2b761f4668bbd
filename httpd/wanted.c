#include "httpd/wanted.h"

#include "httpd/host.h"

bool wanted_may_tell(struct wanted *w, const char *host, int64_t now_ms)
{
	int64_t *until = &w->quiet_until_ms[host_hash(host) % WANTED_SLOTS];

	if (now_ms < *until)
		return false;
	*until = now_ms + WANTED_PERIOD_MS;
	return true;
}
