/*
 * base/mailer.c against a small mail server on loopback, on the same loop.
 * STARTTLS and logins are in tests/e2e/test_alerts.py.
 */
#include "base/mailer.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/guarded.h"

/* ---- the server: what it says to each command ---- */

static struct server {
	struct evconnlistener *listener;
	unsigned port, open;
	const char *on, *reply; /* this, to the command that begins so */
	bool in_data;
	struct buf heard; /* commands and message, each line by \n */
} server;

static struct loop *loop;
static struct mailer *mailer;

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	server.open--;
	bufferevent_free(bev);
}

static const char *reply_to(const char *line)
{
	if (server.on && str_starts(line, server.on))
		return server.reply;
	if (str_starts(line, "EHLO"))
		return "250 mail.test\r\n";
	if (str_starts(line, "DATA"))
		return "354 go on\r\n";
	return "250 fine\r\n";
}

/* NULL: it hangs up. */
static const char *answer(const char *line)
{
	const char *reply = reply_to(line);

	if (!server.in_data) {
		server.in_data = streq(line, "DATA") && reply &&
				 str_starts(reply, "354");
		return reply;
	}
	server.in_data = !streq(line, ".");
	return server.in_data ? "" : reply;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	const char *reply;
	char *line;

	(void)arg;
	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT))) {
		buf_printf(&server.heard, "%s\n", line);
		reply = answer(line);
		free(line);
		if (!reply) {
			on_event(bev, BEV_EVENT_EOF, NULL);
			return;
		}
		bufferevent_write(bev, reply, strlen(reply));
	}
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *peer, int len, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(
		evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
	const char *hello = reply_to("HELLO");

	(void)peer;
	(void)len;
	(void)arg;
	server.open++;
	server.in_data = false;
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	if (str_starts(hello, "250"))
		hello = "220 mail.test\r\n";
	bufferevent_write(bev, hello, strlen(hello));
}

static int set_up(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct err err = ERR_INIT;

	(void)state;
	loop = loop_new(&err);
	server = (struct server){ .port = 0 };
	buf_init(&server.heard, 1 << 20);
	server.listener = evconnlistener_new_bind(
		loop_base(loop), on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
		(struct sockaddr *)&at, sizeof(at));
	assert_non_null(server.listener);
	getsockname(evconnlistener_get_fd(server.listener),
		    (struct sockaddr *)&at, &len);
	server.port = ntohs(at.sin_port);
	mailer = mailer_new(loop, &err);
	assert_non_null(mailer);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mailer_free(mailer);
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK); /* EOFs */
	assert_int_equal(server.open, 0);
	evconnlistener_free(server.listener);
	buf_release(&server.heard);
	loop_free(loop);
	return 0;
}

/* ---- one mail, and what came of it ---- */

static const struct mail mail = {
	.from = "box@mail.test",
	.to = { "a@example.org", "b@example.org" },
	.to_count = 2,
	.subject = "it is down",
	.id = "7.1@mail.test",
	.date = 1800000000,
	.text = "the first line\n.\nthe last one\n",
};

struct outcome {
	unsigned calls;
	struct err result;
};

static void on_done(const struct err *result, void *arg)
{
	struct outcome *o = arg;

	o->calls++;
	o->result = *result;
	loop_stop(loop);
}

static struct outcome send_to(unsigned port, const char *scheme, bool tls)
{
	struct outcome o = { .calls = 0 };
	char url[64];
	struct mail_server to = { .url = url,
				  .host = "box.mail.test",
				  .require_tls = tls,
				  .timeout_ms = 1500 };

	snprintf(url, sizeof(url), "%s127.0.0.1:%u", scheme, port);
	mail_send(mailer, &to, &mail, on_done, &o);
	assert_int_equal(o.calls, 0);
	guarded_run(loop);
	assert_int_equal(o.calls, 1);
	print_message("%s (%s)\n%.500s\n", o.result.text, o.result.hint,
		      server.heard.data);
	return o;
}

static void a_mail_arrives_whole(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) { /* and the next one as well */
		buf_clear(&server.heard);
		assert_int_equal(
			send_to(server.port, "smtp://", false).result.kind,
			ERR_NONE);
		assert_non_null(
			strstr(server.heard.data, "EHLO box.mail.test\n"));
		assert_non_null(
			strstr(server.heard.data, "MAIL FROM:<box@mail.test>"));
		assert_non_null(strstr(server.heard.data,
				       "RCPT TO:<a@example.org>\n"
				       "RCPT TO:<b@example.org>\nDATA\n"));
		assert_non_null(strstr(server.heard.data,
				       "\nthe first line\n..\n"
				       "the last one\n.\n"));
	}
}

static const struct {
	const char *on, *reply;
	enum err_kind kind;
	const char *says;
} replies[] = {
	{ "MAIL", "550 who are you\r\n", ERR_REFUSED, "550 who are you" },
	{ "RCPT", "550 no such user\r\n", ERR_REFUSED, "550 no such user" },
	{ "RCPT TO:<a@", "550 no such user\r\n", ERR_NONE, "" },
	{ "RCPT", "451 later\r\n", ERR_AGAIN, "451 later" },
	{ "DATA", "554 no\r\n", ERR_REFUSED, "554 no" },
	{ ".", "452 full\r\n", ERR_AGAIN, "452 full" },
	{ ".", "550 spam \033[1m\r\n", ERR_REFUSED, "550 spam \\x1b[1m" },
	{ "HELLO", "554 go away\r\n", ERR_REFUSED, "554 go away" },
	{ "HELLO", "HTTP/1.1 400 what\r\n\r\n", ERR_AGAIN, "127.0.0.1:" },
	{ "DATA", NULL, ERR_AGAIN, "127.0.0.1:" },
	{ ".", NULL, ERR_AGAIN, "127.0.0.1:" },
	{ ".", "", ERR_AGAIN, "no answer in time from 127.0.0.1:" },
	{ "QUIT", "", ERR_NONE, "" }, /* it has the mail */
};

static void what_the_server_says_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct outcome o;

		server.on = replies[i].on;
		server.reply = replies[i].reply;
		o = send_to(server.port, "smtp://", false);
		assert_int_equal(o.result.kind, replies[i].kind);
		assert_non_null(strstr(o.result.text, replies[i].says));
	}
}

static void tls_is_not_done_without(void **state)
{
	struct outcome o = send_to(server.port, "smtp://", true);

	(void)state;
	assert_int_equal(o.result.kind, ERR_REFUSED);
	assert_non_null(strstr(o.result.text, "offers no STARTTLS"));
	assert_null(strstr(server.heard.data, "MAIL"));
	o = send_to(server.port, "smtps://", false);
	assert_int_not_equal(o.result.kind, ERR_NONE);
}

static void nobody_listens(void **state)
{
	struct outcome o = send_to(1, "smtp://", false);

	(void)state;
	assert_int_equal(o.result.kind, ERR_AGAIN);
	assert_non_null(strstr(o.result.text, "could not connect"));
}

static void what_is_under_way_ends_with_it(void **state)
{
	struct mail_server to = { .url = "smtp://127.0.0.1:1",
				  .timeout_ms = 9000 };
	struct outcome o = { .calls = 0 };

	(void)state;
	mail_send(mailer, &to, &mail, on_done, &o);
	mailer_free(mailer);
	mailer = NULL;
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.result.kind, ERR_AGAIN);
}

/* ---- the message ---- */

static void the_header_is_right(void **state)
{
	char *text = mail_compose(&mail);

	(void)state;
	assert_string_equal(
		text, "From: mtastsd <box@mail.test>\r\n"
		      "To: a@example.org,\r\n b@example.org\r\n"
		      "Subject: it is down\r\n"
		      "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
		      "Message-ID: <7.1@mail.test>\r\n"
		      "Auto-Submitted: auto-generated\r\n"
		      "MIME-Version: 1.0\r\n"
		      "Content-Type: text/plain; charset=utf-8\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "the first line\r\n.\r\nthe last one\r\n");
	free(text);
}

static const struct {
	const char *text, *sent;
} texts[] = {
	{ "", "" },
	{ "plain\n", "plain\r\n" },
	{ "a=b \n c ", "a=3Db=20\r\n c=20" },
	{ "gr\303\274n", "gr=C3=BCn" },
	{ "\033[1mred\r\n", "?[1mred?\r\n" },
	{ "\377\200", "=FF=80" },
};

static const struct {
	const char *from, *host, *sent;
} senders[] = {
	{ "a@box", "box.example.org", "a@box.example.org" },
	{ "a@BOX", "box.example.org", "a@box.example.org" },
	{ "a@box", "", "a@box" }, /* not known */
	{ "a@box", "box", "a@box" },
	{ "a@localhost", "box.example.org", "a@localhost" },
	{ "a@bo", "box.example.org", "a@bo" },
	{ "a@example.org", "box.example.org", "a@example.org" },
};

static void a_sender_is_at_the_whole_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
		char *sent = mail_sender_at(senders[i].from, senders[i].host);

		assert_string_equal(sent, senders[i].sent);
		free(sent);
	}
}

static void any_text_can_be_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct mail m = mail;
		char *text;

		m.text = texts[i].text;
		text = mail_compose(&m);
		assert_string_equal(strstr(text, "\r\n\r\n") + 4,
				    texts[i].sent);
		free(text);
	}
}

static void no_line_is_too_long(void **state)
{
	char longest[2000];
	struct mail m = mail;
	size_t len = 0;
	char *text;

	(void)state;
	memset(longest, 0xc3, sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	m.text = longest;
	m.subject = "bad\r\nBcc: x@example.org";
	text = mail_compose(&m);
	for (const char *p = text; *p; p++) {
		len = *p == '\n' ? 0 : len + 1;
		assert_true(len <= 77);
	}
	assert_null(strstr(text, "\r\nBcc:"));
	free(text);
}

static const struct {
	const char *text;
	bool good;
} addresses[] = {
	{ "a@b", true },      { "a.b+c@example.org", true },
	{ "", false },	      { "a", false },
	{ "@b", false },      { "a@", false },
	{ "a@b@c", false },   { "a b@c", false },
	{ "<a@b>", false },   { "a@b\r\nX: y", false },
	{ "a@b,c@d", false }, { "\303\274@b", false },
};

static void addresses_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		assert_int_equal(mail_address_is_good(addresses[i].text),
				 addresses[i].good);
}

#define WITH_SERVER(test)                                                      \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_SERVER(a_mail_arrives_whole),
		WITH_SERVER(what_the_server_says_is_told),
		WITH_SERVER(tls_is_not_done_without),
		WITH_SERVER(nobody_listens),
		WITH_SERVER(what_is_under_way_ends_with_it),
		cmocka_unit_test(the_header_is_right),
		cmocka_unit_test(a_sender_is_at_the_whole_name),
		cmocka_unit_test(any_text_can_be_sent),
		cmocka_unit_test(no_line_is_too_long),
		cmocka_unit_test(addresses_are_checked),
	};

	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
