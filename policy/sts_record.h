/*
 * The two TXT records of a mail domain: `_mta-sts` (RFC 8461, 3.1) and
 * `_smtp._tls` (RFC 8460, 3).
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_STS_RECORD_H
#define POLICY_STS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"

#define STS_ID_MAX  32
#define STS_ID_SIZE (STS_ID_MAX + 1)
#define TLSRPT_URI_LIMIT 8

/* 1 to 32 letters and digits? */
bool sts_id_is_valid(const char *id);

/*
 * The id for a policy made at `at`: UTC, readable and sortable, such as
 * "20261123T201500Z". `nth` tells apart several of the same second: 0 for
 * the first, then 1, 2 ... (a letter-and-number suffix, never the same text).
 */
void sts_id_make(time_t at, unsigned nth, char out[static STS_ID_SIZE]);

/* "v=STSv1; id=...;", the caller frees. */
char *sts_record_format(const char *id);

/*
 * One TXT string (its pieces joined) against the grammar of 3.1, unknown
 * fields allowed. ERR_NOT_FOUND: not an STSv1 record at all, to be skipped.
 */
bool sts_record_parse(const char *text, char id[static STS_ID_SIZE],
		      struct err *err);

/* Where TLS reports go: the rua list, in order. */
struct tlsrpt_record {
	char *uri[TLSRPT_URI_LIMIT];	/* owned; mailto: or https: */
	size_t count;
};

/* "v=TLSRPTv1; rua=..."; *r must have a URI. The caller frees. */
char *tlsrpt_record_format(const struct tlsrpt_record *r);
bool tlsrpt_record_parse(struct tlsrpt_record *r, const char *text,
			 struct err *err);

/*
 * Adds one URI. "ops@example.org" becomes "mailto:ops@example.org"; a comma,
 * "!" or ";" inside is percent-encoded. Other schemes are refused.
 */
bool tlsrpt_record_add(struct tlsrpt_record *r, const char *uri,
		       struct err *err);
void tlsrpt_record_release(struct tlsrpt_record *r);

#endif
