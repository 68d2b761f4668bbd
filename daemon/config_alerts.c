#include "daemon/config_alerts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

/* ---- single values ---- */

/* The first word is the program. */
static bool is_word(const char *value, size_t n)
{
	return n < ALERT_WORDS_MAX && strlen(value) < ALERT_WORD_SIZE &&
	       (n > 0 || (value[0] == '/' && access(value, X_OK) == 0));
}

static bool is_recipient(const char *value, size_t n)
{
	return n < MAIL_RECIPIENTS && strlen(value) < ALERT_ADDRESS_SIZE &&
	       mail_address_is_good(value);
}

static bool is_server(const char *value, size_t n)
{
	const char *host = strstr(value, "://");

	(void)n;
	return (str_starts(value, "smtp://") ||
		str_starts(value, "smtps://")) &&
	       host && host[3] && !strpbrk(host + 3, "/@? ") &&
	       strlen(value) < ALERT_URL_SIZE;
}

static bool is_sender(const char *value, size_t n)
{
	return !*value || is_recipient(value, n);
}

static bool is_user(const char *value, size_t n)
{
	(void)n;
	return strlen(value) < ALERT_ADDRESS_SIZE;
}

static bool is_url(const char *value, size_t n)
{
	(void)n;
	return !*value || (str_starts(value, "https://") && value[8] &&
			   strlen(value) < ALERT_URL_SIZE);
}

static const struct {
	const char *key;
	bool (*is_good)(const char *value, size_t n);
	const char *expected;
} keys[] = {
	{ "notify", is_word,
	  "the absolute path of a program that is there and may be run, and at "
	  "most seven words for it" },
	{ "alert_mail", is_recipient, "mail addresses, at most eight" },
	{ "mail_server", is_server,
	  "smtp://HOST:PORT, or smtps://HOST:PORT for TLS from the start" },
	{ "mail_from", is_sender, "one mail address" },
	{ "mail_user", is_user, "a shorter name" },
	{ "heartbeat_url", is_url, "an https URL" },
};

const char *config_alert_expected(const char *key, const char *value, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (streq(key, keys[i].key))
			return keys[i].is_good(value, n) ? NULL
							 : keys[i].expected;
	return NULL;
}

/* ---- what belongs together ---- */

static void warn_if_readable(const char *path, FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 && (st.st_mode & S_IROTH))
		log_warn("mtastsd: everybody may read mail_password_file %s: "
			 "chmod o-r %s", path, path);
}

static bool read_password(const char *path, struct alert_settings *s,
			  struct err *err)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return err_sys(err, "mail_password_file %s", path);
	warn_if_readable(path, f);
	ok = fgets(s->mail_password, sizeof(s->mail_password), f) != NULL;
	fclose(f);
	s->mail_password[strcspn(s->mail_password, "\r\n")] = '\0';
	if (ok && *s->mail_password)
		return true;
	err_set(err, ERR_INPUT, "%s holds no password", path);
	return err_hint(err, "expected it alone on the first line");
}

/* A password is never sent in the clear. */
static bool copy_login(cfg_t *cfg, struct alert_settings *s, struct err *err)
{
	const char *file = cfg_getstr(cfg, "mail_password_file");

	snprintf(s->mail_user, sizeof(s->mail_user), "%s",
		 cfg_getstr(cfg, "mail_user"));
	s->mail_tls = cfg_getbool(cfg, "mail_tls") || *s->mail_user;
	if (!*s->mail_user && !*file)
		return true;
	if (*s->mail_user && *file)
		return read_password(file, s, err);
	err_set(err, ERR_INPUT, "mail_user and mail_password_file go together");
	return err_hint(err, "set both, or neither");
}

/* A mail has a sender, even if nobody thought of one. */
static void copy_sender(cfg_t *cfg, struct alert_settings *s)
{
	char host[128] = "";

	snprintf(s->mail_from, sizeof(s->mail_from), "%s",
		 cfg_getstr(cfg, "mail_from"));
	if (*s->mail_from)
		return;
	if (gethostname(host, sizeof(host) - 1) != 0 || !*host)
		snprintf(host, sizeof(host), "localhost");
	snprintf(s->mail_from, sizeof(s->mail_from), "mtastsd@%s", host);
}

static size_t copy_words(cfg_t *cfg, const char *key, char *out, size_t size)
{
	unsigned n = cfg_size(cfg, key);

	for (unsigned i = 0; i < n; i++)
		snprintf(out + i * size, size, "%s", cfg_getnstr(cfg, key, i));
	return n;
}

static void copy_durations(cfg_t *cfg, struct alert_settings *s)
{
	duration_parse(cfg_getstr(cfg, "heartbeat_interval"),
		       &s->heartbeat_interval, NULL);
	duration_parse(cfg_getstr(cfg, "alert_ca_down"), &s->ca_down, NULL);
	duration_parse(cfg_getstr(cfg, "alert_gather"), &s->gather, NULL);
}

bool config_copy_alerts(cfg_t *cfg, struct alert_settings *s, struct err *err)
{
	s->notify_count = copy_words(cfg, "notify", s->notify[0],
				     sizeof(s->notify[0]));
	s->mail_to_count = copy_words(cfg, "alert_mail", s->mail_to[0],
				      sizeof(s->mail_to[0]));
	snprintf(s->mail_server, sizeof(s->mail_server), "%s",
		 cfg_getstr(cfg, "mail_server"));
	snprintf(s->mail_trust, sizeof(s->mail_trust), "%s",
		 cfg_getstr(cfg, "mail_trust"));
	snprintf(s->heartbeat_url, sizeof(s->heartbeat_url), "%s",
		 cfg_getstr(cfg, "heartbeat_url"));
	snprintf(s->heartbeat_trust, sizeof(s->heartbeat_trust), "%s",
		 cfg_getstr(cfg, "heartbeat_trust"));
	copy_sender(cfg, s);
	copy_durations(cfg, s);
	return copy_login(cfg, s, err);
}
