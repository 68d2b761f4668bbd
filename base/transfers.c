#include "base/transfers.h"

#include <stdlib.h>

#include "base/mem.h"

struct transfers {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;		/* libcurl's one timer */
	transfer_ended *ended;
};

static void end_finished(struct transfers *t)
{
	CURLcode result;
	CURLMsg *msg;
	CURL *easy;
	int left;

	while ((msg = curl_multi_info_read(t->multi, &left))) {
		easy = msg->easy_handle;
		result = msg->data.result;
		t->ended(easy, result);	/* *msg is gone with its handle */
	}
}

/*
 * What curl_multi_socket_action() returns says nothing about any one
 * transfer; one that suffers from it ends by its own timeout.
 */
static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct transfers *t = arg;
	int running, how = (what & EV_READ ? CURL_CSELECT_IN : 0) |
			   (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(t->multi, fd, how, &running);
	end_finished(t);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct transfers *t = arg;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	end_finished(t);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
			void *watched)
{
	struct transfers *t = arg;
	struct event *event = NULL;
	short how = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
			    (what & CURL_POLL_OUT ? EV_WRITE : 0));

	(void)easy;
	if (watched)
		event_free(watched);
	if (what != CURL_POLL_REMOVE) {
		event = event_new(t->base, fd, how, on_socket, t);
		if (!event)
			abort();	/* out of memory */
		event_add(event, NULL);
	}
	curl_multi_assign(t->multi, fd, event);
	return 0;
}

/* Only notes the moment: libcurl must not be called from in here. */
static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct transfers *t = arg;
	struct timeval after = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		event_del(t->timer);
	else
		event_add(t->timer, &after);
	return 0;
}

static bool set_up(struct transfers *t, struct loop *loop)
{
	t->base = loop_base(loop);
	t->timer = evtimer_new(t->base, on_timer, t);
	t->multi = curl_multi_init();
	if (!t->timer || !t->multi)
		return false;
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
	return true;
}

struct transfers *transfers_new(struct loop *loop, transfer_ended *ended,
				struct err *err)
{
	struct transfers *t;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, ERR_INTERNAL, "libcurl did not start");
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->ended = ended;
	if (set_up(t, loop))
		return t;
	err_set(err, ERR_INTERNAL, "libcurl gave no multi handle");
	transfers_free(t);
	return NULL;
}

/* Freeing the multi ends its connections and may still set the timer. */
void transfers_free(struct transfers *t)
{
	if (!t)
		return;
	if (t->multi)
		curl_multi_cleanup(t->multi);
	if (t->timer)
		event_free(t->timer);
	free(t);
	curl_global_cleanup();
}

CURLM *transfers_multi(struct transfers *t)
{
	return t->multi;
}

bool transfers_add(struct transfers *t, CURL *easy)
{
	return curl_multi_add_handle(t->multi, easy) == CURLM_OK;
}

void transfers_remove(struct transfers *t, CURL *easy)
{
	curl_multi_remove_handle(t->multi, easy);
}
