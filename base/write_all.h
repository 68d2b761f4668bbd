/* To a descriptor, whole: a write that is cut short or interrupted goes on. */
#ifndef BASE_WRITE_ALL_H
#define BASE_WRITE_ALL_H

#include <stdbool.h>
#include <stddef.h>

/* False: errno says why; some of it may have been written. */
bool write_all(int fd, const void *data, size_t len);

#endif
