#include "daemon/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define SOCKET "/run/systemd/journal/socket"

bool journal_is_at(const char *stream, int fd)
{
	unsigned long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
	       fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static struct iovec part(char *text)
{
	return (struct iovec){ .iov_base = text, .iov_len = strlen(text) };
}

static bool send_line(int priority, const struct log_field *field,
		      const char *line)
{
	bool has_field = field && *field->value;
	char *texts[] = {
		xasprintf("MESSAGE=%s", line),
		xasprintf("PRIORITY=%d", priority),
		xasprintf("SYSLOG_IDENTIFIER=%s",
			  program_invocation_short_name),
		has_field ? xasprintf("%s=%s", field->name, field->value)
			  : NULL,
	};
	struct iovec parts[ARRAY_LEN(texts)];
	int n = 0;
	bool ok;

	for (size_t i = 0; i < ARRAY_LEN(texts) && texts[i]; i++)
		parts[n++] = part(texts[i]);
	ok = sd_journal_sendv(parts, n) == 0;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	return ok;
}

/* libsystemd calls it a success where there is no socket. */
void journal_open(void)
{
	if (journal_is_at(getenv("JOURNAL_STREAM"), STDERR_FILENO) &&
	    access(SOCKET, W_OK) == 0)
		log_to(send_line);
}
