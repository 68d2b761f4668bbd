#include "tests/bench/serving.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void give_up(const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	exit(1);
}

static SSL_CTX *make_ctx(const char *path)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx,
			    SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
		give_up(path, ERR_reason_error_string(ERR_peek_error()));
	return ctx;
}

static int by_host(const void *a, const void *b)
{
	return strcmp(((const struct site *)a)->host,
		      ((const struct site *)b)->host);
}

struct site *serving_sites(const char *world, const struct names *names,
			   size_t count)
{
	struct site *sites = xcalloc(count, sizeof(*sites));

	for (size_t i = 0; i < count; i++) {
		char *path = xasprintf("%s/pem/%s.pem", world, names->name[i]);

		sites[i] = (struct site){ names->name[i], make_ctx(path) };
		free(path);
	}
	qsort(sites, count, sizeof(*sites), by_host);
	return sites;
}

void serving_free(struct site *sites, size_t count)
{
	for (size_t i = 0; i < count; i++)
		SSL_CTX_free(sites[i].ctx);
	free(sites);
}

struct site *serving_find(struct site *sites, size_t count, const char *host)
{
	const struct site wanted = { .host = host };

	return bsearch(&wanted, sites, count, sizeof(*sites), by_host);
}

static void put_host(char *out, size_t size, const char *policy,
		     const char *host)
{
	const char *mark = strstr(policy, "{host}");

	if (mark)
		snprintf(out, size, "%.*s%s%s", (int)(mark - policy), policy,
			 host, mark + strlen("{host}"));
	else
		snprintf(out, size, "%s", policy);
}

int serving_answer(char *out, size_t size, const char *policy, const char *host)
{
	char body[1024];

	put_host(body, sizeof(body), policy, host);
	return snprintf(out, size,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			strlen(body), body);
}

char *serving_read(const char *world, const char *file)
{
	char *path = xasprintf("%s/%s", world, file);
	char *text = xcalloc(1, 1024);
	FILE *in = fopen(path, "rb");

	if (!in || !fread(text, 1, 1023, in))
		give_up(path, "cannot be read");
	fclose(in);
	free(path);
	return text;
}
