/*
 * mtastsctl doctor: what is wrong with this machine, before it is what is
 * wrong with a domain.
 *
 * A look is a row of one table (doctor.c) and a short function in a file of
 * its subject. It runs on a thread of its own, beside the others, changes
 * nothing, and says what it found: what is well is silent, and what could not
 * be seen is said to be so, never to be well.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DOCTOR_SECONDS	 10L  /* from the start to the end, about */
#define DOCTOR_ANSWER_MS 5000 /* for whoever is asked over the network */
#define DOCTOR_PATH	 512
#define DOCTOR_NOTES_MAX 32 /* of one look */

/* What is known before the looks begin; none of it changes then. */
struct doctor_box {
	const char *root;   /* before the paths of files; "" but for tests */
	json_t *facts;	    /* GET /v1/box, or mtastsd --show-config, or NULL */
	json_t *status;	    /* GET /v1/status; NULL: no daemon answers */
	struct err silence; /* why none does */
	char program[DOCTOR_PATH]; /* mtastsd; "": it was not found */
	const char *config;	   /* that was named; NULL: the usual one */
};

/* The gravest is the greatest. */
enum doctor_level { DOCTOR_UNSEEN, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR };

struct doctor_note {
	enum doctor_level level;
	const char *id;		  /* stable, for scripts: "port.taken" */
	const char *look, *title; /* whose it is: its id, and its words */
	struct err err;		  /* its text and hint */
};

struct doctor_notes; /* those of one look */

/* More than DOCTOR_NOTES_MAX are dropped. The hint is that of the last one. */
void doctor_say(struct doctor_notes *n, enum doctor_level level, const char *id,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void doctor_hint(struct doctor_notes *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct doctor_look {
	const char *id;
	const char *title; /* what it looks at, in words */
	void (*run)(const struct doctor_box *box, struct doctor_notes *n);
};

/* The i-th, or NULL past the last. */
const struct doctor_look *doctor_look_at(size_t i);

struct doctor_result {
	struct doctor_note *note; /* the gravest first; owned */
	size_t count;
	bool is_whole; /* no look is under way any more */
};

/*
 * All looks, for `ms` at most. Looks that take longer are said to be unseen
 * and go on: then *box must outlive them, so the process had better end.
 */
void doctor_run(const struct doctor_box *box, long ms, struct doctor_result *r);

/*
 * One look, here and now, into `note`, which has room for DOCTOR_NOTES_MAX.
 * Returns how many. For tests.
 */
size_t doctor_run_one(const struct doctor_look *one,
		      const struct doctor_box *box, struct doctor_note *note);

/* ---- what looks have in common ---- */

/* Does a daemon answer? */
static inline bool doctor_has_daemon(const struct doctor_box *box)
{
	return box->status != NULL;
}

/* The file that a daemon reads here, or would. */
const char *doctor_config_of(const struct doctor_box *box);

/* True; or, with the configuration unknown, false, and that is said. */
bool doctor_knows_config(const struct doctor_box *box, struct doctor_notes *n);

/* "ROOT/PATH"; the caller frees. Is it there? */
char *doctor_path(const struct doctor_box *box, const char *path);
bool doctor_is_there(const struct doctor_box *box, const char *path);

/* Does it run here? Else advice is not to name it. */
bool doctor_has_systemd(const struct doctor_box *box);

/* Is the unit installed, where systemd would look? */
bool doctor_has_unit(const struct doctor_box *box, const char *unit);

/*
 * Runs a program and keeps what it says, errors too; the caller frees *output.
 * result->kind is ERR_NONE if it ended with 0.
 */
void doctor_ask(const char *const *argv, size_t output_max, long timeout_ms,
		char **output, struct err *result);

/* ---- the looks ---- */

typedef void doctor_look_fn(const struct doctor_box *box,
			    struct doctor_notes *n);

doctor_look_fn doctor_daemon, doctor_config, doctor_units, doctor_ports,
	doctor_state, doctor_backup, doctor_sockets, doctor_clock, doctor_files,
	doctor_resolvers, doctor_cas, doctor_addresses, doctor_firewall,
	doctor_programs, doctor_mail;

#endif
