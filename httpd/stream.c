#include "httpd/stream.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define OUT_KEPT  65536 /* of the shared memory, when it was needed once */
#define PLAIN_MAX SSL3_RT_MAX_PLAIN_LENGTH

struct streams {
	BIO_METHOD *method;
	bool has_good_ssl;	      /* SSL_free_buffers() does no harm */
	const struct stream *talking; /* whose bytes are in `out` */
	struct buf out;
	char in[STREAM_IN_MAX];
	char plain[PLAIN_MAX];
};

/* ---- what OpenSSL reads from, and writes to ---- */

static void put(struct stream *s, const char *data, size_t len)
{
	struct streams *all = s->all;
	bool is_own = s->unsent.len > 0;

	assert(is_own || !all->talking || all->talking == s);
	if (!is_own)
		all->talking = s;
	if (!buf_add(is_own ? &s->unsent : &all->out, data, len))
		s->is_broken = true;
}

static int on_write(BIO *bio, const char *data, int len)
{
	put(BIO_get_data(bio), data, (size_t)len);
	return len;
}

/* A ClientHello is the next message, or a part of it. */
static bool is_hello_due(const struct stream *s)
{
	return !SSL_is_init_finished(s->ssl) &&
	       (!s->hello.is_whole || SSL_version(s->ssl) == TLS1_3_VERSION);
}

static int on_read(BIO *bio, char *out, int len)
{
	struct stream *s = BIO_get_data(bio);
	size_t n = (size_t)len < s->in_len ? (size_t)len : s->in_len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (is_hello_due(s) && !hello_follow(&s->hello, s->in, n))
		return -1;
	memcpy(out, s->in, n);
	stream_skip(s, n);
	return (int)n;
}

static long on_control(BIO *bio, int what, long number, void *arg)
{
	(void)bio;
	(void)number;
	(void)arg;
	return what == BIO_CTRL_FLUSH;
}

/* CVE-2024-4741 is mended in 3.0.14, 3.1.6, 3.2.2, 3.3.1, and all after. */
static bool has_good_ssl(void)
{
	static const unsigned mended[] = { 14, 6, 2, 1 };
	unsigned minor = OPENSSL_version_minor();

	return OPENSSL_version_major() > 3 || minor >= ARRAY_LEN(mended) ||
	       OPENSSL_version_patch() >= mended[minor];
}

struct streams *streams_new(void)
{
	struct streams *all = xmalloc(sizeof(*all));

	all->has_good_ssl = has_good_ssl();
	all->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
				   "stream");
	all->talking = NULL;
	buf_init(&all->out, STREAM_OUT_MAX);
	if (all->method && BIO_meth_set_write(all->method, on_write) &&
	    BIO_meth_set_read(all->method, on_read) &&
	    BIO_meth_set_ctrl(all->method, on_control))
		return all;
	ERR_clear_error();
	streams_free(all);
	return NULL;
}

void streams_free(struct streams *all)
{
	if (!all)
		return;
	BIO_meth_free(all->method);
	buf_release(&all->out);
	free(all);
}

/* ---- a stream ---- */

bool stream_init(struct stream *s, struct streams *all, int fd, SSL *ssl)
{
	BIO *bio = NULL;

	*s = (struct stream){ .all = all, .fd = fd, .ssl = ssl };
	buf_init(&s->unsent, STREAM_OUT_MAX);
	if (!ssl)
		return true;
	bio = BIO_new(all->method);
	if (!bio) {
		ERR_clear_error();
		return false;
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	return true;
}

/* Nothing of it stays in the memory of all. */
static void forget_out(struct streams *all)
{
	all->talking = NULL;
	if (all->out.cap <= OUT_KEPT) {
		buf_clear(&all->out);
		return;
	}
	buf_release(&all->out);
	buf_init(&all->out, STREAM_OUT_MAX);
}

void stream_release(struct stream *s)
{
	if (s->all && s->all->talking == s)
		forget_out(s->all);
	SSL_free(s->ssl);
	s->ssl = NULL;
	buf_release(&s->unsent);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

size_t stream_fill(struct stream *s)
{
	ssize_t n = recv(s->fd, s->all->in, sizeof(s->all->in), 0);

	s->in = s->all->in;
	s->in_len = n > 0 ? (size_t)n : 0;
	if (n == 0)
		s->is_over = true;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		s->is_broken = true;
	return s->in_len;
}

void stream_skip(struct stream *s, size_t bytes)
{
	s->in += bytes;
	s->in_len -= bytes;
}

static size_t decipher(struct stream *s, const char **piece)
{
	char *plain = s->all->plain;
	int n;

	ERR_clear_error();
	n = SSL_read(s->ssl, plain, PLAIN_MAX);
	*piece = plain;
	if (n > 0)
		return (size_t)n;
	switch (SSL_get_error(s->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		s->is_over = true;
		break;
	default:
		s->is_broken = true;
	}
	ERR_clear_error();
	return 0;
}

/* OpenSSL would find that out as well, with a buffer that it makes first. */
static bool is_read(const struct stream *s)
{
	return !s->in_len && !SSL_has_pending(s->ssl) &&
	       SSL_is_init_finished(s->ssl);
}

size_t stream_read(struct stream *s, const char **piece)
{
	size_t n = s->in_len;

	if (s->is_broken)
		return 0;
	if (s->ssl)
		return is_read(s) ? 0 : decipher(s, piece);
	*piece = s->in;
	s->in_len = 0;
	return n;
}

void stream_write(struct stream *s, const char *data, size_t len)
{
	if (s->is_broken || !len)
		return;
	if (!s->ssl) {
		put(s, data, len);
		return;
	}
	ERR_clear_error();
	if (SSL_write(s->ssl, data, (int)len) <= 0)
		s->is_broken = true;
	ERR_clear_error();
}

void stream_say_goodbye(struct stream *s)
{
	s->is_last = true;
	if (!s->ssl || s->is_broken || !SSL_is_init_finished(s->ssl))
		return;
	SSL_shutdown(s->ssl);
	ERR_clear_error();
}

/*
 * What the socket took; none if it takes none just now. The last bytes wait for
 * the end that follows them, so that both are one packet.
 */
static size_t send_some(struct stream *s, const struct buf *b)
{
	int flags = MSG_NOSIGNAL | (s->is_last ? MSG_MORE : 0);
	ssize_t n = send(s->fd, b->data, b->len, flags);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		s->is_broken = true;
	return n > 0 ? (size_t)n : 0;
}

static void flush_own(struct stream *s)
{
	size_t n = send_some(s, &s->unsent);

	memmove(s->unsent.data, s->unsent.data + n, s->unsent.len - n + 1);
	s->unsent.len -= n;
	if (s->unsent.len)
		return;
	buf_release(&s->unsent);
	buf_init(&s->unsent, STREAM_OUT_MAX);
}

static void flush_shared(struct stream *s)
{
	struct buf *out = &s->all->out;
	size_t n = send_some(s, out);

	if (n < out->len)
		buf_add(&s->unsent, out->data + n, out->len - n);
	forget_out(s->all);
}

/* Also when it is broken: there may be an alert that says so. */
void stream_flush(struct stream *s)
{
	if (s->unsent.len)
		flush_own(s);
	else if (s->all->talking == s)
		flush_shared(s);
	if (!s->is_last || s->is_shut || stream_unsent(s))
		return;
	shutdown(s->fd, SHUT_WR);
	s->is_shut = true;
}

void stream_relax(struct stream *s)
{
	if (s->ssl && s->all->has_good_ssl)
		SSL_free_buffers(s->ssl);
}

size_t stream_unsent(const struct stream *s)
{
	return s->unsent.len + (s->all->talking == s ? s->all->out.len : 0);
}
