#include "tests/sim/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/when.h"
#include "store/order.h"
#include "tests/sim/scratch.h"

void assert_one_certificate(struct sim_world *w)
{
	const struct sim_ca *ca = &w->shared->ca;

	assert_string_equal(ca->complaint, "");
	assert_int_equal(ca->certs, 1);
	assert_int_equal(ca->refused_csrs, 0);
	assert_int_equal(ca->failed_looks, 0);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM cert"), 1);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM ord"), 1);
	assert_int_equal(
		sim_rows(w, "SELECT COUNT(*) FROM ord WHERE state = 8"), 1);
	assert_int_equal(sim_rows(w, "SELECT failures FROM domain"), 0);
}

void start_with(struct sim_world *w, const char *name)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, name);
}

void start_and_step(struct sim_world *w, const char *name, unsigned steps)
{
	start_with(w, name);
	while (steps--)
		sim_step(w);
}

void renew_now(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;

	d.due_at = sim_now(w);
	d.renew_forced = true;
	must(store_begin(w->store, &err), &err);
	must(domain_update(w->store, &d, &err), &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
}

void delete_now(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct err err = ERR_INIT;

	must(store_begin(w->store, &err), &err);
	must(domain_delete(w->store, &d, 2, &err), &err);
	must(store_commit(w->store, &err), &err);
	must(store_project(w->store, &err), &err);
	engine_poke(w->engine);
}

bool is_renewed(struct sim_world *w)
{
	return w->shared->ca.certs == 2 && sim_domain(w, NAME).due_at > 0;
}

void use_cas(struct sim_world *w, size_t cas)
{
	w->settings.ca[1] = w->settings.ca[0];
	strcpy(w->settings.ca[1].name, "second");
	w->settings.ca_count = cas;
}

bool is_with_second(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM ord JOIN ca"
			   " ON ca.id = ord.ca_id WHERE ca.name = 'second'"
			   " AND trial = 0") > 0;
}

void start_due(struct sim_world *w, size_t cas, long life)
{
	sim_init(w);
	w->shared->ca.life = life;
	use_cas(w, cas);
	sim_start(w);
	sim_add(w, NAME);
	assert_true(sim_run(w, sim_all_live, 60));
	sim_run(w, NULL, WHEN_HOUR); /* and the canary is over */
	sim_run(w, NULL, sim_domain(w, NAME).due_at - sim_now(w) - 5);
}

long left(struct sim_world *w)
{
	return (long)(sim_served_until(w, NAME) - sim_now(w));
}

bool is_under_way(struct sim_world *w)
{
	struct domain d = sim_domain(w, NAME);
	struct order o;

	return order_of_domain(w->store, d.id, &o, NULL);
}

long down_for(struct sim_world *w)
{
	struct engine_ca_status status;

	engine_ca_status(w->engine, 0, &status);
	return status.down_since ? sim_now(w) - status.down_since : 0;
}

void run_for(struct sim_world *w, long seconds)
{
	sim_run(w, NULL, seconds);
}

void configure(struct sim_world *w)
{
	struct err err = ERR_INIT;

	must(engine_configure(w->engine, &w->settings, &err), &err);
}

void assert_ended(struct sim_world *w, unsigned long done, unsigned long dead)
{
	struct engine_ca_status status;

	engine_ca_status(w->engine, 0, &status);
	assert_int_equal(status.ended.done, done);
	assert_int_equal(status.ended.dead, dead);
}
