#include "cli/mx_looks.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/dns.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/mx_read.h"
#include "cli/say.h"
#include "policy/provider.h"

#define TIMEOUT_MS 2000
#define AT_ONCE	   64 /* looks under way: beyond them the command waits */
#define VAIN_MAX   8  /* without an answer, in a row: nobody is there */
#define HOSTS_SAID 4
#define HOSTS_TEXT 1200

struct mx_looks {
	struct cli *cli;
	struct progress *progress;
	struct loop *loop;
	struct resolver *resolver; /* NULL: nobody is asked (any more) */
	bool is_tried;		   /* to make them */
	long under_way, vain, answered, found, unseen;
	char unseen_name[DOMAIN_NAME_SIZE]; /* the last of those */
};

struct look {
	struct mx_looks *looks;
	char *name;
	long line;
	struct sts_policy policy; /* its mode and mx */
};

static void look_free(struct look *one)
{
	sts_policy_release(&one->policy);
	free(one->name);
	free(one);
}

/* ---- what was found ---- */

/* The first few of the hosts that the policy lacks. */
static void say_hosts(const struct mx_seen *seen, const struct sts_policy *p,
		      const char *between, struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->count && n < HOSTS_SAID; i++)
		if (mx_is_stray(seen, i, p))
			buf_printf(b, "%s%s", n++ ? between : "",
				   seen->host[i]);
}

/* It lacks some hosts, or names none of those that there are. */
static void remedy(const struct look *one, const struct mx_seen *seen,
		   struct err *err)
{
	const struct sts_policy *p = &one->policy;
	size_t strays = mx_strays(seen, p);
	bool has_none = strays == seen->count;
	struct buf hosts;

	buf_init(&hosts, HOSTS_TEXT);
	say_hosts(seen, p, has_none ? "," : " ", &hosts);
	if (one->looks->cli->options.dry_run)
		err_hint(err, "name those, too, or change MX first");
	else if (strays > HOSTS_SAID)
		err_hint(err,
			 "if MX is right: mtastsctl policy mx %s add "
			 "HOST..., with all of them",
			 one->name);
	else
		err_hint(err,
			 has_none ? "if MX is right: mtastsctl policy set "
				    "%s --mx %s"
				  : "if MX is right: mtastsctl policy mx "
				    "%s add %s",
			 one->name, hosts.data);
	buf_release(&hosts);
}

static void say(const struct look *one, struct err *err)
{
	if (one->line)
		err_prefix(err, "line %ld", one->line);
	if (one->looks->progress)
		progress_clear(one->looks->progress);
	say_failure(NULL, err);
}

static void say_strays(const struct look *one, const struct mx_seen *seen)
{
	size_t strays = mx_strays(seen, &one->policy);
	const char *provider = provider_of_all(seen);
	struct err err = ERR_INIT;
	struct buf hosts;

	buf_init(&hosts, HOSTS_TEXT);
	say_hosts(seen, &one->policy, ", ", &hosts);
	if (strays > HOSTS_SAID)
		buf_printf(&hosts, " and %zu more", strays - HOSTS_SAID);
	if (provider)
		buf_printf(&hosts, " (%s)", provider);
	err_set(&err, ERR_REFUSED,
		"warning: DNS sends mail of %s to %s, which "
		"its policy does not name",
		one->name, hosts.data);
	buf_release(&hosts);
	remedy(one, seen, &err);
	say(one, &err);
}

static void say_bad(const struct look *one, const struct mx_seen *seen)
{
	struct err err = ERR_INIT;
	char bad[200];

	mx_say_bad(seen, bad, sizeof(bad));
	err_set(&err, ERR_REFUSED,
		"warning: DNS has an MX of %s that is no host name: %s",
		one->name, bad);
	err_hint(&err, "let the MX record name a host");
	say(one, &err);
}

static bool is_no_name(const struct dns_records_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->view[i].outcome != DNS_FAILED &&
		    answer->view[i].outcome != DNS_NO_NAME)
			return false;
	return true;
}

/* A slip of the pen, mostly; in a file, what is being moved may have none. */
static void say_none(const struct look *one,
		     const struct dns_records_answer *answer,
		     const struct mx_seen *seen)
{
	struct err err = ERR_INIT;

	if (seen->look == MX_NULL)
		err_set(&err, ERR_REFUSED,
			"warning: %s takes no mail: its MX is \".\"",
			one->name);
	else if (is_no_name(answer))
		err_set(&err, ERR_REFUSED,
			"warning: %s does not exist in DNS: is its name right?",
			one->name);
	else
		err_set(&err, ERR_REFUSED,
			"warning: DNS has no MX of %s: does it take mail?",
			one->name);
	say(one, &err);
}

static void note_unseen(struct mx_looks *l, const char *name)
{
	l->unseen++;
	str_copy(l->unseen_name, sizeof(l->unseen_name), name);
}

static void on_mx(const struct dns_records_answer *answer, void *arg)
{
	struct look *one = arg;
	struct mx_looks *l = one->looks;
	struct mx_seen seen;

	mx_seen_read(answer, &seen);
	l->under_way--;
	if (seen.look == MX_UNKNOWN) {
		l->vain++;
		note_unseen(l, one->name);
	} else {
		l->vain = 0;
		l->answered++;
	}
	l->found += mx_strays(&seen, &one->policy) ||
		    mx_has_bad(&seen, &one->policy);
	if (mx_has_bad(&seen, &one->policy))
		say_bad(one, &seen);
	if (mx_strays(&seen, &one->policy))
		say_strays(one, &seen);
	if (!one->line && one->policy.mode != STS_NONE &&
	    (seen.look == MX_ABSENT || seen.look == MX_NULL))
		say_none(one, answer, &seen);
	look_free(one);
}

/* ---- asking ---- */

struct mx_looks *mx_looks_new(struct cli *cli, struct progress *progress)
{
	struct mx_looks *l = xcalloc(1, sizeof(*l));

	l->cli = cli;
	l->progress = progress;
	return l;
}

/* With the first that is looked at. Whatever fails: it is only a warning. */
static void begin(struct mx_looks *l)
{
	l->is_tried = true;
	l->resolver = mx_read_beside(l->cli, &l->loop, TIMEOUT_MS);
}

/* Takes what has come; and waits while there are more than `most`. */
static void pump(struct mx_looks *l, long most)
{
	struct event_base *base = loop_base(l->loop);

	event_base_loop(base, EVLOOP_NONBLOCK);
	while (l->under_way > most && l->vain < VAIN_MAX)
		event_base_loop(base, EVLOOP_ONCE);
	if (l->vain < VAIN_MAX)
		return;
	resolver_free(l->resolver); /* each look ends, unseen */
	l->resolver = NULL;
}

static struct look *look_of(struct mx_looks *l, const json_t *answer, long line)
{
	const json_t *hosts = value_at(answer, "domain.policy.mx"), *host;
	struct look *one = xcalloc(1, sizeof(*one));
	size_t i;

	one->looks = l;
	one->line = line;
	one->name = xstrdup(text_at(answer, "name"));
	sts_mode_parse(text_at(answer, "domain.policy.mode"), &one->policy.mode,
		       NULL);
	json_array_foreach(hosts, i, host)
	{
		sts_policy_add_mx(&one->policy, json_string_value(host), NULL);
	}
	return one;
}

void mx_looks_add(struct mx_looks *l, const json_t *answer, long line)
{
	struct look *one;

	if (!json_is_true(value_at(answer, "changed")))
		return;
	if (!l->is_tried)
		begin(l);
	if (!l->resolver) {
		note_unseen(l, text_at(answer, "name"));
		return;
	}
	one = look_of(l, answer, line);
	l->under_way++;
	resolver_records(l->resolver, one->name, DNS_MX, on_mx, one);
	pump(l, AT_ONCE);
}

static void say_unseen(const struct mx_looks *l)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_AGAIN,
		"whether DNS sends mail elsewhere was not seen "
		"of %ld domain%s: no resolver answers",
		l->unseen, l->unseen == 1 ? "" : "s");
	err_hint(&err, "mtastsctl domain check %s looks again",
		 l->unseen == 1 ? l->unseen_name : "--all");
	say_failure(NULL, &err);
}

long mx_looks_free(struct mx_looks *l)
{
	long found;

	if (!l)
		return 0;
	if (l->resolver)
		pump(l, 0);
	if (l->unseen && !l->cli->options.json)
		say_unseen(l);
	found = l->found;
	resolver_free(l->resolver);
	loop_free(l->loop);
	free(l);
	return found;
}
