/*
 * The least that a fetch can cost with this libssl: a client and a server in
 * one process, with memory between them, no network and no loop.
 *
 *	floor WORLD COUNT
 *
 * A whole connection each: handshake, request, answer, good-bye. Counted is
 * the processor time inside of the server's calls. One line of JSON.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/bench/serving.h"
#include "tests/bench/times.h"

#define NAMES_MAX 100 /* a few will do, and they are quickly read */

static struct {
	struct names names;
	struct site *sites;
	size_t count;
	char *policy;
	SSL_CTX *client_ctx;
	int64_t server_ns;
	const char *cipher; /* of the last connection */
} run;

struct pair {
	SSL *client, *server;
	const struct site *site;
};

static void must_be(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "floor: %s: %s\n", what,
		ERR_reason_error_string(ERR_peek_error()));
	exit(1);
}

static void connect_them(struct pair *p)
{
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

	must_be(up && down && BIO_up_ref(up) && BIO_up_ref(down), "memory");
	BIO_set_mem_eof_return(up, -1);
	BIO_set_mem_eof_return(down, -1);
	SSL_set_bio(p->client, down, up);
	SSL_set_bio(p->server, up, down);
}

/* ---- the server's calls: what is measured ---- */

static void server_opens(struct pair *p)
{
	int64_t since = times_cpu_ns();

	p->server = SSL_new(p->site->ctx);
	must_be(p->server, "SSL_new");
	SSL_set_accept_state(p->server);
	run.server_ns += times_cpu_ns() - since;
}

static bool server_shakes(struct pair *p)
{
	int64_t since = times_cpu_ns();
	int n = SSL_do_handshake(p->server);

	run.server_ns += times_cpu_ns() - since;
	must_be(n == 1 || SSL_get_error(p->server, n) == SSL_ERROR_WANT_READ,
		"the server's handshake");
	return n == 1;
}

static void server_answers(struct pair *p, const char *answer, int len)
{
	char request[512];
	int64_t since = times_cpu_ns();
	int got = SSL_read(p->server, request, sizeof(request));
	int sent = SSL_write(p->server, answer, len);

	SSL_shutdown(p->server);
	run.server_ns += times_cpu_ns() - since;
	must_be(got > 0 && sent == len, "the server's answer");
}

static void server_closes(struct pair *p)
{
	int64_t since = times_cpu_ns();

	SSL_free(p->server);
	run.server_ns += times_cpu_ns() - since;
}

/* ---- a connection ---- */

static void shake(struct pair *p)
{
	bool is_over = false;

	while (!is_over) {
		int n = SSL_do_handshake(p->client);

		must_be(n == 1 || SSL_get_error(p->client, n) ==
					  SSL_ERROR_WANT_READ,
			"the client's handshake");
		is_over = server_shakes(p) && n == 1;
	}
}

static void fetch(struct pair *p)
{
	char request[512], answer[1024], got[1024];
	int len = serving_answer(answer, sizeof(answer), run.policy,
				 p->site->host);
	int asked = snprintf(request, sizeof(request),
			     "GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
			     "Host: %s\r\nConnection: close\r\n\r\n",
			     p->site->host);

	must_be(SSL_write(p->client, request, asked) == asked, "the request");
	server_answers(p, answer, len);
	must_be(SSL_read(p->client, got, sizeof(got)) == len &&
			memcmp(got, answer, (size_t)len) == 0,
		"what the client read");
}

static void connection(const struct site *site)
{
	struct pair p = { .site = site, .client = SSL_new(run.client_ctx) };

	must_be(p.client, "SSL_new");
	SSL_set_connect_state(p.client);
	SSL_set_tlsext_host_name(p.client, site->host);
	server_opens(&p);
	connect_them(&p);
	shake(&p);
	run.cipher = SSL_get_cipher_name(p.server);
	fetch(&p);
	SSL_shutdown(p.client);
	SSL_free(p.client);
	server_closes(&p);
}

static void set_up(const char *world)
{
	char *path = xasprintf("%s/names.txt", world);

	if (!names_read(&run.names, path))
		exit(1);
	free(path);
	run.count = run.names.count < NAMES_MAX ? run.names.count : NAMES_MAX;
	run.sites = serving_sites(world, &run.names, run.count);
	run.policy = serving_read(world, "policy.txt");
	run.client_ctx = SSL_CTX_new(TLS_client_method());
}

int main(int argc, char **argv)
{
	long count = 0;

	if (argc != 3 ||
	    !str_to_long(argv[2], strlen(argv[2]), 100000000, &count) ||
	    count < 1) {
		fputs("usage: floor WORLD COUNT\n", stderr);
		return 64;
	}
	set_up(argv[1]);
	for (size_t i = 0; i < run.count; i++)
		connection(&run.sites[i]); /* all of it is warm then */
	run.server_ns = 0;
	for (size_t i = 0, site = 0; i < (size_t)count; i++) {
		connection(&run.sites[site]);
		site = site + 1 < run.count ? site + 1 : 0;
	}
	printf("{\"fetches\": %ld, \"cpu_us\": %.1f, \"cipher\": \"%s\"}\n",
	       count, (double)run.server_ns / 1e3 / (double)count, run.cipher);
	serving_free(run.sites, run.count);
	names_release(&run.names);
	SSL_CTX_free(run.client_ctx);
	free(run.policy);
	return 0;
}
