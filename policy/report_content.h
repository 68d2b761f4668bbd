/*
 * What a TLS report says, as one number: SHA-256 of what was read of it, not of
 * its bytes. The same report by mail and by HTTPS, plain or gzip, with its keys,
 * policies or failures in another order, or written anew by another library,
 * says the same. The contact is no part of it.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_REPORT_CONTENT_H
#define POLICY_REPORT_CONTENT_H

#include "base/err.h"
#include "policy/tls_report.h"

#define REPORT_CONTENT_SIZE 32
#define REPORT_CONTENT_TEXT 65 /* in hex */

bool report_content(const struct tls_report *r,
		    unsigned char out[static REPORT_CONTENT_SIZE],
		    struct err *err);

void report_content_text(
	const unsigned char content[static REPORT_CONTENT_SIZE],
	char out[static REPORT_CONTENT_TEXT]);

#endif
