#include "acme/arrival.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static bool is_ours(const struct engine_settings *s, const char *address)
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
	return err_hint(err, "%.100s must have only addresses of this box (%s); "
			     "if it is one, add it to public_addresses in "
			     "mtastsd.conf", host, ours);
}

static bool family_is_ours(const char *host, const char *type,
			   const struct dns_addresses *found,
			   const struct engine_settings *s, struct err *err)
{
	for (size_t i = 0; i < found->count; i++) {
		if (is_ours(s, found->address[i]))
			continue;
		err_set(err, ERR_AGAIN, "%s has the %s record %s, which is not "
					"this box", host, type,
			found->address[i]);
		return hint_address(host, s, err);
	}
	return true;
}

static bool has_failed(const struct dns_view *v)
{
	return v->a.outcome == DNS_FAILED || v->aaaa.outcome == DNS_FAILED;
}

static bool view_leads_here(const char *host, const struct dns_view *v,
			    const struct engine_settings *s, struct err *err)
{
	if (v->a.count + v->aaaa.count == 0) {
		err_set(err, ERR_AGAIN, v->a.outcome == DNS_NO_NAME
			? "%s does not exist in DNS yet (asked %s)"
			: "%s has neither an A nor an AAAA record yet "
			  "(asked %s)", host, v->server);
		return err_hint(err, "mtastsctl domain records %s prints the "
				     "records to publish",
				str_starts(host, "mta-sts.") ? host + 8 : host);
	}
	return family_is_ours(host, "A", &v->a, s, err) &&
	       family_is_ours(host, "AAAA", &v->aaaa, s, err);
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
