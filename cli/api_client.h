/*
 * The daemon's admin API, called one request at a time over its unix socket.
 */
#ifndef CLI_API_CLIENT_H
#define CLI_API_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "cli/exit_code.h"

struct api;

/*
 * Nothing is connected yet. `socket_path` is borrowed. With `for_people` the
 * answers' texts are made fit for a terminal (cli/clean.h).
 */
struct api *api_new(const char *socket_path, bool for_people);
void api_free(struct api *a);

/* Where it is called. Borrowed. */
const char *api_socket(const struct api *a);

/*
 * For who leaves root behind before it calls: it is connected at once, as who it
 * is, if it is the submit socket. So the daemon knows for whom reports come, and
 * the connection is good for nothing else. Should it break, the next is made by
 * who that is by then.
 */
void api_connect_now(struct api *a);

/* From now on nothing is waited for any longer than this. */
void api_limit(struct api *a, long seconds);

/* From now on texts come as they are: they go into a file. */
void api_keep_exact(struct api *a);

/*
 * `body` may be NULL. On EXIT_FINE *answer is the caller's to decref; else
 * err says what the daemon said, or why it could not be reached and how that
 * is put right.
 */
enum exit_code api_do(struct api *a, const char *method, const char *path,
		      const json_t *body, json_t **answer, struct err *err);

/*
 * POSTs bytes that need be no JSON. *status is the HTTP status, or 0 if there
 * was no answer.
 */
enum exit_code api_send(struct api *a, const char *path, const void *data,
			size_t len, long *status, json_t **answer,
			struct err *err);

/*
 * POSTs, and has what comes back taken as it comes: any size. No time is too
 * long while something comes within ten minutes. If `take` says no, so does
 * this, and err is the caller's.
 */
typedef bool api_take(const void *data, size_t len, void *arg);
enum exit_code api_stream(struct api *a, const char *path, const json_t *body,
			  api_take *take, void *arg, struct err *err);

/* "/v1/domains/" NAME `rest`, the name escaped. The caller frees. */
char *api_domain_path(const char *name, const char *rest);

/* "/v1/cas/" NAME `rest`, and "/v1/templates/" NAME `rest`, in the same way. */
char *api_ca_path(const char *name, const char *rest);
char *api_template_path(const char *name, const char *rest);

/*
 * "PATH?KEY=VALUE" or "PATH&KEY=VALUE", the value escaped; `path` is freed
 * and the new one the caller's. A NULL value adds nothing.
 */
char *api_path_with(char *path, const char *key, const char *value);

#endif
