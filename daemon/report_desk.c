#include "daemon/report_desk.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/errands.h"
#include "base/mem.h"

struct report_desk {
	struct errands *errands;
	char *state_dir;
	atomic_bool is_stopping;
	unsigned waiting;
};

struct question {
	struct report_desk *desk;
	report_work *work;
	report_worked *worked;
	void *arg;
	struct err err;
};

static bool goes_on(void *arg)
{
	struct report_desk *d = arg;

	return !atomic_load(&d->is_stopping);
}

/* On the thread. */
static void look(void *arg)
{
	struct question *q = arg;
	const struct store_options options = { .dir = q->desk->state_dir };
	struct report_reader *r = report_reader_open(&options, &q->err);

	if (!r)
		return;
	report_reader_ask(r, goes_on, q->desk);
	if (!q->work(r, q->arg, &q->err) && q->err.kind == ERR_NONE)
		err_set(&q->err, ERR_INTERNAL, "the reports cannot be read");
	report_reader_close(r);
}

static void deliver(bool was_run, void *arg)
{
	struct question *q = arg;

	q->desk->waiting--;
	if (!was_run)
		err_set(&q->err, ERR_AGAIN, "mtastsd is being stopped");
	q->worked(&q->err, q->arg);
	free(q);
}

bool report_desk_ask(struct report_desk *d, report_work *work,
		     report_worked *worked, void *arg, struct err *err)
{
	struct question *q;

	if (d->waiting >= REPORT_DESK_WAITING) {
		err_set(err, ERR_AGAIN, "too many ask for reports at once");
		return err_hint(err, "again in a moment");
	}
	d->waiting++;
	q = xmalloc(sizeof(*q));
	*q = (struct question){ d, work, worked, arg, ERR_INIT };
	errands_ask(d->errands, look, deliver, q);
	return true;
}

struct report_desk *report_desk_start(struct loop *control,
				      const char *state_dir, struct err *err)
{
	struct report_desk *d = xcalloc(1, sizeof(*d));

	d->state_dir = xstrdup(state_dir);
	d->errands = errands_start(control, "report desk", err);
	if (d->errands)
		return d;
	report_desk_stop(d);
	return NULL;
}

void report_desk_stop(struct report_desk *d)
{
	if (!d)
		return;
	atomic_store(&d->is_stopping, true);
	errands_stop(d->errands);
	free(d->state_dir);
	free(d);
}
