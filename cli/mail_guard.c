#include "cli/mail_guard.h"

#include <string.h>
#include <strings.h>

struct seen {
	size_t lines, marks, types;
	size_t headers; /* bytes of all of them */
	size_t header; /* bytes of the present one; 0: it is none */
};

static bool begins(const char *line, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && strncasecmp(line, with, n) == 0;
}

/* "Some-Word:" or "Some-Word :" */
static bool is_header(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && line[i] > ' ' && line[i] < 0x7f && line[i] != ':')
		i++;
	if (i == 0 || line[0] == '"' || line[0] == '{')
		return false;
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return i < len && line[i] == ':';
}

static void count_line(struct seen *s, const char *line, size_t len)
{
	bool goes_on = len && (line[0] == ' ' || line[0] == '\t');

	s->lines++;
	s->marks += begins(line, len, "--");
	s->types += begins(line, len, "content-type");
	if (!goes_on)
		s->header = is_header(line, len) ? len : 0;
	else if (s->header)
		s->header += len;
	if (s->header)
		s->headers += len;
}

static bool is_fine(const struct seen *s, struct err *err)
{
	const char *what = s->lines > MAIL_LINES_MAX	   ? "lines"
			   : s->marks > MAIL_MARKS_MAX	   ? "parts"
			   : s->types > MAIL_TYPES_MAX	   ? "content types"
			   : s->header > MAIL_HEADER_MAX   ? "bytes in a header"
			   : s->headers > MAIL_HEADERS_MAX ? "bytes of headers"
							   : NULL;

	return !what ||
	       err_set(err, ERR_REFUSED, "the message has too many %s", what);
}

bool mail_guard(const char *data, size_t len, struct err *err)
{
	struct seen s = { .lines = 0 };

	if (len > MAIL_BYTES_MAX)
		return err_set(err, ERR_REFUSED,
			       "the message is larger than %d bytes",
			       MAIL_BYTES_MAX);
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) + 1 : len;

		count_line(&s, data, n);
		if (!is_fine(&s, err))
			return false;
		data += n;
		len -= n;
	}
	return true;
}
