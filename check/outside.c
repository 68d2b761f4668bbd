#include "check/outside.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fetch.h"
#include "base/host_name.h"
#include "base/mem.h"
#include "base/str.h"
#include "check/smtp_probe.h"
#include "check/tls_words.h"

#define DNS_MS	   6000
#define SMTP_MS	   30000L /* of a server that says nothing */
#define HTTPS_PORT 443L
#define SMTP_PORT  25L
#define HTTP_MS	   10000L
#define AGENT	   "mtasts-check/" MTASTSD_VERSION

/*
 * One address of each mail server is always tried. Of others so many at once:
 * each has a thread.
 */
#define SMTP_MORE 16

/* What is under way: one of these for each callback that is owed. */
struct mx_look {
	struct outside *outside;
	struct check_mx *mx;
};

struct smtp_look {
	struct outside *outside;
	struct check_smtp *smtp;
	struct smtp_probe *probe;
};

struct https_look {
	struct outside *outside;
	struct check_https *https;
};

struct outside {
	struct loop *loop;
	struct outside_options options;
	char own[OUTSIDE_OWN_MAX][DNS_ADDRESS_TEXT];
	size_t own_count;
	struct resolver *resolver;
	struct fetcher *fetcher;
	outside_done *done;
	void *arg;
	int open;
	int fetches; /* under way; they may end after all else */
	bool is_closing, is_freed;
	struct mx_look mx[CHECK_MX_MAX];
	struct smtp_look smtp[CHECK_MX_MAX + SMTP_MORE];
	size_t smtp_count, smtp_more; /* of these; that are not the first */
	struct https_look https[CHECK_TRIED_MAX];
	struct check_facts facts;
};

static void destroy(void *arg)
{
	free(arg);
}

static void end_fetch(struct outside *o)
{
	if (--o->fetches == 0 && o->is_freed)
		loop_defer(o->loop, destroy, o);
}

static void on_complete(void *arg)
{
	struct outside *o = arg;

	if (!o->is_closing)
		o->done(o->arg);
}

static void settle(struct outside *o)
{
	if (--o->open == 0 && !o->is_closing)
		loop_defer(o->loop, on_complete, o);
}

/* ---- what servers said ---- */

static bool is_silence(const char *problem)
{
	return streq(problem, "timeout") || streq(problem, "stopped") ||
	       str_starts(problem, "no connection");
}

static enum check_look look_of(enum dns_outcome outcome, const char *problem)
{
	switch (outcome) {
	case DNS_FOUND:
		return CHECK_SEEN;
	case DNS_NO_NAME:
	case DNS_NO_RECORD:
		return CHECK_ABSENT;
	case DNS_FAILED:
		break;
	}
	return is_silence(problem) ? CHECK_TIMED_OUT : CHECK_FAILED;
}

static void note_resolver(struct outside *o, const char *server,
			  const char *problem)
{
	if (!*o->facts.bad_resolver && is_silence(problem))
		snprintf(o->facts.bad_resolver, sizeof(o->facts.bad_resolver),
			 "%s: %s", server, problem);
}

/* The first view that is an answer; else one that at least says no. */
static const struct dns_record_set *best_of(
	struct outside *o, const struct dns_records_answer *answer)
{
	const struct dns_record_set *best = &answer->view[0];

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record_set *v = &answer->view[i];

		if (v->outcome == DNS_FAILED)
			note_resolver(o, v->server, v->problem);
		if (best->outcome == DNS_FAILED &&
		    (v->outcome != DNS_FAILED || is_silence(best->problem)))
			best = v;
	}
	return best;
}

static bool has_text(const struct dns_record_set *set, const char *text)
{
	for (size_t i = 0; i < set->count; i++)
		if (streq(set->record[i].text, text))
			return true;
	return false;
}

static bool are_same(const struct dns_record_set *a,
		     const struct dns_record_set *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!has_text(b, a->record[i].text))
			return false;
	return true;
}

/* Is it, or is it meant to be, one of the records that are looked for? */
static bool is_record(const char *text)
{
	return strncasecmp(text, "v=STSv", 6) == 0 ||
	       strncasecmp(text, "v=TLSRPTv", 9) == 0;
}

static void add_texts(struct check_txt *t, const struct dns_record_set *set,
		      bool are_records)
{
	for (size_t i = 0; i < set->count && t->count < CHECK_TXT_MAX; i++)
		if (is_record(set->record[i].text) == are_records)
			str_copy(t->text[t->count++], CHECK_TXT_SIZE,
				 set->record[i].text);
}

/* Of too many texts it is the others that are left out. */
static void take_txt(struct outside *o, struct check_txt *t,
		     const struct dns_records_answer *answer)
{
	const struct dns_record_set *best = best_of(o, answer);

	t->look = look_of(best->outcome, best->problem);
	t->ttl = best->ttl;
	snprintf(t->problem, sizeof(t->problem), "%s (%s)", best->problem,
		 best->server);
	add_texts(t, best, true);
	add_texts(t, best, false);
	for (size_t i = 0; i < answer->count; i++)
		t->differs |= best->outcome != DNS_FAILED &&
			      answer->view[i].outcome != DNS_FAILED &&
			      !are_same(best, &answer->view[i]);
	settle(o);
}

static void on_sts(const struct dns_records_answer *answer, void *arg)
{
	struct outside *o = arg;

	take_txt(o, &o->facts.sts, answer);
}

static void on_report(const struct dns_records_answer *answer, void *arg)
{
	struct outside *o = arg;

	take_txt(o, &o->facts.report, answer);
}

static void on_root(const struct dns_records_answer *answer, void *arg)
{
	struct outside *o = arg;

	take_txt(o, &o->facts.root, answer);
}

static void on_zone(const struct dns_records_answer *answer, void *arg)
{
	struct outside *o = arg;
	const struct dns_record_set *best = best_of(o, answer);

	o->facts.zone = look_of(best->outcome, best->problem);
	settle(o);
}

static void on_keys(const struct dns_records_answer *answer, void *arg)
{
	struct outside *o = arg;
	const struct dns_record_set *best = best_of(o, answer);

	o->facts.zone_keys = look_of(best->outcome, best->problem);
	settle(o);
}

static void on_caa(const struct dns_caa_answer *answer, void *arg)
{
	struct outside *o = arg;
	const struct dns_caa_set *best = &answer->view[0];

	for (size_t i = 1; i < answer->count; i++)
		if (best->outcome == DNS_FAILED &&
		    answer->view[i].outcome != DNS_FAILED)
			best = &answer->view[i];
	o->facts.caa = *best;
	o->facts.caa_look = look_of(best->outcome, best->problem);
	settle(o);
}

/* ---- hosts ---- */

static void add_addresses(struct check_host *h, const struct dns_addresses *a)
{
	size_t most = ARRAY_LEN(h->address);

	for (size_t i = 0; i < a->count && h->count < most; i++) {
		char *text = h->address[h->count++];

		str_copy(text, DNS_ADDRESS_TEXT, a->address[i]);
	}
	if (*a->alias)
		str_copy(h->alias, sizeof(h->alias), a->alias);
}

static bool is_answer(const struct dns_addresses *a)
{
	return a->outcome != DNS_FAILED;
}

/* Of one server, both families; one is enough if the other has failed. */
static void take_view(struct check_host *h, const struct dns_view *v)
{
	const struct dns_addresses *bad = is_answer(&v->a) ? &v->aaaa : &v->a;

	add_addresses(h, &v->a);
	add_addresses(h, &v->aaaa);
	if (h->count)
		h->look = CHECK_SEEN;
	else
		h->look = look_of(bad->outcome, bad->problem);
	snprintf(h->problem, sizeof(h->problem), "%s (%s)", bad->problem,
		 v->server);
}

static void take_host(struct outside *o, struct check_host *h,
		      const struct dns_answer *answer)
{
	const struct dns_view *best = &answer->view[0];

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_view *v = &answer->view[i];

		if (!is_answer(&v->a))
			note_resolver(o, v->server, v->a.problem);
		if (!is_answer(&best->a) &&
		    (is_answer(&v->a) || is_silence(best->a.problem)))
			best = v;
	}
	take_view(h, best);
}

static bool may_connect(const struct outside *o, const char *address)
{
	for (size_t i = 0; i < o->own_count; i++)
		if (streq(o->own[i], address))
			return true;
	return o->options.allow_private || address_is_public(address);
}

/* The nth of the family that may be connected to, from 0, or NULL. */
static const char *usable(const struct outside *o, const struct check_host *h,
			  bool is_v6, size_t nth)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strchr(h->address[i], ':') == !is_v6 &&
		    may_connect(o, h->address[i]) && !nth--)
			return h->address[i];
	return NULL;
}

/* Some of both families, by turns. Returns how many. */
static size_t pick(const struct outside *o, const struct check_host *h,
		   const char *picked[static CHECK_TRIED_MAX])
{
	size_t n = 0;

	for (size_t i = 0; n < CHECK_TRIED_MAX && i < 2 * h->count; i++) {
		const char *one = usable(o, h, i % 2, i / 2);

		if (one)
			picked[n++] = one;
	}
	return n;
}

static void note_private(struct outside *o, struct check_host *h)
{
	h->private[0] = '\0';
	for (size_t i = 0; i < h->count; i++)
		if (!may_connect(o, h->address[i]))
			str_copy(h->private, sizeof(h->private), h->address[i]);
}

/* ---- the policy ---- */

static enum https_outcome outcome_of(const struct fetch_reply *r)
{
	switch (r->code) {
	case CURLE_OK:
		return r->error.kind == ERR_NONE ? HTTPS_ANSWERED
						 : HTTPS_BROKEN;
	case CURLE_COULDNT_CONNECT:
		return HTTPS_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTPS_TIMED_OUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return HTTPS_CERT_REFUSED;
	case CURLE_SSL_CONNECT_ERROR:
		return tls_words_are_old(r->error.text) ? HTTPS_TLS_OLD
							: HTTPS_TLS_FAILED;
	case CURLE_WRITE_ERROR:
		return HTTPS_TOO_BIG;
	default:
		return HTTPS_BROKEN;
	}
}

static void copy_cut(char *out, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(out, text, len);
	out[len] = '\0';
}

static void on_policy(const struct fetch_reply *reply, void *arg)
{
	struct https_look *l = arg;
	struct check_https *h = l->https;

	h->outcome = outcome_of(reply);
	h->status = reply->status;
	h->elapsed_ms = reply->elapsed_ms;
	copy_cut(h->problem, sizeof(h->problem), reply->error.text);
	copy_cut(h->content_type, sizeof(h->content_type), reply->content_type);
	copy_cut(h->location, sizeof(h->location), reply->location);
	if (reply->body_len <= STS_BODY_MAX) {
		memcpy(h->body, reply->body, reply->body_len);
		h->body_len = reply->body_len;
	}
	settle(l->outside);
	end_fetch(l->outside);
}

static void fetch_policy(struct outside *o, size_t i, const char *address)
{
	struct https_look *l = &o->https[i];
	struct fetch_request request = {
		.method = FETCH_GET,
		.ca_file = o->options.ca_file,
		.timeout_ms = o->options.timeout * 1000,
		.body_max = STS_BODY_MAX,
		.pin_at = address,
		.pin_port = o->options.https_port,
	};
	char *url;

	*l = (struct https_look){ o, &o->facts.https[i] };
	str_copy(l->https->address, DNS_ADDRESS_TEXT, address);
	request.look = &l->https->cert;
	url = xasprintf("https://mta-sts.%s/.well-known/mta-sts.txt",
			o->facts.domain);
	request.url = url;
	o->open++;
	o->fetches++;
	fetch_start(o->fetcher, &request, on_policy, l);
	free(url);
}

/* Any answer will do: what it should be, only the box knows. */
static void on_port80(const struct fetch_reply *reply, void *arg)
{
	struct outside *o = arg;

	o->facts.port80 = reply->code == CURLE_COULDNT_CONNECT ||
					  reply->code ==
						  CURLE_OPERATION_TIMEDOUT
				  ? CHECK_ABSENT
				  : CHECK_SEEN;
	settle(o);
	end_fetch(o);
}

static void look_at_port80(struct outside *o)
{
	const char *v4 = usable(o, &o->facts.host, false, 0);
	struct fetch_request request = {
		.method = FETCH_GET,
		.timeout_ms = HTTP_MS,
		.body_max = STS_BODY_MAX,
		.plain_at = v4 ? v4 : usable(o, &o->facts.host, true, 0),
	};
	char *url;

	if (!request.plain_at || !o->options.http_port)
		return;
	url = xasprintf("http://mta-sts.%s:%ld/.well-known/acme-challenge/",
			o->facts.domain, o->options.http_port);
	request.url = url;
	o->open++;
	o->fetches++;
	fetch_start(o->fetcher, &request, on_port80, o);
	free(url);
}

static void on_host(const struct dns_answer *answer, void *arg)
{
	const char *picked[CHECK_TRIED_MAX];
	struct outside *o = arg;
	size_t n;

	take_host(o, &o->facts.host, answer);
	note_private(o, &o->facts.host);
	n = pick(o, &o->facts.host, picked);
	for (size_t i = 0; !o->is_closing && i < n; i++)
		fetch_policy(o, i, picked[i]);
	if (!o->is_closing)
		look_at_port80(o);
	settle(o);
}

/* ---- mail servers ---- */

static void on_smtp(const struct smtp_result *result, void *arg)
{
	struct smtp_look *l = arg;

	l->smtp->outcome = result->outcome;
	l->smtp->cert = result->cert;
	copy_cut(l->smtp->problem, sizeof(l->smtp->problem), result->problem);
	settle(l->outside);
}

static void ask_smtp(struct outside *o, struct check_mx *mx,
		     const char *address)
{
	struct smtp_look *l = &o->smtp[o->smtp_count++];
	long limit = o->options.timeout * 1000;

	*l = (struct smtp_look){ o, &mx->smtp[mx->smtp_count++], NULL };
	str_copy(l->smtp->address, DNS_ADDRESS_TEXT, address);
	o->open++;
	l->probe = smtp_probe_start(
		o->loop,
		&(struct smtp_question){
			.host = mx->name,
			.address = address,
			.port = o->options.smtp_port,
			.ca_file = o->options.ca_file,
			.timeout_ms = limit < SMTP_MS ? limit : SMTP_MS },
		on_smtp, l);
}

/*
 * Of a server that has IPv4 as well, IPv6 is no matter where this machine has
 * none. No packet is sent for that.
 */
static bool has_way_to(const char *address)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons(SMTP_PORT) };
	int fd;
	bool ok;

	if (inet_pton(AF_INET6, address, &to.sin6_addr) != 1)
		return true;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 &&
	     connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void ask_each(struct outside *o, struct check_mx *mx)
{
	const char *picked[CHECK_TRIED_MAX];
	size_t n = o->options.skip_smtp ? 0 : pick(o, &mx->host, picked);

	for (size_t i = 0; i < n; i++) {
		if (i && (o->smtp_more == SMTP_MORE || !has_way_to(picked[i])))
			continue;
		o->smtp_more += i != 0;
		ask_smtp(o, mx, picked[i]);
	}
}

static void on_mx_host(const struct dns_answer *answer, void *arg)
{
	struct mx_look *l = arg;
	struct outside *o = l->outside;
	char alias[sizeof(l->mx->host.alias)];

	/* That of the CNAME look-up counts, which may have come before. */
	memcpy(alias, l->mx->host.alias, sizeof(alias));
	take_host(o, &l->mx->host, answer);
	if (*alias)
		memcpy(l->mx->host.alias, alias, sizeof(alias));
	note_private(o, &l->mx->host);
	if (!o->is_closing)
		ask_each(o, l->mx);
	settle(o);
}

static void on_mx_alias(const struct dns_records_answer *answer, void *arg)
{
	struct mx_look *l = arg;
	const struct dns_record_set *best = best_of(l->outside, answer);

	if (best->outcome == DNS_FOUND && best->count)
		copy_cut(l->mx->host.alias, sizeof(l->mx->host.alias),
			 best->record[0].text);
	settle(l->outside);
}

static void on_tlsa(const struct dns_records_answer *answer, void *arg)
{
	struct mx_look *l = arg;

	l->mx->has_tlsa = best_of(l->outside, answer)->outcome == DNS_FOUND;
	settle(l->outside);
}

static void look_at_mx(struct outside *o, const struct dns_record *record)
{
	struct mx_look *l = &o->mx[o->facts.mx_count];
	struct check_mx *mx = &o->facts.mx[o->facts.mx_count++];
	char tlsa[DNS_NAME_TEXT + 16];

	*l = (struct mx_look){ .outside = o, .mx = mx };
	copy_cut(mx->name, sizeof(mx->name), record->text);
	str_lower(mx->name);
	mx->preference = record->preference;
	o->open += 3;
	resolver_addresses(o->resolver, mx->name, on_mx_host, l);
	resolver_records(o->resolver, mx->name, DNS_CNAME, on_mx_alias, l);
	snprintf(tlsa, sizeof(tlsa), "_25._tcp.%s", mx->name);
	resolver_records(o->resolver, tlsa, DNS_TLSA, on_tlsa, l);
}

/* A name goes into URLs and on to libcurl: it must be one of a host. */
static bool is_host(const char *name)
{
	char host[DOMAIN_NAME_SIZE];

	return host_name_normalise(name, host, NULL);
}

static void take_bad(struct check_facts *f, const char *name)
{
	if (!f->mx_bad_count++)
		copy_cut(f->mx_bad, sizeof(f->mx_bad), name);
}

static void take_mx(struct outside *o, const struct dns_record_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *name = set->record[i].text;

		if (!*name || streq(name, "."))
			o->facts.mx_is_null = set->count == 1;
		else if (!is_host(name))
			take_bad(&o->facts, name);
		else if (o->facts.mx_count == CHECK_MX_MAX)
			o->facts.mx_is_cut = true;
		else
			look_at_mx(o, &set->record[i]);
	}
}

static void on_mx(const struct dns_records_answer *answer, void *arg)
{
	struct outside *o = arg;
	const struct dns_record_set *best = best_of(o, answer);

	o->facts.mx_look = look_of(best->outcome, best->problem);
	o->facts.mx_is_cut = best->is_cut;
	snprintf(o->facts.mx_problem, sizeof(o->facts.mx_problem), "%s (%s)",
		 best->problem, best->server);
	if (!o->is_closing)
		take_mx(o, best);
	settle(o);
}

/* ---- all of it ---- */

static void ask_txt(struct outside *o, const char *prefix,
		    dns_records_done *done)
{
	char *name = xasprintf("%s%s", prefix, o->facts.domain);

	o->open++;
	resolver_records(o->resolver, name, DNS_TXT, done, o);
	free(name);
}

static void ask_all(struct outside *o)
{
	const char *domain = o->facts.domain;
	char host[DOMAIN_NAME_SIZE];

	domain_name_policy_host(domain, host);
	o->open++;
	resolver_addresses(o->resolver, host, on_host, o);
	if (o->options.policy_only)
		return;
	ask_txt(o, "_mta-sts.", on_sts);
	ask_txt(o, "_smtp._tls.", on_report);
	ask_txt(o, "", on_root);
	o->open += 4;
	resolver_records(o->resolver, domain, DNS_SOA, on_zone, o);
	resolver_records(o->resolver, domain, DNS_DNSKEY, on_keys, o);
	resolver_records(o->resolver, domain, DNS_MX, on_mx, o);
	resolver_caa(o->resolver, host, on_caa, o);
}

static void take_own(struct outside *o, const struct outside_options *options)
{
	for (size_t i = 0; i < options->own_count; i++)
		if (o->own_count < ARRAY_LEN(o->own))
			str_copy(o->own[o->own_count++], DNS_ADDRESS_TEXT,
				 options->own[i]);
}

static void set_defaults(struct outside_options *o)
{
	if (!o->https_port)
		o->https_port = HTTPS_PORT;
	if (!o->smtp_port)
		o->smtp_port = SMTP_PORT;
	if (!o->timeout)
		o->timeout = OUTSIDE_TIMEOUT;
}

struct outside *outside_start(struct loop *loop, const char *domain,
			      const struct outside_options *options,
			      outside_done *done, void *arg, struct err *err)
{
	struct outside *o = xcalloc(1, sizeof(*o));

	o->loop = loop;
	o->options = *options;
	o->done = done;
	o->arg = arg;
	set_defaults(&o->options);
	take_own(o, options);
	str_copy(o->facts.domain, sizeof(o->facts.domain), domain);
	o->facts.smtp_is_tested = !options->skip_smtp;
	host_name_ask();
	o->resolver = resolver_new(loop, options->resolvers,
				   options->resolver_count, DNS_MS, err);
	o->fetcher = o->options.fetcher;
	if (o->resolver && !o->fetcher)
		o->fetcher = fetcher_new(loop, AGENT, err);
	if (o->resolver && o->fetcher) {
		ask_all(o);
		return o;
	}
	outside_free(o);
	return NULL;
}

struct check_facts *outside_facts(struct outside *o)
{
	return &o->facts;
}

/* What was deferred or posted before comes before destroy(). */
void outside_free(struct outside *o)
{
	if (!o)
		return;
	o->is_closing = true;
	resolver_free(o->resolver);
	if (!o->options.fetcher)
		fetcher_free(o->fetcher);
	for (size_t i = 0; i < o->smtp_count; i++)
		smtp_probe_free(o->smtp[i].probe);
	o->is_freed = true;
	if (!o->fetches)
		loop_defer(o->loop, destroy, o);
}
