/*
 * A thread that reads reports: what strangers posted is inflated, counted and
 * parsed away from the loop, one at a time. It owns nothing, and is no task of
 * the desk's, where a report would wait for a backup.
 */
#ifndef DAEMON_UNPACKER_H
#define DAEMON_UNPACKER_H

#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "policy/report_content.h"
#include "policy/tls_report.h"

struct unpacker;

struct unpacked {
	struct tls_report report; /* empty if there is an error */
	unsigned char content[REPORT_CONTENT_SIZE];
	struct err err; /* as of tls_report_read() */
};

/* Takes the report. */
typedef void unpacked_done(struct unpacked *u, void *arg);

/* Answers come on `control`, the thread that calls all of this. */
struct unpacker *unpacker_start(struct loop *control, struct err *err);

/* Takes the body. `done` is called, but for unpacker_stop(). */
void unpacker_ask(struct unpacker *u, char *body, size_t len,
		  unpacked_done *done, void *arg);

/* Waits for the one that is being read; no answer comes any more. */
void unpacker_stop(struct unpacker *u);

#endif
