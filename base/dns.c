#include "base/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/dns_lookup.h"
#include "base/dns_packet.h"
#include "base/mem.h"
#include "base/str.h"

#define RUNNING_MAX 256		/* look-ups on the wire; more of them wait */
#define TRIES       3		/* each twice as long as the one before */
#define FIRST_SHARE 5		/* of the whole time; the third is cut short */

/*
 * Who looks wants to know what is so now. c-ares remembers answers by itself
 * since 1.31, unless it is told how long: 0 seconds.
 */
#ifdef ARES_OPT_QUERY_CACHE
#define NO_CACHE ARES_OPT_QUERY_CACHE
#else
#define NO_CACHE 0
#endif

/* A descriptor of c-ares's, as the loop watches it. */
struct watch {
	LIST_ENTRY(watch) entry;
	struct event *event;
};

struct server {
	struct event_base *base;
	ares_channel channel;
	struct event *timer;	/* the next of c-ares's own timeouts */
	LIST_HEAD(watch_list, watch) watches;
	char name[sizeof(((struct dns_view *)0)->server)];
};

TAILQ_HEAD(lookup_list, lookup);

struct resolver {
	struct event_base *base;
	struct server server[DNS_SERVERS_MAX];
	size_t count;
	int timeout_ms;
	struct event *starter;		/* active when a look-up may begin */
	struct lookup_list waiting, running;
	size_t running_count;
	bool is_closing;
};

static struct timeval from_ms(int ms)
{
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/* --- c-ares's sockets and timeouts, on the loop. --- */

/* To be called after everything that made c-ares move. */
static void set_timer(struct server *s)
{
	struct timeval after;

	if (ares_timeout(s->channel, NULL, &after))
		event_add(s->timer, &after);
	else
		event_del(s->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	ares_process_fd(s->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(s);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	ares_process_fd(s->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
			what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set_timer(s);
}

static void unwatch(struct server *s, ares_socket_t fd)
{
	struct watch *w;

	LIST_FOREACH(w, &s->watches, entry)
		if (event_get_fd(w->event) == fd)
			break;
	if (!w)
		return;
	LIST_REMOVE(w, entry);
	event_free(w->event);
	free(w);
}

static void watch_socket(void *arg, ares_socket_t fd, int readable,
			 int writable)
{
	struct server *s = arg;
	struct watch *w;
	short how = (short)(EV_PERSIST | (readable ? EV_READ : 0) |
			    (writable ? EV_WRITE : 0));

	unwatch(s, fd);
	if (!readable && !writable)
		return;
	w = xcalloc(1, sizeof(*w));
	w->event = event_new(s->base, fd, how, on_socket, s);
	if (!w->event)
		abort();	/* out of memory: the one cause there is */
	event_add(w->event, NULL);
	LIST_INSERT_HEAD(&s->watches, w, entry);
}

/* --- One look-up. --- */

size_t lookup_servers(const struct lookup *l)
{
	return l->resolver->count;
}

const char *lookup_server(const struct lookup *l, size_t i)
{
	return l->resolver->server[i].name;
}

static void fail_all(struct lookup *l, const char *problem)
{
	if (!l->answer)
		l->answer = xcalloc(1, l->kind->answer_size);
	l->kind->fail(l, problem);
}

static void lookup_free(struct lookup *l)
{
	if (l->deadline)
		event_free(l->deadline);
	free(l->answer);
	free(l->name);
	free(l);
}

static void give_answer(struct lookup *l)
{
	if (l->is_answered)
		return;
	l->is_answered = true;
	l->kind->give(l);
}

/* One thing less that holds the look-up; the last one ends it. */
static void settle(struct lookup *l)
{
	struct resolver *r = l->resolver;

	if (--l->open)
		return;
	give_answer(l);
	TAILQ_REMOVE(&r->running, l, entry);
	r->running_count--;
	lookup_free(l);
	if (!r->is_closing && !TAILQ_EMPTY(&r->waiting))
		event_active(r->starter, EV_TIMEOUT, 0);
}

static const struct {
	int status;
	const char *problem;
} problems[] = {
	{ ARES_ETIMEOUT,     "timeout" },
	{ ARES_ECONNREFUSED, "no connection to the server" },
	{ ARES_EBADNAME,     "not a name that DNS can carry" },
	{ ARES_EBADRESP,     "malformed answer" },
};

/*
 * A packet came, whatever c-ares makes of it, and speaks for itself; without
 * one there is only the status.
 */
static void on_reply(void *arg, int status, int timeouts,
		     unsigned char *packet, int len)
{
	struct lookup_query *q = arg;
	struct lookup *l = q->lookup;
	const char *problem = ares_strerror(status);

	(void)timeouts;
	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		if (problems[i].status == status)
			problem = problems[i].problem;
	if (packet)
		l->kind->take(q, packet, len);
	else
		l->kind->take_failure(q, problem);
	settle(l);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	give_answer(arg);	/* freed when c-ares lets go of it, too */
}

void lookup_ask(struct lookup *l, size_t server, int type, const char *name)
{
	struct lookup_query *q = &l->query[server][type == ns_t_aaaa];

	*q = (struct lookup_query){ .lookup = l, .server = server,
				    .type = type, .name = name };
	l->open++;
	ares_query(l->resolver->server[server].channel, name, ns_c_in, type,
		   on_reply, q);
}

static void lookup_start(struct lookup *l)
{
	struct resolver *r = l->resolver;
	struct timeval limit = from_ms(r->timeout_ms);

	fail_all(l, "timeout");	/* until better is known */
	l->deadline = evtimer_new(r->base, on_deadline, l);
	if (!l->deadline)
		abort();	/* out of memory: the one cause there is */
	event_add(l->deadline, &limit);
	TAILQ_INSERT_TAIL(&r->running, l, entry);
	r->running_count++;

	l->open = 1;		/* ours: a query may fail at once */
	for (size_t i = 0; i < r->count; i++)
		l->kind->ask(l, i);
	settle(l);
}

static void start_waiting(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	struct lookup *l;

	(void)fd;
	(void)what;
	while (r->running_count < RUNNING_MAX &&
	       (l = TAILQ_FIRST(&r->waiting))) {
		TAILQ_REMOVE(&r->waiting, l, entry);
		lookup_start(l);
	}
	for (size_t i = 0; i < r->count; i++)
		set_timer(&r->server[i]);
}

void lookup_wait(struct resolver *r, struct lookup *l)
{
	l->resolver = r;
	TAILQ_INSERT_TAIL(&r->waiting, l, entry);
	if (!r->is_closing)
		event_active(r->starter, EV_TIMEOUT, 0);
}

/* --- What one look-up for addresses asks, and takes. --- */

static void fail_addresses(struct lookup *l, const char *problem)
{
	struct dns_answer *answer = l->answer;

	answer->count = lookup_servers(l);
	for (size_t i = 0; i < answer->count; i++) {
		struct dns_view *view = &answer->view[i];

		snprintf(view->server, sizeof(view->server), "%s",
			 lookup_server(l, i));
		dns_addresses_fail(&view->a, problem);
		dns_addresses_fail(&view->aaaa, problem);
	}
}

static void ask_addresses(struct lookup *l, size_t server)
{
	lookup_ask(l, server, ns_t_a, l->name);
	lookup_ask(l, server, ns_t_aaaa, l->name);
}

static struct dns_addresses *part_of(const struct lookup_query *q)
{
	struct dns_answer *answer = q->lookup->answer;
	struct dns_view *view = &answer->view[q->server];

	return q->type == ns_t_a ? &view->a : &view->aaaa;
}

static void take_addresses(struct lookup_query *q, const unsigned char *packet,
			   int len)
{
	dns_packet_addresses(packet, len, q->type, part_of(q));
}

static void take_no_addresses(struct lookup_query *q, const char *problem)
{
	dns_addresses_fail(part_of(q), problem);
}

static void give_addresses(const struct lookup *l)
{
	l->done.addresses(l->answer, l->arg);
}

static const struct lookup_kind addresses = {
	.answer_size = sizeof(struct dns_answer),
	.fail = fail_addresses,
	.ask = ask_addresses,
	.take = take_addresses,
	.take_failure = take_no_addresses,
	.give = give_addresses,
};

void resolver_addresses(struct resolver *r, const char *name, dns_done *done,
			void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->kind = &addresses;
	l->name = xstrdup(name);
	l->done.addresses = done;
	l->arg = arg;
	lookup_wait(r, l);
}

/* --- Servers. --- */

static bool channel_init(struct server *s, int timeout_ms, struct err *err)
{
	struct ares_options options = {
		/* SERVFAIL is an answer that we want to see. */
		.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH |
			 ARES_FLAG_NOALIASES,
		.timeout = timeout_ms / FIRST_SHARE + 1,
		.tries = TRIES,
		.sock_state_cb = watch_socket,
		.sock_state_cb_data = s,
	};
	int status = ares_init_options(
		&s->channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			ARES_OPT_SOCK_STATE_CB | NO_CACHE);

	if (status == ARES_SUCCESS)
		return true;
	s->channel = NULL;
	return err_set(err, ERR_INTERNAL, "c-ares did not start: %s",
		       ares_strerror(status));
}

/* Both parts of "address", "address:port" or "[v6]:port", unjudged. */
static const char *split_server(const char *text, char address[static 64])
{
	const char *first = strchr(text, ':'), *port = strrchr(text, ':');
	int len = (int)strlen(text);

	if (text[0] == '[' && strchr(text, ']')) {
		port = strchr(text, ']') + 1;
		len = (int)(port - ++text) - 1;
	} else if (first && first == port) {
		len = (int)(port - text);
	} else {
		port = "";
	}
	snprintf(address, 64, "%.*s", len, text);
	return port;
}

/* To the form that c-ares takes. */
static bool parse_server(const char *text, struct ares_addr_port_node *node,
			 struct err *err)
{
	long number = NS_DEFAULTPORT;
	char address[64];
	const char *port = split_server(text, address);
	bool ok = !*port ||
		  (*port == ':' && str_to_long(port + 1, strlen(port + 1),
					       UINT16_MAX, &number) && number);

	*node = (struct ares_addr_port_node){
		.family = strchr(address, ':') ? AF_INET6 : AF_INET,
		.udp_port = (int)number, .tcp_port = (int)number,
	};
	if (ok && inet_pton(node->family, address, &node->addr) == 1)
		return true;
	err_set(err, ERR_INPUT, "\"%.100s\" is not a resolver's address", text);
	return err_hint(err, "write 192.0.2.1, 192.0.2.1:5353, 2001:db8::1 or "
			     "[2001:db8::1]:5353");
}

static void write_server(const struct ares_addr_port_node *node,
			 char out[static DNS_SERVER_TEXT])
{
	char address[DNS_ADDRESS_TEXT] = "";
	int port = node->udp_port ? node->udp_port : NS_DEFAULTPORT;

	inet_ntop(node->family, &node->addr, address, sizeof(address));
	snprintf(out, DNS_SERVER_TEXT,
		 node->family == AF_INET ? "%s:%d" : "[%s]:%d", address, port);
}

bool dns_server_normalise(const char *text, char out[static DNS_SERVER_TEXT],
			  struct err *err)
{
	struct ares_addr_port_node node;

	if (!parse_server(text, &node, err))
		return false;
	write_server(&node, out);
	return true;
}

static bool has_server(const struct resolver *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (streq(r->server[i].name, name))
			return true;
	return false;
}

static bool begin_server(struct resolver *r, struct ares_addr_port_node *node,
			 const char *name, struct err *err)
{
	struct server *s = &r->server[r->count++];
	int status;

	s->base = r->base;
	LIST_INIT(&s->watches);
	if (!channel_init(s, r->timeout_ms, err))
		return false;
	str_copy(s->name, sizeof(s->name), name);
	s->timer = evtimer_new(s->base, on_timer, s);
	status = ares_set_servers_ports(s->channel, node);
	if (s->timer && status == ARES_SUCCESS)
		return true;
	return err_set(err, ERR_INTERNAL, "c-ares refused the server %s: %s",
		       s->name, ares_strerror(status));
}

/* Two answers of one server would be no two voices. */
static bool add_server(struct resolver *r, const char *text, struct err *err)
{
	struct ares_addr_port_node node;
	char name[DNS_SERVER_TEXT];

	if (!parse_server(text, &node, err))
		return false;
	write_server(&node, name);
	return has_server(r, name) || begin_server(r, &node, name, err);
}

/* What c-ares finds in /etc/resolv.conf. */
static bool add_system_servers(struct resolver *r, struct err *err)
{
	struct ares_addr_port_node *list = NULL, *node;
	char text[DNS_SERVER_TEXT];
	ares_channel probe;
	bool ok = true;
	int status = ares_init(&probe);

	if (status == ARES_SUCCESS) {
		status = ares_get_servers_ports(probe, &list);
		ares_destroy(probe);
	}
	if (status != ARES_SUCCESS)
		return err_set(err, ERR_INTERNAL,
			       "c-ares did not find the system's resolvers: %s",
			       ares_strerror(status));
	for (node = list; ok && node && r->count < DNS_SERVERS_MAX;
	     node = node->next) {
		write_server(node, text);
		ok = add_server(r, text, err);
	}
	ares_free_data(list);
	return ok;
}

static bool add_servers(struct resolver *r, const char *const *servers,
			size_t count, struct err *err)
{
	if (!count)
		return add_system_servers(r, err);
	for (size_t i = 0; i < count; i++)
		if (!add_server(r, servers[i], err))
			return false;
	return true;
}

static int library_status;

static void init_library(void)
{
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/*
 * c-ares counts who began it, without a lock, and resolvers of several
 * threads come and go: it is begun once, and ends with the process.
 */
static bool begin_library(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_library);
	if (library_status == ARES_SUCCESS)
		return true;
	return err_set(err, ERR_INTERNAL, "c-ares did not start: %s",
		       ares_strerror(library_status));
}

struct resolver *resolver_new(struct loop *loop, const char *const *servers,
			      size_t count, int timeout_ms, struct err *err)
{
	struct resolver *r;

	assert(count <= DNS_SERVERS_MAX && timeout_ms > 0);
	if (!begin_library(err))
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->base = loop_base(loop);
	r->timeout_ms = timeout_ms;
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->running);
	r->starter = event_new(r->base, -1, 0, start_waiting, r);
	if (!r->starter)
		abort();	/* out of memory: the one cause there is */
	if (!add_servers(r, servers, count, err)) {
		resolver_free(r);
		return NULL;
	}
	return r;
}

bool resolver_is_idle(const struct resolver *r)
{
	return !r->running_count && TAILQ_EMPTY(&r->waiting);
}

/* c-ares calls back for what is still open, which frees the look-ups. */
static void server_release(struct server *s)
{
	if (s->channel)
		ares_destroy(s->channel);
	if (s->timer)
		event_free(s->timer);
}

void resolver_free(struct resolver *r)
{
	struct lookup *l;

	if (!r)
		return;
	r->is_closing = true;
	TAILQ_FOREACH(l, &r->running, entry) {
		if (!l->is_answered)
			fail_all(l, "stopped");
		give_answer(l);
	}
	while ((l = TAILQ_FIRST(&r->waiting))) {
		TAILQ_REMOVE(&r->waiting, l, entry);
		fail_all(l, "stopped");
		give_answer(l);
		lookup_free(l);
	}
	for (size_t i = 0; i < r->count; i++)
		server_release(&r->server[i]);
	event_free(r->starter);
	free(r);
}
