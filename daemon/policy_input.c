#include "daemon/policy_input.h"

#include "base/buf.h"
#include "base/when.h"
#include "policy/preset.h"

bool policy_input_has_mx(const struct policy_input *in)
{
	return in->preset || json_array_size(in->mx) > 0;
}

/* The list is replaced as a whole: naming hosts says which, not which more. */
static bool apply_mx(const struct policy_input *in, const char *domain,
		     struct sts_policy *p, struct err *err)
{
	struct sts_policy named = { .mode = p->mode, .max_age = p->max_age };
	const json_t *host;
	size_t i;

	if (in->preset && !preset_apply(in->preset, domain, &named, err))
		goto failed;
	json_array_foreach(in->mx, i, host) {
		if (!sts_policy_add_mx(&named, json_string_value(host), err))
			goto failed;
	}
	sts_policy_release(p);
	*p = named;
	return true;

failed:
	sts_policy_release(&named);
	return false;
}

bool policy_input_apply(const struct policy_input *in, const char *domain,
			struct sts_policy *p, struct err *err)
{
	if (in->mode && !sts_mode_parse(in->mode, &p->mode, err))
		return false;
	if (in->max_age >= 0)
		p->max_age = in->max_age;
	if ((in->mx || in->preset) && !apply_mx(in, domain, p, err))
		return false;
	return sts_policy_validate(p, err);
}

char *policy_input_describe(const struct sts_policy *p)
{
	char age[DURATION_TEXT], *text;
	struct buf b;

	buf_init(&b, STS_BODY_MAX);
	buf_printf(&b, "mode %s, max_age %s, mx", sts_mode_name(p->mode),
		   duration_format(p->max_age, age));
	for (size_t i = 0; i < p->mx_count; i++)
		buf_printf(&b, " %s", p->mx[i]);
	text = buf_take(&b);
	buf_release(&b);
	return text;
}
