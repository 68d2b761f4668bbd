#include "cli/policy_say.h"

#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "cli/say.h"

/*
 * Where the box has a zone of its own, it is not for a hand to do; but that the
 * name leads into it is the customer's word, and a record in its place is one
 * that nobody changes.
 */
void policy_say_record(const json_t *domain)
{
	const char *name = text_at(domain, "name");
	bool is_ours = json_is_object(value_at(domain, "publication"));

	if (!json_is_true(value_at(domain, "announce.may")))
		printf("%s: its _mta-sts TXT waits: %s; %s\n", name,
		       text_at(domain, "announce.why"),
		       text_at(domain, "announce.todo"));
	else if (is_ours)
		printf("%s: its id goes into your zone by itself; where "
		       "_mta-sts.%s is no CNAME into it, publish TXT "
		       "\"v=STSv1; id=%s;\"\n",
		       name, name, text_at(domain, "policy.id"));
	else
		printf("%s: now publish: _mta-sts.%s. TXT \"v=STSv1; "
		       "id=%s;\"\n",
		       name, name, text_at(domain, "policy.id"));
}

void policy_say_set(const json_t *answer)
{
	const json_t *policy = value_at(answer, "domain.policy");
	const char *name = text_at(answer, "name");

	if (!json_is_true(value_at(answer, "changed"))) {
		printf("%s: already so, mode %s\n", name,
		       text_at(policy, "mode"));
		return;
	}
	printf("%s: version %lld, mode %s\n", name,
	       json_integer_value(value_at(policy, "version")),
	       text_at(policy, "mode"));
	policy_say_record(value_at(answer, "domain"));
}

static bool is_of_policy(const char *field)
{
	return streq(field, "mode") || streq(field, "mx") ||
	       streq(field, "max_age");
}

void policy_say_changes(const json_t *answer)
{
	const json_t *changes = value_at(answer, "changes"), *one;
	size_t i;

	json_array_foreach(changes, i, one)
	{
		if (is_of_policy(text_at(one, "field")))
			printf("%s: %s: %s -> %s\n", text_at(answer, "name"),
			       text_at(one, "field"), text_at(one, "before"),
			       text_at(one, "after"));
	}
}

void policy_say_foreign(const json_t *domain)
{
	char when[WHEN_TEXT];

	if (*text_at(domain, "dns.txt.foreign_until"))
		printf("%s: but DNS has announced another host's policy: "
		       "senders may hold it for longer, until %s at the "
		       "latest\n",
		       text_at(domain, "name"),
		       when_at(domain, "dns.txt.foreign_until", time(NULL),
			       when));
}
