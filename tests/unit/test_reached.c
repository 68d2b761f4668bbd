/* Whether policies were fetched as senders do, and who is to be looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "store/publication.h"
#include "store/reached.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0 ROWS_NOW

static struct reached row(void)
{
	struct err err = ERR_INIT;
	struct reached r;

	memset(&r, 0x55, sizeof(r));
	must(reached_of(fix.store, &fix.domain, &r, &err), &err);
	return r;
}

static void begin(time_t now, const char *distrust)
{
	struct err err = ERR_INIT;

	must(reached_begin(fix.store, fix.domain.id, now, distrust, &err),
	     &err);
}

static void note(time_t now)
{
	must(reached_note(fix.store, fix.domain.id, now, NULL), NULL);
}

static void failed(time_t due_at, time_t let_at)
{
	struct reached r = { .let_at = let_at,
			     .due_at = due_at,
			     .tries = 3,
			     .why = REACHED_CUT_OFF,
			     .problem = "it's so" };

	must(reached_write(fix.store, fix.domain.id, &r, row().due_at, NULL),
	     NULL);
}

static size_t due(time_t now)
{
	int64_t ids[4];

	return reached_due(fix.store, now, ids, ARRAY_LEN(ids), NULL);
}

static void a_row_comes_back_as_it_was(void **state)
{
	struct reached r = row();

	(void)state;
	assert_memory_equal(&r, &(struct reached){ 0 }, sizeof(r));
	begin(T0, NULL);
	failed(T0 + 60, T0 + 1);
	r = row();
	assert_int_equal(r.since, T0);
	assert_int_equal(r.due_at, T0 + 60);
	assert_int_equal(r.let_at, T0 + 1);
	assert_int_equal(r.tries, 3);
	assert_int_equal(r.why, REACHED_CUT_OFF);
	assert_string_equal(r.problem, "it's so");
	assert_int_equal(r.at, 0);
	note(T0 + 5);
	r = row();
	assert_int_equal(r.at, T0 + 5);
	assert_string_equal(r.problem, "");
	must(domain_delete(fix.store, &fix.domain, T0, NULL), NULL);
	r = row();
	assert_int_equal(r.at, 0);
}

/* From the first certificate on, until it was fetched. */
static void who_is_due(void **state)
{
	(void)state;
	assert_int_equal(due(T0), 0);
	begin(T0, NULL);
	assert_int_equal(due(T0 - 1), 0);
	assert_int_equal(due(T0), 1);
	failed(T0 + 60, 0);
	assert_int_equal(due(T0 + 59), 0);
	assert_int_equal(due(T0 + 60), 1);
	assert_int_equal(due(T0 - REACHED_AHEAD_MAX), 1); /* set back */
	must(reached_soon(fix.store, fix.domain.id, T0 + 7, NULL), NULL);
	assert_int_equal(due(T0 + 7), 1);
	must(reached_put_off(fix.store, fix.domain.id, T0 + 90, NULL), NULL);
	assert_int_equal(due(T0 + 89), 0);
	note(T0 + 91);
	assert_int_equal(due(T0 + 99), 0);
}

/* In the second too in which the look began that fails after that. */
static void what_is_asked_for_meanwhile_stands(void **state)
{
	struct reached r = { .due_at = T0 + 60, .why = REACHED_WRONG };
	int64_t id = fix.domain.id;
	time_t began;

	(void)state;
	begin(T0, NULL);
	began = row().due_at;
	must(reached_soon(fix.store, id, T0, NULL), NULL);
	must(reached_write(fix.store, id, &r, began, NULL), NULL);
	assert_int_equal(row().why, REACHED_WRONG);
	assert_int_equal(due(T0), 1);

	began = row().due_at;
	must(reached_anew(fix.store, id, T0, NULL), NULL);
	must(reached_write(fix.store, id, &r, began, NULL), NULL);
	assert_int_equal(due(T0), 1);

	began = row().due_at;
	begin(T0, NULL); /* another certificate */
	must(reached_write(fix.store, id, &r, began, NULL), NULL);
	assert_int_equal(due(T0), 1);

	must(reached_write(fix.store, id, &r, row().due_at, NULL), NULL);
	assert_int_equal(due(T0 + 59), 0);
	assert_int_equal(due(T0 + 60), 1);
}

/* That DNS shows it counts, whenever; looks begin with the certificate. */
static void what_is_shown_before_is_not_looked_at(void **state)
{
	(void)state;
	note(T0);
	assert_int_equal(due(T0 + 1), 0);
	begin(T0 + 5, NULL);
	assert_int_equal(row().at, T0);
	assert_int_equal(due(T0 + 6), 0);
}

static void another_certificate_is_another_beginning(void **state)
{
	(void)state;
	begin(T0, NULL);
	failed(T0 + 9000, 0);
	begin(T0 + 50, NULL);
	assert_int_equal(row().since, T0 + 50);
	assert_int_equal(row().tries, 0);
	assert_int_equal(due(T0 + 50), 1);

	failed(T0 + 9000, T0 + 60); /* nobody waits for it any more */
	begin(T0 + 70, NULL);
	assert_int_equal(row().let_at, T0 + 60);

	note(T0 + 80);
	begin(T0 + 90, NULL); /* it was fetched: that stays so */
	assert_int_equal(row().at, T0 + 80);
	begin(T0 + 99, "self-signed");
	assert_string_equal(row().distrust, "self-signed");
	begin(T0 + 100, NULL);
	assert_string_equal(row().distrust, "");
	assert_int_equal(row().at, T0 + 80);
}

/* A failure that comes late takes nothing back. */
static void what_was_fetched_stays_so(void **state)
{
	(void)state;
	begin(T0, NULL);
	note(T0 + 1);
	note(T0 + 2);
	failed(T0 + 60, 0);
	assert_int_equal(row().at, T0 + 1);
	assert_int_equal(row().tries, 0);
}

/* Until it is fetched: neither a failed look nor DNS takes its place. */
static void what_is_let_through_by_hand_stays_so(void **state)
{
	struct reached r;

	(void)state;
	begin(T0, NULL);
	failed(T0 + 60, 0);
	r = row();
	assert_false(reached_is_by_hand(&r));
	must(reached_let(fix.store, fix.domain.id, T0 + 9, "I saw it", NULL),
	     NULL);
	must(reached_told(fix.store, fix.domain.id, T0 + 10, NULL), NULL);
	begin(T0 + 11, NULL); /* another certificate */
	r = row();
	assert_true(reached_is_by_hand(&r));
	assert_int_equal(r.let_at, T0 + 9);
	assert_string_equal(r.problem, "I saw it");
	assert_int_equal(due(T0 + 12), 1);

	note(T0 + 13);
	r = row();
	assert_false(reached_is_by_hand(&r));
	assert_string_equal(r.problem, "");
	must(reached_let(fix.store, fix.domain.id, T0 + 14, "x", NULL), NULL);
	r = row();
	assert_false(reached_is_by_hand(&r));
}

/* What nobody let through is settled once DNS shows it. */
static void what_dns_shows_is_told(void **state)
{
	(void)state;
	begin(T0, NULL);
	failed(T0 + 60, T0 + 1);
	must(reached_told(fix.store, fix.domain.id, T0 + 10, NULL), NULL);
	assert_int_equal(row().at, T0 + 10);
	must(reached_told(fix.store, fix.domain.id, T0 + 20, NULL), NULL);
	assert_int_equal(row().at, T0 + 10);
}

static bool is_marked(void)
{
	struct err err = ERR_INIT;
	struct publication p;
	bool is_due;

	must(publication_of(fix.store, fix.domain.name, &p, &err), &err);
	is_due = p.is_due;
	must(publication_taken(fix.store, &p, "", T0, &err), &err);
	publication_release(&p);
	return is_due;
}

/* The zone is looked at again when it makes a difference, and only then. */
static void the_zone_hears_of_it(void **state)
{
	bool more = true;

	(void)state;
	while (more)
		must(publication_begin(fix.store, "z.example", "x", 500, &more,
				       NULL),
		     NULL);
	is_marked();
	begin(T0, NULL);
	failed(T0 + 60, 0);
	assert_false(is_marked());
	failed(T0 + 60, T0 + 1);
	assert_true(is_marked());
	failed(T0 + 90, T0 + 1);
	assert_false(is_marked());
	note(T0 + 2);
	assert_true(is_marked());
	begin(T0 + 9, "self-signed");
	assert_true(is_marked());
	fix.domain.cert_id = 4711;
	must(domain_update(fix.store, &fix.domain, NULL), NULL);
	assert_true(is_marked());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_row_comes_back_as_it_was),
		WITH_A_DOMAIN(who_is_due),
		WITH_A_DOMAIN(what_is_asked_for_meanwhile_stands),
		WITH_A_DOMAIN(what_is_shown_before_is_not_looked_at),
		WITH_A_DOMAIN(another_certificate_is_another_beginning),
		WITH_A_DOMAIN(what_was_fetched_stays_so),
		WITH_A_DOMAIN(what_is_let_through_by_hand_stays_so),
		WITH_A_DOMAIN(what_dns_shows_is_told),
		WITH_A_DOMAIN(the_zone_hears_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
