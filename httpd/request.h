/*
 * What a request asks for: all that routing looks at.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include <stdbool.h>

#include "httpd/host.h"

enum door {
	DOOR_HTTPS,	/* port 443: policies */
	DOOR_HTTP	/* port 80: challenges, and the way to 443 */
};

enum request_method { REQUEST_GET, REQUEST_HEAD, REQUEST_POST, REQUEST_OTHER };

/* Texts are borrowed from what it was read from. */
struct request {
	enum door door;
	enum request_method method;
	const char *path;	/* as it was sent, escapes and all */
	const char *query;	/* behind the "?", or NULL */
	bool has_host;		/* exactly one Host */
	char host[DOMAIN_NAME_SIZE];	/* empty if it is no DNS name */
	const char *agent;		/* User-Agent, or NULL */
	const char *sni;	/* DOOR_HTTPS: the name of the handshake */
	const char *content_type; /* as it was sent, or NULL */
	long length;		  /* Content-Length; -1: it is not said */
};

#endif
