#include "tests/sim/fixture.h"

#include "tests/sim/scratch.h"

struct fixture fix;

int fixture_open(void **state)
{
	(void)state;
	fix.dir = scratch_make_box();
	fix.store = scratch_store(fix.dir);
	return 0;
}

int fixture_begin(void **state)
{
	struct err err = ERR_INIT;

	fixture_open(state);
	must(store_begin(fix.store, &err), &err);
	return 0;
}

int fixture_begin_with_domain(void **state)
{
	fixture_begin(state);
	fix.domain = rows_domain(fix.store, "example.org");
	return 0;
}

int fixture_close(void **state)
{
	(void)state;
	store_close(fix.store);
	scratch_remove(fix.dir);
	return 0;
}
