#include "store/report_reader.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"
#include "store/report_reading.h"

struct report_reader {
	struct db *db;
};

struct report_reader *report_reader_open(const struct store_options *options,
					 struct err *err)
{
	char *path = store_path(options->dir, "state.db");
	struct db *db = db_open(path, DB_READ, options->vfs, err);
	struct report_reader *r = NULL;

	free(path);
	if (db) {
		r = xcalloc(1, sizeof(*r));
		r->db = db;
	}
	return r;
}

void report_reader_close(struct report_reader *r)
{
	if (!r)
		return;
	db_close(r->db);
	free(r);
}

void report_reader_ask(struct report_reader *r, bool (*go_on)(void *arg),
		       void *arg)
{
	db_ask(r->db, go_on, arg);
}

struct db *report_reader_db(struct report_reader *r)
{
	return r->db;
}

bool report_reader_begin(struct report_reader *r, struct err *err)
{
	return db_run(r->db, "BEGIN", err);
}

bool report_reader_end(struct report_reader *r, bool ok)
{
	db_run(r->db, "ROLLBACK", NULL);
	return ok;
}
