/*
 * Messages out of an mbox file, one at a time, of which none takes more memory
 * than a message may.
 *
 * A line that begins with "From " behind an empty one, or at the start, begins
 * a message; whoever wrote the file has put ">" before such a line of a text
 * (RFC 4155).
 *
 * Not so a mail server that pipes one message: it puts a "From " line before it,
 * and leaves the text as it is. So what comes through a pipe is one message,
 * unless it begins with such a line and has another one, with a time in it,
 * behind an empty line and before a header field. That a stranger can write too:
 * who is given a further message of a pipe believes nothing that its headers say
 * of it.
 */
#ifndef CLI_MAIL_BOX_H
#define CLI_MAIL_BOX_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

#define MAIL_BOX_PIECE 4096

struct mail_box {
	FILE *from;    /* borrowed */
	bool is_piped; /* then there is a message at least, be it empty */
	bool is_begun, is_single;
	char held[MAIL_BOX_PIECE]; /* looked at, and the next to be read */
	size_t held_len;
};

/*
 * The next message, without the line that begins it. False: there is none.
 * *is_whole is false, and the message cut, if it is larger than `message` may
 * be.
 */
bool mail_box_next(struct mail_box *b, struct buf *message, bool *is_whole);

/* Past a "From " line at the start, which some put before a single message. */
void mail_skip_envelope(const char **data, size_t *len);

#endif
