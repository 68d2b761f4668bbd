#include "cli/doctor_user.h"

#include <pwd.h>
#include <stdio.h>

#include "base/str.h"

#define ENTRY_MAX 4096

bool doctor_user_named(const char *name, struct doctor_user *out)
{
	struct passwd entry, *found = NULL;
	char text[ENTRY_MAX];

	if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return false;
	out->uid = found->pw_uid;
	return str_copy(out->name, sizeof(out->name), name);
}

void doctor_user_of(uid_t uid, struct doctor_user *out)
{
	struct passwd entry, *found = NULL;
	char text[ENTRY_MAX];

	out->uid = uid;
	if (getpwuid_r(uid, &entry, text, sizeof(text), &found) != 0 ||
	    !found ||
	    !str_copy(out->name, sizeof(out->name), found->pw_name))
		snprintf(out->name, sizeof(out->name), "uid %lu",
			 (unsigned long)uid);
}
