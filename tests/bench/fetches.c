/*
 * Senders: so many policy fetches a second, each a connection and a full
 * handshake of its own, whatever becomes of the ones before.
 *
 *	fetches PORT ROOT.pem HOST RATE SECONDS
 *
 * One loop, no threads. A fetch has ten seconds. In the end one line of JSON:
 * how many were answered, refused (no connection), cut, or failed, what the
 * first that failed said, and how long the slowest took. SIGTERM ends it early,
 * and as well.
 *
 * Who is about to kill the server sends SIGUSR1 before and SIGUSR2 after: what
 * was under way then, and fails, is cut. What begins later has no excuse.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FETCHES_MAX 8192 /* under way at once */
#define PATIENCE_MS 10000
#define MS	    1000000ll

enum stage { CONNECTING, GREETING, ASKING, READING };

struct fetch {
	SSL *ssl;
	int fd;
	enum stage stage;
	int64_t began; /* ns */
	size_t got;
	char reply[1024];
};

static struct {
	SSL_CTX *tls;
	const char *host;
	struct sockaddr_in to;
	char ask[512];
	struct fetch fetch[FETCHES_MAX];
	struct pollfd poll[FETCHES_MAX];
	size_t count;
	unsigned long ok, refused, cut, failed;
	int64_t slowest;
	char why[160];
} run;

static volatile sig_atomic_t is_over;

static _Atomic int64_t excused_to; /* fetches that began until then */

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void on_mark(int number)
{
	excused_to = number == SIGUSR1 ? INT64_MAX : now_ns();
}

/* ---- one fetch ---- */

static void end(size_t i)
{
	struct fetch *f = &run.fetch[i];

	SSL_free(f->ssl);
	close(f->fd);
	run.count--;
	run.fetch[i] = run.fetch[run.count];
	run.poll[i] = run.poll[run.count];
}

static void fail(size_t i, const char *what, int why)
{
	struct fetch *f = &run.fetch[i];
	unsigned long tls = ERR_peek_error();

	bool is_cut = f->stage != CONNECTING && f->began <= excused_to;

	if (f->stage == CONNECTING)
		run.refused++;
	else if (is_cut)
		run.cut++;
	else
		run.failed++;
	if (!*run.why && !is_cut)
		snprintf(run.why, sizeof(run.why), "%s: %s", what,
			 tls ? ERR_reason_error_string(tls) : strerror(why));
	ERR_clear_error();
	end(i);
}

static void judge(size_t i)
{
	struct fetch *f = &run.fetch[i];
	int64_t took = now_ns() - f->began;

	f->reply[f->got] = '\0';
	if (strncmp(f->reply, "HTTP/1.1 200 ", 13) != 0 ||
	    !strstr(f->reply, "version: STSv1")) {
		fail(i, "no policy", 0);
		return;
	}
	run.ok++;
	if (took > run.slowest)
		run.slowest = took;
	end(i);
}

/* True: there is more to do at once. */
static bool advance(size_t i, int n, const char *what)
{
	struct fetch *f = &run.fetch[i];
	int why = SSL_get_error(f->ssl, n);

	if (n > 0) {
		f->stage++;
		return true;
	}
	if (why == SSL_ERROR_WANT_READ)
		run.poll[i].events = POLLIN;
	else if (why == SSL_ERROR_WANT_WRITE)
		run.poll[i].events = POLLOUT;
	else
		fail(i, what, errno);
	return false;
}

static bool connected(size_t i)
{
	int why = 0;
	socklen_t len = sizeof(why);

	getsockopt(run.fetch[i].fd, SOL_SOCKET, SO_ERROR, &why, &len);
	if (why) {
		fail(i, "connect", why);
		return false;
	}
	run.fetch[i].stage = GREETING;
	return true;
}

/* By its length: a client does not wait for who hangs up, and how. */
static bool is_whole(struct fetch *f)
{
	const char *end, *length;

	f->reply[f->got] = '\0';
	end = strstr(f->reply, "\r\n\r\n");
	length = strstr(f->reply, "Content-Length: ");
	return end && length && length < end &&
	       strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static bool read_on(size_t i)
{
	struct fetch *f = &run.fetch[i];
	int room = (int)(sizeof(f->reply) - 1 - f->got);
	int n = room > 0 ? SSL_read(f->ssl, f->reply + f->got, room) : 0;

	if (n > 0) {
		f->got += (size_t)n;
		if (!is_whole(f))
			return true;
		judge(i);
		return false;
	}
	if (room == 0 || SSL_get_error(f->ssl, n) == SSL_ERROR_ZERO_RETURN) {
		judge(i);
		return false;
	}
	return advance(i, n, "read");
}

static bool step(size_t i)
{
	struct fetch *f = &run.fetch[i];

	errno = 0;
	switch (f->stage) {
	case CONNECTING:
		return connected(i);
	case GREETING:
		return advance(i, SSL_connect(f->ssl), "handshake");
	case ASKING:
		return advance(i,
			       SSL_write(f->ssl, run.ask, (int)strlen(run.ask)),
			       "write");
	case READING:
		return read_on(i);
	}
	return false;
}

static void begin(void)
{
	struct fetch *f = &run.fetch[run.count];

	if (run.count == FETCHES_MAX) {
		run.failed++;
		return;
	}
	*f = (struct fetch){ .began = now_ns() };
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	f->ssl = SSL_new(run.tls);
	if (f->fd < 0 || !f->ssl)
		abort();
	SSL_set_fd(f->ssl, f->fd);
	SSL_set_tlsext_host_name(f->ssl, run.host);
	SSL_set1_host(f->ssl, run.host);
	run.poll[run.count] = (struct pollfd){ f->fd, POLLOUT, 0 };
	run.count++;
	if (connect(f->fd, (struct sockaddr *)&run.to, sizeof(run.to)) < 0 &&
	    errno != EINPROGRESS)
		fail(run.count - 1, "connect", errno);
}

/* ---- all of them ---- */

static void look_at_all(int timeout_ms)
{
	int64_t now;

	poll(run.poll, run.count, timeout_ms);
	now = now_ns();
	for (size_t i = run.count; i-- > 0;) {
		if (run.poll[i].revents)
			while (step(i))
				continue;
		else if (now - run.fetch[i].began > PATIENCE_MS * MS)
			fail(i, "too slow", ETIMEDOUT);
	}
}

static void fetch_for(int64_t seconds, int64_t rate)
{
	int64_t start = now_ns(), begun = 0;

	while (!is_over && begun < rate * seconds) {
		int64_t due = (now_ns() - start) * rate / (1000 * MS) + 1;

		for (; begun < due && begun < rate * seconds; begun++)
			begin();
		look_at_all(1);
	}
	while (run.count)
		look_at_all(100);
}

static bool prepare(char **argv)
{
	const struct rlimit many = { FETCHES_MAX + 64, FETCHES_MAX + 64 };

	setrlimit(RLIMIT_NOFILE, &many);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	signal(SIGUSR1, on_mark);
	signal(SIGUSR2, on_mark);
	run.host = argv[3];
	run.to = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtol(
					       argv[1], NULL, 10)) };
	inet_pton(AF_INET, "127.0.0.1", &run.to.sin_addr);
	snprintf(run.ask, sizeof(run.ask),
		 "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: %s\r\n"
		 "Connection: close\r\n\r\n",
		 run.host);
	run.tls = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(run.tls, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_load_verify_file(run.tls, argv[2]) == 1;
}

int main(int argc, char **argv)
{
	if (argc != 6 || !prepare(argv)) {
		fputs("usage: fetches PORT ROOT.pem HOST RATE SECONDS\n",
		      stderr);
		return 64;
	}
	fetch_for(strtol(argv[5], NULL, 10), strtol(argv[4], NULL, 10));
	printf("{\"ok\": %lu, \"refused\": %lu, \"cut\": %lu, "
	       "\"failed\": %lu, \"slowest_ms\": %lld, \"why\": \"%s\"}\n",
	       run.ok, run.refused, run.cut, run.failed,
	       (long long)(run.slowest / MS), run.why);
	return run.refused || run.failed;
}
