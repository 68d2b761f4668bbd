#include "daemon/report_door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/report_reason.h"

#define HOST_PREFIX "mta-sts."

struct posted {
	struct report_door *door;
	struct httpd_report report;
};

/* 4xx only for what never will be taken as it is. */
static const int statuses[] = {
	[INTAKE_STORED] = 200,	  [INTAKE_KNOWN] = 200,
	[INTAKE_EMPTY] = 200,	  [INTAKE_NOT_OURS] = 422,
	[INTAKE_NO_REPORT] = 400, [INTAKE_OVER_LIMIT] = 413,
	[INTAKE_TOO_MANY] = 503,  [INTAKE_LATER] = 503,
};

static void answer(struct posted *p, const struct intake_answer *a)
{
	const struct httpd_verdict verdict = { statuses[a->outcome],
					       a->retry_after,
					       report_reason(a) };

	if (p->door->httpd)
		httpd_report_answer(p->door->httpd, &p->report.ticket, verdict);
	free(p);
}

static void on_done(const struct intake_answer *a, void *arg)
{
	answer(arg, a);
}

/* On control. */
static void take(void *arg)
{
	struct posted *p = arg;
	struct intake_ask ask = { .via = REPORT_HTTPS,
				  .peer = p->report.peer,
				  .body = p->report.body,
				  .len = p->report.len,
				  .done = on_done,
				  .arg = p };

	if (!p->door->intake) {
		free(p->report.body);
		answer(p, &(struct intake_answer){
				  .outcome = INTAKE_LATER,
				  .retry_after = INTAKE_LATER_SECONDS });
		return;
	}
	if (str_starts(p->report.host, HOST_PREFIX))
		str_copy(ask.domain, sizeof(ask.domain),
			 p->report.host + strlen(HOST_PREFIX));
	intake_take(p->door->intake, &ask);
}

void report_door_hear(struct report_door *door,
		      const struct httpd_report *report)
{
	struct posted *p = xmalloc(sizeof(*p));

	*p = (struct posted){ .door = door, .report = *report };
	loop_post(door->loop, take, p);
}
