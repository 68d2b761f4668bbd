/*
 * libcurl's multi interface on a loop: its sockets and its one timer. Not for
 * SMTP, in which libcurl 7.88 waits inside of a call (base/mailer.c).
 *
 * Owning thread only.
 */
#ifndef BASE_TRANSFERS_H
#define BASE_TRANSFERS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"

struct transfers;

/* The handle is to be removed, and may be used again. */
typedef void transfer_ended(CURL *easy, CURLcode result);

struct transfers *transfers_new(struct loop *loop, transfer_ended *ended,
				struct err *err);

/* Its handles have been removed. NULL is fine. */
void transfers_free(struct transfers *t);

/* The multi handle, for its options. */
CURLM *transfers_multi(struct transfers *t);

/* `ended` never comes from within this call. */
bool transfers_add(struct transfers *t, CURL *easy);
void transfers_remove(struct transfers *t, CURL *easy);

#endif
