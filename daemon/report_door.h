/*
 * Reports by HTTPS: from a serving thread to the intake on control, and the
 * answer back.
 *
 * Control thread only, but for report_door_hear().
 */
#ifndef DAEMON_REPORT_DOOR_H
#define DAEMON_REPORT_DOOR_H

#include "base/loop.h"
#include "daemon/intake.h"
#include "httpd/server.h"

/* Kept by the daemon, for as long as its loop. */
struct report_door {
	struct loop *loop;
	struct httpd *httpd;   /* NULL once it has stopped */
	struct intake *intake; /* NULL: none just now, come again */
};

/* httpd_options.reported, its argument apart. Any thread. */
void report_door_hear(struct report_door *door,
		      const struct httpd_report *report);

#endif
