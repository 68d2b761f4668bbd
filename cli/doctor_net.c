/*
 * Those who must be reached from here: resolvers, the CAs, mail servers.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/dns.h"
#include "base/fetch.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/address_kind.h"
#include "cli/doctor.h"
#include "cli/say.h"

/* ---- resolvers ---- */

/* "HOST" of "https://HOST:PORT/...", or "" if it is an address. */
static void host_of(const char *url, char *out, size_t size)
{
	const char *host = strstr(url, "://");
	char *end;

	host = host ? host + 3 : url;
	snprintf(out, size, "%s", host);
	out[strcspn(out, "/")] = '\0';
	end = out[0] == '[' ? out : strchr(out, ':');
	if (end)
		*end = '\0';
	if (address_kind_of(out) != ADDRESS_NONE)
		out[0] = '\0';
}

/* One that must be found anyway, else one that is always there. */
static void name_to_ask(const struct doctor_box *box, char *out, size_t size)
{
	const json_t *ca;
	size_t i;

	out[0] = '\0';
	json_array_foreach(value_at(box->facts, "cas"), i, ca)
	{
		if (!*out)
			host_of(text_at(ca, "directory"), out, size);
	}
	if (!*out)
		snprintf(out, size, "letsencrypt.org");
}

static struct resolver *resolver_of(const struct doctor_box *box,
				    struct loop *loop, struct err *err)
{
	const json_t *list = value_at(box->facts, "resolvers"), *one;
	const char *servers[DNS_SERVERS_MAX];
	size_t i, n = 0;

	json_array_foreach(list, i, one)
	{
		if (n < DNS_SERVERS_MAX)
			servers[n++] = json_string_value(one);
	}
	return resolver_new(loop, servers, n, DOCTOR_ANSWER_MS - 1000, err);
}

static bool is_named(const struct doctor_box *box)
{
	char *path = doctor_path(box, "/etc/resolv.conf"), line[512];
	FILE *f = fopen(path, "re");
	bool is = false;

	free(path);
	while (f && !is && fgets(line, sizeof(line), f))
		is = str_starts(line, "nameserver");
	if (f)
		fclose(f);
	return is;
}

struct asked {
	const struct doctor_box *box;
	struct doctor_notes *n;
	struct loop *loop;
	const char *name;
};

static const char *problem_of(const struct dns_view *v)
{
	if (v->a.outcome != DNS_FAILED)
		return NULL;
	return v->a.problem[0] ? v->a.problem : "no answer";
}

static void on_addresses(const struct dns_answer *answer, void *arg)
{
	struct asked *a = arg;
	size_t bad = 0;

	for (size_t i = 0; i < answer->count; i++)
		bad += problem_of(&answer->view[i]) != NULL;
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_view *v = &answer->view[i];

		if (!problem_of(v))
			continue;
		doctor_say(a->n,
			   bad == answer->count ? DOCTOR_ERROR : DOCTOR_WARNING,
			   "resolver.silent",
			   "the resolver %s does not say where %s is: %s",
			   v->server, a->name, problem_of(v));
		doctor_hint(a->n,
			    "name others as resolvers in %s, or in "
			    "/etc/resolv.conf; a firewall must let port 53 "
			    "out, by UDP and TCP",
			    doctor_config_of(a->box));
	}
	loop_stop(a->loop);
}

static void say_nobody(const struct doctor_box *box, struct doctor_notes *n)
{
	doctor_say(n, DOCTOR_ERROR, "resolver.none",
		   "no resolver is configured: neither resolvers in %s nor "
		   "nameserver in /etc/resolv.conf",
		   doctor_config_of(box));
	doctor_hint(n, "resolvers = { \"192.0.2.53\" }, with the address of "
		       "yours; better two");
}

void doctor_resolvers(const struct doctor_box *box, struct doctor_notes *n)
{
	struct asked a = { .box = box, .n = n };
	struct err err = ERR_INIT;
	struct resolver *resolver;
	char name[DNS_NAME_TEXT];

	if (!doctor_knows_config(box, n))
		return;
	if (!json_array_size(value_at(box->facts, "resolvers")) &&
	    !is_named(box)) {
		say_nobody(box, n);
		return;
	}
	name_to_ask(box, name, sizeof(name));
	a.name = name;
	a.loop = loop_new(&err);
	resolver = a.loop ? resolver_of(box, a.loop, &err) : NULL;
	if (resolver) {
		resolver_addresses(resolver, name, on_addresses, &a);
		loop_run(a.loop);
	} else {
		doctor_say(n, DOCTOR_UNSEEN, "resolver.unasked", "%s",
			   err.text);
	}
	resolver_free(resolver);
	loop_free(a.loop);
}

/* ---- certificate authorities ---- */

#define CLOCK_OFF (5 * WHEN_MINUTE) /* as the engine has it */
#define CAS_MOST  8

struct cas {
	struct loop *loop;
	struct doctor_notes *n;
	size_t open;
	bool is_clock_told;
	struct ca_look {
		struct cas *all;
		const char *name;
		const char *id;
		struct err problem;
	} ca[CAS_MOST];
};

static const struct {
	int code;
	const char *id, *hint;
} stages[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, "ca.dns",
	  "this is asked of the resolvers in /etc/resolv.conf: put them "
	  "right" },
	{ CURLE_COULDNT_CONNECT, "ca.connect",
	  "a firewall must let this machine connect there, which is port 443 "
	  "as a rule" },
	{ CURLE_OPERATION_TIMEDOUT, "ca.timeout",
	  "a firewall must let this machine connect there, which is port 443 "
	  "as a rule" },
	{ CURLE_SSL_CONNECT_ERROR, "ca.tls",
	  "something between here and the CA does not speak TLS as it does" },
	{ CURLE_SSL_CACERT_BADFILE, "ca.trust", "" },
	{ CURLE_PEER_FAILED_VERIFICATION, "ca.tls",
	  "apt install ca-certificates; if a proxy of yours takes TLS apart, "
	  "have it leave this host alone" },
};

static void say_stage(struct ca_look *ca, const struct fetch_reply *reply)
{
	ca->id = "ca.no-answer";
	ca->problem = reply->error;
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		if (stages[i].code != reply->code)
			continue;
		ca->id = stages[i].id;
		if (!*ca->problem.hint)
			err_hint(&ca->problem, "%s", stages[i].hint);
	}
}

static void judge_clock(struct cas *all, const char *name, const char *date)
{
	time_t at = curl_getdate(date, NULL);
	char rough[DURATION_TEXT];
	long ahead;

	if (at < 0 || all->is_clock_told)
		return;
	ahead = (long)(time(NULL) - at);
	if (labs(ahead) < CLOCK_OFF)
		return;
	all->is_clock_told = true;
	doctor_say(all->n, DOCTOR_ERROR, "clock.wrong",
		   "this machine's clock is %s %s that of ca %s",
		   duration_rough(labs(ahead), rough),
		   ahead > 0 ? "ahead of" : "behind", name);
	doctor_hint(all->n, "set it: timedatectl set-ntp true, or chrony");
}

static bool is_directory(const struct fetch_reply *reply)
{
	json_t *body = json_loadb(reply->body, reply->body_len, 0, NULL);
	bool is = json_is_string(json_object_get(body, "newOrder"));

	json_decref(body);
	return is;
}

static void judge_answer(struct ca_look *ca, const struct fetch_reply *reply)
{
	judge_clock(ca->all, ca->name, reply->date);
	if (reply->status == 200 && is_directory(reply))
		return;
	ca->id = "ca.answer";
	err_set(&ca->problem, ERR_AGAIN, "it answers %ld, %s", reply->status,
		reply->status == 200 ? "and with no directory of ACME"
				     : "and not with its directory");
	err_hint(&ca->problem, "is its directory in the configuration the one "
			       "that it publishes? Else it may be down");
}

static void on_directory(const struct fetch_reply *reply, void *arg)
{
	struct ca_look *ca = arg;

	if (reply->error.kind != ERR_NONE)
		say_stage(ca, reply);
	else
		judge_answer(ca, reply);
	if (!--ca->all->open)
		loop_stop(ca->all->loop);
}

static void ask(struct cas *all, struct fetcher *f, const json_t *ca)
{
	struct ca_look *look = &all->ca[all->open++];
	const char *trust = text_at(ca, "trust");
	const struct fetch_request request = {
		.method = FETCH_GET,
		.url = text_at(ca, "directory"),
		.ca_file = *trust ? trust : NULL,
		.timeout_ms = DOCTOR_ANSWER_MS,
	};

	look->all = all;
	look->name = text_at(ca, "name");
	fetch_start(f, &request, on_directory, look);
}

/* While another can be reached, certificates come from there. */
static void tell(const struct cas *all, size_t count)
{
	size_t bad = 0;

	for (size_t i = 0; i < count; i++)
		bad += all->ca[i].id != NULL;
	for (size_t i = 0; i < count; i++) {
		const struct ca_look *ca = &all->ca[i];

		if (!ca->id)
			continue;
		doctor_say(all->n, bad == count ? DOCTOR_ERROR : DOCTOR_WARNING,
			   ca->id, "ca %s: %s", ca->name, ca->problem.text);
		doctor_hint(all->n, "%s", ca->problem.hint);
	}
}

void doctor_cas(const struct doctor_box *box, struct doctor_notes *n)
{
	struct cas *all = xcalloc(1, sizeof(*all));
	struct err err = ERR_INIT;
	struct fetcher *f = NULL;
	const json_t *ca;
	size_t i, count = 0;

	all->n = n;
	if (doctor_knows_config(box, n))
		all->loop = loop_new(&err);
	if (all->loop)
		f = fetcher_new(all->loop, "mtastsctl/" MTASTSD_VERSION, &err);
	if (f) {
		json_array_foreach(value_at(box->facts, "cas"), i, ca)
		{
			if (all->open < CAS_MOST)
				ask(all, f, ca);
		}
		count = all->open;
		if (count)
			loop_run(all->loop);
		tell(all, count);
	}
	fetcher_free(f);
	loop_free(all->loop);
	free(all);
}
