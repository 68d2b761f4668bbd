/*
 * The dates of TLS reports: RFC 3339 says RFC 8460, and reporters do not all
 * keep to it.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_REPORT_DATE_H
#define POLICY_REPORT_DATE_H

#include <stdbool.h>
#include <time.h>

/*
 * Taken besides what the RFC has: no zone at all, as Microsoft writes (it is
 * UTC); a zone without its colon; a blank for the T, small letters; 24:00:00
 * for the end of a day. Fractions of a second are dropped. *at is untouched
 * on failure.
 */
bool report_date_parse(const char *text, time_t *at);

#endif
