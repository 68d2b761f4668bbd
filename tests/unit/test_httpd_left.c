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
#include "httpd/server.h"
#include "tests/sim/hosted.h"
#include "tests/sim/httpd_count.h"
#include "tests/sim/served.h"
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
	struct httpd_options o = served_usual(hosted.dir);
	struct tls_client first[FIRST], gone[GONE], last[LAST];
	struct httpd_counts counts;
	struct httpd *httpd;
	unsigned port;

	(void)state;
	o.workers = 1;
	served_bind(&o, &port, NULL);
	for (size_t i = 0; i < FIRST; i++)
		begin(&first[i], port);
	for (size_t i = 0; i < GONE; i++)
		begin(&gone[i], port);
	for (size_t i = 0; i < LAST; i++)
		begin(&last[i], port);
	for (size_t i = 0; i < GONE; i++)
		leave(&gone[i], i % 2);
	httpd = served_start(&o, &port, NULL);

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
