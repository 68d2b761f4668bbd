/* Who has left while others waited, too, costs no handshake. */
#include "httpd/left.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "httpd/listener.h"
#include "httpd/server.h"
#include "tests/sim/hosted.h"
#include "tests/sim/httpd_count.h"
#include "tests/sim/scratch.h"
#include "tests/sim/tls_client.h"

#define A     "mta-sts.a.test"
#define FIRST LEFT_QUEUE
#define GONE  20
#define LAST  4

static struct hosted hosted;

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&hosted);
	return 0;
}

/* Its ClientHello is sent, and nobody is there yet. */
static void begin(struct tls_client *c, unsigned port)
{
	tls_client_init(c, port, A);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(SSL_connect(c->ssl), -1);
	assert_int_equal(SSL_get_error(c->ssl, -1), SSL_ERROR_WANT_READ);
}

static void finish(struct tls_client *c)
{
	fcntl(c->fd, F_SETFL, 0);
	assert_int_equal(tls_client_shake(c), 0);
}

/* By an end as by a reset. */
static void leave(struct tls_client *c, bool by_reset)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (by_reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once,
			   sizeof(at_once));
	tls_client_release(c);
}

static void who_has_left_is_not_worked_for(void **state)
{
	struct httpd_options o = {
		.state_dir = hosted.dir,
		.https_count = 1,
		.workers = 1,
		.max_connections = 100,
		.max_per_address = 100,
		.deadline_ms = 20000,
		.cache_bytes = 1 << 20,
	};
	struct tls_client first[FIRST], gone[GONE], last[LAST];
	struct httpd_counts counts;
	struct err err = ERR_INIT;
	struct httpd *httpd;

	(void)state;
	o.https_fds[0] = listener_bind("127.0.0.1:0", &err);
	o.https_port = listener_port(o.https_fds[0]);
	for (size_t i = 0; i < FIRST; i++)
		begin(&first[i], o.https_port);
	for (size_t i = 0; i < GONE; i++)
		begin(&gone[i], o.https_port);
	for (size_t i = 0; i < LAST; i++)
		begin(&last[i], o.https_port);
	for (size_t i = 0; i < GONE; i++)
		leave(&gone[i], i % 2);
	httpd = httpd_start(&o, &err);
	must(httpd, &err);

	assert_true(count_comes_to(httpd, COUNT(left), GONE));
	for (size_t i = 0; i < FIRST; i++)
		finish(&first[i]);
	for (size_t i = 0; i < LAST; i++)
		finish(&last[i]);
	assert_true(count_comes_to(httpd, COUNT(handshakes), FIRST + LAST));
	httpd_count(httpd, &counts);
	assert_int_equal(counts.connections, FIRST + GONE + LAST);
	assert_int_equal(counts.handshakes_failed, 0);
	for (size_t i = 0; i < FIRST; i++)
		tls_client_release(&first[i]);
	for (size_t i = 0; i < LAST; i++)
		tls_client_release(&last[i]);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	httpd_stop(httpd, 0);
}

static void what_is_no_connection_is_not_said_to_have_left(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	close(ends[1]);
	assert_false(left_already(ends[0]));
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_left_is_not_worked_for),
		cmocka_unit_test(
			what_is_no_connection_is_not_said_to_have_left),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
