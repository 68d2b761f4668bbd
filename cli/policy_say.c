#include "cli/policy_say.h"

#include <stdio.h>

#include "base/str.h"
#include "cli/say.h"

void policy_say_set(const json_t *answer)
{
	const json_t *policy = value_at(answer, "domain.policy");
	const char *name = text_at(answer, "name");

	if (!json_is_true(value_at(answer, "changed"))) {
		printf("%s: already so, mode %s\n", name,
		       text_at(policy, "mode"));
		return;
	}
	printf("%s: version %lld, mode %s; %s publish: "
	       "_mta-sts.%s. TXT \"v=STSv1; id=%s;\"\n", name,
	       json_integer_value(value_at(policy, "version")),
	       text_at(policy, "mode"),
	       streq(text_at(answer, "domain.state"), "live") ? "now"
							      : "once live",
	       name, text_at(policy, "id"));
}
