/*
 * A mail domain seen from outside: DNS, the policy as the strictest sender
 * fetches it, the mail servers' STARTTLS. Facts only; policy/findings judges.
 *
 * What strangers send neither hangs nor grows it: the number of mail servers,
 * addresses, bytes and seconds has a bound each. An address is looked at
 * before it is connected to, and it is that very one that is connected to:
 * one of a private network is refused unless it is allowed.
 *
 * Owning thread of the loop only.
 */
#ifndef CHECK_OUTSIDE_H
#define CHECK_OUTSIDE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/fetch.h"
#include "base/loop.h"
#include "policy/check_facts.h"

#define OUTSIDE_TIMEOUT 60L /* seconds */
#define OUTSIDE_OWN_MAX 32

struct outside;

struct outside_options {
	const char *const *resolvers; /* as base/dns.h takes them */
	size_t resolver_count;	      /* 0: the system's */
	const char *ca_file;	      /* PEM; NULL: the system's trust store */
	bool allow_private;
	const char *const *own; /* may be connected to although private; no
				   more than OUTSIDE_OWN_MAX count */
	size_t own_count;
	struct fetcher *fetcher; /* shared, for it reads the roots once; to
				    outlive this, or be freed after it. NULL:
				    one of its own */
	bool policy_only;  /* its host's addresses, and what answers there */
	bool skip_smtp;
	long https_port, smtp_port; /* 0: 443, 25 */
	long http_port;		    /* of challenges; 0: not looked at */
	long timeout;		    /* of one connection, seconds; 0: 60 */
};

typedef void outside_done(void *arg);

/*
 * `domain` is normalised (policy/domain_name.h). The options are copied, and
 * the lists in them; ca_file is borrowed. The callback comes once, never from within this
 * call; NULL if there are no resolvers to ask.
 */
struct outside *outside_start(struct loop *loop, const char *domain,
			      const struct outside_options *options,
			      outside_done *done, void *arg, struct err *err);

/* Complete when the callback has come. The caller may add what it knows. */
struct check_facts *outside_facts(struct outside *o);

/* Not from within the callback. NULL is fine. */
void outside_free(struct outside *o);

#endif
