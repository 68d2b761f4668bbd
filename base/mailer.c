#include "base/mailer.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fetch_error.h"
#include "base/host_name.h"
#include "base/mem.h"
#include "base/str.h"

#define CONNECT_MS     10000L
#define MESSAGE_MAX    (256 * 1024)
#define SUBJECT_MAX    200
#define ADDRESS_MAX    254 /* RFC 5321, 4.5.3.1.3 */
#define ANSWER_MAX     200 /* of what the server says */
#define QUOTED_LINE    72  /* RFC 2045, 6.7: at most 76 */
#define SMTP_PERMANENT 500

struct mailer {
	struct loop *loop;
	struct job *job; /* NULL: idle */
};

/*
 * One mail on its way, in a thread of its own: libcurl (7.88) waits in
 * between when it speaks SMTP, also through its multi interface. Until the
 * thread has posted it back it is the thread's, but for `mailer`, which is
 * the loop's, and `stop`.
 */
struct job {
	struct mailer *mailer; /* NULL: nobody wants to know */
	struct loop *loop;
	mail_done *done;
	void *arg;
	bool has_thread;
	pthread_t thread;
	atomic_bool stop;

	CURL *easy;
	char *message;
	size_t sent, len;
	struct curl_slist *to;
	char *where;
	char says[CURL_ERROR_SIZE];
	char answer[ANSWER_MAX + 1]; /* the last line that says no */
	struct err result;
};

/* ---- the message ---- */

bool mail_address_is_good(const char *text)
{
	const char *at = strchr(text, '@');

	if (!at || at == text || !at[1] || strchr(at + 1, '@') ||
	    strlen(text) > ADDRESS_MAX)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' ||
		    strchr("<>()[],;:\\\"", *text))
			return false;
	return true;
}

static void add_date(struct buf *out, time_t at)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed",
					"Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr",
					  "May", "Jun", "Jul", "Aug",
					  "Sep", "Oct", "Nov", "Dec" };
	struct tm tm;

	if (gmtime_r(&at, &tm))
		buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
			   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_header(struct buf *out, const struct mail *mail)
{
	char *subject = str_printable(mail->subject, SUBJECT_MAX);

	buf_printf(out, "From: mtastsd <%s>\r\nTo: ", mail->from);
	for (size_t i = 0; i < mail->to_count; i++)
		buf_printf(out, "%s%s", i ? ",\r\n " : "", mail->to[i]);
	buf_printf(out, "\r\nSubject: %s\r\n", subject);
	add_date(out, mail->date);
	buf_printf(out,
		   "Message-ID: <%s>\r\n"
		   "Auto-Submitted: auto-generated\r\n"
		   "MIME-Version: 1.0\r\n"
		   "Content-Type: text/plain; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
		   mail->id);
	free(subject);
}

/* Quoted-printable: whatever stands in the text, the mail is plain ASCII. */
static void add_text(struct buf *out, const char *text)
{
	size_t column = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool at_end = text[1] == '\n' || text[1] == '\0';

		if (c == '\n') {
			buf_puts(out, "\r\n");
			column = 0;
			continue;
		}
		if (column > QUOTED_LINE) {
			buf_puts(out, "=\r\n");
			column = 0;
		}
		if (c < ' ' || c == 0x7f)
			c = '?'; /* no control reaches a terminal */
		if (c == '=' || c > '~' || (c == ' ' && at_end))
			column += buf_printf(out, "=%02X", c) ? 3 : 0;
		else
			column += buf_add(out, &c, 1);
	}
}

char *mail_compose(const struct mail *mail)
{
	struct buf out;

	buf_init(&out, MESSAGE_MAX);
	add_header(&out, mail);
	add_text(&out, mail->text);
	return buf_take(&out);
}

char *mail_sender_at(const char *from, const char *host)
{
	const char *at = strchr(from, '@'), *dot = strchr(host, '.');
	size_t len = dot ? (size_t)(dot - host) : 0;

	if (!at || !len || strlen(at + 1) != len ||
	    strncasecmp(at + 1, host, len) != 0)
		return xstrdup(from);
	return xasprintf("%.*s@%s", (int)(at - from), from, host);
}

/* ---- its way ---- */

static size_t give_message(char *data, size_t one, size_t room, void *arg)
{
	struct job *j = arg;
	size_t n = j->len - j->sent;

	if (n > one * room)
		n = one * room;
	memcpy(data, j->message + j->sent, n);
	j->sent += n;
	return n;
}

/*
 * The server's answers come here, line by line. Only a no is kept: a QUIT
 * comes after it, and is answered in the affirmative.
 */
static size_t take_answer(char *line, size_t one, size_t len, void *arg)
{
	struct job *j = arg;
	size_t n = len * one;

	while (n && strchr("\r\n", line[n - 1]))
		n--;
	if (n && (*line == '4' || *line == '5'))
		snprintf(j->answer, sizeof(j->answer), "%.*s", (int)n, line);
	return len * one;
}

static void say_why(struct job *j, CURLcode result, struct err *err)
{
	char *answer = str_printable(j->answer, ANSWER_MAX);
	long code = 0;

	curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &code);
	if (code >= 400 && code < 600)
		err_set(err, code >= SMTP_PERMANENT ? ERR_REFUSED : ERR_AGAIN,
			"%s does not take the mail: %s", j->where, answer);
	else if (result == CURLE_USE_SSL_FAILED)
		err_set(err, ERR_REFUSED, "%s offers no STARTTLS", j->where);
	else if (result == CURLE_WEIRD_SERVER_REPLY)
		err_set(err, ERR_AGAIN, "%s does not answer in SMTP", j->where);
	else
		fetch_error(err, result, j->easy, j->where, j->says);
	if (result == CURLE_PEER_FAILED_VERIFICATION)
		err_hint(err, "if the mail server's certificate is from a "
			      "root of your own, name its PEM file as "
			      "mail_trust in mtastsd.conf");
	free(answer);
}

static int check_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c,
		      curl_off_t d)
{
	struct job *j = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&j->stop);
}

static void job_free(struct job *j)
{
	curl_easy_cleanup(j->easy);
	curl_slist_free_all(j->to);
	free(j->message);
	free(j->where);
	free(j);
}

static void on_finished(void *arg)
{
	struct job *j = arg;
	struct mailer *m = j->mailer;

	if (m) {
		if (j->has_thread)
			pthread_join(j->thread, NULL);
		m->job = NULL;
		j->done(&j->result, j->arg);
	}
	job_free(j);
}

/*
 * The connection ends in here as well (CURLOPT_FORBID_REUSE): its QUIT waits
 * for an answer, and the loop must not.
 */
static void *carry(void *arg)
{
	struct job *j = arg;
	CURLcode result = curl_easy_perform(j->easy);

	if (result != CURLE_OK)
		say_why(j, result, &j->result);
	loop_post(j->loop, on_finished, j);
	return NULL;
}

/*
 * Where TLS is not asked for it is taken if it is offered, whatever the
 * certificate: between machines that is how mail goes, and better than none.
 */
static void set_server(struct job *j, const struct mail_server *s,
		       const char *host)
{
	bool strict = s->require_tls || str_starts(s->url, "smtps:");

	char *url = xasprintf("%s/%s", s->url, host); /* for EHLO */

	curl_easy_setopt(j->easy, CURLOPT_URL, url);
	free(url);
	curl_easy_setopt(j->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(j->easy, CURLOPT_USE_SSL,
			 (long)(strict ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	curl_easy_setopt(j->easy, CURLOPT_SSL_VERIFYPEER, (long)strict);
	curl_easy_setopt(j->easy, CURLOPT_SSL_VERIFYHOST, strict ? 2L : 0L);
	curl_easy_setopt(j->easy, CURLOPT_SSLVERSION,
			 (long)CURL_SSLVERSION_TLSv1_2);
	if (!str_is_empty(s->ca_file))
		curl_easy_setopt(j->easy, CURLOPT_CAINFO, s->ca_file);
	curl_easy_setopt(j->easy, CURLOPT_CAPATH, NULL);
	if (!str_is_empty(s->user)) {
		curl_easy_setopt(j->easy, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(j->easy, CURLOPT_PASSWORD, s->password);
	}
	curl_easy_setopt(j->easy, CURLOPT_TIMEOUT_MS, s->timeout_ms);
	curl_easy_setopt(j->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 s->timeout_ms < CONNECT_MS ? s->timeout_ms
						    : CONNECT_MS);
	curl_easy_setopt(j->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
			 (s->timeout_ms + 999) / 1000);
	curl_easy_setopt(j->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(j->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(j->easy, CURLOPT_QUICK_EXIT, 1L);
}

/* One address of several that the server does not know stops no other. */
static void set_mail(struct job *j, const struct mail *mail)
{
	for (size_t i = 0; i < mail->to_count; i++) {
		struct curl_slist *longer = curl_slist_append(j->to,
							      mail->to[i]);

		if (!longer)
			abort(); /* out of memory */
		j->to = longer;
	}
	j->message = mail_compose(mail);
	j->len = strlen(j->message);
	j->sent = 0;
	curl_easy_setopt(j->easy, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(j->easy, CURLOPT_MAIL_RCPT, j->to);
	curl_easy_setopt(j->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	curl_easy_setopt(j->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(j->easy, CURLOPT_READFUNCTION, give_message);
	curl_easy_setopt(j->easy, CURLOPT_READDATA, j);
	curl_easy_setopt(j->easy, CURLOPT_HEADERFUNCTION, take_answer);
	curl_easy_setopt(j->easy, CURLOPT_HEADERDATA, j);
	curl_easy_setopt(j->easy, CURLOPT_ERRORBUFFER, j->says);
	curl_easy_setopt(j->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(j->easy, CURLOPT_XFERINFOFUNCTION, check_stop);
	curl_easy_setopt(j->easy, CURLOPT_XFERINFODATA, j);
}

static char *where_of(const char *url)
{
	const char *host = strstr(url, "://");

	return str_printable(host ? host + 3 : url, ADDRESS_MAX);
}

/* "" is what libcurl takes for the bare name of this machine. */
static void host_of(const struct mail_server *s, char host[HOST_NAME_SIZE])
{
	if (s->host)
		str_copy(host, HOST_NAME_SIZE, s->host);
	else if (!host_name_known(host))
		host_name_ask(); /* for the next one */
}

void mail_send(struct mailer *m, const struct mail_server *server,
	       const struct mail *mail, mail_done *done, void *arg)
{
	struct job *j = xcalloc(1, sizeof(*j));
	struct mail named = *mail;
	char host[HOST_NAME_SIZE], *sender;

	assert(!m->job); /* one at a time */
	m->job = j;
	j->mailer = m;
	j->loop = m->loop;
	j->done = done;
	j->arg = arg;
	j->where = where_of(server->url);
	j->easy = curl_easy_init();
	if (!j->easy)
		abort(); /* out of memory: the one cause there is */
	host_of(server, host);
	set_server(j, server, host);
	sender = mail_sender_at(mail->from, host);
	named.from = sender;
	set_mail(j, &named);
	free(sender);
	j->has_thread = pthread_create(&j->thread, NULL, carry, j) == 0;
	if (j->has_thread)
		return;
	err_set(&j->result, ERR_AGAIN, "no thread to send mail in");
	loop_post(j->loop, on_finished, j);
}

struct mailer *mailer_new(struct loop *loop, struct err *err)
{
	struct mailer *m;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, ERR_INTERNAL, "libcurl did not start");
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	m->loop = loop;
	host_name_ask();
	return m;
}

/* The thread ends within a second; its message finds nobody. */
void mailer_free(struct mailer *m)
{
	struct err stopped = ERR_INIT;
	struct job *j;

	if (!m)
		return;
	j = m->job;
	if (j) {
		atomic_store(&j->stop, true);
		if (j->has_thread)
			pthread_join(j->thread, NULL);
		j->mailer = NULL;
		err_set(&stopped, ERR_AGAIN,
			"the mail was broken off: stopping");
		j->done(&stopped, j->arg);
	}
	free(m);
	curl_global_cleanup();
}
