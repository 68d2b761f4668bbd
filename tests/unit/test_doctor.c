/* Looks at a machine that is a folder, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/doctor_box.h"
#include "cli/doctor_view.h"
#include "tests/sim/scratch.h"

static char *root;

/* "/a/b/c" below the root, an empty file, and the folders that it is in. */
static void put(const char *path)
{
	char *whole = xasprintf("%s%s", root, path);
	FILE *f;

	for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(whole, 0700);
		*p = '/';
	}
	f = fopen(whole, "we");
	assert_non_null(f);
	fclose(f);
	free(whole);
}

static int set_up(void **state)
{
	(void)state;
	root = scratch_make();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(root);
	return 0;
}

static struct doctor_note notes[DOCTOR_NOTES_MAX];

static size_t look(const char *id, const struct doctor_box *box)
{
	const struct doctor_look *one;

	for (size_t i = 0; (one = doctor_look_at(i)) != NULL; i++)
		if (streq(one->id, id))
			return doctor_run_one(one, box, notes);
	fail_msg("there is no look %s", id);
	return 0;
}

/* ---- units ---- */

static void units_that_are_not_enabled_are_named(void **state)
{
	struct doctor_box box = { .root = root, .status = json_object() };

	(void)state;
	put("/usr/lib/systemd/system/mtastsd.service");
	assert_int_equal(look("units", &box), 0); /* no systemd runs */
	put("/run/systemd/system/x");
	assert_int_equal(look("units", &box), 3);
	put("/etc/systemd/system/sockets.target.wants/mtastsd-https.socket");
	put("/etc/systemd/system/sockets.target.wants/mtastsd-http.socket");
	assert_int_equal(look("units", &box), 1);
	assert_string_equal(notes[0].err.text,
			    "mtastsd.service is not enabled: it is not started "
			    "at boot");
	assert_string_equal(notes[0].err.hint,
			    "systemctl enable --now mtastsd.service");
	put("/etc/systemd/system/multi-user.target.wants/mtastsd.service");
	assert_int_equal(look("units", &box), 0);
	json_decref(box.status);
}

static void without_the_units_nothing_is_said_of_them(void **state)
{
	struct doctor_box box = { .root = root };

	(void)state;
	put("/run/systemd/system/x");
	assert_int_equal(look("units", &box), 0);
}

/* ---- a port that systemd holds ---- */

/* A process of that name listens on port 443. */
static void put_listener(const char *pid, const char *name)
{
	char *path = xasprintf("%s/proc/net/tcp", root);
	char *fd = xasprintf("%s/proc/%s/fd/7", root, pid);
	char *comm = xasprintf("/proc/%s/comm", pid);
	char *fds = xasprintf("/proc/%s/fd/0", pid);
	FILE *f;

	put("/proc/net/tcp");
	f = fopen(path, "we");
	fputs("  sl  local_address rem_address   st\n"
	      "   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 "
	      "00:00000000 00000000     0        0 7183 1 0 100 0 0 10 0\n",
	      f);
	fclose(f);
	put(fds);
	put(comm);
	free(path);
	path = xasprintf("%s%s", root, comm);
	f = fopen(path, "we");
	fprintf(f, "%s\n", name);
	fclose(f);
	assert_int_equal(symlink("socket:[7183]", fd), 0);
	free(path);
	free(fd);
	free(comm);
	free(fds);
}

static void a_socket_unit_without_its_service_is_named(void **state)
{
	struct doctor_box box = { .root = root };

	(void)state;
	put_listener("1", "systemd");
	put("/run/systemd/system/x");
	box.facts = json_pack("{s:[s], s:[s]}", "listen_https", "0.0.0.0:443",
			      "listen_http", "0.0.0.0:80");
	assert_int_equal(look("ports", &box), 1);
	assert_string_equal(notes[0].id, "port.held");
	assert_non_null(strstr(notes[0].err.text, "port 443"));
	box.status = json_object(); /* its own, then */
	assert_int_equal(look("ports", &box), 1);
	assert_string_equal(notes[0].id, "port.elsewhere");
	json_decref(box.facts);
	json_decref(box.status);
}

static void whoever_has_a_port_may_keep_it(void **state)
{
	static const char hint[] = "stop it (process 1), have it listen "
				   "elsewhere, or give mtastsd an address of "
				   "its own: listen_https in /a.conf";
	struct doctor_box box = { .root = root, .config = "/a.conf" };

	(void)state;
	put_listener("1", "nginx"); /* in a container */
	box.facts = json_pack("{s:[s], s:[s]}", "listen_https", "0.0.0.0:443",
			      "listen_http", "0.0.0.0:80");
	look("ports", &box);
	assert_string_equal(notes[0].id, "port.taken");
	assert_string_equal(notes[0].err.hint, hint);
	json_decref(box.facts);
}

static void with_units_they_have_the_addresses(void **state)
{
	struct doctor_box box = { .root = root };

	(void)state;
	put_listener("77", "nginx");
	put("/run/systemd/system/x");
	put("/usr/lib/systemd/system/mtastsd-https.socket");
	box.facts = json_pack("{s:[s], s:[s]}", "listen_https", "0.0.0.0:443",
			      "listen_http", "0.0.0.0:80");
	look("ports", &box);
	assert_string_equal(notes[0].id, "port.taken");
	assert_string_equal(notes[0].err.hint,
			    "stop it (process 77; systemctl status 77 says of "
			    "which unit), have it listen elsewhere, or give "
			    "mtastsd an address of its own: systemctl edit "
			    "mtastsd-https.socket");
	json_decref(box.facts);
}

static void a_socket_unit_that_has_failed_is_named(void **state)
{
	struct doctor_box box = { .root = root };

	(void)state;
	put("/proc/net/tcp");
	put("/run/systemd/system/x");
	box.facts = json_pack("{s:[s,s], s:[s]}", "listen_https", "0.0.0.0:443",
			      "[::]:443", "listen_http", "0.0.0.0:8080");
	assert_int_equal(look("ports", &box), 1); /* 8080 is not the world's */
	assert_string_equal(notes[0].id, "port.other");
	put("/usr/lib/systemd/system/mtastsd-https.socket");
	put("/usr/lib/systemd/system/mtastsd-http.socket");
	assert_int_equal(look("ports", &box), 2);
	assert_string_equal(notes[0].id, "port.unheld");
	assert_string_equal(notes[0].err.text,
			    "nobody has port 443: mtastsd-https.socket, which "
			    "binds it, has failed or was stopped");
	assert_string_equal(notes[0].err.hint,
			    "systemctl status mtastsd-https.socket says why; "
			    "then: systemctl start mtastsd-https.socket "
			    "mtastsd");
	json_decref(box.facts);
}

/* ---- a machine without systemd ---- */

static void advice_names_what_is_there(void **state)
{
	struct doctor_box box = { .root = root };

	(void)state;
	err_set(&box.silence, ERR_AGAIN, "nobody answers");
	assert_int_equal(look("daemon", &box), 1);
	assert_string_equal(notes[0].err.hint,
			    "start it as root: mtastsd --user mtastsd; if it "
			    "ends it says why, on standard error");
	put("/usr/lib/systemd/system/mtastsd.service"); /* and nobody reads it */
	look("daemon", &box);
	assert_null(strstr(notes[0].err.hint, "systemctl"));
	put("/run/systemd/system/x");
	look("daemon", &box);
	assert_non_null(strstr(notes[0].err.hint, "systemctl start mtastsd"));
}

/* ---- backups ---- */

static void put_backup(long age)
{
	time_t at = time(NULL) - age;
	struct tm tm;
	char name[64], *path;

	gmtime_r(&at, &tm);
	strftime(name, sizeof(name), "state-%Y%m%dT%H.db", &tm);
	path = xasprintf("/backup/%s", name);
	put(path);
	free(path);
}

static size_t look_at_backups(long up)
{
	char started[INSTANT_TEXT];
	struct doctor_box box = { .root = "" };
	size_t n;

	box.facts = json_pack("{s:s}", "state_dir", root);
	box.status = json_pack("{s:s}", "started",
			       instant_format(time(NULL) - up, started));
	n = look("backup", &box);
	json_decref(box.facts);
	json_decref(box.status);
	return n;
}

static void a_backup_that_is_old_is_said_to_be(void **state)
{
	(void)state;
	assert_int_equal(look_at_backups(60), 0); /* it has just begun */
	assert_int_equal(look_at_backups(WHEN_DAY), 1);
	assert_string_equal(notes[0].id, "backup.none");
	put("/backup/other");
	put_backup(30 * WHEN_HOUR);
	put_backup(27 * WHEN_HOUR);
	put_backup(50 * WHEN_HOUR);
	assert_int_equal(look_at_backups(WHEN_DAY), 1);
	assert_string_equal(notes[0].id, "backup.old");
	assert_non_null(strstr(notes[0].err.text, "27 h old"));
	assert_int_equal(look_at_backups(60), 0);
	put_backup(WHEN_HOUR);
	assert_int_equal(look_at_backups(WHEN_DAY), 0);
}

/* ---- what is said of what was found ---- */

static struct doctor_note note(enum doctor_level level, const char *text,
			       const char *hint)
{
	struct doctor_note n = {
		.level = level, .id = "x.y", .look = "x", .title = "the x"
	};

	snprintf(n.err.text, sizeof(n.err.text), "%s", text);
	snprintf(n.err.hint, sizeof(n.err.hint), "%s", hint);
	return n;
}

static const struct {
	enum doctor_level level[2];
	size_t count;
	const char *text;
	const char *health;
	enum exit_code code;
} views[] = {
	{ { DOCTOR_NOTE }, 0, "all is well\n", "ok", EXIT_FINE },
	{ { DOCTOR_NOTE },
	  1,
	  "note      bad - do\nall is well\n",
	  "ok",
	  EXIT_FINE },
	{ { DOCTOR_UNSEEN },
	  1,
	  "not seen  the x: bad - do\nall that was seen is well\n",
	  "ok",
	  EXIT_FINE },
	{ { DOCTOR_UNSEEN, DOCTOR_UNSEEN },
	  2,
	  "not seen  the x, the x: bad - do\nall that was seen is well\n",
	  "ok",
	  EXIT_FINE },
	{ { DOCTOR_NOTE, DOCTOR_UNSEEN },
	  2,
	  "note      bad - do\nnot seen  the x: bad - do\n"
	  "all that was seen is well\n",
	  "ok",
	  EXIT_FINE },
	{ { DOCTOR_WARNING, DOCTOR_UNSEEN },
	  2,
	  "warning   bad - do\nnot seen  the x: bad - do\n",
	  "warning",
	  EXIT_WARNINGS },
	{ { DOCTOR_ERROR, DOCTOR_NOTE },
	  2,
	  "error     bad - do\nnote      bad - do\n",
	  "error",
	  EXIT_ERRORS },
};

static void what_is_not_seen_is_never_said_to_be_well(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(views); i++) {
		struct doctor_note list[2] = {
			note(views[i].level[0], "bad", "do"),
			note(views[i].level[1], "bad", "do"),
		};
		struct doctor_result r = { list, views[i].count, true };
		char text[256] = "";
		FILE *to = fmemopen(text, sizeof(text), "w");
		json_t *view = doctor_view_json(&r);

		print_message("%zu\n", i);
		doctor_view_print(&r, to);
		fclose(to);
		assert_string_equal(text, views[i].text);
		assert_int_equal(doctor_view_code(&r), views[i].code);
		assert_string_equal(
			json_string_value(json_object_get(view, "health")),
			views[i].health);
		json_decref(view);
	}
}

/* The name of a program, or of a file, is whatever somebody gave it. */
static void a_finding_is_told_whatever_its_bytes(void **state)
{
	static const struct {
		const char *said, *told;
	} texts[] = {
		{ "by h\xc3\xa4llo\n", "by h\xc3\xa4llo\n" },
		{ "by h\xe4llo", "by h\\xe4llo" },
		{ "cut \xe2\x82", "cut \\xe2\\x82" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct doctor_note list[2] = {
			note(DOCTOR_ERROR, texts[i].said, "do"),
			note(DOCTOR_UNSEEN, "bad", texts[i].said),
		};
		struct doctor_result r = { list, 2, true };
		json_t *view = doctor_view_json(&r), *one;

		print_message("%zu\n", i);
		one = json_array_get(json_object_get(view, "findings"), 0);
		assert_non_null(one);
		assert_string_equal(
			json_string_value(json_object_get(one, "text")),
			texts[i].told);
		one = json_array_get(json_object_get(view, "unseen"), 0);
		assert_non_null(one);
		assert_string_equal(
			json_string_value(json_object_get(one, "hint")),
			texts[i].told);
		json_decref(view);
	}
}

/* 511 bytes are the room of a text: the last character is half in it. */
static void a_text_is_cut_and_told(void **state)
{
	char name[600];
	struct doctor_note one;
	struct doctor_result r = { &one, 1, true };
	json_t *view;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	name[sizeof(name) - 1] = '\0';
	one = note(DOCTOR_ERROR, name, "");
	view = doctor_view_json(&r);
	assert_int_equal(json_array_size(json_object_get(view, "findings")), 1);
	json_decref(view);
}

static void json_is_found_between_warnings(void **state)
{
	static const struct {
		const char *output;
		bool has;
	} said[] = {
		{ "{\"a\": 1}", true },
		{ "warning: {x}\n{\"a\": 1}\nbye\n", true },
		{ "{broken", false },
		{ "no\nsuch\nthing", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		json_t *value = doctor_json_in(said[i].output);

		assert_int_equal(
			json_integer_value(json_object_get(value, "a")),
			said[i].has);
		json_decref(value);
	}
}

/* Nothing is known, no daemon answers, and nothing is there: nobody falls. */
static void every_look_bears_to_know_nothing(void **state)
{
	struct doctor_box box = { .root = root };
	struct doctor_result r;

	(void)state;
	err_set(&box.silence, ERR_AGAIN, "nobody answers");
	doctor_run(&box, 20000, &r);
	assert_true(r.is_whole);
	assert_true(r.count > 5);
	for (size_t i = 0; i < r.count; i++) {
		print_message("%d %s: %s\n", (int)r.note[i].level, r.note[i].id,
			      r.note[i].err.text);
		assert_true(!i || r.note[i].level <= r.note[i - 1].level);
		assert_true(*r.note[i].err.text);
	}
	assert_string_equal(r.note[0].id, "daemon.silent");
	free(r.note);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(units_that_are_not_enabled_are_named),
		TEST(without_the_units_nothing_is_said_of_them),
		TEST(a_socket_unit_without_its_service_is_named),
		TEST(whoever_has_a_port_may_keep_it),
		TEST(with_units_they_have_the_addresses),
		TEST(a_socket_unit_that_has_failed_is_named),
		TEST(advice_names_what_is_there),
		TEST(a_backup_that_is_old_is_said_to_be),
		TEST(what_is_not_seen_is_never_said_to_be_well),
		TEST(a_finding_is_told_whatever_its_bytes),
		TEST(a_text_is_cut_and_told),
		TEST(json_is_found_between_warnings),
		TEST(every_look_bears_to_know_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
