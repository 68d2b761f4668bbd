/*
 * The field of the journal that says which domain a line of the log is about.
 * It is always named so: journalctl MTASTS_DOMAIN=example.org
 */
#ifndef POLICY_DOMAIN_FIELD_H
#define POLICY_DOMAIN_FIELD_H

#include "base/log.h"

static inline struct log_field domain_field(const char *domain)
{
	return (struct log_field){ "MTASTS_DOMAIN", domain };
}

#endif
