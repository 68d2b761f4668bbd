/*
 * One mail server asked for STARTTLS, at one address: by libcurl, in a thread
 * of its own (libcurl 7.88 waits in between when it speaks SMTP), which ends
 * within its time whatever the server does. No mail is sent.
 *
 * Owning thread of the loop only.
 */
#ifndef CHECK_SMTP_PROBE_H
#define CHECK_SMTP_PROBE_H

#include <stdbool.h>

#include "base/loop.h"
#include "policy/check_facts.h"

struct smtp_probe;

struct smtp_question {
	const char *host; /* the MX: its name is what is verified */
	const char *address;
	long port;
	const char *ca_file; /* PEM; NULL: the system's trust store */
	long timeout_ms;
};

struct smtp_result {
	enum smtp_outcome outcome;
	char problem[CHECK_WORDS];
	struct tls_look cert;
};

typedef void smtp_done(const struct smtp_result *result, void *arg);

/* The callback comes once, never from within this call, unless it is freed. */
struct smtp_probe *smtp_probe_start(struct loop *loop,
				    const struct smtp_question *question,
				    smtp_done *done, void *arg);

/* After the callback, or before: then there is none. Waits for the thread. */
void smtp_probe_free(struct smtp_probe *p);

#endif
