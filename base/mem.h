/*
 * Memory that cannot fail: running out of it aborts here and nowhere else.
 * What comes from outside is capped before it is allocated for (base/buf.h).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);		/* zeroed */
void *xrealloc_array(void *p, size_t count, size_t size);
char *xstrdup(const char *s);				/* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
void *xmemdup(const void *p, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
