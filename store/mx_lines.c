#include "store/mx_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

bool mx_lines_read(const char *lines, struct sts_policy *p)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		char *pattern = xstrndup(lines, len);
		bool ok = sts_policy_add_mx(p, pattern, NULL);

		free(pattern);
		if (!ok)
			return false;
		lines += len + (lines[len] == '\n');
	}
	return true;
}

char *mx_lines_write(const struct sts_policy *p)
{
	struct buf b;
	char *text;

	buf_init(&b, STS_BODY_MAX);
	for (size_t i = 0; i < p->mx_count; i++)
		buf_printf(&b, "%s%s", i ? "\n" : "", p->mx[i]);
	text = buf_take(&b);
	buf_release(&b);
	return text;
}
