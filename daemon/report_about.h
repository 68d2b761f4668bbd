/*
 * Which of our domains a TLS report that came by mail is about: by HTTPS the
 * path says so.
 *
 * Its policies of DANE may name mail hosts, and others nothing: they belong to
 * the one domain of ours that the rest of the report names. If the rest names
 * none at all, what the message said counts. A policy that names its domain is
 * that domain's in any case (daemon/report_share.h).
 */
#ifndef DAEMON_REPORT_ABOUT_H
#define DAEMON_REPORT_ABOUT_H

#include "base/err.h"
#include "policy/tls_report.h"
#include "store/store.h"

#define REPORT_ABOUT_NAMES 16 /* a report that names more is about no one */

/*
 * `told` is what the message said, a host's name or "". *about is "" if it is
 * about none that is hosted, if nobody can say which, and if it need not be
 * known. False: the store cannot be read. It looks at so many rows at most.
 */
bool report_about(struct store *s, const struct tls_report *r, const char *told,
		  char about[static DOMAIN_NAME_SIZE], struct err *err);

#endif
