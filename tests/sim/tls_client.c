#include "tests/sim/tls_client.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/sim/scratch.h"

static unsigned own_last = 1;

void tls_client_be(unsigned last)
{
	own_last = last;
}

int tls_client_dial(unsigned port)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0x7f000000 |
							     own_last) };
	const struct timeval patience = { .tv_sec = 10 };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (own_last != 1)
		must(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0,
		     NULL);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

void tls_client_init(struct tls_client *c, unsigned port, const char *sni)
{
	c->ctx = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(c->ctx);
	c->fd = tls_client_dial(port);
	must(c->ssl && c->fd >= 0, NULL);
	SSL_set_fd(c->ssl, c->fd);
	if (sni)
		SSL_set_tlsext_host_name(c->ssl, sni);
}

void tls_client_release(struct tls_client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
	ERR_clear_error();
}

void tls_client_trust(struct tls_client *c, X509 *root, const char *host)
{
	X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ctx), root);
	if (!host)
		return;
	SSL_set1_host(c->ssl, host);
	SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
}

int tls_client_shake(struct tls_client *c)
{
	unsigned long e;

	if (SSL_connect(c->ssl) == 1)
		return 0;
	e = ERR_get_error();
	return ERR_GET_REASON(e) - SSL_AD_REASON_OFFSET;
}

void tls_client_say(struct tls_client *c, const char *text)
{
	must(SSL_write(c->ssl, text, (int)strlen(text)) > 0, NULL);
}

char *tls_client_hear(struct tls_client *c, const char *until)
{
	char *text = xcalloc(1, 65536);
	size_t len = 0;
	int n;

	while ((!until || !strstr(text, until)) && len < 60000 &&
	       (n = SSL_read(c->ssl, text + len, 4096)) > 0)
		len += (size_t)n;
	return text;
}
