/*
 * Listening sockets: "0.0.0.0:443", "[::]:443", "127.0.0.1:0".
 */
#ifndef HTTPD_LISTENER_H
#define HTTPD_LISTENER_H

#include "base/err.h"

#define LISTENER_ADDRESS_SIZE 64

/*
 * A bound, listening, non-blocking, close-on-exec socket, or -1. IPv6 sockets
 * are IPv6 only, so that both families can be listed side by side. A port in
 * use, one that needs a privilege, and an address of a family that the kernel
 * has not are ERR_REFUSED with the remedy as hint.
 */
int listener_bind(const char *address, struct err *err);

/* Has the kernel the family of that address? What is none is no matter of ours. */
bool listener_has_family(const char *address);

/* Do both name one address and port, however it is spelt? */
bool listener_is_same(const char *a, const char *b);

/* The port it is bound to: of use when port 0 was asked for. */
unsigned listener_port(int fd);

/* One that somebody else has made: as non-blocking as ours. */
bool listener_adopt(int fd, struct err *err);

/* Where it listens, as listener_bind() reads it; "" if that is no TCP. */
void listener_address(int fd, char out[static LISTENER_ADDRESS_SIZE]);

#endif
