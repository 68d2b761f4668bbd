/*
 * The name of an attachment that brings a TLS report (RFC 8460, 5.1):
 *
 *	sender "!" policy-domain "!" begin "!" end [ "!" unique ] ".json" [".gz"]
 *
 * Strangers choose it. Of its parts only the domain is taken.
 */
#ifndef CLI_REPORT_NAME_H
#define CLI_REPORT_NAME_H

#include <stdbool.h>

#include "policy/domain_name.h"

/*
 * Whatever folders stand before it. False, and *domain as it was, if it has
 * another form, or no host's name in that place. NULL is none.
 */
bool report_name_domain(const char *name, char domain[static DOMAIN_NAME_SIZE]);

#endif
