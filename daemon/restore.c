#include "daemon/restore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "store/backup.h"
#include "store/restore.h"

static void say_newest(const char *state_dir)
{
	char *newest = backup_newest(state_dir);

	if (newest)
		fprintf(stderr,
			"mtastsd: hint: the newest of its own backups "
			"is %s\n",
			newest);
	else
		fprintf(stderr,
			"mtastsd: hint: there is no backup in "
			"%s/backup\n",
			state_dir);
	free(newest);
}

static enum daemon_exit failed(const char *state_dir, const struct err *err)
{
	fprintf(stderr, "mtastsd: nothing was restored: %s\n", err->text);
	if (*err->hint)
		fprintf(stderr, "mtastsd: hint: %s\n", err->hint);
	else
		say_newest(state_dir);
	return EXIT_FAILED;
}

/* It would be there after all but a power failure. */
static enum daemon_exit unsynced(const struct err *err)
{
	fprintf(stderr,
		"mtastsd: the disk did not confirm that: %s\n"
		"mtastsd: hint: see what the kernel says of the disk (dmesg), "
		"then restore once more\n",
		err->text);
	return EXIT_FAILED;
}

static const char from_serve[] =
	"Now start mtastsd; one that serves only goes on by itself within some "
	"seconds.\n"
	"It takes over from serve.db the certificates, policies and names that "
	"are newer than\n"
	"the backup, and what is on its way out: mtastsctl log says which. "
	"Domains removed since\n"
	"the backup are back, and are named there: remove them again.";

static const char from_nothing[] =
	"Now start mtastsd. There is no serve.db of this box beside it, so "
	"nothing is known of what\n"
	"was done since the backup. Domains removed since the backup are back; "
	"domains added since\n"
	"are missing; removals and handovers begun since are to be begun "
	"again; policies are those\n"
	"of the backup, and each whose id is not the one in DNS is to be "
	"published again.\n"
	"A zone of your own (delegate_zone) stays the former box's: stop or "
	"freeze that one, then\n"
	"here: mtastsctl zone take. If the backup was made on a frozen box, "
	"this one is frozen, too:\n"
	"mtastsctl thaw.";

static const char for_all[] =
	"Labels, rua and templates are those of the backup. What senders may "
	"hold is reckoned as if\n"
	"all policies of the backup had been served until now; and by a former "
	"box, for as long\n"
	"as DNS leads there, and a day.";

static void say_done(const char *state_dir, const char *backup,
		     const struct restored *r)
{
	printf("%s/state.db is restored from %s\n", state_dir,
	       streq(backup, "-") ? "standard input" : backup);
	if (r->kept)
		printf("what was there is kept as %s\n", r->kept);
	puts(r->has_serve ? from_serve : from_nothing);
	puts(for_all);
}

enum daemon_exit restore_command(const char *state_dir, const char *backup)
{
	struct store_options options = { .dir = state_dir };
	struct err err = ERR_INIT;
	struct restored r;

	if (!backup) {
		fputs("mtastsd: --restore needs the file of a backup\n",
		      stderr);
		say_newest(state_dir);
		return EXIT_USAGE;
	}
	if (streq(backup, "-") && isatty(STDIN_FILENO)) {
		fputs("mtastsd: --restore - reads the backup from standard "
		      "input, which is a terminal\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (access(state_dir, F_OK) < 0) {
		err_set(&err, ERR_REFUSED, "%s: %s", state_dir,
			strerror(errno));
		err_hint(&err, "state_dir of the configuration says where the "
			       "state folder is; --config FILE reads another");
		return failed(state_dir, &err);
	}
	if (!store_restore(&options, backup, time(NULL), &r, &err) &&
	    !r.is_in_place)
		return failed(state_dir, &err);
	say_done(state_dir, backup, &r);
	restored_release(&r);
	return err.kind == ERR_NONE ? EXIT_FINE : unsynced(&err);
}
