/*
 * Bytes from and to a peer, plain or by TLS; nothing of HTTP.
 *
 * Whatever its socket has is taken by one recv() into memory that all streams
 * of a thread share, and whatever OpenSSL and we have to say waits in such
 * memory for one send(). So what came in is to be read, and what is to go out
 * flushed, before another stream has its turn. What the socket does not take
 * then is the stream's own, until the socket does.
 *
 * Owning thread only.
 */
#ifndef HTTPD_STREAM_H
#define HTTPD_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "httpd/hello.h"

#define STREAM_IN_MAX  32768	     /* read at once */
#define STREAM_OUT_MAX (1024 * 1024) /* unsent; whoever has more is given up */

struct streams; /* what those of a thread have in common */

struct streams *streams_new(void);	/* NULL: OpenSSL has no memory */
void streams_free(struct streams *all); /* after the last stream */

struct stream {
	struct streams *all;
	int fd;		/* non-blocking; owned */
	SSL *ssl;	/* or NULL: owned */
	struct hello hello;
	const char *in; /* of what was filled in, what is not yet read */
	size_t in_len;
	struct buf unsent; /* its own */
	bool is_last;	   /* nothing is said any more */
	bool is_shut;	   /* and all is sent */
	bool is_over;	   /* the peer says no more */
	bool is_broken;	   /* nothing can be said any more, either */
};

/* Takes both. False, and nothing is taken: OpenSSL has no memory. */
bool stream_init(struct stream *s, struct streams *all, int fd, SSL *ssl);

/* Closes the socket. What is unsent is lost. */
void stream_release(struct stream *s);

/*
 * One recv(). How many bytes came, before any deciphering; 0 if there is
 * nothing just now, or nothing any more: is_over, is_broken.
 */
size_t stream_fill(struct stream *s);

/* So many bytes of what was filled in were no part of it. */
void stream_skip(struct stream *s, size_t bytes);

/*
 * A piece of what was filled in, deciphered, borrowed until the next call; 0 if
 * that was all. A handshake happens in here; one with a hello that says it is
 * too long breaks the stream before OpenSSL has made room for it.
 */
size_t stream_read(struct stream *s, const char **piece);

void stream_write(struct stream *s, const char *data, size_t len);

/*
 * A close_notify, so that the peer knows it has all of it. Our half of the
 * socket is shut down when all is sent, with its last packet.
 */
void stream_say_goodbye(struct stream *s);

/* One send() of whatever waits. */
void stream_flush(struct stream *s);

/*
 * It will have to wait: OpenSSL's buffers are given back, if they are empty. It
 * would do so after each record by itself (SSL_MODE_RELEASE_BUFFERS), and make
 * them again for the next one in the same turn. Not with an OpenSSL that has
 * CVE-2024-4741: there they may still be read from, and stay.
 */
void stream_relax(struct stream *s);

/* So many bytes wait. */
size_t stream_unsent(const struct stream *s);

#endif
