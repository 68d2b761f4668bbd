#include "acme/revoke_reason.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
	int number;
	const char *name;
} reasons[] = {
	{ REVOKE_UNSPECIFIED, "unspecified" },
	{ REVOKE_KEY_COMPROMISE, "keyCompromise" },
	{ 3, "affiliationChanged" },
	{ 4, "superseded" },
	{ 5, "cessationOfOperation" },
	{ 9, "privilegeWithdrawn" },
};

const char *revoke_reason_name(int reason)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].number == reason)
			return reasons[i].name;
	return "unknown";
}

bool revoke_reason_parse(const char *name, int *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (!streq_case(reasons[i].name, name))
			continue;
		*reason = reasons[i].number;
		return true;
	}
	return false;
}
