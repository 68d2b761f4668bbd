#include "base/dns_packet.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define RECORDS_MAX  128	/* looked at, of one answer */
#define CNAMES_MAX   16
#define CAA_CRITICAL 0x80	/* RFC 8659, 4.1 */
#define NO_TEXT	     '\x7f'	/* stands for bytes that are none */

/* Takes what one record says. False: it says nothing that makes sense. */
typedef bool record_reader(const unsigned char *data, size_t len, void *out);

/* The same, where names in it may be compressed, or the TTL matters. */
typedef bool whole_reader(const ns_msg *msg, const ns_rr *rr, void *out);

/* How the answer to one question is read. */
struct reading {
	int type;
	record_reader *read;	/* or else */
	whole_reader *read_whole;
	void *out;
	size_t left;		/* records that are still taken */
	bool is_cut;		/* there was another one */
	long ttl;		/* the longest, of CNAMEs too */
	char *alias;		/* of DNS_NAME_TEXT; NULL: no matter */
	const char *problem;	/* if DNS_FAILED */
	char code[24];		/* room for one */
};

static enum dns_outcome failed(struct reading *r, const char *problem)
{
	r->problem = problem;
	return DNS_FAILED;
}

static const char *const rcode_names[] = {
	[ns_r_formerr] = "FORMERR",
	[ns_r_servfail] = "SERVFAIL",
	[ns_r_notimpl] = "NOTIMP",
	[ns_r_refused] = "REFUSED",
};

static enum dns_outcome failed_rcode(struct reading *r, int rcode)
{
	if ((size_t)rcode < ARRAY_LEN(rcode_names) && rcode_names[rcode])
		return failed(r, rcode_names[rcode]);
	snprintf(r->code, sizeof(r->code), "response code %d", rcode);
	return failed(r, r->code);
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

/* With its top bit set it is 0 (RFC 2181, 8). */
static long ttl_of(const ns_rr *rr)
{
	return ns_rr_ttl(*rr) > INT32_MAX ? 0 : (long)ns_rr_ttl(*rr);
}

static void note_ttl(struct reading *r, const ns_rr *rr)
{
	if (ttl_of(rr) > r->ttl)
		r->ttl = ttl_of(rr);
}

/* DNS_FOUND, DNS_NO_RECORD of this very name, or DNS_FAILED. */
static enum dns_outcome read_records(ns_msg *msg, const char *name,
				     struct reading *r)
{
	enum dns_outcome outcome = DNS_NO_RECORD;
	int i = 0;
	ns_rr rr;

	while (next_record(msg, name, r->type, &i, &rr)) {
		outcome = DNS_FOUND;
		note_ttl(r, &rr);
		if (r->left == 0) {
			r->is_cut = true;
			break;
		}
		if (r->read ? !r->read(ns_rr_rdata(rr), ns_rr_rdlen(rr), r->out)
			    : !r->read_whole(msg, &rr, r->out))
			return failed(r, "malformed answer");
		r->left--;
	}
	return outcome;
}

/* Replaces `name` by what it is an alias of; *is_alias says whether. */
static bool follow_cname(ns_msg *msg, char name[static NS_MAXDNAME],
			 struct reading *r, bool *is_alias)
{
	int i = 0, used;
	ns_rr rr;

	*is_alias = next_record(msg, name, ns_t_cname, &i, &rr);
	if (!*is_alias)
		return true;
	note_ttl(r, &rr);
	used = ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg),
				  ns_rr_rdata(rr), name, NS_MAXDNAME);
	return used == ns_rr_rdlen(rr);
}

static enum dns_outcome read_answer(ns_msg *msg, struct reading *r)
{
	enum dns_outcome outcome;
	char name[NS_MAXDNAME];
	bool is_alias = true;
	ns_rr question;

	if (ns_parserr(msg, ns_s_qd, 0, &question) < 0 ||
	    !records_are_sound(msg))
		return failed(r, "malformed answer");
	snprintf(name, sizeof(name), "%s", ns_rr_name(question));
	r->is_cut = ns_msg_count(*msg, ns_s_an) > RECORDS_MAX;
	for (int hop = 0; is_alias && hop <= CNAMES_MAX; hop++) {
		outcome = read_records(msg, name, r);
		if (outcome != DNS_NO_RECORD)
			return outcome;
		if (!follow_cname(msg, name, r, &is_alias))
			return failed(r, "malformed answer");
	}
	return is_alias ? failed(r, "a chain of CNAMEs without an end")
			: DNS_NO_RECORD;
}

/* Where the CNAMEs end, if there are any: there is nothing then. */
static void note_alias(ns_msg *msg, struct reading *r)
{
	char name[NS_MAXDNAME];
	bool is_alias = true;
	ns_rr question;

	if (!r->alias || ns_parserr(msg, ns_s_qd, 0, &question) < 0 ||
	    !records_are_sound(msg))
		return;
	snprintf(name, sizeof(name), "%s", ns_rr_name(question));
	for (int hop = 0; hop <= CNAMES_MAX; hop++) {
		if (!follow_cname(msg, name, r, &is_alias) || !is_alias)
			return;
		str_copy(r->alias, DNS_NAME_TEXT, name);
	}
}

static enum dns_outcome read_packet(const unsigned char *packet, int len,
				    struct reading *r)
{
	enum dns_outcome outcome;
	ns_msg msg;
	int rcode;

	if (ns_initparse(packet, len, &msg) < 0 ||
	    !ns_msg_getflag(msg, ns_f_qr) || ns_msg_count(msg, ns_s_qd) != 1)
		return failed(r, "malformed answer");
	rcode = ns_msg_getflag(msg, ns_f_rcode);
	if (rcode == ns_r_nxdomain) {
		note_alias(&msg, r);
		return DNS_NO_NAME;
	}
	if (rcode != ns_r_noerror)
		return failed_rcode(r, rcode);
	if (ns_msg_getflag(msg, ns_f_tc))
		return failed(r, "truncated answer");
	outcome = read_answer(&msg, r);
	if (outcome == DNS_NO_RECORD)
		note_alias(&msg, r);
	return outcome;
}

/* ---- addresses ---- */

static bool add_address(int family, const unsigned char *data, void *out)
{
	struct dns_addresses *a = out;

	inet_ntop(family, data, a->address[a->count++], DNS_ADDRESS_TEXT);
	return true;
}

static bool read_a(const unsigned char *data, size_t len, void *out)
{
	return len == NS_INADDRSZ && add_address(AF_INET, data, out);
}

static bool read_aaaa(const unsigned char *data, size_t len, void *out)
{
	return len == NS_IN6ADDRSZ && add_address(AF_INET6, data, out);
}

void dns_addresses_fail(struct dns_addresses *out, const char *problem)
{
	*out = (struct dns_addresses){ .outcome = DNS_FAILED };
	snprintf(out->problem, sizeof(out->problem), "%s", problem);
}

void dns_packet_addresses(const unsigned char *packet, int len, int type,
			  struct dns_addresses *out)
{
	struct reading r = { .type = type,
			     .out = out,
			     .read = type == ns_t_a ? read_a : read_aaaa,
			     .left = DNS_ADDRESSES_MAX,
			     .alias = out->alias };

	*out = (struct dns_addresses){ 0 };
	out->outcome = read_packet(packet, len, &r);
	out->ttl = r.ttl;
	if (out->outcome == DNS_FAILED)
		dns_addresses_fail(out, r.problem);
}

/* ---- CAA ---- */

/* Copies `len` bytes, which fit, as text. */
static void copy_text(char *out, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = data[i] == '\t' || (data[i] >= ' ' && data[i] <= '~')
			 ? (char)data[i] : NO_TEXT;
	out[len] = '\0';
}

/* RFC 8659, 4.1: flags, the tag's length, the tag, and the rest is value. */
static bool read_caa(const unsigned char *data, size_t len, void *out)
{
	size_t tag_len = len > 2 ? data[1] : 0, value_len;
	struct dns_caa_set *set = out;
	struct dns_caa *caa = &set->record[set->count];

	if (!tag_len || tag_len > len - 2)
		return false;
	value_len = len - 2 - tag_len;
	if (tag_len >= sizeof(caa->tag) || value_len >= sizeof(caa->value)) {
		set->is_cut = true;
		return true;
	}
	caa->is_critical = data[0] & CAA_CRITICAL;
	copy_text(caa->tag, data + 2, tag_len);
	str_lower(caa->tag);
	copy_text(caa->value, data + 2 + tag_len, value_len);
	set->count++;
	return true;
}

void dns_caa_fail(struct dns_caa_set *set, const char *problem)
{
	set->outcome = DNS_FAILED;
	set->count = 0;
	set->is_cut = false;
	snprintf(set->problem, sizeof(set->problem), "%s", problem);
}

void dns_packet_caa(const unsigned char *packet, int len,
		    struct dns_caa_set *set)
{
	struct reading r = { .type = ns_t_caa, .out = set,
			     .read = read_caa, .left = DNS_CAA_MAX };
	enum dns_outcome outcome;

	set->count = 0;
	set->is_cut = false;
	set->problem[0] = '\0';
	outcome = read_packet(packet, len, &r);
	set->outcome = outcome == DNS_NO_NAME ? DNS_NO_RECORD : outcome;
	set->is_cut |= r.is_cut;
	if (outcome == DNS_FAILED)
		dns_caa_fail(set, r.problem);
	else if (r.is_cut && outcome == DNS_NO_RECORD)
		dns_caa_fail(set, "too many records");
}

/* ---- any ---- */

/* Its strings joined; what is too long for us is cut. */
static void copy_strings(char *out, const unsigned char *data, size_t len)
{
	size_t used = 0;

	while (len) {
		size_t one = data[0] < len ? data[0] : len - 1;
		size_t room = DNS_TEXT_MAX - 1 - used;

		copy_text(out + used, data + 1, one < room ? one : room);
		used += one < room ? one : room;
		data += 1 + one;
		len -= 1 + one;
	}
}

static bool read_name(const ns_msg *msg, const unsigned char *data, char *out)
{
	char name[NS_MAXDNAME];

	return ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg), data,
				  name, sizeof(name)) >= 0 &&
	       str_copy(out, DNS_TEXT_MAX, *name ? name : ".");
}

static bool read_any(const ns_msg *msg, const ns_rr *rr, void *out)
{
	struct dns_record_set *set = out;
	struct dns_record *record = &set->record[set->count];
	const unsigned char *data = ns_rr_rdata(*rr);
	size_t len = ns_rr_rdlen(*rr);
	long ttl = ttl_of(rr);
	bool ok = true;

	memset(record, 0, sizeof(*record));
	if (ns_rr_type(*rr) == ns_t_txt) {
		copy_strings(record->text, data, len);
	} else if (ns_rr_type(*rr) == ns_t_mx) {
		ok = len > 2 && read_name(msg, data + 2, record->text);
		record->preference = ok ? ns_get16(data) : 0;
	} else if (ns_rr_type(*rr) == ns_t_cname) {
		ok = read_name(msg, data, record->text);
	}
	set->ttl = set->count && set->ttl < ttl ? set->ttl : ttl;
	set->count++;
	return ok;
}

void dns_records_fail(struct dns_record_set *set, const char *problem)
{
	set->outcome = DNS_FAILED;
	set->count = 0;
	set->is_cut = false;
	snprintf(set->problem, sizeof(set->problem), "%s", problem);
}

void dns_packet_records(const unsigned char *packet, int len, int type,
			struct dns_record_set *set)
{
	struct reading r = { .type = type, .out = set, .read_whole = read_any,
			     .left = DNS_RECORDS_MAX };

	set->count = 0;
	set->ttl = 0;
	set->problem[0] = '\0';
	set->outcome = read_packet(packet, len, &r);
	set->is_cut = r.is_cut;
	if (set->outcome == DNS_FAILED)
		dns_records_fail(set, r.problem);
}
