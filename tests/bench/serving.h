/*
 * The server's side of TLS, for the bare loop and the floor: as OpenSSL
 * comes, with what mtastsd leaves out left out as well, and its cipher.
 */
#ifndef TESTS_BENCH_SERVING_H
#define TESTS_BENCH_SERVING_H

#include <openssl/ssl.h>

#include "tests/bench/names.h"

struct site {
	const char *host; /* borrowed */
	SSL_CTX *ctx;
};

/*
 * A context for each of the first `count` names, of WORLD/pem/HOST.pem, by
 * name for serving_find(). It ends the program if there is no such file.
 */
struct site *serving_sites(const char *world, const struct names *names,
			   size_t count);
void serving_free(struct site *sites, size_t count);

struct site *serving_find(struct site *sites, size_t count, const char *host);

/* The answer to a fetch, whole; `policy` as reply_says() has it. */
int serving_answer(char *out, size_t size, const char *policy,
		   const char *host);

/* WORLD/FILE, whole. Ends the program likewise. The caller frees. */
char *serving_read(const char *world, const char *file);

#endif
