/* The words of RFC 8460 for what went wrong. */
#include "policy/tls_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
	const char *text;
	enum tls_result result;
} words[] = {
	{ "starttls-not-supported", TLS_RESULT_STARTTLS_NOT_SUPPORTED },
	{ "certificate-host-mismatch", TLS_RESULT_CERTIFICATE_HOST_MISMATCH },
	{ "certificate-expired", TLS_RESULT_CERTIFICATE_EXPIRED },
	{ "certificate-not-trusted", TLS_RESULT_CERTIFICATE_NOT_TRUSTED },
	{ "validation-failure", TLS_RESULT_VALIDATION_FAILURE },
	{ "tlsa-invalid", TLS_RESULT_TLSA_INVALID },
	{ "dnssec-invalid", TLS_RESULT_DNSSEC_INVALID },
	{ "dane-required", TLS_RESULT_DANE_REQUIRED },
	{ "sts-policy-fetch-error", TLS_RESULT_STS_POLICY_FETCH_ERROR },
	{ "sts-policy-invalid", TLS_RESULT_STS_POLICY_INVALID },
	{ "sts-webpki-invalid", TLS_RESULT_STS_WEBPKI_INVALID },

	{ "STARTTLS-Not-Supported", TLS_RESULT_STARTTLS_NOT_SUPPORTED },
	{ " certificate-expired\t", TLS_RESULT_CERTIFICATE_EXPIRED },

	{ "", TLS_RESULT_OTHER },
	{ " ", TLS_RESULT_OTHER },
	{ "other", TLS_RESULT_OTHER },
	{ "certificate", TLS_RESULT_OTHER },
	{ "certificate-expired-twice", TLS_RESULT_OTHER },
	{ "certificate expired", TLS_RESULT_OTHER },
};

static void the_words_of_the_rfc_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		print_message("%s\n", words[i].text);
		assert_int_equal(tls_result_parse(words[i].text),
				 words[i].result);
	}
	/* Stored by number: the first and the last hold those between. */
	assert_int_equal(TLS_RESULT_OTHER, 0);
	assert_int_equal(TLS_RESULT_STS_WEBPKI_INVALID, 11);
	assert_int_equal(TLS_RESULT_COUNT, 12);
}

static void is_a_sentence(const char *text)
{
	size_t len = strlen(text);

	print_message("%s\n", text);
	assert_in_range(len, 20, 300);
	assert_false(isupper((unsigned char)text[0]) &&
		     islower((unsigned char)text[1]));
	assert_null(strchr(".\n ", text[len - 1]));
	assert_null(strstr(text, "  "));
}

static void each_has_a_name_a_meaning_and_a_remedy(void **state)
{
	(void)state;
	for (int i = 0; i < TLS_RESULT_COUNT; i++) {
		enum tls_result result = (enum tls_result)i;

		assert_int_equal(tls_result_parse(tls_result_name(result)),
				 result);
		is_a_sentence(tls_result_meaning(result));
		is_a_sentence(tls_result_todo(result));
		for (int k = 0; k < i; k++)
			assert_false(
				streq(tls_result_meaning(result),
				      tls_result_meaning((enum tls_result)k)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_the_rfc_are_known),
		cmocka_unit_test(each_has_a_name_a_meaning_and_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
