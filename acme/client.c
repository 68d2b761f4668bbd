#include "acme/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/jws.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#define NONCE_POOL	64
#define NONCE_SIZE	256
#define NONCE_AGE_MS	60000
#define DIRECTORY_AGE_MS (WHEN_HOUR * 1000)
#define BAD_NONCE_TRIES 10

struct nonce {
	char text[NONCE_SIZE];
	int64_t at_ms;
};

struct client {
	const struct world *world;
	char *directory_url;
	char *trust_file;	/* NULL: the system's */
	struct wire_directory directory;
	int64_t directory_at_ms;	/* 0: none */
	struct nonce pool[NONCE_POOL];	/* a stack: the newest is on top */
	size_t pooled;
	struct call *waiting, **waiting_tail;	/* for a nonce, first come */
	bool is_fetching;	/* one, with HEAD newNonce */
};

/* One request of a caller's, over as many exchanges as it takes. */
struct call {
	struct call *next;	/* among those that wait for a nonce */
	struct client *client;
	struct p256 key;
	char *kid;
	char *url;
	char *payload;
	unsigned bad_nonces;
	client_done *done;
	void *arg;
};

static void send_signed(struct call *call, const char *nonce);

struct client *client_new(const struct world *world, const char *directory_url,
			  const char *trust_file)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->world = world;
	c->waiting_tail = &c->waiting;
	c->directory_url = xstrdup(directory_url);
	c->trust_file = *trust_file ? xstrdup(trust_file) : NULL;
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	free(c->directory_url);
	free(c->trust_file);
	free(c);
}

static int64_t now_ms(const struct client *c)
{
	return c->world->now_ms(c->world->ctx);
}

const struct wire_directory *client_directory(const struct client *c)
{
	return c->directory_at_ms ? &c->directory : NULL;
}

bool client_is_current(const struct client *c)
{
	int64_t age = now_ms(c) - c->directory_at_ms;

	return c->directory_at_ms && age >= 0 && age <= DIRECTORY_AGE_MS;
}

void client_doubt_directory(struct client *c)
{
	if (c->directory_at_ms)
		c->directory_at_ms = 1;
}

static void keep_nonce(struct client *c, const char *text)
{
	if (!text || !*text || strlen(text) >= NONCE_SIZE)
		return;
	if (c->pooled == NONCE_POOL) {	/* drop the oldest */
		memmove(c->pool, c->pool + 1,
			(NONCE_POOL - 1) * sizeof(c->pool[0]));
		c->pooled--;
	}
	str_copy(c->pool[c->pooled].text, NONCE_SIZE, text);
	c->pool[c->pooled++].at_ms = now_ms(c);
}

static bool take_nonce(struct client *c, char out[static NONCE_SIZE])
{
	struct nonce *top;

	if (!c->pooled)
		return false;
	top = &c->pool[--c->pooled];
	if (llabs(now_ms(c) - top->at_ms) > NONCE_AGE_MS) {
		c->pooled = 0;		/* the ones below are older still */
		return false;
	}
	return str_copy(out, NONCE_SIZE, top->text);
}

static struct call *call_new(struct client *c, client_done *done, void *arg)
{
	struct call *call = xcalloc(1, sizeof(*call));

	call->client = c;
	call->done = done;
	call->arg = arg;
	return call;
}

static void call_free(struct call *call)
{
	p256_release(&call->key);
	free(call->kid);
	free(call->url);
	free(call->payload);
	free(call);
}

static void answer(struct call *call, const struct ca_reply *reply)
{
	client_done *done = call->done;
	void *arg = call->arg;

	call_free(call);
	done(reply, arg);
}

static void answer_error(struct call *call, const struct err *error,
			 bool is_unasked, long retry_after)
{
	struct ca_reply reply = { .error = *error,
				  .is_unasked = is_unasked,
				  .body = "",
				  .location = "",
				  .links = "",
				  .retry_after = retry_after };

	answer(call, &reply);
}

static struct ca_reply read_reply(const struct fetch_reply *r, time_t now)
{
	struct ca_reply reply = {
		.error = r->error,
		.status = r->status,
		.body = r->body ? r->body : "",
		.len = r->body_len,
		.location = r->location ? r->location : "",
		.links = r->link ? r->link : "",
		.retry_after = -1,
		.date = wire_date(r->date),
	};

	if (r->error.kind != ERR_NONE)
		return reply;
	reply.retry_after = wire_retry_after(r->retry_after, now);
	if (r->status < 200 || r->status > 299)
		wire_problem_parse(&reply.problem, r->status, reply.body,
				   reply.len);
	return reply;
}

/*
 * A nonce costs a request of its own only when no answer has brought one. CAs
 * allow few of those (Let's Encrypt: 20 a second), so one is fetched at a
 * time, and who comes meanwhile waits in line for it or for an answer's.
 */
static struct call *next_waiting(struct client *c)
{
	struct call *call = c->waiting;

	c->waiting = call->next;
	if (!c->waiting)
		c->waiting_tail = &c->waiting;
	return call;
}

static void serve_waiting(struct client *c)
{
	char nonce[NONCE_SIZE];

	while (c->waiting && take_nonce(c, nonce))
		send_signed(next_waiting(c), nonce);
}

static void signed_done(const struct fetch_reply *r, void *arg)
{
	struct call *call = arg;
	struct client *c = call->client;
	struct ca_reply reply = read_reply(r, now_ms(c) / 1000);
	char nonce[NONCE_SIZE];
	bool is_again;

	if (r->error.kind == ERR_NONE && r->replay_nonce)
		keep_nonce(c, r->replay_nonce);
	is_again = streq(reply.problem.type, "badNonce") &&
		   ++call->bad_nonces < BAD_NONCE_TRIES && take_nonce(c, nonce);
	if (is_again) /* before the others, or they take what it needs */
		send_signed(call, nonce);
	serve_waiting(c);
	if (!is_again)
		answer(call, &reply);
}

static void send_signed(struct call *call, const char *nonce)
{
	struct client *c = call->client;
	struct jws_header header = { .url = call->url, .nonce = nonce,
				     .kid = call->kid };
	struct err err = ERR_INIT;
	char *body = jws_sign(c->world, &call->key, &header, call->payload,
			      &err);
	struct fetch_request request = {
		.method = FETCH_POST,
		.url = call->url,
		.content_type = "application/jose+json",
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.ca_file = c->trust_file,
	};

	if (body)
		c->world->fetch(c->world->ctx, &request, signed_done, call);
	else
		answer_error(call, &err, false, -1);
	free(body);
}

/* How much of it is scheme, host and port; 0: it is not https. */
static size_t origin_len(const char *url)
{
	static const char scheme[] = "https://";

	if (!str_starts(url, scheme))
		return 0;
	return strlen(scheme) + strcspn(url + strlen(scheme), "/?#");
}

static bool is_same_origin(const char *a, const char *b)
{
	size_t len = origin_len(a);

	return len > 0 && len == origin_len(b) && strncasecmp(a, b, len) == 0;
}

/* What the CA's answers link to is asked only where its directory leads. */
static bool check_url(const struct client *c, const char *url, struct err *err)
{
	if (is_same_origin(url, c->directory_url) ||
	    is_same_origin(url, c->directory.new_order) ||
	    is_same_origin(url, c->directory.new_account))
		return true;
	return err_set(err, ERR_AGAIN,
		       "the CA's link %.120s is none to a place "
		       "that its directory names",
		       url);
}

static void fetch_nonce(struct client *c);

/* Who waits would have failed as well: all are told. */
static void fail_waiting(struct client *c, const struct err *err,
			 long retry_after)
{
	struct call *next, *call = c->waiting;

	c->waiting = NULL;
	c->waiting_tail = &c->waiting;
	for (; call; call = next) {
		next = call->next;
		answer_error(call, err, true, retry_after);
	}
}

/* A door that turns this request away (429) does not speak of all of them. */
static long peace_of(const struct client *c, const struct fetch_reply *r)
{
	return r->status == 429
		       ? -1
		       : wire_retry_after(r->retry_after, now_ms(c) / 1000);
}

static void nonce_done(const struct fetch_reply *r, void *arg)
{
	struct client *c = arg;
	struct err err = r->error;

	c->is_fetching = false;
	if (err.kind == ERR_NONE && (!r->replay_nonce || !*r->replay_nonce ||
				     strlen(r->replay_nonce) >= NONCE_SIZE))
		err_set(&err, ERR_AGAIN, "the CA gave no nonce (HTTP status "
					 "%ld)", r->status);
	if (err.kind != ERR_NONE) {
		fail_waiting(c, &err, peace_of(c, r));
		return;
	}
	keep_nonce(c, r->replay_nonce);
	serve_waiting(c);
	if (c->waiting)
		fetch_nonce(c);
}

static void fetch_nonce(struct client *c)
{
	struct fetch_request request = {
		.method = FETCH_HEAD,
		.url = c->directory.new_nonce,
		.ca_file = c->trust_file,
	};

	if (c->is_fetching)
		return;
	c->is_fetching = true;
	c->world->fetch(c->world->ctx, &request, nonce_done, c);
}

static void wait_for_nonce(struct client *c, struct call *call)
{
	*c->waiting_tail = call;
	c->waiting_tail = &call->next;
	fetch_nonce(c);
}

void client_post(struct client *c, const struct p256 *key, const char *kid,
		 const char *url, const char *payload, client_done *done,
		 void *arg)
{
	struct call *call = call_new(c, done, arg);
	char nonce[NONCE_SIZE];
	struct err err = ERR_INIT;

	call->key = *key;
	call->kid = xstrdup(kid);
	call->url = xstrdup(url);
	call->payload = xstrdup(payload);
	if (!check_url(c, url, &err))
		answer_error(call, &err, false, -1);
	else if (!c->waiting && take_nonce(c, nonce))
		send_signed(call, nonce);
	else
		wait_for_nonce(c, call);
}

static void directory_done(const struct fetch_reply *r, void *arg)
{
	struct call *call = arg;
	struct client *c = call->client;
	struct ca_reply reply = read_reply(r, now_ms(c) / 1000);
	struct wire_directory directory = { .eab_required = false };

	if (reply.error.kind == ERR_NONE && reply.status != 200) {
		err_set(&reply.error, ERR_AGAIN, "%s: HTTP status %ld",
			c->directory_url, reply.status);
		err_hint(&reply.error, "is that URL right? see \"directory\" "
				       "of the ca section in mtastsd.conf");
	}
	if (reply.error.kind == ERR_NONE &&
	    !wire_directory_parse(&directory, reply.body, reply.len,
				  &reply.error))
		err_prefix(&reply.error, "%s", c->directory_url);
	if (reply.error.kind == ERR_NONE) {
		c->directory = directory;
		c->directory_at_ms = now_ms(c);
	}
	answer(call, &reply);
}

void client_load_directory(struct client *c, client_done *done, void *arg)
{
	struct fetch_request request = {
		.method = FETCH_GET,
		.url = c->directory_url,
		.ca_file = c->trust_file,
	};

	c->world->fetch(c->world->ctx, &request, directory_done,
			call_new(c, done, arg));
}

static void get_done(const struct fetch_reply *r, void *arg)
{
	struct call *call = arg;
	struct ca_reply reply = read_reply(r, now_ms(call->client) / 1000);

	answer(call, &reply);
}

void client_get(struct client *c, const char *url, client_done *done,
		void *arg)
{
	struct fetch_request request = {
		.method = FETCH_GET,
		.url = url,
		.ca_file = c->trust_file,
	};

	c->world->fetch(c->world->ctx, &request, get_done,
			call_new(c, done, arg));
}
