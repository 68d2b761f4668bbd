/*
 * Outgoing port 25. Only the look before `policy enforce` needs it; where a
 * provider closes it, that look finds nothing out. A mail server that is there
 * in any case is that of the contact address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/dns.h"
#include "base/loop.h"
#include "base/str.h"
#include "cli/doctor.h"
#include "cli/say.h"

#define DNS_MS	   2000
#define CONNECT_MS 3000

struct mail {
	struct loop *loop;
	struct resolver *resolver;
	char host[DNS_NAME_TEXT];
	char address[DNS_ADDRESS_TEXT]; /* IPv4, public; or "" */
};

static void on_addresses(const struct dns_answer *answer, void *arg)
{
	struct mail *m = arg;

	for (size_t i = 0; i < answer->count; i++)
		for (size_t j = 0; j < answer->view[i].a.count; j++)
			if (address_is_public(answer->view[i].a.address[j]))
				str_copy(m->address, sizeof(m->address),
					 answer->view[i].a.address[j]);
	loop_stop(m->loop);
}

static void on_mx(const struct dns_records_answer *answer, void *arg)
{
	struct mail *m = arg;

	for (size_t i = 0; i < answer->count; i++)
		if (answer->view[i].outcome == DNS_FOUND)
			str_copy(m->host, sizeof(m->host),
				 answer->view[i].record[0].text);
	if (*m->host)
		resolver_addresses(m->resolver, m->host, on_addresses, m);
	else
		loop_stop(m->loop);
}

static void find_server(const struct doctor_box *box, const char *domain,
			struct mail *m)
{
	const json_t *list = value_at(box->facts, "resolvers"), *one;
	const char *servers[DNS_SERVERS_MAX];
	struct err ignored = ERR_INIT;
	size_t i, n = 0;

	json_array_foreach(list, i, one)
	{
		if (n < DNS_SERVERS_MAX)
			servers[n++] = json_string_value(one);
	}
	m->loop = loop_new(&ignored);
	if (m->loop)
		m->resolver = resolver_new(m->loop, servers, n, DNS_MS,
					   &ignored);
	if (m->resolver) {
		resolver_records(m->resolver, domain, DNS_MX, on_mx, m);
		loop_run(m->loop);
	}
	resolver_free(m->resolver);
	loop_free(m->loop);
}

/* 0, or why not. It is closed at once: nothing is said there. */
static int connect_to(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(25) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd done = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int why = ETIMEDOUT;

	if (fd < 0)
		return errno;
	inet_pton(AF_INET, address, &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS)
		why = errno;
	else if (poll(&done, 1, CONNECT_MS) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len);
	close(fd);
	return why;
}

void doctor_mail(const struct doctor_box *box, struct doctor_notes *n)
{
	const char *at = strchr(text_at(box->facts, "contact"), '@');
	struct mail m = { .host = "" };
	int why;

	if (!doctor_knows_config(box, n))
		return;
	if (at)
		find_server(box, at + 1, &m);
	if (!*m.address) {
		doctor_say(n, DOCTOR_UNSEEN, "mail.untried",
			   "no mail server was found to try it with%s%s",
			   at ? ": none of " : "", at ? at + 1 : "");
		return;
	}
	why = connect_to(m.address);
	if (!why)
		return;
	doctor_say(n, DOCTOR_NOTE, "mail.closed",
		   "port 25 of %s (%s) cannot be connected to: %s", m.host,
		   m.address, strerror(why));
	doctor_hint(n, "if the provider closes port 25, the look before policy "
		       "enforce cannot test mail hosts: have it opened");
}
