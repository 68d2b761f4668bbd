/*
 * Whether the policy host is found, and how it answers.
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/findings_parts.h"

#define SOFT_MS	   2000		/* some senders wait no longer */
#define HTTP_OK	   200
#define TEXT_PLAIN "text/plain"

/* ---- its addresses ---- */

static bool looked(struct bench *b)
{
	const struct check_host *h = &b->f->host;

	return (int)h->look == b->arg && bench_say(b, "%s", h->problem);
}

static bool is_missing(struct bench *b)
{
	return b->f->host.look == CHECK_ABSENT && !*b->f->host.alias;
}

static bool leads_nowhere(struct bench *b)
{
	return b->f->host.look == CHECK_ABSENT && *b->f->host.alias &&
	       bench_say(b, "%s", b->f->host.alias);
}

static bool is_private(struct bench *b)
{
	return *b->f->host.private && bench_say(b, "%s", b->f->host.private);
}

/* The others become the detail. Returns how many of them there are. */
static size_t list_elsewhere(struct bench *b)
{
	const struct check_host *h = &b->f->host;
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (bench_is_own(b->f, h->address[i]))
			continue;
		bench_list(b, h->address[i]);
		n++;
	}
	return b->f->expected.address_count ? n : 0;
}

static bool is_elsewhere(struct bench *b)
{
	return b->f->host.count && list_elsewhere(b) == b->f->host.count;
}

static bool is_partly_elsewhere(struct bench *b)
{
	size_t n = list_elsewhere(b);

	return n && n < b->f->host.count;
}

static bool has_answered(const struct check_https *h)
{
	return h->outcome == HTTPS_ANSWERED && h->status == HTTP_OK;
}

static bool is_same(const struct check_https *a, const struct check_https *b)
{
	return a->body_len == b->body_len &&
	       memcmp(a->body, b->body, a->body_len) == 0;
}

/* From that of the first one that answered. */
static bool differs(struct bench *b)
{
	const struct check_https *first = NULL;

	for (size_t i = 0; i < ARRAY_LEN(b->f->https); i++) {
		const struct check_https *h = &b->f->https[i];

		if (!has_answered(h))
			continue;
		if (first && !is_same(first, h))
			return bench_say(b, "%s and %s", first->address,
					 h->address);
		if (!first)
			first = h;
	}
	return false;
}

static size_t count_tried(const struct bench *b)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(b->f->https); i++)
		n += *b->f->https[i].address != '\0';
	return n;
}

/* One that is not to be tried is told of by itself. */
static bool has_more(struct bench *b)
{
	const struct check_host *h = &b->f->host;
	size_t tried = count_tried(b);

	return tried && tried < h->count && !*h->private &&
	       bench_say(b, "%zu of the %zu", tried, h->count);
}

/* That it has none, or that they are not to be tried, is said elsewhere. */
static bool is_untested(struct bench *b)
{
	const struct check_host *h = &b->f->host;
	size_t tested = 0, due = count_tried(b);

	for (size_t i = 0; i < ARRAY_LEN(b->f->https); i++)
		tested += b->f->https[i].outcome != HTTPS_NOT_TESTED;
	return (h->look == CHECK_SEEN || h->look == CHECK_NOT_TESTED) &&
	       !*h->private && (!tested || tested < due);
}

/* At a stranger's address it is not for us to open. */
static bool is_port80_closed(struct bench *b)
{
	return b->f->port80 == CHECK_ABSENT && b->f->expected.is_hosted &&
	       !is_elsewhere(b);
}

static const struct rule once[] = {
	{ "host.missing", CHECK_ERROR, is_missing, 0,
	  "mta-sts.{domain} has no address: no sender can fetch the policy",
	  "publish A, AAAA or CNAME for mta-sts.{domain}" },
	{ "host.alias", CHECK_ERROR, leads_nowhere, 0,
	  "mta-sts.{domain} is a CNAME of {}, which has no address",
	  "let it lead to the policy host" },
	{ "host.server-failed", CHECK_ERROR, looked, CHECK_FAILED,
	  "the name servers fail when asked for addresses of "
	  "mta-sts.{domain}: {}",
	  "have the name servers of {domain} put right" },
	{ "host.dns-timeout", CHECK_WARNING, looked, CHECK_TIMED_OUT,
	  "nobody answered for addresses of mta-sts.{domain}: {}",
	  "check the resolvers of this machine, then the name servers of "
	  "{domain}; and try again" },
	{ "host.private", CHECK_ERROR, is_private, 0,
	  "mta-sts.{domain} leads to {}, which is no address of the public "
	  "Internet, and is not tried",
	  "publish the address that senders reach; --allow-private tries such "
	  "ones as well" },
	{ "host.not-tested", CHECK_WARNING, is_untested, 0,
	  "mta-sts.{domain} was not asked for the policy, or not at each "
	  "address: whether senders can fetch it is not known",
	  "try again" },
	{ "host.addresses", CHECK_NOTE, has_more, 0,
	  "{} addresses of mta-sts.{domain} were asked for the policy", "" },
	{ "host.not-here", CHECK_ERROR, is_elsewhere, 0,
	  "mta-sts.{domain} leads to {}, and not to this box",
	  "publish the records of: mtastsctl domain records {domain}" },
	{ "host.partly-here", CHECK_WARNING, is_partly_elsewhere, 0,
	  "mta-sts.{domain} leads to {} as well, which is not this box",
	  "take these addresses out" },
	{ "host.differs", CHECK_WARNING, differs, 0,
	  "{} serve different policies of {domain}",
	  "serve one policy at all addresses" },
	{ "host.port80", CHECK_WARNING, is_port80_closed, 0,
	  "nothing answers at port 80 of mta-sts.{domain}: authorities that "
	  "validate by HTTP-01 cannot look there",
	  "let port 80 through to this box" },
};

/* ---- how one address answers ---- */

static bool is_v6(const struct check_https *h)
{
	return strchr(h->address, ':') != NULL;
}

static bool came_to(struct bench *b)
{
	return (int)b->https->outcome == b->arg &&
	       bench_say(b, "%s", b->https->problem);
}

/* The other family works: most senders will not notice. */
static bool only_v6_fails(const struct bench *b)
{
	for (size_t i = 0; i < ARRAY_LEN(b->f->https); i++)
		if (is_v6(b->https) && !is_v6(&b->f->https[i]) &&
		    has_answered(&b->f->https[i]))
			return true;
	return false;
}

static bool is_unreachable(struct bench *b)
{
	return !only_v6_fails(b) && came_to(b);
}

static bool is_v6_unreachable(struct bench *b)
{
	return only_v6_fails(b) && came_to(b);
}

static bool is_slow(struct bench *b)
{
	return b->https->outcome == HTTPS_ANSWERED &&
	       b->https->elapsed_ms > SOFT_MS &&
	       bench_say(b, "%ld.%ld s", b->https->elapsed_ms / 1000,
			 b->https->elapsed_ms % 1000 / 100);
}

static bool redirects(struct bench *b)
{
	const struct check_https *h = b->https;

	return h->outcome == HTTPS_ANSWERED && h->status >= 300 &&
	       h->status < 400 && bench_quote(b, h->location);
}

static bool has_other_status(struct bench *b)
{
	const struct check_https *h = b->https;

	return h->outcome == HTTPS_ANSWERED && h->status != HTTP_OK &&
	       (h->status < 300 || h->status >= 400) &&
	       bench_say(b, "%ld", h->status);
}

/* The part before the parameters. */
static bool has_type(const char *type,
		     int (*compare)(const char *, const char *, size_t))
{
	size_t len = strlen(TEXT_PLAIN);

	return compare(type, TEXT_PLAIN, len) == 0 &&
	       strchr("; \t", type[len]);
}

static bool is_other_type(struct bench *b)
{
	return has_answered(b->https) &&
	       !has_type(b->https->content_type, strncasecmp) &&
	       bench_quote(b, b->https->content_type);
}

static bool is_odd_case(struct bench *b)
{
	const char *type = b->https->content_type;

	return has_answered(b->https) && has_type(type, strncasecmp) &&
	       !has_type(type, strncmp) && bench_quote(b, type);
}

static bool answers(struct bench *b)
{
	return has_answered(b->https) &&
	       bench_say(b, "%ld ms", b->https->elapsed_ms);
}

static const struct rule each[] = {
	{ "host.unreachable", CHECK_ERROR, is_unreachable, HTTPS_UNREACHABLE,
	  "mta-sts.{domain} cannot be reached at {address}: {}",
	  "let port 443 through to the policy host" },
	{ "host.v6-unreachable", CHECK_WARNING, is_v6_unreachable,
	  HTTPS_UNREACHABLE,
	  "mta-sts.{domain} cannot be reached at {address}: {}",
	  "let it answer by IPv6 too, or take the AAAA record out" },
	{ "host.timeout", CHECK_ERROR, came_to, HTTPS_TIMED_OUT,
	  "mta-sts.{domain} does not answer in time at {address}: {}",
	  "see why it takes so long: senders give up after 2 to 60 seconds" },
	{ "host.tls", CHECK_ERROR, came_to, HTTPS_TLS_FAILED,
	  "mta-sts.{domain} makes no TLS connection at {address}: {}",
	  "let a server answer there that knows this name and has a "
	  "certificate for it" },
	{ "host.tls-old", CHECK_ERROR, came_to, HTTPS_TLS_OLD,
	  "mta-sts.{domain} speaks no TLS newer than 1.1 at {address}: {}",
	  "let it speak TLS 1.2 or 1.3" },
	{ "host.broken", CHECK_ERROR, came_to, HTTPS_BROKEN,
	  "mta-sts.{domain} gives no HTTP answer at {address}: {}",
	  "see what server answers there" },
	{ "host.slow", CHECK_WARNING, is_slow, 0,
	  "the policy came after {}: some senders wait for 2 s "
	  "(postfix-tlspol) or 4 s (postfix-mta-sts-resolver)",
	  "see why it takes so long" },
	{ "http.redirect", CHECK_ERROR, redirects, 0,
	  "the policy is a redirect to {}, which senders do not follow",
	  "answer with the policy itself" },
	{ "http.status", CHECK_ERROR, has_other_status, 0,
	  "the policy host answers with status {}: senders take 200 only",
	  "serve https://mta-sts.{domain}/.well-known/mta-sts.txt" },
	{ "http.content-type", CHECK_ERROR, is_other_type, 0,
	  "the policy has the Content-Type {}: rejected by chasquid, "
	  "postfix-mta-sts-resolver, postfix-tlspol, maddy, KumoMTA",
	  "serve it as text/plain" },
	{ "http.content-type-case", CHECK_WARNING, is_odd_case, 0,
	  "the policy has the Content-Type {}, not in lower case: rejected by "
	  "KumoMTA",
	  "serve it as text/plain" },
	{ "host.ok", CHECK_GOOD, answers, 0,
	  "mta-sts.{domain} answers at {address} within {}", "" },
};

const struct rule_set rules_host = { GROUP_HOST, ONCE, once, ARRAY_LEN(once) };
const struct rule_set rules_host_each = { GROUP_HOST, EACH_HTTPS, each,
					  ARRAY_LEN(each) };
