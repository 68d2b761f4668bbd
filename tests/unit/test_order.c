/* Rows of orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/internal.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static struct order read_back(int64_t id)
{
	struct err err = ERR_INIT;
	struct order o;

	must(order_by_id(fix.store, id, &o, &err), &err);
	return o;
}

static void end(struct order *o)
{
	struct err err = ERR_INIT;

	o->state = ORDER_DEAD;
	o->ended_at = ROWS_NOW;
	must(order_update(fix.store, o, &err), &err);
}

static void a_row_comes_back_as_it_was(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain), again;
	struct err err = ERR_INIT;

	(void)state;
	o.state = ORDER_CHALLENGED;
	o.tries = 3;
	o.sent = 2;
	o.unsure = true;
	o.wake_ms = 1800000000123;
	memset(o.order_url, 'o', sizeof(o.order_url) - 1);
	memset(o.finalize_url, 'f', sizeof(o.finalize_url) - 1);
	memset(o.authz_url, 'a', sizeof(o.authz_url) - 1);
	memset(o.chall_url, 'c', sizeof(o.chall_url) - 1);
	memset(o.cert_url, 'd', sizeof(o.cert_url) - 1);
	memset(o.token, 't', sizeof(o.token) - 1);
	memset(o.key_auth, 'k', sizeof(o.key_auth) - 1);
	memset(o.seek, 's', sizeof(o.seek) - 1);
	o.expires_at = ROWS_NOW + 5;
	memset(o.problem, 'p', sizeof(o.problem) - 1);
	assert_true(order_update(fix.store, &o, &err));
	again = read_back(o.id);
	assert_memory_equal(&again, &o, sizeof(o));
}

static void a_domain_has_one_live_order(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain), second = o, found;
	struct err err = ERR_INIT;

	(void)state;
	assert_false(order_insert(fix.store, &second, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_true(order_of_domain(fix.store, fix.domain.id, &found, &err));
	assert_int_equal(found.id, o.id);
	end(&o);
	assert_false(order_of_domain(fix.store, fix.domain.id, &found, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_true(order_insert(fix.store, &second, &err));
	assert_true(second.id > o.id);
}

/* The database itself says so, whoever asks it. */
static void the_database_allows_one_live_order(void **state)
{
	sqlite3 *db;
	char *path = scratch_path(fix.dir, "state.db");
	struct err err = ERR_INIT;

	(void)state;
	rows_order(fix.store, &fix.domain);
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO ord(domain_id, ca_id,"
				      " account_id, key_id, state, csr,"
				      " created_at) SELECT domain_id, ca_id,"
				      " account_id, key_id, 0, csr, 1 FROM ord",
				      NULL, NULL, NULL),
			 SQLITE_CONSTRAINT);
	sqlite3_close(db);
	free(path);
}

static void a_stale_reply_changes_nothing(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain), stale = o;
	struct err err = ERR_INIT;

	(void)state;
	o.tries = 1;
	assert_true(order_update(fix.store, &o, &err));
	stale.state = ORDER_DEAD;
	stale.ended_at = 1;
	assert_false(order_update(fix.store, &stale, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_int_equal(read_back(o.id).tries, 1);
	assert_int_equal(read_back(o.id).ended_at, 0);
}

static void the_last_few_are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct order o = rows_order(fix.store, &fix.domain);

		end(&o);
	}
	must(store_commit(fix.store, NULL), NULL);
	assert_in_range(scratch_number(fix.dir, "state.db",
				       "SELECT COUNT(*) FROM ord"), 3, 8);
}

static void what_waits_is_due_in_its_time(void **state)
{
	struct domain other = rows_domain(fix.store, "example.com");
	struct order a = rows_order(fix.store, &fix.domain);
	struct order b = rows_order(fix.store, &other);
	struct err err = ERR_INIT;
	int64_t ids[4];

	(void)state;
	assert_int_equal(order_next_wake(fix.store, a.ca_id), 0);
	a.wake_ms = 2000;
	b.wake_ms = 1000;
	assert_true(order_update(fix.store, &a, &err));
	assert_true(order_update(fix.store, &b, &err));
	assert_int_equal(order_next_wake(fix.store, a.ca_id), 1000);
	assert_int_equal(order_due(fix.store, a.ca_id, 999, ids, 4, &err), 0);
	assert_int_equal(order_due(fix.store, a.ca_id, 1000, ids, 4, &err), 1);
	assert_int_equal(ids[0], b.id);
	assert_int_equal(order_due(fix.store, a.ca_id, 9999, ids, 4, &err), 2);
	assert_int_equal(ids[0], b.id);
	assert_int_equal(ids[1], a.id);
	assert_int_equal(order_due(fix.store, a.ca_id, 9999, ids, 1, &err), 1);
	assert_int_equal(order_due(fix.store, a.ca_id + 1, 9999, ids, 4, &err), 0);
	assert_int_equal(order_next_wake(fix.store, a.ca_id + 1), 0);
	assert_int_equal(order_waiting(fix.store, a.ca_id, 0, ids, 4, &err), 2);
	assert_int_equal(ids[0], a.id);
	assert_int_equal(order_waiting(fix.store, a.ca_id, a.id, ids, 4, &err),
			 1);
	assert_int_equal(ids[0], b.id);
	assert_int_equal(order_waiting(fix.store, a.ca_id + 1, 0, ids, 4, &err),
			 0);
	end(&b);
	assert_int_equal(order_waiting(fix.store, a.ca_id, 0, ids, 4, &err), 1);
	assert_int_equal(order_due(fix.store, a.ca_id, 9999, ids, 4, &err), 1);
	assert_int_equal(order_cas(fix.store, ids, 4, &err), 1);
	assert_int_equal(ids[0], a.ca_id);
}

/* What was under way is due, what waited goes on waiting: both look first. */
static void the_start_resumes_what_was_under_way(void **state)
{
	struct domain other = rows_domain(fix.store, "example.com");
	struct domain third = rows_domain(fix.store, "example.net");
	struct order busy = rows_order(fix.store, &fix.domain);
	struct order waiting = rows_order(fix.store, &other);
	struct order ended = rows_order(fix.store, &third);
	struct err err = ERR_INIT;

	(void)state;
	waiting.wake_ms = 77;
	assert_true(order_update(fix.store, &waiting, &err));
	end(&ended);
	third.due_at = 0;
	fix.domain.due_at = 0;
	assert_true(domain_update(fix.store, &third, &err));
	assert_true(domain_update(fix.store, &fix.domain, &err));
	assert_true(order_resume_all(fix.store, ROWS_NOW * 1000, &err));
	assert_true(read_back(busy.id).unsure);
	assert_int_equal(read_back(busy.id).wake_ms, ROWS_NOW * 1000);
	assert_true(read_back(waiting.id).unsure);
	assert_int_equal(read_back(waiting.id).wake_ms, 77);
	assert_int_equal(read_back(ended.id).wake_ms, 0);
	assert_true(domain_by_id(fix.store, third.id, &third, &err));
	assert_int_equal(third.due_at, ROWS_NOW);
	assert_true(domain_by_id(fix.store, fix.domain.id, &fix.domain, &err));
	assert_int_equal(fix.domain.due_at, 0);
	assert_false(order_update(fix.store, &busy, &err));	/* of the last life */
	assert_int_equal(err.kind, ERR_AGAIN);
}

/* A start, or the end of a damaged order, makes nothing due of these. */
static void what_is_handed_over_is_not_resumed(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct err err = ERR_INIT;

	(void)state;
	fix.domain.state = DOMAIN_LIVE;
	fix.domain.leaving = DOMAIN_HANDING_OVER;
	must(domain_update(fix.store, &fix.domain, &err), &err);
	assert_true(order_set_aside(fix.store, o.id, ROWS_NOW, &err));
	assert_true(order_resume_all(fix.store, ROWS_NOW * 1000, &err));
	must(domain_by_id(fix.store, fix.domain.id, &fix.domain, &err), &err);
	assert_int_equal(fix.domain.due_at, 0);
	assert_int_equal(fix.domain.ready_at, 0);

	fix.domain.leaving = DOMAIN_REMOVING; /* served to its end */
	must(domain_update(fix.store, &fix.domain, &err), &err);
	assert_true(order_resume_all(fix.store, ROWS_NOW * 1000, &err));
	must(domain_by_id(fix.store, fix.domain.id, &fix.domain, &err), &err);
	assert_int_equal(fix.domain.due_at, ROWS_NOW);
}

static void orders_are_known_by_their_url(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct err err = ERR_INIT;

	(void)state;
	strcpy(o.order_url, "https://ca.test/o/1");
	assert_true(order_update(fix.store, &o, &err));
	assert_true(order_url_is_known(fix.store, "https://ca.test/o/1"));
	assert_false(order_url_is_known(fix.store, "https://ca.test/o/2"));
	assert_false(order_url_is_known(fix.store, "https://ca.test/o/1'--"));
}

/* Each new order asks this, and a box keeps some orders of each name. */
static void a_url_is_looked_up_and_not_searched_for(void **state)
{
	sqlite3 *db = db_handle(store_db(fix.store));
	sqlite3_stmt *stmt = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct order o = rows_order(fix.store, &fix.domain);

		end(&o);
	}
	assert_false(order_url_is_known(fix.store, "https://ca.test/o/2"));
	while ((stmt = sqlite3_next_stmt(db, stmt)))
		if (str_starts(sqlite3_sql(stmt), "SELECT 1 FROM ord"))
			break;
	assert_non_null(stmt);
	assert_int_equal(sqlite3_stmt_status(stmt,
					     SQLITE_STMTSTATUS_FULLSCAN_STEP,
					     0), 0);
}

static void orders_go_with_their_domain(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct err err = ERR_INIT;
	struct p256 key;

	(void)state;
	assert_true(domain_delete(fix.store, &fix.domain, ROWS_NOW, &err));
	assert_false(order_by_id(fix.store, o.id, &o, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(key_by_id(fix.store, o.key_id, &key, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static const char *const damages[] = {
	"UPDATE ord SET state = 10",
	"UPDATE ord SET state = -1",
	"UPDATE ord SET state = 8",			/* done, and not ended */
	"UPDATE ord SET csr = zeroblob(5000)",
	"UPDATE ord SET seek = hex(zeroblob(5000))",
	"UPDATE ord SET authz_url = hex(zeroblob(500))",
};

static void a_damaged_row_is_set_aside(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct err err = ERR_INIT;
		struct order o;

		must(store_begin(fix.store, &err), &err);
		o = rows_order(fix.store, &fix.domain);
		fix.domain.due_at = 0;
		must(domain_update(fix.store, &fix.domain, &err), &err);
		must(store_commit(fix.store, &err), &err);
		scratch_sql(fix.dir, "state.db", damages[i]);
		assert_false(order_by_id(fix.store, o.id, &o, &err));
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		must(store_begin(fix.store, &err), &err);
		assert_true(order_set_aside(fix.store, o.id, ROWS_NOW, &err));
		assert_true(order_set_aside(fix.store, 4711, ROWS_NOW, &err));
		must(store_commit(fix.store, &err), &err);
		must(domain_by_id(fix.store, fix.domain.id, &fix.domain, &err), &err);
		assert_int_equal(fix.domain.due_at, ROWS_NOW);
		scratch_sql(fix.dir, "state.db", "DELETE FROM ord");
	}
}

/* Nor is it in the way of another order, of which there can be but one. */
static void a_damaged_row_makes_room(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct err err = ERR_INIT;
		struct order o, next;

		must(store_begin(fix.store, &err), &err);
		o = rows_order(fix.store, &fix.domain);
		next = o;
		must(store_commit(fix.store, &err), &err);
		scratch_sql(fix.dir, "state.db", damages[i]);
		must(store_begin(fix.store, &err), &err);
		assert_true(order_insert(fix.store, &next, &err));
		must(store_commit(fix.store, &err), &err);
		assert_true(next.id > o.id);
		assert_int_equal(scratch_number(fix.dir, "state.db",
						"SELECT COUNT(*) FROM ord"
						" WHERE ended_at = 0"),
				 1);
		scratch_sql(fix.dir, "state.db", "DELETE FROM ord");
	}
	must(store_begin(fix.store, NULL), NULL);
}

static void orders_are_counted(void **state)
{
	struct domain other = rows_domain(fix.store, "example.com");
	struct order o = rows_order(fix.store, &fix.domain);
	struct order_counts n;
	struct err err = ERR_INIT;

	(void)state;
	rows_cert(fix.store, &other, "leaf", "issuer");
	assert_true(order_count(fix.store, o.ca_id, &n, &err));
	assert_int_equal(n.live, 1);
	assert_int_equal(n.done, 1);
	assert_int_equal(n.dead, 0);
	end(&o);
	assert_true(order_count(fix.store, o.ca_id, &n, &err));
	assert_int_equal(n.live, 0);
	assert_int_equal(n.dead, 1);
}

static void all_of_an_account_end_at_once(void **state)
{
	struct domain other = rows_domain(fix.store, "example.com");
	struct order o = rows_order(fix.store, &fix.domain), stale = o;
	struct err err = ERR_INIT;
	struct order done;
	int64_t ids[9];

	(void)state;
	rows_cert(fix.store, &other, "leaf", "issuer");
	fix.domain.due_at = 0;
	must(domain_update(fix.store, &fix.domain, &err), &err);
	assert_int_equal(order_live(fix.store, o.account_id, ids, 9, &err), 1);
	assert_int_equal(ids[0], o.id);
	assert_true(order_end_all(fix.store, o.account_id, "it is gone",
				  ROWS_NOW + 5, &err));
	assert_int_equal(order_live(fix.store, o.account_id, ids, 9, &err), 0);
	assert_true(order_by_id(fix.store, o.id, &done, &err));
	assert_int_equal(done.state, ORDER_DEAD);
	assert_int_equal(done.ended_at, ROWS_NOW + 5);
	assert_string_equal(done.problem, "it is gone");
	assert_false(order_update(fix.store, &stale, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_true(domain_by_id(fix.store, fix.domain.id, &fix.domain, &err));
	assert_int_equal(fix.domain.due_at, ROWS_NOW + 5);
}

static void another_key_answers_otherwise(void **state)
{
	struct order o = rows_order(fix.store, &fix.domain);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(order_count_validating(fix.store, o.account_id), 0);
	strcpy(o.token, "token-1");
	strcpy(o.key_auth, "token-1.old");
	o.state = ORDER_PRESENTED;
	must(order_update(fix.store, &o, &err), &err);
	assert_int_equal(order_count_validating(fix.store, o.account_id), 1);
	assert_true(order_rekey(fix.store, o.account_id, "new", &err));
	assert_true(order_by_id(fix.store, o.id, &o, &err));
	assert_string_equal(o.key_auth, "token-1.new");
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "serve.db",
					"SELECT COUNT(*) FROM challenge"
					" WHERE key_auth = 'token-1.new'"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_row_comes_back_as_it_was),
		WITH_A_DOMAIN(a_domain_has_one_live_order),
		WITH_A_DOMAIN(the_database_allows_one_live_order),
		WITH_A_DOMAIN(a_stale_reply_changes_nothing),
		WITH_A_DOMAIN(the_last_few_are_kept),
		WITH_A_DOMAIN(what_waits_is_due_in_its_time),
		WITH_A_DOMAIN(the_start_resumes_what_was_under_way),
		WITH_A_DOMAIN(what_is_handed_over_is_not_resumed),
		WITH_A_DOMAIN(orders_are_known_by_their_url),
		WITH_A_DOMAIN(a_url_is_looked_up_and_not_searched_for),
		WITH_A_DOMAIN(orders_go_with_their_domain),
		WITH_A_DOMAIN(a_damaged_row_is_set_aside),
		WITH_A_DOMAIN(a_damaged_row_makes_room),
		WITH_A_DOMAIN(orders_are_counted),
		WITH_A_DOMAIN(all_of_an_account_end_at_once),
		WITH_A_DOMAIN(another_key_answers_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
