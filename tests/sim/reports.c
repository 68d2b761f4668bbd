#include "tests/sim/reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "policy/report_content.h"
#include "store/policy_version.h"
#include "tests/sim/scratch.h"

#define FILE_MAX 65536

static char *read_file(const char *path, size_t *len)
{
	FILE *from = fopen(path, "rb");
	char *text = xcalloc(1, FILE_MAX);

	must(from, NULL);
	*len = fread(text, 1, FILE_MAX, from);
	fclose(from);
	return text;
}

struct tls_report reports_read(const char *name)
{
	char *path = xasprintf("tests/data/reports/%s.json", name);
	struct err err = ERR_INIT;
	struct tls_report r;
	size_t len;
	char *text = read_file(path, &len);

	must(tls_report_parse(&r, text, len, &err), &err);
	free(text);
	free(path);
	return r;
}

struct domain reports_shop(struct store *s, time_t now)
{
	struct domain d = { .name = "shop.test",
			    .created_at = now,
			    .state_at = now };
	struct err err = ERR_INIT;

	must(domain_insert(s, &d, &err), &err);
	reports_publish(s, &d, "mx1.shop.test mx2.shop.test", now);
	return d;
}

void reports_publish(struct store *s, struct domain *d, const char *mx,
		     time_t now)
{
	struct sts_policy p = { .mode = STS_TESTING, .max_age = 604800 };
	char *names = xstrdup(mx), *rest = NULL;
	struct err err = ERR_INIT;
	bool changed;

	for (char *one = strtok_r(names, " ", &rest); one;
	     one = strtok_r(NULL, " ", &rest))
		must(sts_policy_add_mx(&p, one, &err), &err);
	must(policy_version_publish(s, d, &p, now, &changed, &err), &err);
	sts_policy_release(&p);
	free(names);
}

bool reports_add(struct store *s, const struct domain *d,
		 const struct tls_report *r, time_t received)
{
	size_t *all = xcalloc(r->policy_count + 1, sizeof(*all));
	unsigned char content[REPORT_CONTENT_SIZE];
	struct report_entry e = { .domain_id = d->id,
				  .report = r,
				  .policy = all,
				  .policy_count = r->policy_count,
				  .received = received,
				  .content = content };
	struct err err = ERR_INIT;
	enum report_novelty is;

	must(report_content(r, content, &err), &err);
	for (size_t i = 0; i < r->policy_count; i++)
		all[i] = i;
	must(report_add(s, &e, &is, &err), &err);
	free(all);
	return is == REPORT_NEW;
}

struct tls_report reports_make(const char *organization, const char *id,
			       time_t begin, long successful, long failed)
{
	struct tls_report r = { .organization = xstrdup(organization),
				.id = xstrdup(id),
				.contact = xstrdup(""),
				.begin = begin,
				.end = begin + WHEN_DAY - 1,
				.policy = xcalloc(1, sizeof(*r.policy)),
				.policy_count = 1 };

	r.policy->type = TLS_POLICY_STS;
	r.policy->successful = successful;
	r.policy->failed = failed;
	r.policy->type_text = xstrdup("");
	r.policy->domain_text = xstrdup("");
	r.policy->policy = xstrdup("");
	r.policy->mx = xstrdup("");
	return r;
}

void reports_fail(struct tls_report *r, enum tls_result result,
		  const char *mx_host, long sessions)
{
	struct tls_report_policy *p = r->policy;
	struct tls_failure f = { .result = result,
				 .result_text = xstrdup(""),
				 .sending_ip = xstrdup("192.0.2.1"),
				 .receiving_ip = xstrdup(""),
				 .mx_host = xstrdup(mx_host),
				 .mx_helo = xstrdup(""),
				 .sessions = sessions,
				 .additional = xstrdup(""),
				 .reason = xstrdup("") };

	p->failure = xrealloc_array(p->failure, p->failure_count + 1,
				    sizeof(f));
	p->failure[p->failure_count++] = f;
	r->failure_count++;
}
