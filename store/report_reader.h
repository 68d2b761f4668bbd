/*
 * A read-only handle on the TLS reports in state.db, for a thread that is not
 * control: the desk. One thread at a time; it sees what is committed.
 */
#ifndef STORE_REPORT_READER_H
#define STORE_REPORT_READER_H

#include "store/store.h"

struct report_reader;

struct report_reader *report_reader_open(const struct store_options *options,
					 struct err *err);
void report_reader_close(struct report_reader *r);

/*
 * `go_on` is asked all the time; when it says no, the work ends soon, with an
 * error.
 */
void report_reader_ask(struct report_reader *r, bool (*go_on)(void *arg),
		       void *arg);

#endif
