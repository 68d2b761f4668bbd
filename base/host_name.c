#include "base/host_name.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

/* `lock` guards both. */
static struct {
	pthread_mutex_t lock;
	bool is_asked; /* a thread is at it */
	char name[HOST_NAME_SIZE];
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool host_name_is_full(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.";
	const char *dot = strchr(name, '.');

	return dot && dot != name && dot[1] && strlen(name) < HOST_NAME_SIZE &&
	       name[strspn(name, allowed)] == '\0' &&
	       !str_starts(name, "localhost") &&
	       strspn(name, "0123456789.") < strlen(name);
}

/* The system's canonical name for the one it was given. */
static void find(char out[static HOST_NAME_SIZE])
{
	const struct addrinfo wanted = { .ai_flags = AI_CANONNAME,
					 .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	if (gethostname(out, HOST_NAME_SIZE - 1) != 0)
		out[0] = '\0';
	if (!*out || host_name_is_full(out) ||
	    getaddrinfo(out, NULL, &wanted, &found) != 0)
		return;
	if (found->ai_canonname && host_name_is_full(found->ai_canonname))
		snprintf(out, HOST_NAME_SIZE, "%s", found->ai_canonname);
	freeaddrinfo(found);
}

static void *ask(void *arg)
{
	char name[HOST_NAME_SIZE] = "";

	(void)arg;
	find(name);
	pthread_mutex_lock(&known.lock);
	if (host_name_is_full(name))
		memcpy(known.name, name, sizeof(name));
	known.is_asked = false;
	pthread_mutex_unlock(&known.lock);
	return NULL;
}

void host_name_ask(void)
{
	pthread_t thread;

	pthread_mutex_lock(&known.lock);
	if (!*known.name && !known.is_asked &&
	    pthread_create(&thread, NULL, ask, NULL) == 0) {
		pthread_detach(thread);
		known.is_asked = true;
	}
	pthread_mutex_unlock(&known.lock);
}

bool host_name_known(char out[static HOST_NAME_SIZE])
{
	pthread_mutex_lock(&known.lock);
	memcpy(out, known.name, HOST_NAME_SIZE);
	pthread_mutex_unlock(&known.lock);
	return *out != '\0';
}
