#include "policy/preset.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define MICROSOFT ".mail.protection.outlook.com"
#define TOKEN_MAX 63 /* one label */

struct preset {
	const char *name, *about;
	bool (*apply)(const char *domain, struct sts_policy *p,
		      struct err *err);
};

/*
 * contoso.com receives at contoso-com.mail.protection.outlook.com. A hyphen
 * in the domain, though, is dropped there and coded behind (my-mail.com at
 * mymail-com...), by a rule that Microsoft does not publish, as for over-long
 * names. Microsoft's own advice, a wildcard, covers these: a tenant of another
 * does not get a domain's mail, whichever of the hosts is used.
 */
static bool apply_m365(const char *domain, struct sts_policy *p,
		       struct err *err)
{
	char host[TOKEN_MAX + sizeof(MICROSOFT)];
	size_t len = strlen(domain);

	if (strchr(domain, '-') || len > TOKEN_MAX)
		return sts_policy_add_mx(p, "*" MICROSOFT, err);
	for (size_t i = 0; i < len; i++)
		host[i] = domain[i] == '.' ? '-' : domain[i];
	memcpy(host + len, MICROSOFT, sizeof(MICROSOFT));
	return sts_policy_add_mx(p, host, err);
}

/* New domains have the first one only; those from before 2023 the others. */
static bool apply_google(const char *domain, struct sts_policy *p,
			 struct err *err)
{
	static const char *const hosts[] = {
		"smtp.google.com",         "aspmx.l.google.com",
		"alt1.aspmx.l.google.com", "alt2.aspmx.l.google.com",
		"alt3.aspmx.l.google.com", "alt4.aspmx.l.google.com",
		"aspmx2.googlemail.com",   "aspmx3.googlemail.com",
		"aspmx4.googlemail.com",   "aspmx5.googlemail.com",
	};

	(void)domain;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (!sts_policy_add_mx(p, hosts[i], err))
			return false;
	return true;
}

static const struct preset presets[] = {
	{ .name = "m365",
	  .about =
		  "Microsoft 365 (mail.protection.outlook.com; for hosts under "
		  "mx.microsoft name the host instead)",
	  .apply = apply_m365 },
	{ .name = "google",
	  .about = "Google Workspace (smtp.google.com and the older aspmx "
		   "hosts)",
	  .apply = apply_google },
};

static bool refuse_unknown(const char *name, struct err *err)
{
	char *shown = str_quoted(name, 40);
	struct buf list;

	buf_init(&list, sizeof(err->hint));
	for (size_t i = 0; i < ARRAY_LEN(presets); i++)
		buf_printf(&list, "%s%s", i ? " or " : "", presets[i].name);
	err_set(err, ERR_INPUT, "there is no preset %s", shown);
	err_hint(err, "write %s, or name the mx hosts", list.data);
	buf_release(&list);
	free(shown);
	return false;
}

bool preset_apply(const char *name, const char *domain, struct sts_policy *p,
		  struct err *err)
{
	struct sts_policy grown;

	for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
		if (!streq(presets[i].name, name))
			continue;
		sts_policy_copy(&grown, p);
		if (!presets[i].apply(domain, &grown, err)) {
			sts_policy_release(&grown);
			return false;
		}
		sts_policy_release(p);
		*p = grown;
		return true;
	}
	return refuse_unknown(name, err);
}

const char *preset_name(size_t i)
{
	return i < ARRAY_LEN(presets) ? presets[i].name : NULL;
}

const char *preset_about(size_t i)
{
	return i < ARRAY_LEN(presets) ? presets[i].about : NULL;
}
