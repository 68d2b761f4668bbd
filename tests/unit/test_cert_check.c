/*
 * Certificates whose rows are damaged: found, and made due.
 */
#include "store/cert_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define NOW 1800000000L

static struct hosted h;

static int set_up(void **state)
{
	(void)state;
	hosted_init(&h);
	hosted_add(&h, "a.test");
	hosted_add(&h, "b.test");
	hosted_add(&h, "new.test");
	hosted_certify(&h, "a.test");
	hosted_certify(&h, "b.test");
	hosted_certify(&h, "b.test");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&h);
	return 0;
}

static struct domain domain(const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	must(domain_by_name(h.store, name, &d, &err), &err);
	return d;
}

static size_t check(int64_t *ids)
{
	struct store_options o = { .dir = h.dir };
	struct err err = ERR_INIT;
	int64_t from = 0;
	size_t n;

	must(cert_check(&o, &from, ids, &n, NULL, NULL, &err), &err);
	assert_int_equal(from, 0);
	return n;
}

static void good_ones_are_good(void **state)
{
	int64_t ids[CERT_CHECK_PART];

	(void)state;
	assert_int_equal(check(ids), 0);
}

#define OF_B " WHERE id = (SELECT cert_id FROM domain WHERE name = 'b.test')"
#define KEY_OF_B                                                               \
	" WHERE id = (SELECT key_id FROM cert"                                 \
	"  WHERE id = (SELECT cert_id FROM domain WHERE name = 'b.test'))"

static const char *const damages[] = {
	"UPDATE cert SET leaf = x''" OF_B,
	"UPDATE cert SET leaf = x'308201'" OF_B,
	"UPDATE cert SET leaf = (SELECT leaf FROM cert LIMIT 1)" OF_B,
	"UPDATE cert SET not_after = not_after + 1" OF_B,
	"UPDATE cert SET not_before = 'x'" OF_B,
	"UPDATE cert SET state = 77" OF_B,
	"UPDATE cert SET key_id = 0" OF_B,
	"UPDATE key SET scalar = x'00'" KEY_OF_B,
	"UPDATE key SET scalar = zeroblob(32)" KEY_OF_B,
	"UPDATE domain SET cert_id = 4711 WHERE name = 'b.test'",
};

static void damaged_ones_are_found(void **state)
{
	int64_t ids[CERT_CHECK_PART];
	int64_t b;

	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		print_message("%s\n", damages[i]);
		if (i)
			set_up(state);
		b = domain("b.test").id;
		scratch_sql(h.dir, "state.db", damages[i]);
		assert_int_equal(check(ids), 1);
		assert_int_equal(ids[0], b);
		if (i + 1 < ARRAY_LEN(damages))
			tear_down(state);
	}
}

static void they_are_due_at_once_and_once(void **state)
{
	struct err err = ERR_INIT;
	int64_t ids[2] = { domain("b.test").id, 4711 };

	(void)state;
	for (int i = 0; i < 2; i++)
		must(cert_replace_damaged(h.store, ids, 2, NOW + i, &err),
		     &err);
	assert_true(domain("b.test").renew_forced);
	assert_int_equal(domain("b.test").due_at, NOW);
	assert_false(domain("a.test").renew_forced);
	assert_int_equal(scratch_number(h.dir, "state.db",
					"SELECT COUNT(*) FROM trail"
					" WHERE kind = 'cert.damaged'"),
			 1);
}

/* More than fit into one answer: the next begins behind them. */
static void many_come_in_parts(void **state)
{
	struct store_options o = { .dir = h.dir };
	int64_t ids[CERT_CHECK_PART], from = 0;
	struct err err = ERR_INIT;
	size_t n, all = 0, parts = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < CERT_CHECK_PART + 20; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		hosted_add(&h, name);
	}
	scratch_sql(h.dir, "state.db",
		    "UPDATE domain SET cert_id = 4711"
		    " WHERE name LIKE 'd%'");
	do {
		must(cert_check(&o, &from, ids, &n, NULL, NULL, &err), &err);
		all += n;
		parts++;
	} while (from);
	assert_int_equal(all, CERT_CHECK_PART + 20);
	assert_int_equal(parts, 2);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void it_can_be_ended(void **state)
{
	struct store_options o = { .dir = h.dir };
	int64_t ids[CERT_CHECK_PART], from = 0;
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	assert_false(cert_check(&o, &from, ids, &n, never, NULL, &err));
}

#define ON_A_BOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_A_BOX(good_ones_are_good),
		ON_A_BOX(damaged_ones_are_found),
		ON_A_BOX(they_are_due_at_once_and_once),
		ON_A_BOX(many_come_in_parts),
		ON_A_BOX(it_can_be_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
