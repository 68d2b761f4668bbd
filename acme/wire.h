/*
 * What a CA sends, as structs: directory, account, order, authorization and
 * problem document (RFC 8555, 7.1 and 6.7).
 *
 * A CA's answer is input like any other: sizes are capped, unknown members
 * skipped, and what is missing or of the wrong type is an error in words.
 * No I/O, no clock.
 */
#ifndef ACME_WIRE_H
#define ACME_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/err.h"
#include "policy/domain_name.h"
#include "store/order.h"

/* RFC 8555 has one list of states for each kind; this is their union. */
enum wire_status {
	WIRE_PENDING,
	WIRE_READY,
	WIRE_PROCESSING,
	WIRE_VALID,
	WIRE_INVALID,	/* also deactivated, expired, revoked */
};

struct wire_problem {
	char type[64];		/* after "urn:ietf:params:acme:error:" */
	char detail[400];	/* printable */
};

#define WIRE_PROFILES	  16
#define WIRE_CAA_NAMES	  8	/* as ENGINE_CAA_NAMES */
#define WIRE_CAA_NAME_SIZE 256

/* The first three a CA must have; of the rest, empty is "not said". */
struct wire_directory {
	char new_nonce[URL_SIZE];
	char new_account[URL_SIZE];
	char new_order[URL_SIZE];
	char revoke_cert[URL_SIZE];
	char key_change[URL_SIZE];
	char renewal_info[URL_SIZE];		/* RFC 9773, 4 */
	char terms_of_service[URL_SIZE];
	bool eab_required;
	char profiles[WIRE_PROFILES][PROFILE_SIZE];
	size_t profile_count;
	char caa_identities[WIRE_CAA_NAMES][WIRE_CAA_NAME_SIZE];
	size_t caa_count;
};

struct wire_account {
	enum wire_status status;
	char orders_url[URL_SIZE];	/* or empty */
};

struct wire_order {
	enum wire_status status;
	char name[DOMAIN_NAME_SIZE];	/* of its one dns identifier */
	char finalize_url[URL_SIZE];
	char authz_url[URL_SIZE];	/* the first of them */
	char cert_url[URL_SIZE];	/* once valid */
	time_t expires_at;		/* 0: not said */
	char profile[PROFILE_SIZE];	/* empty: not said */
	char replaces[ARI_ID_SIZE];	/* RFC 9773, 5; empty: not said */
	struct wire_problem problem;	/* type empty: none */
};

/* All zero if it is not offered. */
struct wire_challenge {
	bool is_offered;
	char url[URL_SIZE];
	char token[ORDER_TOKEN_SIZE];
	enum wire_status status;
	struct wire_problem problem;	/* type empty: none */
};

/* "http-01" */
const char *wire_method(enum challenge_method method);

struct wire_authz {
	enum wire_status status;
	struct wire_challenge challenge[METHOD_COUNT];	/* by method */
};

#define WIRE_PAGE 64

/* One page of an account's orders list (7.1.2.1). */
struct wire_orders {
	char url[WIRE_PAGE][URL_SIZE];
	size_t count;
};

bool wire_directory_parse(struct wire_directory *d, const char *text,
			  size_t len, struct err *err);
bool wire_account_parse(struct wire_account *a, const char *text, size_t len,
			struct err *err);
bool wire_order_parse(struct wire_order *o, const char *text, size_t len,
		      struct err *err);

/* A challenge that cannot be read is an error only if no other can. */
bool wire_authz_parse(struct wire_authz *a, const char *text, size_t len,
		      struct err *err);

/* HTTP statuses that say: it is not there (RFC 9110, 15.5.5 and 15.5.11). */
static inline bool wire_is_gone(long status)
{
	return status == 404 || status == 410;
}

/* Is it an object at all, whatever is in it? */
bool wire_is_object(const char *text, size_t len, struct err *err);

bool wire_orders_parse(struct wire_orders *o, const char *text, size_t len,
		       struct err *err);

/*
 * Never fails: text that is no problem document gives one that says so, with
 * the HTTP status.
 */
void wire_problem_parse(struct wire_problem *p, long http_status,
			const char *text, size_t len);

/* The URL of the link with this relation, or false. One header a line. */
bool wire_link(const char *links, const char *rel, char out[static URL_SIZE]);

/* A Date header, or 0. NULL is fine. */
time_t wire_date(const char *header);

/*
 * Retry-After (RFC 9110, 10.2.3), seconds or a date, as seconds from `now`:
 * clamped to 0 and a day; -1 if there is none or it is garbage.
 */
long wire_retry_after(const char *header, time_t now);

#endif
