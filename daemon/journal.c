/*
 * systemd.io/JOURNAL_NATIVE_PROTOCOL: one datagram is one line of the log, in
 * it a line for each field. Nothing of ours has a newline, for the log makes
 * it printable first.
 *
 * sd_journal_send() would do the same, but it waits for a journal whose queue
 * is full, and no thread of ours may: such a line goes to standard error, as
 * all of them do elsewhere, but is not waited for there either (base/log.c).
 */
#include "daemon/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define ENTRY_MAX 8192

static const struct sockaddr_un journal = {
	.sun_family = AF_UNIX,
	.sun_path = "/run/systemd/journal/socket",
};
static int to_journal = -1;

bool journal_is_at(const char *stream, int fd)
{
	unsigned long device, inode;
	struct stat st;
	char *after;

	if (!stream || fstat(fd, &st) != 0)
		return false;
	device = strtoul(stream, &after, 10);
	if (after == stream || *after != ':')
		return false;
	inode = strtoul(after + 1, NULL, 10);
	return st.st_dev == device && st.st_ino == inode;
}

static bool send_line(int priority, const struct log_field *field,
		      const char *line)
{
	bool has_field = field && *field->value;
	char entry[ENTRY_MAX];
	int n = snprintf(entry, sizeof(entry),
			 "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n"
			 "%s%s%s%s",
			 line, priority, program_invocation_short_name,
			 has_field ? field->name : "", has_field ? "=" : "",
			 has_field ? field->value : "", has_field ? "\n" : "");

	return n > 0 && (size_t)n < sizeof(entry) &&
	       sendto(to_journal, entry, (size_t)n, MSG_NOSIGNAL,
		      (const struct sockaddr *)&journal, sizeof(journal)) == n;
}

void journal_open(void)
{
	if (to_journal >= 0 ||
	    !journal_is_at(getenv("JOURNAL_STREAM"), STDERR_FILENO))
		return;
	to_journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			    0);
	if (to_journal >= 0)
		log_to(send_line);
}
