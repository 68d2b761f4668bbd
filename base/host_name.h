/*
 * The name of this machine, as other machines should know it: qualified, if
 * the resolver of the system says how.
 *
 * That may take long, or for ever, and cannot be broken off. So it is asked
 * in a thread that nobody waits for, and until it has answered the name is
 * not known. Any thread.
 */
#ifndef BASE_HOST_NAME_H
#define BASE_HOST_NAME_H

#include <stdbool.h>

#define HOST_NAME_SIZE 254

/* Has it asked, unless it is known or is being asked already. */
void host_name_ask(void);

/* False, and "" in `out`, while it is not known. */
bool host_name_known(char out[static HOST_NAME_SIZE]);

/* A name by which others can find it, or one of this machine only? */
bool host_name_is_full(const char *name);

#endif
