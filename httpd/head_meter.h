/*
 * How long the head of a request is, counted while it comes in.
 *
 * The parser (evhttp) answers an over-long head with 400 and has no limit
 * worth the name on a single read; so the bytes are counted before it sees
 * them. The only syntax known here is the empty line at the end of a head.
 */
#ifndef HTTPD_HEAD_METER_H
#define HTTPD_HEAD_METER_H

#include <stdbool.h>
#include <stddef.h>

#define HEAD_MAX 8192	/* request line and headers */

/* All zero is the state before the first byte. */
struct head_meter {
	size_t bytes;
	bool at_line_start;	/* behind a newline */
	bool is_complete;	/* the empty line was seen */
};

/* False once the head is longer than HEAD_MAX. */
bool head_meter_add(struct head_meter *m, const char *data, size_t len);

#endif
