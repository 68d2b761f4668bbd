/*
 * A mail domain as it was seen from outside: what check/ gathers and
 * policy/findings judges. No opinions in here.
 *
 * Everything is bounded, and held by value: text of strangers is cut when it
 * is taken. All zeros is "nothing was tested".
 */
#ifndef POLICY_CHECK_FACTS_H
#define POLICY_CHECK_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/dns.h"
#include "base/tls_look.h"
#include "policy/domain_name.h"
#include "policy/sts_policy.h"
#include "policy/sts_record.h"

#define CHECK_TXT_MAX	   8
#define CHECK_TXT_SIZE	   1024
#define CHECK_MX_MAX	   16
#define CHECK_TRIED_MAX	   4 /* addresses of one host */
#define CHECK_WORDS	   200
#define CHECK_IDS_MAX	   32
#define CHECK_CA_MAX	   8
#define CHECK_CA_NAMES	   8
#define CHECK_CA_NAME	   64
#define CHECK_URL	   512

/* What came of a question to DNS. */
enum check_look {
	CHECK_NOT_TESTED,
	CHECK_SEEN,
	CHECK_ABSENT,		/* no such name, or no such record */
	CHECK_FAILED,		/* the servers say that they cannot */
	CHECK_TIMED_OUT		/* nobody said anything */
};

struct check_txt {
	enum check_look look;
	char text[CHECK_TXT_MAX][CHECK_TXT_SIZE];
	size_t count;
	long ttl;
	bool differs;		/* between the resolvers that were asked */
	char problem[CHECK_WORDS];	/* if it failed or timed out */
};

/* A and AAAA of a name, CNAMEs followed. */
struct check_host {
	enum check_look look;
	char address[2 * DNS_ADDRESSES_MAX][DNS_ADDRESS_TEXT];
	size_t count;
	char private[DNS_ADDRESS_TEXT];	/* one that nobody else reaches */
	char alias[DNS_NAME_TEXT];	/* where a CNAME leads, or "" */
	char problem[CHECK_WORDS];
};

enum https_outcome {
	HTTPS_NOT_TESTED,
	HTTPS_UNREACHABLE,
	HTTPS_TIMED_OUT,
	HTTPS_TLS_FAILED,
	HTTPS_TLS_OLD,		/* nothing newer than TLS 1.1 */
	HTTPS_CERT_REFUSED,
	HTTPS_BROKEN,		/* no answer in HTTP */
	HTTPS_TOO_BIG,
	HTTPS_ANSWERED
};

/* The policy as one address gave it to the strictest of clients. */
struct check_https {
	enum https_outcome outcome;
	char address[DNS_ADDRESS_TEXT];
	char problem[CHECK_WORDS];
	struct tls_look cert;
	long status;		/* from here on: if it answered */
	char content_type[CHECK_WORDS], location[CHECK_WORDS];
	long elapsed_ms;
	char body[STS_BODY_MAX + 1];
	size_t body_len;
};

enum smtp_outcome {
	SMTP_NOT_TESTED,
	SMTP_UNREACHABLE,	/* this machine may not be let out either */
	SMTP_REFUSED,		/* it answers, and will not speak with us */
	SMTP_NO_STARTTLS,
	SMTP_TLS_FAILED,
	SMTP_TLS_OLD,
	SMTP_CERT_REFUSED,
	SMTP_SECURE
};

/* A mail server at one of its addresses. */
struct check_smtp {
	enum smtp_outcome outcome;
	char address[DNS_ADDRESS_TEXT];
	char problem[CHECK_WORDS];
	struct tls_look cert;
};

struct check_mx {
	char name[DNS_NAME_TEXT];	/* lower case */
	long preference;
	struct check_host host;
	bool has_tlsa;
	struct check_smtp smtp[CHECK_TRIED_MAX];
	size_t smtp_count; /* addresses that are tried */
};

/* An authority that the box may turn to. */
struct check_ca {
	char name[CHECK_CA_NAME];		      /* the box's, for it */
	char identity[CHECK_CA_NAMES][DNS_CAA_VALUE]; /* in CAA records */
	size_t identity_count;			      /* 0: not known */
	char account[CHECK_URL];		      /* ours there, or "" */
};

/* What the box knows of a domain that it hosts. */
struct check_expected {
	bool is_hosted;
	char id[STS_ID_SIZE];
	char past_id[CHECK_IDS_MAX][STS_ID_SIZE];	/* of other versions */
	size_t past_count;
	const char *body;			/* borrowed */
	time_t policy_since;
	char address[2 * DNS_ADDRESSES_MAX][DNS_ADDRESS_TEXT];	/* its own */
	size_t address_count;		/* 0: it does not know */
	char collector[TLSRPT_URI_LIMIT][CHECK_WORDS];	/* rua asked for */
	size_t collector_count;
	char trouble[2 * CHECK_WORDS];	/* what the box says of it, or "" */
	bool trouble_is_error;
	time_t removable_at;		/* of a domain on its way out, or 0 */
	time_t foreign_until; /* another host's policy may be held; or 0 */
	bool is_handed_over;		/* its records are another's business */
	char waits[6 * CHECK_WORDS];	/* why it is not to be announced yet,
					   and what to do; or "" */
	char sts_cname[DNS_NAME_TEXT];	/* where _mta-sts and _smtp._tls are to
					   lead, in a zone of the operator's; */
	char report_cname[DNS_NAME_TEXT]; /* "": they are TXT themselves */
	bool is_published;		  /* ... that this box keeps */

	/* TLS reports of the last seven days; only if `has_reports` is set. */
	bool has_reports;
	long sessions, failures;
	long silent_days; /* since the last report; 0: it is not missed */
};

struct check_facts {
	char domain[DOMAIN_NAME_SIZE];

	struct check_txt sts, report, root;	/* root: the domain's own TXT */
	enum check_look zone;		/* SEEN: the domain has a zone, */
	enum check_look zone_keys;	/* and this one has DNSSEC keys */
	char bad_resolver[CHECK_WORDS];	/* one that did not answer, or "" */

	struct check_host host;		/* mta-sts.domain */
	struct check_https https[CHECK_TRIED_MAX]; /* those tried: IPv4
							   and IPv6 by turns */
	enum check_look port80;		/* ABSENT: no answer there */

	struct dns_caa_set caa;		/* of mta-sts.domain */
	enum check_look caa_look;
	struct check_ca ca[CHECK_CA_MAX]; /* who is to issue, the first */
	size_t ca_count;		  /* choice first; 0: anybody */

	enum check_look mx_look;
	char mx_problem[CHECK_WORDS];
	struct check_mx mx[CHECK_MX_MAX];
	size_t mx_count;
	bool mx_is_cut;			/* there are more */
	size_t mx_bad_count;	    /* records with a name that is none of */
	char mx_bad[DNS_NAME_TEXT]; /* a host: not in mx; the first */
	bool mx_is_null;		/* RFC 7505: no mail at all */
	bool smtp_is_tested;

	struct check_expected expected;
};

#endif
