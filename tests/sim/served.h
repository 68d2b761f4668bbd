/*
 * A httpd on loopback, on ports that are free: for tests of serving.
 */
#ifndef TESTS_SIM_SERVED_H
#define TESTS_SIM_SERVED_H

#include "httpd/server.h"

/* Two serving threads, a hundred connections, twenty seconds. */
struct httpd_options served_usual(const char *state_dir);

/*
 * Where it listens: by TLS, and by plain HTTP unless `http_port` is NULL. To be
 * bound before the start, for who wants to be there first; else it is then.
 */
void served_bind(struct httpd_options *o, unsigned *https_port,
		 unsigned *http_port);
struct httpd *served_start(struct httpd_options *o, unsigned *https_port,
			   unsigned *http_port);

#endif
