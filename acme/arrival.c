#include "acme/arrival.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* The addresses that are not ours, in words, as far as they fit. */
struct strangers {
	char text[208];		/* so that the rest of the error fits */
	size_t count, unnamed;
};

bool arrival_is_ours(const struct engine_settings *s, const char *address)
{
	for (size_t i = 0; i < s->address_count; i++)
		if (streq_case(s->address[i], address))
			return true;
	return false;
}

static void list_ours(const struct engine_settings *s, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < s->address_count; i++) {
		size_t used = strlen(out);

		snprintf(out + used, size - used, "%s%s", i ? ", " : "",
			 s->address[i]);
	}
}

static bool hint_address(const char *host, const struct engine_settings *s,
			 struct err *err)
{
	char ours[112];	/* so that the rest of the hint fits */

	list_ours(s, ours, sizeof(ours));
	return err_hint(err,
			"%.100s must have only addresses of this box (%s); "
			"if it is one, name all of them in "
			"public_addresses of mtastsd.conf",
			host, ours);
}

static void add_stranger(struct strangers *o, const char *type,
			 const char *address)
{
	size_t used = strlen(o->text);
	char one[DNS_ADDRESS_TEXT + 24];

	snprintf(one, sizeof(one), "%sthe %s record %s", o->count ? ", " : "",
		 type, address);
	if (used + strlen(one) < sizeof(o->text))
		memcpy(o->text + used, one, strlen(one) + 1);
	else
		o->unnamed++;
	o->count++;
}

static void add_strangers(struct strangers *o, const char *type,
			  const struct dns_addresses *found,
			  const struct engine_settings *s)
{
	for (size_t i = 0; i < found->count; i++)
		if (!arrival_is_ours(s, found->address[i]))
			add_stranger(o, type, found->address[i]);
}

static bool all_are_ours(const char *host, const struct dns_view *v,
			 const struct engine_settings *s, struct err *err)
{
	struct strangers o = { .count = 0 };
	char more[32] = "";

	add_strangers(&o, "A", &v->a, s);
	add_strangers(&o, "AAAA", &v->aaaa, s);
	if (!o.count)
		return true;
	if (o.unnamed)
		snprintf(more, sizeof(more), " and %zu more", o.unnamed);
	err_set(err, ERR_AGAIN, "%s has %s%s, which %s not this box", host,
		o.text, more, o.count == 1 ? "is" : "are");
	return hint_address(host, s, err);
}

static bool has_failed(const struct dns_view *v)
{
	return v->a.outcome == DNS_FAILED || v->aaaa.outcome == DNS_FAILED;
}

/* The record is there, and what it names is not: another zone's matter. */
static bool leads_nowhere(const char *host, const struct dns_view *v,
			  struct err *err)
{
	err_set(err, ERR_AGAIN,
		v->a.outcome == DNS_NO_NAME
			? "%.150s is a CNAME to %.150s, which does not exist "
			  "(asked %s)"
			: "%.150s is a CNAME to %.150s, which has neither an A "
			  "nor an AAAA record (asked %s)",
		host, v->a.alias, v->server);
	return err_hint(err,
			"give %.200s the A and AAAA records of this box, "
			"or correct the CNAME",
			v->a.alias);
}

static bool view_leads_here(const char *host, const struct dns_view *v,
			    const struct engine_settings *s, struct err *err)
{
	if (*v->a.alias && v->a.count + v->aaaa.count == 0)
		return leads_nowhere(host, v, err);
	if (v->a.count + v->aaaa.count == 0) {
		err_set(err, ERR_AGAIN, v->a.outcome == DNS_NO_NAME
			? "%s does not exist in DNS yet (asked %s)"
			: "%s has neither an A nor an AAAA record yet "
			  "(asked %s)", host, v->server);
		return err_hint(err, "mtastsctl domain records %s prints the "
				     "records to publish",
				str_starts(host, "mta-sts.") ? host + 8 : host);
	}
	return all_are_ours(host, v, s, err);
}

static bool too_few(const char *host, const struct dns_answer *answer,
		    struct err *err)
{
	const struct dns_view *v = answer->view;
	size_t i = 0;

	while (i < answer->count && !has_failed(&v[i]))
		i++;
	if (i == answer->count)
		return err_set(err, ERR_AGAIN, "%s: no resolver to ask", host);
	err_set(err, ERR_AGAIN, "%s: resolver %s did not answer (%s)", host,
		v[i].server,
		v[i].a.outcome == DNS_FAILED ? v[i].a.problem
					     : v[i].aaaa.problem);
	return err_hint(err, "check the resolvers key of mtastsd.conf, or "
			     "/etc/resolv.conf, and the zone's name servers");
}

bool arrival_leads_here(const char *host, const struct dns_answer *answer,
			const struct engine_settings *settings,
			struct err *err)
{
	size_t agree = 0, need = answer->count > 1 ? 2 : 1;

	for (size_t i = 0; i < answer->count; i++) {
		if (has_failed(&answer->view[i]))
			continue;
		if (!view_leads_here(host, &answer->view[i], settings, err))
			return false;
		agree++;
	}
	return agree >= need || too_few(host, answer, err);
}
