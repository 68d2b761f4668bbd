/*
 * An MTA-STS policy: the file senders fetch, as a struct (RFC 8461, 3.2).
 *
 * We are the publisher, so parsing is strict: text that another party would
 * have to guess about is an error here, not a guess. The text we write is
 * the form that every known sender's parser accepts: version first, then
 * mode, mx lines and max_age; CRLF after each line and nothing after the
 * last; at least one mx even in mode none.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_STS_POLICY_H
#define POLICY_STS_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "policy/domain_name.h"

#define STS_MX_LIMIT	50		/* keeps the body below 10 KB */
#define STS_MX_SIZE	(DOMAIN_NAME_SIZE + 2)	/* with "*." before it */
#define STS_MAX_AGE_MIN 86400L		/* shorter ones are ignored by some */
#define STS_MAX_AGE_MAX 31557600L	/* the RFC's own bound */
#define STS_MAX_AGE_DEFAULT 604800L
#define STS_BODY_MAX	65536		/* senders read no further */

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	long max_age;			/* seconds */
	char *mx[STS_MX_LIMIT];		/* owned, lower case, maybe "*.dom" */
	size_t mx_count;
};

const char *sts_mode_name(enum sts_mode mode);	/* "none" ... */
bool sts_mode_parse(const char *text, enum sts_mode *mode, struct err *err);

/*
 * The file's text, of any host: LF or CRLF, unknown fields skipped, but
 * nothing doubtful. On failure *p is left empty and err names the line.
 */
bool sts_policy_parse(struct sts_policy *p, const char *text, size_t len,
		      struct err *err);

/*
 * Adds one mx pattern, normalised: a host name, or "*." and one. Adding what
 * is there already is success. Refused: bad names, more than STS_MX_LIMIT,
 * and "*.mx.microsoft", which matches no host of Microsoft's (the hint gives
 * the forms that do).
 */
bool sts_policy_add_mx(struct sts_policy *p, const char *pattern,
		       struct err *err);

/* Fit to be published? At least one mx; max_age within our bounds. */
bool sts_policy_validate(const struct sts_policy *p, struct err *err);

/* The body we serve. *p must be valid. The caller frees. */
char *sts_policy_format(const struct sts_policy *p);

/* Would a sender holding *p accept `host` as an MX? Case does not matter. */
bool sts_policy_allows(const struct sts_policy *p, const char *host);

/* Is this one of its mx patterns, as it stands? */
bool sts_policy_has_mx(const struct sts_policy *p, const char *pattern);

/* Same mode, max_age and set of mx patterns, in any order? */
bool sts_policy_equal(const struct sts_policy *a, const struct sts_policy *b);

void sts_policy_copy(struct sts_policy *to, const struct sts_policy *from);
void sts_policy_release(struct sts_policy *p);

#endif
