/*
 * How long a ClientHello says it is, read from the bytes of a peer before
 * OpenSSL is given them: it makes room for all of a message, up to 128 KiB, when
 * it has the four bytes that say so, and a peer may leave it at these.
 *
 * Records are followed as TLS has them, so that it does not matter over how many
 * of them a message is spread (RFC 8446, 5.1). Only for what is not enciphered:
 * the first hello, and the one that answers a HelloRetryRequest. What is neither
 * a record nor a hello is OpenSSL's to refuse.
 *
 * Pure. Any thread.
 */
#ifndef HTTPD_HELLO_H
#define HTTPD_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With its head. A tenth of it is a long one; OpenSSL has as much ready anyway. */
#define HELLO_MAX 16384

/* All zero at first. */
struct hello {
	uint8_t type;	 /* of the record */
	uint8_t heads;	 /* bytes of its head that are there */
	uint8_t begun;	 /* the same, of the message's */
	bool is_whole;	 /* one message, at least, has all come */
	uint16_t record; /* bytes of it that are still to come */
	uint32_t left;	 /* the same, of the message */
};

/* The next bytes. False: a message is longer than HELLO_MAX. */
bool hello_follow(struct hello *h, const char *data, size_t len);

#endif
