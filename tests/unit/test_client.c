/* Signed requests: nonces, badNonce, the directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/client.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/es256.h"
#include "tests/sim/scratch.h"

static const char directory[] =
	"{\"newNonce\":\"https://ca.test/nonce\","
	"\"newAccount\":\"https://ca.test/account\","
	"\"newOrder\":\"https://ca.test/order\"}";

/* The one request under way, and the moment it is. */
static struct {
	enum fetch_method method;
	char url[200], nonce[300];
	fetch_done *done;
	void *arg;
	int64_t now_ms;
	bool cannot_sign;
} net;

static struct p256 key;
static struct client *client;

/* What the client's caller was told. */
static struct {
	unsigned times;
	long status, retry_after;
	struct err error;
	char type[64], body[100], location[100];
} told;

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return net.now_ms;
}

static bool sign(void *ctx, const struct p256 *k, const void *data, size_t len,
		 unsigned char out[static P256_SIGNATURE], struct err *err)
{
	(void)ctx;
	if (net.cannot_sign)
		return err_set(err, ERR_INTERNAL, "no signature today");
	return p256_sign(k, data, len, out, err);
}

static void read_jws(const struct fetch_request *rq)
{
	struct es256 jws;

	assert_true(es256_read(&jws, rq->body, rq->body_len));
	assert_true(es256_verify(&jws, key.point));
	assert_string_equal(rq->content_type, "application/jose+json");
	snprintf(net.nonce, sizeof(net.nonce), "%s",
		 json_string_value(json_object_get(jws.header, "nonce")));
	es256_release(&jws);
}

static void fetch(void *ctx, const struct fetch_request *rq, fetch_done *done,
		  void *arg)
{
	(void)ctx;
	assert_null(net.done);
	net.method = rq->method;
	net.done = done;
	net.arg = arg;
	net.nonce[0] = '\0';
	snprintf(net.url, sizeof(net.url), "%s", rq->url);
	assert_string_equal(rq->ca_file, "/trust.pem");
	if (rq->method == FETCH_POST)
		read_jws(rq);
}

static const struct world world = { .now_ms = now_ms, .sign = sign,
				    .fetch = fetch };

static void reply(const struct fetch_reply *r)
{
	fetch_done *done = net.done;

	assert_non_null(done);
	net.done = NULL;
	done(r, net.arg);
}

static void reply_with(long status, const char *body, const char *nonce)
{
	reply(&(struct fetch_reply){ .status = status, .body = body,
				     .body_len = strlen(body),
				     .replay_nonce = nonce, .location = "",
				     .link = "", .retry_after = "" });
}

static void note(const struct ca_reply *r, void *arg)
{
	assert_ptr_equal(arg, &told);
	told.times++;
	told.status = r->status;
	told.retry_after = r->retry_after;
	told.error = r->error;
	snprintf(told.type, sizeof(told.type), "%s", r->problem.type);
	snprintf(told.body, sizeof(told.body), "%s", r->body);
	snprintf(told.location, sizeof(told.location), "%s", r->location);
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	memset(&net, 0, sizeof(net));
	memset(&told, 0, sizeof(told));
	net.now_ms = 1800000000000;
	must(p256_generate(&key, &err), &err);
	client = client_new(&world, "https://ca.test/directory", "/trust.pem");
	client_load_directory(client, note, &told);
	reply_with(200, directory, "");
	told.times = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	client_free(client);
	return 0;
}

static void post(void)
{
	client_post(client, &key, "kid", "https://ca.test/x", "{}", note,
		    &told);
}

static void assert_posts(const char *nonce)
{
	assert_int_equal(net.method, FETCH_POST);
	assert_string_equal(net.url, "https://ca.test/x");
	assert_string_equal(net.nonce, nonce);
}

static void assert_asks_for_a_nonce(void)
{
	assert_int_equal(net.method, FETCH_HEAD);
	assert_string_equal(net.url, "https://ca.test/nonce");
}

/* ---- nonces ---- */

static void a_nonce_is_fetched_and_the_next_one_kept(void **state)
{
	(void)state;
	post();
	assert_asks_for_a_nonce();
	reply_with(200, "", "n1");
	assert_posts("n1");
	reply_with(200, "fine", "n2");
	assert_int_equal(told.times, 1);
	assert_int_equal(told.status, 200);
	assert_string_equal(told.body, "fine");
	assert_int_equal(told.retry_after, -1);
	post();
	assert_posts("n2");
	reply_with(200, "", "");
	post();
	assert_asks_for_a_nonce();
	reply_with(200, "", "n3");
	reply_with(200, "", "");
}

static void an_old_nonce_is_not_used(void **state)
{
	(void)state;
	post();
	reply_with(200, "", "n1");
	reply_with(200, "", "n2");
	net.now_ms += 61000;
	post();
	assert_asks_for_a_nonce();
	reply_with(200, "", "n3");
	reply_with(200, "", "");
}

static const struct {
	const char *url;
	bool is_asked;
} links[] = {
	{ "https://ca.test/x", true },
	{ "https://CA.test?x", true },
	{ "https://ca.test", true },
	{ "http://ca.test/x", false },
	{ "/x", false },
	{ "", false },
	{ "https://ca.test:8443/x", false },
	{ "https://ca.test.evil.test/x", false },
	{ "https://ca.tes", false },
	{ "https://ca.test@evil.test/x", false },
	{ "https://169.254.169.254/x", false },
	{ "file:///etc/passwd", false },
};

static void only_the_ca_is_asked(void **state)
{
	(void)state;
	post();
	reply_with(200, "", "n1");
	reply_with(200, "", "n2");
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		print_message("%s\n", links[i].url);
		told.times = 0;
		client_post(client, &key, "kid", links[i].url, "{}", note,
			    &told);
		assert_int_equal(net.done != NULL, links[i].is_asked);
		if (net.done)
			reply_with(200, "", "n");
		else
			assert_int_equal(told.error.kind, ERR_AGAIN);
		assert_int_equal(told.times, 1);
	}
}

static const char *const no_nonces[] = { "", NULL, "huge" };

static void without_a_nonce_nothing_is_sent(void **state)
{
	char huge[400];

	(void)state;
	memset(huge, 'n', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(no_nonces); i++) {
		post();
		reply_with(503, "", i == 2 ? huge : no_nonces[i]);
		assert_null(net.done);
		assert_int_equal(told.times, i + 1);
		assert_int_equal(told.error.kind, ERR_AGAIN);
		assert_non_null(strstr(told.error.text, "503"));
	}
}

#define BAD "{\"type\":\"urn:ietf:params:acme:error:badNonce\"}"

static void a_ca_that_has_no_nonce_says_when_it_will(void **state)
{
	(void)state;
	post();
	assert_asks_for_a_nonce();
	reply(&(struct fetch_reply){ .status = 503, .body = "",
				     .replay_nonce = "", .location = "",
				     .link = "", .retry_after = "230" });
	assert_int_equal(told.times, 1);
	assert_int_equal(told.error.kind, ERR_AGAIN);
	assert_int_equal(told.retry_after, 230);
}

static void a_bad_nonce_is_replaced_by_the_one_that_came(void **state)
{
	(void)state;
	post();
	reply_with(200, "", "n1");
	reply_with(400, BAD, "n2");
	assert_int_equal(told.times, 0);
	assert_posts("n2");
	reply_with(200, "fine", "n3");
	assert_int_equal(told.times, 1);
	assert_string_equal(told.body, "fine");
}

/* Another request waits for a nonce, and takes not the one that came. */
static void a_bad_nonce_goes_before_those_that_wait(void **state)
{
	fetch_done *done;
	void *arg;

	(void)state;
	post();
	reply_with(200, "", "n1");
	done = net.done;
	arg = net.arg;
	net.done = NULL;
	post();
	assert_asks_for_a_nonce();
	net.done = done;
	net.arg = arg;
	reply_with(400, BAD, "n2");
	assert_posts("n2");
	assert_int_equal(told.times, 0);
	reply_with(200, "", "n3");
	assert_posts("n3");
	reply_with(200, "", "");
	assert_int_equal(told.times, 2);
}

static void bad_nonces_come_to_an_end(void **state)
{
	unsigned posts = 0;

	(void)state;
	post();
	reply_with(200, "", "n");
	while (net.done) {
		reply_with(400, BAD, "n");
		assert_true(++posts < 100);
	}
	assert_int_equal(posts, 10);
	assert_int_equal(told.times, 1);
	assert_string_equal(told.type, "badNonce");
}

static void a_bad_nonce_without_a_better_one_is_told(void **state)
{
	(void)state;
	post();
	reply_with(200, "", "n");
	reply_with(400, BAD, "");
	assert_null(net.done);
	assert_string_equal(told.type, "badNonce");
}

/* However many answers come, so many are kept: the newest. */
static void the_pool_is_bounded(void **state)
{
	struct {
		fetch_done *done;
		void *arg;
	} waiting[100];
	char nonce[20];
	unsigned heads = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		post();
		reply_with(200, "", "x");
		waiting[i].done = net.done;
		waiting[i].arg = net.arg;
		net.done = NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		snprintf(nonce, sizeof(nonce), "n%zu", i);
		net.done = waiting[i].done;
		net.arg = waiting[i].arg;
		reply_with(200, "", nonce);
	}
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		post();
		heads += net.method == FETCH_HEAD;
		if (net.method == FETCH_HEAD)
			reply_with(200, "", "x");
		else if (i == 0)
			assert_string_equal(net.nonce, "n99");
		reply_with(200, "", "");
	}
	assert_int_equal(heads, 100 - 64);
}

/* ---- answers ---- */

static void what_came_is_told_whole(void **state)
{
	(void)state;
	post();
	reply_with(200, "", "n");
	reply(&(struct fetch_reply){ .status = 201, .body = "b", .body_len = 1,
				     .location = "https://ca.test/o/1",
				     .retry_after = "7", .replay_nonce = "" });
	assert_int_equal(told.status, 201);
	assert_string_equal(told.location, "https://ca.test/o/1");
	assert_int_equal(told.retry_after, 7);
	assert_string_equal(told.type, "");
}

static void a_lost_answer_is_an_error(void **state)
{
	struct fetch_reply lost = { .status = 0 };

	(void)state;
	err_set(&lost.error, ERR_AGAIN, "timed out");
	post();
	reply(&lost);
	assert_string_equal(told.error.text, "timed out");
	post();
	reply_with(200, "", "n");
	reply(&lost);
	assert_int_equal(told.times, 2);
	assert_string_equal(told.error.text, "timed out");
	assert_string_equal(told.body, "");
}

static void what_cannot_be_signed_is_not_sent(void **state)
{
	(void)state;
	net.cannot_sign = true;
	post();
	reply_with(200, "", "n");
	assert_null(net.done);
	assert_string_equal(told.error.text, "no signature today");
}

/* ---- directory ---- */

static void the_directory_is_good_for_an_hour(void **state)
{
	(void)state;
	assert_true(client_is_current(client));
	assert_string_equal(client_directory(client)->new_order,
			    "https://ca.test/order");
	net.now_ms += WHEN_HOUR * 1000 + 1;
	assert_false(client_is_current(client));
	assert_non_null(client_directory(client));	/* better than none */
	net.now_ms -= 2 * WHEN_HOUR * 1000;		/* the clock went back */
	assert_false(client_is_current(client));
}

static const struct {
	long status;
	const char *body, *words;
} no_directories[] = {
	{ 404, "{}", "HTTP status 404" },
	{ 301, "", "HTTP status 301" },
	{ 200, "<html>", "not a JSON object" },
	{ 200, "{}", "newNonce" },
};

static void what_is_no_directory_is_said(void **state)
{
	(void)state;
	net.now_ms += 2 * WHEN_HOUR * 1000;
	for (size_t i = 0; i < ARRAY_LEN(no_directories); i++) {
		client_load_directory(client, note, &told);
		reply_with(no_directories[i].status, no_directories[i].body,
			   "");
		assert_int_not_equal(told.error.kind, ERR_NONE);
		assert_non_null(strstr(told.error.text,
				       "https://ca.test/directory"));
		assert_non_null(strstr(told.error.text,
				       no_directories[i].words));
		assert_false(client_is_current(client));
	}
}

#define WITH_A_CLIENT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_CLIENT(a_nonce_is_fetched_and_the_next_one_kept),
		WITH_A_CLIENT(only_the_ca_is_asked),
		WITH_A_CLIENT(an_old_nonce_is_not_used),
		WITH_A_CLIENT(without_a_nonce_nothing_is_sent),
		WITH_A_CLIENT(a_ca_that_has_no_nonce_says_when_it_will),
		WITH_A_CLIENT(a_bad_nonce_is_replaced_by_the_one_that_came),
		WITH_A_CLIENT(a_bad_nonce_goes_before_those_that_wait),
		WITH_A_CLIENT(bad_nonces_come_to_an_end),
		WITH_A_CLIENT(a_bad_nonce_without_a_better_one_is_told),
		WITH_A_CLIENT(the_pool_is_bounded),
		WITH_A_CLIENT(what_came_is_told_whole),
		WITH_A_CLIENT(a_lost_answer_is_an_error),
		WITH_A_CLIENT(what_cannot_be_signed_is_not_sent),
		WITH_A_CLIENT(the_directory_is_good_for_an_hour),
		WITH_A_CLIENT(what_is_no_directory_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
