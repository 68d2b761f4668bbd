/*
 * The heartbeat: a URL that is called while nothing is grave. Who watches it
 * from outside hears by its silence that this box, its network or its power
 * is gone, or that something here needs a hand.
 */
#include "daemon/alerts_parts.h"

#include <stdio.h>

#include "base/log.h"
#include "base/str.h"

#define BEAT_MS	 15000
#define BODY_MAX 4096

static const struct alert_settings *settings(const struct alerts *a)
{
	return &a->parts.config->alerts;
}

/* What cannot be found out is not well. */
static bool is_well(struct alerts *a, time_t now)
{
	bool grave;

	return store_health(a->parts.store, NULL) < STORE_FULL &&
	       alert_is_grave(a->parts.store, now, &grave, NULL) && !grave;
}

static void note_problem(struct alerts *a, const char *text)
{
	if (*text && !streq(a->beat_problem, text))
		log_warn("alerts: heartbeat: %s", text);
	snprintf(a->beat_problem, sizeof(a->beat_problem), "%s", text);
}

static void on_beaten(const struct fetch_reply *reply, void *arg)
{
	struct alerts *a = arg;
	char text[64];

	a->is_beating = false;
	if (!a->beat)
		return;		/* we are stopping */
	if (reply->error.kind != ERR_NONE) {
		note_problem(a, reply->error.text);
	} else if (reply->status >= 400) {
		snprintf(text, sizeof(text), "it answers with status %ld",
			 reply->status);
		note_problem(a, text);
	} else {
		note_problem(a, "");
		a->beat_at = alerts_now(a);
	}
}

static void hold(struct alerts *a, bool is_held)
{
	if (is_held && !a->is_held)
		log_warn("alerts: the heartbeat stops: something is grave");
	else if (!is_held && a->is_held)
		log_info("alerts: the heartbeat goes on");
	a->is_held = is_held;
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct alerts *a = arg;
	const struct alert_settings *s = settings(a);
	struct fetch_request request = {
		.method = FETCH_GET,
		.url = s->heartbeat_url,
		.ca_file = *s->heartbeat_trust ? s->heartbeat_trust : NULL,
		.timeout_ms = BEAT_MS,
		.body_max = BODY_MAX,
	};

	(void)fd;
	(void)what;
	if (a->is_beating)
		return;
	hold(a, !is_well(a, alerts_now(a)));
	if (a->is_held)
		return;
	a->is_beating = true;
	fetch_start(a->fetcher, &request, on_beaten, a);
}

/*
 * The first comes after a whole interval: a box that starts over and over is
 * silent.
 */
void alerts_beat_configure(struct alerts *a)
{
	struct timeval every = { .tv_sec = settings(a)->heartbeat_interval };

	event_del(a->beat);
	if (*settings(a)->heartbeat_url)
		event_add(a->beat, &every);
	else
		hold(a, false);
}

bool alerts_beat_start(struct alerts *a, struct err *err)
{
	a->beat = event_new(loop_base(a->parts.loop), -1, EV_PERSIST, on_beat,
			    a);
	a->fetcher = fetcher_new(a->parts.loop, "mtastsd/" MTASTSD_VERSION,
				 err);
	if (!a->beat || !a->fetcher)
		return err_set(err, ERR_INTERNAL, "no room for the heartbeat");
	alerts_beat_configure(a);
	return true;
}

void alerts_beat_stop(struct alerts *a)
{
	if (a->beat)
		event_free(a->beat);
	a->beat = NULL;
	fetcher_free(a->fetcher);
	a->fetcher = NULL;
}

void alerts_heartbeat(const struct alerts *a, struct alerts_heartbeat *out)
{
	*out = (struct alerts_heartbeat){
		.is_used = *settings(a)->heartbeat_url != '\0',
		.is_held = a->is_held,
		.sent_at = a->beat_at,
	};
	snprintf(out->problem, sizeof(out->problem), "%s", a->beat_problem);
}
