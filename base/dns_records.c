/*
 * All records of one type that a name has, as each server gives them.
 */
#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

#include "base/dns.h"
#include "base/dns_lookup.h"
#include "base/dns_packet.h"
#include "base/mem.h"

static const int types[] = {
	[DNS_TXT] = ns_t_txt,	    [DNS_MX] = ns_t_mx,
	[DNS_CNAME] = ns_t_cname,   [DNS_SOA] = ns_t_soa,
	[DNS_DNSKEY] = ns_t_dnskey, [DNS_TLSA] = ns_t_tlsa,
};

static void fail_records(struct lookup *l, const char *problem)
{
	struct dns_records_answer *answer = l->answer;

	snprintf(answer->name, sizeof(answer->name), "%s", l->name);
	answer->count = lookup_servers(l);
	for (size_t i = 0; i < answer->count; i++) {
		struct dns_record_set *set = &answer->view[i];

		snprintf(set->server, sizeof(set->server), "%s",
			 lookup_server(l, i));
		dns_records_fail(set, problem);
	}
}

static struct dns_record_set *set_of(const struct lookup_query *q)
{
	struct dns_records_answer *answer = q->lookup->answer;

	return &answer->view[q->server];
}

static void ask_records(struct lookup *l, size_t server)
{
	lookup_ask(l, server, types[l->type], l->name);
}

static void take_records(struct lookup_query *q, const unsigned char *packet,
			 int len)
{
	dns_packet_records(packet, len, q->type, set_of(q));
}

static void take_no_records(struct lookup_query *q, const char *problem)
{
	dns_records_fail(set_of(q), problem);
}

static void give_records(const struct lookup *l)
{
	l->done.records(l->answer, l->arg);
}

static const struct lookup_kind kind = {
	.answer_size = sizeof(struct dns_records_answer),
	.fail = fail_records,
	.ask = ask_records,
	.take = take_records,
	.take_failure = take_no_records,
	.give = give_records,
};

void resolver_records(struct resolver *r, const char *name, enum dns_type type,
		      dns_records_done *done, void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->kind = &kind;
	l->type = (int)type;
	l->name = xstrdup(name);
	l->done.records = done;
	l->arg = arg;
	lookup_wait(r, l);
}
