#include "policy/tls_result.h"

#include <string.h>
#include <strings.h>

#include "policy/grammar.h"

static const struct {
	const char *name, *meaning, *todo;
} results[TLS_RESULT_COUNT] = {
	[TLS_RESULT_OTHER] = {
		"other",
		"the sender gave a reason that RFC 8460 does not know",
		"read what else it says (report show), and ask its contact if "
		"it lasts",
	},
	[TLS_RESULT_STARTTLS_NOT_SUPPORTED] = {
		"starttls-not-supported",
		"the mail server did not offer STARTTLS to the sender",
		"turn STARTTLS on at that mail server, and let no firewall "
		"between rewrite SMTP",
	},
	[TLS_RESULT_CERTIFICATE_HOST_MISMATCH] = {
		"certificate-host-mismatch",
		"the mail server's certificate does not have the name by "
		"which the sender called it, or the policy does not have that "
		"name",
		"compare the MX records with the policy's mx lines (domain "
		"check), and give that mail server a certificate for its name "
		"as MX",
	},
	[TLS_RESULT_CERTIFICATE_EXPIRED] = {
		"certificate-expired",
		"the mail server presented a certificate that had expired",
		"renew the certificate of that mail server, and have the "
		"server load it",
	},
	[TLS_RESULT_CERTIFICATE_NOT_TRUSTED] = {
		"certificate-not-trusted",
		"the sender does not trust the mail server's certificate: it "
		"is self-signed, of a CA that the sender does not know, or "
		"comes without its intermediate certificates",
		"have that mail server present a certificate of a public CA, "
		"with the whole chain",
	},
	[TLS_RESULT_VALIDATION_FAILURE] = {
		"validation-failure",
		"TLS with the mail server failed for a reason that has no "
		"name of its own",
		"see that the mail server offers TLS 1.2 or later to the "
		"sender's addresses, and read the reason code that came with "
		"it (report show)",
	},
	[TLS_RESULT_TLSA_INVALID] = {
		"tlsa-invalid",
		"a TLSA record of the mail server is malformed, or matches "
		"none of its certificates",
		"publish a TLSA record for the certificate that the mail "
		"server presents, and the next one's before each change",
	},
	[TLS_RESULT_DNSSEC_INVALID] = {
		"dnssec-invalid",
		"the sender's resolver could not validate DNSSEC for the mail "
		"server or the domain",
		"check the signatures and the DS record of the zones of the "
		"domain and of its mail servers",
	},
	[TLS_RESULT_DANE_REQUIRED] = {
		"dane-required",
		"the sender insists on DANE for this domain, and found no "
		"TLSA records that DNSSEC protects for all of its mail servers",
		"publish TLSA records for each mail server in a signed zone, "
		"or ask the sender not to insist",
	},
	[TLS_RESULT_STS_POLICY_FETCH_ERROR] = {
		"sts-policy-fetch-error",
		"the sender could not fetch the MTA-STS policy from its host",
		"see that mta-sts.<domain> leads to this box by each address "
		"it has, and that port 443 is open to all (domain check)",
	},
	[TLS_RESULT_STS_POLICY_INVALID] = {
		"sts-policy-invalid",
		"the sender fetched an MTA-STS policy that it cannot use",
		"see that what it fetched is this box's policy and not "
		"another host's (domain check), and which mx lines it has",
	},
	[TLS_RESULT_STS_WEBPKI_INVALID] = {
		"sts-webpki-invalid",
		"the sender did not accept the certificate of the policy's "
		"host",
		"see that mta-sts.<domain> leads to this box and to no other "
		"host, and which certificate is served there (domain check)",
	},
};

enum tls_result tls_result_parse(const char *text)
{
	size_t len;

	text += strspn(text, GRAMMAR_SPACE);
	len = strlen(text);
	while (len && strchr(GRAMMAR_SPACE, text[len - 1]))
		len--;
	for (int i = TLS_RESULT_OTHER + 1; i < TLS_RESULT_COUNT; i++)
		if (strlen(results[i].name) == len &&
		    strncasecmp(results[i].name, text, len) == 0)
			return (enum tls_result)i;
	return TLS_RESULT_OTHER;
}

const char *tls_result_name(enum tls_result result)
{
	return results[result].name;
}

const char *tls_result_meaning(enum tls_result result)
{
	return results[result].meaning;
}

const char *tls_result_todo(enum tls_result result)
{
	return results[result].todo;
}
