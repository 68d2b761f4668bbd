#include "tests/sim/served.h"

#include "httpd/listener.h"
#include "tests/sim/scratch.h"

struct httpd_options served_usual(const char *state_dir)
{
	return (struct httpd_options){
		.state_dir = state_dir,
		.workers = 2,
		.max_connections = 100,
		.max_per_address = 100,
		.deadline_ms = 20000,
		.cache_bytes = 1 << 20,
	};
}

static unsigned bind_one(int *fd, size_t *count)
{
	struct err err = ERR_INIT;

	*fd = listener_bind("127.0.0.1:0", &err);
	must(*fd >= 0, &err);
	*count = 1;
	return listener_port(*fd);
}

void served_bind(struct httpd_options *o, unsigned *https_port,
		 unsigned *http_port)
{
	*https_port = o->https_port = bind_one(&o->https_fds[0],
					       &o->https_count);
	if (http_port)
		*http_port = bind_one(&o->http_fds[0], &o->http_count);
}

struct httpd *served_start(struct httpd_options *o, unsigned *https_port,
			   unsigned *http_port)
{
	struct err err = ERR_INIT;
	struct httpd *httpd;

	if (!o->https_count)
		served_bind(o, https_port, http_port);
	httpd = httpd_start(o, &err);
	must(httpd, &err);
	return httpd;
}
