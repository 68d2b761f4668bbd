/*
 * The admin API's table of routes, and what lies between HTTP and a handler:
 * method, path, query, body, and the status of the answer.
 *
 * No sockets here: a request comes in as text, an answer goes out as JSON.
 * Control thread only.
 */
#ifndef DAEMON_ROUTES_H
#define DAEMON_ROUTES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "daemon/admin.h"

#define API_BODY_MAX (1024L * 1024)

/* Which socket it came through. */
enum door {
	DOOR_ADMIN,  /* may all */
	DOOR_READ,   /* may what changes nothing */
	DOOR_SUBMIT, /* may bring TLS reports, and nothing else */
	DOOR_METRICS /* by TCP: may scrape, and nothing else */
};

struct api_request {
	enum door door;
	const char *method;
	const char *target;	/* path and query, as sent */
	const char *body;
	size_t body_len;
	const char *actor;
	bool is_root; /* who calls, or was when it connected */
	time_t now;
	struct api_later *(*defer)(void *arg); /* daemon/api.h */
	void *defer_arg;
};

struct api_reply {
	int status;
	bool is_later;		/* there is no answer yet, and nothing below */
	json_t *body;		/* owned by the caller; or: */
	char *text;		/* the same, and its type */
	const char *text_type;
	char allow[64];		/* with 405: the methods there are */
};

void api_routes_answer(const struct admin_parts *parts,
		       const struct api_request *request,
		       struct api_reply *reply);

/*
 * Is it for those who want to know how things stand just now, whatever the
 * disk does? Such a request waits for nothing.
 */
bool api_routes_is_plain(const char *target);

/* The body of a failure, for what fails before it gets here. */
json_t *api_routes_error(const struct err *err);

#endif
