/*
 * Rows as a test of the store needs them: whole, right, and made in one line.
 * All of them inside a transaction.
 */
#ifndef TESTS_SIM_ROWS_H
#define TESTS_SIM_ROWS_H

#include "store/cert.h"
#include "store/order.h"

#define ROWS_NOW 1800000000L

/* With version 1 of a policy. */
struct domain rows_domain(struct store *s, const char *name);

/* The one CA of the test, and our account there. */
struct ca rows_ca(struct store *s);
struct account rows_account(struct store *s);

/* A live order in its intent. */
struct order rows_order(struct store *s, const struct domain *d);

/* As when the order has come to its end: done, its certificate installed. */
struct cert rows_cert(struct store *s, struct domain *d, const char *leaf,
		      const char *issuers);

#endif
