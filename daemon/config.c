#include "daemon/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/b64.h"
#include "base/dns.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/config_alerts.h"
#include "daemon/config_publish.h"
#include "daemon/config_text.h"
#include "daemon/limit_text.h"
#include "daemon/own_address.h"
#include "httpd/listener.h"

#define MEGABYTE (1024 * 1024)
#define SAMPLE(prefix) prefix "/share/doc/mtastsd/examples/mtastsd.conf"
#define INTERVAL_LEAST (15 * WHEN_MINUTE)

/* ---- what is built in ---- */

static const struct {
	const char *name, *directory, *caa_identity;
	struct limits (*limits)(void);
} known_cas[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory",
	  "letsencrypt.org", limits_default },
	{ "letsencrypt-staging",
	  "https://acme-staging-v02.api.letsencrypt.org/directory",
	  "letsencrypt.org", limits_staging },
};

static const struct {
	const char *key, *path;
	enum limit_kind kind;
} limit_keys[] = {
	{ "limit_new_orders", "ca|limit_new_orders", LIMIT_NEW_ORDERS },
	{ "limit_per_domain", "ca|limit_per_domain", LIMIT_PER_DOMAIN },
	{ "limit_duplicates", "ca|limit_duplicates", LIMIT_DUPLICATES },
	{ "limit_failed_validations", "ca|limit_failed_validations",
	  LIMIT_FAILED_VALIDATIONS },
	{ "limit_ari", "ca|limit_ari", LIMIT_ARI },
	{ "limit_posts", "ca|limit_posts", LIMIT_POSTS },
};

/* libconfuse takes the defaults of lists as text that it may write to. */
static char no_entries[] = "{}";
static char all_https[] = "{0.0.0.0:443, [::]:443}";
static char all_http[] = "{0.0.0.0:80, [::]:80}";

static cfg_opt_t ca_options[] = {
	CFG_STR("directory", "", CFGF_NONE),
	CFG_STR("trust", "", CFGF_NONE),
	CFG_STR("eab_kid", "", CFGF_NONE),
	CFG_STR("eab_key_file", "", CFGF_NONE),
	CFG_STR("profile", "", CFGF_NONE),
	CFG_BOOL("profile_required", cfg_false, CFGF_NONE),
	CFG_STR_LIST("caa_identities", no_entries, CFGF_NONE),
	CFG_STR("limit_new_orders", NULL, CFGF_NONE),
	CFG_STR("limit_per_domain", NULL, CFGF_NONE),
	CFG_STR("limit_duplicates", NULL, CFGF_NONE),
	CFG_STR("limit_failed_validations", NULL, CFGF_NONE),
	CFG_STR("limit_ari", NULL, CFGF_NONE),
	CFG_STR("limit_posts", NULL, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t options[] = {
	CFG_STR("contact", "", CFGF_NONE),
	CFG_BOOL("agree_tos", cfg_false, CFGF_NONE),
	CFG_STR("state_dir", "/var/lib/mtastsd", CFGF_NONE),
	CFG_STR("run_dir", "/run/mtastsd", CFGF_NONE),
	CFG_STR("host_name", "", CFGF_NONE),
	CFG_STR("delegate_zone", "", CFGF_NONE),
	CFG_STR("publish_server", "", CFGF_NONE),
	CFG_STR("publish_key_file", "", CFGF_NONE),
	CFG_STR("publish_program", "", CFGF_NONE),
	CFG_STR_LIST("publish_hook", no_entries, CFGF_NONE),
	CFG_STR("alert_publish", "15m", CFGF_NONE),
	CFG_STR_LIST("public_addresses", no_entries, CFGF_NONE),
	CFG_STR_LIST("listen_https", all_https, CFGF_NONE),
	CFG_STR_LIST("listen_http", all_http, CFGF_NONE),
	CFG_STR("metrics_listen", "", CFGF_NONE),
	CFG_STR_LIST("resolvers", no_entries, CFGF_NONE),
	CFG_BOOL("allow_private", cfg_false, CFGF_NONE),
	CFG_INT("check_http_port", 80, CFGF_NONE),
	CFG_INT("check_https_port", 443, CFGF_NONE),
	CFG_INT("check_smtp_port", 25, CFGF_NONE),
	CFG_STR("check_trust", "", CFGF_NONE),
	CFG_STR("testing_time", "7d", CFGF_NONE),
	CFG_STR("log_keep", "", CFGF_NONE),
	CFG_STR("backup_folder", "", CFGF_NONE),
	CFG_STR("backup_interval", "1d", CFGF_NONE),
	CFG_INT("backup_keep", 14, CFGF_NONE),
	CFG_STR("backup_keep_for", "", CFGF_NONE),
	CFG_BOOL("collect_reports", cfg_true, CFGF_NONE),
	CFG_STR("report_retention", "400d", CFGF_NONE),
	CFG_INT("report_room", 64, CFGF_NONE),
	CFG_INT("report_room_total", 4096, CFGF_NONE),
	CFG_INT("report_share", 1, CFGF_NONE),
	CFG_INT("workers", 0, CFGF_NONE),
	CFG_INT("max_connections", 10000, CFGF_NONE),
	CFG_INT("max_per_address", 256, CFGF_NONE),
	CFG_INT("max_broken_per_address", 20, CFGF_NONE),
	CFG_STR("connection_deadline", "30s", CFGF_NONE),
	CFG_STR_LIST("proxies", no_entries, CFGF_NONE),
	CFG_INT("cache_size", 96, CFGF_NONE),
	CFG_INT("orders_in_flight", 32, CFGF_NONE),
	CFG_STR("log_level", "info", CFGF_NONE),
	CFG_STR_LIST("ca_order", no_entries, CFGF_NONE),
	CFG_STR_LIST("notify", no_entries, CFGF_NONE),
	CFG_STR_LIST("alert_mail", no_entries, CFGF_NONE),
	CFG_STR("mail_server", "smtp://127.0.0.1:25", CFGF_NONE),
	CFG_STR("mail_from", "", CFGF_NONE),
	CFG_STR("mail_user", "", CFGF_NONE),
	CFG_STR("mail_password_file", "", CFGF_NONE),
	CFG_BOOL("mail_tls", cfg_false, CFGF_NONE),
	CFG_STR("mail_trust", "", CFGF_NONE),
	CFG_STR("heartbeat_url", "", CFGF_NONE),
	CFG_STR("heartbeat_trust", "", CFGF_NONE),
	CFG_STR("heartbeat_interval", "5m", CFGF_NONE),
	CFG_STR("alert_ca_down", "15m", CFGF_NONE),
	CFG_STR("alert_gather", "30s", CFGF_NONE),
	CFG_SEC("ca", ca_options, CFGF_MULTI | CFGF_TITLE),
	CFG_END(),
};

/* ---- errors: the first one counts ---- */

/*
 * libconfuse gives its callbacks nothing of ours, so what is being read is
 * kept here. Only the main thread reads configurations, one at a time.
 */
static struct {
	struct err *err;
	bool has_failed;
	bool needs_files; /* those that it names must be there */
} reading;

static void add_place(const cfg_t *cfg, const char *text)
{
	if (reading.has_failed)
		return;
	reading.has_failed = true;
	err_set(reading.err, ERR_INPUT, "%s:%d: %s",
		cfg->filename ? cfg->filename : "?", cfg->line, text);
}

static int refuse(const cfg_t *cfg, const cfg_opt_t *opt, const char *value,
		  const char *expected)
{
	char *text = xasprintf("%s: \"%.80s\" is not good", opt->name, value);

	if (!reading.has_failed) {
		add_place(cfg, text);
		err_hint(reading.err, "expected %s", expected);
	}
	free(text);
	return -1;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[256];

	if (reading.has_failed ||
	    vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	add_place(cfg, text);
	err_hint(reading.err, "%s", strstr(text, "no such option")
			? "the keys are listed in mtastsd.conf(5)"
			: "write key = value; text in \"quotes\", lists in "
			  "{braces}; see mtastsd.conf(5)");
}

/* ---- checks of single values, made while their line is known ---- */

static const char *newest(cfg_opt_t *opt)
{
	return cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
}

static int check_listen(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = newest(opt), *colon = strrchr(text, ':');
	long port;

	if (colon && colon != text && strlen(text) < 64 &&
	    str_to_long(colon + 1, strlen(colon + 1), 65535, &port))
		return 0;
	return refuse(cfg, opt, text,
		      "address:port, such as 0.0.0.0:443 or [::]:443");
}

/* Nobody is asked who he is there: so it is for this machine alone. */
static int check_metrics(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = newest(opt), *colon = strrchr(text, ':');
	char host[64];

	if (!*text)
		return 0;
	if (check_listen(cfg, opt) != 0)
		return -1;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (host[0] == '[' && colon[-1] == ']') {
		host[colon - text - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (address_is_loopback(host))
		return 0;
	return refuse(cfg, opt, text,
		      "a loopback address and a port, such as 127.0.0.1:9811 "
		      "or [::1]:9811");
}

static int check_address(cfg_t *cfg, cfg_opt_t *opt)
{
	char out[DNS_ADDRESS_TEXT];

	if (own_address_normalise(newest(opt), out))
		return 0;
	return refuse(cfg, opt, newest(opt),
		      "an IPv4 or IPv6 address, such as 192.0.2.1");
}

static int check_network(cfg_t *cfg, cfg_opt_t *opt)
{
	struct network n;

	if (network_parse(newest(opt), &n))
		return 0;
	return refuse(cfg, opt, newest(opt),
		      "an address or a network, such as 192.0.2.1 or "
		      "2001:db8::/64");
}

/* One that is there already would pass for a second voice. */
static bool is_another_resolver(cfg_opt_t *opt, const char *name)
{
	char other[DNS_SERVER_TEXT];

	for (unsigned i = 0; i + 1 < cfg_opt_size(opt); i++)
		if (dns_server_normalise(cfg_opt_getnstr(opt, i), other,
					 NULL) &&
		    streq(other, name))
			return false;
	return true;
}

static int check_resolver(cfg_t *cfg, cfg_opt_t *opt)
{
	char name[DNS_SERVER_TEXT];
	const char *text = newest(opt);

	if (strlen(text) < 64 && dns_server_normalise(text, name, NULL)) {
		if (is_another_resolver(opt, name))
			return 0;
		return refuse(cfg, opt, text,
			      "each resolver once: two that agree must be two");
	}
	return refuse(cfg, opt, text,
		      "an address, with a port if it is not 53: 192.0.2.53, "
		      "127.0.0.1:5353, [2001:db8::53]:53");
}

static int check_duration(cfg_t *cfg, cfg_opt_t *opt)
{
	long seconds;

	if (duration_parse(newest(opt), &seconds, NULL) && seconds > 0 &&
	    seconds <= WHEN_HOUR)
		return 0;
	return refuse(cfg, opt, newest(opt), "a duration of at most an hour, "
					     "such as 30s");
}

static int check_days(cfg_t *cfg, cfg_opt_t *opt)
{
	long seconds;

	if (duration_parse(newest(opt), &seconds, NULL) && seconds >= 0 &&
	    seconds <= 366 * WHEN_DAY)
		return 0;
	return refuse(cfg, opt, newest(opt), "a duration of at most a year, "
					     "such as 7d");
}

static int check_keep(cfg_t *cfg, cfg_opt_t *opt)
{
	long seconds;

	if (!*newest(opt) ||
	    (duration_parse(newest(opt), &seconds, NULL) &&
	     seconds >= WHEN_DAY && seconds <= 10 * 366 * WHEN_DAY))
		return 0;
	return refuse(cfg, opt, newest(opt), "a duration from a day to ten "
					     "years, such as 365d");
}

static int check_host(cfg_t *cfg, cfg_opt_t *opt)
{
	char name[DOMAIN_NAME_SIZE];

	if (!*newest(opt) || host_name_normalise(newest(opt), name, NULL))
		return 0;
	return refuse(cfg, opt, newest(opt), "a host name");
}

static int check_contact(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = newest(opt), *at = strchr(text, '@');

	if (!*text || (at && at != text && at[1] && !strchr(at + 1, '@') &&
		       !strpbrk(text, " \t<>,:") &&
		       strlen(text) < CONTACT_SIZE))
		return 0;
	return refuse(cfg, opt, text, "one mail address");
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = newest(opt);

	if (text[0] == '/' && strlen(text) < CONFIG_PATH_SIZE)
		return 0;
	return refuse(cfg, opt, text, "an absolute path");
}

static int check_folder(cfg_t *cfg, cfg_opt_t *opt)
{
	return *newest(opt) ? check_path(cfg, opt) : 0;
}

static int check_interval(cfg_t *cfg, cfg_opt_t *opt)
{
	long seconds;

	if (duration_parse(newest(opt), &seconds, NULL) &&
	    seconds >= INTERVAL_LEAST && seconds <= 31 * WHEN_DAY)
		return 0;
	return refuse(cfg, opt, newest(opt),
		      "a duration from 15m to 31d, such "
		      "as 6h");
}

static int check_trust(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = newest(opt);

	if (!*text || !reading.needs_files ||
	    (text[0] == '/' && access(text, R_OK) == 0))
		return 0;
	if (text[0] == '/' && errno == EACCES)
		return refuse(cfg, opt, text,
			      "a PEM file that mtastsd's user may read: it is "
			      "closed to this one");
	return refuse(cfg, opt, text,
		      "the absolute path of a readable PEM file");
}

static int check_directory(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = newest(opt);

	if (str_starts(text, "https://") && strlen(text) < URL_SIZE)
		return 0;
	return refuse(cfg, opt, text, "the https URL of an ACME directory");
}

static int check_alert(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *expected = config_alert_expected(
		opt->name, newest(opt), (size_t)cfg_opt_size(opt) - 1);

	return expected ? refuse(cfg, opt, newest(opt), expected) : 0;
}

static int check_publish(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *expected = config_publish_expected(
		opt->name, newest(opt), (size_t)cfg_opt_size(opt) - 1);

	return expected ? refuse(cfg, opt, newest(opt), expected) : 0;
}

static int check_profile(cfg_t *cfg, cfg_opt_t *opt)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	const char *text = newest(opt);

	if (strlen(text) < PROFILE_SIZE && !text[strspn(text, allowed)])
		return 0;
	return refuse(cfg, opt, text,
		      "the name of a profile that the CA offers, such as "
		      "shortlived");
}

static int check_limit(cfg_t *cfg, cfg_opt_t *opt)
{
	struct limit limit;

	if (limit_text_parse(newest(opt), &limit))
		return 0;
	return refuse(cfg, opt, newest(opt), LIMIT_TEXT_FORM);
}

/* What no single key says; the line is that of the closing brace. */
static int check_ca(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *sec = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	if (!cfg_getbool(sec, "profile_required") ||
	    *cfg_getstr(sec, "profile") || reading.has_failed)
		return 0;
	add_place(cfg, "profile_required, but no profile");
	err_hint(reading.err, "set profile to the one that is required");
	return -1;
}

static const struct {
	const char *word;
	enum log_level level;
} log_levels[] = {
	{ "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARN },
	{ "info", LOG_LEVEL_INFO },   { "debug", LOG_LEVEL_DEBUG },
};

static int check_log_level(cfg_t *cfg, cfg_opt_t *opt)
{
	for (size_t i = 0; i < ARRAY_LEN(log_levels); i++)
		if (streq(newest(opt), log_levels[i].word))
			return 0;
	return refuse(cfg, opt, newest(opt), "error, warning, info or debug");
}

static const struct {
	const char *key;
	long low, high;
} ranges[] = {
	{ "workers", 0, 256 },
	{ "max_connections", 10, 1000000 },
	{ "max_per_address", 1, 1000000 },
	{ "max_broken_per_address", 0, 100000 },
	{ "cache_size", 1, 65536 },
	{ "orders_in_flight", 1, 1000 },
	{ "check_http_port", 1, 65535 },
	{ "check_https_port", 1, 65535 },
	{ "check_smtp_port", 1, 65535 },
	{ "backup_keep", 1, 1000 },
	{ "report_room", 1, 1048576 },
	{ "report_room_total", 1, 1048576 },
	{ "report_share", 0, 100 },
};

static int check_range(cfg_t *cfg, cfg_opt_t *opt)
{
	long value = cfg_opt_getnint(opt, 0);
	char text[32], expected[64];

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (!streq(opt->name, ranges[i].key) ||
		    (value >= ranges[i].low && value <= ranges[i].high))
			continue;
		snprintf(text, sizeof(text), "%ld", value);
		snprintf(expected, sizeof(expected), "a number from %ld to %ld",
			 ranges[i].low, ranges[i].high);
		return refuse(cfg, opt, text, expected);
	}
	return 0;
}

static const struct {
	const char *key;
	cfg_validate_callback_t check;
} checks[] = {
	{ "contact", check_contact },
	{ "state_dir", check_path },
	{ "run_dir", check_path },
	{ "host_name", check_host },
	{ "delegate_zone", check_publish },
	{ "publish_server", check_publish },
	{ "publish_key_file", check_publish },
	{ "publish_program", check_publish },
	{ "publish_hook", check_publish },
	{ "alert_publish", check_duration },
	{ "public_addresses", check_address },
	{ "listen_https", check_listen },
	{ "listen_http", check_listen },
	{ "metrics_listen", check_metrics },
	{ "resolvers", check_resolver },
	{ "workers", check_range },
	{ "max_connections", check_range },
	{ "max_per_address", check_range },
	{ "max_broken_per_address", check_range },
	{ "connection_deadline", check_duration },
	{ "proxies", check_network },
	{ "cache_size", check_range },
	{ "orders_in_flight", check_range },
	{ "check_http_port", check_range },
	{ "check_https_port", check_range },
	{ "check_smtp_port", check_range },
	{ "check_trust", check_trust },
	{ "testing_time", check_days },
	{ "log_keep", check_keep },
	{ "backup_folder", check_folder },
	{ "backup_interval", check_interval },
	{ "backup_keep", check_range },
	{ "backup_keep_for", check_keep },
	{ "report_retention", check_keep },
	{ "report_room", check_range },
	{ "report_room_total", check_range },
	{ "report_share", check_range },
	{ "log_level", check_log_level },
	{ "notify", check_alert },
	{ "alert_mail", check_alert },
	{ "mail_server", check_alert },
	{ "mail_from", check_alert },
	{ "mail_user", check_alert },
	{ "mail_trust", check_trust },
	{ "heartbeat_url", check_alert },
	{ "heartbeat_trust", check_trust },
	{ "heartbeat_interval", check_duration },
	{ "alert_ca_down", check_duration },
	{ "alert_gather", check_duration },
	{ "ca|directory", check_directory },
	{ "ca|trust", check_trust },
	{ "ca|profile", check_profile },
	{ "ca|caa_identities", check_host },
	{ "ca", check_ca },
};

static void set_checks(cfg_t *cfg)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		cfg_set_validate_func(cfg, checks[i].key, checks[i].check);
	for (size_t i = 0; i < ARRAY_LEN(limit_keys); i++)
		cfg_set_validate_func(cfg, limit_keys[i].path, check_limit);
}

/* ---- from libconfuse's tree to ours ---- */

static bool too_many(const char *key, size_t most, struct err *err)
{
	err_set(err, ERR_INPUT, "%s has more than %zu entries", key, most);
	return err_hint(err, "shorten the list");
}

static bool copy_list(cfg_t *cfg, const char *key, char (*out)[64],
		      size_t *count, size_t most, struct err *err)
{
	*count = cfg_size(cfg, key);
	if (*count > most)
		return too_many(key, most, err);
	for (size_t i = 0; i < *count; i++)
		snprintf(out[i], 64, "%s",
			 cfg_getnstr(cfg, key, (unsigned)i));
	return true;
}

static bool copy_addresses(cfg_t *cfg, struct config *c, struct err *err)
{
	struct engine_settings *s = &c->engine;
	size_t n = cfg_size(cfg, "public_addresses");

	if (n > ENGINE_ADDRESS_LIMIT)
		return too_many("public_addresses", ENGINE_ADDRESS_LIMIT, err);
	for (size_t i = 0; i < n; i++)
		own_address_normalise(
			cfg_getnstr(cfg, "public_addresses", (unsigned)i),
			s->address[i]);
	s->address_count = n;
	c->finds_addresses = n == 0;
	if (c->finds_addresses)
		s->address_count = own_address_list(s->address,
						    ENGINE_ADDRESS_LIMIT);
	return true;
}

static bool copy_proxies(cfg_t *cfg, struct proxies *p, struct err *err)
{
	p->count = cfg_size(cfg, "proxies");
	if (p->count > PROXIES_MAX)
		return too_many("proxies", PROXIES_MAX, err);
	for (size_t i = 0; i < p->count; i++)
		network_parse(cfg_getnstr(cfg, "proxies", (unsigned)i),
			      &p->network[i]);
	return true;
}

/* Whoever has it can make accounts in our name. */
static void warn_if_readable(const char *path, FILE *f,
			     const struct ca_settings *ca)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 && (st.st_mode & S_IROTH))
		log_warn("ca %s: everybody may read eab_key_file %s: chmod "
			 "o-r %s", ca->name, path, path);
}

static bool read_key_file(const char *path, struct ca_settings *ca,
			  struct err *err)
{
	char text[256] = "", whose[CA_NAME_SIZE + 24];
	unsigned char *key = NULL;
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f) {
		snprintf(whose, sizeof(whose), "ca %s: eab_key_file", ca->name);
		return config_lacks_key_file(whose, path, err);
	}
	warn_if_readable(path, f, ca);
	ok = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	text[strcspn(text, "=\r\n")] = '\0';	/* with or without padding */
	ok = ok && *text && b64url_decode(text, &key, &ca->eab_key_len) &&
	     ca->eab_key_len <= sizeof(ca->eab_key);
	if (ok)
		memcpy(ca->eab_key, key, ca->eab_key_len);
	free(key);
	if (ok)
		return true;
	err_set(err, ERR_INPUT, "ca %s: %s holds no key", ca->name, path);
	return err_hint(err, "expected one line of base64url, as the CA "
			     "shows it");
}

static bool copy_binding(cfg_t *sec, struct ca_settings *ca, struct err *err)
{
	const char *kid = cfg_getstr(sec, "eab_kid");
	const char *file = cfg_getstr(sec, "eab_key_file");

	if (!*kid && !*file)
		return true;
	if (!*kid || !*file || strlen(kid) >= sizeof(ca->eab_kid)) {
		err_set(err, ERR_INPUT, "ca %s: eab_kid and eab_key_file go "
					"together", ca->name);
		return err_hint(err, "set both, or neither");
	}
	snprintf(ca->eab_kid, sizeof(ca->eab_kid), "%s", kid);
	return read_key_file(file, ca, err);
}

static void copy_limits(cfg_t *sec, struct ca_settings *ca)
{
	for (size_t i = 0; i < ARRAY_LEN(limit_keys); i++) {
		const char *text = cfg_getstr(sec, limit_keys[i].key);

		if (text)
			limit_text_parse(text,
					 &ca->limits.of[limit_keys[i].kind]);
	}
}

static bool copy_identities(cfg_t *sec, struct ca_settings *ca, struct err *err)
{
	size_t n = cfg_size(sec, "caa_identities");

	if (n > ENGINE_CAA_NAMES)
		return too_many("caa_identities", ENGINE_CAA_NAMES, err);
	for (size_t i = 0; i < n; i++)
		str_copy(ca->caa_identity[i], DNS_CAA_VALUE,
			 cfg_getnstr(sec, "caa_identities", (unsigned)i));
	if (n)
		ca->caa_identity_count = n;
	return true;
}

static bool copy_section(cfg_t *sec, struct ca_settings *ca, struct err *err)
{
	if (*cfg_getstr(sec, "directory"))
		snprintf(ca->directory_url, sizeof(ca->directory_url), "%s",
			 cfg_getstr(sec, "directory"));
	snprintf(ca->trust_file, sizeof(ca->trust_file), "%s",
		 cfg_getstr(sec, "trust"));
	snprintf(ca->profile, sizeof(ca->profile), "%s",
		 cfg_getstr(sec, "profile"));
	ca->needs_profile = cfg_getbool(sec, "profile_required");
	copy_limits(sec, ca);
	return copy_identities(sec, ca, err) && copy_binding(sec, ca, err);
}

/* What is built in; a section changes it. */
static void use_known(struct ca_settings *ca)
{
	ca->limits = limits_default();
	for (size_t i = 0; i < ARRAY_LEN(known_cas); i++) {
		if (!streq(ca->name, known_cas[i].name))
			continue;
		snprintf(ca->directory_url, sizeof(ca->directory_url), "%s",
			 known_cas[i].directory);
		ca->limits = known_cas[i].limits();
		str_copy(ca->caa_identity[0], DNS_CAA_VALUE,
			 known_cas[i].caa_identity);
		ca->caa_identity_count = 1;
	}
}

static bool is_listed(const struct engine_settings *s, const char *name)
{
	for (size_t i = 0; i < s->ca_count; i++)
		if (streq(s->ca[i].name, name))
			return true;
	return false;
}

static bool name_ca(const struct engine_settings *s, const char *name,
		    struct ca_settings *ca, struct err *err)
{
	if (s->ca_count == ENGINE_CA_LIMIT)
		return too_many("ca_order", ENGINE_CA_LIMIT, err);
	if (strlen(name) >= sizeof(ca->name))
		return err_set(err, ERR_INPUT, "ca %.40s...: the name is too "
					       "long", name);
	if (is_listed(s, name)) {
		err_set(err, ERR_INPUT, "ca_order names %s twice", name);
		return err_hint(err, "name each CA once, the first choice "
				     "first");
	}
	snprintf(ca->name, sizeof(ca->name), "%s", name);
	return true;
}

static bool add_ca(cfg_t *cfg, struct engine_settings *s, const char *name,
		   struct err *err)
{
	struct ca_settings *ca = &s->ca[s->ca_count];
	cfg_t *sec = cfg_gettsec(cfg, "ca", name);

	if (!name_ca(s, name, ca, err))
		return false;
	use_known(ca);
	if (sec && !copy_section(sec, ca, err))
		return false;
	if (*ca->directory_url) {
		s->ca_count++;
		return true;
	}
	err_set(err, ERR_INPUT, "ca %s: %s", name,
		sec ? "directory is not set" : "there is no such section");
	return err_hint(err, "write ca %s { directory = \"https://...\" }, or "
			     "name letsencrypt or letsencrypt-staging", name);
}

/* ca_order if it is set, else the sections as they stand, else the default. */
static bool copy_cas(cfg_t *cfg, struct engine_settings *s, struct err *err)
{
	bool is_ordered = cfg_size(cfg, "ca_order") > 0;
	unsigned n = cfg_size(cfg, is_ordered ? "ca_order" : "ca");

	for (unsigned i = 0; i < n; i++) {
		const char *name =
			is_ordered ? cfg_getnstr(cfg, "ca_order", i)
				   : cfg_title(cfg_getnsec(cfg, "ca", i));

		if (!add_ca(cfg, s, name, err))
			return false;
	}
	return n || add_ca(cfg, s, known_cas[0].name, err);
}

static enum log_level level_of(const char *word)
{
	size_t i = 0;

	while (!streq(word, log_levels[i].word))
		i++;
	return log_levels[i].level;
}

static void copy_numbers(cfg_t *cfg, struct config *c)
{
	c->workers = (unsigned)cfg_getint(cfg, "workers");
	c->max_connections = (unsigned)cfg_getint(cfg, "max_connections");
	c->max_per_address = (unsigned)cfg_getint(cfg, "max_per_address");
	c->max_broken_per_address = (unsigned)cfg_getint(
		cfg, "max_broken_per_address");
	c->cache_bytes = (size_t)cfg_getint(cfg, "cache_size") * MEGABYTE;
	c->report_room = (int64_t)cfg_getint(cfg, "report_room") * MEGABYTE;
	c->report_room_total = (int64_t)cfg_getint(cfg, "report_room_total") *
			       MEGABYTE;
	c->engine.orders_in_flight =
		(unsigned)cfg_getint(cfg, "orders_in_flight");
	duration_parse(cfg_getstr(cfg, "connection_deadline"),
		       &c->connection_deadline, NULL);
}

static void copy_archive(cfg_t *cfg, struct archive_settings *s)
{
	str_copy(s->folder, sizeof(s->folder),
		 cfg_getstr(cfg, "backup_folder"));
	duration_parse(cfg_getstr(cfg, "backup_interval"), &s->every, NULL);
	s->keep = cfg_getint(cfg, "backup_keep");
	if (*cfg_getstr(cfg, "backup_keep_for"))
		duration_parse(cfg_getstr(cfg, "backup_keep_for"), &s->keep_for,
			       NULL);
}

/* ---- files ---- */

static void note_file(struct config *c, const char *ca, const char *key,
		      cfg_t *cfg)
{
	const char *path = cfg_getstr(cfg, key);
	struct config_file *file = &c->file[c->file_count];

	if (!*path || c->file_count == CONFIG_FILES_MAX)
		return;
	snprintf(file->key, sizeof(file->key), "%s%s%s%s", *ca ? "ca " : "", ca,
		 *ca ? ": " : "", key);
	str_copy(file->path, sizeof(file->path), path);
	c->file_count++;
}

/* Of the CAs that are in use. */
static void note_files(cfg_t *cfg, struct config *c)
{
	note_file(c, "", "publish_key_file", cfg);
	note_file(c, "", "mail_password_file", cfg);
	note_file(c, "", "check_trust", cfg);
	for (size_t i = 0; i < c->engine.ca_count; i++) {
		const char *name = c->engine.ca[i].name;
		cfg_t *sec = cfg_gettsec(cfg, "ca", name);

		if (!sec)
			continue;
		note_file(c, name, "eab_key_file", sec);
		note_file(c, name, "trust", sec);
	}
}

static bool is_named(cfg_t *cfg, const char *key)
{
	return !(cfg_getopt(cfg, key)->flags & CFGF_RESET);
}

/*
 * Both families are the default, as far as the kernel has them; what the
 * configuration says is tried, and fails with a remedy.
 */
static bool copy_listeners(cfg_t *cfg, const char *key, char (*out)[64],
			   size_t *count, struct config *c, struct err *err)
{
	bool is_default = !is_named(cfg, key);
	size_t kept = 0;

	if (!copy_list(cfg, key, out, count, CONFIG_LIST_MAX, err))
		return false;
	for (size_t i = 0; is_default && i < *count; i++) {
		if (out[i][0] == '[' && !listener_has_family(out[i]))
			c->lacks_ipv6 = true;
		else
			memmove(out[kept++], out[i], sizeof(out[i]));
	}
	if (!c->lacks_ipv6 || !is_default)
		return true;
	memset(out[kept], 0, (CONFIG_LIST_MAX - kept) * sizeof(*out));
	*count = kept;
	return true;
}

static void copy_state_dir(cfg_t *cfg, struct config *c)
{
	snprintf(c->state_dir, sizeof(c->state_dir), "%s",
		 cfg_getstr(cfg, "state_dir"));
}

static void copy_looks(cfg_t *cfg, struct config *c)
{
	c->allow_private = cfg_getbool(cfg, "allow_private");
	c->check_http_port = cfg_getint(cfg, "check_http_port");
	c->check_https_port = cfg_getint(cfg, "check_https_port");
	c->check_smtp_port = cfg_getint(cfg, "check_smtp_port");
	str_copy(c->check_trust, sizeof(c->check_trust),
		 cfg_getstr(cfg, "check_trust"));
}

static bool copy_all(cfg_t *cfg, struct config *c, struct err *err)
{
	copy_state_dir(cfg, c);
	snprintf(c->run_dir, sizeof(c->run_dir), "%s",
		 cfg_getstr(cfg, "run_dir"));
	if (*cfg_getstr(cfg, "host_name"))
		host_name_normalise(cfg_getstr(cfg, "host_name"), c->host_name,
				    NULL);
	snprintf(c->metrics_listen, sizeof(c->metrics_listen), "%s",
		 cfg_getstr(cfg, "metrics_listen"));
	snprintf(c->engine.contact, sizeof(c->engine.contact), "%s",
		 cfg_getstr(cfg, "contact"));
	c->engine.agree_tos = cfg_getbool(cfg, "agree_tos");
	copy_looks(cfg, c);
	duration_parse(cfg_getstr(cfg, "testing_time"), &c->testing_time, NULL);
	if (*cfg_getstr(cfg, "log_keep"))
		duration_parse(cfg_getstr(cfg, "log_keep"), &c->log_keep, NULL);
	c->collect_reports = cfg_getbool(cfg, "collect_reports");
	c->report_retention = 400 * WHEN_DAY;
	duration_parse(cfg_getstr(cfg, "report_retention"),
		       &c->report_retention, NULL);
	c->report_share = cfg_getint(cfg, "report_share");
	c->log_level = level_of(cfg_getstr(cfg, "log_level"));
	copy_numbers(cfg, c);
	copy_archive(cfg, &c->archive);
	c->names_https = is_named(cfg, "listen_https");
	c->names_http = is_named(cfg, "listen_http");
	return copy_listeners(cfg, "listen_https", c->listen_https,
			      &c->listen_https_count, c, err) &&
	       copy_listeners(cfg, "listen_http", c->listen_http,
			      &c->listen_http_count, c, err) &&
	       copy_list(cfg, "resolvers", c->resolvers, &c->resolver_count,
			 DNS_SERVERS_MAX, err) &&
	       config_copy_alerts(cfg, &c->alerts, err) &&
	       config_copy_publish(cfg, c->host_name, &c->publish, err) &&
	       copy_addresses(cfg, c, err) &&
	       copy_proxies(cfg, &c->proxies, err) &&
	       copy_cas(cfg, &c->engine, err);
}

static bool parse_text(cfg_t *cfg, const char *path, char *text)
{
	FILE *f = fmemopen(text, strlen(text), "r");
	bool ok;

	if (!f)
		return err_sys(reading.err, "%s", path);
	cfg->filename = strdup(path); /* libconfuse frees it */
	ok = cfg_parse_fp(cfg, f) == CFG_SUCCESS && !reading.has_failed;
	fclose(f);
	return ok;
}

/* Of the package, or of `make install`: whichever is there. */
static const char *sample_path(void)
{
	static const char *const places[] = { SAMPLE("/usr"),
					      SAMPLE("/usr/local") };

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	return "packaging/mtastsd.conf in its sources";
}

static bool parse(cfg_t *cfg, const char *path, struct err *err)
{
	char *text = config_text_read(path, err);
	bool ok;

	if (!text) {
		err->kind = ERR_INPUT;
		return err_hint(err,
				"name the file with --config; a sample "
				"is %s",
				sample_path());
	}
	ok = parse_text(cfg, path, text);
	free(text);
	return ok;
}

static bool copy(cfg_t *cfg, struct config *c, const char *path,
		 struct err *err)
{
	if (!reading.needs_files) {
		copy_state_dir(cfg, c);
		return true;
	}
	if (!copy_all(cfg, c, err))
		return err_prefix(err, "%s", path);
	note_files(cfg, c);
	return true;
}

static bool read_it(struct config *c, const char *path, struct err *err)
{
	struct err first = ERR_INIT;
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	bool ok;

	memset(c, 0, sizeof(*c));
	reading.err = &first;
	reading.has_failed = false;
	cfg_set_error_function(cfg, on_error);
	set_checks(cfg);
	ok = parse(cfg, path, &first) && copy(cfg, c, path, &first);
	cfg_free(cfg);
	reading.err = NULL;
	if (!ok && err)
		*err = first;
	return ok;
}

bool config_read(struct config *c, const char *path, struct err *err)
{
	reading.needs_files = true;
	return read_it(c, path, err);
}

bool config_read_state_dir(struct config *c, const char *path, struct err *err)
{
	reading.needs_files = false;
	return read_it(c, path, err);
}
