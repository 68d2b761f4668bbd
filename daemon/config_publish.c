#include "daemon/config_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

/* The first that is there is used, unless one is named. */
static const char *const programs[] = { "/usr/bin/knsupdate",
					"/usr/bin/nsupdate" };

/* ---- single values ---- */

static bool is_zone(const char *value, size_t n)
{
	char name[DOMAIN_NAME_SIZE];

	(void)n;
	return !*value || (host_name_normalise(value, name, NULL) &&
			   strlen(name) <= PUBLISH_ZONE_MAX);
}

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53" */
static bool split_server(const char *value, char host[static 64],
			 char port[static 8])
{
	bool in_brackets = value[0] == '[';
	const char *from = value + in_brackets;
	const char *end = in_brackets ? strchr(from, ']') : strrchr(from, ':');
	bool is_bare = !in_brackets && (!end || strchr(from, ':') != end);
	const char *colon = in_brackets && end ? end + 1 : end;
	size_t len = is_bare ? strlen(from) : end ? (size_t)(end - from) : 0;
	long number = 53;

	if (!len || len >= 64 ||
	    from[strspn(from, "0123456789abcdefABCDEF.:")] !=
		    (in_brackets ? ']' : '\0'))
		return false;
	if (!is_bare && *colon &&
	    (*colon != ':' ||
	     !str_to_long(colon + 1, strlen(colon + 1), 65535, &number)))
		return false;
	snprintf(host, 64, "%.*s", (int)len, from);
	snprintf(port, 8, "%ld", number);
	return true;
}

static bool is_server(const char *value, size_t n)
{
	char host[64], port[8];

	(void)n;
	return !*value || split_server(value, host, port);
}

static bool is_file(const char *value, size_t n)
{
	(void)n;
	return !*value ||
	       (value[0] == '/' && strlen(value) < PUBLISH_WORD_SIZE);
}

static bool is_program(const char *value, size_t n)
{
	(void)n;
	return !*value || (value[0] == '/' && access(value, X_OK) == 0 &&
			   strlen(value) < PUBLISH_WORD_SIZE);
}

/* The first word is the program. */
static bool is_word(const char *value, size_t n)
{
	return n < PUBLISH_WORDS_MAX && strlen(value) < PUBLISH_WORD_SIZE &&
	       (n > 0 || (value[0] == '/' && access(value, X_OK) == 0));
}

static const struct {
	const char *key;
	bool (*is_good)(const char *value, size_t n);
	const char *expected;
} keys[] = {
	{ "delegate_zone", is_zone,
	  "the name of a zone, of at most 190 bytes" },
	{ "publish_server", is_server,
	  "an address, with a port if it is not 53: 192.0.2.53, "
	  "127.0.0.1:5353, [2001:db8::53]:53" },
	{ "publish_key_file", is_file, "an absolute path" },
	{ "publish_program", is_program,
	  "the absolute path of knsupdate or nsupdate" },
	{ "publish_hook", is_word,
	  "the absolute path of a program that is there and may be run, and at "
	  "most seven words for it" },
};

const char *config_publish_expected(const char *key, const char *value,
				    size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (streq(key, keys[i].key))
			return keys[i].is_good(value, n) ? NULL
							 : keys[i].expected;
	return NULL;
}

/* ---- the key ---- */

bool config_lacks_key_file(const char *whose, const char *path, struct err *err)
{
	bool is_closed = errno == EACCES;

	err_sys(err, "%s %s", whose, path);
	if (err)
		err->kind = ERR_INPUT;
	if (is_closed)
		return err_hint(err, "mtastsd must be able to read it: chgrp "
				     "mtastsd, chmod 640");
	return err_hint(err,
			"put it there, for mtastsd alone: install -m 600 -o "
			"mtastsd FILE %s",
			path);
}

/* Whoever has it can write to the zone. */
bool config_key_file_is_good(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	if (!ok)
		config_lacks_key_file("publish_key_file", path, err);
	if (fd >= 0)
		close(fd);
	if (!ok)
		return false;
	if (!(st.st_mode & (S_IROTH | S_IWOTH)))
		return true;
	err_set(err, ERR_INPUT,
		"everybody may read publish_key_file %s, and "
		"so change the zone",
		path);
	return err_hint(err,
			"chmod o= %s; and make another key, if others "
			"have accounts here",
			path);
}

/* ---- what belongs together ---- */

static bool refuse(struct err *err, const char *text, const char *hint)
{
	err_set(err, ERR_INPUT, "%s", text);
	return err_hint(err, "%s", hint);
}

static bool find_program(struct publish_settings *s, struct err *err)
{
	for (size_t i = 0; !*s->program && i < ARRAY_LEN(programs); i++)
		if (access(programs[i], X_OK) == 0)
			str_copy(s->program, sizeof(s->program), programs[i]);
	return *s->program ||
	       refuse(err,
		      "publish_server needs knsupdate or nsupdate, and "
		      "neither is there",
		      "install knot-dnsutils or bind9-dnsutils, or name one "
		      "with publish_program");
}

static bool check_server(struct publish_settings *s, struct err *err)
{
	if (!*s->server)
		return true;
	if (s->hook_count)
		return refuse(err,
			      "publish_server and publish_hook are both "
			      "set",
			      "set the one that is to publish delegate_zone");
	if (!*s->key_file)
		return refuse(err, "publish_server needs publish_key_file",
			      "an update is signed with a TSIG key: see "
			      "mtastsd.conf(5)");
	return find_program(s, err) &&
	       config_key_file_is_good(s->key_file, err);
}

static bool check_together(struct publish_settings *s, const char *host_name,
			   struct err *err)
{
	if (*s->zone && !*host_name)
		return refuse(err, "delegate_zone needs host_name",
			      "set host_name to the name that customers' "
			      "mta-sts CNAMEs point to; it may lie in "
			      "delegate_zone");
	if (publish_is_on(s) && !*s->zone)
		return refuse(err, "who publishes is set, but not what",
			      "set delegate_zone to the zone that is to be "
			      "published");
	return check_server(s, err);
}

static void copy_hook(cfg_t *cfg, struct publish_settings *s)
{
	s->hook_count = cfg_size(cfg, "publish_hook");
	for (size_t i = 0; i < s->hook_count; i++)
		str_copy(s->hook[i], sizeof(s->hook[i]),
			 cfg_getnstr(cfg, "publish_hook", (unsigned)i));
}

bool config_copy_publish(cfg_t *cfg, const char *host_name,
			 struct publish_settings *s, struct err *err)
{
	const char *zone = cfg_getstr(cfg, "delegate_zone");
	const char *server = cfg_getstr(cfg, "publish_server");

	if (*zone)
		host_name_normalise(zone, s->zone, NULL);
	if (*server)
		split_server(server, s->server, s->port);
	str_copy(s->key_file, sizeof(s->key_file),
		 cfg_getstr(cfg, "publish_key_file"));
	str_copy(s->program, sizeof(s->program),
		 cfg_getstr(cfg, "publish_program"));
	copy_hook(cfg, s);
	duration_parse(cfg_getstr(cfg, "alert_publish"), &s->alert_after, NULL);
	return check_together(s, host_name, err);
}
