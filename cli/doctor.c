#include "cli/doctor.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/steady.h"

/* Of what is as grave, the first is said first. */
static const struct doctor_look looks[] = {
	{ "daemon", "mtastsd itself", doctor_daemon },
	{ "config", "the configuration", doctor_config },
	{ "units", "its user, and the units of systemd", doctor_units },
	{ "ports", "the ports", doctor_ports },
	{ "state", "the state folder", doctor_state },
	{ "sockets", "the folder of the sockets", doctor_sockets },
	{ "addresses", "the addresses", doctor_addresses },
	{ "firewall", "the firewall", doctor_firewall },
	{ "resolvers", "the resolvers", doctor_resolvers },
	{ "cas", "the certificate authorities", doctor_cas },
	{ "clock", "the clock", doctor_clock },
	{ "files", "the limit of open files", doctor_files },
	{ "backup", "the backups", doctor_backup },
	{ "programs", "programs that it runs", doctor_programs },
	{ "mail", "outgoing port 25", doctor_mail },
};

#define LOOKS ARRAY_LEN(looks)

const struct doctor_look *doctor_look_at(size_t i)
{
	return i < LOOKS ? &looks[i] : NULL;
}

/* ---- what they say ---- */

/* All looks of a run share the lock, which guards notes, counts and is_done. */
struct round {
	pthread_mutex_t lock;
	int news; /* an eventfd: one for each look that is over */
};

struct doctor_notes {
	struct round *round;
	const struct doctor_look *look;
	const struct doctor_box *box;
	struct doctor_note item[DOCTOR_NOTES_MAX];
	size_t count;
	bool is_done;
	pthread_t thread;
	bool has_thread;
};

static void add(struct doctor_notes *n, const struct doctor_note *note)
{
	pthread_mutex_lock(&n->round->lock);
	if (n->count < DOCTOR_NOTES_MAX)
		n->item[n->count++] = *note;
	pthread_mutex_unlock(&n->round->lock);
}

void doctor_say(struct doctor_notes *n, enum doctor_level level, const char *id,
		const char *fmt, ...)
{
	struct doctor_note note = { .level = level,
				    .id = id,
				    .look = n->look->id,
				    .title = n->look->title };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note.err.text, sizeof(note.err.text), fmt, ap);
	va_end(ap);
	add(n, &note);
}

void doctor_hint(struct doctor_notes *n, const char *fmt, ...)
{
	char hint[sizeof(n->item[0].err.hint)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&n->round->lock);
	if (n->count)
		memcpy(n->item[n->count - 1].err.hint, hint, sizeof(hint));
	pthread_mutex_unlock(&n->round->lock);
}

/* ---- a round of them ---- */

static void round_init(struct round *r)
{
	pthread_mutex_init(&r->lock, NULL);
	r->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void round_release(struct round *r)
{
	close(r->news);
	pthread_mutex_destroy(&r->lock);
}

static void *look(void *arg)
{
	struct doctor_notes *n = arg;

	n->look->run(n->box, n);
	pthread_mutex_lock(&n->round->lock);
	n->is_done = true;
	eventfd_write(n->round->news, 1);
	pthread_mutex_unlock(&n->round->lock);
	return NULL;
}

/* Where there is no thread to be had, it is looked at all the same. */
static void begin(struct doctor_notes *n)
{
	n->has_thread = pthread_create(&n->thread, NULL, look, n) == 0;
	if (!n->has_thread)
		look(n);
}

/* What a thread has of libraries goes with it: it is waited for. */
static void end(struct doctor_notes *notes)
{
	for (size_t i = 0; i < LOOKS; i++)
		if (notes[i].has_thread)
			pthread_join(notes[i].thread, NULL);
	round_release(notes->round);
	free(notes->round);
	free(notes);
}

static void wait_for_all(const struct round *r, long ms)
{
	struct pollfd news = { .fd = r->news, .events = POLLIN };
	int64_t end = steady_ms() + ms, left;
	eventfd_t over = 0, n;

	while (over < LOOKS && (left = end - steady_ms()) > 0)
		if (poll(&news, 1, (int)left) == 1 &&
		    eventfd_read(r->news, &n) == 0)
			over += n;
}

/* ---- all that was found ---- */

static void take(struct doctor_result *r, const struct doctor_notes *n)
{
	for (size_t i = 0; i < n->count; i++)
		r->note[r->count++] = n->item[i];
	if (n->is_done)
		return;
	r->is_whole = false;
	r->note[r->count] = (struct doctor_note){ .level = DOCTOR_UNSEEN,
						  .id = "look.late",
						  .look = n->look->id,
						  .title = n->look->title };
	err_set(&r->note[r->count++].err, ERR_AGAIN,
		"it was not over after %ld seconds", DOCTOR_SECONDS);
}

/* The order within a level stays: insertion. */
static void put_gravest_first(struct doctor_note *note, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct doctor_note one = note[i];
		size_t at = i;

		for (; at && note[at - 1].level < one.level; at--)
			note[at] = note[at - 1];
		note[at] = one;
	}
}

void doctor_run(const struct doctor_box *box, long ms, struct doctor_result *r)
{
	struct doctor_notes *notes = xcalloc(LOOKS, sizeof(*notes));
	struct round *round = xcalloc(1, sizeof(*round));

	*r = (struct doctor_result){ .is_whole = true };
	r->note = xcalloc(LOOKS * (DOCTOR_NOTES_MAX + 1), sizeof(*r->note));
	round_init(round);
	for (size_t i = 0; i < LOOKS; i++) {
		notes[i].round = round;
		notes[i].look = &looks[i];
		notes[i].box = box;
	}
	for (size_t i = 0; i < LOOKS; i++)
		begin(&notes[i]);
	wait_for_all(round, ms);
	pthread_mutex_lock(&round->lock);
	for (size_t i = 0; i < LOOKS; i++)
		take(r, &notes[i]);
	pthread_mutex_unlock(&round->lock);
	put_gravest_first(r->note, r->count);
	if (r->is_whole) /* else somebody still has them */
		end(notes);
}

size_t doctor_run_one(const struct doctor_look *one,
		      const struct doctor_box *box, struct doctor_note *note)
{
	struct doctor_notes n = { .look = one, .box = box };
	struct round round;

	round_init(&round);
	n.round = &round;
	look(&n);
	round_release(&round);
	memcpy(note, n.item, n.count * sizeof(*note));
	return n.count;
}
