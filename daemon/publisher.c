#include "daemon/publisher.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/announce.h"
#include "daemon/config_publish.h"
#include "daemon/publish_problem.h"
#include "daemon/zone.h"
#include "store/box.h"
#include "store/ca.h"
#include "store/cert.h"
#include "store/policy_version.h"
#include "store/publication.h"
#include "store/reached.h"

#define ROWS_MAX      100
#define READY_PART    500   /* of all, when somebody new is told: a few ms */
#define UPDATE_BYTES  30000 /* of the 65535 that a message may have */
#define TURN_MS	      1000
#define AGAIN_MS      10 /* there is more to look at */
#define CHILD_SECONDS 30
#define PROGRAM_LIMIT "15" /* seconds, for knsupdate and nsupdate */
#define PAUSE_FIRST   2L
#define PAUSE_MOST    300L

#define START_HINT                                                             \
	"publish_program, or publish_hook, must name a program that mtastsd "  \
	"may run"
#define END_HINT "it must end with 0 once the zone is as it was told"

/* Names on their way to the zone. */
struct batch {
	struct publication row[ROWS_MAX];
	char *wanted[ROWS_MAX]; /* as text */
	size_t count;
	struct zone_set change;
};

struct publisher {
	struct publisher_parts parts;
	struct event *timer;
	char *box; /* the box's own records, as they were looked at */
	struct batch batch;
	struct child *child; /* it is under way, or NULL */
	size_t size;	     /* names that the next update may have */
	long failures;	     /* of single names, in a row */
	time_t retry_at;     /* nothing before */
	time_t tried_at;     /* nothing that failed alone before */
	time_t begin_at;     /* an update of the last process is over */
	bool is_set_up;	     /* the store knows who publishes what */
	char id[BOX_ID_SIZE];	 /* that marks a zone as this box's */
	bool is_ours;		 /* the zone has that mark */
	enum zone_mark_how mark; /* what the next update holds of it */
	int refusals;		 /* for that, in a row */
	time_t taken_at, failing_since;
	struct err problem;
};

static const struct publish_settings *settings(const struct publisher *p)
{
	return &p->parts.config->publish;
}

static time_t now_of(const struct publisher *p)
{
	return engine_clock(p->parts.engine);
}

/* A hook is a program of the operator's, and asked nothing. */
static bool is_marked(const struct publisher *p)
{
	return *settings(p)->server != '\0';
}

static const char *by_whom(const struct publish_settings *s)
{
	return *s->server ? s->server : s->hook[0];
}

/* What lies further ahead has seen the time go back: it is over. */
static bool is_ahead(time_t at, time_t now, long most)
{
	return at > now && at <= now + most;
}

/* ---- what is wanted ---- */

static void want_box(const struct publisher *p, struct zone_set *z)
{
	const struct config *c = p->parts.config;
	const char *addresses[ENGINE_ADDRESS_LIMIT];

	for (size_t i = 0; i < c->engine.address_count; i++)
		addresses[i] = c->engine.address[i];
	zone_of_box(z, c->publish.zone, c->host_name, addresses,
		    c->engine.address_count);
}

/* A row that does not decode is found by nobody, and yet it is there. */
static bool is_gone(const struct publisher *p, const char *name,
		    const struct err *why)
{
	bool is_there = true;

	return why->kind == ERR_NOT_FOUND &&
	       domain_is_there(p->parts.store, name, &is_there, NULL) &&
	       !is_there;
}

/* What cannot be read is no reason to tell, nor to take back. */
static bool may_tell(const struct publisher *p, const struct domain *d,
		     const char *told, bool *may)
{
	struct store *s = p->parts.store;
	struct ca ca = { .id = 0 };
	struct err err = ERR_INIT;
	struct reached reached;
	struct cert cert;
	bool has_cert;

	*may = d->state == DOMAIN_LIVE &&
	       zone_announces(told, settings(p)->zone, d->name);
	if (*may)
		return true;
	has_cert = cert_current(s, d, &cert, &err);
	if (!has_cert && err.kind != ERR_NOT_FOUND)
		return false;
	if (has_cert && cert.ca_id && !ca_by_id(s, cert.ca_id, &ca, NULL))
		return false;
	if (!reached_of(s, d, &reached, NULL))
		return false;
	*may = announce_may(announce_judge(d, has_cert, &ca, &reached));
	return true;
}

/* False: it cannot be read, and nothing of it is to change. */
static bool want_domain(const struct publisher *p, const char *name,
			const char *told, struct zone_set *z)
{
	struct policy_version v;
	struct err err = ERR_INIT;
	struct domain d;
	bool may;

	if (!domain_by_name(p->parts.store, name, &d, &err))
		return is_gone(p, name, &err);
	if (!may_tell(p, &d, told, &may))
		return false;
	if (policy_version_current(p->parts.store, &d, &v, &err)) {
		zone_of_domain(z, settings(p)->zone, &d, may ? v.sts_id : NULL,
			       p->parts.config->collect_reports);
		policy_version_release(&v);
		return true;
	}
	if (err.kind != ERR_NOT_FOUND || d.policy_id)
		return false;
	zone_of_domain(z, settings(p)->zone, &d, NULL,
		       p->parts.config->collect_reports);
	return true;
}

/* No address at all is an interface that is down, not a box that has moved. */
static bool want(const struct publisher *p, const struct publication *row,
		 struct zone_set *z)
{
	if (*row->name)
		return want_domain(p, row->name, row->told, z);
	if (!p->parts.config->engine.address_count)
		return false;
	want_box(p, z);
	return true;
}

/* ---- one batch ---- */

static void batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		publication_release(&b->row[i]);
		free(b->wanted[i]);
	}
	zone_set_release(&b->change);
	b->count = 0;
}

/* Takes the row and `wanted`. */
static bool add_row(struct publisher *p, struct publication *row,
		    const struct zone_set *told, const struct zone_set *z,
		    char *wanted, struct err *err)
{
	struct batch *b = &p->batch;
	struct zone_set both = { .count = 0 };
	char *may_have;
	bool ok;

	zone_set_join(&both, told, z);
	may_have = zone_set_text(&both);
	zone_set_release(&both);
	zone_set_change(&b->change, told, z);
	b->row[b->count] = *row;
	b->wanted[b->count++] = wanted;
	row->told = NULL;
	ok = publication_sent(p->parts.store, &b->row[b->count - 1], may_have,
			      err);
	free(may_have);
	return ok;
}

/* Into the batch, or out of what is due if the zone has been told already. */
static bool compare(struct publisher *p, struct publication *row,
		    const struct zone_set *z, struct err *err)
{
	struct zone_set told = { .count = 0 };
	char *wanted = zone_set_text(z);
	bool is_first = is_marked(p) && !p->is_ours && !*row->name;
	bool ok;

	/* The box's own row asks whose the zone is, before much is done. */
	if (!is_first && ((streq(wanted, row->told) && !row->is_unsure) ||
			  (!*wanted && !*row->told))) {
		ok = publication_taken(p->parts.store, row, row->told,
				       row->told_at, err);
		free(wanted);
	} else {
		zone_set_read(&told, row->told);
		ok = add_row(p, row, &told, z, wanted, err);
	}
	zone_set_release(&told);
	return ok;
}

static bool look_at(struct publisher *p, struct publication *row,
		    struct err *err)
{
	struct zone_set z = { .count = 0 };
	bool ok = want(p, row, &z) ? compare(p, row, &z, err)
				   : publication_pass(p->parts.store, row, err);

	zone_set_release(&z);
	return ok;
}

/* One that failed alone goes alone, and only when its time has come. */
static bool has_room(const struct publisher *p, const struct publication *row)
{
	const struct batch *b = &p->batch;

	if (row->tries)
		return !b->count &&
		       !is_ahead(p->tried_at, now_of(p), PAUSE_MOST);
	return zone_set_size(&b->change) < UPDATE_BYTES;
}

static bool look_at_all(struct publisher *p, struct publication *rows, size_t n,
			size_t *looked, struct err *err)
{
	bool ok = true, is_alone = false;
	size_t i;

	for (i = 0; ok && !is_alone && i < n && has_room(p, &rows[i]); i++) {
		is_alone = rows[i].tries > 0;
		ok = look_at(p, &rows[i], err);
	}
	*looked = i;
	return ok;
}

/* *looked: how many rows were looked at. */
static bool gather(struct publisher *p, size_t *looked, struct err *err)
{
	struct publication rows[ROWS_MAX];
	struct err problem = ERR_INIT;
	size_t n = publication_due(p->parts.store, rows, p->size, &problem);
	bool ok = problem.kind == ERR_NONE &&
		  look_at_all(p, rows, n, looked, &problem);

	for (size_t i = 0; i < n; i++)
		publication_release(&rows[i]);
	if (!ok)
		*err = problem;
	return ok;
}

/* ---- what came of it ---- */

static long pause_of(long failures)
{
	long pause = PAUSE_FIRST;

	while (failures-- > 1 && pause < PAUSE_MOST)
		pause *= 2;
	return pause < PAUSE_MOST ? pause : PAUSE_MOST;
}

static bool now_ours(struct publisher *p, struct err *err)
{
	p->is_ours = true;
	p->mark = ZONE_IS_OURS;
	p->refusals = 0;
	return !box_takes_zone(p->parts.store) ||
	       box_take_zone(p->parts.store, false, err);
}

static bool write_result(struct publisher *p, bool was_taken, time_t now,
			 struct err *err)
{
	struct store *s = p->parts.store;
	const struct batch *b = &p->batch;
	bool ok = store_begin(s, err);

	if (!ok)
		return false;
	if (ok && was_taken && is_marked(p))
		ok = now_ours(p, err);
	for (size_t i = 0; ok && i < b->count; i++)
		ok = was_taken ? publication_taken(s, &b->row[i], b->wanted[i],
						   now, err)
			       : publication_failed(s, &b->row[i],
						    b->count == 1, err);
	if (ok)
		return store_commit(s, err);
	store_rollback(s);
	return false;
}

static const char *first_name(const struct publisher *p)
{
	const char *name = p->batch.row[0].name;

	return *name ? name : "this box";
}

static void say_taken(const struct publisher *p)
{
	size_t n = p->batch.count;

	if (n == 1)
		log_info("zone %s: has what %s needs", settings(p)->zone,
			 first_name(p));
	else
		log_info("zone %s: has what %zu names need, %s and others",
			 settings(p)->zone, n, first_name(p));
}

static void taken(struct publisher *p, time_t now)
{
	say_taken(p);
	p->taken_at = now;
	p->failures = 0;
	p->retry_at = 0;
	p->size = 2 * p->size < ROWS_MAX ? 2 * p->size : ROWS_MAX;
}

static void note_problem(struct publisher *p, const struct err *why, time_t now)
{
	if (!p->failing_since || p->failing_since > now)
		p->failing_since = now;
	if (!streq(p->problem.text, why->text))
		log_warn("zone %s: cannot be published: %s%s%s%s",
			 settings(p)->zone, why->text, *why->hint ? " (" : "",
			 why->hint, *why->hint ? ")" : "");
	p->problem = *why;
}

/*
 * Of many, it may be one that is not taken: halves find it, and soon. One that
 * has failed alone before makes nobody else wait.
 */
static void failed(struct publisher *p, const struct err *why, time_t now)
{
	const struct batch *b = &p->batch;

	note_problem(p, why, now);
	if (b->count > 1) {
		p->size = b->count / 2;
		p->retry_at = now + PAUSE_FIRST;
	} else if (b->count && b->row[0].tries) {
		p->tried_at = now + pause_of(b->row[0].tries + 1);
	} else {
		p->size = 1;
		p->retry_at = p->tried_at = now + pause_of(++p->failures);
	}
}

static void turn_in(struct publisher *p, long ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };

	event_add(p->timer, &t);
}

/* ---- whose it is ---- */

static void another_box(const struct publisher *p, struct err *err)
{
	err_set(err, ERR_REFUSED,
		"another box publishes it: the mark " ZONE_MARK_NAME
		".%.120s is not of this one",
		settings(p)->zone);
	err_hint(err, "is it this box's now? freeze or stop the other one, "
		      "then here: mtastsctl zone take; else take delegate_zone "
		      "out of the configuration");
}

#define REFUSALS 3 /* ours, free, ours: the answer to setting it may be lost */

/*
 * Was the update refused for the mark? One that is not there is set; one that is
 * there and not ours is another box's.
 */
static bool is_mark_wrong(struct publisher *p, const char *output,
			  struct err *err)
{
	if (!is_marked(p) || !strstr(output, "XRRSET"))
		return false;
	p->is_ours = false;
	p->mark = p->mark == ZONE_IS_OURS ? ZONE_IS_FREE : ZONE_IS_OURS;
	p->retry_at = 0;
	if (++p->refusals < REFUSALS)
		return true;
	p->refusals = 0;
	p->mark = ZONE_IS_OURS;
	another_box(p, err);
	note_problem(p, err, now_of(p));
	p->retry_at = now_of(p) + PAUSE_MOST;
	return true;
}

/* Nobody is charged for it: all of it goes again as it is. */
static void go_again(struct publisher *p)
{
	struct store *s = p->parts.store;
	struct err err = ERR_INIT;
	bool ok = store_begin(s, &err);

	for (size_t i = 0; ok && i < p->batch.count; i++)
		ok = publication_failed(s, &p->batch.row[i], false, &err);
	if (!ok || !store_commit(s, &err)) {
		store_rollback(s);
		note_problem(p, &err, now_of(p));
	}
	batch_clear(&p->batch);
	turn_in(p, p->retry_at ? TURN_MS : AGAIN_MS);
}

static void on_result(struct publisher *p, const struct err *result)
{
	struct err err = ERR_INIT;
	bool was_taken = result->kind == ERR_NONE;
	time_t now = now_of(p);

	if (was_taken)
		taken(p, now);
	else
		failed(p, result, now);
	if (!write_result(p, was_taken, now, &err))
		note_problem(p, &err, now);
	else if (was_taken && !publication_has_failed(p->parts.store))
		p->failing_since = 0;
	if (!p->failing_since)
		p->problem = (struct err)ERR_INIT;
	batch_clear(&p->batch);
	turn_in(p, was_taken ? AGAIN_MS : TURN_MS);
}

/* Not of knsupdate and nsupdate, which may repeat what is in the key file. */
static void say_output(const struct publisher *p, const char *output)
{
	char *text;

	if (*settings(p)->server)
		return;
	text = str_printable(output, CHILD_OUTPUT_MAX);
	log_debug("zone %s: it said: %s", settings(p)->zone, text);
	free(text);
}

static void on_ended(const struct err *result, const char *output, void *arg)
{
	struct publisher *p = arg;
	struct err why = *result;

	p->child = NULL;
	if (why.kind != ERR_NONE && is_mark_wrong(p, output, &why)) {
		go_again(p);
		return;
	}
	if (why.kind != ERR_NONE) {
		publish_problem(output, !*settings(p)->server, &why);
		say_output(p, output);
		if (p->batch.row[0].tries)
			err_prefix(&why, "%s", first_name(p));
	}
	on_result(p, &why);
}

/* ---- sending ---- */

static bool run(struct publisher *p, const char *const *argv, char *input,
		struct err *err)
{
	const struct child_task task = { .argv = argv,
					 .input = input,
					 .timeout_ms = CHILD_SECONDS * 1000L,
					 .keeps_output = true,
					 .start_hint = START_HINT,
					 .end_hint = END_HINT };

	p->child = child_start(p->parts.loop, &task, on_ended, p, err);
	free(input);
	return p->child != NULL;
}

static bool run_update(struct publisher *p, struct err *err)
{
	const struct publish_settings *s = settings(p);
	const char *const argv[] = { s->program,    "-v", "-t",
				     PROGRAM_LIMIT, "-k", s->key_file,
				     NULL };
	struct zone_mark mark = { .id = p->id, .how = p->mark };

	if (box_takes_zone(p->parts.store))
		mark.how = ZONE_IS_TAKEN;
	return (*p->id || box_id(p->parts.store, p->id, err)) &&
	       config_key_file_is_good(s->key_file, err) &&
	       run(p, argv,
		   zone_set_commands(&p->batch.change, s->zone, s->server,
				     s->port, &mark),
		   err);
}

static bool run_hook(struct publisher *p, struct err *err)
{
	const struct publish_settings *s = settings(p);
	const char *argv[PUBLISH_WORDS_MAX + 1] = { NULL };

	for (size_t i = 0; i < s->hook_count; i++)
		argv[i] = s->hook[i];
	return run(p, argv, zone_set_json(&p->batch.change), err);
}

static void send_batch(struct publisher *p)
{
	struct err err = ERR_INIT;

	if (!(*settings(p)->server ? run_update(p, &err) : run_hook(p, &err)))
		on_result(p, &err);
}

/* ---- a turn ---- */

/* The addresses come and go, and host_name may be another one. */
static char *box_text(const struct publisher *p)
{
	struct zone_set z = { .count = 0 };
	char *text;

	want_box(p, &z);
	text = zone_set_text(&z);
	zone_set_release(&z);
	return text;
}

static bool box_has_changed(const struct publisher *p)
{
	char *text = box_text(p);
	bool is_other = !streq(text, p->box);

	free(text);
	return is_other;
}

static bool look_at_box(struct publisher *p, struct err *err)
{
	if (!box_has_changed(p))
		return true;
	free(p->box);
	p->box = box_text(p);
	return publication_mark(p->parts.store, "", err);
}

/* A part of it at a time; *more: there is another one. */
static bool set_up(struct publisher *p, bool *more, struct err *err)
{
	const struct publish_settings *s = settings(p);
	char *by;
	bool ok;

	*more = false;
	if (!publish_is_on(s))
		return publication_end(p->parts.store, err);
	by = xasprintf("%s %s %s%s", *s->server ? "server" : "hook", by_whom(s),
		       s->port,
		       p->parts.config->collect_reports ? " reports" : "");
	ok = publication_begin(p->parts.store, s->zone, by, READY_PART, more,
			       err);
	free(by);
	return ok;
}

/* Nothing is told before all is set up: what another zone was told is still
   there. */
static bool stage(struct publisher *p, bool *is_ready, size_t *looked,
		  struct err *err)
{
	bool more = false;

	if (!p->is_set_up && !set_up(p, &more, err))
		return false;
	*is_ready = !more;
	*looked = more;
	return more || !publish_is_on(settings(p)) ||
	       (look_at_box(p, err) && gather(p, looked, err));
}

static bool prepare(struct publisher *p, size_t *looked, struct err *err)
{
	struct store *s = p->parts.store;
	bool is_ready = false;

	if (!store_begin(s, err))
		return false;
	if (!stage(p, &is_ready, looked, err)) {
		store_rollback(s);
	} else if (store_commit(s, err)) {
		p->is_set_up = is_ready;
		return true;
	}
	free(p->box);
	p->box = NULL;
	return false;
}

static bool may_work(const struct publisher *p)
{
	time_t now = now_of(p);

	return !p->child && !is_ahead(p->retry_at, now, PAUSE_MOST) &&
	       !is_ahead(p->begin_at, now, CHILD_SECONDS) &&
	       !box_is_frozen(p->parts.store);
}

static bool some_are_due(const struct publisher *p)
{
	struct publication first;
	bool is_due;

	if (publication_due(p->parts.store, &first, 1, NULL) == 0)
		return false;
	is_due = !first.tries || !is_ahead(p->tried_at, now_of(p), PAUSE_MOST);
	publication_release(&first);
	return is_due;
}

static bool has_work(const struct publisher *p)
{
	return !p->is_set_up || (publish_is_on(settings(p)) &&
				 (box_has_changed(p) || some_are_due(p)));
}

/* Of a store that cannot be written, others tell. */
static void could_not(struct publisher *p, const struct err *why)
{
	batch_clear(&p->batch);
	p->retry_at = now_of(p) + PAUSE_FIRST;
	if (publish_is_on(settings(p)))
		note_problem(p, why, now_of(p));
}

/*
 * A server knows whose the zone is by its mark; a hook is asked nothing. So who
 * comes of another box's backup waits until somebody says that the other is gone.
 */
static bool is_held_back(const struct publisher *p)
{
	return publish_is_on(settings(p)) && !*settings(p)->server &&
	       box_holds_zone_back(p->parts.store);
}

static void hold_back(struct publisher *p)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_REFUSED,
		"this box comes of a backup, and the box that it was made on "
		"may publish it still");
	err_hint(&err, "is that one stopped, or frozen for good? then here: "
		       "mtastsctl zone take");
	note_problem(p, &err, now_of(p));
	p->retry_at = now_of(p) + PAUSE_MOST;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct publisher *p = arg;
	struct err err = ERR_INIT;
	size_t looked = 0;

	(void)fd;
	(void)what;
	turn_in(p, TURN_MS);
	if (!may_work(p) || !has_work(p))
		return;
	if (is_held_back(p)) {
		hold_back(p);
		return;
	}
	if (!prepare(p, &looked, &err))
		could_not(p, &err);
	else if (p->batch.count)
		send_batch(p);
	else if (looked)
		turn_in(p, AGAIN_MS);
}

/* ---- from outside ---- */

struct publisher *publisher_start(const struct publisher_parts *parts,
				  struct err *err)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->parts = *parts;
	p->size = ROWS_MAX;
	if (publication_is_sent(parts->store))
		p->begin_at = now_of(p) + CHILD_SECONDS;
	p->timer = evtimer_new(loop_base(parts->loop), on_turn, p);
	if (p->timer) {
		turn_in(p, AGAIN_MS);
		return p;
	}
	publisher_stop(p);
	err_set(err, ERR_INTERNAL, "libevent gave no timer");
	return NULL;
}

/* It is dead before anybody can overtake it. */
static void end_child(struct publisher *p)
{
	struct err err = ERR_INIT;

	if (!p->child)
		return;
	child_kill(p->child);
	p->child = NULL;
	if (!write_result(p, false, now_of(p), &err))
		log_warn("zone %s: %s", settings(p)->zone, err.text);
	batch_clear(&p->batch);
}

void publisher_stop(struct publisher *p)
{
	if (!p)
		return;
	end_child(p);
	if (p->timer)
		event_free(p->timer);
	free(p->box);
	free(p);
}

void publisher_configure(struct publisher *p)
{
	end_child(p);
	p->is_set_up = false;
	p->is_ours = false;
	p->mark = ZONE_IS_OURS;
	p->refusals = 0;
	publisher_hurry(p);
	if (!publish_is_on(settings(p)))
		p->failing_since = 0;
}

void publisher_hurry(struct publisher *p)
{
	p->retry_at = p->tried_at = 0;
	p->failures = 0;
	turn_in(p, AGAIN_MS);
}

void publisher_status(const struct publisher *p, struct publisher_status *out)
{
	const struct publish_settings *s = settings(p);

	*out = (struct publisher_status){ .is_on = publish_is_on(s),
					  .zone = s->zone };
	if (!out->is_on)
		return;
	out->by = by_whom(s);
	out->is_frozen = box_is_frozen(p->parts.store);
	out->taken_at = p->taken_at;
	out->failing_since = p->failing_since;
	out->problem = p->problem;
}
