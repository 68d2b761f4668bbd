#include "policy/caa.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define SHOWN_MAX 100	/* bytes of a value in an error */

/*
 * What one "issue" record means for the asker, the nearest to a permission
 * first: the nearest one of a set is the one to tell people about.
 */
enum fit {
	FITS,
	OTHER_METHOD,
	OTHER_ACCOUNT,
	MALFORMED,
	OTHER_CA,
	NOBODY
};

/* A piece of a value. */
struct span {
	const char *at;
	size_t len;
};

static bool is_word(const struct span *s, const char *word)
{
	return strlen(word) == s->len &&
	       strncasecmp(s->at, word, s->len) == 0;
}

/* ---- the grammar of RFC 8659, 4.2 ---- */

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

/* Letters, digits, and "-" within; 0: no such thing begins here. */
static size_t label_len(const char *p)
{
	size_t len = 0;

	while (is_alnum(p[len]) || p[len] == '-')
		len++;
	return len && is_alnum(p[0]) && is_alnum(p[len - 1]) ? len : 0;
}

/* False if what begins like a domain name is none; an empty one is. */
static bool read_domain(const char **p, struct span *domain)
{
	size_t len;

	*domain = (struct span){ *p, 0 };
	if (!**p || **p == ';')
		return true;
	for (;;) {
		len = label_len(*p);
		*p += len;
		if (!len || **p != '.')
			break;
		++*p;
	}
	domain->len = (size_t)(*p - domain->at);
	*p = skip_space(*p);
	return len && (!**p || **p == ';');
}

static size_t value_len(const char *p)
{
	size_t len = 0;

	while (p[len] > ' ' && p[len] <= '~' && p[len] != ';')
		len++;
	return len;
}

/* *p is behind a ";" and spaces; then at the next ";" or the end. */
static bool read_parameter(const char **p, struct span *tag,
			   struct span *value)
{
	*tag = (struct span){ *p, label_len(*p) };
	*p = skip_space(*p + tag->len);
	if (!tag->len || **p != '=')
		return false;
	*p = skip_space(*p + 1);
	*value = (struct span){ *p, value_len(*p) };
	*p = skip_space(*p + value->len);
	return !**p || **p == ';';
}

/* ---- the parameters of RFC 8657 ---- */

static bool is_account(const struct span *value, const struct caa_asker *asker)
{
	return asker->account_url && value->len == strlen(asker->account_url) &&
	       memcmp(value->at, asker->account_url, value->len) == 0;
}

/* A list with "," between. */
static bool has_method(const struct span *value, const struct caa_asker *asker)
{
	size_t want = strlen(asker->method), len;
	const char *end = value->at + value->len, *p;

	for (p = value->at; p < end; p += len + 1) {
		const char *comma = memchr(p, ',', (size_t)(end - p));

		len = (size_t)((comma ? comma : end) - p);
		if (len == want && memcmp(p, asker->method, len) == 0)
			return true;
	}
	return false;
}

static const struct {
	const char *tag;
	bool (*holds)(const struct span *value, const struct caa_asker *asker);
	enum fit otherwise;
} parameters[] = {
	{ "accounturi", is_account, OTHER_ACCOUNT },
	{ "validationmethods", has_method, OTHER_METHOD },
};

/* One that comes twice cannot be satisfied; unknown ones say nothing. */
static enum fit fit_of_parameter(const struct span *tag,
				 const struct span *value, unsigned *seen,
				 const struct caa_asker *asker)
{
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
		unsigned bit = 1u << i;
		bool is_again = *seen & bit;

		if (!is_word(tag, parameters[i].tag))
			continue;
		*seen |= bit;
		if (is_again || !parameters[i].holds(value, asker))
			return parameters[i].otherwise;
	}
	return FITS;
}

/* From the ";" behind the domain, or from the end. */
static enum fit fit_of_parameters(const char *p, const struct caa_asker *asker)
{
	enum fit worst = FITS, fit;
	struct span tag, value;
	unsigned seen = 0;

	if (!*p || !*skip_space(p + 1))
		return FITS;
	while (*p) {
		p = skip_space(p + 1);
		if (!read_parameter(&p, &tag, &value))
			return MALFORMED;
		fit = fit_of_parameter(&tag, &value, &seen, asker);
		if (fit > worst)
			worst = fit;
	}
	return worst;
}

/* ---- one record ---- */

static bool is_identity(const struct span *domain,
			const struct caa_asker *asker)
{
	for (size_t i = 0; i < asker->identity_count; i++)
		if (is_word(domain, asker->identities[i]))
			return true;
	return false;
}

static enum fit fit_of(const char *value, const struct caa_asker *asker)
{
	const char *p = skip_space(value);
	struct span domain;
	enum fit fit;

	if (!read_domain(&p, &domain))
		return MALFORMED;
	fit = fit_of_parameters(p, asker);
	if (fit == MALFORMED)
		return MALFORMED;
	if (!domain.len)
		return NOBODY;
	if (!asker->identity_count)
		return FITS;
	return is_identity(&domain, asker) ? fit : OTHER_CA;
}

/* ---- what stands in the way, in words ---- */

/* The line to publish, as far as the asker's names for things are known. */
static char *wanted_line(enum fit fit, const struct caa_asker *asker)
{
	const char *ca = asker->identity_count ? asker->identities[0]
					       : "the CA's name";

	if (fit == OTHER_ACCOUNT && asker->account_url)
		return xasprintf("CAA 0 issue \"%.60s; accounturi=%.110s\"", ca,
				 asker->account_url);
	if (fit == OTHER_METHOD)
		return xasprintf("CAA 0 issue \"%.60s; validationmethods=%s\"",
				 ca, asker->method);
	return xasprintf("CAA 0 issue \"%.60s\"", ca);
}

static const char *const complaints[] = {
	[OTHER_METHOD] = "does not let the CA validate as we do",
	[OTHER_ACCOUNT] = "is not for our account at the CA",
	[MALFORMED] = "is malformed, and so for no CA",
	[OTHER_CA] = "is for another CA",
	[NOBODY] = "forbids every CA to issue",
};

static const char *const advice[] = {
	[OTHER_METHOD] = "in its place",
	[OTHER_ACCOUNT] = "in its place",
	[MALFORMED] = "in its place",
	[OTHER_CA] = "beside it",
	[NOBODY] = "in its place",
};

static bool refuse(const struct dns_caa_set *set, const struct dns_caa *caa,
		   enum fit fit, const struct caa_asker *asker,
		   struct err *err)
{
	char *value = str_quoted(caa->value, SHOWN_MAX);
	char *wanted = wanted_line(fit, asker);

	err_set(err, ERR_REFUSED, "the record CAA %d issue %s of %s %s",
		caa->is_critical ? 128 : 0, value, set->found_at,
		complaints[fit]);
	err_hint(err, "publish at %.100s %s: %s", set->found_at, advice[fit],
		 wanted);
	free(wanted);
	free(value);
	return false;
}

static bool refuse_unknown(const struct dns_caa_set *set,
			   const struct dns_caa *caa, struct err *err)
{
	char *tag = str_quoted(caa->tag, sizeof(caa->tag));

	err_set(err, ERR_REFUSED, "the CAA record %s of %s is marked critical: "
				  "a CA that does not know it may not issue",
		tag, set->found_at);
	err_hint(err, "take it out, or publish it with the flags 0 in place "
		      "of 128");
	free(tag);
	return false;
}

/* ---- a set ---- */

/* Those that a CA knows, whether they are about plain names or not. */
static bool is_known(const char *tag)
{
	static const char *const known[] = { "issue", "issuewild", "iodef",
					     "issuemail" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (streq_case(known[i], tag))
			return true;
	return false;
}

bool caa_allows(const struct dns_caa_set *set, const struct caa_asker *asker,
		struct err *err)
{
	const struct dns_caa *nearest = NULL;
	enum fit best = NOBODY, fit;

	for (size_t i = 0; i < set->count; i++) {
		const struct dns_caa *caa = &set->record[i];

		if (caa->is_critical && !is_known(caa->tag))
			return refuse_unknown(set, caa, err);
		if (!streq_case(caa->tag, "issue"))
			continue;
		fit = fit_of(caa->value, asker);
		if (!nearest || fit < best) {
			nearest = caa;
			best = fit;
		}
	}
	return !nearest || best == FITS ||
	       refuse(set, nearest, best, asker, err);
}

/* ---- what all servers say ---- */

static bool has_failed(const struct dns_caa_set *set)
{
	return set->outcome == DNS_FAILED || set->is_cut;
}

static void set_unknown(const struct dns_caa_answer *answer, struct err *err)
{
	const struct dns_caa_set *set = &answer->view[0];
	const char *at = answer->count ? set->found_at : "";

	if (!answer->count) {
		err_set(err, ERR_AGAIN, "CAA of %s: no resolver to ask",
			answer->name);
		return;
	}
	err_set(err, ERR_AGAIN, "the CAA records of %s are not known: resolver "
				"%s said at %s: %s",
		answer->name, set->server, *at ? at : answer->name,
		set->is_cut ? "more records than can be judged" : set->problem);
	err_hint(err, "a CA that cannot read them does not issue: check the "
		      "name servers of %.120s, and the resolvers key of "
		      "mtastsd.conf", *at ? at : answer->name);
}

enum caa_verdict caa_judge(const struct dns_caa_answer *answer,
			   const struct caa_asker *asker, struct err *err)
{
	size_t allow = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (has_failed(&answer->view[i]))
			continue;
		if (!caa_allows(&answer->view[i], asker, err))
			return CAA_FORBIDS;
		allow++;
	}
	if (allow)
		return CAA_ALLOWS;
	set_unknown(answer, err);
	return CAA_UNKNOWN;
}
