/*
 * The real world, for the engine: system clock, OpenSSL, libcurl, c-ares.
 */
#ifndef DAEMON_WORLD_H
#define DAEMON_WORLD_H

#include "acme/world.h"
#include "base/dns.h"
#include "base/loop.h"
#include "daemon/config.h"
#include "daemon/probe.h"
#include "daemon/syncer.h"
#include "store/store.h"

struct real_world;

/*
 * `tick` is called with `arg` when wake_at asked for it. `probe` and `store`
 * outlive it.
 */
struct real_world *real_world_new(struct loop *loop,
				  const struct config *config,
				  const struct probe *probe,
				  struct store *store, struct err *err);
const struct world *real_world_window(const struct real_world *w);

/* For others who commit without waiting; theirs until real_world_quiet(). */
struct syncer *real_world_syncer(const struct real_world *w);
void real_world_on_tick(struct real_world *w, void (*tick)(void *arg),
			void *arg);

/*
 * For the looks to come; takes it. One that is under way comes to its end with those it
 * has asked, for broken off it would count as a bad answer.
 */
void real_world_use(struct real_world *w, struct resolver *resolver);

/* Ends requests under way (their callbacks come); then no tick comes. */
void real_world_quiet(struct real_world *w);
void real_world_free(struct real_world *w);

#endif
