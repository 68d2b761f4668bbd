/*
 * A message that a process of its own takes: `report import -`, of this very
 * program.
 *
 * A stranger wrote it, and a parser may have a fault that he knows of. So who
 * holds a secret, or a way into a mailbox, hands it over unread. The other
 * process is exec'ed, for one that is only forked would still have all that in
 * its memory; it gets the message and the name of the daemon's socket, and none
 * of our descriptors or environment; its memory, time and output are bounded.
 * Whatever becomes of it is what becomes of that message alone.
 */
#ifndef CLI_REPORT_APART_H
#define CLI_REPORT_APART_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/report_take.h"

/*
 * As report_take_message(). A message that ends the process is refused; if
 * somebody else ended it, or it has not come to an end by `until`, of
 * steady_ms(), it is for later.
 */
enum report_fate report_take_apart(struct report_taker *t, const void *data,
				   size_t len, int64_t until, struct err *err);

#endif
