/*
 * What went wrong with a session, as a TLS report says it (RFC 8460, 4.3), and
 * what that means to whoever receives the mail.
 *
 * The order is the RFC's, and the numbers are kept: new ones come last.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_TLS_RESULT_H
#define POLICY_TLS_RESULT_H

enum tls_result {
	TLS_RESULT_OTHER, /* a type that no RFC has, or none was given */
	/* 4.3.1: negotiating with the mail server */
	TLS_RESULT_STARTTLS_NOT_SUPPORTED,
	TLS_RESULT_CERTIFICATE_HOST_MISMATCH,
	TLS_RESULT_CERTIFICATE_EXPIRED,
	TLS_RESULT_CERTIFICATE_NOT_TRUSTED,
	TLS_RESULT_VALIDATION_FAILURE,
	/* 4.3.2.1: DANE */
	TLS_RESULT_TLSA_INVALID,
	TLS_RESULT_DNSSEC_INVALID,
	TLS_RESULT_DANE_REQUIRED,
	/* 4.3.2.2: MTA-STS */
	TLS_RESULT_STS_POLICY_FETCH_ERROR,
	TLS_RESULT_STS_POLICY_INVALID,
	TLS_RESULT_STS_WEBPKI_INVALID,
	TLS_RESULT_COUNT
};

/* In any case of letters, blanks around it ignored. */
enum tls_result tls_result_parse(const char *text);

const char *tls_result_name(enum tls_result result); /* "other" too */

/* One sentence each, lower case, no full stop. */
const char *tls_result_meaning(enum tls_result result);
const char *tls_result_todo(enum tls_result result);

#endif
