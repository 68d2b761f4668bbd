/*
 * The daemon itself, what it says of its box, what it would read at its next
 * start, and whether systemd would start it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/doctor.h"
#include "cli/doctor_user.h"
#include "cli/say.h"
#include "policy/contact.h"

/* ---- does it run, and what does it say? ---- */

static enum doctor_level level_of(const json_t *finding)
{
	return streq(text_at(finding, "level"), "error") ? DOCTOR_ERROR
							 : DOCTOR_WARNING;
}

/* There may be another socket than the one that was asked. */
static void hint_silent(const struct doctor_box *box, struct doctor_notes *n)
{
	char *path = xasprintf("%s/admin.sock", text_at(box->facts, "run_dir"));

	if (!strstr(box->silence.text, path) && access(path, F_OK) == 0)
		doctor_hint(n, "%s has another socket: --socket %s",
			    doctor_config_of(box), path);
	else if (doctor_has_systemd(box) &&
		 doctor_has_unit(box, "mtastsd.service"))
		doctor_hint(n, "start it: systemctl start mtastsd; why it "
			       "ended: journalctl -u mtastsd -n 20");
	else
		doctor_hint(n, "start it as root: mtastsd --user mtastsd; if "
			       "it ends it says why, on standard error");
	free(path);
}

void doctor_daemon(const struct doctor_box *box, struct doctor_notes *n)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(value_at(box->status, "findings"), i, finding)
	{
		doctor_say(n, level_of(finding), text_at(finding, "id"), "%s",
			   text_at(finding, "text"));
		doctor_hint(n, "%s", text_at(finding, "hint"));
	}
	if (doctor_has_daemon(box))
		return;
	if (box->silence.kind == ERR_REFUSED) {
		doctor_say(n, DOCTOR_WARNING, "daemon.closed", "%s",
			   box->silence.text);
		doctor_hint(n, "%s", box->silence.hint);
		return;
	}
	doctor_say(n, DOCTOR_ERROR, "daemon.silent", "%s", box->silence.text);
	hint_silent(box, n);
}

/* ---- what it would read ---- */

#define CHECK_MS     4000L
#define CHECK_OUTPUT 16384

/* What the daemon says of it already, at a reload that it refused. */
static bool is_told(const struct doctor_box *box, const char *text)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(value_at(box->status, "findings"), i, finding)
	{
		if (strstr(text_at(finding, "text"), text))
			return true;
	}
	return false;
}

/* FILE:3: trust: "/a/path" is not good: for us, or for everybody? */
static bool names_closed_file(const char *line)
{
	const char *path = strstr(line, "\"/");
	char copy[DOCTOR_PATH];

	if (!path)
		return false;
	snprintf(copy, sizeof(copy), "%s", path + 1);
	copy[strcspn(copy, "\"")] = '\0';
	return access(copy, R_OK) < 0 && errno == EACCES;
}

/* Files that are closed to who asks may be open to the daemon. */
static bool is_closed_to_us(const char *line)
{
	return geteuid() != 0 && (strstr(line, strerror(EACCES)) != NULL ||
				  names_closed_file(line));
}

/* Does what helps belong to it? */
static bool say_line(const struct doctor_box *box, struct doctor_notes *n,
		     const char *line)
{
	bool is_closed = is_closed_to_us(line);

	if (is_closed)
		doctor_say(n, DOCTOR_UNSEEN, "config.closed",
			   "%s, for you at least: be root", line);
	else
		doctor_say(n, DOCTOR_ERROR, "config.bad", "%s%s", line,
			   doctor_has_daemon(box) ? " (its next start fails)"
						  : "");
	return !is_closed;
}

/* "mtastsd: TEXT" and "mtastsd: hint: HINT", by turns. */
static void say_lines(const struct doctor_box *box, struct doctor_notes *n,
		      char *output)
{
	static const char before[] = "mtastsd: ", hint[] = "mtastsd: hint: ";
	char *rest = output, *line;
	bool is_said = false;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (str_starts(line, hint) && is_said) {
			doctor_hint(n, "%s", line + strlen(hint));
		} else if (str_starts(line, before) &&
			   !str_starts(line, hint)) {
			line += strlen(before);
			is_said = !is_told(box, line) && say_line(box, n, line);
		}
	}
}

/* Of a daemon that runs, it says so itself. */
static void say_what_lacks(const struct doctor_box *box, struct doctor_notes *n)
{
	bool lacks_contact = !*text_at(box->facts, "contact");
	bool lacks_terms = !json_is_true(value_at(box->facts, "agree_tos"));

	if (!box->facts || doctor_has_daemon(box) ||
	    (!lacks_contact && !lacks_terms))
		return;
	doctor_say(n, DOCTOR_ERROR, "config.not-set-up",
		   "no certificate is ordered before %s set in %s",
		   lacks_contact && lacks_terms ? "two lines are" : "a line is",
		   doctor_config_of(box));
	doctor_hint(n, "set %s%s%s there",
		    lacks_contact ? "contact = \"YOU@YOUR-DOMAIN\"" : "",
		    lacks_contact && lacks_terms ? " and " : "",
		    lacks_terms ? "agree_tos = true (once you have read the "
				  "CA's terms)"
				: "");
}

/* The first of them: one address of one's own is what all want. */
static void say_who_refuses_contact(const struct doctor_box *box,
				    struct doctor_notes *n)
{
	const char *contact = text_at(box->facts, "contact");
	const json_t *ca;
	size_t i;

	json_array_foreach(value_at(box->facts, "cas"), i, ca)
	{
		if (!contact_is_refused(contact, text_at(ca, "directory")))
			continue;
		doctor_say(n, DOCTOR_WARNING, "config.contact",
			   "contact = \"%s\" is an address of examples, and "
			   "CA %s refuses it",
			   contact, text_at(ca, "name"));
		doctor_hint(n, "set your own mail address in %s",
			    doctor_config_of(box));
		return;
	}
}

static bool may_read(const char *path, struct doctor_notes *n)
{
	if (access(path, R_OK) == 0 || errno != EACCES)
		return true;
	doctor_say(n, DOCTOR_UNSEEN, "config.closed",
		   "%s may not be read by you: be root", path);
	return false;
}

void doctor_config(const struct doctor_box *box, struct doctor_notes *n)
{
	const char *path = doctor_config_of(box);
	const char *argv[] = { box->program, "--check-config", "--config", path,
			       NULL };
	struct err result = ERR_INIT;
	char *output;

	if (!*box->program) {
		doctor_say(n, DOCTOR_UNSEEN, "config.no-program",
			   "the program mtastsd, which reads it, is not there");
		return;
	}
	say_what_lacks(box, n);
	say_who_refuses_contact(box, n);
	if ((access(path, F_OK) < 0 && errno == ENOENT && !box->config) ||
	    !may_read(path, n))
		return;
	doctor_ask(argv, CHECK_OUTPUT, CHECK_MS, &output, &result);
	if (result.kind != ERR_NONE)
		say_lines(box, n, output);
	free(output);
}

/* ---- its user; and systemd, as far as files show ---- */

static const struct {
	const char *unit, *wanted, *means;
} units[] = {
	{ "mtastsd.service",
	  "/etc/systemd/system/multi-user.target.wants/mtastsd.service",
	  "it is not started at boot" },
	{ "mtastsd-https.socket",
	  "/etc/systemd/system/sockets.target.wants/mtastsd-https.socket",
	  "nobody binds port 443 for it at boot" },
	{ "mtastsd-http.socket",
	  "/etc/systemd/system/sockets.target.wants/mtastsd-http.socket",
	  "nobody binds port 80 for it at boot" },
};

static bool lacks_user(const struct doctor_box *box)
{
	struct doctor_user user;

	return !doctor_has_daemon(box) && !doctor_user_named("mtastsd", &user);
}

static void look_at_units_user(const struct doctor_box *box,
			       struct doctor_notes *n)
{
	if (!lacks_user(box))
		return;
	doctor_say(n, DOCTOR_ERROR, "user.missing",
		   "there is no user mtastsd, whom its unit names");
	doctor_hint(n, "make it: systemd-sysusers");
}

/* It may be meant to run as somebody else. */
static void look_at_user(const struct doctor_box *box, struct doctor_notes *n)
{
	if (!lacks_user(box))
		return;
	doctor_say(n, DOCTOR_WARNING, "user.missing",
		   "there is no user mtastsd, for mtastsd --user to become");
	doctor_hint(n, "make it and its groups, by the commands in mtastsd(8), "
		       "\"Without systemd\"");
}

void doctor_units(const struct doctor_box *box, struct doctor_notes *n)
{
	if (!doctor_has_systemd(box)) {
		look_at_user(box, n);
		return;
	}
	if (!doctor_has_unit(box, "mtastsd.service"))
		return;
	look_at_units_user(box, n);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (doctor_is_there(box, units[i].wanted))
			continue;
		doctor_say(n, DOCTOR_WARNING, "unit.not-enabled",
			   "%s is not enabled: %s", units[i].unit,
			   units[i].means);
		doctor_hint(n, "systemctl enable --now %s", units[i].unit);
	}
}
