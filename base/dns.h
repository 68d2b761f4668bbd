/*
 * DNS look-ups that do not block: c-ares on a loop, one channel per server.
 *
 * Each server is asked by itself, so that answers can be compared: "until
 * two resolvers agree" is a question for the caller. NXDOMAIN and "no such
 * record" are answers; SERVFAIL, a timeout and a refused packet are not.
 *
 * Owning thread only; each thread may have resolvers of its own.
 */
#ifndef BASE_DNS_H
#define BASE_DNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

#define DNS_SERVERS_MAX   4
#define DNS_ADDRESSES_MAX 16
#define DNS_ADDRESS_TEXT  46	/* INET6_ADDRSTRLEN */
#define DNS_SERVER_TEXT	  (DNS_ADDRESS_TEXT + 8)
#define DNS_NAME_TEXT	  256
#define DNS_CAA_MAX	  16	/* records of one set */
#define DNS_CAA_TAG	  16
#define DNS_CAA_VALUE	  256
#define DNS_RECORDS_MAX	  32	/* of one set */
#define DNS_TEXT_MAX	  1024

struct resolver;

enum dns_outcome {
	DNS_FOUND,
	DNS_NO_NAME,	/* NXDOMAIN */
	DNS_NO_RECORD,	/* the name exists, without this type */
	DNS_FAILED	/* no answer worth the name; see problem */
};

/* The A or AAAA records that one server gave for a name, CNAMEs followed. */
struct dns_addresses {
	enum dns_outcome outcome;
	char address[DNS_ADDRESSES_MAX][DNS_ADDRESS_TEXT];
	size_t count;
	long ttl; /* the longest, of the CNAMEs too: so long a cache has it */
	char problem[96];	/* "timeout", "SERVFAIL" ... if DNS_FAILED */
	char alias[DNS_NAME_TEXT]; /* if there is none: the name that has */
				   /* none, if it is that of a CNAME */
};

/* One server's view: both address families. */
struct dns_view {
	char server[64];	/* "192.0.2.1:53" */
	struct dns_addresses a, aaaa;
};

/* Borrowed for the time of the callback. */
struct dns_answer {
	struct dns_view view[DNS_SERVERS_MAX];
	size_t count;		/* servers asked */
};

typedef void dns_done(const struct dns_answer *answer, void *arg);

/* One CAA record (RFC 8659, 4.1), as text. */
struct dns_caa {
	bool is_critical;
	char tag[DNS_CAA_TAG];		/* lower case */
	char value[DNS_CAA_VALUE];	/* bytes that are no text are \x7f */
};

/*
 * The CAA records that count for a name, as one server gave them: those of
 * the name itself, or of the nearest name above it that has any (RFC 8659,
 * 3). DNS_NO_RECORD: none has, up to the top-level domain.
 */
struct dns_caa_set {
	char server[64];
	enum dns_outcome outcome;	/* never DNS_NO_NAME */
	char found_at[DNS_NAME_TEXT];	/* if DNS_FOUND, or where it failed */
	struct dns_caa record[DNS_CAA_MAX];
	size_t count;
	bool is_cut;	/* there are more, or longer ones: judge by none */
	char problem[96];		/* if DNS_FAILED */
};

/* Borrowed for the time of the callback. */
struct dns_caa_answer {
	char name[DNS_NAME_TEXT];	/* that was asked for */
	struct dns_caa_set view[DNS_SERVERS_MAX];
	size_t count;			/* servers asked */
};

typedef void dns_caa_done(const struct dns_caa_answer *answer, void *arg);

enum dns_type { DNS_TXT, DNS_MX, DNS_CNAME, DNS_SOA, DNS_DNSKEY, DNS_TLSA };

struct dns_record {
	char text[DNS_TEXT_MAX];	/* TXT: its strings joined, bytes that
					   are no text \x7f; MX, CNAME: a name;
					   else "" */
	long preference;		/* MX */
};

/* One server's view, CNAMEs followed (but for DNS_CNAME itself). */
struct dns_record_set {
	char server[64];
	enum dns_outcome outcome;
	struct dns_record record[DNS_RECORDS_MAX];
	size_t count;
	bool is_cut;	/* there are more of them */
	long ttl;	/* seconds, the shortest */
	char problem[96];		/* if DNS_FAILED */
};

/* Borrowed for the time of the callback. */
struct dns_records_answer {
	char name[DNS_NAME_TEXT];	/* that was asked for */
	struct dns_record_set view[DNS_SERVERS_MAX];
	size_t count;			/* servers asked */
};

typedef void dns_records_done(const struct dns_records_answer *answer,
			      void *arg);

/* The one form of a resolver's address, "192.0.2.1:53". No I/O. */
bool dns_server_normalise(const char *text, char out[static DNS_SERVER_TEXT],
			  struct err *err);

/*
 * `servers` are "address", "address:port" or "[v6]:port", at most
 * DNS_SERVERS_MAX; with none the system's own (/etc/resolv.conf) are used.
 * One that is named twice is asked once: it has one voice.
 * Each look-up takes at most `timeout_ms`, tries included.
 */
struct resolver *resolver_new(struct loop *loop, const char *const *servers,
			      size_t count, int timeout_ms, struct err *err);

/* Ends what is under way: each callback comes, every view DNS_FAILED. */
void resolver_free(struct resolver *r);

/* Is no look-up under way? */
bool resolver_is_idle(const struct resolver *r);

/*
 * Asks every server for A and AAAA of `name`. The callback comes once, when
 * all have answered or timed out, and never from within this call. So many
 * may be asked for at once that some wait; their time starts when they do.
 */
void resolver_addresses(struct resolver *r, const char *name, dns_done *done,
			void *arg);

/*
 * The same for the CAA records that count for `name`: each server is asked
 * by itself for the name, then for the one above it, up to the first that has
 * any. All of that together takes at most the resolver's `timeout_ms`.
 */
void resolver_caa(struct resolver *r, const char *name, dns_caa_done *done,
		  void *arg);

/* The same for all records of one type. */
void resolver_records(struct resolver *r, const char *name, enum dns_type type,
		      dns_records_done *done, void *arg);

#endif
