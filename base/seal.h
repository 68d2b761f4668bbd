/*
 * A sealed stream: lines that say what follows, that many bytes, and a SHA-256
 * over all of it. Who has read it to its end knows that it is whole; one that
 * was cut off, or damaged in any place, does not pass.
 *
 *	KIND 1
 *	program 0.1.0
 *	schema 14
 *	made 2026-11-23T20:15:00Z
 *	size 1048576
 *
 *	...the bytes...sha256 HEX
 *
 * Lines that are not known are passed over; a first line with another number is
 * of a newer program. No I/O: a part at a time, so any size fits into any memory.
 */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/when.h"

#define SEAL_FORMAT   1
#define SEAL_HEAD_MAX 512
#define SEAL_HEX      65
#define SEAL_TAIL_MAX (sizeof("sha256 ") + SEAL_HEX)

struct seal_about {
	char program[32]; /* that made it */
	int64_t schema;	  /* of what is inside */
	char made[INSTANT_TEXT];
	int64_t size; /* bytes inside */
};

/* ---- making one ---- */

struct sealer {
	void *digest; /* EVP_MD_CTX */
};

void sealer_init(struct sealer *s);
void sealer_release(struct sealer *s);

/* In this order; what is said is all there is to write. Lengths. */
size_t sealer_head(struct sealer *s, const char *kind,
		   const struct seal_about *about,
		   char out[static SEAL_HEAD_MAX]);
void sealer_body(struct sealer *s, const void *data, size_t len);
size_t sealer_tail(struct sealer *s, char out[static SEAL_TAIL_MAX]);

/* The length of it all. */
int64_t seal_length(const char *kind, const struct seal_about *about);

/* ---- reading one ---- */

struct unsealer {
	const char *kind;
	void *digest;
	struct seal_about about; /* once has_head is set */
	bool has_head;
	int64_t left; /* bytes inside that have not come yet */
	char head[SEAL_HEAD_MAX], tail[SEAL_TAIL_MAX];
	size_t head_len, tail_len;
	char hex[SEAL_HEX]; /* of one that is whole */
};

/* `kind` is borrowed. */
void unsealer_init(struct unsealer *u, const char *kind);
void unsealer_release(struct unsealer *u);

/*
 * What comes next; *body and *len are what of it is inside, perhaps nothing.
 * ERR_INPUT: it is none; ERR_REFUSED: a newer program made it; ERR_DAMAGED.
 */
bool unsealer_feed(struct unsealer *u, const void *data, size_t size,
		   const void **body, size_t *len, struct err *err);

/* There is no more: was it whole? */
bool unsealer_end(struct unsealer *u, struct err *err);

#endif
