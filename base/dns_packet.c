#include "base/dns_packet.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

#define RECORDS_MAX 128		/* looked at, of one answer */
#define CNAMES_MAX  16

void dns_addresses_fail(struct dns_addresses *out, const char *problem)
{
	*out = (struct dns_addresses){ .outcome = DNS_FAILED };
	snprintf(out->problem, sizeof(out->problem), "%s", problem);
}

static const char *const rcode_names[] = {
	[ns_r_formerr] = "FORMERR",
	[ns_r_servfail] = "SERVFAIL",
	[ns_r_notimpl] = "NOTIMP",
	[ns_r_refused] = "REFUSED",
};

static void fail_rcode(struct dns_addresses *out, int rcode)
{
	char text[24];

	snprintf(text, sizeof(text), "response code %d", rcode);
	if ((size_t)rcode < ARRAY_LEN(rcode_names) && rcode_names[rcode])
		dns_addresses_fail(out, rcode_names[rcode]);
	else
		dns_addresses_fail(out, text);
}

static int records_of(ns_msg msg)
{
	int count = ns_msg_count(msg, ns_s_an);

	return count < RECORDS_MAX ? count : RECORDS_MAX;
}

/* ns_initparse() counted the records; their names may still be nonsense. */
static bool records_are_sound(ns_msg *msg)
{
	ns_rr rr;

	for (int i = 0; i < records_of(*msg); i++)
		if (ns_parserr(msg, ns_s_an, i, &rr) < 0)
			return false;
	return true;
}

/* The next answer record of `name` with this type; *i says where to go on. */
static bool next_record(ns_msg *msg, const char *name, int type, int *i,
			ns_rr *rr)
{
	while (*i < records_of(*msg) &&
	       ns_parserr(msg, ns_s_an, (*i)++, rr) == 0)
		if (ns_rr_class(*rr) == ns_c_in && (int)ns_rr_type(*rr) == type &&
		    streq_case(ns_rr_name(*rr), name))
			return true;
	return false;
}

/* False if a record's length is not that of an address. */
static bool read_addresses(ns_msg *msg, const char *name, int type,
			   struct dns_addresses *out)
{
	int family = type == ns_t_a ? AF_INET : AF_INET6, i = 0;
	size_t size = type == ns_t_a ? NS_INADDRSZ : NS_IN6ADDRSZ;
	ns_rr rr;

	while (out->count < DNS_ADDRESSES_MAX &&
	       next_record(msg, name, type, &i, &rr)) {
		if (ns_rr_rdlen(rr) != size)
			return false;
		inet_ntop(family, ns_rr_rdata(rr), out->address[out->count++],
			  DNS_ADDRESS_TEXT);
	}
	return true;
}

/* Replaces `name` by what it is an alias of; *is_alias says whether. */
static bool follow_cname(ns_msg *msg, char name[static NS_MAXDNAME],
			 bool *is_alias)
{
	int i = 0, used;
	ns_rr rr;

	*is_alias = next_record(msg, name, ns_t_cname, &i, &rr);
	if (!*is_alias)
		return true;
	used = ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg),
				  ns_rr_rdata(rr), name, NS_MAXDNAME);
	return used == ns_rr_rdlen(rr);
}

static void read_answer(ns_msg *msg, int type, struct dns_addresses *out)
{
	char name[NS_MAXDNAME];
	bool is_alias = true;
	ns_rr question;

	if (ns_parserr(msg, ns_s_qd, 0, &question) < 0 ||
	    !records_are_sound(msg)) {
		dns_addresses_fail(out, "malformed answer");
		return;
	}
	snprintf(name, sizeof(name), "%s", ns_rr_name(question));
	out->outcome = DNS_NO_RECORD;
	for (int hop = 0; is_alias && hop <= CNAMES_MAX; hop++) {
		if (!read_addresses(msg, name, type, out) ||
		    (!out->count && !follow_cname(msg, name, &is_alias))) {
			dns_addresses_fail(out, "malformed answer");
			return;
		}
		if (out->count) {
			out->outcome = DNS_FOUND;
			return;
		}
	}
	if (is_alias)
		dns_addresses_fail(out, "a chain of CNAMEs without an end");
}

void dns_packet_addresses(const unsigned char *packet, int len, int type,
			  struct dns_addresses *out)
{
	ns_msg msg;
	int rcode;

	*out = (struct dns_addresses){ .outcome = DNS_NO_NAME };
	if (ns_initparse(packet, len, &msg) < 0 ||
	    !ns_msg_getflag(msg, ns_f_qr) || ns_msg_count(msg, ns_s_qd) != 1) {
		dns_addresses_fail(out, "malformed answer");
		return;
	}
	rcode = ns_msg_getflag(msg, ns_f_rcode);
	if (rcode == ns_r_nxdomain)
		return;
	if (rcode != ns_r_noerror)
		fail_rcode(out, rcode);
	else if (ns_msg_getflag(msg, ns_f_tc))
		dns_addresses_fail(out, "truncated answer");
	else
		read_answer(&msg, type, out);
}
