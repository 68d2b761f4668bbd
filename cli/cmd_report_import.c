/*
 * mtastsctl report import: TLS reports out of a message, an mbox, a Maildir
 * or a file.
 *
 * Standard input is a single message, as the alias of a mail server pipes it,
 * or an mbox (cli/mail_box.h). A mail server bounces what a command does not take, and
 * who wrote a stranger's name over his letter would have it sent there: so that
 * way all that is settled ends well, and only what is worth another try does
 * not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/inflate.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/drop_root.h"
#include "cli/mail_box.h"
#include "cli/mail_guard.h"
#include "cli/report_take.h"
#include "cli/say.h"

struct import {
	struct report_taker taker;
	bool is_mail;		/* one message, and no report as it is */
	enum report_fate worst; /* of all messages */
};

/* ---- bytes ---- */

/* All of it is read; false, and errno, if it fails or does not fit. */
static bool read_all(FILE *from, struct buf *to)
{
	char part[16384];
	bool fits = true;
	size_t len;

	while ((len = fread(part, 1, sizeof(part), from)) > 0)
		fits = fits && buf_add(to, part, len);
	if (ferror(from))
		return false;
	errno = fits ? 0 : EFBIG;
	return fits;
}

/* ---- what a message came to ---- */

static void note(struct import *i, const char *name, enum report_fate fate,
		 const struct err *err)
{
	if (fate != REPORT_TAKEN)
		say_failure(name, err);
	if (fate > i->worst)
		i->worst = fate;
}

static void take_message(struct import *i, const char *name,
			 const struct buf *message, bool is_whole)
{
	struct err err = ERR_INIT;
	const char *data = message->data;
	size_t len = message->len;
	enum report_fate fate;

	mail_skip_envelope(&data, &len);
	fate = is_whole ? report_take_message(&i->taker, data, len, &err)
			: report_take_none(&i->taker, &err);
	note(i, name, fate, &err);
}

static bool take_stream(struct import *i, const char *name, FILE *from,
			struct buf *message)
{
	bool is_whole;

	buf_clear(message);
	is_whole = read_all(from, message);
	if (!is_whole && errno != EFBIG)
		return false;
	take_message(i, name, message, is_whole);
	return true;
}

/* ---- a folder ---- */

/* NULL, and errno ENOENT, if it is no file: a link is none. */
static FILE *open_at(int folder, const char *name)
{
	int fd = openat(folder, name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	FILE *from = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		from = fdopen(fd, "r");
	else if (fd >= 0 || errno == ELOOP)
		errno = ENOENT;
	if (fd >= 0 && !from)
		close(fd);
	return from;
}

static bool take_entry(struct import *i, int folder, const char *name,
		       struct buf *message, struct err *err)
{
	FILE *from;
	bool ok;

	if (name[0] == '.')
		return true;
	from = open_at(folder, name);
	if (!from) /* a reader of the mail may have moved it */
		return errno == ENOENT || err_sys(err, "%s", name);
	ok = take_stream(i, name, from, message) || err_sys(err, "%s", name);
	fclose(from);
	return ok;
}

static bool take_part(struct import *i, int top, const char *part,
		      struct buf *message, struct err *err)
{
	int fd = openat(top, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool ok = true;

	if (!folder) {
		if (fd >= 0)
			close(fd);
		return err_sys(err, "%s", part);
	}
	while (ok && !i->taker.is_over && (entry = readdir(folder)))
		ok = take_entry(i, fd, entry->d_name, message, err);
	closedir(folder);
	return ok;
}

/* Root has been left by now, and a folder of root's is closed to others. */
static bool no_maildir(struct err *err)
{
	if (errno != EACCES)
		return err_set(err, ERR_INPUT,
			       "it is a folder, but no Maildir "
			       "with new and cur in it");
	err_set(err, ERR_INPUT,
		"its messages may not be opened: permission "
		"denied");
	return err_hint(err, "root reads no mail of strangers: let the folder "
			     "belong to a user, who then reads it");
}

static bool take_maildir(struct import *i, int top, struct err *err)
{
	struct buf message;
	bool ok;

	if (faccessat(top, "cur", F_OK, 0) < 0 ||
	    faccessat(top, "new", F_OK, 0) < 0)
		return no_maildir(err);
	buf_init(&message, MAIL_BYTES_MAX);
	ok = take_part(i, top, "new", &message, err) &&
	     take_part(i, top, "cur", &message, err);
	buf_release(&message);
	return ok;
}

/* ---- a file ---- */

static void take_numbered(struct import *i, const struct buf *b, bool is_whole)
{
	char *name = xasprintf("message %ld", i->taker.tally.messages + 1);

	take_message(i, name, b, is_whole);
	free(name);
}

static bool take_mbox(struct import *i, FILE *from, struct err *err)
{
	struct mail_box box = { .from = from };
	struct buf message;
	bool is_whole, ok = true;

	buf_init(&message, MAIL_BYTES_MAX);
	while (ok && !i->taker.is_over &&
	       mail_box_next(&box, &message, &is_whole)) {
		ok = !ferror(from) || err_sys(err, "it cannot be read");
		if (ok)
			take_numbered(i, &message, is_whole);
	}
	buf_release(&message);
	return ok;
}

/* JSON, or gzip: a report as it is, and no message. */
static bool is_bare(const struct buf *b)
{
	const char *text = b->data;

	if (str_starts(text, "\xef\xbb\xbf"))
		text += 3;
	return inflate_is_gzip(b->data, b->len) ||
	       text[strspn(text, " \t\r\n")] == '{';
}

static void take_bare(struct import *i, const char *name, const struct buf *b)
{
	struct err err = ERR_INIT;
	enum report_fate fate;

	i->taker.via = "file";
	fate = report_take_file(&i->taker, name, b->data, b->len, &err);
	note(i, name, fate, &err);
}

static void take_any(struct import *i, const char *name, const struct buf *b,
		     bool is_whole)
{
	if (is_whole && !i->is_mail && is_bare(b))
		take_bare(i, name, b);
	else
		take_message(i, name, b, is_whole);
}

static bool take_one_file(struct import *i, const char *name, FILE *from,
			  struct err *err)
{
	struct buf b;
	bool is_whole, is_read;

	buf_init(&b, MAIL_BYTES_MAX);
	is_whole = read_all(from, &b);
	is_read = is_whole || errno == EFBIG;
	if (is_read)
		take_any(i, name, &b, is_whole);
	buf_release(&b);
	return is_read || err_sys(err, "it cannot be read");
}

/* ---- a pipe ---- */

/*
 * Behind the first: a stranger may have written it, with its headers, into the
 * text of that one. So nobody has signed it.
 */
static void take_further(struct import *i, const struct buf *b, bool is_whole)
{
	if (i->taker.server)
		fputs("mtastsctl: from message 2 on no signature counts, for "
		      "through a pipe anybody may write there: give an mbox as "
		      "a FILE\n",
		      stderr);
	i->taker.server = NULL;
	take_numbered(i, b, is_whole);
}

static bool take_piped(struct import *i, FILE *from, struct err *err)
{
	struct mail_box box = { .from = from, .is_piped = true };
	bool is_first = true, is_whole, ok = true;
	struct buf b;

	buf_init(&b, MAIL_BYTES_MAX);
	while (ok && !i->taker.is_over && mail_box_next(&box, &b, &is_whole)) {
		ok = !ferror(from) || err_sys(err, "it cannot be read");
		if (ok && is_first)
			take_any(i, NULL, &b, is_whole);
		else if (ok)
			take_further(i, &b, is_whole);
		is_first = false;
	}
	buf_release(&b);
	return ok;
}

static bool is_mbox(FILE *from)
{
	char start[5];
	bool is = fread(start, 1, sizeof(start), from) == sizeof(start) &&
		  memcmp(start, "From ", sizeof(start)) == 0;

	rewind(from);
	return is;
}

/* ---- the command ---- */

static bool take_fd(struct import *i, const char *name, int fd, bool is_folder,
		    struct err *err)
{
	bool ok = true;
	FILE *from;

	if (is_folder)
		return take_maildir(i, fd, err);
	if (fd == STDIN_FILENO)
		return i->is_mail ? take_one_file(i, NULL, stdin, err)
				  : take_piped(i, stdin, err);
	from = fdopen(dup(fd), "r");
	if (!from)
		return err_sys(err, "it cannot be read");
	if (is_mbox(from))
		ok = take_mbox(i, from, err);
	else
		ok = take_one_file(i, name, from, err);
	fclose(from);
	return ok;
}

/* Opened as who was called, read as who may do nothing. */
static bool take_path(struct import *i, const char *path, struct err *err)
{
	bool is_piped = streq(path, "-"), is_folder, ok;
	int fd = is_piped ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(err, "%s", path);
		if (fd > STDIN_FILENO)
			close(fd);
		return false;
	}
	/* The messages in a folder are its owner's, and opened one by one. */
	is_folder = S_ISDIR(st.st_mode);
	if (!is_piped && geteuid() == 0)
		api_connect_now(i->taker.api);
	ok = drop_root(is_folder ? st.st_uid : 0, err) &&
	     take_fd(i, path, fd, is_folder, err);
	if (!is_piped)
		close(fd);
	return ok;
}

static enum exit_code how_to_end(const struct import *i, bool is_piped)
{
	switch (i->worst) {
	case REPORT_TAKEN:
		return EXIT_FINE;
	case REPORT_NONE:
		return is_piped ? EXIT_FINE : EXIT_WARNINGS;
	case REPORT_REFUSED:
		return is_piped ? EXIT_FINE : EXIT_REFUSED;
	case REPORT_LATER:
		break;
	}
	return is_piped ? EXIT_TEMPFAIL : i->taker.later;
}

static bool check(const struct options *o, struct err *err)
{
	if (o->via && !streq(o->via, "mail") && !streq(o->via, "imap"))
		return err_set(err, ERR_INPUT, "--via: mail or imap");
	if (o->require_dkim && !o->auth_results) {
		err_set(err, ERR_INPUT, "--require-dkim: who says so?");
		return err_hint(err, "--auth-results SERVER names whose "
				     "Authentication-Results header counts");
	}
	return true;
}

enum exit_code cmd_report_import(struct cli *cli)
{
	const struct options *o = &cli->options;
	bool is_piped = streq(cli->names[0], "-");
	struct import i = {
		.taker = { .api = cli->api,
			   .via = o->via ? o->via : "mail",
			   .server = o->auth_results,
			   .requires_dkim = o->require_dkim },
		.is_mail = o->via,
	};
	struct err err = ERR_INIT;

	if (!check(o, &err)) {
		say_failure(NULL, &err);
		return is_piped ? EXIT_TEMPFAIL : EXIT_USAGE;
	}
	if (!take_path(&i, cli->names[0], &err)) {
		say_failure(cli->names[0], &err);
		return is_piped ? EXIT_TEMPFAIL : EXIT_ERRORS;
	}
	report_say_tally(&i.taker.tally, o->json);
	return how_to_end(&i, is_piped);
}
