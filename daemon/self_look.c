#include "daemon/self_look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/domain_name.h"

#define WHERE_SIZE 64

struct self_look {
	struct loop *loop;
	SSL_CTX *tls;
	const struct proxies *proxies;
	struct bufferevent *bev;	/* NULL: it could not begin */
	struct event *late;
	struct err problem;
	char where[WHERE_SIZE];
	char host[DOMAIN_NAME_SIZE];
	self_look_done *done;
	void *arg;
};

static void look_free(struct self_look *look)
{
	if (look->bev)
		bufferevent_free(look->bev);
	if (look->late)
		event_free(look->late);
	free(look);
}

void self_look_stop(struct self_look *look)
{
	if (look)
		look_free(look);
}

static void finish(struct self_look *look, const char *serial)
{
	self_look_done *done = look->done;
	struct err problem = look->problem;
	void *arg = look->arg;

	look_free(look);
	done(serial, serial ? NULL : &problem, arg);
}

/* As store/cert.h has it: lower-case hex. The caller frees; NULL: none. */
static char *serial_of(SSL *ssl)
{
	X509 *leaf = SSL_get1_peer_certificate(ssl);
	BIGNUM *n = leaf ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf),
					      NULL) : NULL;
	char *hex = n ? BN_bn2hex(n) : NULL, *serial = xstrdup(hex);

	if (serial)
		str_lower(serial);
	OPENSSL_free(hex);
	BN_free(n);
	X509_free(leaf);
	return serial;
}

static void say_why(struct self_look *look)
{
	unsigned long code = bufferevent_get_openssl_error(look->bev);
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (reason)
		err_set(&look->problem, ERR_AGAIN, "%s: TLS: %s", look->where,
			reason);
	else if (errno)
		err_sys(&look->problem, "%s", look->where);
	else
		err_set(&look->problem, ERR_AGAIN,
			"%s ended the connection", look->where);
}

static void on_shaken(struct bufferevent *bev, short what, void *arg)
{
	struct self_look *look = arg;
	char *serial = NULL;

	if (what & BEV_EVENT_CONNECTED)
		serial = serial_of(bufferevent_openssl_get_ssl(bev));
	else
		say_why(look);
	finish(look, serial);
	free(serial);
}

/* It took too long, or it never began. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct self_look *look = arg;

	(void)fd;
	(void)what;
	if (look->problem.kind == ERR_NONE)
		err_set(&look->problem, ERR_AGAIN, "%s does not answer in time",
			look->where);
	finish(look, NULL);
}

static bool parse_place(const char *listener, struct sockaddr_storage *at,
			int *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)at;

	*len = sizeof(*at);
	if (evutil_parse_sockaddr_port(listener, (struct sockaddr *)at, len))
		return false;
	if (at->ss_family == AF_INET && v4->sin_addr.s_addr == INADDR_ANY)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (at->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		v6->sin6_addr = in6addr_loopback;
	return true;
}

SSL_CTX *self_look_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls)
		abort();	/* out of memory */
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	return tls;
}

static SSL *make_ssl(SSL_CTX *tls, const char *host)
{
	SSL *ssl = SSL_new(tls);

	if (!ssl)
		abort();	/* out of memory */
	SSL_set_tlsext_host_name(ssl, host);
	return ssl;
}

static bool wrap(struct self_look *look, evutil_socket_t fd)
{
	look->bev = bufferevent_openssl_socket_new(
		loop_base(look->loop), fd, make_ssl(look->tls, look->host),
		BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!look->bev) {
		evutil_closesocket(fd);
		return err_set(&look->problem, ERR_AGAIN, "no room for a look");
	}
	bufferevent_openssl_set_allow_dirty_shutdown(look->bev, 1);
	bufferevent_setcb(look->bev, NULL, NULL, on_shaken, look);
	return true;
}

/* From where a proxy may be, we have to be one. */
static bool say_for_whom(const struct self_look *look, evutil_socket_t fd)
{
	static const char unknown[] = "PROXY UNKNOWN\r\n";
	const ssize_t len = sizeof(unknown) - 1;
	struct sockaddr_storage own = { 0 };
	socklen_t size = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		return false;
	if (!proxies_have(look->proxies, (struct sockaddr *)&own))
		return true;
	return send(fd, unknown, (size_t)len, MSG_NOSIGNAL) == len;
}

static void on_connected(struct bufferevent *bev, short what, void *arg)
{
	struct self_look *look = arg;
	evutil_socket_t fd = bufferevent_getfd(bev);

	if (!(what & BEV_EVENT_CONNECTED) || !say_for_whom(look, fd)) {
		err_sys(&look->problem, "%s", look->where);
		finish(look, NULL);
		return;
	}
	bufferevent_setfd(bev, -1);
	bufferevent_free(bev);
	if (!wrap(look, fd))
		finish(look, NULL);
}

static bool begin(struct self_look *look, const char *listener)
{
	struct sockaddr_storage at;
	int len;

	if (!parse_place(listener, &at, &len))
		return err_set(&look->problem, ERR_INTERNAL,
			       "%s is no address", listener);
	look->bev = bufferevent_socket_new(loop_base(look->loop), -1,
					   BEV_OPT_CLOSE_ON_FREE |
						   BEV_OPT_DEFER_CALLBACKS);
	if (!look->bev)
		return err_set(&look->problem, ERR_AGAIN, "no room for a look");
	bufferevent_setcb(look->bev, NULL, NULL, on_connected, look);
	if (bufferevent_socket_connect(look->bev, (struct sockaddr *)&at, len))
		return err_sys(&look->problem, "%s", look->where);
	return true;
}

struct self_look *self_look_start(const struct self_look_options *o,
				  self_look_done *done, void *arg)
{
	struct self_look *look = xcalloc(1, sizeof(*look));
	struct timeval late = { o->timeout_ms / 1000,
				o->timeout_ms % 1000 * 1000 };

	look->loop = o->loop;
	look->tls = o->tls;
	look->proxies = o->proxies;
	look->done = done;
	look->arg = arg;
	snprintf(look->where, sizeof(look->where), "%s", o->listener);
	snprintf(look->host, sizeof(look->host), "%s", o->host);
	look->late = evtimer_new(loop_base(o->loop), on_late, look);
	if (!look->late)
		abort();	/* out of memory */
	if (!begin(look, o->listener))
		late = (struct timeval){ 0 };
	event_add(look->late, &late);
	return look;
}
