/*
 * Messages out of an mbox file, one at a time, of which none takes more memory
 * than a message may.
 *
 * A line that begins with "From " behind an empty one, or at the start, begins
 * a message; whoever wrote the file has put ">" before such a line of a text
 * (RFC 4155). So a file may be an mbox, but never what comes through a pipe:
 * there a stranger's text would become messages with headers of his own.
 */
#ifndef CLI_MAIL_BOX_H
#define CLI_MAIL_BOX_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

struct mail_box {
	FILE *from; /* borrowed */
	bool is_begun;
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
