/*
 * What became of a report, or why it was not taken, in a sentence for whoever sent it. Pure.
 *
 * What an error says may have words of the sender's in it, and goes to no
 * stranger: he hears one of the sentences that are written here, of no more
 * than is known of his report by its shape.
 */
#ifndef DAEMON_REPORT_REASON_H
#define DAEMON_REPORT_REASON_H

#include "daemon/intake.h"

/* Lives for ever. */
const char *report_reason(const struct intake_answer *a);

#endif
