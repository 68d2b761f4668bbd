#include "cli/api_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/clean.h"
#include "cli/drop_root.h"

#define ANSWER_MAX	(64UL * 1024 * 1024)
#define CONNECT_SECONDS 5L
#define CALL_SECONDS	60L
#define STALL_SECONDS	600L

struct api {
	CURL *curl;
	const char *socket_path;
	bool for_people;
	long seconds; /* for a call */
	bool left_root;
	struct buf answer;
};

struct api *api_new(const char *socket_path, bool for_people)
{
	struct api *a = xcalloc(1, sizeof(*a));

	a->socket_path = socket_path;
	a->for_people = for_people;
	a->seconds = CALL_SECONDS;
	a->curl = curl_easy_init();
	buf_init(&a->answer, ANSWER_MAX);
	return a;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	curl_easy_cleanup(a->curl);
	buf_release(&a->answer);
	free(a);
}

const char *api_socket(const struct api *a)
{
	return a->socket_path;
}

void api_limit(struct api *a, long seconds)
{
	a->seconds = seconds;
}

void api_keep_exact(struct api *a)
{
	a->for_people = false;
}

/* ---- paths ---- */

static char *escaped(const char *text)
{
	char *from_curl = curl_easy_escape(NULL, text, 0);
	char *copy = xstrdup(from_curl ? from_curl : "");

	curl_free(from_curl);
	return copy;
}

static char *path_to(const char *kind, const char *name, const char *rest)
{
	char *safe = escaped(name);
	char *path = xasprintf("/v1/%s/%s%s", kind, safe, rest);

	free(safe);
	return path;
}

char *api_domain_path(const char *name, const char *rest)
{
	return path_to("domains", name, rest);
}

char *api_ca_path(const char *name, const char *rest)
{
	return path_to("cas", name, rest);
}

char *api_template_path(const char *name, const char *rest)
{
	return path_to("templates", name, rest);
}

char *api_path_with(char *path, const char *key, const char *value)
{
	char *safe, *longer;

	if (!value)
		return path;
	safe = escaped(value);
	longer = xasprintf("%s%c%s=%s", path, strchr(path, '?') ? '&' : '?',
			   key, safe);
	free(safe);
	free(path);
	return longer;
}

/* ---- when there is no answer ---- */

/* What connect() itself says: libcurl does not always keep it. */
static int connect_errno(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, saved = 0;

	if (strlen(path) >= sizeof(to.sun_path))
		return ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		saved = errno;
	close(fd);
	return saved;
}

static bool is_submit(const char *path)
{
	return str_ends(path, "/submit.sock");
}

/* The one beside it, in the same folder. */
static char *reading_socket(const char *path)
{
	const char *end = strrchr(path, '/');

	return xasprintf("%.*sread.sock", end ? (int)(end + 1 - path) : 0,
			 path);
}

static void hint_group(const char *path, struct err *err)
{
	const char *user = getenv("USER");
	char *reading = reading_socket(path);

	if (str_is_empty(user))
		user = "USER";
	if (getgrnam("mtasts-admin") || getgrnam("mtasts-read"))
		err_hint(err,
			 "be root (sudo), or in a group: adduser %.32s "
			 "mtasts-admin for everything; adduser %.32s "
			 "mtasts-read for looking, by --socket %.108s; then "
			 "log in again",
			 user, user, reading);
	else
		err_hint(err,
			 "be root (sudo); who is in a group mtasts-admin "
			 "(everything) or mtasts-read (looking, by --socket "
			 "%.108s) would be let in, but there is none: see "
			 "mtastsd(8)",
			 reading);
	free(reading);
}

static bool is_of_group(const char *path, gid_t group)
{
	struct stat st;

	return stat(path, &st) < 0 || st.st_gid == group;
}

/* Not even root is let in who became nobody, if the group is not. */
static void hint_submit(const char *path, struct err *err)
{
	const struct group *g = getgrnam(SUBMIT_GROUP);

	if (!g)
		err_hint(err, "there is no group mtasts-submit yet: groupadd "
			      "--system mtasts-submit; usermod -aG "
			      "mtasts-submit mtastsd; systemctl restart "
			      "mtastsd");
	else if (!is_of_group(path, g->gr_gid))
		err_hint(err, "mtastsd has not given its socket to the group: "
			      "usermod -aG mtasts-submit mtastsd, then restart "
			      "it");
	else
		err_hint(err, "be in the group mtasts-submit, or root: see "
			      "mtastsctl(1), report import");
}

static void not_connected(const struct api *a, struct err *err)
{
	const char *path = a->socket_path;
	int why = connect_errno(path);

	if (why == EACCES || why == EPERM) {
		err_set(err, ERR_REFUSED, "%s: permission denied", path);
		if (is_submit(path))
			hint_submit(path, err);
		else if (a->left_root)
			err_hint(err,
				 "root is left before mail is read: "
				 "without --socket it goes by submit.sock, "
				 "and root's is not rationed");
		else
			hint_group(path, err);
		return;
	}
	if (why == ENOENT || why == ECONNREFUSED)
		err_set(err, ERR_AGAIN, "mtastsd does not run: nothing answers "
					"at %s", path);
	else
		err_set(err, ERR_AGAIN, "mtastsd cannot be reached at %s: %s",
			path, strerror(why));
	err_hint(err, "start it: systemctl start mtastsd, or by hand: "
		      "mtastsd --user mtastsd; what keeps it from running: "
		      "mtastsctl doctor; another place: --socket PATH");
}

static void no_answer(struct api *a, CURLcode rc, struct err *err)
{
	if (rc == CURLE_COULDNT_CONNECT) {
		not_connected(a, err);
		return;
	}
	err_set(err, ERR_AGAIN, "mtastsd at %s gave no answer: %s",
		a->socket_path, curl_easy_strerror(rc));
	err_hint(err, "look at its log: journalctl -u mtastsd");
}

/* ---- the call ---- */

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	return buf_add(arg, data, size * count) ? size * count : 0;
}

/* What is sent with a request; `data` is NULL if that is nothing. */
struct payload {
	const char *type; /* a header */
	const void *data;
	size_t len;
};

static struct curl_slist *headers(const char *type)
{
	const char *sudo_user = getenv("SUDO_USER");
	struct curl_slist *list;
	char *line;

	list = curl_slist_append(NULL, type);
	list = curl_slist_append(list, "Expect:");
	if (geteuid() != 0 || str_is_empty(sudo_user))
		return list;
	line = xasprintf("X-Sudo-User: %s", sudo_user);
	list = curl_slist_append(list, line);
	free(line);
	return list;
}

/* Who takes what comes, piece by piece; an error is for us as ever. */
struct stream {
	struct api *api;
	api_take *take;
	void *arg;
	bool is_refused; /* by `take` */
};

static size_t on_stream(char *data, size_t size, size_t count, void *arg)
{
	struct stream *s = arg;
	long status = 0;

	curl_easy_getinfo(s->api->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return on_data(data, size, count, &s->api->answer);
	s->is_refused = !s->take(data, size * count, s->arg);
	return s->is_refused ? 0 : size * count;
}

static void receive_stream(struct api *a, struct stream *s)
{
	curl_easy_setopt(a->curl, CURLOPT_TIMEOUT, 0L);
	curl_easy_setopt(a->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(a->curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, s);
}

static CURLcode perform(struct api *a, const char *method, const char *path,
			const struct payload *body, struct stream *stream)
{
	char *url = xasprintf("http://mtastsd%s", path);
	struct curl_slist *list = headers(body->type);
	CURLcode rc;

	curl_easy_reset(a->curl);
	curl_easy_setopt(a->curl, CURLOPT_UNIX_SOCKET_PATH, a->socket_path);
	curl_easy_setopt(a->curl, CURLOPT_URL, url);
	curl_easy_setopt(a->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(a->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(a->curl, CURLOPT_TIMEOUT, a->seconds);
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, &a->answer);
	if (body->data) {
		curl_easy_setopt(a->curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)body->len);
		curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, body->data);
	}
	curl_easy_setopt(a->curl, CURLOPT_CUSTOMREQUEST, method);
	if (stream)
		receive_stream(a, stream);
	buf_clear(&a->answer);
	rc = curl_easy_perform(a->curl);
	curl_slist_free_all(list);
	free(url);
	return rc;
}

static const struct {
	const char *kind;
	enum err_kind as;
	enum exit_code code;
} kinds[] = {
	{ "again", ERR_AGAIN, EXIT_ERRORS },
	{ "looking", ERR_LOOKING, EXIT_TEMPFAIL },
	{ "refused", ERR_REFUSED, EXIT_REFUSED },
	{ "input", ERR_INPUT, EXIT_REFUSED },
	{ "not-found", ERR_NOT_FOUND, EXIT_REFUSED },
	{ "internal", ERR_INTERNAL, EXIT_ERRORS },
	{ "damaged", ERR_DAMAGED, EXIT_ERRORS },
};

static enum exit_code failure(const json_t *answer, long status,
			      struct err *err)
{
	const char *kind = "", *message = "", *hint = "";

	if (json_unpack((json_t *)answer, "{s:{s:s, s:s, s:s}}", "error",
			"kind", &kind, "message", &message, "hint",
			&hint) < 0) {
		err_set(err, ERR_INTERNAL, "mtastsd answered %ld", status);
		return EXIT_ERRORS;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!streq(kinds[i].kind, kind))
			continue;
		err_set(err, kinds[i].as, "%s", message);
		err_hint(err, "%s", hint);
		return kinds[i].code;
	}
	err_set(err, ERR_INTERNAL, "%s", message);
	return EXIT_ERRORS;
}

static enum exit_code exchange(struct api *a, const char *method,
			       const char *path, const struct payload *body,
			       long *status, json_t **answer, struct err *err)
{
	CURLcode rc = perform(a, method, path, body, NULL);
	enum exit_code code;

	*answer = NULL;
	*status = 0;
	if (rc != CURLE_OK) {
		no_answer(a, rc, err);
		return EXIT_UNREACHABLE;
	}
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, status);
	*answer = json_loadb(a->answer.data, a->answer.len, 0, NULL);
	if (a->for_people && *answer)
		clean_json(*answer);
	if (*status == 200 && json_is_object(*answer))
		return EXIT_FINE;
	code = failure(*answer, *status, err);
	json_decref(*answer);
	*answer = NULL;
	return code;
}

enum exit_code api_do(struct api *a, const char *method, const char *path,
		      const json_t *body, json_t **answer, struct err *err)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct payload payload = { "Content-Type: application/json", text,
				   text ? strlen(text) : 0 };
	enum exit_code code;
	long status;

	code = exchange(a, method, path, &payload, &status, answer, err);
	free(text);
	return code;
}

enum exit_code api_send(struct api *a, const char *path, const void *data,
			size_t len, long *status, json_t **answer,
			struct err *err)
{
	struct payload payload = { "Content-Type: application/octet-stream",
				   data, len };

	return exchange(a, "POST", path, &payload, status, answer, err);
}

/* What is asked is refused there; the connection stays for what comes next. */
void api_connect_now(struct api *a)
{
	struct err err = ERR_INIT;
	json_t *answer = NULL;

	a->left_root = true;
	if (is_submit(a->socket_path))
		api_do(a, "GET", "/v1/status", NULL, &answer, &err);
	json_decref(answer);
}

static enum exit_code end_stream(struct api *a, CURLcode rc,
				 const struct stream *s, struct err *err)
{
	enum exit_code code;
	json_t *answer;
	long status = 0;

	if (s->is_refused)
		return EXIT_ERRORS;
	if (rc != CURLE_OK) {
		no_answer(a, rc, err);
		return EXIT_UNREACHABLE;
	}
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return EXIT_FINE;
	answer = json_loadb(a->answer.data, a->answer.len, 0, NULL);
	if (a->for_people && answer)
		clean_json(answer);
	code = failure(answer, status, err);
	json_decref(answer);
	return code;
}

enum exit_code api_stream(struct api *a, const char *path, const json_t *body,
			  api_take *take, void *arg, struct err *err)
{
	struct stream stream = { .api = a, .take = take, .arg = arg };
	char *text = json_dumps(body, JSON_COMPACT);
	struct payload payload = { "Content-Type: application/json", text,
				   strlen(text) };
	CURLcode rc = perform(a, "POST", path, &payload, &stream);

	free(text);
	return end_stream(a, rc, &stream, err);
}
