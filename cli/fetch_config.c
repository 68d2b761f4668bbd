#include "cli/fetch_config.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

static cfg_opt_t options[] = {
	CFG_STR("host", "", CFGF_NONE),
	CFG_INT("port", 0, CFGF_NONE),
	CFG_BOOL("starttls", cfg_false, CFGF_NONE),
	CFG_STR("user", "", CFGF_NONE),
	CFG_STR("password_file", "", CFGF_NONE),
	CFG_STR_LIST("token_command", NULL, CFGF_NONE),
	CFG_STR("folder", "INBOX", CFGF_NONE),
	CFG_STR("done_folder", "", CFGF_NONE),
	CFG_STR("auth_results", "", CFGF_NONE),
	CFG_BOOL("require_dkim", cfg_false, CFGF_NONE),
	CFG_STR("ca_file", "", CFGF_NONE),
	CFG_STR("deadline", "10m", CFGF_NONE),
	CFG_END(),
};

/* libconfuse gives its callbacks no argument of ours. */
static struct err *reading;

/* ---- single values ---- */

static bool is_host(const char *value)
{
	return *value && !value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
					      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789.-:[]")];
}

static bool is_path(const char *value)
{
	return value[0] == '/';
}

/* What may stand in an IMAP command, quoted. */
static bool is_text(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || (unsigned char)*value > '~')
			return false;
	return true;
}

static bool is_deadline(const char *value)
{
	long seconds;

	return duration_parse(value, &seconds, NULL) && seconds > 0 &&
	       seconds <= WHEN_DAY;
}

static const struct {
	const char *key;
	bool (*is_good)(const char *value);
	const char *expected;
} texts[] = {
	{ "host", is_host, "a name or an address" },
	{ "user", is_text, "a user's name, in ASCII" },
	{ "password_file", is_path, "an absolute path" },
	{ "ca_file", is_path, "an absolute path" },
	{ "deadline", is_deadline, "how long a run may take: 90s, 10m; 1d" },
	{ "folder", is_text, "a folder's name, in ASCII (modified UTF-7)" },
	{ "done_folder", is_text,
	  "a folder's name, in ASCII (modified UTF-7)" },
	{ "auth_results", is_text,
	  "the name that the server puts first into Authentication-Results" },
};

static bool refuse(const cfg_t *cfg, const char *key, const char *value,
		   const char *expected)
{
	err_set(reading, ERR_INPUT, "%s:%d: %s: \"%.80s\"", cfg->filename,
		cfg->line, key, value);
	return err_hint(reading, "expected %s", expected);
}

static int check_text(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = cfg_opt_getnstr(opt, 0);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!streq(opt->name, texts[i].key))
			continue;
		if (strlen(value) < FETCH_WORD_SIZE && texts[i].is_good(value))
			return 0;
		refuse(cfg, opt->name, value, texts[i].expected);
	}
	return -1;
}

static int check_command(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned last = cfg_opt_size(opt) - 1;
	const char *word = cfg_opt_getnstr(opt, last);

	if (last < FETCH_WORDS_MAX - 1 && strlen(word) < FETCH_WORD_SIZE &&
	    (last || word[0] == '/'))
		return 0;
	refuse(cfg, opt->name, word,
	       "the absolute path of a program, and at most 14 words for it");
	return -1;
}

static int check_port(cfg_t *cfg, cfg_opt_t *opt)
{
	long port = cfg_opt_getnint(opt, 0);
	char value[32];

	if (port > 0 && port <= 65535)
		return 0;
	snprintf(value, sizeof(value), "%ld", port);
	refuse(cfg, opt->name, value, "a port, from 1 to 65535");
	return -1;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* What libconfuse finds itself: a word that is no key, a quote not closed. */
static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[256];

	if (reading->kind != ERR_NONE)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	err_set(reading, ERR_INPUT, "%s:%d: %s",
		cfg && cfg->filename ? cfg->filename : "configuration",
		cfg ? cfg->line : 0, text);
}

/* ---- all of them ---- */

static void copy(const cfg_t *from, const char *key,
		 char to[static FETCH_WORD_SIZE])
{
	str_copy(to, FETCH_WORD_SIZE, cfg_getstr((cfg_t *)from, key));
}

static void copy_all(struct fetch_config *c, cfg_t *cfg)
{
	*c = (struct fetch_config){
		.starttls = cfg_getbool(cfg, "starttls"),
		.port = cfg_getint(cfg, "port"),
		.require_dkim = cfg_getbool(cfg, "require_dkim"),
	};
	if (!c->port)
		c->port = c->starttls ? 143 : 993;
	copy(cfg, "host", c->host);
	copy(cfg, "user", c->user);
	copy(cfg, "password_file", c->password_file);
	copy(cfg, "folder", c->folder);
	copy(cfg, "done_folder", c->done_folder);
	copy(cfg, "auth_results", c->auth_results);
	copy(cfg, "ca_file", c->ca_file);
	duration_parse(cfg_getstr(cfg, "deadline"), &c->deadline, NULL);
	for (unsigned i = 0; i < cfg_size(cfg, "token_command"); i++)
		str_copy(c->token_command[i], FETCH_WORD_SIZE,
			 cfg_getnstr(cfg, "token_command", i));
}

static bool lacks(const char *what, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s", what);
}

static bool fits_together(const struct fetch_config *c, struct err *err)
{
	if (!*c->host || !*c->user)
		return lacks("host and user must be there", err);
	if (!*c->password_file == !*c->token_command[0])
		return lacks("password_file or token_command must be there, "
			     "and not both",
			     err);
	if (c->require_dkim && !*c->auth_results)
		return lacks("require_dkim needs auth_results: who says that a "
			     "signature held?",
			     err);
	if (streq(c->folder, c->done_folder))
		return lacks("done_folder must be another than folder", err);
	return true;
}

static bool parse(cfg_t *cfg, const char *path, struct err *err)
{
	int rc = cfg_parse(cfg, path);

	if (rc == CFG_SUCCESS)
		return true;
	if (rc == CFG_FILE_ERROR && err->kind == ERR_NONE) {
		err_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
		err_hint(err, "mtastsctl(1) says what stands in it");
	}
	return false;
}

bool fetch_config_read(struct fetch_config *c, const char *path,
		       struct err *err)
{
	struct err first = ERR_INIT;
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	bool ok;

	*c = (struct fetch_config){ .port = 0 };
	reading = &first;
	cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		cfg_set_validate_func(cfg, texts[i].key, check_text);
	cfg_set_validate_func(cfg, "token_command", check_command);
	cfg_set_validate_func(cfg, "port", check_port);
	ok = parse(cfg, path, &first);
	if (ok) {
		copy_all(c, cfg);
		ok = fits_together(c, &first) || err_prefix(&first, "%s", path);
	}
	cfg_free(cfg);
	reading = NULL;
	if (!ok)
		*err = first;
	return ok;
}
