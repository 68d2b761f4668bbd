/*
 * A CA that answers at once: tests/sim/sim_ca.h over HTTPS, for whoever wants
 * to know what the client of a CA takes by itself.
 *
 *	instant_ca ROOT.pem [LATENCY-MS]
 *
 * Writes the root of its certificates (its own, and those that it issues),
 * prints the URL of its directory, and serves until it gets SIGTERM. It checks
 * what a client signs, and each CSR; a challenge it takes for met, but that of
 * a name that begins with "mta-sts.lost", which never is. With LATENCY-MS each
 * answer waits so long. If a client did what no correct one
 * does, it says so, and ends with 1.
 */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_ca.h"

#define DAY (24L * 3600)

/* An answer that is on its way for a while. */
struct late {
	struct evhttp_request *to;
	struct sim_answer answer;
};

static struct {
	struct event_base *base;
	struct tiny_ca signer;
	SSL_CTX *ctx;
	struct sim_ca *ca;
	char origin[64];
	struct timeval latency;
} run;

/* "token-7" is of the order 7. */
static bool is_met(void *arg, const char *token, const char *key_auth)
{
	unsigned long id = strtoul(strchr(token, '-') + 1, NULL, 10);

	(void)arg;
	(void)key_auth;
	return !str_starts(run.ca->order[id].name, "mta-sts.lost");
}

static void add_header(struct evhttp_request *to, const char *name,
		       const char *value)
{
	if (*value)
		evhttp_add_header(evhttp_request_get_output_headers(to), name,
				  value);
}

static void reply(struct evhttp_request *to, const struct sim_answer *a)
{
	add_header(to, "Replay-Nonce", a->nonce);
	add_header(to, "Location", a->location);
	add_header(to, "Retry-After", a->retry_after);
	add_header(to, "Content-Type",
		   *a->body == '-' ? "application/pem-certificate-chain"
				   : "application/json");
	evbuffer_add(evhttp_request_get_output_buffer(to), a->body,
		     strlen(a->body));
	evhttp_send_reply(to, (int)a->status, "so", NULL);
}

/* Of a client that has left, the request is nobody's but ours. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct late *late = arg;

	(void)fd;
	(void)what;
	if (evhttp_request_get_connection(late->to))
		reply(late->to, &late->answer);
	else
		evhttp_request_free(late->to);
	free(late->answer.body);
	free(late);
}

static void reply_late(struct evhttp_request *to,
		       const struct sim_answer *answer)
{
	struct late *late = xmalloc(sizeof(*late));

	*late = (struct late){ .to = to, .answer = *answer };
	event_base_once(run.base, -1, EV_TIMEOUT, on_late, late, &run.latency);
}

static enum fetch_method method_of(const struct evhttp_request *req)
{
	switch ((unsigned)evhttp_request_get_command(req)) {
	case EVHTTP_REQ_POST:
		return FETCH_POST;
	case EVHTTP_REQ_HEAD:
		return FETCH_HEAD;
	default:
		return FETCH_GET;
	}
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	char *url = xasprintf("%s%s", run.origin, evhttp_request_get_uri(req));
	struct fetch_request rq = { .method = method_of(req),
				    .url = url,
				    .body_len = evbuffer_get_length(body) };
	struct sim_answer answer;

	(void)arg;
	rq.body = (const char *)evbuffer_pullup(body, -1);
	run.ca->now = time(NULL);
	sim_ca_answer(run.ca, &rq, &answer);
	reply_late(req, &answer);
	free(url);
}

/* ---- TLS ---- */

static void make_ctx(void)
{
	time_t now = time(NULL);
	struct tiny_leaf leaf = { .host = "localhost",
				  .from = now - DAY,
				  .until = now + DAY,
				  .serial = 1 };
	X509 *x;

	leaf.key = EVP_EC_gen("P-256");
	x = tiny_ca_issue(&run.signer, &leaf);
	run.ctx = SSL_CTX_new(TLS_server_method());
	must(run.ctx && SSL_CTX_use_certificate(run.ctx, x) == 1 &&
		     SSL_CTX_use_PrivateKey(run.ctx, leaf.key) == 1 &&
		     SSL_CTX_add1_chain_cert(run.ctx, run.signer.cert) == 1,
	     NULL);
	X509_free(x);
	EVP_PKEY_free(leaf.key);
}

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	(void)arg;
	return bufferevent_openssl_socket_new(base, -1, SSL_new(run.ctx),
					      BUFFEREVENT_SSL_ACCEPTING,
					      BEV_OPT_CLOSE_ON_FREE);
}

static unsigned port_of(struct evhttp_bound_socket *bound)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	must(getsockname(evhttp_bound_socket_get_fd(bound),
			 (struct sockaddr *)&at, &len) == 0,
	     NULL);
	return ntohs(at.sin_port);
}

/* ---- its life ---- */

static void on_term(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	(void)arg;
	event_base_loopbreak(run.base);
}

static void start(const char *root)
{
	time_t now = time(NULL);

	tiny_ca_init(&run.signer, "Instant", now - 30 * DAY, now + 900 * DAY);
	tiny_ca_write_root(&run.signer, root);
	make_ctx();
	run.ca = xcalloc(1, sizeof(*run.ca));
	run.ca->life = 90 * DAY;
	run.ca->lists_orders = true;
	run.ca->signer = &run.signer;
	run.ca->token_is_served = is_met;
	run.base = event_base_new();
}

static void serve(struct evhttp *http)
{
	struct event *term = evsignal_new(run.base, SIGTERM, on_term, NULL);
	struct evhttp_bound_socket *bound;

	evhttp_set_bevcb(http, on_accept, NULL);
	evhttp_set_gencb(http, on_request, NULL);
	bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	must(term && bound && event_add(term, NULL) == 0, NULL);
	snprintf(run.origin, sizeof(run.origin), "https://localhost:%u",
		 port_of(bound));
	sim_ca_origin = run.origin;
	printf("%s/directory\n", run.origin);
	fflush(stdout);
	event_base_dispatch(run.base);
	event_free(term);
}

int main(int argc, char **argv)
{
	struct evhttp *http;
	int status;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: instant_ca ROOT.pem [LATENCY-MS]\n");
		return 64;
	}
	run.latency.tv_usec = argc > 2 ? strtol(argv[2], NULL, 10) * 1000 : 0;
	signal(SIGPIPE, SIG_IGN);
	start(argv[1]);
	http = evhttp_new(run.base);
	must(http, NULL);
	serve(http);
	evhttp_free(http);
	event_base_free(run.base);
	SSL_CTX_free(run.ctx);
	tiny_ca_release(&run.signer);
	status = *run.ca->complaint ? 1 : 0;
	if (status)
		fprintf(stderr, "instant_ca: %s\n", run.ca->complaint);
	free(run.ca);
	return status;
}
