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
#include "daemon/report_share.h"
#include "store/store.h"

/*
 * `told` is what the message said, a host's name or "". *about is "" if it is
 * about none that is hosted, if nobody can say which, which it is of more than
 * REPORT_NAMES, and if it need not be known. *own is what its policies of DANE
 * name, up to so many, and is hosted here too. False: the store cannot be read.
 */
bool report_about(struct store *s, const struct tls_report *r, const char *told,
		  char about[static DOMAIN_NAME_SIZE], struct report_names *own,
		  struct err *err);

#endif
