/*
 * The clock that nobody sets: how long something takes, and until when it may.
 * What happens when is told by clocks that are passed in.
 */
#ifndef BASE_STEADY_H
#define BASE_STEADY_H

#include <stdint.h>

/* Milliseconds since some moment. Any thread. */
int64_t steady_ms(void);

#endif
