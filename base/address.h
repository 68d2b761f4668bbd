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

/* This machine, and nobody else: 127.0.0.0/8 or ::1. */
bool address_is_loopback(const char *text);

#endif
