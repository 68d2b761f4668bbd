#include "httpd/head_look.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void note_host(struct request *r, const char *value)
{
	if (r->has_host)
		return; /* a second one: evhttp's side refuses it */
	r->has_host = true;
	host_of_header(value, r->host);
}

static void note_header(struct request *r, const char *name, const char *value)
{
	if (streq_case(name, "Host"))
		note_host(r, value);
	else if (streq_case(name, "Content-Type"))
		r->content_type = value;
	else if (streq_case(name, "Content-Length") &&
		 !str_to_long(value, strlen(value), LONG_MAX, &r->length))
		r->length = -1;
}

static void note_line(struct request *r, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon)
		return;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && strchr(" \t\r", end[-1]))
		*--end = '\0';
	note_header(r, line, value);
}

/* "POST /path HTTP/1.1" */
static bool note_target(struct head_look *l, char *line)
{
	struct request *r = &l->request;
	const char *authority;
	char *target;

	if (!str_starts(line, "POST "))
		return false;
	target = line + 5;
	target[strcspn(target, " \r")] = '\0';
	l->uri = evhttp_uri_parse_with_flags(target, EVHTTP_URI_NONCONFORMANT);
	if (!l->uri)
		return false;
	authority = evhttp_uri_get_host(l->uri);
	if (authority && !evhttp_uri_get_scheme(l->uri))
		return true; /* "//name/path" is no path of ours */
	if (authority) {
		r->has_host = true;
		host_of_header(authority, r->host);
	}
	if (evhttp_uri_get_path(l->uri))
		r->path = evhttp_uri_get_path(l->uri);
	return true;
}

bool head_look(struct head_look *l, const char *head, size_t len)
{
	char *rest, *line;

	*l = (struct head_look){
		.request = { .method = REQUEST_POST, .path = "", .length = -1 },
		.text = xstrndup(head, len),
	};
	rest = l->text;
	line = strsep(&rest, "\n");
	if (!note_target(l, line)) {
		head_look_release(l);
		return false;
	}
	while ((line = strsep(&rest, "\n")) != NULL)
		note_line(&l->request, line);
	return true;
}

void head_look_release(struct head_look *l)
{
	if (l->uri)
		evhttp_uri_free(l->uri);
	free(l->text);
	*l = (struct head_look){ .text = NULL };
}
