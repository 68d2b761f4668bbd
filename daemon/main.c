/*
 * mtastsd: puts the parts together, runs them, and takes them down in order.
 *
 * First what serves, then what keeps it certified, then who administers it:
 * a restart answers senders before it does anything else.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "acme/engine.h"
#include "base/dns.h"
#include "base/lag.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "daemon/admin.h"
#include "daemon/alerts.h"
#include "daemon/archive.h"
#include "daemon/backup_door.h"
#include "daemon/box_view.h"
#include "daemon/checker.h"
#include "daemon/config.h"
#include "daemon/config_access.h"
#include "daemon/config_resolver.h"
#include "daemon/config_restart.h"
#include "daemon/config_state.h"
#include "daemon/counting.h"
#include "daemon/dns_watch.h"
#include "daemon/file_limit.h"
#include "daemon/guard.h"
#include "daemon/intake.h"
#include "daemon/journal.h"
#include "daemon/listeners.h"
#include "daemon/meter.h"
#include "daemon/options.h"
#include "daemon/own_address.h"
#include "daemon/probe.h"
#include "daemon/publisher.h"
#include "daemon/reacher.h"
#include "daemon/report_desk.h"
#include "daemon/report_door.h"
#include "daemon/restore.h"
#include "daemon/run_as.h"
#include "daemon/template_roll.h"
#include "daemon/watchdog.h"
#include "daemon/world.h"
#include "httpd/listener.h"
#include "httpd/server.h"
#include "policy/contact.h"
#include "store/backup_stream.h"
#include "store/domain.h"
#include "store/serve.h"
#include "store/store.h"
#include "store/trail.h"

#define STOP_GRACE_MS  5000
#define AGAIN_SECONDS  10 /* between tries to open state.db */
#define ADDRESS_SECONDS 5  /* between looks at the interfaces */
#define SIGN_MS		250 /* between signs of life while state.db is opened */

struct daemon {
	const char *config_path;
	const char *user; /* to become, or NULL */
	struct config config;
	struct config started; /* as it was read then */
	struct config_state config_state;
	time_t started_at;
	struct probe probe;
	struct loop *loop;
	struct lag *lag;
	struct store *store; /* NULL: see `trouble` */
	struct guard guard;
	struct counting counting;
	struct both_listeners listeners;
	struct httpd *httpd;
	struct watchdog *watchdog;
	int64_t sign_ms; /* of life, the last; of steady_ms() */
	struct report_door report_door;
	struct real_world *world;
	struct engine *engine;
	struct publisher *publisher;
	struct alerts *alerts;
	struct dns_watch *dns_watch;
	struct checker *checker;
	struct reacher *reacher;
	struct intake *intake;
	struct report_desk *report_desk;
	struct meter *meter;
	struct backup_door *backup_door;
	struct archive *archive;
	struct template_roll *template_roll;
	struct admin *admin;
	struct event *signals[3];
	struct err trouble; /* why it serves only, and orders nothing */
	struct event *again;
	struct event *addresses;
};

static void print_error(const struct err *err)
{
	log_error("mtastsd: %s", err->text);
	if (*err->hint)
		log_error("mtastsd: hint: %s", err->hint);
}

/* ---- httpd asks for a certificate ---- */

struct wanted {
	struct daemon *daemon;
	char host[DOMAIN_NAME_SIZE];
};

static void on_wanted(void *arg)
{
	struct wanted *w = arg;

	if (w->daemon->engine)
		engine_wanted(w->daemon->engine, w->host);
	free(w);
}

/* On a serving thread: hand it over. */
static void host_wanted(const char *host, void *arg)
{
	struct daemon *d = arg;
	struct wanted *w = xmalloc(sizeof(*w));

	w->daemon = d;
	snprintf(w->host, sizeof(w->host), "%s", host);
	loop_post(d->loop, on_wanted, w);
}

/* On a serving thread, as well. */
static void fetched(const struct served_count *counts, size_t n, void *arg)
{
	struct daemon *d = arg;

	counting_hear(&d->counting, counts, n);
}

/* And this. */
static void reported(struct httpd_report *report, void *arg)
{
	struct daemon *d = arg;

	report_door_hear(&d->report_door, report);
}

/* ---- starting ---- */

static struct httpd *start_httpd(struct daemon *d, struct err *err)
{
	struct config *c = &d->config;
	struct httpd_options o = {
		.state_dir = c->state_dir,
		.workers = c->workers,
		.max_connections = file_limit_share(c->max_connections),
		.https_port = (unsigned)c->check_https_port,
		.max_per_address = c->max_per_address,
		.max_broken_per_address = c->max_broken_per_address,
		.deadline_ms = (unsigned)c->connection_deadline * 1000,
		.proxies = c->proxies,
		.cache_bytes = c->cache_bytes,
		.probe = &d->probe.words,
		.wanted = host_wanted,
		.fetched = fetched,
		.reported = reported,
		.arg = d,
	};

	listeners_give(&d->listeners, &o);
	d->probe.port = (unsigned)c->check_http_port;
	return httpd_start(&o, err);
}

static void tick(void *arg)
{
	struct daemon *d = arg;

	engine_tick(d->engine);
}

/* The guard asks for a tick. */
static void poke(void *arg)
{
	struct daemon *d = arg;

	if (d->engine)
		engine_poke(d->engine);
}

static bool start_engine(struct daemon *d, struct err *err)
{
	d->world = real_world_new(d->loop, &d->config, &d->probe, d->store,
				  err);
	if (!d->world)
		return false;
	d->engine = engine_new(real_world_window(d->world), d->store,
			       &d->config.engine, err);
	if (!d->engine)
		return false;
	real_world_on_tick(d->world, tick, d);
	return true;
}

static bool start_publisher(struct daemon *d, struct err *err)
{
	const struct publisher_parts parts = { .loop = d->loop,
					       .store = d->store,
					       .engine = d->engine,
					       .config = &d->config };

	d->publisher = publisher_start(&parts, err);
	return d->publisher != NULL;
}

static bool start_alerts(struct daemon *d, struct err *err)
{
	const struct alerts_parts parts = { .loop = d->loop,
					    .store = d->store,
					    .engine = d->engine,
					    .publisher = d->publisher,
					    .archive = d->archive,
					    .config = &d->config };

	d->alerts = alerts_start(&parts, err);
	return d->alerts != NULL;
}

/* The guard is there before the engine. */
static time_t now(void *arg)
{
	const struct daemon *d = arg;

	return d->engine ? engine_clock(d->engine) : time(NULL);
}

/* By what a CA said. */
static bool is_time_known(void *arg)
{
	const struct daemon *d = arg;

	return d->engine && engine_clock_is_known(d->engine);
}

static bool start_guard(struct daemon *d, struct err *err)
{
	d->guard.poke = poke;
	d->guard.now = now;
	d->guard.arg = d;
	return guard_start(&d->guard, d->loop, d->store, d->httpd,
			   d->config.state_dir, err);
}

static struct admin_parts admin_parts_of(struct daemon *d)
{
	return (struct admin_parts){
		.loop = d->loop,
		.store = d->store,
		.engine = d->engine,
		.guard = d->store ? &d->guard : NULL,
		.trouble = &d->trouble,
		.httpd = d->httpd,
		.publisher = d->publisher,
		.alerts = d->alerts,
		.intake = d->intake,
		.report_desk = d->report_desk,
		.meter = d->meter,
		.backup_door = d->backup_door,
		.archive = d->archive,
		.config = &d->config,
		.config_state = &d->config_state,
		.listeners = &d->listeners,
		.lag = d->lag,
		.started_at = d->started_at,
	};
}

static bool start_admin(struct daemon *d, struct err *err)
{
	struct admin_parts parts;

	d->started_at = time(NULL);
	parts = admin_parts_of(d);
	d->admin = admin_start(&parts, err);
	return d->admin != NULL;
}

/* ---- the addresses of this box ---- */

static void say_addresses(const struct engine_settings *s)
{
	for (size_t i = 0; i < s->address_count; i++)
		log_info("mtastsd: has the address %s", s->address[i]);
}

/*
 * They come and go: an IPv6 address is often there some seconds after us. None
 * at all is an interface that is down, not a box that has moved.
 */
static void find_addresses(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct engine_settings *s = &d->config.engine;
	char now[ENGINE_ADDRESS_LIMIT][DNS_ADDRESS_TEXT] = { "" };
	size_t n;

	(void)fd;
	(void)what;
	if (!d->config.finds_addresses)
		return;
	n = own_address_list(now, ENGINE_ADDRESS_LIMIT);
	if (!n || own_address_same(now, n, s->address, s->address_count))
		return;
	memcpy(s->address, now, sizeof(now));
	s->address_count = n;
	say_addresses(s);
	if (d->engine)
		engine_set_addresses(d->engine, s);
}

static bool watch_addresses(struct daemon *d, struct err *err)
{
	static const struct timeval pace = { .tv_sec = ADDRESS_SECONDS };

	d->addresses = event_new(loop_base(d->loop), -1, EV_PERSIST,
				 find_addresses, d);
	return (d->addresses && event_add(d->addresses, &pace) == 0) ||
	       err_set(err, ERR_INTERNAL, "libevent gave no timer");
}

/* ---- what orders, and what it needs ---- */

/* A large one may have to be copied first, and migrated. */
static bool goes_on(void *arg)
{
	struct daemon *d = arg;
	int64_t now_ms = steady_ms();

	if (now_ms - d->sign_ms >= SIGN_MS) {
		d->sign_ms = now_ms;
		watchdog_wait(d->watchdog);
	}
	return true;
}

static bool open_store(struct daemon *d, struct err *err)
{
	struct store_options options = { .dir = d->config.state_dir,
					 .go_on = goes_on,
					 .arg = d };

	d->store = store_open(&options, err);
	if (d->store)
		trail_keep(d->store, d->config.log_keep);
	return d->store != NULL;
}

static void stop_reports(struct daemon *d)
{
	backup_door_stop(d->backup_door);
	d->backup_door = NULL;
	meter_stop(d->meter);
	d->meter = NULL;
	report_desk_stop(d->report_desk);
	d->report_desk = NULL;
	intake_stop(d->intake);
	d->intake = NULL;
	d->report_door.intake = NULL;
}

static void stop_orders(struct daemon *d)
{
	stop_reports(d);
	counting_leave(&d->counting);
	template_roll_stop(d->template_roll);
	d->template_roll = NULL;
	reacher_stop(d->reacher);
	d->reacher = NULL;
	checker_stop(d->checker);
	d->checker = NULL;
	dns_watch_stop(d->dns_watch);
	d->dns_watch = NULL;
	alerts_stop(d->alerts);
	d->alerts = NULL;
	archive_stop(d->archive);
	d->archive = NULL;
	publisher_stop(d->publisher);
	d->publisher = NULL;
	if (d->world)
		real_world_quiet(d->world);
	engine_free(d->engine);
	d->engine = NULL; /* what is still posted may ask for it */
	real_world_free(d->world);
	d->world = NULL;
	guard_stop(&d->guard);
	store_close(d->store);
	d->store = NULL;
}

static bool start_dns_watch(struct daemon *d, struct err *err)
{
	const struct dns_watch_parts parts = { .loop = d->loop,
					       .store = d->store,
					       .engine = d->engine,
					       .config = &d->config };

	d->dns_watch = dns_watch_start(&parts, err);
	return d->dns_watch != NULL;
}

static bool start_checker(struct daemon *d, struct err *err)
{
	const struct checker_parts parts = { .loop = d->loop,
					     .store = d->store,
					     .engine = d->engine,
					     .config = &d->config,
					     .agent = d->probe.words.agent };

	d->checker = checker_start(&parts, err);
	return d->checker != NULL;
}

static bool start_reacher(struct daemon *d, struct err *err)
{
	const struct reacher_parts parts = { .loop = d->loop,
					     .store = d->store,
					     .engine = d->engine,
					     .config = &d->config,
					     .agent = d->probe.words.agent };

	d->reacher = reacher_start(&parts, err);
	return d->reacher != NULL;
}

static bool start_template_roll(struct daemon *d, struct err *err)
{
	d->template_roll = template_roll_start(d->loop, d->store, now, d, err);
	return d->template_roll != NULL;
}

static bool start_reports(struct daemon *d, struct err *err)
{
	const struct intake_parts parts = {
		.loop = d->loop,
		.store = d->store,
		.syncer = real_world_syncer(d->world),
		.config = &d->config,
		.now = now,
		.is_time_known = is_time_known,
		.arg = d,
	};

	d->intake = intake_start(&parts, err);
	d->report_door.intake = d->intake;
	if (d->intake)
		d->report_desk = report_desk_start(d->loop, d->config.state_dir,
						   err);
	if (d->report_desk)
		d->meter = meter_start(d->loop, d->config.state_dir, err);
	return d->meter != NULL;
}

static bool start_archive(struct daemon *d, struct err *err)
{
	const struct archive_parts parts = { .loop = d->loop,
					     .config = &d->config,
					     .now = now,
					     .is_time_known = is_time_known,
					     .arg = d };

	backup_sweep(d->config.state_dir);
	d->archive = archive_start(&parts, err);
	return d->archive != NULL;
}

static bool start_backup_door(struct daemon *d, struct err *err)
{
	d->backup_door = backup_door_start(d->loop, d->config.state_dir, err);
	return d->backup_door != NULL;
}

/*
 * By what is built in, reports would be thrown away that the lost file keeps,
 * and nobody would be told of anything. What it serves needs no file.
 */
static bool has_its_config(struct daemon *d, struct err *err)
{
	struct domain_counts n;
	long all;

	if (!d->config_state.is_missing)
		return true;
	if (!domain_count(d->store, &n, err))
		return false;
	all = n.waiting + n.issuing + n.live;
	if (!all)
		return true;
	err_set(err, ERR_AGAIN, "%s is gone, and %ld domain%s hosted here",
		d->config_path, all, all == 1 ? " is" : "s are");
	return err_hint(err, "put it back, and have it read: systemctl reload "
			     "mtastsd (or send it a SIGHUP)");
}

static bool start_orders(struct daemon *d, struct err *err)
{
	if (!has_its_config(d, err) || !start_guard(d, err) ||
	    !start_engine(d, err) || !start_publisher(d, err) ||
	    !start_archive(d, err) || !start_alerts(d, err) ||
	    !start_dns_watch(d, err) || !start_checker(d, err) ||
	    !start_reacher(d, err) || !start_template_roll(d, err) ||
	    !start_reports(d, err) || !start_backup_door(d, err)) {
		stop_orders(d);
		return false;
	}
	counting_begin(&d->counting, d->store);
	return true;
}

/*
 * Senders need no state.db: what serve.db has is served, while somebody looks
 * for a backup, or the disk comes back. What is refused stays refused.
 */
static bool serves_only(struct daemon *d, struct err *err)
{
	char *path = xasprintf("%s/serve.db", d->config.state_dir);
	bool has_serve = access(path, R_OK) == 0;

	free(path);
	if (err->kind == ERR_REFUSED || err->kind == ERR_INPUT || !has_serve)
		return false;
	d->trouble = *err;
	*err = (struct err)ERR_INIT;
	return true;
}

static void say_serves_only(const struct daemon *d)
{
	log_error("mtastsd: it serves what it has, and orders nothing");
	print_error(&d->trouble);
	sd_notifyf(0, "STATUS=Serves only: %s", d->trouble.text);
}

/* It was restored, put back, or there is room again: no restart is needed. */
static void try_again(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct err err = ERR_INIT;
	struct admin_parts parts;

	(void)fd;
	(void)what;
	if (!open_store(d, &err) || !start_orders(d, &err)) {
		if (!streq(err.text, d->trouble.text)) {
			d->trouble = err;
			say_serves_only(d);
		}
		return;
	}
	event_del(d->again);
	parts = admin_parts_of(d);
	admin_update(d->admin, &parts);
	engine_poke(d->engine);
	log_info("mtastsd: state.db is there again, and orders are made");
	sd_notify(0, "STATUS=");
}

static bool try_later(struct daemon *d, struct err *err)
{
	static const struct timeval pace = { .tv_sec = AGAIN_SECONDS };

	say_serves_only(d);
	d->again = event_new(loop_base(d->loop), -1, EV_PERSIST, try_again, d);
	return (d->again && event_add(d->again, &pace) == 0) ||
	       err_set(err, ERR_INTERNAL, "libevent gave no timer");
}

/* ---- all of it ---- */

/* What only root may do comes first: then it leaves. */
static bool start_as_root(struct daemon *d, struct err *err)
{
	if (!listeners_open(&d->listeners, &d->config, err))
		return false;
	listeners_note(&d->listeners, &d->config);
	return run_as(d->user, &d->config, err);
}

static bool start_watchdog(struct daemon *d, struct err *err)
{
	d->watchdog = watchdog_start(d->loop, d->httpd, err);
	return d->watchdog || err->kind == ERR_NONE;
}

static bool start_serving(struct daemon *d, struct err *err)
{
	probe_init(&d->probe);
	log_debug("mtastsd: probe %s is answered with %s",
		  d->probe.words.token, d->probe.words.text);
	d->httpd = start_httpd(d, err);
	if (!d->httpd)
		return false;
	d->report_door.httpd = d->httpd;
	httpd_take_reports(d->httpd, d->config.collect_reports);
	return true;
}

/* Who fetches does not wait until state.db is open, but for a new serve.db. */
static bool serve_and_open(struct daemon *d, struct err *err)
{
	bool is_ready = serve_is_ready(d->config.state_dir);

	return (!is_ready || start_serving(d, err)) &&
	       (open_store(d, err) || serves_only(d, err)) &&
	       (is_ready || start_serving(d, err));
}

static bool start(struct daemon *d, struct err *err)
{
	if (!start_as_root(d, err))
		return false;
	d->lag = lag_new(d->loop, err);
	if (!d->lag || !serve_and_open(d, err))
		return false;
	if (d->store && !start_orders(d, err) && !serves_only(d, err))
		return false;
	return (d->store || try_later(d, err)) && watch_addresses(d, err) &&
	       start_admin(d, err) && start_watchdog(d, err);
}

/* ---- stopping ---- */

static void stop(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	admin_end(d->admin);
	stop_reports(d); /* who waits is told so, through these: */
	admin_stop(d->admin);
	d->report_door.httpd = NULL;
	watchdog_stop(d->watchdog);
	if (d->httpd)
		httpd_stop(d->httpd, STOP_GRACE_MS);
	listeners_close(&d->listeners);
	counting_end(&d->counting);
	if (d->again)
		event_free(d->again);
	if (d->addresses)
		event_free(d->addresses);
	stop_orders(d);
	lag_free(d->lag);
	loop_free(d->loop);
}

/* ---- signals ---- */

/* Status says it of listeners by itself, for the log they are added. */
static void log_awaiting(const struct daemon *d, const char *keys)
{
	char all[CONFIG_KEYS_TEXT];

	str_copy(all, sizeof(all), keys);
	if (listeners_await_restart(&d->listeners.https))
		config_restart_add(all, "listen_https");
	if (listeners_await_restart(&d->listeners.http))
		config_restart_add(all, "listen_http");
	if (*all)
		log_warn("mtastsd: changed, and taken over at a restart only: "
			 "%s",
			 all);
}

/* What can fail comes first: then all of it is new, or nothing. */
static bool reload_orders(struct daemon *d, const struct config *fresh,
			  struct err *err)
{
	struct resolver *orders = config_resolver(fresh, d->loop, err);
	struct resolver *watch = config_resolver(fresh, d->loop, err);

	if (!orders || !watch ||
	    !engine_configure(d->engine, &fresh->engine, err)) {
		resolver_free(orders);
		resolver_free(watch);
		return false;
	}
	real_world_use(d->world, orders);
	dns_watch_use(d->dns_watch, watch);
	return true;
}

/* `keys` gets those that are in no effect before a restart. */
static bool reload(struct daemon *d, char keys[static CONFIG_KEYS_TEXT],
		   struct err *err)
{
	struct config fresh;

	if (!config_read(&fresh, d->config_path, err))
		return false;
	if (d->engine && !reload_orders(d, &fresh, err))
		return false;
	listeners_note(&d->listeners, &fresh);
	config_restart_keys(&d->started, &fresh, keys);
	if (!admin_use_metrics(d->admin, fresh.metrics_listen))
		config_restart_add(keys, "metrics_listen");
	log_awaiting(d, keys);
	log_init(fresh.log_level);
	memcpy(fresh.state_dir, d->config.state_dir, sizeof(fresh.state_dir));
	fresh.proxies = d->config.proxies;
	d->config = fresh;
	d->probe.port = (unsigned)fresh.check_http_port;
	if (d->store)
		trail_keep(d->store, fresh.log_keep);
	httpd_take_reports(d->httpd, fresh.collect_reports);
	if (d->publisher)
		publisher_configure(d->publisher);
	if (d->archive)
		archive_configure(d->archive);
	if (d->alerts)
		alerts_configure(d->alerts);
	return true;
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	char keys[CONFIG_KEYS_TEXT];
	struct err err = ERR_INIT;
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	sd_notify(0, "RELOADING=1");
	if (reload(d, keys, &err)) {
		config_state_take(&d->config_state, keys, now(d));
		log_info("mtastsd: configuration read again");
	} else {
		config_state_refuse(&d->config_state, &err, now(d));
		log_error("mtastsd: the old configuration stays");
		print_error(&err);
	}
	sd_notify(0, "READY=1");
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	sd_notify(0, "STOPPING=1");
	loop_stop(d->loop);
}

static void watch_signals(struct daemon *d)
{
	static const struct {
		int number;
		event_callback_fn run;
	} table[] = {
		{ SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		d->signals[i] = evsignal_new(loop_base(d->loop),
					     table[i].number, table[i].run, d);
		event_add(d->signals[i], NULL);
	}
}

/* ---- main ---- */

static void warn_of_contact(const struct engine_settings *s)
{
	for (size_t i = 0; i < s->ca_count; i++)
		if (contact_is_refused(s->contact, s->ca[i].directory_url)) {
			log_warn("mtastsd: contact: %s is an address of "
				 "examples, and CA %s refuses it: name one of "
				 "yours",
				 s->contact, s->ca[i].name);
			return;
		}
}

/* Good, but is it enough? */
static int say_good(const char *path, const struct engine_settings *s)
{
	const char *contact = *s->contact ? "" : "contact is not set";
	const char *terms = s->agree_tos ? "" : "agree_tos is false";

	printf("%s: good%s%s%s%s\n", path,
	       *contact || *terms ? ", but nothing is ordered: " : "", contact,
	       *contact && *terms ? "; " : "", terms);
	fflush(stdout);
	warn_of_contact(s);
	return EXIT_FINE;
}

static int show_config(const struct daemon *d)
{
	json_t *view = box_view(&d->config, d->config_path);

	json_dumpf(view, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(view);
	return EXIT_FINE;
}

static int run(struct daemon *d)
{
	struct err err = ERR_INIT;

	d->loop = loop_new(&err);
	if (!d->loop) {
		print_error(&err);
		return EXIT_FAILED;
	}
	d->counting = (struct counting){ .loop = d->loop, .now = now, .arg = d };
	d->report_door = (struct report_door){ .loop = d->loop };
	watch_signals(d);	/* first: who is reachable can be told to end */
	if (!start(d, &err)) {
		print_error(&err);
		stop(d);
		return err.kind == ERR_DAMAGED ? EXIT_DAMAGED : EXIT_FAILED;
	}
	if (d->engine)
		engine_poke(d->engine);
	log_info("mtastsd: ready (version " MTASTSD_VERSION ", state in %s)",
		 d->config.state_dir);
	sd_notify(0, "READY=1");
	loop_run(d->loop);
	log_info("mtastsd: stopping");
	stop(d);
	return EXIT_FINE;
}

/* For who checks the configuration by hand: those of the service that runs. */
static void find_credentials(void)
{
	static const char dir[] = "/run/credentials/mtastsd.service";

	if (access(dir, X_OK) == 0)
		setenv("CREDENTIALS_DIRECTORY", dir, false);
}

/*
 * A box that nobody has configured serves and says what it lacks; a file that
 * was named must be there. What is built in stands in an empty one.
 */
static bool read_all(struct daemon *d, const struct options *o, struct err *err)
{
	bool is_allowed = o->command == COMMAND_SERVE ||
			  o->command == COMMAND_SHOW_CONFIG;
	bool is_missing = is_allowed && o->is_usual_config &&
			  access(o->config, F_OK) < 0 && errno == ENOENT;

	d->config_state.is_missing = is_missing;
	if (is_missing)
		log_warn("mtastsd: there is no %s: it goes by what is built in",
			 o->config);
	return config_read(&d->config, is_missing ? "/dev/null" : o->config,
			   err);
}

static bool read_config(struct daemon *d, const struct options *o,
			struct err *err)
{
	d->config_path = o->config;
	d->config_state.path = o->config;
	if (o->command == COMMAND_CHECK_CONFIG ||
	    o->command == COMMAND_SHOW_CONFIG)
		find_credentials();
	return o->command == COMMAND_RESTORE
		       ? config_read_state_dir(&d->config, o->config, err)
		       : read_all(d, o, err);
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options options;
	struct err err = ERR_INIT;

	if (!options_read(&options, argc, argv))
		return options.code;
	d.user = options.user;
	log_init(LOG_LEVEL_INFO);
	if (!read_config(&d, &options, &err)) {
		print_error(&err);
		return EXIT_CONFIG;
	}
	switch (options.command) {
	case COMMAND_CHECK_CONFIG:
		return config_access_check(&d.config, d.config_path)
			       ? say_good(d.config_path, &d.config.engine)
			       : EXIT_CONFIG;
	case COMMAND_SHOW_CONFIG:
		return show_config(&d);
	case COMMAND_RESTORE:
		return restore_command(d.config.state_dir, options.backup);
	case COMMAND_SERVE:
		break;
	}
	d.config_state.read_at = time(NULL);
	d.started = d.config;
	log_init(d.config.log_level);
	journal_open();
	signal(SIGPIPE, SIG_IGN);
	file_limit_raise();
	loop_init_library();
	return run(&d);
}
