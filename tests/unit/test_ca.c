/* Rows of CAs and of our accounts with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "store/ca.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static void the_same_name_elsewhere_is_another_ca(void **state)
{
	struct ca first, again, moved, found;
	struct err err = ERR_INIT;

	(void)state;
	assert_true(ca_ensure(fix.store, "le", "https://a.test/d", &first, &err));
	assert_true(ca_ensure(fix.store, "le", "https://a.test/d", &again, &err));
	assert_true(ca_ensure(fix.store, "le", "https://b.test/d", &moved, &err));
	assert_int_equal(first.id, again.id);
	assert_int_not_equal(first.id, moved.id);
	assert_true(ca_by_id(fix.store, moved.id, &found, &err));
	assert_string_equal(found.name, "le");
	assert_string_equal(found.directory_url, "https://b.test/d");
	assert_false(ca_by_id(fix.store, 4711, &found, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static const struct {
	const char *name, *url;
	bool is_staging;
} staging_cases[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory",
	  false },
	{ "le", "https://acme-staging-v02.api.letsencrypt.org/directory",
	  true },
	{ "g", "https://dv.acme-v02.api.pki.goog/directory", false },
	{ "g", "https://dv.acme-v02.test-api.pki.goog/directory", true },
	{ "our-staging", "https://ca.test/", true },
	{ "", "", false }, /* imported */
};

static void those_for_trying_are_known(void **state)
{
	struct ca ca;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(staging_cases); i++) {
		strcpy(ca.name, staging_cases[i].name);
		strcpy(ca.directory_url, staging_cases[i].url);
		assert_int_equal(ca_is_staging(&ca),
				 staging_cases[i].is_staging);
	}
}

static void one_after_the_other(void **state)
{
	struct ca first, second, found;
	struct err err = ERR_INIT;

	(void)state;
	assert_true(ca_ensure(fix.store, "a", "https://a.test/", &first, &err));
	assert_true(
		ca_ensure(fix.store, "b", "https://a.test/", &second, &err));
	assert_true(ca_next(fix.store, first.id, &found, &err));
	assert_int_equal(found.id, second.id);
	assert_false(ca_next(fix.store, second.id, &found, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void an_account_comes_back_as_it_was(void **state)
{
	struct account a = rows_account(fix.store), again;
	struct err err = ERR_INIT;

	(void)state;
	a.state = ACCOUNT_REFUSED;
	strcpy(a.url, "https://ca.test/account/1");
	strcpy(a.orders_url, "https://ca.test/orders/1");
	strcpy(a.contact, "o'hara@example.net");
	memset(a.problem, 'p', sizeof(a.problem) - 1);
	memset(a.hint, 'h', sizeof(a.hint) - 1);
	a.retry_at = ROWS_NOW;
	assert_true(account_update(fix.store, &a, &err));
	assert_true(account_of_ca(fix.store, a.ca_id, &again, &err));
	assert_memory_equal(&again.key, &a.key, sizeof(a.key));
	assert_int_equal(again.state, a.state);
	assert_int_equal(again.epoch, a.epoch);
	assert_int_equal(again.retry_at, a.retry_at);
	assert_string_equal(again.url, a.url);
	assert_string_equal(again.orders_url, a.orders_url);
	assert_string_equal(again.contact, a.contact);
	assert_string_equal(again.problem, a.problem);
	assert_string_equal(again.hint, a.hint);
	assert_true(account_by_id(fix.store, a.id, &again, &err));
	assert_string_equal(again.url, a.url);
}

static void a_stale_hand_changes_nothing(void **state)
{
	struct account a = rows_account(fix.store), stale = a;
	struct err err = ERR_INIT;

	(void)state;
	a.state = ACCOUNT_VALID;
	assert_true(account_update(fix.store, &a, &err));
	stale.state = ACCOUNT_LOST;
	assert_false(account_update(fix.store, &stale, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
}

static void a_ca_has_one_account(void **state)
{
	struct account a = rows_account(fix.store), second = a;
	struct err err = ERR_INIT;

	(void)state;
	assert_false(account_insert(fix.store, &second, &err));
	assert_false(account_of_ca(fix.store, 4711, &second, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void a_superseded_account_is_kept(void **state)
{
	struct account a = rows_account(fix.store), fresh = a, found;
	struct err err = ERR_INIT;

	(void)state;
	assert_true(account_supersede(fix.store, &a, ROWS_NOW, &err));
	assert_false(account_of_ca(fix.store, a.ca_id, &found, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	must(p256_generate(&fresh.key, NULL), NULL);
	assert_true(account_insert(fix.store, &fresh, &err));
	assert_true(account_of_ca(fix.store, a.ca_id, &found, &err));
	assert_int_equal(found.id, fresh.id);
	assert_true(account_by_id(fix.store, a.id, &found, &err));
	assert_int_equal(found.superseded_at, ROWS_NOW);
	assert_memory_equal(&found.key, &a.key, sizeof(a.key));
	assert_int_equal(account_count_superseded(fix.store, a.ca_id), 1);
}

static void a_rollover_comes_back_as_it_was(void **state)
{
	struct account a = rows_account(fix.store), again;
	struct err err = ERR_INIT;

	(void)state;
	a.is_rolling = a.roll_told = true;
	a.roll_at = ROWS_NOW + 60;
	a.roll_failures = 3;
	must(p256_generate(&a.next_key, &err), &err);
	assert_true(account_update(fix.store, &a, &err));
	assert_true(account_of_ca(fix.store, a.ca_id, &again, &err));
	assert_true(again.is_rolling && again.roll_told);
	assert_int_equal(again.roll_at, a.roll_at);
	assert_int_equal(again.roll_failures, 3);
	assert_memory_equal(&again.next_key, &a.next_key, sizeof(a.next_key));
}

/* A key is not guessed. */
static void a_damaged_key_is_an_error(void **state)
{
	struct account a = rows_account(fix.store);
	struct err err = ERR_INIT;

	(void)state;
	must(store_commit(fix.store, &err), &err);
	scratch_sql(fix.dir, "state.db", "UPDATE account SET scalar = x'0102'");
	assert_false(account_of_ca(fix.store, a.ca_id, &a, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static const char *const damages[] = {
	"UPDATE account SET scalar = x'0102'",
	"UPDATE account SET point = x''",
	"UPDATE account SET state = 77",
	"UPDATE account SET url = hex(zeroblob(900))",
	"UPDATE account SET next_scalar = x'03'",
};

static long live_orders(void)
{
	return scratch_number(fix.dir, "state.db", "SELECT COUNT(*) FROM ord"
						   " WHERE ended_at = 0");
}

/* Nor does it stand in the way of another, with another key. */
static void a_damaged_account_is_set_aside(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct account a, fresh;
	struct err err = ERR_INIT;
	bool done;

	(void)state;
	must(store_commit(fix.store, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		print_message("%s\n", damages[i]);
		scratch_sql(fix.dir, "state.db", damages[i]);
		must(store_begin(fix.store, &err), &err);
		must(account_set_aside(fix.store, o.ca_id, ROWS_NOW, &done,
				       &err), &err);
		assert_true(done);
		assert_false(account_of_ca(fix.store, o.ca_id, &a, &err));
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		fresh = (struct account){ .ca_id = o.ca_id };
		must(p256_generate(&fresh.key, &err), &err);
		must(account_insert(fix.store, &fresh, &err), &err);
		must(store_commit(fix.store, &err), &err);
		assert_int_equal(live_orders(), 0);
		assert_int_equal(account_count_superseded(fix.store, o.ca_id),
				 i + 1);
	}
	must(store_begin(fix.store, &err), &err);
}

static void a_good_account_is_not(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct account a;
	struct err err = ERR_INIT;
	bool done;

	(void)state;
	must(account_set_aside(fix.store, o.ca_id, ROWS_NOW, &done, &err),
	     &err);
	assert_false(done);
	assert_true(account_of_ca(fix.store, o.ca_id, &a, &err));
	assert_true(order_by_id(fix.store, o.id, &o, &err));
	assert_int_equal(o.ended_at, 0);
	must(account_set_aside(fix.store, 4711, ROWS_NOW, &done, &err), &err);
	assert_false(done);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_STORE(the_same_name_elsewhere_is_another_ca),
		IN_A_STORE(those_for_trying_are_known),
		IN_A_STORE(one_after_the_other),
		IN_A_STORE(an_account_comes_back_as_it_was),
		IN_A_STORE(a_stale_hand_changes_nothing),
		IN_A_STORE(a_ca_has_one_account),
		IN_A_STORE(a_superseded_account_is_kept),
		IN_A_STORE(a_rollover_comes_back_as_it_was),
		IN_A_STORE(a_damaged_key_is_an_error),
		WITH_A_DOMAIN(a_damaged_account_is_set_aside),
		WITH_A_DOMAIN(a_good_account_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
