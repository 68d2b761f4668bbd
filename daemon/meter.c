#include "daemon/meter.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/errands.h"
#include "base/mem.h"
#include "base/steady.h"

struct waiting {
	meter_done *done;
	void *arg;
};

struct reading {
	struct meter *meter;
	time_t now;
	int64_t took_ms;
	struct figures figures;
	struct process_figures process;
	struct err err;
};

struct meter {
	struct errands *errands;
	char *state_dir;
	atomic_bool is_stopping;
	bool is_asked; /* a reading is under way */
	bool has_figures;
	struct figures figures;
	struct process_figures process;
	int64_t read_ms, took_ms;
	unsigned long failures;
	struct event *patience;
	struct waiting waiting[METER_WAITING];
	size_t count;
};

/* They may ask again at once. */
static void tell_all(struct meter *m)
{
	struct waiting told[METER_WAITING];
	size_t n = m->count;

	for (size_t i = 0; i < n; i++)
		told[i] = m->waiting[i];
	m->count = 0;
	event_del(m->patience);
	for (size_t i = 0; i < n; i++)
		told[i].done(told[i].arg);
}

static void out_of_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_all(arg);
}

/* ---- a reading ---- */

static bool goes_on(void *arg)
{
	struct meter *m = arg;

	return !atomic_load(&m->is_stopping);
}

/* On the thread. */
static void look(void *arg)
{
	struct reading *r = arg;
	const struct store_options options = { .dir = r->meter->state_dir };
	int64_t since = steady_ms();

	if (!figures_read(&options, r->now, goes_on, r->meter, &r->figures,
			  &r->err) &&
	    r->err.kind == ERR_NONE)
		err_set(&r->err, ERR_INTERNAL, "the store cannot be counted");
	r->took_ms = steady_ms() - since;
	process_figures_read(&r->process);
}

static void deliver(bool was_run, void *arg)
{
	struct reading *r = arg;
	struct meter *m = r->meter;

	m->is_asked = false;
	if (was_run && r->err.kind == ERR_NONE) {
		m->figures = r->figures;
		m->process = r->process;
		m->has_figures = true;
		m->took_ms = r->took_ms;
		m->read_ms = steady_ms();
	} else if (was_run) {
		m->failures++;
	}
	free(r);
	tell_all(m);
}

/* Where it takes long it is done the less often: a share of its time. */
static bool is_fresh(const struct meter *m)
{
	int64_t fresh_ms = m->took_ms * METER_SHARE;

	if (fresh_ms < METER_FRESH_MS)
		fresh_ms = METER_FRESH_MS;
	return m->has_figures && steady_ms() - m->read_ms < fresh_ms;
}

static void begin(struct meter *m, time_t now)
{
	struct reading *r = xcalloc(1, sizeof(*r));

	r->meter = m;
	r->now = now;
	m->is_asked = true;
	errands_ask(m->errands, look, deliver, r);
}

bool meter_refresh(struct meter *m, time_t now, meter_done *done, void *arg)
{
	static const struct timeval most = { .tv_sec = METER_PATIENCE_MS /
						       1000 };

	if (is_fresh(m) || m->count == METER_WAITING)
		return false;
	if (!m->count)
		event_add(m->patience, &most);
	m->waiting[m->count++] = (struct waiting){ done, arg };
	if (!m->is_asked)
		begin(m, now);
	return true;
}

struct meter_reading meter_read(const struct meter *m)
{
	struct meter_reading r = { .failures = m->failures };

	if (!m->has_figures)
		return r;
	r.figures = &m->figures;
	r.process = &m->process;
	r.age = (double)(steady_ms() - m->read_ms) / 1000;
	r.took = (double)m->took_ms / 1000;
	return r;
}

/* ---- life ---- */

struct meter *meter_start(struct loop *control, const char *state_dir,
			  struct err *err)
{
	struct meter *m = xcalloc(1, sizeof(*m));

	m->state_dir = xstrdup(state_dir);
	m->patience = evtimer_new(loop_base(control), out_of_patience, m);
	if (!m->patience)
		err_set(err, ERR_INTERNAL, "libevent gave no timer");
	else
		m->errands = errands_start(control, "meter", err);
	if (m->errands)
		return m;
	meter_stop(m);
	return NULL;
}

void meter_stop(struct meter *m)
{
	if (!m)
		return;
	atomic_store(&m->is_stopping, true);
	errands_stop(m->errands);
	if (m->patience)
		event_free(m->patience);
	free(m->state_dir);
	free(m);
}
