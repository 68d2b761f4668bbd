/*
 * The parts of GET /metrics: a file per subject. Inside daemon/metrics*.c only.
 */
#ifndef DAEMON_METRICS_PARTS_H
#define DAEMON_METRICS_PARTS_H

#include "base/exposition.h"
#include "daemon/admin.h"
#include "daemon/meter.h"

struct metrics {
	struct exposition out;
	const struct admin_parts *parts;
	struct meter_reading reading;
	time_t now;
};

void metrics_box(struct metrics *m); /* the process, its loop */
void metrics_store(struct metrics *m);
void metrics_serving(struct metrics *m);
void metrics_domains(struct metrics *m); /* and their certificates */
void metrics_cas(struct metrics *m);	 /* and their orders */
void metrics_reports(struct metrics *m);
void metrics_alerts(struct metrics *m);

#endif
