/*
 * What the tests of the whole engine do with one domain in the virtual world.
 */
#ifndef TESTS_SIM_ENGINE_RIG_H
#define TESTS_SIM_ENGINE_RIG_H

#include "tests/sim/sim_world.h"

#define NAME "example.org"
#define HOST "mta-sts.example.org"

/* A world in which a domain has just come, and some steps later. */
void start_with(struct sim_world *w, const char *name);
void start_and_step(struct sim_world *w, const char *name, unsigned steps);

void run_for(struct sim_world *w, long seconds);

/* NAME is to be renewed, or is gone. */
void renew_now(struct sim_world *w);
void delete_now(struct sim_world *w);

bool is_under_way(struct sim_world *w); /* its order */
bool is_renewed(struct sim_world *w);	/* by the second certificate */

/* Before the start. The second of two is the same behind another name. */
void use_cas(struct sim_world *w, size_t cas);

bool is_with_second(
	struct sim_world *w); /* an order ever was, but for trials */

/* NAME has its certificate, and is to be renewed in some seconds. */
void start_due(struct sim_world *w, size_t cas, long life);

long left(struct sim_world *w); /* of what NAME is served with, s */

/* w->settings, as a reload brings them. */
void configure(struct sim_world *w);

/* For how long the first CA has been down; 0: it is well. */
long down_for(struct sim_world *w);

/* What must hold at the end of most stories: one decision, one certificate. */
void assert_one_certificate(struct sim_world *w);

/* So many of the first CA's orders have ended, since the start. */
void assert_ended(struct sim_world *w, unsigned long done, unsigned long dead);

#endif
