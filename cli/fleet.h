/*
 * Going through a fleet file: what import and apply have in common.
 *
 * Each line that cannot be used is one line on stderr, with its number, the
 * reason and the remedy; the others go on. Only a daemon that is gone, or
 * that fails again and again, ends it early.
 */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "cli/announced_ids.h"
#include "cli/command.h"
#include "cli/fleet_file.h"
#include "cli/mx_looks.h"
#include "cli/progress.h"

#define FLEET_FAILURES_MAX 10 /* of the daemon, in a row */

struct fleet {
	struct cli *cli;
	struct fleet_file *file;
	struct fleet_line line; /* the one that is looked at */
	struct progress progress;
	struct mx_looks *looks;	       /* at the MX of what is new */
	struct announced_ids *ids;     /* at what DNS announces of it */
	struct names *seen;	       /* NULL: names may come twice */
	long entries, refused, failed; /* of `entries` neither: well */
	long put_off;		       /* nor these: looked at first */
	long strays;		       /* whose MX are others, once read */
	long failed_in_a_row;
	bool is_broken;	 /* the file was not read to its end */
	bool is_stopped; /* set: no further line is read */
	enum exit_code worst;
};

/* Does it for an entry; not EXIT_FINE: err says why, and is told. */
typedef enum exit_code fleet_fn(struct fleet *f, json_t *entry,
				struct err *err);

/*
 * Opens the file that the command line names; false after saying why not.
 * With `is_once` a name that comes again is refused.
 */
bool fleet_begin(struct fleet *f, struct cli *cli, bool is_once);
void fleet_read(struct fleet *f, fleet_fn *one);
void fleet_end(struct fleet *f);

/*
 * Tells and counts a failure, of the line looked at or (without `has_line`)
 * of none. The daemon's own are too many at FLEET_FAILURES_MAX in a row:
 * is_stopped is set. EXIT_TEMPFAIL is no failure of it: that line will do later.
 */
void fleet_failed(struct fleet *f, const char *name, enum exit_code code,
		  const struct err *err, bool has_line);

/* For the last line: how many were put off, if any were. */
void fleet_say_put_off(const struct fleet *f);

/* For the last line: of how many DNS has other MX, if there are such. */
void fleet_say_strays(const struct fleet *f);

/* Of a dry run: "would be " before "N added". */
const char *fleet_would(const struct cli *cli);

#endif
