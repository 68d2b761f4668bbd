/*
 * The journal, spoken to in its own way when standard error is connected to
 * it: only so a line can have a field beside it, such as MTASTS_DOMAIN.
 */
#ifndef DAEMON_JOURNAL_H
#define DAEMON_JOURNAL_H

#include <stdbool.h>

/*
 * Does `stream`, which is $JOURNAL_STREAM ("DEVICE:INODE") or NULL, mean this
 * descriptor? A child may have inherited the word, and not the stream.
 */
bool journal_is_at(const char *stream, int fd);

/* Lines of the log go to the journal, if that is where they would end. */
void journal_open(void);

#endif
