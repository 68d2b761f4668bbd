/*
 * Listening sockets: "0.0.0.0:443", "[::]:443", "127.0.0.1:0".
 */
#ifndef HTTPD_LISTENER_H
#define HTTPD_LISTENER_H

#include "base/err.h"

/*
 * A bound, listening, non-blocking, close-on-exec socket, or -1. IPv6 sockets
 * are IPv6 only, so that both families can be listed side by side. A port in
 * use or one that needs a privilege is ERR_REFUSED with the remedy as hint.
 */
int listener_bind(const char *address, struct err *err);

/* The port it is bound to: of use when port 0 was asked for. */
unsigned listener_port(int fd);

#endif
