/*
 * TLS reports for tests of the store: the fixtures of tests/data/reports, and
 * such as are made up. Inside a transaction.
 */
#ifndef TESTS_SIM_REPORTS_H
#define TESTS_SIM_REPORTS_H

#include "policy/tls_report.h"
#include "store/domain.h"
#include "store/report.h"

/* tests/data/reports/NAME.json; tls_report_release() it. */
struct tls_report reports_read(const char *name);

/* shop.test of the fixtures, with the policy that they quote. */
struct domain reports_shop(struct store *s, time_t now);

/* Published over the present one; *d is read anew. */
void reports_publish(struct store *s, struct domain *d, const char *mx,
		     time_t now);

/* All of the report's policies are the domain's. Was it new? */
bool reports_add(struct store *s, const struct domain *d,
		 const struct tls_report *r, time_t received);

/* A report of one policy, of the day that begins at `begin`. */
struct tls_report reports_make(const char *organization, const char *id,
			       time_t begin, long successful, long failed);

/* Gives its first policy another failure. */
void reports_fail(struct tls_report *r, enum tls_result result,
		  const char *mx_host, long sessions);

#endif
