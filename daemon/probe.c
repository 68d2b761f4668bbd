#include "daemon/probe.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/str.h"

#define WORD_BYTES 16
#define TIMEOUT_MS 5000
#define ANSWER_MAX 1024
#define HTTP_PORT  80
#define STATUS_OK  200

struct look {
	const struct probe *probe;
	char *host, *address;
	probe_done *done;
	void *arg;
};

static void make_word(char out[static HTTPD_PROBE_SIZE])
{
	unsigned char bytes[WORD_BYTES];
	char *text;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort();	/* no machine to run a TLS server on */
	text = b64url_encode(bytes, sizeof(bytes));
	snprintf(out, HTTPD_PROBE_SIZE, "%s", text);
	free(text);
}

void probe_init(struct probe *p)
{
	char word[HTTPD_PROBE_SIZE];

	*p = (struct probe){ .port = 0 };
	make_word(p->words.token);
	make_word(p->words.text);
	make_word(word);
	snprintf(p->words.agent, sizeof(p->words.agent),
		 "mtastsd/" MTASTSD_VERSION " (%s)", word);
}

static unsigned port_of(const struct probe *p)
{
	return p->port ? p->port : HTTP_PORT;
}

static void set_unreached(struct err *err, const struct look *look,
			  const struct err *why)
{
	*err = *why;
	err_hint(err, "check that port %u of %s is open and leads to this box; "
		      "a router that does not let it reach its own address "
		      "spoils this look only, not the CA's",
		 port_of(look->probe), look->address);
}

static void set_stranger(struct err *err, const struct look *look, long status)
{
	err_set(err, ERR_AGAIN, "%s at %s, port %u, is answered by another "
				"server (status %ld)",
		look->host, look->address, port_of(look->probe), status);
	err_hint(err, "port %u of %s must lead to mtastsd: find out what "
		      "listens there, or where it is forwarded to",
		 port_of(look->probe), look->address);
}

static void on_reply(const struct fetch_reply *reply, void *arg)
{
	struct look *look = arg;
	struct err err = ERR_INIT;

	if (reply->error.kind != ERR_NONE)
		set_unreached(&err, look, &reply->error);
	else if (reply->status != STATUS_OK ||
		 !streq(reply->body, look->probe->words.text))
		set_stranger(&err, look, reply->status);
	look->done(&err, look->arg);
	free(look->host);
	free(look->address);
	free(look);
}

static char *url_of(const struct probe *p, const char *host)
{
	const char *token = p->words.token;

	if (port_of(p) == HTTP_PORT)
		return xasprintf("http://%s" HTTPD_CHALLENGE_PATH "%s", host,
				 token);
	return xasprintf("http://%s:%u" HTTPD_CHALLENGE_PATH "%s", host,
			 p->port, token);
}

void probe_start(const struct probe *p, struct fetcher *f, const char *host,
		 const char *address, probe_done *done, void *arg)
{
	char *url = url_of(p, host);
	const struct fetch_request request = {
		.url = url,
		.plain_at = address,
		.body_max = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};
	struct look *look = xmalloc(sizeof(*look));

	*look = (struct look){ .probe = p, .host = xstrdup(host),
			       .address = xstrdup(address), .done = done,
			       .arg = arg };
	fetch_start(f, &request, on_reply, look);
	free(url);
}
