#include "daemon/unpacker.h"

#include <stdlib.h>

#include "base/errands.h"
#include "base/mem.h"

struct unpacker {
	struct errands *errands;
	bool is_stopping;
};

struct parcel {
	struct unpacker *unpacker;
	char *body;
	size_t len;
	unpacked_done *done;
	void *arg;
	struct unpacked found;
};

/* On the thread. */
static void read_one(void *arg)
{
	struct parcel *p = arg;
	struct unpacked *found = &p->found;

	if (tls_report_read(&found->report, p->body, p->len, &found->err) &&
	    !report_content(&found->report, found->content, &found->err))
		tls_report_release(&found->report);
	free(p->body);
	p->body = NULL;
}

/* On control. */
static void deliver(bool was_run, void *arg)
{
	struct parcel *p = arg;

	(void)was_run;
	if (!p->unpacker->is_stopping)
		p->done(&p->found, p->arg);
	else
		tls_report_release(&p->found.report);
	free(p->body); /* if it was not read */
	free(p);
}

void unpacker_ask(struct unpacker *u, char *body, size_t len,
		  unpacked_done *done, void *arg)
{
	struct parcel *p = xmalloc(sizeof(*p));

	*p = (struct parcel){ .unpacker = u,
			      .body = body,
			      .len = len,
			      .done = done,
			      .arg = arg };
	errands_ask(u->errands, read_one, deliver, p);
}

struct unpacker *unpacker_start(struct loop *control, struct err *err)
{
	struct unpacker *u = xcalloc(1, sizeof(*u));

	u->errands = errands_start(control, "unpacker", err);
	if (u->errands)
		return u;
	free(u);
	return NULL;
}

void unpacker_stop(struct unpacker *u)
{
	if (!u)
		return;
	u->is_stopping = true;
	errands_stop(u->errands);
	free(u);
}
