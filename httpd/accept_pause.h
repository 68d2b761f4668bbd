/*
 * What a listener does when accept() fails: most likely the process is out
 * of descriptors, and libevent would try again at once, for ever. Here it
 * pauses for a tenth of a second. What waits stays in the kernel's queue.
 */
#ifndef HTTPD_ACCEPT_PAUSE_H
#define HTTPD_ACCEPT_PAUSE_H

#include <event2/listener.h>

/* The listener must not be freed while its loop runs. Its own thread. */
void accept_pause_on_error(struct evconnlistener *listener);

#endif
