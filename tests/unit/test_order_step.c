/*
 * The machine of one order: what each state asks, what each answer makes of
 * it, and that no answer, however often it comes, keeps it going for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/order_step.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#define NOW	 1800000000L
#define HOST	 "mta-sts.example.org"
#define PATIENCE (12 * WHEN_HOUR)

#define ORDER_BODY(status, more)                                               \
	"{\"status\":\"" status "\",\"finalize\":\"https://ca.test/f\","       \
	"\"identifiers\":[{\"type\":\"dns\",\"value\":\"" HOST "\"}],"         \
	"\"expires\":\"2027-02-01T00:00:00Z\","                                \
	"\"authorizations\":[\"https://ca.test/a\"]" more "}"
#define AUTHZ_BODY(status, challenge, more)                                    \
	"{\"status\":\"" status "\",\"challenges\":[{\"type\":\"dns-01\","     \
	"\"status\":\"pending\",\"url\":\"https://ca.test/d\","                \
	"\"token\":\"dns\"},{\"type\":\"http-01\",\"status\":\"" challenge     \
	"\",\"url\":\"https://ca.test/c\",\"token\":\"tok\"" more "}]}"
#define CERT_URL  ",\"certificate\":\"https://ca.test/cert\""
#define URN	  "urn:ietf:params:acme:error:"
#define ERROR(type) ",\"error\":{\"type\":\"" URN type "\",\"detail\":\"no\"}"
#define PROBLEM(type) "{\"type\":\"" URN type "\",\"detail\":\"no\"}"
#define LOCATION  "https://ca.test/o/1"
#define HTML	  "<html>Bad Gateway</html>"
#define PEM_CUT	      "-----BEGIN CERTIFICATE-----\nMII"
#define PEM	      PEM_CUT "\n-----END CERTIFICATE-----\n"

/* ---- a row, a reply, a context ---- */

static struct order row_in(enum order_state state)
{
	struct order o = { .id = 7, .state = state, .epoch = 1,
			   .created_at = NOW, .csr = "csr", .csr_len = 3 };

	if (state == ORDER_INTENT)
		return o;
	strcpy(o.order_url, LOCATION);
	strcpy(o.finalize_url, "https://ca.test/f");
	strcpy(o.authz_url, "https://ca.test/a");
	if (state >= ORDER_PRESENTED) {
		strcpy(o.chall_url, "https://ca.test/c");
		strcpy(o.token, "tok");
		o.sent = 1;
	}
	if (state == ORDER_DOWNLOAD)
		strcpy(o.cert_url, "https://ca.test/cert");
	return o;
}

static bool is_known(const char *url, void *arg)
{
	(void)arg;
	return streq(url, "https://ca.test/o/known");
}

static struct order_context context_at(int64_t now_ms, const char *orders_url)
{
	return (struct order_context){
		.now = now_ms / 1000,
		.now_ms = now_ms,
		.dice = UINT32_MAX / 2,
		.host = HOST,
		.thumbprint = "thumb",
		.orders_url = orders_url,
		.account_at = now_ms / 1000,
		.patience = PATIENCE,
		.is_known = is_known,
	};
}

/* Status 0: the connection failed. */
static struct ca_reply reply_of(long status, const char *body,
				const char *location, long retry_after)
{
	struct ca_reply r = { .status = status, .body = body ? body : "",
			      .location = location ? location : "",
			      .links = "", .retry_after = retry_after };

	r.len = strlen(r.body);
	if (status == 0)
		err_set(&r.error, ERR_AGAIN, "timed out");
	else if (status > 299)
		wire_problem_parse(&r.problem, status, r.body, r.len);
	return r;
}

/* ---- what each state asks ---- */

static const struct {
	enum order_state state;
	bool unsure;
	const char *seek, *list;	/* being looked through; the account's */
	const char *url;		/* NULL: the directory's newOrder */
	const char *payload;		/* NULL: POST-as-GET */
} questions[] = {
	{ ORDER_INTENT, false, "", "", NULL,
	  "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" HOST "\"}]}" },
	{ ORDER_INTENT, true, "", "", NULL,
	  "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" HOST "\"}]}" },
	{ ORDER_INTENT, false, "", "https://ca.test/l", NULL,
	  "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" HOST "\"}]}" },
	{ ORDER_INTENT, true, "", "https://ca.test/l", "https://ca.test/l",
	  NULL },
	{ ORDER_INTENT, true, "https://ca.test/o/1\n+https://ca.test/l?2\n",
	  "https://ca.test/l", "https://ca.test/o/1", NULL },
	{ ORDER_INTENT, true, "+https://ca.test/l?2\n", "https://ca.test/l",
	  "https://ca.test/l?2", NULL },
	{ ORDER_ORDERED, false, "", "", "https://ca.test/a", NULL },
	{ ORDER_ORDERED, true, "", "", "https://ca.test/a", NULL },
	{ ORDER_PRESENTED, false, "", "", "https://ca.test/c", "{}" },
	{ ORDER_PRESENTED, true, "", "", "https://ca.test/a", NULL },
	{ ORDER_CHALLENGED, false, "", "", "https://ca.test/a", NULL },
	{ ORDER_CHALLENGED, true, "", "", "https://ca.test/a", NULL },
	{ ORDER_READY, false, "", "", LOCATION, NULL },
	{ ORDER_READY, true, "", "", LOCATION, NULL },
	{ ORDER_FINALIZING, false, "", "", "https://ca.test/f",
	  "{\"csr\":\"Y3Ny\"}" },
	{ ORDER_FINALIZING, true, "", "", LOCATION, NULL },
	{ ORDER_POLLING, false, "", "", LOCATION, NULL },
	{ ORDER_POLLING, true, "", "", LOCATION, NULL },
	{ ORDER_DOWNLOAD, false, "", "", "https://ca.test/cert", NULL },
	{ ORDER_DOWNLOAD, true, "", "", "https://ca.test/cert", NULL },
};

static void each_state_asks_its_question(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct order o = row_in(questions[i].state);
		struct order_context ctx = context_at(NOW * 1000, questions[i].list);
		struct order_question q;

		o.unsure = questions[i].unsure;
		assert_true(str_copy(o.seek, sizeof(o.seek),
				     questions[i].seek));
		q = order_ask(&o, &ctx);
		print_message("%zu %s\n", i, order_state_name(o.state));
		assert_int_equal(q.where, questions[i].url ? ASK_URL
							   : ASK_NEW_ORDER);
		if (questions[i].url)
			assert_string_equal(q.url, questions[i].url);
		if (questions[i].payload)
			assert_string_equal(q.payload, questions[i].payload);
		else
			assert_null(q.payload);
		free(q.payload);
	}
}

/* A URL as long as a URL may be is asked for whole, or not at all. */
static void the_longest_url_is_asked_for_whole(void **state)
{
	struct order o = row_in(ORDER_INTENT);
	struct order_context ctx = context_at(NOW * 1000, "https://ca.test/l");
	char url[URL_SIZE];
	struct order_question q;

	(void)state;
	memset(url, 'x', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	o.unsure = true;
	snprintf(o.seek, sizeof(o.seek), "+%s\n", url);
	q = order_ask(&o, &ctx);
	assert_int_equal(q.where, ASK_URL);
	assert_string_equal(q.url, url);
	free(q.payload);
}

/* ---- what each answer makes of it ---- */

static const struct {
	enum order_state from;
	bool unsure;
	long status;			/* 0: no answer at all */
	const char *body, *location;
	long retry_after;
	enum order_state to;
	enum order_effect effect;
	enum fail_scope scope;
	bool unsure_after;
	long wait_ms;			/* at least, if the effect is to wait */
} steps[] = {
	/* intent */
	{ ORDER_INTENT, false, 201, ORDER_BODY("pending", ""), LOCATION, -1,
	  ORDER_ORDERED, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_INTENT, true, 201, ORDER_BODY("pending", ""), LOCATION, -1,
	  ORDER_ORDERED, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_INTENT, false, 201, ORDER_BODY("ready", ""), LOCATION, -1,
	  ORDER_READY, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_INTENT, false, 201, ORDER_BODY("valid", CERT_URL), LOCATION, -1,
	  ORDER_READY, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_INTENT, false, 201, ORDER_BODY("invalid", ERROR("dns")),
	  LOCATION, -1, ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_INTENT, false, 201, ORDER_BODY("pending", ""), NULL, -1,
	  ORDER_INTENT, ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_INTENT, false, 201, HTML, LOCATION, -1, ORDER_INTENT,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_INTENT, false, 0, NULL, NULL, -1, ORDER_INTENT, ORDER_WAIT,
	  SCOPE_CA, true, 800 },
	{ ORDER_INTENT, false, 503, PROBLEM("rateLimited"), NULL, 30,
	  ORDER_INTENT, ORDER_WAIT, SCOPE_CA, true, 30000 },
	{ ORDER_FINALIZING, false, 503, PROBLEM("rateLimited"), NULL, 86400,
	  ORDER_FINALIZING, ORDER_WAIT, SCOPE_CA, true, 120000 },
	{ ORDER_INTENT, false, 429, PROBLEM("rateLimited"), NULL, 900,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_INTENT, false, 429, HTML, NULL, 30, ORDER_INTENT, ORDER_WAIT,
	  SCOPE_CA, true, 30000 },
	{ ORDER_FINALIZING, false, 429, PROBLEM("rateLimited"), NULL, -1,
	  ORDER_FINALIZING, ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_DOWNLOAD, false, 429, HTML, NULL, -1, ORDER_POLLING, ORDER_WAIT,
	  SCOPE_CA, true, 800 },
	{ ORDER_INTENT, false, 400, PROBLEM("rejectedIdentifier"), NULL, -1,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_INTENT, false, 400, PROBLEM("accountDoesNotExist"), NULL, -1,
	  ORDER_INTENT, ORDER_WAIT, SCOPE_ACCOUNT, true, 800 },
	{ ORDER_INTENT, false, 403, PROBLEM("userActionRequired"), NULL, -1,
	  ORDER_INTENT, ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_INTENT, false, 400, PROBLEM("badNonce"), NULL, -1, ORDER_INTENT,
	  ORDER_WAIT, SCOPE_CA, false, 800 },
	{ ORDER_INTENT, true, 400, PROBLEM("badNonce"), NULL, -1, ORDER_INTENT,
	  ORDER_WAIT, SCOPE_CA, true, 800 },

	/* ordered */
	{ ORDER_ORDERED, false, 200, AUTHZ_BODY("pending", "pending", ""), NULL,
	  -1, ORDER_PRESENTED, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_ORDERED, true, 200, AUTHZ_BODY("pending", "processing", ""),
	  NULL, -1, ORDER_PRESENTED, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_ORDERED, false, 200, AUTHZ_BODY("valid", "valid", ""), NULL, -1,
	  ORDER_READY, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_ORDERED, false, 200,
	  AUTHZ_BODY("invalid", "invalid", ERROR("connection")), NULL, -1,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_ORDERED, false, 200, AUTHZ_BODY("expired", "pending", ""), NULL,
	  -1, ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_ORDERED, false, 200,
	  "{\"status\":\"pending\","
	  "\"challenges\":[]}",
	  NULL, -1, ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_ORDERED, false, 200, "{}", NULL, -1, ORDER_ORDERED, ORDER_WAIT,
	  SCOPE_CA, true, 800 },
	{ ORDER_ORDERED, false, 404, PROBLEM("malformed"), NULL, -1, ORDER_DEAD,
	  ORDER_END, SCOPE_ORDER, false, 0 },

	/* presented: the challenge, or the authorization if unsure */
	{ ORDER_PRESENTED, false, 200, "{}", NULL, -1, ORDER_CHALLENGED,
	  ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_PRESENTED, false, 200, "{}", NULL, 5, ORDER_CHALLENGED,
	  ORDER_WAIT, SCOPE_NONE, false, 5000 },
	{ ORDER_PRESENTED, false, 200, "", NULL, -1, ORDER_CHALLENGED,
	  ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_PRESENTED, false, 200, HTML, NULL, -1, ORDER_PRESENTED,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_PRESENTED, false, 0, NULL, NULL, -1, ORDER_PRESENTED,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_PRESENTED, false, 400, PROBLEM("malformed"), NULL, -1,
	  ORDER_PRESENTED, ORDER_WAIT, SCOPE_NONE, true, 800 },
	{ ORDER_PRESENTED, true, 200, AUTHZ_BODY("pending", "pending", ""),
	  NULL, -1, ORDER_PRESENTED, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_PRESENTED, true, 200, AUTHZ_BODY("pending", "processing", ""),
	  NULL, -1, ORDER_CHALLENGED, ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_PRESENTED, true, 200, AUTHZ_BODY("valid", "valid", ""), NULL,
	  -1, ORDER_READY, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_PRESENTED, true, 200,
	  AUTHZ_BODY("invalid", "invalid", ERROR("dns")), NULL, -1, ORDER_DEAD,
	  ORDER_END, SCOPE_ORDER, true, 0 },

	/* challenged */
	{ ORDER_CHALLENGED, false, 200, AUTHZ_BODY("pending", "pending", ""),
	  NULL, -1, ORDER_CHALLENGED, ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_CHALLENGED, false, 200, AUTHZ_BODY("pending", "processing", ""),
	  NULL, 7, ORDER_CHALLENGED, ORDER_WAIT, SCOPE_NONE, false, 7000 },
	{ ORDER_CHALLENGED, false, 200,
	  AUTHZ_BODY("pending", "pending", ERROR("connection")), NULL, -1,
	  ORDER_PRESENTED, ORDER_WAIT, SCOPE_NONE, false, 2000 },
	{ ORDER_CHALLENGED, false, 200, AUTHZ_BODY("valid", "valid", ""), NULL,
	  -1, ORDER_READY, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_CHALLENGED, false, 200,
	  AUTHZ_BODY("invalid", "invalid", ERROR("unauthorized")), NULL, -1,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_CHALLENGED, false, 200,
	  AUTHZ_BODY("invalid", "invalid", ERROR("serverInternal")), NULL, -1,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_CHALLENGED, false, 500, "{}", NULL, -1, ORDER_CHALLENGED,
	  ORDER_WAIT, SCOPE_CA, true, 800 },

	/* ready */
	{ ORDER_READY, false, 200, ORDER_BODY("pending", ""), NULL, -1,
	  ORDER_READY, ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_READY, false, 200, ORDER_BODY("ready", ""), NULL, -1,
	  ORDER_FINALIZING, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_READY, true, 200, ORDER_BODY("processing", ""), NULL, -1,
	  ORDER_POLLING, ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_READY, true, 200, ORDER_BODY("valid", CERT_URL), NULL, -1,
	  ORDER_DOWNLOAD, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_READY, false, 200, ORDER_BODY("invalid", ""), NULL, -1,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_READY, false, 410, HTML, NULL, -1, ORDER_DEAD, ORDER_END,
	  SCOPE_ORDER, false, 0 },

	/* finalizing */
	{ ORDER_FINALIZING, false, 200, ORDER_BODY("processing", ""), NULL, 3,
	  ORDER_POLLING, ORDER_WAIT, SCOPE_NONE, false, 3000 },
	{ ORDER_FINALIZING, false, 200, ORDER_BODY("valid", CERT_URL), NULL, -1,
	  ORDER_DOWNLOAD, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_FINALIZING, false, 200, ORDER_BODY("valid", ""), NULL, -1,
	  ORDER_FINALIZING, ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_FINALIZING, false, 0, NULL, NULL, -1, ORDER_FINALIZING,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_FINALIZING, false, 200, HTML, NULL, -1, ORDER_FINALIZING,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_FINALIZING, false, 500, PROBLEM("serverInternal"), NULL, 60,
	  ORDER_FINALIZING, ORDER_WAIT, SCOPE_CA, true, 60000 },
	{ ORDER_FINALIZING, false, 403, PROBLEM("orderNotReady"), NULL, -1,
	  ORDER_FINALIZING, ORDER_WAIT, SCOPE_NONE, true, 800 },
	{ ORDER_FINALIZING, false, 403, PROBLEM("caa"), NULL, -1, ORDER_DEAD,
	  ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_FINALIZING, false, 400, PROBLEM("badCSR"), NULL, -1, ORDER_DEAD,
	  ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_FINALIZING, true, 200, ORDER_BODY("ready", ""), NULL, -1,
	  ORDER_FINALIZING, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_FINALIZING, true, 200, ORDER_BODY("processing", ""), NULL, -1,
	  ORDER_POLLING, ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_FINALIZING, true, 200, ORDER_BODY("valid", CERT_URL), NULL, -1,
	  ORDER_DOWNLOAD, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_FINALIZING, true, 200, ORDER_BODY("invalid", ERROR("caa")),
	  NULL, -1, ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, true, 0 },
	{ ORDER_FINALIZING, true, 404, PROBLEM("malformed"), NULL, -1,
	  ORDER_FINALIZING, ORDER_WAIT, SCOPE_NONE, true, 800 },

	/* polling */
	{ ORDER_POLLING, false, 200, ORDER_BODY("processing", ""), NULL, -1,
	  ORDER_POLLING, ORDER_WAIT, SCOPE_NONE, false, 100 },
	{ ORDER_POLLING, false, 200, ORDER_BODY("ready", ""), NULL, -1,
	  ORDER_FINALIZING, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_POLLING, false, 200, ORDER_BODY("valid", CERT_URL), NULL, -1,
	  ORDER_DOWNLOAD, ORDER_ASK, SCOPE_NONE, false, 0 },
	{ ORDER_POLLING, false, 200, ORDER_BODY("invalid", ERROR("caa")), NULL,
	  -1, ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_POLLING, false, 200,
	  ORDER_BODY("invalid", ERROR("serverInternal")), NULL, -1, ORDER_DEAD,
	  ORDER_END, SCOPE_DOMAIN, false, 0 },
	{ ORDER_POLLING, false, 200, ORDER_BODY("revoked", ""), NULL, -1,
	  ORDER_DEAD, ORDER_END, SCOPE_DOMAIN, false, 0 },

	/* download */
	{ ORDER_DOWNLOAD, false, 200, PEM, NULL, -1, ORDER_DONE, ORDER_INSTALL,
	  SCOPE_NONE, false, 0 },
	{ ORDER_DOWNLOAD, false, 200, HTML, NULL, -1, ORDER_POLLING, ORDER_WAIT,
	  SCOPE_CA, true, 800 },
	{ ORDER_DOWNLOAD, false, 200, PEM_CUT, NULL, -1, ORDER_POLLING,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_DOWNLOAD, false, 200, PEM PEM_CUT, NULL, -1, ORDER_POLLING,
	  ORDER_WAIT, SCOPE_CA, true, 800 },
	{ ORDER_DOWNLOAD, true, 0, NULL, NULL, -1, ORDER_POLLING, ORDER_WAIT,
	  SCOPE_CA, true, 800 },
	{ ORDER_DOWNLOAD, false, 404, PROBLEM("malformed"), NULL, -1,
	  ORDER_POLLING, ORDER_WAIT, SCOPE_CA, true, 800 },
};

static void check_step(size_t i, const struct order *o,
		       const struct order_step *step)
{
	assert_int_equal(o->state, steps[i].to);
	assert_int_equal(step->effect, steps[i].effect);
	assert_int_equal(step->scope, steps[i].scope);
	assert_int_equal(o->unsure, steps[i].unsure_after);
	if (step->effect == ORDER_WAIT)
		assert_in_range(o->wake_ms - NOW * 1000, steps[i].wait_ms,
				steps[i].wait_ms * 2);
	else
		assert_int_equal(o->wake_ms, 0);
	if (step->effect == ORDER_END) {
		assert_int_equal(step->retry_after, steps[i].retry_after);
		assert_int_equal(o->ended_at, NOW);
		assert_true(*o->problem && *step->problem.text);
	}
}

static void each_answer_has_its_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct order o = row_in(steps[i].from);
		struct order_context ctx = context_at(NOW * 1000, "");
		struct ca_reply r = reply_of(steps[i].status, steps[i].body,
					     steps[i].location,
					     steps[i].retry_after);
		struct order_step step;

		o.unsure = steps[i].unsure;
		o.created_at -= 60;
		step = order_reply(&o, &r, &ctx);
		print_message("%zu %s%s, %ld: %s\n", i,
			      order_state_name(steps[i].from),
			      steps[i].unsure ? " (unsure)" : "",
			      steps[i].status, order_state_name(o.state));
		check_step(i, &o, &step);
	}
}

static void a_step_learns_what_it_needs(void **state)
{
	struct order_context ctx = context_at(NOW * 1000, "");
	struct ca_reply made = reply_of(201, ORDER_BODY("pending", ""),
					LOCATION, -1);
	struct ca_reply authz = reply_of(
		200, AUTHZ_BODY("pending", "pending", ""), NULL, -1);
	struct ca_reply valid = reply_of(200, ORDER_BODY("valid", CERT_URL),
					 NULL, -1);
	struct order o = row_in(ORDER_INTENT);

	(void)state;
	order_reply(&o, &made, &ctx);
	assert_string_equal(o.order_url, LOCATION);
	assert_string_equal(o.finalize_url, "https://ca.test/f");
	assert_string_equal(o.authz_url, "https://ca.test/a");
	assert_int_equal(o.expires_at, 1801440000);
	order_reply(&o, &authz, &ctx);
	assert_string_equal(o.chall_url, "https://ca.test/c");
	assert_string_equal(o.token, "tok");
	assert_string_equal(o.key_auth, "tok.thumb");
	o.state = ORDER_POLLING;
	order_reply(&o, &valid, &ctx);
	assert_string_equal(o.cert_url, "https://ca.test/cert");
}

#define CHALLENGE(type, mark)                                                  \
	"{\"type\":\"" type "\",\"status\":\"pending\",\"url\":"               \
	"\"https://ca.test/" mark "\",\"token\":\"" mark "\"}"
#define OFFER(challenges)                                                      \
	"{\"status\":\"pending\",\"challenges\":[" challenges "]}"
#define OFFER_HTTP CHALLENGE("http-01", "h")
#define OFFER_ALPN CHALLENGE("tls-alpn-01", "s")

static const struct {
	enum challenge_method want;
	const char *body;
	enum challenge_method got;
	const char *token;
} choices[] = {
	{ METHOD_HTTP_01, OFFER(OFFER_ALPN "," OFFER_HTTP), METHOD_HTTP_01,
	  "h" },
	{ METHOD_TLS_ALPN_01, OFFER(OFFER_HTTP "," OFFER_ALPN),
	  METHOD_TLS_ALPN_01, "s" },
	{ METHOD_HTTP_01, OFFER(OFFER_ALPN), METHOD_TLS_ALPN_01, "s" },
	{ METHOD_TLS_ALPN_01, OFFER(OFFER_HTTP), METHOD_HTTP_01, "h" },
};

/* What the domain's last success suggests, if the CA offers it. */
static void the_method_is_one_the_ca_offers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct order_context ctx = context_at(NOW * 1000, "");
		struct ca_reply authz = reply_of(200, choices[i].body, NULL,
						 -1);
		struct order o = row_in(ORDER_ORDERED);

		o.method = choices[i].want;
		order_reply(&o, &authz, &ctx);
		assert_int_equal(o.state, ORDER_PRESENTED);
		assert_int_equal(o.method, choices[i].got);
		assert_string_equal(o.token, choices[i].token);
		assert_string_equal(strrchr(o.chall_url, '/') + 1, o.token);
	}
}

/* The problem and the progress of the other challenge are not ours. */
static void only_the_chosen_challenge_counts(void **state)
{
	static const char body[] =
		"{\"status\":\"invalid\",\"challenges\":["
		"{\"type\":\"http-01\",\"status\":\"pending\",\"url\":\"h\","
		"\"token\":\"h\"" ERROR("dns") "},"
		"{\"type\":\"tls-alpn-01\",\"status\":\"invalid\",\"url\":\"s\","
		"\"token\":\"s\"" ERROR("tls") "}]}";
	struct order_context ctx = context_at(NOW * 1000, "");
	struct ca_reply authz = reply_of(200, body, NULL, -1);

	(void)state;
	for (size_t i = 0; i < METHOD_COUNT; i++) {
		struct order o = row_in(ORDER_CHALLENGED);

		o.method = (enum challenge_method)i;
		order_reply(&o, &authz, &ctx);
		assert_int_equal(o.state, ORDER_DEAD);
		assert_non_null(strstr(o.problem, i ? "tls" : "dns"));
	}
}

static void a_served_token_ends_with_the_order(void **state)
{
	struct order_context ctx = context_at(NOW * 1000, "");
	struct ca_reply chain = reply_of(200, PEM, NULL, -1);
	struct order o = row_in(ORDER_DOWNLOAD);

	(void)state;
	order_reply(&o, &chain, &ctx);
	assert_string_equal(o.token, "");
	assert_string_equal(o.key_auth, "");
	assert_int_equal(o.ended_at, NOW);
}

/* ---- the search for what a lost answer may have made ---- */

static struct order_step feed(struct order *o, const char *body,
			      const char *links)
{
	struct order_context ctx = context_at(NOW * 1000, "https://ca.test/l");
	struct ca_reply r = reply_of(200, body, NULL, -1);

	r.links = links;
	return order_reply(o, &r, &ctx);
}

static const char *asks(const struct order *o)
{
	static char url[URL_SIZE];
	struct order_context ctx = context_at(NOW * 1000, "https://ca.test/l");
	struct order_question q = order_ask(o, &ctx);

	free(q.payload);
	str_copy(url, URL_SIZE, q.where == ASK_NEW_ORDER ? "new" : q.url);
	return url;
}

static void the_search_follows_pages_and_takes_its_own(void **state)
{
	struct order o = row_in(ORDER_INTENT);
	static const char others[] =
		"{\"status\":\"pending\",\"finalize\":\"https://ca.test/f\","
		"\"identifiers\":[{\"type\":\"dns\",\"value\":\"x.test\"}],"
		"\"authorizations\":[\"https://ca.test/a\"]}";

	(void)state;
	o.unsure = true;
	assert_string_equal(asks(&o), "https://ca.test/l");
	feed(&o, "{\"orders\":[\"https://ca.test/o/known\","
		 "\"https://ca.test/o/4\"]}",
	     "<https://ca.test/directory>;rel=\"index\"\n"
	     "<https://ca.test/l?2>;rel=\"next\"");
	assert_string_equal(asks(&o), "https://ca.test/o/4");
	feed(&o, others, "");
	assert_string_equal(asks(&o), "https://ca.test/l?2");
	feed(&o, "{\"orders\":[\"https://ca.test/o/5\","
		 "\"https://ca.test/o/6\"]}", "");
	assert_string_equal(asks(&o), "https://ca.test/o/5");
	feed(&o, ORDER_BODY("invalid", ""), "");
	assert_string_equal(asks(&o), "https://ca.test/o/6");
	feed(&o, ORDER_BODY("pending", ""), "");
	assert_int_equal(o.state, ORDER_ORDERED);
	assert_string_equal(o.order_url, "https://ca.test/o/6");
	assert_string_equal(o.seek, "");
}

/* What can be no URL is not looked at, and hides nothing behind it. */
static void the_search_passes_over_what_is_no_url(void **state)
{
	struct order o = row_in(ORDER_INTENT);
	static const char body[] =
		"{\"orders\":[\"\",\"\",\"/o/1\",\"+https://ca.test/o/2\","
		"\"~!\",\"https://ca.test/o/\\n+3\",\"https://ca.test/o/4\"]}";

	(void)state;
	o.unsure = true;
	feed(&o, body, "<>;rel=\"next\"");
	assert_string_equal(asks(&o), "https://ca.test/o/4");
	feed(&o, ORDER_BODY("invalid", ""), "");
	assert_string_equal(asks(&o), "new");

	o.unsure = true;
	assert_string_equal(asks(&o), "https://ca.test/l");
	feed(&o, "{\"orders\":[\"\"]}", "<+l>;rel=\"next\"");
	assert_string_equal(asks(&o), "new");
}

static const struct {
	long status;
	const char *body;
} replaces_declined[] = {
	{ 409, PROBLEM("alreadyReplaced") },
	{ 404, PROBLEM("malformed") },
	{ 403, PROBLEM("unauthorized") },
};

static bool says_replaces(const struct order *o)
{
	struct order_context ctx = context_at(NOW * 1000, "");
	struct order_question q = order_ask(o, &ctx);
	bool says = q.payload && strstr(q.payload, "replaces");

	free(q.payload);
	return says;
}

/* Also when newOrder comes again, where there is no list to look through. */
static void replaces_is_left_out_at_the_first_refusal(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(replaces_declined); i++) {
		struct order o = row_in(ORDER_INTENT);
		struct order_context ctx = context_at(NOW * 1000, "");
		struct ca_reply r = reply_of(replaces_declined[i / 2].status,
					     replaces_declined[i / 2].body,
					     NULL, -1);
		struct order_step step;

		str_copy(o.replaces, sizeof(o.replaces), "aki.serial");
		o.unsure = i % 2;
		assert_true(says_replaces(&o));
		step = order_reply(&o, &r, &ctx);
		assert_int_equal(step.effect, ORDER_ASK);
		assert_int_equal(o.state, ORDER_INTENT);
		assert_false(says_replaces(&o));
	}
}

static const struct {
	const char *what;
	long status;
	const char *body;
} fruitless[] = {
	{ "an empty list", 200, "{\"orders\":[]}" },
	{ "no list in it", 200, "{}" },
	{ "only what we know", 200,
	  "{\"orders\":[\"https://ca.test/o/known\"]}" },
	{ "numbers for URLs", 200, "{\"orders\":[1,2,3]}" },
	{ "404", 404, PROBLEM("malformed") },
	{ "405", 405, HTML },
};

static void a_fruitless_search_ends_in_a_new_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fruitless); i++) {
		struct order o = row_in(ORDER_INTENT);
		struct order_context ctx = context_at(NOW * 1000, "https://ca.test/l");
		struct ca_reply r = reply_of(fruitless[i].status,
					     fruitless[i].body, NULL, -1);
		struct order_step step;

		print_message("%s\n", fruitless[i].what);
		o.unsure = true;
		step = order_reply(&o, &r, &ctx);
		assert_int_equal(step.effect, ORDER_ASK);
		assert_int_equal(o.state, ORDER_INTENT);
		assert_string_equal(asks(&o), "new");
	}
}

/* Garbage is no list without the order: it is asked again; but not for ever. */
static void a_garbled_search_is_asked_again(void **state)
{
	struct order_context ctx = context_at(NOW * 1000, "https://ca.test/l");
	struct ca_reply garbage = reply_of(200, HTML, NULL, -1);
	struct order o = row_in(ORDER_INTENT);
	struct order_step step;

	(void)state;
	o.unsure = true;
	o.tries = 99; /* the CA was away for long */
	step = order_reply(&o, &garbage, &ctx);
	assert_int_equal(step.effect, ORDER_WAIT);
	assert_int_equal(step.scope, SCOPE_CA);
	assert_string_equal(asks(&o), "https://ca.test/l");
	feed(&o, "{\"orders\":[\"https://ca.test/o/6\"]}", "");
	assert_string_equal(asks(&o), "https://ca.test/o/6");
	step = order_reply(&o, &garbage, &ctx);
	assert_int_equal(step.effect, ORDER_WAIT);
	assert_string_equal(asks(&o), "https://ca.test/o/6");
	feed(&o, ORDER_BODY("pending", ""), "");
	assert_string_equal(o.order_url, "https://ca.test/o/6");

	o = row_in(ORDER_INTENT);
	o.unsure = true;
	for (int i = 0; i < 4; i++)
		assert_int_equal(order_reply(&o, &garbage, &ctx).effect,
				 ORDER_WAIT);
	assert_int_equal(order_reply(&o, &garbage, &ctx).effect, ORDER_ASK);
	assert_string_equal(asks(&o), "new");
	o.unsure = true; /* this answer was lost as well */
	assert_int_equal(order_reply(&o, &garbage, &ctx).effect, ORDER_WAIT);
	assert_string_equal(asks(&o), "https://ca.test/l");
}

/*
 * After a lost answer newOrder is sent again where there is no list: what the
 * CA says to it counts like the first time, and is not asked for once more.
 */
static void an_order_asked_again_is_declined_once(void **state)
{
	struct order_context ctx = context_at(NOW * 1000, "");
	struct ca_reply replaced =
		reply_of(409, PROBLEM("alreadyReplaced"), NULL, -1);
	struct ca_reply limited =
		reply_of(429, PROBLEM("rateLimited"), NULL, 900);
	struct order o = row_in(ORDER_INTENT);
	struct order_step step;

	(void)state;
	o.unsure = true;
	strcpy(o.replaces, "aki.serial");
	step = order_reply(&o, &replaced, &ctx);
	assert_int_equal(step.effect, ORDER_ASK);
	assert_false(says_replaces(&o));
	assert_false(o.unsure);

	o.unsure = true;
	step = order_reply(&o, &limited, &ctx);
	assert_int_equal(step.effect, ORDER_END);
	assert_int_equal(step.scope, SCOPE_DOMAIN);
	assert_int_equal(step.retry_after, 900);
}

/* A list that never ends is left after a while. */
static void an_endless_list_ends(void **state)
{
	struct order o = row_in(ORDER_INTENT);
	unsigned n = 0;

	(void)state;
	o.unsure = true;
	while (!streq(asks(&o), "new")) {
		assert_true(n++ < 200);
		feed(&o, "{\"orders\":[\"https://ca.test/o/known\"]}",
		     "<https://ca.test/l?again>;rel=\"next\"");
	}
	assert_in_range(n, 50, 200);
}

/* ---- counting what was sent, not what was waited for ---- */

/* An outage makes many tries: they must not count as CSRs or challenges. */
static void an_outage_uses_up_no_tries(void **state)
{
	static const struct {
		enum order_state state;
		const char *then;
		enum order_state to;
	} cases[] = {
		{ ORDER_FINALIZING, ORDER_BODY("ready", ""), ORDER_FINALIZING },
		{ ORDER_POLLING, ORDER_BODY("ready", ""), ORDER_FINALIZING },
		{ ORDER_POLLING, ORDER_BODY("processing", ""), ORDER_POLLING },
		{ ORDER_CHALLENGED,
		  AUTHZ_BODY("pending", "pending", ERROR("connection")),
		  ORDER_PRESENTED },
		{ ORDER_CHALLENGED, AUTHZ_BODY("pending", "pending", ""),
		  ORDER_CHALLENGED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct order o = row_in(cases[i].state);
		struct order_context ctx = context_at(NOW * 1000, "");
		struct ca_reply lost = reply_of(0, NULL, NULL, -1);
		struct ca_reply then = reply_of(200, cases[i].then, NULL, -1);

		for (unsigned n = 0; n < 300; n++)
			order_reply(&o, &lost, &ctx);
		assert_int_not_equal(order_reply(&o, &then, &ctx).effect,
				     ORDER_END);
		assert_int_equal(o.state, cases[i].to);
	}
}

/* Given up by rule, by the CA's word, or because it is gone. */
static void a_csr_that_was_sent_may_yet_be_used(void **state)
{
	static const struct {
		enum order_state from;
		bool unsure;
		unsigned sent;
		long status;
		const char *body;
		bool may_be_issued;
	} cases[] = {
		{ ORDER_CHALLENGED, true, 1, 200,
		  AUTHZ_BODY("pending", "processing", ""), false },
		{ ORDER_POLLING, false, 1, 200, ORDER_BODY("processing", ""),
		  true },
		{ ORDER_FINALIZING, true, 1, 200, ORDER_BODY("processing", ""),
		  true },
		{ ORDER_POLLING, false, 1, 404, PROBLEM("malformed"), true },
		{ ORDER_POLLING, false, 1, 200, HTML, true },
		{ ORDER_FINALIZING, true, 1, 404, PROBLEM("malformed"), true },
		{ ORDER_FINALIZING, false, 1, 403, PROBLEM("caa"), false },
		{ ORDER_POLLING, false, 1, 503, "", true },
		{ ORDER_POLLING, false, 1, 200,
		  ORDER_BODY("invalid", ERROR("caa")), false },
		{ ORDER_DOWNLOAD, false, 1, 404, PROBLEM("malformed"), true },
		{ ORDER_READY, false, 1, 404, PROBLEM("malformed"), false },
		{ ORDER_FINALIZING, true, 3, 200, ORDER_BODY("ready", ""),
		  false },
		{ ORDER_POLLING, false, 3, 200, ORDER_BODY("ready", ""),
		  false },
		{ ORDER_READY, false, 1, 200, ORDER_BODY("ready", ""), false },
		{ ORDER_FINALIZING, false, 3, 500, "", true },
		{ ORDER_FINALIZING, false, 3, 403, PROBLEM("orderNotReady"),
		  true },
		{ ORDER_FINALIZING, false, 3, 400, PROBLEM("badCSR"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct order o = row_in(cases[i].from);
		struct order_context ctx = context_at((NOW + PATIENCE) * 1000,
						      "");
		struct ca_reply r = reply_of(cases[i].status, cases[i].body,
					     NULL, -1);
		struct order_step step = { 0 };

		print_message("%zu\n", i);
		o.unsure = cases[i].unsure;
		o.sent = cases[i].sent;
		for (int n = 0; n < 20 && order_is_live(&o); n++)
			step = order_reply(&o, &r, &ctx);
		assert_int_equal(o.state, ORDER_DEAD);
		assert_int_equal(step.may_be_issued, cases[i].may_be_issued);
	}
}

/* Time passes as the machine asks; a request takes a tenth of a second. */
static void pass(struct order *o, int64_t *now_ms)
{
	*now_ms = o->wake_ms > *now_ms ? o->wake_ms : *now_ms + 100;
	o->wake_ms = 0;
}

static struct order_step reply_in_time(struct order *o,
				       const struct ca_reply *reply,
				       int64_t *now_ms)
{
	struct order_context ctx = context_at(*now_ms, "");
	struct order_step step = order_reply(o, reply, &ctx);

	pass(o, now_ms);
	return step;
}

/*
 * From another machine of the CA, which has not heard of it yet. Waits of other
 * kinds are no looks that find nothing, nor does a restart make one.
 */
static void that_an_order_is_gone_is_believed_after_a_while(void **state)
{
	static const enum order_state from[] = { ORDER_FINALIZING,
						 ORDER_POLLING };
	struct ca_reply gone = reply_of(404, PROBLEM("malformed"), NULL, -1),
			there = reply_of(200, ORDER_BODY("processing", ""),
					 NULL, -1);

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(from); i++) {
		struct order o = row_in(from[i / 2]);
		int64_t now_ms = (NOW + 3600) * 1000, since_ms;
		struct order_step step;

		gone.status = i % 2 ? 404 : 410;
		o.unsure = true;
		o.tries = 40;
		step = reply_in_time(&o, &gone, &now_ms);
		assert_true(order_is_live(&o));
		assert_int_equal(step.scope, SCOPE_NONE);
		reply_in_time(&o, &there, &now_ms);
		assert_false(o.unsure);
		o.tries = 0;
		now_ms += 60000;
		since_ms = now_ms;
		do
			step = reply_in_time(&o, &gone, &now_ms);
		while (order_is_live(&o));
		assert_in_range(now_ms - since_ms, 30000, 70000);
		assert_int_equal(step.scope, SCOPE_ORDER);
		assert_true(step.may_be_issued);
	}
}

/* Nor is it one second after the order was made. */
static void that_a_new_order_is_gone_is_believed_later(void **state)
{
	static const enum order_state from[] = { ORDER_ORDERED, ORDER_PRESENTED,
						 ORDER_CHALLENGED,
						 ORDER_READY };
	struct ca_reply gone = reply_of(404, HTML, NULL, -1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		struct order o = row_in(from[i]);
		int64_t now_ms = (NOW + 1) * 1000;
		struct order_step step = reply_in_time(&o, &gone, &now_ms);

		assert_int_equal(o.state, from[i]);
		assert_int_equal(step.scope, SCOPE_NONE);
		do
			step = reply_in_time(&o, &gone, &now_ms);
		while (order_is_live(&o));
		assert_in_range(now_ms / 1000 - NOW, 30, 70);
		assert_int_equal(step.scope, SCOPE_ORDER);
	}
}

/* A proxy, or a page of maintenance, says nothing of the order or the name. */
static void what_is_in_no_words_ends_no_order(void **state)
{
	static const long status[] = { 302, 400, 403, 408 };

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_LEN(status); i++) {
		static const enum order_state from[] = { ORDER_INTENT,
							 ORDER_CHALLENGED,
							 ORDER_POLLING,
							 ORDER_DOWNLOAD };
		struct order o = row_in(from[i % 4]);
		struct ca_reply r = reply_of(status[i / 4], HTML, NULL, -1);
		int64_t now_ms = NOW * 1000;
		struct order_step step = reply_in_time(&o, &r, &now_ms);

		assert_int_equal(step.effect, ORDER_WAIT);
		assert_int_equal(step.scope, SCOPE_CA);
		assert_int_equal(step.problem.kind, ERR_AGAIN);
		assert_true(o.unsure);
	}
}

/* Its address is never answered, and the CA answers others. */
static void an_address_that_is_never_answered_ends_the_order(void **state)
{
	struct ca_reply lost = { .error.kind = ERR_AGAIN, .retry_after = -1 };

	(void)state;
	for (int is_there = 0; is_there < 2; is_there++) {
		struct order o = row_in(ORDER_CHALLENGED);
		struct order_context ctx = context_at((NOW + PATIENCE) * 1000,
						      "");
		struct order_step step;

		o.tries = 40;
		ctx.heard_at = is_there ? ctx.now - 60 : ctx.now - 7200;
		step = order_reply(&o, &lost, &ctx);
		assert_int_equal(step.effect,
				 is_there ? ORDER_END : ORDER_WAIT);
		assert_int_equal(step.scope, SCOPE_CA);
	}
}

/* Long before it was made: that is no moment, and the order is good. */
static void an_expiry_that_is_past_is_not_taken(void **state)
{
	struct order_context ctx = context_at(NOW * 1000, "");
	struct ca_reply made = reply_of(
		201,
		"{\"status\":\"pending\",\"expires\":\"1970-01-01T00:00:01Z\","
		"\"identifiers\":[{\"type\":\"dns\",\"value\":"
		"\"mta-sts.a.test\"}],\"authorizations\":[\"https://ca.test/"
		"a\"],"
		"\"finalize\":\"https://ca.test/f\"}",
		LOCATION, -1);
	struct order o = row_in(ORDER_INTENT);

	(void)state;
	assert_int_equal(order_reply(&o, &made, &ctx).effect, ORDER_ASK);
	assert_int_equal(o.state, ORDER_ORDERED);
	assert_int_equal(o.expires_at, 0);
}

/* No more than the CA may have counted, whatever it did not hear. */
static void looks_that_the_ca_may_count(void **state)
{
	static const struct {
		enum order_state state;
		long sent, looks;
	} cases[] = {
		{ ORDER_INTENT, 50, 1 },    { ORDER_ORDERED, 0, 1 },
		{ ORDER_PRESENTED, 1, 1 },  { ORDER_CHALLENGED, 2, 2 },
		{ ORDER_PRESENTED, 50, 3 }, { ORDER_CHALLENGED, 50, 3 },
		{ ORDER_READY, 50, 0 },	    { ORDER_FINALIZING, 3, 0 },
		{ ORDER_POLLING, 50, 0 },   { ORDER_DOWNLOAD, 50, 0 },
	};
	struct err why = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct order o = row_in(cases[i].state);

		print_message("%zu\n", i);
		o.sent = cases[i].sent;
		assert_int_equal(
			order_give_up(&o, SCOPE_DOMAIN, &why, NOW).looks,
			cases[i].looks);
	}
}

static void a_csr_is_sent_three_times_at_most(void **state)
{
	struct order o = row_in(ORDER_READY);
	struct order_step step = { 0 };
	int64_t now_ms = NOW * 1000;
	unsigned sent = 0;

	(void)state;
	o.sent = 0;
	while (order_is_live(&o)) {
		struct order_context ctx = context_at(now_ms, "");
		struct ca_reply r = reply_of(200, ORDER_BODY("ready", ""), NULL,
					     -1);

		sent += o.state == ORDER_FINALIZING && !o.unsure;
		step = order_reply(&o, &r, &ctx);
		pass(&o, &now_ms);
	}
	assert_int_equal(sent, 3);
	assert_int_equal(step.scope, SCOPE_DOMAIN);
	assert_false(step.may_be_issued);
	assert_true(now_ms / 1000 - NOW < WHEN_HOUR);
}

/*
 * Trouble of the CA's, or a nonce, is no try of the CSR, however often; but the
 * pauses grow.
 */
static void a_csr_turned_away_is_not_counted(void **state)
{
	static const struct {
		long status;
		const char *body;
	} cases[] = {
		{ 400, PROBLEM("badNonce") },
		{ 503, PROBLEM("rateLimited") },
		{ 500, "{}" },
		{ 502, "<html>Bad Gateway</html>" },
		{ 200, "{\"status" },
		{ 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct order o = row_in(ORDER_READY);
		int64_t now_ms = NOW * 1000;
		unsigned sent = 0;

		o.sent = 0;
		while (order_is_live(&o) && sent < 10) {
			struct order_context ctx = context_at(now_ms, "");
			bool is_csr = o.state == ORDER_FINALIZING && !o.unsure;
			struct ca_reply r = is_csr
				? reply_of(cases[i].status, cases[i].body,
					   NULL, -1)
				: reply_of(200, ORDER_BODY("ready", ""), NULL,
					   -1);

			sent += is_csr;
			order_reply(&o, &r, &ctx);
			pass(&o, &now_ms);
		}
		assert_int_equal(sent, 10);
		assert_true(order_is_live(&o));
		assert_in_range(now_ms / 1000 - NOW, 2 * WHEN_MINUTE,
				20 * WHEN_MINUTE);
	}
}

/* It says each time that it waits for one: nobody's fault, but an end. */
static void an_order_whose_csr_is_never_answered_ends(void **state)
{
	struct order o = row_in(ORDER_READY);
	struct order_step step = { 0 };
	int64_t now_ms = NOW * 1000;

	(void)state;
	o.sent = 0;
	for (unsigned n = 0; order_is_live(&o) && n < 10000; n++) {
		struct order_context ctx = context_at(now_ms, "");
		bool is_csr = o.state == ORDER_FINALIZING && !o.unsure;
		struct ca_reply r = is_csr ? reply_of(0, "", NULL, -1)
					   : reply_of(200,
						      ORDER_BODY("ready", ""),
						      NULL, -1);

		step = order_reply(&o, &r, &ctx);
		pass(&o, &now_ms);
	}
	assert_false(order_is_live(&o));
	assert_int_equal(step.scope, SCOPE_CA);
	assert_false(step.may_be_issued);
	assert_in_range(now_ms / 1000 - NOW, PATIENCE,
			PATIENCE + 10 * WHEN_MINUTE);
}

/*
 * A nonce that is refused is said of the request, and nothing was done about
 * it: it is sent again, with no look what became of it, and counts as sent
 * once. (Each time counted would be charged to the name as a failed look.)
 */
static void a_refused_nonce_changes_nothing(void **state)
{
	(void)state;
	for (int at = ORDER_INTENT; at < ORDER_DONE; at++) {
		struct order o = row_in((enum order_state)at);
		int64_t now_ms = NOW * 1000;
		long sent = o.sent;

		for (int i = 0; i < 20; i++) {
			struct order_context ctx = context_at(now_ms, "");
			struct ca_reply r = reply_of(400, PROBLEM("badNonce"),
						     NULL, -1);
			struct order_step step = order_reply(&o, &r, &ctx);

			assert_int_equal(step.scope, SCOPE_CA);
			assert_int_equal(step.effect, ORDER_WAIT);
			assert_int_equal(o.state, at);
			assert_int_equal(o.sent, sent);
			assert_false(o.unsure);
			pass(&o, &now_ms);
		}
	}
}

static void a_ca_is_told_to_look_three_times_at_most(void **state)
{
	struct order o = row_in(ORDER_ORDERED);
	int64_t now_ms = NOW * 1000;
	unsigned told = 0;

	(void)state;
	while (order_is_live(&o)) {
		struct order_context ctx = context_at(now_ms, "");
		bool is_told = o.state == ORDER_PRESENTED && !o.unsure;
		struct ca_reply r = reply_of(
			200, is_told ? "{}"
				     : AUTHZ_BODY("pending", "pending",
						  ERROR("connection")),
			NULL, -1);

		told += is_told;
		order_reply(&o, &r, &ctx);
		pass(&o, &now_ms);
	}
	assert_int_equal(told, 3);
}

/* Its answers are lost, and when it was asked once more it had looked. */
static void what_was_told_often_is_not_the_domains_fault(void **state)
{
	struct ca_reply lost = reply_of(0, NULL, NULL, -1);
	struct ca_reply waits = reply_of(
		200, AUTHZ_BODY("pending", "pending", ""), NULL, -1);
	struct ca_reply past = reply_of(400, PROBLEM("malformed"), NULL, -1);
	struct ca_reply valid = reply_of(200, AUTHZ_BODY("valid", "valid", ""),
					 NULL, -1);
	struct order o = row_in(ORDER_PRESENTED);
	struct order_context ctx = context_at(NOW * 1000, "");

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		order_reply(&o, &lost, &ctx);
		assert_true(o.unsure);
		order_reply(&o, &waits, &ctx);
		assert_false(o.unsure);
	}
	assert_int_equal(order_reply(&o, &past, &ctx).effect, ORDER_WAIT);
	assert_true(o.unsure);
	order_reply(&o, &valid, &ctx);
	assert_int_equal(o.state, ORDER_READY);
}

static void a_ca_that_waits_to_be_told_and_refuses_is_left(void **state)
{
	struct ca_reply waits = reply_of(
		200, AUTHZ_BODY("pending", "pending", ""), NULL, -1);
	struct ca_reply refuses = reply_of(400, PROBLEM("malformed"), NULL, -1);
	struct order o = row_in(ORDER_PRESENTED);
	struct order_step step = { .effect = ORDER_ASK };
	struct order_context ctx = context_at(NOW * 1000, "");
	unsigned told = 0;

	(void)state;
	while (order_is_live(&o) && told < 100) {
		bool is_told = !o.unsure;

		told += is_told;
		step = order_reply(&o, is_told ? &refuses : &waits, &ctx);
	}
	assert_in_range(told, 4, 10);
	assert_int_equal(step.effect, ORDER_END);
	assert_int_equal(step.scope, SCOPE_ORDER);
}

/*
 * However long it waited for a CA that was down: it is the account that is to be
 * mended, and only when that was done is it the order's.
 */
static void a_lost_account_is_no_orders_fault(void **state)
{
	struct ca_reply down = reply_of(500, "{}", NULL, -1);
	struct ca_reply lost = reply_of(400, PROBLEM("accountDoesNotExist"),
					NULL, -1);
	struct order o = row_in(ORDER_INTENT);
	struct order_context ctx = context_at(NOW * 1000, "");
	struct order_step step;

	(void)state;
	ctx.account_at = 0;
	for (unsigned i = 0; i < 8; i++)
		order_reply(&o, &down, &ctx);
	for (unsigned i = 0; i < 2; i++) {
		step = order_reply(&o, &lost, &ctx);
		assert_int_equal(step.effect, ORDER_WAIT);
		assert_int_equal(step.scope, SCOPE_ACCOUNT);
		ctx.account_at = NOW - 1;
	}
	ctx.account_at = NOW;
	step = order_reply(&o, &lost, &ctx);
	assert_int_equal(step.effect, ORDER_END);
	assert_int_equal(step.scope, SCOPE_ORDER);
}

/* ---- nothing goes on for ever ---- */

static const struct {
	const char *what;
	long status;
	const char *body, *location;
	long retry_after;
	enum fail_scope blames[3];
} for_ever[] = {
	{ "pending order",
	  200,
	  ORDER_BODY("pending", ""),
	  LOCATION,
	  -1,
	  { SCOPE_ORDER, SCOPE_CA, SCOPE_DOMAIN } },
	{ "ready order",
	  200,
	  ORDER_BODY("ready", ""),
	  LOCATION,
	  -1,
	  { SCOPE_DOMAIN, SCOPE_CA, SCOPE_ORDER } },
	{ "processing order",
	  200,
	  ORDER_BODY("processing", ""),
	  LOCATION,
	  -1,
	  { SCOPE_ORDER, SCOPE_CA, SCOPE_DOMAIN } },
	{ "processing, an hour each",
	  200,
	  ORDER_BODY("processing", ""),
	  LOCATION,
	  3600,
	  { SCOPE_ORDER, SCOPE_CA, SCOPE_DOMAIN } },
	{ "valid without certificate",
	  200,
	  ORDER_BODY("valid", ""),
	  LOCATION,
	  -1,
	  { SCOPE_CA, SCOPE_DOMAIN, SCOPE_ORDER } },
	{ "pending authz",
	  200,
	  AUTHZ_BODY("pending", "pending", ""),
	  LOCATION,
	  -1,
	  { SCOPE_ORDER, SCOPE_CA, SCOPE_CA } },
	{ "pending authz, failed challenge",
	  200,
	  AUTHZ_BODY("pending", "pending", ERROR("dns")),
	  LOCATION,
	  -1,
	  { SCOPE_DOMAIN, SCOPE_CA, SCOPE_ORDER } },
	{ "processing challenge",
	  200,
	  AUTHZ_BODY("pending", "processing", ""),
	  LOCATION,
	  -1,
	  { SCOPE_ORDER, SCOPE_CA, SCOPE_CA } },
	{ "HTML",
	  200,
	  HTML,
	  LOCATION,
	  -1,
	  { SCOPE_CA, SCOPE_ORDER, SCOPE_CA } },
	{ "empty", 200, "", LOCATION, -1, { SCOPE_CA, SCOPE_ORDER, SCOPE_CA } },
	{ "500", 500, "{}", NULL, -1, { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "503, a day each",
	  503,
	  "{}",
	  NULL,
	  WHEN_DAY,
	  { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "503, at once",
	  503,
	  "{}",
	  NULL,
	  0,
	  { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "badNonce",
	  400,
	  PROBLEM("badNonce"),
	  NULL,
	  -1,
	  { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "accountDoesNotExist",
	  400,
	  PROBLEM("accountDoesNotExist"),
	  NULL,
	  -1,
	  { SCOPE_ORDER, SCOPE_ORDER, SCOPE_ORDER } },
	{ "unauthorized",
	  403,
	  PROBLEM("unauthorized"),
	  NULL,
	  -1,
	  { SCOPE_ORDER, SCOPE_ORDER, SCOPE_ORDER } },
	{ "userActionRequired",
	  403,
	  PROBLEM("userActionRequired"),
	  NULL,
	  -1,
	  { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "orderNotReady",
	  403,
	  PROBLEM("orderNotReady"),
	  NULL,
	  -1,
	  { SCOPE_ORDER, SCOPE_ORDER, SCOPE_ORDER } },
	{ "malformed",
	  400,
	  PROBLEM("malformed"),
	  NULL,
	  -1,
	  { SCOPE_DOMAIN, SCOPE_DOMAIN, SCOPE_DOMAIN } },
	{ "rateLimited",
	  429,
	  PROBLEM("rateLimited"),
	  NULL,
	  60,
	  { SCOPE_DOMAIN, SCOPE_CA, SCOPE_CA } },
	{ "429", 429, HTML, NULL, -1, { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "404",
	  404,
	  PROBLEM("malformed"),
	  NULL,
	  -1,
	  { SCOPE_ORDER, SCOPE_ORDER, SCOPE_ORDER } },
	{ "404, HTML",
	  404,
	  HTML,
	  NULL,
	  -1,
	  { SCOPE_CA, SCOPE_ORDER, SCOPE_CA } },
	{ "403, HTML", 403, HTML, NULL, -1, { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "400, HTML", 400, HTML, NULL, -1, { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
	{ "302, HTML", 302, HTML, NULL, -1, { SCOPE_CA, SCOPE_CA, SCOPE_CA } },
};

static bool is_blame(size_t i, enum fail_scope scope)
{
	const enum fail_scope *b = for_ever[i].blames;

	return scope == b[0] || scope == b[1] || scope == b[2];
}

/* Ends well within 10,000 answers, a day after its patience at most. */
static void assert_it_ends(size_t i, enum order_state from, bool unsure)
{
	struct ca_reply r = reply_of(for_ever[i].status, for_ever[i].body,
				     for_ever[i].location,
				     for_ever[i].retry_after);
	struct order o = row_in(from);
	struct order_step step = { .effect = ORDER_ASK };
	int64_t now_ms = NOW * 1000;
	unsigned n = 0;

	o.unsure = unsure;
	while (order_is_live(&o)) {
		struct order_context ctx = context_at(now_ms,
						      "https://ca.test/l");

		step = order_reply(&o, &r, &ctx);
		pass(&o, &now_ms);
		assert_true(++n < 10000);
	}
	assert_true(now_ms / 1000 - NOW <= PATIENCE + WHEN_DAY + 1);
	if (o.state == ORDER_DEAD && !is_blame(i, step.scope))
		fail_msg("%s in %s%s blames scope %d: %s", for_ever[i].what,
			 order_state_name(from), unsure ? " (unsure)" : "",
			 step.scope, step.problem.text);
}

static void nothing_goes_on_for_ever(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(for_ever); i++) {
		print_message("%s\n", for_ever[i].what);
		for (int from = ORDER_INTENT; from <= ORDER_DOWNLOAD; from++) {
			assert_it_ends(i, (enum order_state)from, false);
			assert_it_ends(i, (enum order_state)from, true);
		}
	}
}

/* A certificate that cannot be had is looked for by the order. */
static int waits_in(int from)
{
	return from == ORDER_DOWNLOAD ? ORDER_POLLING : from;
}

/* What is old from an outage has its looks; what never ends comes to its end. */
static void looks_between_errors_are_counted_in_the_end(void **state)
{
	struct order o = row_in(ORDER_POLLING);
	int64_t now_ms = NOW * 1000;
	unsigned n = 0;

	(void)state;
	for (; order_is_live(&o) && n < 200000; n++) {
		struct order_context ctx = context_at(now_ms, "");
		struct ca_reply r = n % 2 ? reply_of(500, "{}", NULL, -1)
					  : reply_of(200,
						     ORDER_BODY("processing",
								""),
						     NULL, -1);

		order_reply(&o, &r, &ctx);
		pass(&o, &now_ms);
	}
	assert_false(order_is_live(&o));
	assert_in_range(now_ms / 1000 - NOW, PATIENCE, 3 * PATIENCE);
}

static void an_outage_is_no_look(void **state)
{
	struct order o = row_in(ORDER_POLLING);
	int64_t now_ms = NOW * 1000;
	struct ca_reply lost = reply_of(0, NULL, NULL, -1);
	struct ca_reply works = reply_of(200, ORDER_BODY("processing", ""),
					 NULL, -1);

	(void)state;
	while (now_ms / 1000 - NOW < PATIENCE + WHEN_HOUR) {
		struct order_context ctx = context_at(now_ms, "");

		order_reply(&o, &lost, &ctx);
		pass(&o, &now_ms);
	}
	for (unsigned n = 0; n < 4; n++) {
		struct order_context ctx = context_at(now_ms, "");

		assert_int_equal(order_reply(&o, &works, &ctx).effect,
				 ORDER_WAIT);
		pass(&o, &now_ms);
	}
}

/* It is old because the CA, or we, were away: one bad answer ends nothing. */
static void an_old_order_is_not_given_up_at_the_first_bad_answer(void **state)
{
	struct ca_reply bad = reply_of(502, HTML, NULL, -1);
	int64_t now_ms = (NOW + 2 * PATIENCE) * 1000;

	(void)state;
	for (int from = ORDER_ORDERED; from <= ORDER_DOWNLOAD; from++) {
		struct order o = row_in((enum order_state)from);
		struct order_context ctx = context_at(now_ms, "");

		assert_int_equal(order_reply(&o, &bad, &ctx).effect,
				 ORDER_WAIT);
		assert_int_equal(o.state, waits_in(from));
	}
}

/* Nobody there: it is tried each minute until the CA's own bound. */
static void silence_is_waited_out(void **state)
{
	(void)state;
	for (int from = ORDER_INTENT; from <= ORDER_DOWNLOAD; from++) {
		struct order o = row_in((enum order_state)from);
		struct ca_reply lost = reply_of(0, NULL, NULL, -1);
		int64_t now_ms = NOW * 1000, before;

		for (unsigned n = 0; n < 10000; n++) {
			struct order_context ctx = context_at(now_ms,
							      "");

			before = now_ms;
			assert_int_equal(order_reply(&o, &lost, &ctx).effect,
					 ORDER_WAIT);
			pass(&o, &now_ms);
			assert_in_range(now_ms - before, 100, 61000);
		}
		assert_int_equal(o.state, waits_in(from));
	}
}

/* ---- an order at the CA that answers with errors ---- */

#define LIST "https://ca.test/orders/1"

/* What is asked of it until it is asked for an order; or 0: never. */
static unsigned looks_until_ordered(bool list_works, long status)
{
	struct order o = row_in(ORDER_INTENT);
	int64_t now_ms = NOW * 1000;

	o.unsure = true;
	for (unsigned n = 0; n < 200; n++) {
		struct order_context ctx = context_at(now_ms, LIST);
		struct order_question q = order_ask(&o, &ctx);
		bool is_list = streq(q.url, LIST);
		struct ca_reply r =
			is_list && list_works
				? reply_of(200,
					   "{\"orders\":"
					   "[\"https://ca.test/order/7\"]}",
					   NULL, -1)
				: reply_of(status, "{}", NULL, 3600);

		free(q.payload);
		if (q.where == ASK_NEW_ORDER)
			return n;
		order_reply(&o, &r, &ctx);
		assert_true(strlen(o.seek) < 200);
		pass(&o, &now_ms);
	}
	return 0;
}

static void an_order_that_the_ca_fails_alone_is_left_out(void **state)
{
	(void)state;
	assert_in_range(looks_until_ordered(true, 500), 5, 8);
	assert_in_range(looks_until_ordered(true, 0), 5, 8);
	assert_int_equal(looks_until_ordered(false, 500), 0);
	assert_int_equal(looks_until_ordered(false, 0), 0);
	assert_int_equal(looks_until_ordered(true, 503), 0);
}

/* Two of them, each of which shows nothing of the other. */
static void orders_that_cannot_be_had_are_left_out(void **state)
{
	static const char list[] = "{\"orders\":[\"https://ca.test/order/7\","
				   "\"https://ca.test/order/8\"]}";
	static const long statuses[] = { 0, 500 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct order o = row_in(ORDER_INTENT);
		int64_t now_ms = NOW * 1000;
		unsigned n = 0;

		o.unsure = true;
		for (; n < 200 && o.unsure; n++) {
			struct order_context ctx = context_at(now_ms, LIST);
			struct order_question q = order_ask(&o, &ctx);
			struct ca_reply r = streq(q.url, LIST)
						    ? reply_of(200, list, NULL,
							       -1)
						    : reply_of(statuses[i],
							       "{}", NULL, -1);

			free(q.payload);
			order_reply(&o, &r, &ctx);
			assert_true(strlen(o.seek) < 200);
			pass(&o, &now_ms);
		}
		assert_in_range(n, 8, 50);
	}
}

/* Its order can be: that says each time where it is, and it is not there. */
static void a_certificate_that_cannot_be_had_ends_the_order(void **state)
{
	struct order o = row_in(ORDER_DOWNLOAD);
	struct order_step step = { 0 };
	int64_t now_ms = NOW * 1000;

	(void)state;
	for (unsigned n = 0; order_is_live(&o) && n < 10000; n++) {
		struct order_context ctx = context_at(now_ms, "");
		struct ca_reply r = o.state == ORDER_DOWNLOAD
					    ? reply_of(0, "", NULL, -1)
					    : reply_of(200,
						       ORDER_BODY("valid",
								  CERT_URL),
						       NULL, -1);

		step = order_reply(&o, &r, &ctx);
		pass(&o, &now_ms);
	}
	assert_false(order_is_live(&o));
	assert_int_equal(step.scope, SCOPE_ORDER);
	assert_true(step.is_endless);
	assert_true(step.may_be_issued);
	assert_in_range(now_ms / 1000 - NOW, PATIENCE,
			PATIENCE + 10 * WHEN_MINUTE);
}

/* Its host may not be ours to reach: the CA is asked for an order all the same. */
static void a_list_that_cannot_be_had_is_done_without(void **state)
{
	struct order o = row_in(ORDER_INTENT);
	int64_t now_ms = NOW * 1000;
	bool is_ordered = false;

	(void)state;
	o.unsure = true;
	while (!is_ordered && now_ms / 1000 - NOW < WHEN_DAY) {
		struct order_context ctx = context_at(now_ms, LIST);
		struct order_question q = order_ask(&o, &ctx);
		struct ca_reply lost = reply_of(0, NULL, NULL, -1);

		is_ordered = q.where == ASK_NEW_ORDER;
		free(q.payload);
		assert_int_equal(order_reply(&o, &lost, &ctx).effect,
				 ORDER_WAIT);
		pass(&o, &now_ms);
	}
	assert_in_range(now_ms / 1000 - NOW, PATIENCE,
			PATIENCE + 5 * WHEN_MINUTE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_old_order_is_not_given_up_at_the_first_bad_answer),
		cmocka_unit_test(each_state_asks_its_question),
		cmocka_unit_test(the_longest_url_is_asked_for_whole),
		cmocka_unit_test(each_answer_has_its_step),
		cmocka_unit_test(a_step_learns_what_it_needs),
		cmocka_unit_test(the_method_is_one_the_ca_offers),
		cmocka_unit_test(only_the_chosen_challenge_counts),
		cmocka_unit_test(a_served_token_ends_with_the_order),
		cmocka_unit_test(the_search_follows_pages_and_takes_its_own),
		cmocka_unit_test(the_search_passes_over_what_is_no_url),
		cmocka_unit_test(replaces_is_left_out_at_the_first_refusal),
		cmocka_unit_test(a_fruitless_search_ends_in_a_new_order),
		cmocka_unit_test(a_garbled_search_is_asked_again),
		cmocka_unit_test(an_order_asked_again_is_declined_once),
		cmocka_unit_test(an_endless_list_ends),
		cmocka_unit_test(an_outage_uses_up_no_tries),
		cmocka_unit_test(a_csr_that_was_sent_may_yet_be_used),
		cmocka_unit_test(
			that_an_order_is_gone_is_believed_after_a_while),
		cmocka_unit_test(that_a_new_order_is_gone_is_believed_later),
		cmocka_unit_test(what_is_in_no_words_ends_no_order),
		cmocka_unit_test(
			an_address_that_is_never_answered_ends_the_order),
		cmocka_unit_test(an_expiry_that_is_past_is_not_taken),
		cmocka_unit_test(looks_that_the_ca_may_count),
		cmocka_unit_test(a_csr_is_sent_three_times_at_most),
		cmocka_unit_test(an_order_whose_csr_is_never_answered_ends),
		cmocka_unit_test(a_refused_nonce_changes_nothing),
		cmocka_unit_test(a_csr_turned_away_is_not_counted),
		cmocka_unit_test(a_ca_is_told_to_look_three_times_at_most),
		cmocka_unit_test(what_was_told_often_is_not_the_domains_fault),
		cmocka_unit_test(
			a_ca_that_waits_to_be_told_and_refuses_is_left),
		cmocka_unit_test(a_lost_account_is_no_orders_fault),
		cmocka_unit_test(an_order_that_the_ca_fails_alone_is_left_out),
		cmocka_unit_test(orders_that_cannot_be_had_are_left_out),
		cmocka_unit_test(
			a_certificate_that_cannot_be_had_ends_the_order),
		cmocka_unit_test(a_list_that_cannot_be_had_is_done_without),
		cmocka_unit_test(looks_between_errors_are_counted_in_the_end),
		cmocka_unit_test(an_outage_is_no_look),
		cmocka_unit_test(nothing_goes_on_for_ever),
		cmocka_unit_test(silence_is_waited_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
