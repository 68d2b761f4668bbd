/*
 * The mail hosts of a domain as resolvers saw them, and what a policy says of
 * them.
 *
 * Pure: no I/O, no clock.
 */
#ifndef POLICY_MX_SEEN_H
#define POLICY_MX_SEEN_H

#include "base/dns.h"
#include "policy/sts_policy.h"

#define MX_SEEN_MAX  16
#define MX_SEEN_TEXT (2 * MX_SEEN_MAX * DOMAIN_NAME_SIZE)

enum mx_look {
	MX_UNKNOWN,	/* nobody answered, or never asked */
	MX_ABSENT,	/* none: then mail goes to the domain's own address */
	MX_NULL,	/* RFC 7505: the domain takes no mail */
	MX_THERE
};

struct mx_seen {
	enum mx_look look;
	char host[MX_SEEN_MAX][DOMAIN_NAME_SIZE];	/* sorted, lower case,
							   of all resolvers */
	size_t count;
	char bad[MX_SEEN_MAX][DOMAIN_NAME_SIZE]; /* those that are no host name,
					    an address perhaps; likewise,
					    printable */
	size_t bad_count;
	bool is_cut;		/* there are more */
	unsigned voices;	/* resolvers that answered */
	bool agrees;		/* ... all of them the same */
	long ttl;		/* the longest; seconds */
};

const char *mx_look_name(enum mx_look look);	/* "there" ... */

void mx_seen_read(const struct dns_records_answer *answer,
		  struct mx_seen *seen);

/* The same hosts, or the same lack of them? */
bool mx_seen_same(const struct mx_seen *a, const struct mx_seen *b);

/* Is there one that `was` has and `is` has not: where none is, the domain? */
bool mx_seen_left(const struct mx_seen *was, const struct mx_seen *is);

/*
 * As a store keeps the hosts: one a line, and the bad names behind them.
 * is_cut is set if they are too many, and else left as it is.
 */
void mx_seen_write(const struct mx_seen *seen, char out[static MX_SEEN_TEXT]);
void mx_seen_parse(const char *lines, struct mx_seen *seen);

/* For a sentence: with blanks between. */
void mx_seen_say(const struct mx_seen *seen, char out[static MX_SEEN_TEXT]);

/*
 * Those that are no host name, and those that `policy` does not name: as many
 * as fit, and how many more there are.
 */
void mx_say_bad(const struct mx_seen *seen, char *out, size_t size);
void mx_say_strays(const struct mx_seen *seen, const struct sts_policy *policy,
		   char *out, size_t size);

/* Would a sender that holds `policy` refuse this one? */
bool mx_is_stray(const struct mx_seen *seen, size_t i,
		 const struct sts_policy *policy);

/* How many of them; 0 too for a policy that forbids nothing. */
size_t mx_strays(const struct mx_seen *seen, const struct sts_policy *policy);

/*
 * Is there a name that no sender which holds `policy` may deliver to, whatever
 * that says: none of a host, for which there is no certificate?
 */
bool mx_has_bad(const struct mx_seen *seen, const struct sts_policy *policy);

/*
 * One to which mail may be sent, and that whoever holds `wanted` refuses,
 * though `was` did not; or NULL.
 */
const char *mx_lost(const struct mx_seen *seen, const struct sts_policy *was,
		    const struct sts_policy *wanted);

/* Does `wanted` leave out a pattern of `was`, be it of use or not? */
bool mx_drops(const struct sts_policy *was, const struct sts_policy *wanted);

/*
 * *p becomes a policy that has the hosts seen besides what it has: nobody who
 * holds either loses mail. ERR_INPUT if they are too many, or too long.
 */
bool mx_add_seen(const struct mx_seen *seen, struct sts_policy *p,
		 struct err *err);

#endif
