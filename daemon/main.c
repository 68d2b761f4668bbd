/*
 * mtastsd: puts the parts together, runs them, and takes them down in order.
 *
 * First what serves, then what keeps it certified, then who administers it:
 * a restart answers senders before it does anything else.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "acme/engine.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "daemon/admin.h"
#include "daemon/config.h"
#include "daemon/desk.h"
#include "daemon/file_limit.h"
#include "daemon/probe.h"
#include "daemon/world.h"
#include "httpd/listener.h"
#include "httpd/server.h"
#include "store/store.h"

#define CONFIG_DEFAULT "/etc/mtastsd/mtastsd.conf"
#define STOP_GRACE_MS  5000

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 64,
	EXIT_CONFIG = 78	/* sysexits(3): EX_CONFIG */
};

struct daemon {
	const char *config_path;
	struct config config;
	struct probe probe;
	struct loop *loop;
	struct store *store;
	struct desk *desk;
	struct httpd *httpd;
	struct real_world *world;
	struct engine *engine;
	struct admin *admin;
	struct event *signals[3];
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

/* ---- starting ---- */

static bool bind_all(char (*addresses)[64], size_t count, int *fds,
		     size_t *bound, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int fd = listener_bind(addresses[i], err);

		if (fd < 0)
			return false;
		fds[(*bound)++] = fd;
	}
	return true;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static struct httpd *start_httpd(struct daemon *d, struct err *err)
{
	struct config *c = &d->config;
	struct httpd_options o = {
		.state_dir = c->state_dir,
		.workers = c->workers,
		.max_connections = file_limit_share(c->max_connections),
		.max_per_address = c->max_per_address,
		.deadline_ms = (unsigned)c->connection_deadline * 1000,
		.cache_bytes = c->cache_bytes,
		.probe = &d->probe.words,
		.wanted = host_wanted,
		.arg = d,
	};

	if (!bind_all(c->listen_https, c->listen_https_count, o.https_fds,
		      &o.https_count, err) ||
	    !bind_all(c->listen_http, c->listen_http_count, o.http_fds,
		      &o.http_count, err)) {
		close_all(o.https_fds, o.https_count);
		close_all(o.http_fds, o.http_count);
		return NULL;
	}
	if (o.https_count)
		o.https_port = listener_port(o.https_fds[0]);
	if (o.http_count)
		d->probe.port = listener_port(o.http_fds[0]);
	return httpd_start(&o, err);
}

static void tick(void *arg)
{
	struct daemon *d = arg;

	engine_tick(d->engine);
}

static bool start_engine(struct daemon *d, struct err *err)
{
	d->world = real_world_new(d->loop, &d->config, &d->probe, err);
	if (!d->world)
		return false;
	d->engine = engine_new(real_world_window(d->world), d->store,
			       &d->config.engine, err);
	if (!d->engine)
		return false;
	real_world_on_tick(d->world, tick, d);
	return true;
}

static bool start_admin(struct daemon *d, struct err *err)
{
	struct admin_parts parts = {
		.loop = d->loop,
		.store = d->store,
		.engine = d->engine,
		.httpd = d->httpd,
		.config = &d->config,
		.started_at = time(NULL),
	};

	d->admin = admin_start(&parts, err);
	return d->admin != NULL;
}

static bool start(struct daemon *d, struct err *err)
{
	struct store_options options = { .dir = d->config.state_dir };

	d->store = store_open(&options, err);
	if (!d->store)
		return false;
	probe_init(&d->probe);
	log_debug("mtastsd: probe %s is answered with %s",
		  d->probe.words.token, d->probe.words.text);
	d->httpd = start_httpd(d, err);
	if (!d->httpd)
		return false;
	d->desk = desk_start(d->config.state_dir, err);
	return d->desk && start_engine(d, err) && start_admin(d, err);
}

/* ---- stopping ---- */

static void stop(struct daemon *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	admin_stop(d->admin);
	if (d->httpd)
		httpd_stop(d->httpd, STOP_GRACE_MS);
	if (d->world)
		real_world_quiet(d->world);
	engine_free(d->engine);
	d->engine = NULL;	/* what is still posted may ask for it */
	real_world_free(d->world);
	desk_stop(d->desk);
	store_close(d->store);
	loop_free(d->loop);
}

/* ---- signals ---- */

static bool needs_restart(const struct config *a, const struct config *b)
{
	return strcmp(a->state_dir, b->state_dir) != 0 ||
	       strcmp(a->run_dir, b->run_dir) != 0 ||
	       memcmp(a->listen_https, b->listen_https,
		      sizeof(a->listen_https)) != 0 ||
	       memcmp(a->listen_http, b->listen_http,
		      sizeof(a->listen_http)) != 0 ||
	       a->workers != b->workers ||
	       a->max_connections != b->max_connections ||
	       a->max_per_address != b->max_per_address ||
	       a->connection_deadline != b->connection_deadline ||
	       a->cache_bytes != b->cache_bytes;
}

static bool reload(struct daemon *d, struct err *err)
{
	struct config fresh;

	if (!config_read(&fresh, d->config_path, err) ||
	    !real_world_configure(d->world, &fresh, err) ||
	    !engine_configure(d->engine, &fresh.engine, err))
		return false;
	if (needs_restart(&d->config, &fresh))
		log_warn("mtastsd: listeners, folders, workers and limits "
			 "change at a restart only");
	log_init(fresh.log_level);
	d->config = fresh;
	return true;
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	sd_notify(0, "RELOADING=1");
	if (reload(arg, &err)) {
		log_info("mtastsd: configuration read again");
	} else {
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

static int run(struct daemon *d)
{
	struct err err = ERR_INIT;

	d->loop = loop_new(&err);
	if (!d->loop) {
		print_error(&err);
		return EXIT_FAILED;
	}
	watch_signals(d);	/* first: who is reachable can be told to end */
	if (!start(d, &err)) {
		print_error(&err);
		stop(d);
		return EXIT_FAILED;
	}
	engine_poke(d->engine);
	log_info("mtastsd: ready (version " MTASTSD_VERSION ", state in %s)",
		 d->config.state_dir);
	sd_notify(0, "READY=1");
	loop_run(d->loop);
	log_info("mtastsd: stopping");
	stop(d);
	return EXIT_OK;
}

static void usage(FILE *out)
{
	fputs("usage: mtastsd [--config FILE] [--check-config]\n"
	      "\n"
	      "  --config FILE    configuration (" CONFIG_DEFAULT ")\n"
	      "  --check-config   read it, say what is wrong, and end\n"
	      "  --version        print the version\n"
	      "\n"
	      "See mtastsd(8) and mtastsd.conf(5). It is administered with\n"
	      "mtastsctl(1).\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check-config", no_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct daemon *d, bool *check)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:th", long_options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			d->config_path = optarg;
			break;
		case 't':
			*check = true;
			break;
		case 'V':
			puts("mtastsd " MTASTSD_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mtastsd: \"%s\" is too much\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct daemon d = { .config_path = CONFIG_DEFAULT };
	struct err err = ERR_INIT;
	bool check_only = false;
	int code = read_options(argc, argv, &d, &check_only);

	if (code >= 0)
		return code;
	log_init(LOG_LEVEL_INFO);
	if (!config_read(&d.config, d.config_path, &err)) {
		print_error(&err);
		return EXIT_CONFIG;
	}
	if (check_only) {
		printf("%s: good\n", d.config_path);
		return EXIT_OK;
	}
	log_init(d.config.log_level);
	signal(SIGPIPE, SIG_IGN);
	file_limit_raise();
	loop_init_library();
	return run(&d);
}
