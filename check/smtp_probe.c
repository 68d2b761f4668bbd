#include "check/smtp_probe.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host_name.h"
#include "base/mem.h"
#include "base/str.h"
#include "check/tls_words.h"

#define ANSWERS_MAX 65536 /* bytes, of all that the server says */

/* Until it is posted back, all but `stop` is the thread's. */
struct smtp_probe {
	struct loop *loop;
	smtp_done *done;
	void *arg;
	bool has_thread, is_posted;
	pthread_t thread;
	atomic_bool stop;

	CURL *easy;
	struct curl_slist *connect_to;
	char *host;
	char says[CURL_ERROR_SIZE];
	char last[CHECK_WORDS]; /* line of the server's */
	size_t bytes;
	struct smtp_result result;
};

static size_t take_line(char *line, size_t one, size_t len, void *arg)
{
	struct smtp_probe *p = arg;

	p->bytes += len * one;
	snprintf(p->last, sizeof(p->last), "%.*s",
		 (int)strcspn(line, "\r\n") < (int)len
			 ? (int)strcspn(line, "\r\n")
			 : (int)len,
		 line);
	return p->bytes > ANSWERS_MAX ? 0 : len * one;
}

static int check_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c,
		      curl_off_t d)
{
	struct smtp_probe *p = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&p->stop);
}

/* A port that is closed, and one that does not say a word, are alike. */
static enum smtp_outcome outcome_of(const struct smtp_probe *p, CURLcode code)
{
	if (code == CURLE_OK)
		return SMTP_SECURE;
	if (code == CURLE_USE_SSL_FAILED)
		return SMTP_NO_STARTTLS;
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return SMTP_CERT_REFUSED;
	if (code == CURLE_SSL_CONNECT_ERROR)
		return tls_words_are_old(p->says) ? SMTP_TLS_OLD
						  : SMTP_TLS_FAILED;
	if (p->result.cert.is_trusted && p->result.cert.is_for_host)
		return SMTP_SECURE; /* what it says to NOOP is no matter */
	return p->bytes ? SMTP_REFUSED : SMTP_UNREACHABLE;
}

static void say_why(struct smtp_probe *p, CURLcode code)
{
	const char *words = p->says[0] ? p->says : curl_easy_strerror(code);
	char *clean;

	if (p->result.outcome == SMTP_REFUSED && p->last[0])
		words = p->last;
	clean = str_printable(words, sizeof(p->result.problem) / 4 - 1);
	str_copy(p->result.problem, sizeof(p->result.problem), clean);
	free(clean);
}

static void on_finished(void *arg)
{
	struct smtp_probe *p = arg;

	p->is_posted = true;
	if (p->done)
		p->done(&p->result, p->arg);
}

static void *ask(void *arg)
{
	struct smtp_probe *p = arg;
	CURLcode code = curl_easy_perform(p->easy);

	p->result.outcome = outcome_of(p, code);
	if (code != CURLE_OK)
		say_why(p, code);
	loop_post(p->loop, on_finished, p);
	return NULL;
}

/* The name of the MX for SNI and certificate; its address for the socket. */
static void set_target(struct smtp_probe *p, const struct smtp_question *q)
{
	bool is_v6 = strchr(q->address, ':');
	char us[HOST_NAME_SIZE], *text;

	if (!host_name_known(us))
		us[0] = '\0';
	text = xasprintf("smtp://%s:%ld/%s", q->host, q->port, us);
	curl_easy_setopt(p->easy, CURLOPT_URL, text);
	free(text);
	text = xasprintf("::%s%s%s:%ld", is_v6 ? "[" : "", q->address,
			 is_v6 ? "]" : "", q->port);
	p->connect_to = curl_slist_append(NULL, text);
	free(text);
	if (!p->connect_to)
		abort(); /* out of memory */
	curl_easy_setopt(p->easy, CURLOPT_CONNECT_TO, p->connect_to);
	curl_easy_setopt(p->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(p->easy, CURLOPT_PROTOCOLS_STR, "smtp");
}

static void set_tls(struct smtp_probe *p, const struct smtp_question *q)
{
	curl_easy_setopt(p->easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(p->easy, CURLOPT_SSLVERSION,
			 (long)CURL_SSLVERSION_TLSv1_2);
	if (q->ca_file)
		curl_easy_setopt(p->easy, CURLOPT_CAINFO, q->ca_file);
	curl_easy_setopt(p->easy, CURLOPT_CAPATH, NULL);
	tls_look_at(p->easy, &p->result.cert, p->host);
}

static void set_limits(struct smtp_probe *p, const struct smtp_question *q)
{
	curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, q->timeout_ms);
	curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT_MS, q->timeout_ms);
	curl_easy_setopt(p->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
			 (q->timeout_ms + 999) / 1000);
	curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(p->easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(p->easy, CURLOPT_CUSTOMREQUEST, "NOOP");
	curl_easy_setopt(p->easy, CURLOPT_HEADERFUNCTION, take_line);
	curl_easy_setopt(p->easy, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(p->easy, CURLOPT_ERRORBUFFER, p->says);
	curl_easy_setopt(p->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(p->easy, CURLOPT_XFERINFOFUNCTION, check_stop);
	curl_easy_setopt(p->easy, CURLOPT_XFERINFODATA, p);
}

struct smtp_probe *smtp_probe_start(struct loop *loop,
				    const struct smtp_question *question,
				    smtp_done *done, void *arg)
{
	struct smtp_probe *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->done = done;
	p->arg = arg;
	p->host = xstrdup(question->host);
	p->easy = curl_easy_init();
	if (!p->easy)
		abort(); /* out of memory: the one cause there is */
	set_target(p, question);
	set_tls(p, question);
	set_limits(p, question);
	p->has_thread = pthread_create(&p->thread, NULL, ask, p) == 0;
	if (!p->has_thread)
		loop_post(loop, on_finished, p);
	return p;
}

static void destroy(void *arg)
{
	struct smtp_probe *p = arg;

	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->connect_to);
	free(p->host);
	free(p);
}

/* What it has posted, and is not delivered yet, comes before destroy(). */
void smtp_probe_free(struct smtp_probe *p)
{
	if (!p)
		return;
	atomic_store(&p->stop, true);
	if (p->has_thread)
		pthread_join(p->thread, NULL);
	p->done = NULL;
	if (p->is_posted)
		destroy(p);
	else
		loop_post(p->loop, destroy, p);
}
