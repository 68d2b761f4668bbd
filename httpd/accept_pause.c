#include "httpd/accept_pause.h"

#include <event2/event.h>
#include <string.h>

#include "base/log.h"
#include "httpd/after.h"
#include "httpd/complain.h"

#define PAUSE_MS 100

static void resume(evutil_socket_t fd, short what, void *listener)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(listener);
}

static void on_error(struct evconnlistener *listener, void *arg)
{
	static atomic_long silent_until;
	const struct timeval pause = after_ms(PAUSE_MS);
	int why = EVUTIL_SOCKET_ERROR();

	(void)arg;
	evconnlistener_disable(listener);
	event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT,
			resume, listener, &pause);
	if (complain_now(&silent_until))
		log_warn("mtastsd: accept: %s", strerror(why));
}

void accept_pause_on_error(struct evconnlistener *listener)
{
	evconnlistener_set_error_cb(listener, on_error);
}
