/* The machine of one account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account_step.h"
#include "base/mem.h"
#include "tests/sim/scratch.h"

#define NOW	1800000000L
#define CONTACT "ops@example.net"
#define URN	"urn:ietf:params:acme:error:"

static struct account account_in(enum account_state state)
{
	struct account a = { .state = state, .epoch = 1 };
	struct err err = ERR_INIT;

	must(p256_generate(&a.key, &err), &err);
	if (state != ACCOUNT_NEW) {
		strcpy(a.url, "https://ca.test/account/1");
		strcpy(a.orders_url, "https://ca.test/orders/1");
		strcpy(a.contact, CONTACT);
	}
	return a;
}

/* ---- when ---- */

static const struct {
	enum account_state state;
	const char *contact;
	time_t retry_at;
	bool is_due;
} dues[] = {
	{ ACCOUNT_NEW, CONTACT, 0, true },
	{ ACCOUNT_LOST, CONTACT, 0, true },
	{ ACCOUNT_VALID, CONTACT, 0, false },
	{ ACCOUNT_VALID, "new@example.net", 0, true },
	{ ACCOUNT_VALID, "new@example.net", NOW + 1, false },
	{ ACCOUNT_REFUSED, CONTACT, NOW + 1, false },
	{ ACCOUNT_REFUSED, CONTACT, NOW, true },
	{ ACCOUNT_DEACTIVATED, CONTACT, NOW + 1, false },
	{ ACCOUNT_DEACTIVATED, CONTACT, NOW, true },
};

static void it_is_due_when_there_is_something_to_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dues); i++) {
		struct account a = account_in(dues[i].state);

		strcpy(a.contact, CONTACT);
		a.retry_at = dues[i].retry_at;
		assert_int_equal(account_is_due(&a, dues[i].contact, NOW),
				 dues[i].is_due);
	}
}

/* ---- what it asks ---- */

static const struct wire_directory directory = {
	.new_account = "https://ca.test/new-account",
};
static const struct wire_directory strict = {
	.new_account = "https://ca.test/new-account",
	.eab_required = true,
};
static const struct ca_settings plain = { .name = "test" };
static const struct ca_settings bound = {
	.name = "test", .eab_kid = "kid-1", .eab_key = "key", .eab_key_len = 3,
};

static const struct {
	enum account_state state;
	const struct wire_directory *directory;
	const struct ca_settings *ca;
	bool by_key, has_binding;
	const char *url;		/* NULL: it cannot ask */
} questions[] = {
	{ ACCOUNT_NEW, &directory, &plain, true, false,
	  "https://ca.test/new-account" },
	{ ACCOUNT_LOST, &directory, &plain, true, false,
	  "https://ca.test/new-account" },
	{ ACCOUNT_REFUSED, &directory, &bound, true, true,
	  "https://ca.test/new-account" },
	{ ACCOUNT_NEW, &strict, &bound, true, true,
	  "https://ca.test/new-account" },
	{ ACCOUNT_NEW, &strict, &plain, true, false, NULL },
	{ ACCOUNT_VALID, &strict, &plain, false, false,
	  "https://ca.test/account/1" },
};

static void check_payload(const struct account_question *q, size_t i)
{
	json_t *root = json_loads(q->payload, 0, NULL);
	const json_t *contact = json_object_get(root, "contact");

	assert_int_equal(json_array_size(contact), 1);
	assert_string_equal(json_string_value(json_array_get(contact, 0)),
			    "mailto:" CONTACT);
	assert_int_equal(json_is_true(json_object_get(root,
						      "termsOfServiceAgreed")),
			 questions[i].by_key);
	assert_int_equal(json_is_object(json_object_get(
				 root, "externalAccountBinding")),
			 questions[i].has_binding);
	assert_null(json_object_get(root, "onlyReturnExisting"));
	json_decref(root);
}

static void it_asks_by_its_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct account a = account_in(questions[i].state);
		struct account_question q = { .payload = NULL };
		struct err err = ERR_INIT;
		bool ok = account_ask(&a, questions[i].ca, CONTACT,
				      questions[i].directory, &q, &err);

		assert_int_equal(ok, questions[i].url != NULL);
		if (!ok) {
			assert_int_equal(err.kind, ERR_REFUSED);
			assert_non_null(strstr(err.hint, "eab_kid"));
			continue;
		}
		assert_string_equal(q.url, questions[i].url);
		assert_int_equal(q.by_key, questions[i].by_key);
		check_payload(&q, i);
		free(q.payload);
	}
}

/* Only whether it is still so: it must not come to life by itself. */
static void a_deactivated_one_is_never_registered(void **state)
{
	struct account a = account_in(ACCOUNT_DEACTIVATED);
	struct account_question q = { .payload = NULL };
	struct err err = ERR_INIT;

	(void)state;
	assert_true(account_ask(&a, &bound, CONTACT, &directory, &q, &err));
	assert_string_equal(q.payload, "{\"onlyReturnExisting\":true}");
	assert_string_equal(q.url, directory.new_account);
	assert_true(q.by_key);
	free(q.payload);
}

/* While it may have the one key or the other, nobody signs. */
static void it_is_silent_while_its_key_changes(void **state)
{
	struct account a = account_in(ACCOUNT_VALID);

	(void)state;
	assert_true(account_is_due(&a, "new@example.net", NOW));
	a.is_rolling = true;
	assert_true(account_is_due(&a, "new@example.net", NOW));
	a.roll_told = true;
	assert_false(account_is_due(&a, "new@example.net", NOW));
}

/* ---- what the answer makes of it ---- */

#define VALID_BODY "{\"status\":\"valid\",\"orders\":\"https://ca.test/l\"}"
#define PLACE	   "https://ca.test/account/2"

static const struct {
	enum account_state from;
	long status;			/* 0: no answer */
	const char *type, *location;
	enum account_state to;
	enum fail_scope scope;
	const char *contact;		/* that the CA is taken to have */
	bool pauses;
} answers[] = {
	{ ACCOUNT_NEW, 201, NULL, PLACE, ACCOUNT_VALID, SCOPE_NONE, CONTACT,
	  false },
	/* found, not made: it may have another contact */
	{ ACCOUNT_NEW, 200, NULL, PLACE, ACCOUNT_VALID, SCOPE_NONE, "", false },
	{ ACCOUNT_LOST, 201, NULL, PLACE, ACCOUNT_VALID, SCOPE_NONE, CONTACT,
	  false },
	{ ACCOUNT_REFUSED, 201, NULL, PLACE, ACCOUNT_VALID, SCOPE_NONE, CONTACT,
	  false },
	{ ACCOUNT_VALID, 200, NULL, "", ACCOUNT_VALID, SCOPE_NONE, CONTACT,
	  false },
	{ ACCOUNT_NEW, 201, NULL, "", ACCOUNT_NEW, SCOPE_CA, "", false },
	{ ACCOUNT_NEW, 0, NULL, "", ACCOUNT_NEW, SCOPE_CA, "", false },
	{ ACCOUNT_NEW, 503, "rateLimited", "", ACCOUNT_NEW, SCOPE_CA, "",
	  false },
	{ ACCOUNT_LOST, 400, "badNonce", "", ACCOUNT_LOST, SCOPE_CA, CONTACT,
	  false },
	{ ACCOUNT_NEW, 403, "unauthorized", "", ACCOUNT_REFUSED, SCOPE_ACCOUNT,
	  "", true },
	{ ACCOUNT_NEW, 400, "invalidContact", "", ACCOUNT_REFUSED,
	  SCOPE_ACCOUNT, "", true },
	{ ACCOUNT_NEW, 429, "rateLimited", "", ACCOUNT_NEW, SCOPE_CA, "",
	  false },
	{ ACCOUNT_LOST, 401, "externalAccountRequired", "", ACCOUNT_REFUSED,
	  SCOPE_ACCOUNT, CONTACT, true },
	/* it knows the key, and does not want it */
	{ ACCOUNT_LOST, 403, "unauthorized", "", ACCOUNT_DEACTIVATED,
	  SCOPE_ACCOUNT, CONTACT, true },
	{ ACCOUNT_DEACTIVATED, 403, "unauthorized", "", ACCOUNT_DEACTIVATED,
	  SCOPE_ACCOUNT, CONTACT, true },
	{ ACCOUNT_DEACTIVATED, 400, "accountDoesNotExist", "", ACCOUNT_LOST,
	  SCOPE_ACCOUNT, CONTACT, false },
	{ ACCOUNT_DEACTIVATED, 200, NULL, PLACE, ACCOUNT_VALID, SCOPE_NONE, "",
	  false },
	{ ACCOUNT_DEACTIVATED, 0, NULL, "", ACCOUNT_DEACTIVATED, SCOPE_CA,
	  CONTACT, false },
	/* a contact that is not taken costs no account */
	{ ACCOUNT_VALID, 400, "invalidContact", "", ACCOUNT_VALID,
	  SCOPE_ACCOUNT, CONTACT, true },
	{ ACCOUNT_VALID, 400, "accountDoesNotExist", "", ACCOUNT_LOST,
	  SCOPE_ACCOUNT, CONTACT, false },
};

static struct ca_reply reply_for(size_t i)
{
	struct ca_reply r = { .status = answers[i].status, .body = VALID_BODY,
			      .len = strlen(VALID_BODY), .links = "",
			      .location = answers[i].location,
			      .retry_after = -1 };

	if (!r.status)
		err_set(&r.error, ERR_AGAIN, "timed out");
	if (answers[i].type)
		strcpy(r.problem.type, answers[i].type);
	return r;
}

static void each_answer_has_its_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct account a = account_in(answers[i].from);
		struct p256 key = a.key;
		struct ca_reply r = reply_for(i);

		print_message("%zu\n", i);
		assert_int_equal(account_reply(&a, CONTACT, &r, NOW),
				 answers[i].scope);
		assert_int_equal(a.state, answers[i].to);
		assert_string_equal(a.contact, answers[i].contact);
		assert_int_equal(a.retry_at > NOW, answers[i].pauses);
		assert_int_equal(*a.problem != '\0', answers[i].pauses);
		assert_memory_equal(&a.key, &key, sizeof(key));
		if (answers[i].to == ACCOUNT_VALID && *answers[i].location)
			assert_string_equal(a.url, PLACE);
		if (answers[i].scope == SCOPE_NONE)
			assert_string_equal(a.orders_url, "https://ca.test/l");
	}
}

/* Some CAs only say so in the account itself. */
static void one_found_deactivated_is_not_taken(void **state)
{
	static const char body[] = "{\"status\":\"deactivated\"}";
	struct account a = account_in(ACCOUNT_LOST);
	struct ca_reply r = reply_for(1);

	(void)state;
	r.body = body;
	r.len = strlen(body);
	assert_int_equal(account_reply(&a, CONTACT, &r, NOW), SCOPE_ACCOUNT);
	assert_int_equal(a.state, ACCOUNT_DEACTIVATED);
	assert_true(a.retry_at > NOW);
	assert_non_null(strstr(a.hint, "--new-account"));
	assert_string_equal(a.url, "https://ca.test/account/1");
}

/* A URL that does not fit is no URL. */
static void an_endless_url_is_no_account(void **state)
{
	struct account a = account_in(ACCOUNT_NEW);
	char url[URL_SIZE + 1];
	struct ca_reply r = reply_for(0);

	(void)state;
	memset(url, 'u', URL_SIZE);
	url[URL_SIZE] = '\0';
	r.location = url;
	assert_int_equal(account_reply(&a, CONTACT, &r, NOW), SCOPE_CA);
	assert_int_equal(a.state, ACCOUNT_NEW);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_due_when_there_is_something_to_say),
		cmocka_unit_test(it_asks_by_its_state),
		cmocka_unit_test(a_deactivated_one_is_never_registered),
		cmocka_unit_test(it_is_silent_while_its_key_changes),
		cmocka_unit_test(each_answer_has_its_state),
		cmocka_unit_test(one_found_deactivated_is_not_taken),
		cmocka_unit_test(an_endless_url_is_no_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
