/*
 * Peers that gave up before they were accepted. Where more come than can be
 * answered in time, nearly all have left by the time it is their turn, and a
 * signature for each of them is time that the others then wait, too: nobody
 * would be answered any more. No allocation.
 */
#ifndef HTTPD_LEFT_H
#define HTTPD_LEFT_H

#include <stdbool.h>

/* So many are accepted in one turn of the loop before it is worth a look. */
#define LEFT_QUEUE 4

/*
 * Will nothing more come on this connection, or is it broken off? Who asks by
 * TLS cannot finish a handshake then. False if that cannot be told.
 */
bool left_already(int fd);

#endif
