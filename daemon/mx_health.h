/*
 * The mail hosts of a domain as a look from outside found them, by its
 * findings (policy/findings.h) as the store keeps them.
 *
 * A host without STARTTLS, or with a certificate that senders refuse, costs mail
 * once the policy says `enforce`. That it could not be asked, as where port 25
 * is closed to us, says nothing either way. Pure.
 */
#ifndef DAEMON_MX_HEALTH_H
#define DAEMON_MX_HEALTH_H

#include <stddef.h>

#include "policy/domain_name.h"

enum mx_health { MX_WELL, MX_UNTESTED, MX_BAD };

struct mx_verdict {
	enum mx_health is;
	size_t bad;		   /* findings against them */
	char text[300], todo[200]; /* of the first; or "" */
	char first[DOMAIN_NAME_SIZE]; /* its host */
	char others[200]; /* hosts of the others, with blanks between, as far as
			     there is room */
};

/*
 * Well only if one was seen to be well and none could not be tested: what says
 * nothing of them, a list or none, was not tested.
 */
void mx_health_of(const char *findings, struct mx_verdict *out);

#endif
