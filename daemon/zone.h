/*
 * The operator's own zone, `delegate_zone`: what stands in it for whom.
 *
 * A customer sets three CNAMEs, once:
 *
 *	mta-sts.example.org	-> host_name
 *	_mta-sts.example.org	-> example.org._mta-sts.ZONE	(TXT)
 *	_smtp._tls.example.org	-> example.org._tls.ZONE	(TXT)
 *
 * and whatever changes later, an address, an id, where reports go, changes
 * behind them. A domain so long that such a name would have more than 253
 * bytes stands there as a single label, "h-" and 40 hexadecimal digits of its
 * SHA-256: no domain that is hosted has a single label, so nothing collides.
 * And host_name itself, its A and AAAA, if it lies in the zone.
 *
 * Pure: rows and configuration come in, sets of records come out.
 */
#ifndef DAEMON_ZONE_H
#define DAEMON_ZONE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/domain_name.h"
#include "store/domain.h"

#define ZONE_TTL 300 /* it changes by itself: why keep it long? */

struct zone_record {
	char name[DOMAIN_NAME_SIZE]; /* no trailing dot */
	char type[8];
	char *value; /* owned; NULL: there is to be none */
};

/* Several of one name and type are several values. */
struct zone_set {
	struct zone_record *item;
	size_t count, room;
};

void zone_set_release(struct zone_set *z); /* empty is fine */

void zone_sts_name(const char *zone, const char *domain,
		   char out[static DOMAIN_NAME_SIZE]);
void zone_tls_name(const char *zone, const char *domain,
		   char out[static DOMAIN_NAME_SIZE]);

/*
 * What the zone is to have of a domain. sts_id is that of its policy, NULL if
 * it has none, or if nobody is to be told of it. With `collects` its TLS
 * reports come here.
 */
void zone_of_domain(struct zone_set *z, const char *zone,
		    const struct domain *d, const char *sts_id, bool collects);

/* By what it was told of the domain: does it announce a policy of it? */
bool zone_announces(const char *told, const char *zone, const char *domain);

/* ... and of the box: nothing, if host_name does not lie in the zone. */
void zone_of_box(struct zone_set *z, const char *zone, const char *host_name,
		 const char *const *addresses, size_t count);

/* One record a line, to be kept, and read again; free the text. */
char *zone_set_text(const struct zone_set *z);
void zone_set_read(struct zone_set *z, const char *text);

/*
 * Adds to `z` what makes `told` into `wanted`: all that is wanted, and of each
 * name and type that only `told` has, that there is to be none. So it is with
 * what would stand beside an address: who had the name before may have had
 * others.
 */
void zone_set_change(struct zone_set *z, const struct zone_set *told,
		     const struct zone_set *wanted);

/*
 * Adds to `z` what there may be while `told` is made into `wanted`: the names
 * and types of both.
 */
void zone_set_join(struct zone_set *z, const struct zone_set *told,
		   const struct zone_set *wanted);

/* How many bytes an update of it takes, at most (RFC 2136). */
size_t zone_set_size(const struct zone_set *z);

/*
 * Whose the zone is: a TXT in it, at `_mtastsd-owner`, with the id of a box. An
 * update says what it holds of it, and is refused as a whole if that is not so
 * (RFC 2136, 2.4): no box writes into another one's zone, whatever was read
 * before.
 */
struct zone_mark {
	const char *id;
	enum zone_mark_how {
		ZONE_IS_OURS, /* the mark has our id */
		ZONE_IS_FREE, /* there is none: it is set */
		ZONE_IS_TAKEN /* whatever it is, it is set */
	} how;
};

#define ZONE_MARK_NAME "_mtastsd-owner"

/* Commands for knsupdate or nsupdate; free it. */
char *zone_set_commands(const struct zone_set *z, const char *zone,
			const char *server, const char *port,
			const struct zone_mark *mark);

/* For the hook: a list of { name, type, ttl, value or null }; free it. */
char *zone_set_json(const struct zone_set *z);

#endif
