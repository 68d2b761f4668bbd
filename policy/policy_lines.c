#include "policy/policy_lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

static bool add_line(struct buf *lines, const char *text, size_t len)
{
	char *line = utf8_plain(text, len, len);
	size_t need = strlen(line) + (lines->len > 0);
	bool fits = !*line || need <= lines->max - lines->len;

	if (*line && fits) {
		if (lines->len)
			buf_puts(lines, "\n");
		buf_puts(lines, line);
	}
	free(line);
	return fits;
}

bool policy_lines_add(struct buf *lines, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			stop = end;
		if (!add_line(lines, text, (size_t)(stop - text)))
			return false;
		text = stop + 1;
	}
	return true;
}

/* "mx:  Mail.Example.COM " to "mx:mail.example.com", in place. */
static void squeeze(char *line)
{
	char *to = line;

	for (const char *from = line; *from; from++)
		if (!isspace((unsigned char)*from))
			*to++ = *from;
	*to = '\0';
	str_lower(line);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its lines, that are cut out of it; the caller frees the array. */
static char **split(char *text, size_t *count)
{
	char **line = NULL, *rest = NULL;
	size_t n = 0;

	for (char *one = strtok_r(text, "\n", &rest); one;
	     one = strtok_r(NULL, "\n", &rest)) {
		squeeze(one);
		if (!*one)
			continue;
		if ((n & (n - 1)) == 0)
			line = xrealloc_array(line, n ? 2 * n : 1,
					      sizeof(*line));
		line[n++] = one;
	}
	*count = n;
	return line;
}

char *policy_lines_key(const char *text)
{
	char *copy = xstrdup(text), *key = xmalloc(strlen(text) + 2);
	char *end = key;
	size_t count;
	char **line = split(copy, &count);

	if (count)
		qsort(line, count, sizeof(*line), by_text);
	for (size_t i = 0; i < count; i++) {
		if (i)
			*end++ = '\n';
		end = stpcpy(end, line[i]);
	}
	*end = '\0';
	free(line);
	free(copy);
	return key;
}
