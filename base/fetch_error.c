#include "base/fetch_error.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define WORDS_MAX 160	/* of libcurl's sentence */
#define TOO_LARGE 100	/* CURLE_TOO_LARGE, since libcurl 8.6 */

static const struct {
	enum err_kind kind;
	const char *before, *after;	/* the host and port stand between */
} failures[] = {
	[CURLE_COULDNT_RESOLVE_PROXY] =
		{ ERR_AGAIN, "could not find the proxy's address for ", "" },
	[CURLE_COULDNT_RESOLVE_HOST] =
		{ ERR_AGAIN, "could not find the address of ", "" },
	[CURLE_COULDNT_CONNECT] =
		{ ERR_AGAIN, "could not connect to ", "" },
	[CURLE_OPERATION_TIMEDOUT] =
		{ ERR_AGAIN, "no answer in time from ", "" },
	[CURLE_GOT_NOTHING] =
		{ ERR_AGAIN, "", " closed the connection without an answer" },
	[CURLE_PARTIAL_FILE] =
		{ ERR_AGAIN, "", " closed the connection within its answer" },
	[CURLE_SEND_ERROR] =
		{ ERR_AGAIN, "could not send to ", "" },
	[CURLE_RECV_ERROR] =
		{ ERR_AGAIN, "could not receive from ", "" },
	[CURLE_SSL_CONNECT_ERROR] =
		{ ERR_AGAIN, "no TLS connection with ", "" },
	[CURLE_PEER_FAILED_VERIFICATION] =
		{ ERR_REFUSED, "the certificate of ", " is not trusted" },
	[CURLE_SSL_CACERT_BADFILE] =
		{ ERR_REFUSED, "cannot read the trust file for ", "" },
	[CURLE_WEIRD_SERVER_REPLY] =
		{ ERR_AGAIN, "", " did not answer in HTTP" },
	[CURLE_UNSUPPORTED_PROTOCOL] =		/* an "HTTP/0.9" answer */
		{ ERR_AGAIN, "", " did not answer in HTTP" },
	[CURLE_OUT_OF_MEMORY] =			/* a header line past 100 KB */
		{ ERR_AGAIN, "", " sent more than libcurl takes" },
	[TOO_LARGE] =				/* the same */
		{ ERR_AGAIN, "", " sent more than libcurl takes" },
};

/* libcurl's sentence, or the system's where that is the plainer one. */
static char *detail_of(CURLcode code, CURL *easy, const char *says)
{
	static const char said_before[] = "SSL certificate problem: ";
	long os_error = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
	if (code == CURLE_COULDNT_CONNECT && os_error)
		says = strerror((int)os_error);
	if (str_starts(says, said_before))
		says += strlen(said_before);
	return str_printable(says, WORDS_MAX);
}

static const char clock_hint[] =
	"check this machine's clock; if it is right, the other side has to "
	"renew its certificate";
static const char root_hint[] =
	"if this is a CA with a root of its own, name the root's PEM file as "
	"\"trust\" in the ca section of mtastsd.conf";

static const struct {
	long verified;		/* what OpenSSL found */
	const char *hint;
} hints[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED,                   clock_hint },
	{ X509_V_ERR_CERT_NOT_YET_VALID,                 clock_hint },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,        root_hint },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,          root_hint },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,          root_hint },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,  root_hint },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,    root_hint },
};

static void add_hint(struct err *err, CURLcode code, CURL *easy)
{
	long verified = X509_V_OK;

	if (code == CURLE_SSL_CACERT_BADFILE)
		err_hint(err, "\"trust\" in the ca section of mtastsd.conf "
			      "must be a PEM file that the daemon may read");
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return;
	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (hints[i].verified == verified)
			err_hint(err, "%s", hints[i].hint);
}

void fetch_error(struct err *err, CURLcode code, CURL *easy, const char *where,
		 const char *says)
{
	char *detail = detail_of(code, easy, says);

	if ((size_t)code < ARRAY_LEN(failures) && failures[code].before)
		err_set(err, failures[code].kind, "%s%s%s%s%s",
			failures[code].before, where, failures[code].after,
			*detail ? ": " : "", detail);
	else
		err_set(err, ERR_AGAIN, "no answer from %s: %s", where,
			*detail ? detail : curl_easy_strerror(code));
	add_hint(err, code, easy);
	free(detail);
}
