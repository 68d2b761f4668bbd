#include "cli/imap.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "cli/imap_reader.h"
#include "cli/mail_guard.h"

#define CONNECT_SECONDS 30L
#define ANSWER_MS	120000
#define GOODBYE_MS	5000
#define COMMAND_MAX	4096
#define SEARCH_PIECE	50000 /* messages: their numbers fit IMAP_LINE_MAX */

struct imap {
	CURL *curl;
	struct imap_reader reader;
	char bytes[16384]; /* what the reader was fed */
	int64_t until;	   /* steady_ms(); see imap_settings */
	unsigned tag;
	long exists; /* messages in the folder, when it was opened */
	bool is_lost, has_move, has_uidplus, keeps_words;
};

/* ---- connecting ---- */

/* In milliseconds: 0 would be no limit to libcurl. */
static long time_to_connect(const struct imap_settings *s)
{
	int64_t left = s->until - steady_ms();

	if (left > CONNECT_SECONDS * 1000)
		return CONNECT_SECONDS * 1000;
	return left > 0 ? (long)left : 1;
}

static void set_up(CURL *curl, const struct imap_settings *s)
{
	char *url = xasprintf("%s://%s:%ld/", s->starttls ? "imap" : "imaps",
			      s->host, s->port);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, time_to_connect(s));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, time_to_connect(s));
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
			 (long)CURL_SSLVERSION_TLSv1_2);
	if (*s->ca_file) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(curl, CURLOPT_USERNAME, s->user);
	if (s->token)
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, s->token);
	else
		curl_easy_setopt(curl, CURLOPT_PASSWORD, s->password);
	free(url);
}

static const struct {
	CURLcode code;
	const char *hint;
	const char *of_token; /* if it is another one, when a token opens it */
} lasting[] = {
	{ CURLE_LOGIN_DENIED,
	  "look at user and its password; the mailbox must allow IMAP",
	  "the token is not taken: what token_command prints must be of this "
	  "user, for IMAP, and not have expired; the mailbox must allow IMAP" },
	{ CURLE_PEER_FAILED_VERIFICATION,
	  "host must be a name in the server's certificate, and its issuer a "
	  "root of the system, or in ca_file",
	  NULL },
	{ CURLE_SSL_CACERT_BADFILE, "look at ca_file", NULL },
	{ CURLE_USE_SSL_FAILED,
	  "it offers no STARTTLS, and mail is not fetched without TLS", NULL },
};

static bool not_connected(const struct imap_settings *s, CURLcode rc,
			  const char *detail, struct err *err)
{
	err_set(err, ERR_AGAIN, "%s:%ld: %s", s->host, s->port,
		*detail ? detail : curl_easy_strerror(rc));
	if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST)
		err_hint(err, "look at host and port, and whether a firewall "
			      "lets it out; it is tried again at the next run");
	for (size_t i = 0; i < ARRAY_LEN(lasting); i++) {
		if (lasting[i].code != rc)
			continue;
		err->kind = ERR_REFUSED;
		err_hint(err, "%s",
			 s->token && lasting[i].of_token ? lasting[i].of_token
							 : lasting[i].hint);
	}
	return false;
}

static bool connect_to(struct imap *i, const struct imap_settings *s,
		       struct err *err)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	set_up(i->curl, s);
	curl_easy_setopt(i->curl, CURLOPT_ERRORBUFFER, detail);
	rc = curl_easy_perform(i->curl);
	curl_easy_setopt(i->curl, CURLOPT_ERRORBUFFER, NULL);
	return rc == CURLE_OK || not_connected(s, rc, detail, err);
}

/* ---- bytes ---- */

static bool lose(struct imap *i, struct err *err, const char *why)
{
	i->is_lost = true;
	return err_set(err, ERR_AGAIN,
		       "the connection to the IMAP server is lost: %s", why);
}

/* Also to a server that always has something to say. */
static bool has_time(struct imap *i, struct err *err)
{
	return steady_ms() < i->until ||
	       lose(i, err, "the time for it is over (deadline)");
}

static int patience_ms(const struct imap *i)
{
	int64_t left = i->until - steady_ms();

	if (left > ANSWER_MS)
		return ANSWER_MS;
	return left > 0 ? (int)left : 0;
}

static bool wait_for(struct imap *i, short events, struct err *err)
{
	struct pollfd p = { .events = events };
	curl_socket_t fd = CURL_SOCKET_BAD;
	int n;

	curl_easy_getinfo(i->curl, CURLINFO_ACTIVESOCKET, &fd);
	p.fd = fd;
	do {
		n = poll(&p, 1, patience_ms(i));
	} while (n < 0 && errno == EINTR);
	if (!n && !has_time(i, err))
		return false;
	return n > 0 || lose(i, err, n ? strerror(errno) : "no answer");
}

static bool send_all(struct imap *i, const char *data, size_t len,
		     struct err *err)
{
	while (len) {
		size_t n = 0;
		CURLcode rc;

		if (!has_time(i, err))
			return false;
		rc = curl_easy_send(i->curl, data, len, &n);
		if (rc == CURLE_AGAIN && !wait_for(i, POLLOUT, err))
			return false;
		if (rc != CURLE_OK && rc != CURLE_AGAIN)
			return lose(i, err, curl_easy_strerror(rc));
		data += n;
		len -= n;
	}
	return true;
}

static bool receive(struct imap *i, struct err *err)
{
	size_t n = 0;
	CURLcode rc;

	if (!has_time(i, err))
		return false;
	while ((rc = curl_easy_recv(i->curl, i->bytes, sizeof(i->bytes), &n)) ==
	       CURLE_AGAIN)
		if (!wait_for(i, POLLIN, err))
			return false;
	if (rc != CURLE_OK || !n)
		return lose(i, err, rc ? curl_easy_strerror(rc) : "it hung up");
	imap_reader_feed(&i->reader, i->bytes, n);
	return true;
}

static bool next_response(struct imap *i, struct err *err)
{
	enum imap_step step;

	while ((step = imap_reader_next(&i->reader, err)) == IMAP_MORE)
		if (!receive(i, err))
			return false;
	if (step == IMAP_RESPONSE)
		return true;
	i->is_lost = true;
	if (err) /* who says goodbye does not ask */
		err->kind = ERR_AGAIN;
	return false;
}

/* ---- commands ---- */

/* One untagged response. */
typedef void on_response(struct imap *i, const char *line, void *arg);

static bool is_ok(const char *line, struct err *err)
{
	if (strncasecmp(line, "OK", 2) == 0)
		return true;
	return err_set(err, ERR_REFUSED, "the IMAP server says \"%.200s\"",
		       line);
}

/* Until the tagged one, which is left in the reader's line. */
static bool read_answer(struct imap *i, const char *tag, on_response *on,
			void *arg, struct err *err)
{
	size_t len = strlen(tag);

	while (next_response(i, err)) {
		const char *line = i->reader.line.data;

		if (str_starts(line, tag) && line[len] == ' ')
			return is_ok(line + len + 1, err);
		if (on && str_starts(line, "* "))
			on(i, line + 2, arg);
	}
	return false;
}

static bool command(struct imap *i, on_response *on, void *arg, struct err *err,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static bool command(struct imap *i, on_response *on, void *arg, struct err *err,
		    const char *fmt, ...)
{
	char text[COMMAND_MAX], tag[16];
	va_list ap;
	int len, n;

	snprintf(tag, sizeof(tag), "M%u", ++i->tag);
	len = snprintf(text, sizeof(text), "%s ", tag);
	va_start(ap, fmt);
	n = vsnprintf(text + len, sizeof(text) - (size_t)len - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) - (size_t)len - 2)
		return err_set(err, ERR_INPUT, "a command of %d bytes", n);
	len += n;
	memcpy(text + len, "\r\n", 3);
	return send_all(i, text, (size_t)len + 2, err) &&
	       read_answer(i, tag, on, arg, err);
}

static void on_capability(struct imap *i, const char *line, void *arg)
{
	char *rest, *words = xstrdup(line), *word;

	(void)arg;
	word = strtok_r(words, " ", &rest);
	if (streq_case(word, "CAPABILITY")) {
		while ((word = strtok_r(NULL, " ", &rest))) {
			i->has_move |= streq_case(word, "MOVE");
			i->has_uidplus |= streq_case(word, "UIDPLUS");
		}
	}
	free(words);
}

struct imap *imap_open(const struct imap_settings *s, struct err *err)
{
	struct imap *i = xcalloc(1, sizeof(*i));

	i->curl = curl_easy_init();
	i->until = s->until;
	imap_reader_init(&i->reader, MAIL_BYTES_MAX);
	if (connect_to(i, s, err) &&
	    command(i, on_capability, NULL, err, "CAPABILITY"))
		return i;
	i->is_lost = true;
	imap_close(i);
	return NULL;
}

void imap_close(struct imap *i)
{
	if (!i)
		return;
	imap_allow(i, GOODBYE_MS);
	if (!i->is_lost)
		command(i, NULL, NULL, NULL, "LOGOUT");
	curl_easy_cleanup(i->curl);
	imap_reader_release(&i->reader);
	free(i);
}

void imap_allow(struct imap *i, int64_t ms)
{
	int64_t until = steady_ms() + ms;

	if (until > i->until)
		i->until = until;
}

bool imap_is_lost(const struct imap *i)
{
	return i->is_lost;
}

/* ---- folders ---- */

/* As a quoted string. The caller frees. */
static char *quoted(const char *text)
{
	char *out = xmalloc(2 * strlen(text) + 3), *to = out;

	*to++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	*to++ = '"';
	*to = '\0';
	return out;
}

static void on_select(struct imap *i, const char *line, void *arg)
{
	if (strcasestr(line, "[PERMANENTFLAGS "))
		i->keeps_words = strstr(line, "\\*");
	if (streq_case(line + strspn(line, "0123456789"), " EXISTS"))
		str_to_long(line, strspn(line, "0123456789"), UINT32_MAX,
			    &i->exists);
	imap_number(line, "UIDVALIDITY", arg);
}

bool imap_select(struct imap *i, const char *folder, long *validity,
		 struct err *err)
{
	char *name = quoted(folder);
	bool ok;

	*validity = 0;
	i->keeps_words = false;
	i->exists = 0;
	ok = command(i, on_select, validity, err, "SELECT %s", name);
	free(name);
	return ok || err_prefix(err, "folder %s", folder);
}

bool imap_keeps_words(const struct imap *i)
{
	return i->keeps_words;
}

/* ---- searching ---- */

/* In room that doubles. */
static void add_found(struct imap_found *found, long uid)
{
	size_t n = found->count;

	if ((n & (n - 1)) == 0)
		found->uid = xrealloc_array(found->uid, n ? 2 * n : 1,
					    sizeof(*found->uid));
	found->uid[found->count++] = uid;
}

static void on_search(struct imap *i, const char *line, void *arg)
{
	struct imap_found *found = arg;
	const char *at = line + strcspn(line, " ");
	long uid;

	(void)i;
	if (strncasecmp(line, "SEARCH", (size_t)(at - line)) != 0)
		return;
	while (*at == ' ' && found->count < IMAP_FOUND_MAX) {
		size_t len = strspn(at + 1, "0123456789");

		if (!str_to_long(at + 1, len, UINT32_MAX, &uid))
			return;
		add_found(found, uid);
		at += len + 1;
	}
}

static int by_number(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

/* Each once, and in order. */
static void sort_found(struct imap_found *found)
{
	size_t n = 0;

	if (!found->count)
		return;
	qsort(found->uid, found->count, sizeof(*found->uid), by_number);
	for (size_t i = 1; i < found->count; i++)
		if (found->uid[i] != found->uid[n])
			found->uid[++n] = found->uid[i];
	found->count = n + 1;
}

/*
 * From the last piece to the first: what others expunge meanwhile moves those
 * behind it down, into a piece that is still to come.
 */
bool imap_search(struct imap *i, const char *what, struct imap_found *found,
		 struct err *err)
{
	bool ok = true;

	*found = (struct imap_found){ .count = 0 };
	for (long last = i->exists;
	     last > 0 && ok && found->count < IMAP_FOUND_MAX;
	     last -= SEARCH_PIECE)
		ok = command(i, on_search, found, err, "UID SEARCH %ld:%ld %s",
			     last > SEARCH_PIECE ? last - SEARCH_PIECE + 1 : 1,
			     last, what);
	sort_found(found);
	return ok;
}

void imap_found_release(struct imap_found *found)
{
	free(found->uid);
	*found = (struct imap_found){ .count = 0 };
}

/* ---- a message ---- */

struct wanted {
	long uid, size;
	bool is_there, is_whole;
	struct buf *message; /* NULL: only its size */
};

/* Servers tell of other messages, too, when they feel like it. */
static void on_fetch(struct imap *i, const char *line, void *arg)
{
	struct wanted *w = arg;
	long uid;

	if (!strcasestr(line, " FETCH (") || !imap_number(line, "UID", &uid) ||
	    uid != w->uid)
		return;
	if (!w->message && imap_number(line, "RFC822.SIZE", &w->size))
		w->is_there = true;
	if (w->message && i->reader.has_literal) {
		w->is_there = true;
		w->is_whole = !i->reader.is_too_large;
		buf_clear(w->message);
		buf_add(w->message, i->reader.literal.data,
			i->reader.literal.len);
	}
}

bool imap_size(struct imap *i, long uid, long *size, struct err *err)
{
	struct wanted w = { .uid = uid };

	*size = -1;
	if (!command(i, on_fetch, &w, err, "UID FETCH %ld (RFC822.SIZE)", uid))
		return false;
	if (w.is_there)
		*size = w.size;
	return true;
}

bool imap_fetch(struct imap *i, long uid, struct buf *message, bool *is_there,
		bool *is_whole, struct err *err)
{
	struct wanted w = { .uid = uid, .message = message };
	bool ok;

	ok = command(i, on_fetch, &w, err, "UID FETCH %ld (BODY.PEEK[])", uid);
	*is_there = w.is_there;
	*is_whole = w.is_whole;
	return ok;
}

bool imap_flag(struct imap *i, long uid, const char *flag, struct err *err)
{
	return command(i, NULL, NULL, err, "UID STORE %ld +FLAGS.SILENT (%s)",
		       uid, flag);
}

/* Without UIDPLUS an EXPUNGE would end what others have marked, too. */
static bool copy_and_delete(struct imap *i, long uid, const char *name,
			    struct err *err)
{
	return command(i, NULL, NULL, err, "UID COPY %ld %s", uid, name) &&
	       imap_flag(i, uid, "\\Deleted", err) &&
	       (!i->has_uidplus ||
		command(i, NULL, NULL, err, "UID EXPUNGE %ld", uid));
}

bool imap_move(struct imap *i, long uid, const char *folder, struct err *err)
{
	char *name = quoted(folder);
	bool ok;

	ok = i->has_move
		     ? command(i, NULL, NULL, err, "UID MOVE %ld %s", uid, name)
		     : copy_and_delete(i, uid, name, err);
	free(name);
	return ok || err_prefix(err, "folder %s", folder);
}
