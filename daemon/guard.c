#include "daemon/guard.h"

#include <event2/event.h>
#include <time.h>

#include "base/log.h"

#define RENEW_PAUSE 30 /* seconds, after serve.db could not be made */

/* ---- the store's health ---- */

static void look_at_store(struct guard *g)
{
	struct err problem = ERR_INIT;
	enum store_health health = store_health(g->store, &problem);
	bool is_back = health == STORE_FINE && g->health != STORE_FINE;

	if (health > STORE_TIGHT && g->poke)
		g->poke(g->arg); /* only a write shows that it is over */
	if (health == g->health)
		return;
	g->health = health;
	if (is_back)
		log_info("store: all is well again");
	else
		log_error("store: %s: %s", problem.text, problem.hint);
	if (is_back && g->poke)
		g->poke(g->arg);
}

/* ---- serve.db ---- */

static void renew_serve(struct guard *g, const char *why)
{
	struct err err = ERR_INIT;

	g->pause = RENEW_PAUSE;
	if (store_renew_serve(g->store, &err)) {
		log_warn("store: serve.db %s, and was made anew", why);
		g->is_serve_damaged = false;
		g->pause = 0;
	} else {
		log_error("store: serve.db %s, and cannot be made anew: %s",
			  why, err.text);
	}
	g->serve = err;
}

/* A serving thread could not read it: the desk finds out whether it can be. */
static void look_at_readers(struct guard *g)
{
	struct httpd_counts counts;

	httpd_count(g->httpd, &counts);
	if (counts.failures != g->failures)
		desk_check_serve(g->desk);
	g->failures = counts.failures;
}

static void look_at_serve(struct guard *g)
{
	if (g->pause && g->pause--)
		return;
	if (!store_has_serve(g->store))
		renew_serve(g, "is gone");
	else if (g->is_serve_damaged)
		renew_serve(g, "was damaged");
}

static void look(evutil_socket_t fd, short what, void *arg)
{
	struct guard *g = arg;

	(void)fd;
	(void)what;
	look_at_store(g);
	look_at_readers(g);
	look_at_serve(g);
}

/* ---- what the desk found ---- */

static void told_of_state(struct guard *g, const struct err *err)
{
	if (err->kind == ERR_DAMAGED)
		store_found_damage(g->store, err->text);
	else if (err->kind == ERR_NONE)
		store_found_damage(g->store, NULL);
}

static void told_of_certs(struct guard *g, const struct desk_news *news)
{
	struct err err = ERR_INIT;

	if (!cert_replace_damaged(g->store, news->ids, news->count,
				  g->now(g->arg), &err))
		log_error("store: %zu damaged certificates: %s", news->count,
			  err.text);
	else if (g->poke)
		g->poke(g->arg);
}

static void told(const struct desk_news *news, void *arg)
{
	struct guard *g = arg;

	if (!g->store)
		return;
	switch (news->topic) {
	case DESK_STATE_DB:
		told_of_state(g, &news->err);
		break;
	case DESK_SERVE_DB:
		g->is_serve_damaged = news->err.kind == ERR_DAMAGED;
		break;
	case DESK_CERTS:
		told_of_certs(g, news);
		break;
	case DESK_BACKUP:
		g->backup = news->err;
		break;
	}
}

/* ---- life ---- */

bool guard_start(struct guard *g, struct loop *loop, struct store *store,
		 struct httpd *httpd, const char *state_dir, struct err *err)
{
	static const struct timeval pace = { .tv_sec = 1 };
	struct desk_options desk = {
		.state_dir = state_dir, .store = store,
		.control = loop, .tell = told, .arg = g
	};

	g->store = store;
	g->httpd = httpd;
	g->health = STORE_FINE;
	g->serve = g->backup = (struct err)ERR_INIT;
	g->is_serve_damaged = false;
	g->pause = 0;
	g->desk = desk_start(&desk, err);
	if (!g->desk)
		return false;
	g->timer = event_new(loop_base(loop), -1, EV_PERSIST, look, g);
	return (g->timer && event_add(g->timer, &pace) == 0) ||
	       err_set(err, ERR_INTERNAL, "libevent gave no timer");
}

void guard_stop(struct guard *g)
{
	if (g->timer)
		event_free(g->timer);
	desk_stop(g->desk);
	g->timer = NULL;
	g->desk = NULL;
	g->store = NULL;
}

/* ---- for status ---- */

void guard_judge(const struct guard *g, struct findings *out)
{
	static const struct {
		const char *id;
		enum health level;
	} kinds[] = {
		[STORE_TIGHT] = { "store.tight", HEALTH_WARNING },
		[STORE_FULL] = { "store.full", HEALTH_ERROR },
		[STORE_READ_ONLY] = { "store.read-only", HEALTH_ERROR },
		[STORE_BROKEN] = { "store.broken", HEALTH_ERROR },
	};
	struct err problem = ERR_INIT;
	enum store_health health = store_health(g->store, &problem);

	if (health != STORE_FINE)
		findings_add(out, kinds[health].id, kinds[health].level,
			     problem.hint, "%s", problem.text);
	if (g->serve.kind != ERR_NONE)
		findings_add(out, "store.serve-db", HEALTH_ERROR, g->serve.hint,
			     "serve.db cannot be made anew: %s", g->serve.text);
	if (g->backup.kind != ERR_NONE)
		findings_add(out, "store.no-backup", HEALTH_WARNING,
			     g->backup.hint, "no backup is made: %s",
			     g->backup.text);
}
