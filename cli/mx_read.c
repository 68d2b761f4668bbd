#include "cli/mx_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/dns.h"
#include "base/loop.h"
#include "base/mem.h"
#include "policy/domain_name.h"
#include "policy/provider.h"

#define DNS_TIMEOUT_MS 5000
#define HOSTS_TEXT     4096

struct reading {
	struct loop *loop;
	struct mx_seen seen;
};

static void on_mx(const struct dns_records_answer *answer, void *arg)
{
	struct reading *r = arg;

	mx_seen_read(answer, &r->seen);
	loop_stop(r->loop);
}

/* The daemon's resolvers; with none of its own, the system's. */
static struct resolver *make_resolver(struct loop *loop,
				      const json_t *settings, int timeout_ms,
				      struct err *err)
{
	const json_t *list = json_object_get(settings, "resolvers"), *one;
	const char *servers[DNS_SERVERS_MAX];
	size_t i, n = 0;

	json_array_foreach(list, i, one) {
		if (n < DNS_SERVERS_MAX)
			servers[n++] = json_string_value(one);
	}
	return resolver_new(loop, servers, n, timeout_ms, err);
}

struct resolver *mx_read_beside(struct cli *cli, struct loop **loop,
				int timeout_ms)
{
	struct err ignored = ERR_INIT;
	struct resolver *resolver = NULL;
	json_t *settings = NULL;

	loop_init_library();
	if (api_do(cli->api, "GET", "/v1/check", NULL, &settings, &ignored) ==
	    EXIT_FINE)
		*loop = loop_new(&ignored);
	if (*loop)
		resolver = make_resolver(*loop, settings, timeout_ms, &ignored);
	json_decref(settings);
	return resolver;
}

static bool ask(const char *name, const json_t *settings, struct mx_seen *seen,
		struct err *err)
{
	struct reading r = { .seen = { .look = MX_UNKNOWN } };
	struct resolver *resolver;

	loop_init_library();
	r.loop = loop_new(err);
	if (!r.loop)
		return false;
	resolver = make_resolver(r.loop, settings, DNS_TIMEOUT_MS, err);
	if (resolver) {
		resolver_records(resolver, name, DNS_MX, on_mx, &r);
		loop_run(r.loop);
		resolver_free(resolver);
	}
	loop_free(r.loop);
	*seen = r.seen;
	return resolver != NULL;
}

/* ---- what it means ---- */

static char *joined(const struct mx_seen *seen, const char *between)
{
	struct buf b;
	char *text;

	buf_init(&b, HOSTS_TEXT);
	for (size_t i = 0; i < seen->count; i++)
		buf_printf(&b, "%s%s", i ? between : "", seen->host[i]);
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

static void name_them(const char *name, struct err *err)
{
	err_hint(err, "name each host that takes its mail: mtastsctl domain "
		      "add %s --mx HOST", name);
}

static bool is_usable(const char *name, const struct mx_seen *seen,
		      struct err *err)
{
	char bad[200];

	switch (seen->look) {
	case MX_UNKNOWN:
		err_set(err, ERR_AGAIN, "no resolver says what the MX of %s "
					"are", name);
		break;
	case MX_ABSENT:
		err_set(err, ERR_REFUSED, "DNS has no MX of %s", name);
		break;
	case MX_NULL:
		err_set(err, ERR_REFUSED, "%s takes no mail: its MX is \".\"",
			name);
		return false;
	case MX_THERE:
		if (seen->bad_count) {
			mx_say_bad(seen, bad, sizeof(bad));
			err_set(err, ERR_REFUSED,
				"an MX of %s is no host name: %s", name, bad);
			break;
		}
		if (seen->agrees && !seen->is_cut && seen->count)
			return true;
		err_set(err, ERR_REFUSED, "the resolvers do not agree on the "
					  "MX of %s", name);
		break;
	}
	name_them(name, err);
	return false;
}

/* Never guessed: they are shown, and it is for a person to say so. */
static bool is_known(const char *name, const struct mx_seen *seen,
		     struct err *err)
{
	char *hosts, *words;

	if (provider_of_all(seen))
		return true;
	hosts = joined(seen, ", ");
	words = joined(seen, " --mx ");
	err_set(err, ERR_REFUSED, "the MX of %s are %s: no provider that is "
				  "known here", name, hosts);
	err_hint(err, "if that is right: mtastsctl domain add %s --mx %s",
		 name, words);
	free(hosts);
	free(words);
	return false;
}

/* What one says alone, nobody has confirmed: that, too, a person must. */
static bool is_confirmed(const char *name, const struct mx_seen *seen,
			 const char *hosts, const struct sts_policy *p,
			 struct err *err)
{
	struct buf words;
	char *text;

	if (seen->voices > 1)
		return true;
	buf_init(&words, HOSTS_TEXT);
	for (size_t i = 0; i < p->mx_count; i++)
		buf_printf(&words, " --mx '%s'", p->mx[i]);
	text = buf_take(&words);
	err_set(err, ERR_REFUSED,
		"one resolver alone says that the mail of "
		"%s is at %s (MX %s)",
		name, provider_of_all(seen), hosts);
	err_hint(err,
		 "if that is right: mtastsctl domain add %s%s; with two "
		 "in resolvers, mtastsd.conf(5), that agree, it is taken",
		 name, text ? text : " --mx HOST");
	free(text);
	buf_release(&words);
	return false;
}

static bool propose(const struct cli *cli, const char *name,
		    const struct mx_seen *seen, json_t **mx, struct err *err)
{
	struct sts_policy p = { .mode = STS_TESTING,
				.max_age = STS_MAX_AGE_DEFAULT };
	char *hosts = joined(seen, ", ");
	bool ok = provider_add_mx(seen, name, &p, err) &&
		  is_confirmed(name, seen, hosts, &p, err);

	if (ok) {
		*mx = json_array();
		for (size_t i = 0; i < p.mx_count; i++)
			json_array_append_new(*mx, json_string(p.mx[i]));
	}
	if (ok && !cli->options.json)
		printf("%s: its mail is at %s (MX %s)\n", name,
		       provider_of_all(seen), hosts);
	sts_policy_release(&p);
	free(hosts);
	return ok;
}

enum exit_code mx_read(struct cli *cli, const char *name, json_t **mx,
		       struct err *err)
{
	char domain[DOMAIN_NAME_SIZE];
	json_t *settings = NULL;
	struct mx_seen seen;
	enum exit_code code;
	bool ok;

	*mx = NULL;
	if (!domain_name_normalise(name, domain, err))
		return EXIT_REFUSED;
	code = api_do(cli->api, "GET", "/v1/check", NULL, &settings, err);
	if (code != EXIT_FINE)
		return code;
	ok = ask(domain, settings, &seen, err) &&
	     is_usable(domain, &seen, err) && is_known(domain, &seen, err) &&
	     propose(cli, domain, &seen, mx, err);
	json_decref(settings);
	return ok ? EXIT_FINE : EXIT_REFUSED;
}
