/*
 * A message that may bring TLS reports (RFC 8460, 5.3): the attachments that
 * look like one, which domain each is said to be about, and who signed the
 * message.
 *
 * Strangers write it. It is counted before it is parsed (cli/mail_guard.h),
 * and whoever calls this has no privileges left (cli/drop_root.h). The only
 * file that speaks to GMime is behind this header.
 */
#ifndef CLI_REPORT_MAIL_H
#define CLI_REPORT_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "policy/domain_name.h"

#define REPORT_BYTES_MAX       1048576 /* of an attachment, decoded */
#define REPORT_ATTACHMENTS_MAX 16
#define REPORT_MAIL_DEPTH_MAX  16 /* of parts within each other */

struct report_attachment {
	void *data; /* owned: gzip or JSON, or what was said to be */
	size_t len;
	/* By its name, or else the TLS-Report-Domain of its message; or "". */
	char about[DOMAIN_NAME_SIZE];
};

struct report_mail {
	char signed_by[DOMAIN_NAME_SIZE]; /* "": by nobody, or not known */
	struct report_attachment attachment[REPORT_ATTACHMENTS_MAX];
	size_t count;
};

/*
 * A message without such attachments is fine, and has none. The topmost
 * Authentication-Results header of `server` says who signed it; NULL: nobody
 * is trusted to. ERR_REFUSED: it is over a limit. *m is to be released in
 * either case.
 */
bool report_mail_read(struct report_mail *m, const void *data, size_t len,
		      const char *server, struct err *err);
void report_mail_release(struct report_mail *m);

#endif
