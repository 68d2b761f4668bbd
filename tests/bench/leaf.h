/*
 * A leaf certificate as public CAs make them today: P-256, with every
 * extension that they put in, so that its size is real.
 */
#ifndef TESTS_BENCH_LEAF_H
#define TESTS_BENCH_LEAF_H

#include "tests/sim/tiny_ca.h"

/* Fills what tiny_ca_issue() leaves out, and signs. X509_free() it. */
X509 *leaf_issue(const struct tiny_ca *ca, const struct tiny_leaf *leaf);

#endif
