/*
 * What a client asks of a server's certificate: a chain to the root, and the
 * name that was asked for. A sender checks it at each connection; here one
 * that was found good for a name is known again by its digest, for two more
 * signatures each time would make the client the thing that is measured.
 */
#ifndef TESTS_BENCH_TRUST_H
#define TESTS_BENCH_TRUST_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct trust;

/* Of `count` names, by their number. NULL, and it is said: no such root. */
struct trust *trust_new(const char *root_pem, size_t count);
void trust_free(struct trust *t);

SSL_CTX *trust_ctx(struct trust *t);

/* A connection to a name. `arg` is the client's, for SSL_get_app_data(). */
SSL *trust_connect(struct trust *t, size_t number, const char *name, void *arg);

/* From now on sessions are taken up again, if the server will. */
void trust_resume(struct trust *t);

/* Was a handshake refused by us for its certificate? */
bool trust_was_refused(const SSL *ssl);

#endif
