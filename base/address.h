/*
 * Which IP addresses are the public Internet's: what strangers' names lead to
 * must not take us to our own machine or network.
 *
 * No I/O. Any thread.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>

/* False for those of networks with another purpose, and for what is none. */
bool address_is_public(const char *text);

#endif
