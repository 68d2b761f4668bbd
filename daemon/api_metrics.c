/*
 * /metrics, for Prometheus, and /healthz, for whoever asks in one word whether
 * serving and deciding go on.
 *
 * Neither waits for the engine's tick to be durable, and both have an answer
 * without any store: they are wanted most when something is wrong.
 */
#include "base/exposition.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/json_view.h"
#include "daemon/meter.h"
#include "daemon/metrics.h"
#include "store/health.h"

#define SILENT_MS 10000 /* a serving thread is overdue for so long */

/* ---- /metrics ---- */

struct scrape {
	struct api_later *later;
	const struct admin_parts *parts;
	time_t now;
};

static void answer_scrape(void *arg)
{
	struct scrape *s = arg;

	api_later_text(s->later, EXPOSITION_TYPE,
		       metrics_text(s->parts, s->now));
	free(s);
}

bool api_metrics(struct api_call *call, struct err *err)
{
	struct meter *meter = call->parts->meter;
	struct scrape *s = xmalloc(sizeof(*s));

	(void)err;
	*s = (struct scrape){ NULL, call->parts, call->now };
	if (meter && meter_refresh(meter, call->now, answer_scrape, s)) {
		s->later = api_defer(call);
		return true;
	}
	free(s);
	call->text = metrics_text(call->parts, call->now);
	call->text_type = EXPOSITION_TYPE;
	return true;
}

/* ---- /healthz ---- */

static void add(json_t *reasons, const char *text)
{
	json_array_append_new(reasons, view_text(text));
}

static void judge_serving(const struct admin_parts *p, json_t *reasons)
{
	long ms = p->httpd ? httpd_silence_ms(p->httpd) : 0;
	char text[80];

	if (!p->httpd)
		add(reasons, "nothing is served");
	if (ms < SILENT_MS)
		return;
	snprintf(text, sizeof(text),
		 "a serving thread has given no sign of life for %ld seconds",
		 ms / 1000);
	add(reasons, text);
}

/* What is tight can still be written. */
static void judge_deciding(const struct admin_parts *p, json_t *reasons)
{
	struct err why = ERR_INIT;

	if (!p->store) {
		add(reasons, p->trouble->text);
		return;
	}
	if (store_health(p->store, &why) > STORE_TIGHT)
		add(reasons, why.text);
	why = (struct err)ERR_INIT;
	if (p->engine && engine_is_stuck(p->engine, &why))
		add(reasons, why.text);
}

/* That the loop lives is shown by the answer. */
bool api_healthz(struct api_call *call, struct err *err)
{
	json_t *reasons = json_array();
	bool is_well;

	(void)err;
	judge_serving(call->parts, reasons);
	judge_deciding(call->parts, reasons);
	is_well = !json_array_size(reasons);
	call->status = is_well ? 200 : 503;
	call->answer = json_pack("{s:s, s:o}", "status",
				 is_well ? "ok" : "failing", "reasons",
				 reasons);
	return true;
}
