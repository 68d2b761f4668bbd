#include "cli/auth_results.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define WORD_SIZE	  512
#define COMMENT_DEPTH_MAX 16

/* ---- words ---- */

/* Past a comment that begins here; NULL if it has no end. */
static const char *skip_comment(const char *at)
{
	unsigned depth = 0;

	do {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '(')
			depth++;
		else if (*at == ')')
			depth--;
		if (!*at || depth > COMMENT_DEPTH_MAX)
			return NULL;
		at++;
	} while (depth);
	return at;
}

/* White space and comments. False: a comment has no end. */
static bool skip_blanks(const char **at)
{
	while (*at) {
		*at += strspn(*at, " \t\r\n");
		if (**at != '(')
			return true;
		*at = skip_comment(*at);
	}
	return false;
}

/* Behind what the word has already. False: it has no end, or no room. */
static bool add_quoted(const char **at, char word[static WORD_SIZE])
{
	const char *from = *at + 1;
	size_t len = strlen(word);

	while (*from && *from != '"' && len < WORD_SIZE - 1) {
		if (*from == '\\' && from[1])
			from++;
		word[len++] = *from++;
	}
	word[len] = '\0';
	*at = from + 1;
	return *from == '"';
}

static bool add_plain(const char **at, size_t more, char word[static WORD_SIZE])
{
	size_t len = strlen(word);

	if (more >= WORD_SIZE - len)
		return false;
	memcpy(word + len, *at, more);
	word[len + more] = '\0';
	*at += more;
	return true;
}

/*
 * Up to a blank, a comment or one of `ends`; parts of it may be quoted. False:
 * there is none, or it is broken.
 */
static bool take_word(const char **at, const char *ends,
		      char word[static WORD_SIZE])
{
	const char *start = *at;
	char stop[16];

	snprintf(stop, sizeof(stop), " \t\r\n(;\"%s", ends);
	word[0] = '\0';
	for (;;) {
		size_t more = strcspn(*at, stop);

		if (!add_plain(at, more, word))
			return false;
		if (**at != '"')
			return *at != start;
		if (!add_quoted(at, word))
			return false;
	}
}

/* "key = value", blanks anywhere. */
static bool take_pair(const char **at, char key[static WORD_SIZE],
		      char value[static WORD_SIZE])
{
	if (!take_word(at, "=", key) || !skip_blanks(at) || **at != '=')
		return false;
	++*at;
	return skip_blanks(at) && take_word(at, "", value) && skip_blanks(at);
}

/* ---- results ---- */

struct result {
	bool is_pass;		  /* of DKIM */
	char d[DOMAIN_NAME_SIZE]; /* header.d, */
	char i[DOMAIN_NAME_SIZE]; /* or the domain in header.i */
};

/* By the daemon's rules for it. */
static void set_domain(char to[static DOMAIN_NAME_SIZE], const char *text)
{
	if (!domain_name_normalise(text, to, NULL))
		to[0] = '\0';
}

static void note_property(struct result *r, const char *key, const char *value)
{
	const char *at_sign = strrchr(value, '@');

	if (streq_case(key, "header.d"))
		set_domain(r->d, value);
	else if (streq_case(key, "header.i"))
		set_domain(r->i, at_sign ? at_sign + 1 : value);
}

/* "dkim" or "dkim/1" */
static bool is_dkim(char *method)
{
	char *version = strchr(method, '/');

	if (version && !streq(version, "/1"))
		return false;
	if (version)
		*version = '\0';
	return streq_case(method, "dkim");
}

/* Up to the next semicolon, or the end. */
static bool take_result(const char **at, struct result *r)
{
	char key[WORD_SIZE], value[WORD_SIZE];

	*r = (struct result){ .is_pass = false };
	if (!skip_blanks(at))
		return false;
	if (!**at || **at == ';') /* one too many: harmless */
		return true;
	if (!take_pair(at, key, value))
		return false;
	r->is_pass = is_dkim(key) && streq_case(value, "pass");
	while (**at && **at != ';') {
		if (!take_pair(at, key, value))
			return false;
		note_property(r, key, value);
	}
	return true;
}

static bool is_above(const char *domain, const char *name)
{
	size_t len = strlen(domain), name_len = strlen(name);

	return streq(domain, name) ||
	       (name_len > len && name[name_len - len - 1] == '.' &&
		str_ends(name, domain));
}

/* The server's name, and the version, which is 1. */
static bool take_server(const char **at, char name[static WORD_SIZE])
{
	char version[WORD_SIZE];

	if (!skip_blanks(at) || !take_word(at, "=", name) || !skip_blanks(at))
		return false;
	if (!**at || **at == ';')
		return true;
	return take_word(at, "=", version) && streq(version, "1") &&
	       skip_blanks(at) && (!**at || **at == ';');
}

/* "; none" is no pair. */
static bool says_none(const char *at)
{
	char word[WORD_SIZE];

	return skip_blanks(&at) && take_word(&at, "=", word) &&
	       streq_case(word, "none") && skip_blanks(&at) && !*at;
}

enum auth_verdict auth_results_read(const char *value, const char *server,
				    const char *author,
				    char domain[static DOMAIN_NAME_SIZE])
{
	char name[WORD_SIZE] = "", found[DOMAIN_NAME_SIZE] = "";
	const char *at = value;
	bool is_readable = take_server(&at, name);

	domain[0] = '\0';
	if (!streq_case(name, server))
		return AUTH_OTHER;
	while (is_readable && *at == ';' && !says_none(at + 1)) {
		struct result r;
		const char *signer;

		at++;
		is_readable = take_result(&at, &r);
		signer = *r.d ? r.d : r.i;
		if (r.is_pass && *signer &&
		    (!*found ||
		     (is_above(signer, author) && !is_above(found, author))))
			str_copy(found, sizeof(found), signer);
	}
	if (!is_readable || !*found)
		return AUTH_UNSIGNED;
	str_copy(domain, DOMAIN_NAME_SIZE, found);
	return AUTH_SIGNED;
}
