#include "tests/bench/load_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define POLICY_PATH    "/.well-known/mta-sts.txt"
#define CHALLENGE_PATH "/.well-known/acme-challenge/"

static const char usage[] =
	"usage: load --port N --root ROOT.pem (--names FILE | --host NAME) "
	"...\n"
	"  --policy FILE      the exact body, {host} in it is the name\n"
	"  --challenge TOKEN  plain HTTP, and a key authorization of it\n"
	"  --status N         that is expected, 200\n"
	"  --in-turn | --zipf S    instead of uniform; --seed N\n"
	"  --connections N    at once, 16\n"
	"  --sources N        addresses to come from, of those from\n"
	"  --from A.B.C.D     on; 127.1.0.1, and all of 127/8 is this machine\n"
	"  --rate N           a second, instead of as fast as they go\n"
	"  --seconds N, --count N  whichever is over first\n"
	"  --patience N       seconds for a connection, 10\n"
	"  --tls12            no newer version\n"
	"  --resume           take up sessions again\n"
	"  --keep-alive N     requests on each connection\n"
	"  --slow | --idle    a byte a second | nothing after the handshake\n"
	"  --flood            a hello, and a reset when it is answered\n"
	"  --half-open        how a hello begins, and nothing after it\n";

enum {
	PORT = 256,
	ROOT,
	NAMES,
	HOST,
	POLICY,
	CHALLENGE,
	FROM,
	STATUS,
	IN_TURN,
	ZIPF,
	SEED,
	CONNECTIONS,
	SOURCES,
	RATE,
	SECONDS,
	COUNT,
	PATIENCE,
	TLS12,
	RESUME,
	KEEP_ALIVE,
	SLOW,
	IDLE,
	FLOOD,
	HALF_OPEN
};

static const struct option words[] = {
	{ "port", required_argument, NULL, PORT },
	{ "root", required_argument, NULL, ROOT },
	{ "names", required_argument, NULL, NAMES },
	{ "host", required_argument, NULL, HOST },
	{ "policy", required_argument, NULL, POLICY },
	{ "challenge", required_argument, NULL, CHALLENGE },
	{ "from", required_argument, NULL, FROM },
	{ "status", required_argument, NULL, STATUS },
	{ "in-turn", no_argument, NULL, IN_TURN },
	{ "zipf", required_argument, NULL, ZIPF },
	{ "seed", required_argument, NULL, SEED },
	{ "connections", required_argument, NULL, CONNECTIONS },
	{ "sources", required_argument, NULL, SOURCES },
	{ "rate", required_argument, NULL, RATE },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "count", required_argument, NULL, COUNT },
	{ "patience", required_argument, NULL, PATIENCE },
	{ "tls12", no_argument, NULL, TLS12 },
	{ "resume", no_argument, NULL, RESUME },
	{ "keep-alive", required_argument, NULL, KEEP_ALIVE },
	{ "slow", no_argument, NULL, SLOW },
	{ "idle", no_argument, NULL, IDLE },
	{ "flood", no_argument, NULL, FLOOD },
	{ "half-open", no_argument, NULL, HALF_OPEN },
	{ 0 },
};

/* What is read before it is known how many names there are. */
struct draft {
	const char *root, *host, *names, *policy, *challenge, *from;
	bool is_tls12, resumes;
	long port, sources, requests, connections, seed, status, patience;
};

static bool number(const char *text, long min, long *out)
{
	if (str_to_long(text, strlen(text), 1000000000, out) && *out >= min)
		return true;
	fprintf(stderr, "%s: a number from %ld on is wanted\n", text, min);
	return false;
}

static bool exponent(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && !*end && *out >= 0 && *out <= 10)
		return true;
	fprintf(stderr, "%s: an exponent from 0 to 10 is wanted\n", text);
	return false;
}

static bool take_number(struct load_options *o, struct draft *d, int word)
{
	switch (word) {
	case PORT:
		return number(optarg, 1, &d->port);
	case STATUS:
		return number(optarg, 100, &d->status);
	case SEED:
		return number(optarg, 0, &d->seed);
	case CONNECTIONS:
		return number(optarg, 1, &d->connections);
	case SOURCES:
		return number(optarg, 0, &d->sources);
	case RATE:
		return number(optarg, 1, &o->rate);
	case SECONDS:
		return number(optarg, 1, &o->seconds);
	case COUNT:
		return number(optarg, 1, &o->count);
	case PATIENCE:
		return number(optarg, 1, &d->patience);
	case KEEP_ALIVE:
		return number(optarg, 1, &d->requests);
	default:
		fputs(usage, stderr);
		return false;
	}
}

static bool take_word(struct load_options *o, struct draft *d, int word)
{
	const char **const texts[] = {
		[ROOT - PORT] = &d->root,
		[NAMES - PORT] = &d->names,
		[HOST - PORT] = &d->host,
		[POLICY - PORT] = &d->policy,
		[CHALLENGE - PORT] = &d->challenge,
		[FROM - PORT] = &d->from,
	};

	if (word > PORT && word <= FROM) {
		*texts[word - PORT] = optarg;
		return true;
	}
	switch (word) {
	case IN_TURN:
		o->how = PICK_IN_TURN;
		return true;
	case ZIPF:
		o->how = PICK_ZIPF;
		return exponent(optarg, &o->exponent);
	case TLS12:
		return d->is_tls12 = true;
	case RESUME:
		return d->resumes = true;
	case SLOW:
		o->errand.manner = MANNER_SLOW;
		return true;
	case IDLE:
		o->errand.manner = MANNER_IDLE;
		return true;
	case FLOOD:
		o->errand.manner = MANNER_FLOOD;
		return true;
	case HALF_OPEN:
		o->errand.manner = MANNER_HALF;
		return true;
	default:
		return take_number(o, d, word);
	}
}

static char *read_body(const char *path)
{
	FILE *in = fopen(path, "rb");
	char *text = xcalloc(1, sizeof(((struct reply *)0)->data));
	size_t len = 0;

	if (in) {
		len = fread(text, 1, sizeof(((struct reply *)0)->data) - 1, in);
		fclose(in);
	}
	if (len)
		return text;
	fprintf(stderr, "%s: no policy in it\n", path);
	free(text);
	return NULL;
}

/* A key authorization begins with its token: so much of it is known here. */
static bool fill_challenge(struct load_options *o, const struct draft *d)
{
	char *path = xasprintf("%s%s", CHALLENGE_PATH, d->challenge);

	o->errand.path = path; /* as long as the process */
	return true;
}

static bool fill_policy(struct load_options *o, const struct draft *d)
{
	o->errand.path = POLICY_PATH;
	if (d->policy && !(o->body = read_body(d->policy)))
		return false;
	o->errand.body = o->body;
	o->errand.trust = trust_new(d->root, o->names.count);
	if (!o->errand.trust)
		return false;
	if (d->is_tls12)
		SSL_CTX_set_max_proto_version(trust_ctx(o->errand.trust),
					      TLS1_2_VERSION);
	if (d->resumes)
		trust_resume(o->errand.trust);
	return true;
}

static bool fill_source(struct errand *e, const char *first)
{
	struct in_addr address;

	if (inet_pton(AF_INET, first, &address) != 1) {
		fprintf(stderr, "%s: an IPv4 address is wanted\n", first);
		return false;
	}
	e->first_source = ntohl(address.s_addr);
	return true;
}

static bool fill_names(struct load_options *o, const struct draft *d)
{
	if (d->names)
		return names_read(&o->names, d->names);
	o->names = (struct names){ xcalloc(1, sizeof(char *)), 1 };
	o->names.name[0] = xstrdup(d->host);
	return true;
}

static bool fill(struct load_options *o, const struct draft *d)
{
	struct errand *e = &o->errand;

	if (!d->port || (!d->names && !d->host) ||
	    (!d->root && !d->challenge) || (!o->seconds && !o->count)) {
		fputs(usage, stderr);
		return false;
	}
	e->to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)d->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	e->names = &o->names;
	e->sources = (unsigned)d->sources;
	e->requests = (unsigned)d->requests;
	e->patience_ns = d->patience * 1000000000LL;
	e->status = (int)d->status;
	o->connections = (size_t)d->connections;
	o->seed = (uint64_t)d->seed;
	return fill_source(e, d->from) && fill_names(o, d) &&
	       (d->challenge ? fill_challenge : fill_policy)(o, d);
}

bool load_options_read(struct load_options *o, int argc, char **argv)
{
	struct draft d = { .requests = 1,
			   .connections = 16,
			   .status = 200,
			   .patience = 10,
			   .from = "127.1.0.1" };
	int word;

	*o = (struct load_options){ .how = PICK_UNIFORM };
	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1)
		if (!take_word(o, &d, word))
			return false;
	return fill(o, &d);
}

void load_options_release(struct load_options *o)
{
	names_release(&o->names);
	trust_free(o->errand.trust);
	free(o->body);
}
