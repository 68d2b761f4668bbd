/*
 * The clock, and how many files the daemon may have open.
 *
 * How far off the clock is, is said by who knows: the daemon, from what CAs
 * say (a finding of its own), or a CA that is asked now (doctor_net.c).
 */
#include <sys/timex.h>
#include <time.h>

#include "cli/doctor.h"
#include "cli/say.h"

#define WRITTEN_AT 1767225600 /* 2026-01-01: earlier than that it is not */
#define OURS	   200	      /* descriptors that are not connections' */

void doctor_clock(const struct doctor_box *box, struct doctor_notes *n)
{
	struct timex t = { .modes = 0 };

	if (time(NULL) < WRITTEN_AT) {
		doctor_say(n, DOCTOR_ERROR, "clock.wrong",
			   "this machine's clock stands before the year 2026");
		doctor_hint(n, doctor_has_systemd(box)
				       ? "set it: timedatectl set-ntp true"
				       : "set it: date -s");
		return;
	}
	if (adjtimex(&t) < 0) {
		doctor_say(n, DOCTOR_UNSEEN, "clock.unseen",
			   "the kernel does not say whether it is kept");
	} else if (t.status & STA_UNSYNC) {
		doctor_say(n, DOCTOR_WARNING, "clock.unkept",
			   "no time service keeps this machine's clock");
		doctor_hint(n,
			    doctor_has_systemd(box)
				    ? "timedatectl set-ntp true; if that is "
				      "not there: apt install "
				      "systemd-timesyncd, or chrony"
				    : "run one, such as chrony; in a container "
				      "the host does");
	}
}

void doctor_files(const struct doctor_box *box, struct doctor_notes *n)
{
	long long most, wanted;

	if (!doctor_has_daemon(box)) {
		doctor_say(n, DOCTOR_UNSEEN, "files.no-daemon",
			   "it is the daemon's own, and none answers");
		return;
	}
	if (!doctor_knows_config(box, n))
		return;
	most = json_integer_value(value_at(box->facts, "process.files"));
	wanted = json_integer_value(value_at(box->facts, "max_connections"));
	if (most >= wanted + OURS)
		return;
	doctor_say(n, DOCTOR_WARNING, "files.few",
		   "mtastsd may have %lld files open: too few for %lld "
		   "connections (max_connections)",
		   most, wanted);
	doctor_hint(n,
		    "raise LimitNOFILE (systemctl edit mtastsd), or ulimit "
		    "-n, to %lld or more",
		    wanted + OURS);
}
