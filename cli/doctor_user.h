/*
 * Users by name and by number, from any thread.
 */
#ifndef CLI_DOCTOR_USER_H
#define CLI_DOCTOR_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct doctor_user {
	uid_t uid;
	char name[64];	/* or "uid 123" */
};

/* False: there is none of this name. */
bool doctor_user_named(const char *name, struct doctor_user *out);

void doctor_user_of(uid_t uid, struct doctor_user *out);

#endif
