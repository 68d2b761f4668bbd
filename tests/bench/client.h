/*
 * A connection as a sender makes one: a full handshake, a request, the answer
 * judged, and a good-bye on both sides. Or as others make it who mean no good.
 *
 * Its socket is nonblocking, and whoever waits for it calls client_go_on().
 */
#ifndef TESTS_BENCH_CLIENT_H
#define TESTS_BENCH_CLIENT_H

#include <netinet/in.h>

#include "tests/bench/names.h"
#include "tests/bench/reply.h"
#include "tests/bench/times.h"
#include "tests/bench/trust.h"

enum manner {
	MANNER_PROMPT,
	MANNER_SLOW,  /* a byte of the request each second */
	MANNER_IDLE,  /* a handshake, and then nothing */
	MANNER_FLOOD, /* a hello, and a reset as soon as it is answered */
	MANNER_HALF   /* how a hello begins, and then nothing */
};

enum failure {
	FAILED_REFUSED, /* no connection */
	FAILED_HANDSHAKE,
	FAILED_CERTIFICATE, /* another name's, or one that nobody trusts */
	FAILED_STATUS,	    /* an answer, but not the one expected */
	FAILED_BODY,
	FAILED_CUT, /* no whole answer */
	FAILED_LATE,
	FAILURES
};

extern const char *const failure_names[FAILURES];

/* What is asked, and of whom: the same for all connections. */
struct errand {
	struct sockaddr_in to;
	unsigned sources; /* addresses that we come from; 0: any */
	uint32_t first_source; /* in host order; those behind it follow */
	const struct names *names;
	struct trust *trust; /* NULL: plain HTTP */
	const char *path;
	int status;	   /* that is expected */
	const char *body;  /* likewise, for reply_says(); NULL: any */
	unsigned requests; /* of each connection */
	enum manner manner;
	int64_t patience_ns; /* for who is prompt, with a connection */
};

/* What came of it. */
struct results {
	unsigned long connections, fetches, failed[FAILURES];
	unsigned long resumed; /* TLS sessions */
	unsigned long hellos;  /* of a flood: those that were answered */
	unsigned long ended;   /* by the server: who is slow or idle */
	unsigned long rude;    /* cut after the answer, without a good-bye */
	struct times times;    /* of each fetch */
	char why[160];	       /* the first that failed */
};

struct client {
	const struct errand *errand; /* both borrowed */
	struct results *results;
	size_t number; /* of its name */
	SSL *ssl;
	int fd; /* -1: it is over */
	enum {
		CONNECTING,
		SHAKING,
		ASKING,
		READING,
		LEAVING,
		GREETING, /* who means no good: instead of SHAKING */
		WAITING
	} stage;
	int64_t began_ns; /* the connection */
	int64_t due_ns;	  /* what is fetched now */
	unsigned asked;
	size_t sent;
	char request[512];
	struct reply reply;
};

/*
 * `due_ns` is when it should have begun: who had to wait for a connection to
 * become free has waited. False: it is over already, and counted.
 */
bool client_begin(struct client *c, const struct errand *errand,
		  struct results *results, size_t number, int64_t due_ns);

/* As far as it goes now. False: it is over, and counted. */
bool client_go_on(struct client *c);

/* For who is slow: another second has passed. Else only a look at the clock. */
bool client_tick(struct client *c, int64_t now_ns);

/* The time is up: it goes, and counts for nothing. */
void client_break_off(struct client *c);

#endif
