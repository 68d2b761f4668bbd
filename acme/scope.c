#include "acme/scope.h"

#include "base/mem.h"
#include "base/str.h"

#define REACH(port)                                                            \
	"the CA must reach this box from outside on port " port ", on every "  \
	"A and AAAA address of the name: check firewall, NAT and the "         \
	"addresses"

#define OTHER_ON_80 "something else answers on port 80 for this name"
#define OTHER_ON_443                                                           \
	"something else answers on port 443 for this name, or takes TLS off "  \
	"before it comes to this box"

/* RFC 8555, 6.7, and what CAs add. What is not listed is the domain's. */
static const struct {
	const char *type;
	enum fail_scope scope;
	const char *hint;
} problems[] = {
	{ "accountDoesNotExist", SCOPE_ACCOUNT, "" },
	{ "badNonce", SCOPE_CA, "" },
	{ "caa", SCOPE_DOMAIN,
	  "a CAA record forbids this CA: add one that allows it" },
	{ "connection", SCOPE_DOMAIN, REACH("80") },
	{ "dns", SCOPE_DOMAIN,
	  "the CA's resolvers see something else than ours: check the zone's "
	  "name servers and DNSSEC" },
	{ "externalAccountRequired", SCOPE_ACCOUNT,
	  "set eab_kid and eab_key_file in the ca section of mtastsd.conf" },
	{ "incorrectResponse", SCOPE_DOMAIN, OTHER_ON_80 },
	{ "invalidContact", SCOPE_ACCOUNT,
	  "set contact in mtastsd.conf to a mail address that the CA accepts" },
	{ "invalidProfile", SCOPE_ORDER,
	  "change profile in the ca section of mtastsd.conf" },
	{ "orderNotReady", SCOPE_ORDER, "" },
	{ "rateLimited", SCOPE_DOMAIN,
	  "the CA's rate limit: it is tried again "
	  "when the CA allows it" },
	{ "rejectedIdentifier", SCOPE_DOMAIN,
	  "the CA will not issue for this name" },
	{ "serverInternal", SCOPE_CA, "" },
	{ "tls", SCOPE_DOMAIN, REACH("80") },
	{ "unauthorized", SCOPE_DOMAIN, OTHER_ON_80 },
	{ "unsupportedContact", SCOPE_ACCOUNT,
	  "set contact in mtastsd.conf to a mail address that the CA accepts" },
	{ "userActionRequired", SCOPE_ACCOUNT,
	  "the CA wants something of you: open the URL in its message" },
};

/* With tls-alpn-01 the CA comes to another port. */
static const struct {
	const char *type, *hint;
} alpn_hints[] = {
	{ "connection", REACH("443") },
	{ "incorrectResponse", OTHER_ON_443 },
	{ "tls", REACH("443") },
	{ "unauthorized", OTHER_ON_443 },
};

static const char *alpn_hint(const char *type, const char *otherwise)
{
	for (size_t i = 0; i < ARRAY_LEN(alpn_hints); i++)
		if (streq(alpn_hints[i].type, type))
			return alpn_hints[i].hint;
	return otherwise;
}

enum fail_scope scope_of_problem(const struct wire_problem *p,
				 enum challenge_method method,
				 struct err *problem)
{
	enum fail_scope scope = SCOPE_DOMAIN;
	const char *hint = "";

	for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
		if (!streq(p->type, problems[i].type))
			continue;
		scope = problems[i].scope;
		hint = problems[i].hint;
	}
	if (method == METHOD_TLS_ALPN_01)
		hint = alpn_hint(p->type, hint);
	err_set(problem, streq(p->type, "badNonce") ? ERR_AGAIN : ERR_REFUSED,
		"the CA said: %s (%s)",
		*p->detail ? p->detail : "no more than the word", p->type);
	err_hint(problem, "%s", hint);
	return scope;
}

bool scope_is_wordless(const struct ca_reply *reply)
{
	return reply->error.kind == ERR_NONE && reply->status >= 300 &&
	       (streq(reply->problem.type, "unknown") ||
		streq(reply->problem.type, "about:blank"));
}

enum fail_scope scope_of(const struct ca_reply *reply, struct err *problem)
{
	enum fail_scope scope;

	if (reply->error.kind != ERR_NONE) {
		*problem = reply->error;
		return SCOPE_CA;
	}
	if (reply->status >= 200 && reply->status <= 299)
		return SCOPE_NONE;
	scope = scope_of_problem(&reply->problem, METHOD_HTTP_01, problem);
	if (reply->status >= 500)
		return SCOPE_CA;	/* overload is 503 with rateLimited */
	if (reply->status == 429 && scope != SCOPE_ACCOUNT) {
		problem->kind = ERR_AGAIN;
		return SCOPE_CA; /* or whoever stands at its door */
	}
	if (streq(reply->problem.type, "unauthorized")) {
		err_hint(problem, "the CA declines our account or its key");
		return SCOPE_ACCOUNT;	/* of a request, not of a challenge */
	}
	if (wire_is_gone(reply->status))
		return SCOPE_ORDER;
	if (scope_is_wordless(reply)) {
		problem->kind = ERR_AGAIN;
		return SCOPE_CA;
	}
	return scope;
}
