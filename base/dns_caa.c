/*
 * The CAA records that count for a name: the tree is climbed to the first
 * name that has any (RFC 8659, 3), at each server by itself.
 */
#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

#include "base/dns.h"
#include "base/dns_lookup.h"
#include "base/dns_packet.h"
#include "base/mem.h"

static void fail_caa(struct lookup *l, const char *problem)
{
	struct dns_caa_answer *answer = l->answer;

	snprintf(answer->name, sizeof(answer->name), "%s", l->name);
	answer->count = lookup_servers(l);
	for (size_t i = 0; i < answer->count; i++) {
		struct dns_caa_set *set = &answer->view[i];

		snprintf(set->server, sizeof(set->server), "%s",
			 lookup_server(l, i));
		dns_caa_fail(set, problem);
	}
}

static struct dns_caa_set *set_of(const struct lookup *l, size_t server)
{
	struct dns_caa_answer *answer = l->answer;

	return &answer->view[server];
}

static void ask_at(struct lookup *l, size_t server, const char *name)
{
	struct dns_caa_set *set = set_of(l, server);

	snprintf(set->found_at, sizeof(set->found_at), "%s", name);
	lookup_ask(l, server, ns_t_caa, name);
}

static void ask_caa(struct lookup *l, size_t server)
{
	ask_at(l, server, l->name);
}

/* NULL above the top-level domain: the root is not asked. */
static const char *parent_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && dot[1] ? dot + 1 : NULL;
}

/* While the climb goes on, the deadline finds a set that has failed. */
static void take_caa(struct lookup_query *q, const unsigned char *packet,
		     int len)
{
	struct dns_caa_set *set = set_of(q->lookup, q->server);
	const char *parent = parent_of(q->name);

	if (q->lookup->is_answered)
		return;
	dns_packet_caa(packet, len, set);
	if (set->outcome == DNS_NO_RECORD && parent) {
		dns_caa_fail(set, "timeout");
		ask_at(q->lookup, q->server, parent);
	} else if (set->outcome == DNS_NO_RECORD) {
		set->found_at[0] = '\0';
	}
}

static void take_no_caa(struct lookup_query *q, const char *problem)
{
	dns_caa_fail(set_of(q->lookup, q->server), problem);
}

static void give_caa(const struct lookup *l)
{
	l->done.caa(l->answer, l->arg);
}

static const struct lookup_kind kind = {
	.answer_size = sizeof(struct dns_caa_answer),
	.fail = fail_caa,
	.ask = ask_caa,
	.take = take_caa,
	.take_failure = take_no_caa,
	.give = give_caa,
};

void resolver_caa(struct resolver *r, const char *name, dns_caa_done *done,
		  void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->kind = &kind;
	l->name = xstrdup(name);
	l->done.caa = done;
	l->arg = arg;
	lookup_wait(r, l);
}
