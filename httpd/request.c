#include "httpd/request.h"

#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

#include "base/str.h"

static enum request_method method_of(const struct evhttp_request *from)
{
	switch ((unsigned)evhttp_request_get_command(from)) {
	case EVHTTP_REQ_GET:
		return REQUEST_GET;
	case EVHTTP_REQ_HEAD:
		return REQUEST_HEAD;
	case EVHTTP_REQ_POST:
		return REQUEST_POST;
	default:
		return REQUEST_OTHER;
	}
}

/* NULL if there is none, or more than one (RFC 9112, 3.2). */
static const char *only_host(const struct evkeyvalq *headers)
{
	const char *host = NULL;
	const struct evkeyval *h;

	TAILQ_FOREACH(h, headers, next) {
		if (!streq_case(h->key, "Host"))
			continue;
		if (host)
			return NULL;
		host = h->value;
	}
	return host;
}

void request_read(struct request *r, struct evhttp_request *from)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(from);
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(
		from);
	const char *header = only_host(headers);
	const char *authority = evhttp_uri_get_host(uri);

	*r = (struct request){ .method = method_of(from),
			       .path = "",
			       .length = -1 };
	r->agent = evhttp_find_header(headers, "User-Agent");
	r->content_type = evhttp_find_header(headers, "Content-Type");
	r->has_host = header != NULL;
	if (header)
		host_of_header(header, r->host);
	if (evhttp_uri_get_scheme(uri) && authority)
		host_of_header(authority, r->host);	/* RFC 9112, 3.2.2 */
	else if (authority)
		return;		/* "//name/path" is no path of ours */
	if (evhttp_uri_get_path(uri))
		r->path = evhttp_uri_get_path(uri);
	r->query = evhttp_uri_get_query(uri);
}
