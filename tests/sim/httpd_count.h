/*
 * A running httpd's counts, which a test waits for: its threads count after
 * they have answered.
 */
#ifndef TESTS_SIM_HTTPD_COUNT_H
#define TESTS_SIM_HTTPD_COUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "httpd/server.h"

#define COUNT(item) offsetof(struct httpd_counts, item)

/* Waits until `which` of the counts is `value`; false after 5 s. */
bool count_comes_to(struct httpd *httpd, size_t which, unsigned long value);

#endif
