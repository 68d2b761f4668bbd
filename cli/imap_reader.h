/*
 * What an IMAP server says (RFC 3501, 7), out of a stream of bytes: responses
 * of one line each, and the literal that one may carry.
 *
 * A literal is counted, never searched for its end: the text of a message may
 * look like a response. Everything is bounded: a literal that is larger than it
 * may be is passed over, and the response has none of it.
 *
 * Bytes in, responses out: no I/O, no clock.
 */
#ifndef CLI_IMAP_READER_H
#define CLI_IMAP_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define IMAP_LINE_MAX 1048576 /* a search among 50,000 messages, twice */

enum imap_step {
	IMAP_RESPONSE, /* line and literal have it, until the next call */
	IMAP_MORE,     /* needs imap_reader_feed() */
	IMAP_BROKEN    /* err says what is wrong; there is no going on */
};

struct imap_reader {
	struct buf line;    /* without its end; "{123}" stays in it */
	struct buf literal; /* of several in a response the last */
	bool has_literal;
	bool is_too_large; /* it was passed over: `literal` is empty */

	/* The rest is the reader's own. */
	const char *at; /* borrowed: what was fed, and not read yet */
	size_t left, literal_left;
	size_t read_until; /* in `line`: its literals so far were announced */
	bool is_done;
};

void imap_reader_init(struct imap_reader *r, size_t literal_max);
void imap_reader_release(struct imap_reader *r);

/* After IMAP_MORE. `data` is borrowed until the next such. */
void imap_reader_feed(struct imap_reader *r, const char *data, size_t len);
enum imap_step imap_reader_next(struct imap_reader *r, struct err *err);

/*
 * The number behind a word: "UID" in "* 3 FETCH (UID 17 RFC822.SIZE 9)" is 17.
 * False: there is none.
 */
bool imap_number(const char *line, const char *word, long *number);

#endif
