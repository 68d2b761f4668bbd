#include "cli/database_head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static uint32_t number_at(const unsigned char *head, size_t at)
{
	return (uint32_t)head[at] << 24 | (uint32_t)head[at + 1] << 16 |
	       (uint32_t)head[at + 2] << 8 | head[at + 3];
}

static uint64_t page_size(const unsigned char *head)
{
	uint64_t size = (uint64_t)head[16] << 8 | head[17];

	return size == 1 ? 65536 : size;
}

static enum database_look bad(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return DATABASE_BAD;
}

enum database_look database_head_judge(const unsigned char *head, size_t len,
				       uint64_t size, bool has_log, char *why,
				       size_t why_size)
{
	static const char magic[16] = "SQLite format 3";
	uint64_t page;

	if (!size)
		return DATABASE_GOOD;
	if (len < DATABASE_HEAD || memcmp(head, magic, sizeof(magic)) != 0)
		return bad(why, why_size, "it is no database");
	page = page_size(head);
	if (page < 512 || (page & (page - 1)))
		return bad(why, why_size, "its head is garbled");
	/* who wrote the count wrote the counter beside it, too */
	if (!has_log && number_at(head, 24) == number_at(head, 92) &&
	    number_at(head, 28) * page > size)
		return bad(why, why_size, "it is cut off");
	return DATABASE_GOOD;
}

static bool has_log(const char *path)
{
	char *log = xasprintf("%s-wal", path);
	struct stat st;
	bool has = stat(log, &st) == 0 && st.st_size > 0;

	free(log);
	return has;
}

enum database_look database_head_look(const char *path, char *why, size_t size)
{
	unsigned char head[DATABASE_HEAD];
	FILE *f = fopen(path, "re");
	struct stat st;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0) {
		snprintf(why, size, "%s", strerror(errno));
		if (f)
			fclose(f);
		return DATABASE_UNSEEN;
	}
	n = fread(head, 1, sizeof(head), f);
	fclose(f);
	return database_head_judge(head, n, (uint64_t)st.st_size, has_log(path),
				   why, size);
}
