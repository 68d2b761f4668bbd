/*
 * Hosted domains in a real store, with certificates of a tiny CA: what a
 * serving thread finds in serve.db, for tests of serving.
 *
 * What fails here ends the test: it is not under test.
 */
#ifndef TESTS_SIM_HOSTED_H
#define TESTS_SIM_HOSTED_H

#include "store/domain.h"
#include "store/store.h"
#include "tests/sim/tiny_ca.h"

struct hosted {
	char *dir;
	struct store *store;
	struct tiny_ca ca;
	int64_t ca_id, account_id;
	long serial;		/* of the newest certificate */
};

void hosted_init(struct hosted *h);
void hosted_release(struct hosted *h);

/* A domain with a policy, and no certificate yet. */
void hosted_add(struct hosted *h, const char *name);
void hosted_remove(struct hosted *h, const char *name);

/* A new certificate for it, projected. Returns its serial number. */
long hosted_certify(struct hosted *h, const char *name);

/* The exact bytes of its policy. The caller frees. */
char *hosted_body(struct hosted *h, const char *name);

/* An order under way, whose challenge is presented. Returns its id. */
int64_t hosted_challenge(struct hosted *h, const char *name,
			 enum challenge_method method, const char *token,
			 const char *key_auth);
void hosted_end_order(struct hosted *h, int64_t id);

#endif
