#include "daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "daemon/limit_text.h"

#define STAGING "https://acme-staging-v02.api.letsencrypt.org/directory"

/* The text is read from a file of its own, named in `path`. */
static bool read_text(const char *text, struct config *c, char path[static 64],
		      struct err *err)
{
	bool ok;
	FILE *f;

	snprintf(path, 64, "/tmp/test-config-XXXXXX");
	f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	ok = config_read(c, path, err);
	unlink(path);
	return ok;
}

static void read_good(const char *text, struct config *c)
{
	struct err err = ERR_INIT;
	char path[64];
	bool ok = read_text(text, c, path, &err);

	if (!ok)
		print_message("%s\n", err.text);
	assert_true(ok);
}

/* ---- a CA's limit ---- */

static const struct {
	const char *text;
	bool is_good;
	struct limit limit;
} limit_cases[] = {
	{ "300/3h", true, { 300, 3 * 3600 } },
	{ "1/1s", true, { 1, 1 } },
	{ "1000000/3650d", true, { 1000000, 3650 * 86400L } },
	{ "none", true, { 0, 1 } },
	{ "", false, { 0, 0 } },
	{ "0/3h", false, { 0, 0 } },	/* nothing at all is not a limit */
	{ "300", false, { 0, 0 } },
	{ "300/", false, { 0, 0 } },
	{ "/3h", false, { 0, 0 } },
	{ "300/0h", false, { 0, 0 } },
	{ "300/3", false, { 0, 0 } },
	{ "-300/3h", false, { 0, 0 } },
	{ "300 / 3h", false, { 0, 0 } },
	{ "300/3h/2", false, { 0, 0 } },
	{ "1000001/3h", false, { 0, 0 } },
	{ "300/3651d", false, { 0, 0 } },
	{ "None", false, { 0, 0 } },
};

static void limits_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limit_cases); i++) {
		struct limit limit = { 0, 0 };

		print_message("\"%s\"\n", limit_cases[i].text);
		assert_int_equal(limit_text_parse(limit_cases[i].text, &limit),
				 limit_cases[i].is_good);
		assert_int_equal(limit.burst, limit_cases[i].limit.burst);
		assert_int_equal(limit.period, limit_cases[i].limit.period);
	}
}

/* ---- which CAs there are ---- */

static const struct {
	const char *text;
	const char *ca[3];
} order_cases[] = {
	{ "", { "letsencrypt" } },
	{ "ca_order = {letsencrypt-staging}", { "letsencrypt-staging" } },
	{ "ca_order = {\"letsencrypt-staging\", \"letsencrypt\"}",
	  { "letsencrypt-staging", "letsencrypt" } },
	{ "ca b { directory = \"https://b.test/\" }\n"
	  "ca a { directory = \"https://a.test/\" }",
	  { "b", "a" } },
	{ "ca_order = {letsencrypt, a}\n"
	  "ca b { directory = \"https://b.test/\" }\n"
	  "ca a { directory = \"https://a.test/\" }",
	  { "letsencrypt", "a" } },
	{ "ca letsencrypt { profile = \"shortlived\" }", { "letsencrypt" } },
};

static void cas_stand_in_order(void **state)
{
	struct config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order_cases); i++) {
		size_t n = 0;

		print_message("%s\n", order_cases[i].text);
		read_good(order_cases[i].text, &c);
		while (n < 3 && order_cases[i].ca[n])
			n++;
		assert_int_equal(c.engine.ca_count, n);
		for (size_t j = 0; j < n; j++)
			assert_string_equal(c.engine.ca[j].name,
					    order_cases[i].ca[j]);
	}
}

static void staging_is_one_line(void **state)
{
	struct limits limits = limits_staging();
	struct config c;

	(void)state;
	read_good("ca_order = {letsencrypt-staging}", &c);
	assert_string_equal(c.engine.ca[0].directory_url, STAGING);
	assert_memory_equal(&c.engine.ca[0].limits, &limits, sizeof(limits));
}

/* ---- what a section changes, and what it leaves ---- */

static void a_section_changes_its_keys_only(void **state)
{
	struct limits limits = limits_default();
	const struct ca_settings *ca;
	struct config c;

	(void)state;
	read_good("ca letsencrypt {\n"
		  "  profile = \"shortlived\"\n"
		  "  limit_new_orders = \"1000/1h\"\n"
		  "  limit_per_domain = \"none\"\n"
		  "}\n", &c);
	ca = &c.engine.ca[0];
	limits.of[LIMIT_NEW_ORDERS] = (struct limit){ 1000, 3600 };
	limits.of[LIMIT_PER_DOMAIN] = (struct limit){ 0, 1 };
	assert_string_equal(ca->profile, "shortlived");
	assert_false(ca->needs_profile);
	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		assert_int_equal(ca->limits.of[i].burst, limits.of[i].burst);
		assert_int_equal(ca->limits.of[i].period, limits.of[i].period);
	}
	assert_string_equal(ca->directory_url,
			    "https://acme-v02.api.letsencrypt.org/directory");
}

static const struct {
	const char *text, *first;
	size_t count;
} identity_cases[] = {
	{ "", "letsencrypt.org", 1 },
	{ "ca letsencrypt { profile = \"shortlived\" }", "letsencrypt.org", 1 },
	{ "ca letsencrypt { caa_identities = {\"a.test\", \"b.test\"} }",
	  "a.test", 2 },
	{ "ca a { directory = \"https://a.test/\" }", "", 0 },
};

static void names_in_caa_records_are_known(void **state)
{
	struct config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(identity_cases); i++) {
		const struct ca_settings *ca;

		print_message("%s\n", identity_cases[i].text);
		read_good(identity_cases[i].text, &c);
		ca = &c.engine.ca[0];
		assert_int_equal(ca->caa_identity_count,
				 identity_cases[i].count);
		assert_string_equal(ca->caa_identity[0],
				    identity_cases[i].first);
	}
}

static void private_addresses_are_for_who_says_so(void **state)
{
	struct config c;

	(void)state;
	read_good("", &c);
	assert_false(c.allow_private);
	read_good("allow_private = true", &c);
	assert_true(c.allow_private);
}

static void every_limit_has_its_key(void **state)
{
	static const struct limit want[LIMIT_KINDS] = {
		[LIMIT_NEW_ORDERS] = { 1, 11 },
		[LIMIT_PER_DOMAIN] = { 2, 12 },
		[LIMIT_DUPLICATES] = { 3, 13 },
		[LIMIT_FAILED_VALIDATIONS] = { 4, 14 },
		[LIMIT_ARI] = { 5, 15 },
		[LIMIT_POSTS] = { 6, 16 },
	};
	struct config c;

	(void)state;
	read_good("ca a { directory = \"https://a.test/\"\n"
		  "profile = \"tls.server_1\" profile_required = true\n"
		  "limit_new_orders = \"1/11s\" limit_per_domain = \"2/12s\"\n"
		  "limit_duplicates = \"3/13s\"\n"
		  "limit_failed_validations = \"4/14s\"\n"
		  "limit_ari = \"5/15s\" limit_posts = \"6/16s\" }\n", &c);
	assert_memory_equal(c.engine.ca[0].limits.of, want, sizeof(want));
	assert_string_equal(c.engine.ca[0].profile, "tls.server_1");
	assert_true(c.engine.ca[0].needs_profile);
}

/* ---- alerts ---- */

static void nobody_is_told_by_default(void **state)
{
	const struct alert_settings *a;
	struct config c;

	(void)state;
	read_good("", &c);
	a = &c.alerts;
	assert_int_equal(a->notify_count + a->mail_to_count, 0);
	assert_string_equal(a->heartbeat_url, "");
	assert_int_equal(a->heartbeat_interval, 300);
	assert_int_equal(a->ca_down, 900);
	assert_int_equal(a->gather, 30);
	assert_string_equal(a->mail_server, "smtp://127.0.0.1:25");
	assert_true(mail_address_is_good(a->mail_from));
	assert_false(a->mail_tls);
}

static void who_is_told_is_read(void **state)
{
	const struct alert_settings *a;
	struct config c;

	(void)state;
	read_good("notify = {\"/bin/sh\", \"-c\", \"cat\"}\n"
		  "alert_mail = {a@b.test, c@d.test}\n"
		  "mail_server = \"smtps://mx.test:465\"\n"
		  "mail_from = \"box@b.test\" mail_tls = true\n"
		  "mail_trust = \"/dev/null\"\n"
		  "heartbeat_url = \"https://w.test/x?y\"\n"
		  "heartbeat_trust = \"/dev/null\" alert_ca_down = 1h\n"
		  "heartbeat_interval = 90s alert_gather = 1s\n", &c);
	a = &c.alerts;
	assert_int_equal(a->notify_count, 3);
	assert_string_equal(a->notify[2], "cat");
	assert_int_equal(a->mail_to_count, 2);
	assert_string_equal(a->mail_to[1], "c@d.test");
	assert_string_equal(a->mail_server, "smtps://mx.test:465");
	assert_string_equal(a->mail_from, "box@b.test");
	assert_true(a->mail_tls);
	assert_string_equal(a->mail_trust, "/dev/null");
	assert_string_equal(a->heartbeat_url, "https://w.test/x?y");
	assert_string_equal(a->heartbeat_trust, "/dev/null");
	assert_int_equal(a->heartbeat_interval, 90);
	assert_int_equal(a->ca_down, 3600);
	assert_int_equal(a->gather, 1);
	read_good("notify = \"/bin/sh\"", &c);	/* one is a list, too */
	assert_int_equal(c.alerts.notify_count, 1);
}

static void a_password_goes_over_tls_only(void **state)
{
	char path[] = "/tmp/test-config-XXXXXX", text[200];
	int fd = mkstemp(path);
	struct config c;

	(void)state;
	assert_int_equal(write(fd, "secret word\r\n", 13), 13);
	close(fd);
	snprintf(text, sizeof(text),
		 "mail_user = u mail_password_file = \"%s\"", path);
	read_good(text, &c);
	unlink(path);
	assert_string_equal(c.alerts.mail_user, "u");
	assert_string_equal(c.alerts.mail_password, "secret word");
	assert_true(c.alerts.mail_tls);
}

/* ---- what is refused ---- */

#define HOST "host_name = host.example.org\n"
#define ZONE HOST "delegate_zone = sts.example.org\n"
#define SERVER                                                                 \
	"publish_program = \"/bin/true\" publish_server = \"192.0.2.1\"\n"

/* ---- the operator's own zone ---- */

static const struct {
	const char *text, *server, *port;
} server_cases[] = {
	{ "192.0.2.53", "192.0.2.53", "53" },
	{ "127.0.0.1:5353", "127.0.0.1", "5353" },
	{ "2001:db8::53", "2001:db8::53", "53" },
	{ "[2001:db8::53]", "2001:db8::53", "53" },
	{ "[2001:db8::53]:5353", "2001:db8::53", "5353" },
};

static void a_zone_and_its_server_are_read(void **state)
{
	char key[] = "/tmp/test-config-key-XXXXXX";
	int fd = mkstemp(key); /* 0600 */

	(void)state;
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(server_cases); i++) {
		struct config c;
		char *text = xasprintf(
			HOST
			"delegate_zone = STS.example.org.\n"
			"publish_program = \"/bin/true\"\n"
			"publish_server = \"%s\" publish_key_file = \"%s\"",
			server_cases[i].text, key);

		read_good(text, &c);
		assert_string_equal(c.publish.zone, "sts.example.org");
		assert_string_equal(c.publish.server, server_cases[i].server);
		assert_string_equal(c.publish.port, server_cases[i].port);
		assert_string_equal(c.publish.program, "/bin/true");
		assert_true(publish_is_on(&c.publish));
		assert_int_equal(c.publish.alert_after, 900);
		free(text);
	}
	unlink(key);
}

static const struct {
	const char *text;
	int line;		/* 0: of the file as a whole */
	const char *words, *hint;
} bad_cases[] = {
	{ "# one\nfoo = 1", 2, "foo", "mtastsd.conf(5)" },
	{ "workers = 1 # one\n// two\n/* three\n */ foo = 1", 4, "foo", "" },
	{ "contact = \"#\n'\" # 'two\nfoo = 1", 2, "contact", "mail" },
	{ "ca a {\n # two\n limit_posts = \"many\" # three\n}", 3,
	  "limit_posts: \"many\"", "300/3h" },
	{ "ca a {\n limit_posts = \"many\"\n}", 2, "limit_posts: \"many\"",
	  "300/3h" },
	{ "backup_folder = backup", 1, "backup_folder: \"backup\"",
	  "an absolute path" },
	{ "backup_interval = 5m", 1, "backup_interval: \"5m\"", "15m to 31d" },
	{ "backup_keep = 0", 1, "backup_keep: \"0\"", "1 to 1000" },
	{ "backup_keep_for = 1h", 1, "backup_keep_for: \"1h\"", "from a day" },
	{ "metrics_listen = \"0.0.0.0:9811\"", 1,
	  "metrics_listen: \"0.0.0.0:9811\"", "a loopback address" },
	{ "metrics_listen = \"[::]:9811\"", 1, "metrics_listen: \"[::]:9811\"",
	  "a loopback address" },
	{ "metrics_listen = \"192.0.2.1:9811\"", 1,
	  "metrics_listen: \"192.0.2.1:9811\"", "127.0.0.1:9811" },
	{ "metrics_listen = \"localhost:9811\"", 1,
	  "metrics_listen: \"localhost:9811\"", "a loopback address" },
	{ "metrics_listen = \"127.0.0.1\"", 1, "metrics_listen: \"127.0.0.1\"",
	  "address:port" },
	{ "metrics_listen = \"127.0.0.1:99999\"", 1,
	  "metrics_listen: \"127.0.0.1:99999\"", "address:port" },
	{ "resolvers = {resolver.example}", 1,
	  "resolvers: \"resolver.example\"", "192.0.2.53" },
	{ "resolvers = {\"192.0.2.1:0\"}", 1, "resolvers: \"192.0.2.1:0\"",
	  "192.0.2.53" },
	{ "resolvers = {\"192.0.2.1\",\n\"192.0.2.2\",\n\"192.0.2.1:53\"}", 3,
	  "resolvers: \"192.0.2.1:53\"", "each resolver once" },
	{ "resolvers = {\"2001:db8::1\", \"[2001:DB8:0::1]:53\"}", 1,
	  "resolvers: \"[2001:DB8:0::1]:53\"", "each resolver once" },
	{ "notify = sh", 1, "notify: \"sh\"", "absolute path" },
	{ "notify = \"/nonexistent/x\"", 1, "notify", "may be run" },
	{ "notify = {\"/bin/sh\",1,2,3,4,5,6,7,8}", 1, "notify", "seven" },
	{ "alert_mail = {a@b.test, nobody}", 1, "alert_mail: \"nobody\"",
	  "mail addresses" },
	{ "mail_server = \"http://a\"", 1, "mail_server", "smtps://" },
	{ "mail_server = \"smtp://\"", 1, "mail_server", "smtps://" },
	{ "mail_server = \"smtp://u:p@a\"", 1, "mail_server", "smtps://" },
	{ "mail_from = me", 1, "mail_from", "one mail address" },
	{ "mail_user = me", 0, "mail_password_file", "both" },
	{ "mail_user = me mail_password_file = \"/dev/null\"", 0,
	  "/dev/null holds no password", "first line" },
	{ "heartbeat_url = \"http://a/\"", 1, "heartbeat_url", "https" },
	{ "delegate_zone = \"a b\"", 1, "delegate_zone", "190 bytes" },
	{ "delegate_zone = sts.example.org", 0, "needs host_name",
	  "set host_name" },
	{ HOST "publish_hook = \"/bin/true\"", 0, "but not what",
	  "delegate_zone" },
	{ "publish_hook = \"true\"", 1, "publish_hook", "may be run" },
	{ "publish_server = \"ns.example.org\"", 1, "publish_server",
	  "an address" },
	{ "publish_server = \"[::1\"", 1, "publish_server", "an address" },
	{ "publish_server = \"192.0.2.1:\"", 1, "publish_server",
	  "an address" },
	{ "publish_program = \"/nonexistent/x\"", 1, "publish_program",
	  "nsupdate" },
	{ ZONE "publish_server = \"192.0.2.1\"", 0, "publish_key_file",
	  "TSIG" },
	{ ZONE "publish_server = \"192.0.2.1\" publish_hook = \"/bin/true\"", 0,
	  "both set", "the one" },
	{ ZONE SERVER "publish_key_file = \"/nonexistent/key\"", 0,
	  "No such file", "install -m 600 -o mtastsd FILE /nonexistent/key" },
	{ "ca a {\n directory = \"https://a/\" eab_kid = k "
	  "eab_key_file = \"/nonexistent/key\"\n}",
	  0, "ca a: eab_key_file /nonexistent/key: No such file",
	  "install -m 600 -o mtastsd FILE /nonexistent/key" },
	{ ZONE SERVER "publish_key_file = \"/etc/passwd\"", 0,
	  "everybody may read", "chmod o=" },
	{ "heartbeat_interval = 0s", 1, "heartbeat_interval", "hour" },
	{ "alert_gather = 2h", 1, "alert_gather", "hour" },
	{ "ca a {\n limit_ari = \"0/1s\"\n}", 2, "limit_ari", "none" },
	{ "ca a {\n limit_ari = \"\"\n}", 2, "limit_ari", "none" },
	{ "ca a {\n limit_aris = \"1/1s\"\n}", 2, "limit_aris",
	  "mtastsd.conf(5)" },
	{ "ca a {\n caa_identities = {\"a b\"}\n}", 2, "a b", "host name" },
	{ "ca a {\n\n profile = \"short lived\"\n}", 3, "short lived",
	  "shortlived" },
	{ "ca a {\n profile_required = true\n}", 3, "no profile",
	  "set profile" },
	{ "ca a {\n profile_required = perhaps\n}", 2, "profile_required", "" },
	{ "ca_order = {letsencrypt, letsencrypt}", 0, "letsencrypt twice",
	  "once" },
	{ "ca_order = {nobody}", 0, "ca nobody: there is no such section",
	  "letsencrypt-staging" },
	{ "ca a { profile = \"shortlived\" }", 0, "directory is not set",
	  "https://" },
};

static void bad_ones_are_refused_in_words(void **state)
{
	struct config c;
	char path[64], place[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		struct err err = ERR_INIT;

		assert_false(read_text(bad_cases[i].text, &c, path, &err));
		print_message("%s (%s)\n", err.text, err.hint);
		assert_int_equal(err.kind, ERR_INPUT);
		snprintf(place, sizeof(place), "%s:%d: ", path,
			 bad_cases[i].line);
		if (!bad_cases[i].line)
			snprintf(place, sizeof(place), "%s: ", path);
		assert_ptr_equal(strstr(err.text, place), err.text);
		assert_non_null(strstr(err.text, bad_cases[i].words));
		assert_non_null(strstr(err.hint, bad_cases[i].hint));
	}
}

/* ---- the key of an external account binding ---- */

/* What is said on stderr when a configuration with this key file is read. */
static void read_with_key(mode_t mode, char *said, size_t size)
{
	char key[] = "/tmp/test-config-key-XXXXXX", text[256];
	int fd = mkstemp(key), keep = dup(STDERR_FILENO);
	FILE *out = tmpfile();
	struct config c;

	assert_true(write(fd, "c2VjcmV0LWtleQ==\n", 17) == 17);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	snprintf(text, sizeof(text),
		 "ca a { directory = \"https://a.test/\"\n"
		 "eab_kid = \"kid-1\" eab_key_file = \"%s\" }\n", key);
	fflush(stderr);
	dup2(fileno(out), STDERR_FILENO);
	read_good(text, &c);
	fflush(stderr);
	dup2(keep, STDERR_FILENO);
	close(keep);
	rewind(out);
	said[fread(said, 1, size - 1, out)] = '\0';
	fclose(out);
	unlink(key);
	assert_int_equal(c.engine.ca[0].eab_key_len, 10);
	assert_memory_equal(c.engine.ca[0].eab_key, "secret-key", 10);
}

static void a_key_that_all_may_read_is_told(void **state)
{
	char said[1024];

	(void)state;
	read_with_key(0644, said, sizeof(said));
	assert_non_null(strstr(said, "everybody may read eab_key_file"));
	read_with_key(0640, said, sizeof(said));
	assert_string_equal(said, "");
}

static void metrics_listen_at_this_machine_alone(void **state)
{
	struct config c;

	(void)state;
	read_good("", &c);
	assert_string_equal(c.metrics_listen, "");
	read_good("metrics_listen = \"127.0.0.1:9811\"", &c);
	assert_string_equal(c.metrics_listen, "127.0.0.1:9811");
	read_good("metrics_listen = \"[::1]:9811\"", &c);
	assert_string_equal(c.metrics_listen, "[::1]:9811");
}

/* The service is stopped then, and its credentials are gone. */
static void a_restore_needs_no_file_that_is_named(void **state)
{
	static const char text[] = "state_dir = \"/srv/state\"\n"
				   "ca letsencrypt {\n"
				   "trust = \"/no/such/root\"\n"
				   "eab_kid = \"x\"\n"
				   "eab_key_file = \"/no/such/key\"\n}\n";
	struct err err = ERR_INIT;
	struct config c;
	char path[64];
	FILE *f;

	(void)state;
	assert_false(read_text(text, &c, path, &err));
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_true(config_read_state_dir(&c, path, &err));
	assert_string_equal(c.state_dir, "/srv/state");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_and_its_server_are_read),
		cmocka_unit_test(nobody_is_told_by_default),
		cmocka_unit_test(who_is_told_is_read),
		cmocka_unit_test(a_password_goes_over_tls_only),
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(cas_stand_in_order),
		cmocka_unit_test(staging_is_one_line),
		cmocka_unit_test(a_section_changes_its_keys_only),
		cmocka_unit_test(names_in_caa_records_are_known),
		cmocka_unit_test(private_addresses_are_for_who_says_so),
		cmocka_unit_test(every_limit_has_its_key),
		cmocka_unit_test(bad_ones_are_refused_in_words),
		cmocka_unit_test(a_restore_needs_no_file_that_is_named),
		cmocka_unit_test(a_key_that_all_may_read_is_told),
		cmocka_unit_test(metrics_listen_at_this_machine_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
