/*
 * mtastsctl report fetch: TLS reports out of a mailbox, by IMAP.
 *
 * A message is marked as read, or moved, once the daemon has answered that its
 * reports are durable. What brings none stays unread where it is, for a person
 * to see; where the server keeps words with messages it gets one, so that it is
 * not looked at again. What is lost between answer and mark is taken again, and
 * known.
 *
 * Strangers wrote all of it: it is never parsed here, where the secret and the
 * connection are (cli/report_apart.h).
 *
 * No run need see the whole mailbox: a flood of one domain may lie in it, which
 * the daemon puts off, or thousands that cannot be marked. So each begins with
 * another message, and goes around: none is out of reach for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/drop_root.h"
#include "cli/fetch_config.h"
#include "cli/fetch_secret.h"
#include "cli/imap.h"
#include "cli/mail_guard.h"
#include "cli/report_apart.h"
#include "cli/report_take.h"
#include "cli/say.h"

#define NO_REPORT "NoTLSReport"
#define MARK_MS	  10000 /* after the end of a run, for what was begun */
#define LATER_MAX 1000	/* of a run: each costs a process and a look */

struct looked_at {
	long uid;
	enum report_fate fate;
};

struct fetch {
	struct fetch_config config;
	char *password, *token;
	struct report_taker taker;
	struct imap *imap;
	long limit;    /* of messages; 0: none */
	int64_t until; /* steady_ms(): of the run */

	long looked; /* messages, in this run */
	long later;  /* of them, those that are for another */

	/* What was looked at in this run, while its numbers are good. */
	long validity;
	struct looked_at *seen; /* owned */
	size_t seen_count;
	size_t sorted; /* of them, those of a connection before */
};

/* ---- the mailbox ---- */

static bool read_secret(struct fetch *f, struct err *err)
{
	char *argv[FETCH_WORDS_MAX + 1] = { NULL };

	if (*f->config.password_file) {
		f->password = fetch_password(f->config.password_file, err);
		return f->password;
	}
	for (size_t i = 0; i < FETCH_WORDS_MAX && *f->config.token_command[i];
	     i++)
		argv[i] = f->config.token_command[i];
	f->token = fetch_token(argv, f->until, err);
	return f->token;
}

static int by_uid(const void *a, const void *b)
{
	const struct looked_at *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static void sort_seen(struct fetch *f)
{
	if (f->seen_count)
		qsort(f->seen, f->seen_count, sizeof(*f->seen), by_uid);
	f->sorted = f->seen_count;
}

static bool open_mailbox(struct fetch *f, struct err *err)
{
	const struct fetch_config *c = &f->config;
	struct imap_settings s = {
		c->host,     c->port,  c->starttls, c->user,
		f->password, f->token, c->ca_file,  f->until
	};
	long validity;

	f->imap = imap_open(&s, err);
	if (!f->imap || !imap_select(f->imap, c->folder, &validity, err))
		return false;
	if (validity != f->validity)
		f->seen_count = 0;
	f->validity = validity;
	sort_seen(f);
	return true;
}

static bool moves(const struct fetch *f)
{
	return *f->config.done_folder;
}

/*
 * Where messages are moved away, one that a person has read is as good as
 * another, if only those without a report can be told.
 */
static const char *what_to_search(const struct fetch *f)
{
	if (!imap_keeps_words(f->imap))
		return "UNSEEN UNDELETED";
	return moves(f) ? "UNDELETED UNKEYWORD " NO_REPORT
			: "UNSEEN UNDELETED UNKEYWORD " NO_REPORT;
}

static bool mark_done(struct fetch *f, long uid, struct err *err)
{
	if (!moves(f))
		return imap_flag(f->imap, uid, "\\Seen", err);
	/* Found again, should the connection break behind it. */
	if (imap_keeps_words(f->imap) &&
	    !imap_flag(f->imap, uid, "\\Seen", err))
		return false;
	return imap_move(f->imap, uid, f->config.done_folder, err);
}

/* What has been taken is marked still, whatever the time. */
static bool mark(struct fetch *f, long uid, enum report_fate fate,
		 struct err *err)
{
	if (fate == REPORT_LATER)
		return true;
	imap_allow(f->imap, MARK_MS);
	if (fate == REPORT_TAKEN)
		return mark_done(f, uid, err);
	return !imap_keeps_words(f->imap) ||
	       imap_flag(f->imap, uid, NO_REPORT, err);
}

/* ---- a message ---- */

static const struct looked_at *find_seen(const struct fetch *f, long uid)
{
	const struct looked_at one = { .uid = uid };

	return f->sorted
		       ? bsearch(&one, f->seen, f->sorted, sizeof(one), by_uid)
		       : NULL;
}

static void remember(struct fetch *f, long uid, enum report_fate fate)
{
	f->seen = xrealloc_array(f->seen, f->seen_count + 1, sizeof(*f->seen));
	f->seen[f->seen_count++] = (struct looked_at){ uid, fate };
	f->looked++;
	f->later += fate == REPORT_LATER;
}

static void say_why(long uid, const struct err *err)
{
	char name[40];

	snprintf(name, sizeof(name), "message %ld", uid);
	say_failure(name, err);
}

/* What is said to be too large is not fetched; some servers say less than is. */
static bool get_message(struct fetch *f, long uid, struct buf *message,
			bool *is_there, bool *is_whole, struct err *err)
{
	long size;

	*is_there = *is_whole = false;
	if (!imap_size(f->imap, uid, &size, err))
		return false;
	*is_there = size >= 0;
	return size < 0 || size > MAIL_BYTES_MAX ||
	       imap_fetch(f->imap, uid, message, is_there, is_whole, err);
}

/* False: nothing more can be done. *is_there: it was, and *fate is its. */
static bool take_message(struct fetch *f, long uid, struct buf *message,
			 bool *is_there, enum report_fate *fate,
			 struct err *err)
{
	struct err why = ERR_INIT;
	bool is_whole;

	if (!get_message(f, uid, message, is_there, &is_whole, err))
		return false;
	if (*is_there && !is_whole)
		*fate = report_take_none(&f->taker, &why);
	else if (*is_there)
		*fate = report_take_apart(&f->taker, message->data,
					  message->len, f->until + MARK_MS,
					  &why);
	if (f->taker.is_over) {
		*err = why;
		return false;
	}
	if (*is_there && *fate >= REPORT_REFUSED)
		say_why(uid, &why);
	return true;
}

static bool do_message(struct fetch *f, long uid, struct buf *message,
		       struct err *err)
{
	const struct looked_at *seen = find_seen(f, uid);
	enum report_fate fate = REPORT_NONE;
	bool is_there;

	if (seen) /* its mark was lost, with the connection */
		return mark(f, uid, seen->fate, err);
	if (!take_message(f, uid, message, &is_there, &fate, err))
		return false;
	if (!is_there)
		return true;
	remember(f, uid, fate);
	return mark(f, uid, fate, err);
}

static bool has_time(const struct fetch *f, size_t left, struct err *err)
{
	if (steady_ms() < f->until)
		return true;
	err_set(err, ERR_AGAIN,
		"the time for a run is over: %zu messages are left to the next",
		left);
	return err_hint(err, "deadline in the file says how long one may take");
}

static bool has_hope(const struct fetch *f, size_t left, struct err *err)
{
	return f->later < LATER_MAX ||
	       err_set(err, ERR_AGAIN,
		       "%ld messages have to wait: %zu more are left to the "
		       "next run",
		       f->later, left);
}

static bool do_all(struct fetch *f, struct err *err)
{
	struct imap_found found;
	struct buf message;
	size_t first;
	bool ok;

	buf_init(&message, MAIL_BYTES_MAX);
	ok = imap_search(f->imap, what_to_search(f), &found, err);
	first = arc4random_uniform((uint32_t)found.count);
	for (size_t i = 0; i < found.count && ok; i++) {
		if (f->limit && f->looked >= f->limit)
			break;
		ok = has_time(f, found.count - i, err) &&
		     has_hope(f, found.count - i, err) &&
		     do_message(f, found.uid[(first + i) % found.count],
				&message, err);
	}
	imap_found_release(&found);
	buf_release(&message);
	return ok;
}

/* ---- the command ---- */

/* A connection that breaks is made once more. */
static bool run(struct fetch *f, struct err *err)
{
	for (int tries = 0;; tries++) {
		bool ok = open_mailbox(f, err) && do_all(f, err);
		bool is_lost = f->imap && imap_is_lost(f->imap);

		imap_close(f->imap);
		f->imap = NULL;
		if (ok || !is_lost || tries || steady_ms() >= f->until)
			return ok;
		say_failure(NULL, err);
		fputs("mtastsctl: connecting once more\n", stderr);
	}
}

static enum exit_code failed(const struct err *err)
{
	say_failure(NULL, err);
	return err->kind == ERR_AGAIN ? EXIT_TEMPFAIL : EXIT_REFUSED;
}

/*
 * Ours is not for who reads the mail, though of the same user. To become
 * another sets it to what fs.suid_dumpable says.
 */
static void hide_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static bool leave_root(struct err *err)
{
	bool ok = drop_root(0, err);

	hide_memory();
	return ok;
}

static enum exit_code fetch(struct fetch *f, bool json)
{
	struct err err = ERR_INIT;
	bool ok;

	f->until = steady_ms() + f->config.deadline * 1000;
	ok = read_secret(f, &err) && leave_root(&err) && run(f, &err);
	if (ok || json || f->taker.tally.messages)
		report_say_tally(&f->taker.tally, json);
	if (!ok && !f->taker.is_over)
		return failed(&err);
	if (!ok)
		say_failure(NULL, &err);
	return f->taker.later ? EXIT_TEMPFAIL : EXIT_FINE;
}

enum exit_code cmd_report_fetch(struct cli *cli)
{
	const struct options *o = &cli->options;
	struct fetch f = { .limit = o->limit };
	struct err err = ERR_INIT;
	enum exit_code code;

	hide_memory();
	if (!fetch_config_read(&f.config,
			       o->config ? o->config : FETCH_CONFIG_DEFAULT,
			       &err)) {
		say_failure(NULL, &err);
		return EXIT_USAGE;
	}
	f.taker = (struct report_taker){
		.api = cli->api,
		.via = "imap",
		.server = *f.config.auth_results ? f.config.auth_results : NULL,
		.requires_dkim = f.config.require_dkim,
	};
	code = fetch(&f, o->json);
	free(f.password);
	free(f.token);
	free(f.seen);
	return code;
}
