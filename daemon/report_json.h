/*
 * TLS reports as the admin API shows them; docs/admin-api.md tells the same.
 * Each returns a new reference. Any thread.
 */
#ifndef DAEMON_REPORT_JSON_H
#define DAEMON_REPORT_JSON_H

#include <jansson.h>

#include "store/report_list.h"
#include "store/report_sum.h"

json_t *report_json_sum(const struct report_sum *s);
json_t *report_json_item(const struct report_item *i);
json_t *report_json_whole(const struct report_whole *w);

#endif
