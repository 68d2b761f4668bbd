/*
 * One look-up: questions to every server of a resolver, and one answer made
 * of what they say. For base/dns*.c only.
 *
 * The resolver (base/dns.c) runs it: in its turn, within its time, with one
 * callback. What is asked and how replies are read is up to its kind.
 */
#ifndef BASE_DNS_LOOKUP_H
#define BASE_DNS_LOOKUP_H

#include <sys/queue.h>

#include "base/dns.h"

struct lookup;

/* One question to one server. */
struct lookup_query {
	struct lookup *lookup;
	size_t server;
	int type;
	const char *name;	/* the look-up's, or the end of it */
};

struct lookup_kind {
	size_t answer_size;

	/* Every server's part of l->answer: no answer, and why. */
	void (*fail)(struct lookup *l, const char *problem);

	/* Asks this server what is to be asked first. */
	void (*ask)(struct lookup *l, size_t server);

	/* What came of a question. Both may ask more. */
	void (*take)(struct lookup_query *q, const unsigned char *packet,
		     int len);
	void (*take_failure)(struct lookup_query *q, const char *problem);

	/* Calls back with l->answer. */
	void (*give)(const struct lookup *l);
};

struct lookup {
	TAILQ_ENTRY(lookup) entry;
	struct resolver *resolver;
	const struct lookup_kind *kind;
	char *name;
	int type;		/* for kinds that ask for several */
	union {
		dns_done *addresses;
		dns_caa_done *caa;
		dns_records_done *records;
	} done;
	void *arg;
	void *answer;		/* NULL while it waits */
	struct lookup_query query[DNS_SERVERS_MAX][2];
	unsigned open;		/* c-ares owes us so many callbacks */
	struct event *deadline;
	bool is_answered;	/* by its deadline, perhaps */
};

/* Takes `l`: kind, name, done and arg are set, all else is zero. */
void lookup_wait(struct resolver *r, struct lookup *l);

/*
 * One question at a time to each server, but A and AAAA may go together.
 * `name` is l->name or a part of it.
 */
void lookup_ask(struct lookup *l, size_t server, int type, const char *name);

size_t lookup_servers(const struct lookup *l);
const char *lookup_server(const struct lookup *l, size_t i);

#endif
