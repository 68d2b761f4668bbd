/*
 * The store's folder, lock, files and transactions: what is refused, and
 * what is mended at the start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/ballast.h"
#include "store/former.h"
#include "store/domain.h"
#include "store/report_last.h"
#include "store/served.h"
#include "store/store.h"
#include "tests/sim/scratch.h"
#include "tests/sim/small_disk.h"

static int make_folder(void **state)
{
	*state = scratch_make();
	return 0;
}

static int remove_folder(void **state)
{
	scratch_remove(*state);
	return 0;
}

static mode_t mode_of(const char *dir, const char *file)
{
	char *path = scratch_path(dir, file);
	struct stat st = { .st_mode = 0 };

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_mode & 07777;
}

static void assert_refused(const char *dir, enum err_kind kind,
			   const char *words)
{
	struct store_options options = { .dir = dir };
	struct err err = ERR_INIT;

	assert_null(store_open(&options, &err));
	print_message("%s (%s)\n", err.text, err.hint);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, words));
	assert_true(*err.hint);
}

static bool add(struct store *s, const char *name)
{
	struct domain d = { .created_at = 1, .state_at = 1, .due_at = 1 };
	struct err err = ERR_INIT;

	strncpy(d.name, name, sizeof(d.name) - 1);
	return domain_insert(s, &d, &err);
}

static bool has(struct store *s, const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	return domain_by_name(s, name, &d, &err);
}

/* ---- the folder ---- */

static void nobody_else_can_read_it(void **state)
{
	char *dir = scratch_path(*state, "state");
	struct store *s = scratch_store(dir);

	assert_int_equal(mode_of(*state, "state"), 0700);
	assert_int_equal(mode_of(dir, "state.db"), 0600);
	assert_int_equal(mode_of(dir, "serve.db"), 0600);
	assert_int_equal(mode_of(dir, "state.db-wal"), 0600);
	assert_int_equal(mode_of(dir, "lock"), 0600);
	store_close(s);
	free(dir);
}

static void a_second_daemon_is_refused(void **state)
{
	struct store *s = scratch_store(*state);

	assert_refused(*state, ERR_REFUSED, "held by another process");
	store_close(s);
	store_close(scratch_store(*state));
}

static void a_folder_that_is_none_is_refused(void **state)
{
	char *missing = scratch_path(*state, "no/such/parent");
	char *file = scratch_path(*state, "lock");	/* a file, once made */

	store_close(scratch_store(*state));
	assert_refused(file, ERR_REFUSED, "is not a folder");
	assert_refused(missing, ERR_INTERNAL, "create the state folder");
	free(file);
	free(missing);
}

#define NOBODY 65534

/* Root may write anywhere, so this is tried as somebody else. */
static int open_as_nobody(const char *dir)
{
	struct store_options options = { .dir = dir };
	struct err err = ERR_INIT;

	if (geteuid() == 0 && setuid(NOBODY) < 0)
		return 2;
	if (store_open(&options, &err))
		return 1;
	return err.kind == ERR_INTERNAL && strstr(err.text, dir) &&
	       strstr(err.hint, "writable by the user") ? 0 : 3;
}

static void a_folder_that_is_not_ours_is_refused(void **state)
{
	pid_t pid;
	int status;

	assert_int_equal(chmod(*state, 0555), 0);
	pid = fork();
	if (pid == 0)
		_exit(open_as_nobody(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(chmod(*state, 0700), 0);
}

/* ---- versions ---- */

static void a_newer_database_is_refused(void **state)
{
	store_close(scratch_store(*state));
	scratch_sql(*state, "state.db", "PRAGMA user_version = 9999");
	assert_refused(*state, ERR_REFUSED, "version 9999");
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT COUNT(*) FROM domain"), 0);
}

static void migrations_run_once(void **state)
{
	struct store *s = scratch_store(*state);
	struct err err = ERR_INIT;
	long version;

	must(store_begin(s, &err), &err);
	assert_true(add(s, "example.org"));
	must(store_commit(s, &err), &err);
	store_close(s);
	version = scratch_number(*state, "state.db", "PRAGMA user_version");
	assert_true(version >= 1);
	s = scratch_store(*state);
	assert_true(has(s, "example.org"));
	store_close(s);
	assert_int_equal(scratch_number(*state, "state.db",
					"PRAGMA user_version"), version);
}

/* What the newest versions brought. */
#define WITHOUT_16                                                             \
	"ALTER TABLE ord DROP COLUMN gone_since;"                              \
	"ALTER TABLE policy ADD COLUMN first_served INTEGER NOT NULL DEFAULT"  \
	" 0;"                                                                  \
	"ALTER TABLE policy ADD COLUMN last_served INTEGER NOT NULL DEFAULT "  \
	"0;"                                                                   \
	"ALTER TABLE policy ADD COLUMN fetches INTEGER NOT NULL DEFAULT 0;"    \
	"UPDATE policy SET (fetches, first_served, last_served) ="             \
	"  (s.fetches, s.first_at, s.last_at) FROM served s"                   \
	"  WHERE s.policy_id = policy.id;"                                     \
	"DROP TABLE served;"
#define WITHOUT_15                                                             \
	WITHOUT_16                                                             \
	"DROP TABLE foreign_past; DROP TABLE report_last;"                     \
	"ALTER TABLE watch DROP COLUMN host_ttl;"                              \
	"ALTER TABLE watch DROP COLUMN former_ttl;"                            \
	"ALTER TABLE watch DROP COLUMN mx_left_at;"                            \
	"ALTER TABLE trail DROP COLUMN channel;"                               \
	"ALTER TABLE policy DROP COLUMN actor;"                                \
	"ALTER TABLE policy DROP COLUMN channel;"                              \
	"ALTER TABLE policy DROP COLUMN reason;"                               \
	"DROP INDEX trail_own;"                                                \
	"ALTER TABLE cert DROP COLUMN ari_hastened;"                           \
	"ALTER TABLE cert DROP COLUMN ari_stale;"
#define ALL_COUNTED                                                            \
	"DROP INDEX report_aside; ALTER TABLE report DROP COLUMN counted;"

/* As it was before there were TLS reports. */
static void make_older(const char *dir)
{
	scratch_sql(dir, "state.db",
		    "DROP TRIGGER publish_changed;"
		    "CREATE TRIGGER publish_changed AFTER UPDATE ON domain"
		    "  WHEN OLD.rua <> NEW.rua BEGIN SELECT 1; END;"
		    "DROP TRIGGER report_domain_gone;"
		    "DROP TABLE reporter; DROP TABLE report;"
		    "DROP TABLE report_policy; DROP TABLE report_failure;"
		    "DROP TABLE report_tally; DROP TABLE report_gone;"
		    "DROP TABLE report_drop; DROP TABLE report_room;"
		    "ALTER TABLE domain DROP COLUMN report_token;" WITHOUT_15
		    "PRAGMA user_version = 12");
}

static void an_older_database_gets_tokens(void **state)
{
	struct store *s = scratch_store(*state);
	struct err err = ERR_INIT;
	struct domain a, b;

	must(store_begin(s, &err), &err);
	assert_true(add(s, "a.test") && add(s, "b.test"));
	must(store_commit(s, &err), &err);
	store_close(s);
	make_older(*state);
	s = scratch_store(*state);
	must(domain_by_name(s, "a.test", &a, &err) &&
		     domain_by_name(s, "b.test", &b, &err),
	     &err);
	assert_int_equal(strlen(a.report_token), 32);
	assert_int_equal(strspn(a.report_token, "0123456789abcdef"), 32);
	assert_int_equal(strlen(b.report_token), 32);
	assert_string_not_equal(a.report_token, b.report_token);
	store_close(s);
}

/* As it was when the newest version was not there yet. */
static void make_former(const char *dir)
{
	scratch_sql(dir, "state.db", ALL_COUNTED WITHOUT_15 "PRAGMA user_version = 14");
}

static long version_of(const char *dir, const char *file)
{
	return scratch_number(dir, file, "PRAGMA user_version");
}

static void make_kept(const char *dir, const char *name)
{
	char *path = xasprintf("%s/backup/%s", dir, name);

	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	free(path);
}

static bool is_kept(const char *dir, const char *name)
{
	char *path = xasprintf("%s/backup/%s", dir, name);
	bool is = access(path, F_OK) == 0;

	free(path);
	return is;
}

static void a_migration_keeps_what_was(void **state)
{
	char *dir = small_disk(state);
	struct store *s = scratch_store(dir);
	struct err err = ERR_INIT;

	must(ballast_make(dir, &err), &err);
	must(store_begin(s, &err), &err);
	assert_true(add(s, "example.org"));
	must(store_commit(s, &err), &err);
	store_close(s);
	assert_false(is_kept(dir, "")); /* a new one has nothing to keep */

	for (int i = 0; i < 2; i++) {
		make_former(dir);
		store_close(scratch_store(dir));
		assert_int_equal(version_of(dir, "backup/state-v14.db"), 14);
		make_kept(dir, "state-v9.db");
		make_kept(dir, "state-v13.db");
		make_kept(dir, "state-v13.db.mine");
	}
	assert_int_equal(scratch_number(dir, "backup/state-v14.db",
					"SELECT COUNT(*) FROM domain"),
			 1);
	assert_true(is_kept(dir, "state-v13.db"));
	assert_true(is_kept(dir, "state-v13.db.mine"));
	make_former(dir);
	store_close(scratch_store(dir));
	assert_false(is_kept(dir, "state-v9.db"));
	assert_true(is_kept(dir, "state-v13.db"));
}

static void a_migration_keeps_what_was_counted(void **state)
{
	struct served_count count = { .fetches = 3 };
	struct store *s = scratch_store(*state);
	struct err err = ERR_INIT;

	must(store_begin(s, &err), &err);
	assert_true(add(s, "a.test") && add(s, "b.test"));
	must(store_commit(s, &err), &err);
	scratch_sql(*state, "state.db",
		    "INSERT INTO policy(domain_id, version, sts_id, mode,"
		    " max_age, mx, body, created_at)"
		    " SELECT id, 1, 'a', 0, 86400, '', '', 0 FROM domain");
	count.policy_id = scratch_number(*state, "state.db",
					 "SELECT MAX(id) FROM policy");
	must(store_begin(s, &err) && served_add(s, &count, 1, 1000, &err) &&
		     served_add(s, &count, 1, 2000, &err) &&
		     store_commit(s, &err),
	     &err);
	store_close(s);
	make_former(*state);
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT SUM(fetches) FROM policy"),
			 6);
	store_close(scratch_store(*state));
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT policy_id FROM served"
					"  WHERE fetches = 6"
					"  AND first_at = 1000"
					"  AND last_at = 2000"),
			 count.policy_id);
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT COUNT(*) FROM served"),
			 1);
}

/* It may end before a fetch is counted that was answered meanwhile. */
static void a_migration_counts_as_served(void **state)
{
	static const char is_marked[] =
		"SELECT COUNT(*) FROM meta WHERE key = 'serving_since'"
		" AND value >= unixepoch() - 3600";

	store_close(scratch_store(*state));
	assert_int_equal(scratch_number(*state, "state.db", is_marked), 0);
	make_former(*state);
	store_close(scratch_store(*state));
	assert_int_equal(scratch_number(*state, "state.db", is_marked), 1);
	scratch_sql(*state, "state.db",
		    "UPDATE meta SET value = 1 WHERE key = 'serving_since'");
	make_former(*state);
	store_close(scratch_store(*state)); /* the one before it lasts */
	assert_int_equal(scratch_number(*state, "state.db", is_marked), 0);
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT value FROM meta"
					" WHERE key = 'serving_since'"),
			 1);
}

static void without_room_it_goes_on(void **state)
{
	char *dir = small_disk(state);

	store_close(scratch_store(dir));
	must(ballast_make(dir, NULL), NULL);
	make_former(dir);
	small_disk_leave(dir, 3 * SMALL_DISK_MB);
	store_close(scratch_store(dir));
	assert_false(is_kept(dir, "state-v14.db"));
	assert_true(version_of(dir, "state.db") > 14);
}

#define PAD 2000000L

/* Of a former version, and larger than anything that is free besides. */
static void make_large(const char *dir)
{
	store_close(scratch_store(dir));
	must(ballast_make(dir, NULL), NULL);
	make_former(dir);
	scratch_sql(dir, "state.db",
		    "INSERT INTO meta VALUES('pad', randomblob(2000000))");
}

/* The first backup, and the migration, need as much again. */
static void the_copy_leaves_room_for_another(void **state)
{
	char *dir = small_disk(state);

	make_large(dir);
	small_disk_leave(dir, 4 * SMALL_DISK_MB + PAD * 3 / 2);
	store_close(scratch_store(dir));
	assert_false(is_kept(dir, "state-v14.db"));
	make_former(dir);
	small_disk_leave(dir, 4 * SMALL_DISK_MB + PAD * 3);
	store_close(scratch_store(dir));
	assert_true(is_kept(dir, "state-v14.db"));
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void a_copy_that_fails_leaves_the_one_before(void **state)
{
	char *dir = small_disk(state);
	struct err err = ERR_INIT;

	make_large(dir);
	must(former_keep(dir, 14, NULL, NULL, &err), &err);
	assert_false(former_keep(dir, 14, never, NULL, &err));
	assert_int_equal(version_of(dir, "backup/state-v14.db"), 14);
	scratch_sql(dir, "state.db", "INSERT INTO meta VALUES('new', 1)");
	err = (struct err)ERR_INIT;
	must(former_keep(dir, 14, NULL, NULL, &err), &err);
	assert_int_equal(scratch_number(dir, "backup/state-v14.db",
					"SELECT COUNT(*) FROM meta"
					" WHERE key = 'new'"),
			 1);
	assert_false(is_kept(dir, "state-v14.db.new"));
}

/* What was kept is nothing that the migration fails for. */
static void a_full_disk_gives_up_what_was_kept(void **state)
{
	char *dir = small_disk(state);
	struct err err = ERR_INIT;

	make_large(dir);
	must(former_keep(dir, 14, NULL, NULL, &err), &err);
	ballast_release(dir);
	small_disk_leave(dir, 50000);
	store_close(scratch_store(dir));
	assert_true(version_of(dir, "state.db") > 14);
	assert_false(is_kept(dir, "state-v14.db"));
}

/* As it was when nobody counted what reports take. */
static void make_unweighed(const char *dir)
{
	scratch_sql(dir, "state.db",
		    "DROP TRIGGER report_room_more;"
		    "DROP TRIGGER report_room_other;"
		    "DROP TRIGGER report_room_less;"
		    "DROP TABLE report_room; DROP INDEX report_same;"
		    "ALTER TABLE report DROP COLUMN content;" ALL_COUNTED
		    "ALTER TABLE report DROP COLUMN bytes;"
		    "CREATE UNIQUE INDEX report_same"
		    "  ON report(domain_id, same);"
		    "INSERT INTO report VALUES"
		    "  (1, 7, 1, x'01', 'a', 1, 1, 1, 1, 0, '', '', 1, 0, 0),"
		    "  (2, 7, 1, x'02', 'b', 1, 1, 1, 1, 0, '', '', 1, 0, 0),"
		    "  (3, 8, 1, x'01', 'a', 1, 1, 1, 1, 0, '', '', 1, 0, "
		    "0);" WITHOUT_15 "PRAGMA user_version = 13");
}

static void reports_of_an_older_database_are_weighed(void **state)
{
	store_close(scratch_store(*state));
	make_unweighed(*state);
	store_close(scratch_store(*state));
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT group_concat(bytes, '') FROM"
					" (SELECT bytes FROM report_room"
					"  ORDER BY domain_id)"),
			 768512256);
	scratch_sql(*state, "state.db", "DELETE FROM report WHERE id < 3");
	assert_int_equal(scratch_number(*state, "state.db",
					"SELECT group_concat(bytes, '') FROM"
					" (SELECT bytes FROM report_room"
					"  ORDER BY domain_id)"),
			 256256);
}

/* As it was when none told sessions by MTA-STS from the rest. */
static void make_untold(const char *dir)
{
	scratch_sql(dir, "state.db",
		    "INSERT INTO report_policy"
		    "  SELECT 7, column1, column2, column3, 1, 1, column4, 0,"
		    "    column5, column6, '', '', '' FROM (VALUES"
		    "  (1, 1, 0, 1, 600000000, 3), (1, 1, 1, 3, 600000000, 4),"
		    "  (1, 1, 2, 0, 5, 5), (1, 1, 3, 4, 5, 5),"
		    "  (1, 2, 0, 2, 1, 2), (2, 3, 0, 2, 0, 9),"
		    "  (3, 4, 0, 0, 8, 8));" ALL_COUNTED WITHOUT_15
		    "PRAGMA user_version = 14");
}

static long tallied(const char *dir, const char *sql)
{
	return scratch_number(dir, "state.db", sql);
}

#define OF_STS(what)                                                           \
	"SELECT " what " FROM report_tally WHERE kind = 6 AND what = 7"

static void reports_of_an_older_database_are_tallied_by_sts(void **state)
{
	const char *dir = *state;

	store_close(scratch_store(dir));
	make_untold(dir);
	store_close(scratch_store(dir));
	assert_int_equal(tallied(dir, OF_STS("COUNT(*)")), 2);
	assert_int_equal(tallied(dir, OF_STS("reports") " AND day = 1"), 2);
	assert_int_equal(tallied(dir, OF_STS("successful") " AND day = 1"),
			 1000000001);
	assert_int_equal(tallied(dir, OF_STS("failed") " AND day = 1"), 9);
	assert_int_equal(tallied(dir, OF_STS("failed") " AND day = 2"), 9);
	assert_int_equal(tallied(dir, OF_STS("reports") " AND day = 2"), 1);
}

/* As it was when only the reports themselves told when they came. */
static void make_unnoted(const char *dir)
{
	scratch_sql(dir, "state.db",
		    "INSERT INTO report_tally"
		    "(kind, day, what, reports, successful, failed) VALUES"
		    "  (2, 50, 1, 1, 0, 0), (2, 48, 1, 3, 0, 0),"
		    "  (2, 44, 1, 1, 0, 0), (2, 43, 1, 1, 0, 0),"
		    "  (2, 47, 1, 0, 0, 0), (2, 51, 1, 0, 0, 0),"
		    "  (2, 9, 2, 1, 0, 0), (2, 9, 7, 1, 0, 0),"
		    "  (0, 60, 1, 1, 0, 0);" ALL_COUNTED WITHOUT_15
		    "PRAGMA user_version = 14");
}

static void it_is_known_when_older_reports_came_last(void **state)
{
	struct store *s = scratch_store(*state);
	struct report_last last;
	struct err err = ERR_INIT;

	must(store_begin(s, &err), &err);
	assert_true(add(s, "a.test") && add(s, "b.test") && add(s, "c.test"));
	must(store_commit(s, &err), &err);
	store_close(s);
	make_unnoted(*state);
	s = scratch_store(*state);
	must(report_last_of(s, 1, &last, &err), &err);
	assert_int_equal(last.day, 50);
	assert_int_equal(last.usual_days, 3);
	must(report_last_of(s, 2, &last, &err), &err);
	assert_int_equal(last.day, 9);
	assert_int_equal(last.usual_days, 1);
	must(report_last_of(s, 3, &last, &err), &err);
	assert_int_equal(last.day, 0);
	must(report_last_of(s, 7, &last, &err), &err); /* it is gone */
	assert_int_equal(last.day, 0);
	store_close(s);
}

/* What is no database is refused, and left as it is for a rescue. */
static void a_damaged_database_is_refused(void **state)
{
	char *path = scratch_path(*state, "state.db");
	FILE *f = fopen(path, "w");

	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_refused(*state, ERR_DAMAGED, "database");
	f = fopen(path, "r");
	fseek(f, 0, SEEK_END);
	assert_int_equal(ftell(f), 20000);
	fclose(f);
	free(path);
}

/* ---- transactions ---- */

static void a_rollback_leaves_nothing(void **state)
{
	struct store *s = scratch_store(*state);
	struct err err = ERR_INIT;

	must(store_begin(s, &err), &err);
	assert_true(add(s, "kept.example.org"));
	must(store_commit(s, &err), &err);
	must(store_begin(s, &err), &err);
	assert_true(add(s, "gone.example.org"));
	store_rollback(s);
	assert_true(has(s, "kept.example.org"));
	assert_false(has(s, "gone.example.org"));
	must(store_begin(s, &err), &err);
	assert_true(add(s, "unfinished.example.org"));
	store_close(s);
	s = scratch_store(*state);
	assert_true(has(s, "kept.example.org"));
	assert_false(has(s, "unfinished.example.org"));
	store_close(s);
}

static void a_commit_that_fails_leaves_nothing(void **state)
{
	struct store *s = scratch_store(*state);
	struct err err = ERR_INIT;

	must(store_begin(s, &err), &err);
	assert_true(add(s, "lost.example.org"));
	scratch_disk_full(true);
	assert_false(store_commit(s, &err));
	scratch_disk_full(false);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_false(has(s, "lost.example.org"));
	must(store_begin(s, &err), &err);
	assert_true(add(s, "next.example.org"));
	must(store_commit(s, &err), &err);
	assert_true(has(s, "next.example.org"));
	store_close(s);
}

static long wal_size(const char *dir)
{
	char *path = scratch_path(dir, "state.db-wal");
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_size;
}

static void checkpoints_work_beside_the_writer(void **state)
{
	struct store *s = scratch_store(*state);
	struct err err = ERR_INIT;
	char name[40];
	long before;

	for (int i = 0; wal_size(*state) < 5L * 1024 * 1024; i++) {
		must(store_begin(s, &err), &err);
		for (int n = 0; n < 200; n++) {
			snprintf(name, sizeof(name), "d%d-%d.test", i, n);
			assert_true(add(s, name));
		}
		must(store_commit(s, &err), &err);
	}
	must(store_checkpoint(s, &err), &err);
	before = wal_size(*state);
	must(store_begin(s, &err), &err);
	assert_true(add(s, "one-more.test"));
	must(store_commit(s, &err), &err);
	assert_int_equal(wal_size(*state), before);	/* begun anew */
	assert_true(has(s, "d0-0.test"));
	store_close(s);
}

#define IN_A_FOLDER(test)                                                      \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_FOLDER(nobody_else_can_read_it),
		IN_A_FOLDER(a_second_daemon_is_refused),
		IN_A_FOLDER(a_folder_that_is_none_is_refused),
		IN_A_FOLDER(a_folder_that_is_not_ours_is_refused),
		IN_A_FOLDER(a_newer_database_is_refused),
		IN_A_FOLDER(migrations_run_once),
		IN_A_FOLDER(an_older_database_gets_tokens),
		IN_A_FOLDER(a_migration_counts_as_served),
		IN_A_FOLDER(reports_of_an_older_database_are_weighed),
		IN_A_FOLDER(reports_of_an_older_database_are_tallied_by_sts),
		IN_A_FOLDER(it_is_known_when_older_reports_came_last),
		ON_A_SMALL_DISK(a_migration_keeps_what_was),
		IN_A_FOLDER(a_migration_keeps_what_was_counted),
		ON_A_SMALL_DISK(without_room_it_goes_on),
		ON_A_SMALL_DISK(the_copy_leaves_room_for_another),
		ON_A_SMALL_DISK(a_copy_that_fails_leaves_the_one_before),
		ON_A_SMALL_DISK(a_full_disk_gives_up_what_was_kept),
		IN_A_FOLDER(a_damaged_database_is_refused),
		IN_A_FOLDER(a_rollback_leaves_nothing),
		IN_A_FOLDER(a_commit_that_fails_leaves_nothing),
		IN_A_FOLDER(checkpoints_work_beside_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
