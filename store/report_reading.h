/*
 * The handle of a reader of reports. Inside store/ only.
 */
#ifndef STORE_REPORT_READING_H
#define STORE_REPORT_READING_H

#include "store/db.h"
#include "store/report_reader.h"

struct db *report_reader_db(struct report_reader *r);

/*
 * Between these, all that is read is of one moment. The second gives back
 * what it is given.
 */
bool report_reader_begin(struct report_reader *r, struct err *err);
bool report_reader_end(struct report_reader *r, bool ok);

#endif
